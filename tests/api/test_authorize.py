"""Who calls: every reason for which a token is refused, and what a caller may touch."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.requests import Request

from fieldserve.api.authorize import authorize
from fieldserve.operations.applications import WithSecret, disable_application, revoke_authorization
from fieldserve.operations.run import Caller, Context
from fieldserve.operations.tokens import create_restricted_data_token, issue, revoke_token
from fieldserve.store import sellers
from fieldserve.store.engine import Database
from fieldserve.store.sellers import Seller
from fieldserve.wire.errors import ApiError
from fieldserve.wire.operations import BY_ID, ROLE
from fieldserve.wire.tokens import ClientGrant, RefreshGrant
from tests.access import CA, DE, JP, NOW, OPERATOR, US, SetClock, an_application, authorized, opened

GET_JOB = BY_ID["getServiceJobByServiceJobId"]


@pytest.fixture
def database_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """SQLite only: the statements run on both databases in tests/store, and whole flows in test_secrets.py."""
    return f"sqlite:///{shutil.copyfile(migrated_sqlite, tmp_path / 'fieldserve.db')}"


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
async def context(database: Database, clock: SetClock) -> AsyncIterator[Context]:
    async with opened(database, clock) as context:
        yield context


@pytest.fixture
async def application(context: Context) -> WithSecret:
    return await an_application(context)


async def an_access_token(context: Context, application: WithSecret, **grant: object) -> str:
    authorization = await authorized(context, application, **grant)
    grantor = RefreshGrant(authorization.refresh_token)
    answer = await issue(context, application.application.client_id, application.client_secret, grantor)
    return answer.access_token


def request(
    token: str | None, host: str = "127.0.0.1:8080", method: str = "GET", path: str = "/service/v1/serviceJobs/J1"
) -> Request:
    headers = [(b"host", host.encode())]
    if token is not None:
        headers.append((b"x-amz-access-token", token.encode("latin-1")))
    return Request({"type": "http", "method": method, "path": path, "headers": headers})


async def reason(context: Context, asked: Request) -> str:
    """Why it is refused; checks that status, code and message are those of every refusal."""
    with pytest.raises(ApiError) as caught:
        await authorize(context, asked.scope)
    (fault,) = caught.value.faults
    assert (caught.value.status, fault.code) == (403, "Unauthorized")
    assert fault.message == "Access to requested resource is denied."
    return fault.details or ""


class TestRefused:
    @pytest.mark.parametrize("token", [None, "", "  "])
    async def test_anonymous(self, context: Context, token: str | None) -> None:
        """A request without a token is told so."""
        assert "missing" in await reason(context, request(token))

    @pytest.mark.parametrize("token", ["x", "Bearer Atza|x", "Atzr|x", "atza|x", "Atza|" + "x" * 2_044])
    async def test_malformed(self, context: Context, token: str) -> None:
        """What does not look like an access token is not looked up."""
        assert "malformed" in await reason(context, request(token))

    @pytest.mark.parametrize("token", ["Atza|x", "Atza|", "Atz.sprdt|x", "Atza|\xe9\xff'; --"])
    async def test_unknown(self, context: Context, token: str) -> None:
        """What nobody issued is not known, whatever it holds."""
        assert "not known" in await reason(context, request(token))

    async def test_expired(self, context: Context, application: WithSecret, clock: SetClock) -> None:
        """A token is good for 3,600 seconds, and not for a microsecond more."""
        token = await an_access_token(context, application)
        clock.instant = NOW + 3_600_000_000 - 1
        await authorize(context, request(token).scope)
        clock.instant += 1
        assert await reason(context, request(token)) == "The access token you provided has expired."

    @pytest.mark.parametrize("what", ["token", "authorization", "application"])
    async def test_revoked(self, context: Context, application: WithSecret, clock: SetClock, what: str) -> None:
        """A token is refused from the moment that it, its authorization or its application is."""
        token = await an_access_token(context, application)
        caller = await authorize(context, request(token).scope)
        match what:
            case "token":
                await revoke_token(context, token)
            case "authorization":
                await revoke_authorization(context, OPERATOR, caller.authorization_id)
            case "application":
                await disable_application(context, OPERATOR, caller.application_id)
        assert "revoked" in await reason(context, request(token))
        clock.pass_seconds(4_000)
        assert "revoked" in await reason(context, request(token))

    async def test_grantless(self, context: Context, application: WithSecret) -> None:
        """A token for a scope reads no seller's jobs."""
        grant = ClientGrant(("sellingpartnerapi::notifications",))
        answer = await issue(context, application.application.client_id, application.client_secret, grant)
        assert "no seller" in await reason(context, request(answer.access_token))

    async def test_role(self, context: Context) -> None:
        """The application and the authorization must both have the role."""
        other = await an_application(context, roles=["Pricing"])
        assert f'lacks the role "{ROLE}"' in await reason(context, request(await an_access_token(context, other)))
        both = await an_application(context, roles=["Pricing", ROLE])
        token = await an_access_token(context, both, roles=["Pricing"])
        assert f'lacks the role "{ROLE}"' in await reason(context, request(token))

    async def test_region_of_host(self, context: Context, application: WithSecret) -> None:
        """An authorization for the US is nothing on the hosts of Europe."""
        token = await an_access_token(context, application, marketplaces=[US])
        assert "region (EU)" in await reason(context, request(token, "sellingpartnerapi-eu.amazon.com"))

    async def test_region_not_served(self, database: Database, clock: SetClock) -> None:
        """A server configured for Europe serves neither the hosts nor the marketplaces of America."""
        async with opened(database, clock, regions=("EU",)) as context:
            application = await an_application(context)
            token = await an_access_token(context, application, marketplaces=[US])
            assert "does not serve" in await reason(context, request(token, "sellingpartnerapi-na.amazon.com"))
            assert "region (EU)" in await reason(context, request(token))


class TestCaller:
    async def test_whole(self, context: Context, application: WithSecret) -> None:
        """The caller is all that the authorization says."""
        plan = {"getServiceJobs": (0.5, 3)}
        token = await an_access_token(context, application, stores=["st1"], marketplaces=[US, DE], usage_plan=plan)
        caller = await authorize(context, request(token).scope, "r-7")
        application_id = application.application.application_id
        assert caller == Caller(
            seller_id="S1",
            application_id=application_id,
            authorization_id=caller.authorization_id,
            marketplaces=frozenset({US, DE}),
            stores=frozenset({"st1"}),
            roles=frozenset({ROLE}),
            usage_plan=plan,
            actor=f"application:{application_id}",
            request_id="r-7",
        )

    @pytest.mark.parametrize(
        ("host", "expected"),
        [
            ("127.0.0.1", {US, CA, DE}),
            ("sellingpartnerapi-na.amazon.com", {US, CA}),
            ("sandbox.sellingpartnerapi-eu.amazon.com", {DE}),
            ("fieldserve-eu.example.com:8443", {DE}),
        ],
    )
    async def test_marketplaces_of_host(
        self, context: Context, application: WithSecret, host: str, expected: set[str]
    ) -> None:
        """A host with a region sees that region's marketplaces only."""
        token = await an_access_token(context, application)
        assert (await authorize(context, request(token, host).scope)).marketplaces == expected

    async def test_marketplaces_of_configured_regions(self, database: Database, clock: SetClock) -> None:
        """A host without a region sees those of the regions that the server is configured for."""
        async with opened(database, clock, regions=("EU", "FE")) as context:
            token = await an_access_token(context, await an_application(context))
            assert (await authorize(context, request(token).scope)).marketplaces == {DE}

    async def test_marketplaces_of_the_seller(self, context: Context, application: WithSecret) -> None:
        """What the seller no longer takes part in is left out, though it was authorized."""
        seller = Seller("S3", "Three", frozenset({JP, US}), 0)
        await context.database.write(lambda c: sellers.add(c, seller))
        token = await an_access_token(context, application, seller_id="S3")
        left = f'["{US}"]'
        await context.database.write(
            lambda c: c.execute("UPDATE sellers SET marketplaces = $1 WHERE seller_id = 'S3'", left)
        )
        assert (await authorize(context, request(token).scope)).marketplaces == {US}


class TestRestricted:
    async def a_token(self, context: Context, application: WithSecret, *resources: tuple[str, str]) -> str:
        token = await an_access_token(context, application)
        caller = await authorize(context, request(token).scope)
        return await create_restricted_data_token(context, caller, resources)

    async def test_covers_what_it_names(self, context: Context, application: WithSecret) -> None:
        """A generic path covers every id, a specific one only its own; the caller is the same otherwise."""
        generic = await self.a_token(context, application, ("GET", "/service/v1/serviceJobs/{serviceJobId}"))
        caller = await authorize(context, request(generic).scope)
        assert (caller.seller_id, caller.marketplaces) == ("S1", frozenset({US, CA, DE}))
        specific = await self.a_token(context, application, ("GET", "/a"), ("GET", "/service/v1/serviceJobs/J1"))
        await authorize(context, request(specific).scope)
        assert "cover" in await reason(context, request(specific, path="/service/v1/serviceJobs/J2"))

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("PUT", "/service/v1/serviceJobs/J1"),
            ("GET", "/service/v1/serviceJobs"),
            ("GET", "/service/v1/serviceJobs/"),
            ("GET", "/service/v1/serviceJobs/J1/appointmentSlots"),
            ("POST", "/tokens/2021-03-01/restrictedDataToken"),
        ],
    )
    async def test_covers_nothing_else(self, context: Context, application: WithSecret, method: str, path: str) -> None:
        """Another method or another path is not covered, nor is a new token of the kind."""
        token = await self.a_token(context, application, ("GET", "/service/v1/serviceJobs/{serviceJobId}"))
        assert "cover" in await reason(context, request(token, method=method, path=path))

    async def test_goes_with_the_authorization(
        self, context: Context, application: WithSecret, clock: SetClock
    ) -> None:
        """It expires after an hour and is revoked with the authorization."""
        path = "/service/v1/serviceJobs/{serviceJobId}"
        token = await self.a_token(context, application, ("GET", path))
        caller = await authorize(context, request(token).scope)
        clock.pass_seconds(3_600)
        assert "expired" in await reason(context, request(token))
        await revoke_authorization(context, OPERATOR, caller.authorization_id)
        assert "revoked" in await reason(context, request(token))

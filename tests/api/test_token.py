"""POST /auth/o2/token, as clients of Login with Amazon use it."""

import asyncio
import base64
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sp_api.auth._core import build_auth_code_request_body, build_grantless_data, build_refresh_token_data

from fieldserve.operations.applications import WithSecret, disable_application, revoke_authorization, rotate_secret
from fieldserve.operations.run import Context
from fieldserve.operations.tokens import authenticate, revoke_token
from fieldserve.store import tokens
from fieldserve.store.engine import Database
from fieldserve.store.tokens import Token, hash_of
from fieldserve.wire.tokens import CATALOGUE, INVALID_CLIENT
from tests.access import CALLBACK, NOW, OPERATOR, SECOND, SetClock, an_application, authorized, client, opened

SCOPE = "sellingpartnerapi::notifications"


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


@pytest.fixture
async def http(context: Context) -> AsyncIterator[httpx2.AsyncClient]:
    async with client(context) as http:
        yield http


def credentials(application: WithSecret, **more: str) -> dict[str, str]:
    identity = {"client_id": application.application.client_id, "client_secret": application.client_secret}
    return identity | more


async def post(http: httpx2.AsyncClient, **fields: str) -> httpx2.Response:
    return await http.post("/auth/o2/token", data=fields)


def refused(answer: httpx2.Response, status: int, error: str, words: str = "") -> None:
    """The answer is that error, in RFC 6749's form, and nobody keeps it."""
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json().keys() == {"error", "error_description"}
    assert words in answer.json()["error_description"]
    assert answer.headers["cache-control"] == "no-store"


class TestRefreshToken:
    async def test_anonymous(self, http: httpx2.AsyncClient) -> None:
        """Without a client id nothing is answered but what is missing."""
        answer = await post(http, grant_type="refresh_token", refresh_token="Atzr|x")
        refused(answer, 400, "invalid_request", "client_id")

    async def test_success(self, http: httpx2.AsyncClient, context: Context, application: WithSecret) -> None:
        """The answer has the form of Login with Amazon's, and its token stands for the authorization."""
        grant = await authorized(context, application)
        fields = credentials(application, grant_type="refresh_token", refresh_token=grant.refresh_token)
        answer = await post(http, **fields)
        assert answer.status_code == 200
        body = answer.json()
        access_token = body.pop("access_token")
        assert body == {"token_type": "bearer", "expires_in": 3600, "refresh_token": grant.refresh_token}
        assert access_token.startswith("Atza|")
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-amzn-requestid"]
        access = await authenticate(context, access_token, NOW)
        assert access is not None
        assert (access.seller_id, access.expires_at) == ("S1", NOW + 3600 * SECOND)

    async def test_as_a_well_known_client_asks(
        self, http: httpx2.AsyncClient, context: Context, application: WithSecret
    ) -> None:
        """The body and Content-Type of python-amazon-sp-api are understood."""
        grant = await authorized(context, application)

        class Credentials:
            client_id, client_secret = application.application.client_id, application.client_secret
            refresh_token = grant.refresh_token

        kind = {"content-type": "application/x-www-form-urlencoded;charset=UTF-8"}
        for body in (
            build_refresh_token_data(Credentials, "refresh_token"),
            build_grantless_data(Credentials, SCOPE),
        ):
            assert (await http.post("/auth/o2/token", data=body, headers=kind)).status_code == 200
        code = await http.post("/auth/o2/token", data=build_auth_code_request_body(Credentials, "x"), headers=kind)
        refused(code, 400, "invalid_grant", "code")

    async def test_stays_good(self, http: httpx2.AsyncClient, context: Context, application: WithSecret) -> None:
        """A refresh token works again and again, each time for a token of its own."""
        grant = await authorized(context, application)
        fields = credentials(application, grant_type="refresh_token", refresh_token=grant.refresh_token)
        issued = {(await post(http, **fields)).json()["access_token"] for _ in range(3)}
        assert len(issued) == 3

    async def test_json_body(self, http: httpx2.AsyncClient, context: Context, application: WithSecret) -> None:
        """Some clients send JSON; members that are unknown or no texts are ignored."""
        grant = await authorized(context, application)
        fields = credentials(application, grant_type="refresh_token", refresh_token=grant.refresh_token)
        body: dict[str, Any] = {**fields, "extra": {"a": 1}}
        assert (await http.post("/auth/o2/token", json=body)).status_code == 200

    @pytest.mark.parametrize("case", ["unknown", "access", "revoked", "authorization", "expired", "another's", "odd"])
    async def test_not_good(
        self,
        http: httpx2.AsyncClient,
        context: Context,
        application: WithSecret,
        clock: SetClock,
        case: str,
    ) -> None:
        """Whatever is wrong with a refresh token, the answer is the same."""
        grant = await authorized(context, application)
        presented, who = grant.refresh_token, application
        match case:
            case "unknown":
                presented = "Atzr|" + "x" * 43
            case "access":
                fields = credentials(application, grant_type="refresh_token", refresh_token=presented)
                presented = (await post(http, **fields)).json()["access_token"]
            case "revoked":
                await revoke_token(context, presented)
            case "authorization":
                await revoke_authorization(context, OPERATOR, grant.authorization.authorization_id)
            case "expired":
                presented = "Atzr|short"
                ends = clock.now() + SECOND
                identity, owner = grant.authorization.authorization_id, grant.authorization.application_id
                row = Token(hash_of(presented), "REFRESH", owner, identity, clock.now(), ends)
                await context.database.write(lambda c: tokens.add(c, row))
                clock.pass_seconds(1)
            case "another's":
                who = await an_application(context)
            case "odd":
                presented = "é¿"
        answer = await post(http, **credentials(who, grant_type="refresh_token", refresh_token=presented))
        refused(answer, 400, "invalid_grant", "refresh_token")


class TestClientAuthentication:
    async def test_basic(self, http: httpx2.AsyncClient, application: WithSecret) -> None:
        """Credentials may come in the Authorization header, percent-encoded or not, with client_id in the body, too."""
        identity = application.application.client_id
        for name in (identity, identity.replace(".", "%2E")):
            header = "bAsIc " + base64.b64encode(f"{name}:{application.client_secret}".encode()).decode()
            for more in ({}, {"client_id": identity}):
                answer = await http.post(
                    "/auth/o2/token",
                    data={"grant_type": "client_credentials", "scope": SCOPE, **more},
                    headers={"authorization": header},
                )
                assert answer.status_code == 200

    async def test_both_ways_at_once(self, http: httpx2.AsyncClient, application: WithSecret) -> None:
        """RFC 6749 forbids two ways in one request; so does another client_id in the body."""
        auth = (application.application.client_id, application.client_secret)
        for more in (credentials(application), {"client_id": "another"}):
            fields = {"grant_type": "client_credentials", "scope": SCOPE, **more}
            refused(await http.post("/auth/o2/token", data=fields, auth=auth), 400, "invalid_request", "one way")

    @pytest.mark.parametrize("header", ["Basic !!!", "Basic " + base64.b64encode(b"\xff:\xff").decode(), "Basic"])
    async def test_broken_header(self, http: httpx2.AsyncClient, header: str) -> None:
        """A header that cannot be read authenticates nobody, and the answer says which scheme would."""
        fields = {"grant_type": "client_credentials", "scope": SCOPE}
        answer = await http.post("/auth/o2/token", data=fields, headers={"authorization": header})
        refused(answer, 401, "invalid_client")
        assert answer.headers["www-authenticate"].startswith("Basic ")

    @pytest.mark.parametrize("case", ["wrong", "unknown", "disabled", "rotated", "empty"])
    async def test_not_itself(
        self, http: httpx2.AsyncClient, context: Context, application: WithSecret, case: str
    ) -> None:
        """A wrong secret, an unknown client, a disabled one and a rotated secret are told the same, at once."""
        fields = credentials(application, grant_type="client_credentials", scope=SCOPE)
        assert (await post(http, **fields)).status_code == 200  # from here on the secret is remembered as right
        application_id = application.application.application_id
        match case:
            case "wrong":
                fields["client_secret"] += "0"
            case "unknown":
                fields["client_id"] += "0"
            case "disabled":
                await disable_application(context, OPERATOR, application_id)
            case "rotated":
                fresh = await rotate_secret(context, OPERATOR, application_id)
                assert (await post(http, **(fields | {"client_secret": fresh.client_secret}))).status_code == 200
            case "empty":
                fields["client_secret"] = " "
        answer = await post(http, **fields)
        refused(answer, 401, "invalid_client")
        assert answer.json()["error_description"] == INVALID_CLIENT.description

    async def test_guessing_is_throttled(
        self, http: httpx2.AsyncClient, application: WithSecret, clock: SetClock
    ) -> None:
        """Ten wrong secrets at once, then one a second; who has the right one in use is not held up."""
        right = credentials(application, grant_type="client_credentials", scope=SCOPE)
        assert (await post(http, **right)).status_code == 200
        guesses = [right | {"client_secret": f"guess{number}"} for number in range(13)]
        answers = [await post(http, **guess) for guess in guesses[:12]]
        assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 2
        refused(answers[-1], 429, "invalid_client", "too often")
        assert answers[-1].headers["retry-after"] == "1"
        assert (await post(http, **right)).status_code == 200
        clock.pass_seconds(1)
        assert [(await post(http, **guess)).status_code for guess in guesses[11:]] == [401, 429]

    async def test_many_honest_ones_at_once(self, http: httpx2.AsyncClient, application: WithSecret) -> None:
        """Fifty requests that start together with the right secret all succeed."""
        fields = credentials(application, grant_type="client_credentials", scope=SCOPE)
        answers = await asyncio.gather(*(post(http, **fields) for _ in range(50)))
        assert {answer.status_code for answer in answers} == {200}


class TestClientCredentials:
    async def test_success(self, http: httpx2.AsyncClient, context: Context, application: WithSecret) -> None:
        """A token for a scope has no refresh token and no seller behind it."""
        fields = credentials(application, grant_type="client_credentials", scope=f"{SCOPE} {SCOPE}")
        body = (await post(http, **fields)).json()
        access = await authenticate(context, body.pop("access_token"), NOW)
        assert body == {"token_type": "bearer", "expires_in": 3600, "scope": SCOPE}
        assert access is not None
        assert access.seller_id is None

    async def test_scope(self, http: httpx2.AsyncClient, application: WithSecret) -> None:
        """A scope that the application does not have is refused, beside one that it has, too; one must be named."""
        fields = credentials(application, grant_type="client_credentials")
        for scope in ("sellingpartnerapi::migration", f"{SCOPE} other"):
            refused(await post(http, **fields, scope=scope), 400, "invalid_scope")
        refused(await post(http, **fields), 400, "invalid_request", "scope")


class TestRequest:
    @pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", ""])
    async def test_content_type(self, http: httpx2.AsyncClient, kind: str) -> None:
        """What is neither a form nor JSON is refused by its type."""
        answer = await http.post("/auth/o2/token", content=b"grant_type=x", headers={"content-type": kind})
        refused(answer, 400, "invalid_request", "Content-Type")

    @pytest.mark.parametrize(
        ("kind", "body"),
        [
            ("json", b"{"),
            ("json", b"[]"),
            ("json", b"null"),
            ("json", b"\xff"),
            ("json", b"[" * 5_000),
            ("json", b'{"grant_type": "a\\u0000"}'),
            ("x-www-form-urlencoded", b"grant_type=%FF"),
            ("x-www-form-urlencoded", b"grant_type=\xff"),
            ("x-www-form-urlencoded", b"client_id=a%00b"),
            ("x-www-form-urlencoded", b"&".join(b"a%d=1" % number for number in range(51))),
            ("x-www-form-urlencoded", b"a=" + b"1" * 16_384),
        ],
    )
    async def test_malformed(self, http: httpx2.AsyncClient, kind: str, body: bytes) -> None:
        """Whatever cannot be read is a request that is malformed, not a defect of the server."""
        answer = await http.post("/auth/o2/token", content=body, headers={"content-type": f"application/{kind}"})
        refused(answer, 400, "invalid_request", "malformed")

    async def test_repeated(self, http: httpx2.AsyncClient) -> None:
        """A parameter may not come twice."""
        kind = {"content-type": "application/x-www-form-urlencoded"}
        answer = await http.post("/auth/o2/token", content=b"scope=a&scope=a", headers=kind)
        refused(answer, 400, "invalid_request", "scope")

    @pytest.mark.parametrize("missing", ["grant_type", "client_id", "client_secret", "refresh_token"])
    async def test_missing(self, http: httpx2.AsyncClient, application: WithSecret, missing: str) -> None:
        """What is missing is named."""
        fields = credentials(application, grant_type="refresh_token", refresh_token="Atzr|x")
        del fields[missing]
        refused(await post(http, **fields), 400, "invalid_request", missing)

    async def test_grant_type(self, http: httpx2.AsyncClient, application: WithSecret) -> None:
        """Other grants are not supported."""
        answer = await post(http, **credentials(application, grant_type="password"))
        refused(answer, 400, "unsupported_grant_type")

    async def test_other_methods(self, http: httpx2.AsyncClient) -> None:
        """Tokens are not to be had by GET, where they would stand in logs."""
        assert (await http.get("/auth/o2/token", params={"grant_type": "client_credentials"})).status_code == 405

    async def test_database_away(self, http: httpx2.AsyncClient, context: Context, application: WithSecret) -> None:
        """While the database is away the client is told to come back."""

        class Away:
            async def read(self, use: object, *, snapshot: bool) -> None:
                from fieldserve.store.engine import Unavailable

                raise Unavailable("away")

        object.__setattr__(context, "database", Away())
        fields = credentials(application, grant_type="client_credentials", scope=SCOPE)
        answer = await post(http, **fields)
        refused(answer, 503, "temporarily_unavailable")
        assert answer.headers["retry-after"] == "1"

    async def test_defect(
        self,
        http: httpx2.AsyncClient,
        context: Context,
        application: WithSecret,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """A defect is answered without a trace; the log has the trace and no secret."""
        object.__setattr__(context, "database", None)
        fields = credentials(application, grant_type="client_credentials", scope=SCOPE)
        answer = await post(http, **fields)
        refused(answer, 500, "server_error")
        assert "Traceback" in caplog.text
        assert application.client_secret not in caplog.text + answer.text


class TestAuthorizationCode:
    @staticmethod
    async def a_code(context: Context, application: WithSecret, name: str = "code-1") -> str:
        """A code as the consent page leaves it."""
        grant = (await authorized(context, application)).authorization
        now = context.clock.now()
        ends = now + 300 * SECOND
        bound = {"redirectUri": CALLBACK}
        code = Token(hash_of(name), "CODE", grant.application_id, grant.authorization_id, now, ends, grants=bound)
        await context.database.write(lambda c: tokens.add(c, code))
        return name

    @pytest.mark.parametrize("more", [{"redirect_uri": CALLBACK}, {}])
    async def test_success(
        self, http: httpx2.AsyncClient, context: Context, application: WithSecret, more: dict[str, str]
    ) -> None:
        """A code gives a refresh token that works; clients that leave the redirect URI out are served, too."""
        code = await self.a_code(context, application)
        fields = credentials(application, grant_type="authorization_code", code=code, **more)
        body = (await post(http, **fields)).json()
        assert body["access_token"].startswith("Atza|")
        again = credentials(application, grant_type="refresh_token", refresh_token=body["refresh_token"])
        assert (await post(http, **again)).status_code == 200

    async def test_once(self, http: httpx2.AsyncClient, context: Context, application: WithSecret) -> None:
        """A code that comes a second time is refused, and what it gave the first time is revoked."""
        code = await self.a_code(context, application)
        fields = credentials(application, grant_type="authorization_code", code=code)
        first = (await post(http, **fields)).json()
        refused(await post(http, **fields), 400, "invalid_grant", "code")
        again = credentials(application, grant_type="refresh_token", refresh_token=first["refresh_token"])
        refused(await post(http, **again), 400, "invalid_grant")
        access = await authenticate(context, first["access_token"], NOW)
        assert access is not None
        assert access.is_revoked

    @pytest.mark.parametrize("case", ["late", "another's", "elsewhere", "unknown", "revoked"])
    async def test_not_good(
        self, http: httpx2.AsyncClient, context: Context, application: WithSecret, clock: SetClock, case: str
    ) -> None:
        """A code is good for five minutes, for its application, and for the redirect URI of the consent."""
        code = await self.a_code(context, application)
        fields = credentials(application, grant_type="authorization_code", code=code)
        name = "code"
        match case:
            case "late":
                clock.pass_seconds(300)
            case "another's":
                fields |= credentials(await an_application(context))
            case "elsewhere":
                fields["redirect_uri"], name = CALLBACK + "/", "redirect_uri"
            case "unknown":
                fields["code"] += "x"
            case "revoked":
                access = await context.database.read(lambda c: tokens.find(c, hash_of(code), "CODE"))
                assert access is not None
                await revoke_authorization(context, OPERATOR, access.authorization_id or "")
        refused(await post(http, **fields), 400, "invalid_grant", name)

    async def test_another_cannot_spoil_it(
        self, http: httpx2.AsyncClient, context: Context, application: WithSecret
    ) -> None:
        """Another application's try, or one with a wrong redirect URI, does not use the code up."""
        code = await self.a_code(context, application)
        fields = credentials(application, grant_type="authorization_code", code=code)
        await post(http, **(fields | credentials(await an_application(context))))
        await post(http, **fields, redirect_uri="https://evil.example/")
        assert (await post(http, **fields)).status_code == 200


def test_catalogue_is_standard() -> None:
    """Every error code is one of RFC 6749's."""
    standard = {
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
        "server_error",
        "temporarily_unavailable",
    }
    assert {entry.code for entry in CATALOGUE} <= standard

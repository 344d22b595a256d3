"""What an operator does with applications."""

import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import extract_parameters
from argon2.profiles import RFC_9106_LOW_MEMORY

from fieldserve.operations.applications import (
    applications_of,
    authorize_application,
    create_application,
    disable_application,
    is_redirect_uri,
    list_applications,
    list_authorizations,
    revoke_authorization,
    rotate_secret,
)
from fieldserve.operations.run import Context
from fieldserve.store import events
from fieldserve.store.engine import Database
from fieldserve.wire.errors import ApiError
from fieldserve.wire.operations import ROLE
from tests.access import CA, DE, NOW, OPERATOR, US, SetClock, an_application, authorized, opened


@pytest.fixture
def database_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """SQLite only: the statements run on both databases in tests/store, and whole flows in test_secrets.py."""
    return f"sqlite:///{shutil.copyfile(migrated_sqlite, tmp_path / 'fieldserve.db')}"


@pytest.fixture
async def context(database: Database) -> AsyncIterator[Context]:
    async with opened(database, SetClock()) as context:
        yield context


async def kinds(context: Context) -> list[tuple[str, str, str]]:
    """What the log tells: seller, kind, subject."""
    stored = await context.database.read(lambda c: events.read(c))
    return [(one.event.seller_id, one.event.kind, one.event.subject) for one in stored]


class TestCreate:
    async def test_success(self, context: Context) -> None:
        """The answer has ids in the usual forms and the secret; the log has neither secret nor hash."""
        created = await an_application(context)
        one = created.application
        assert one.client_id.startswith("amzn1.application-oa2-client.")
        assert len(one.client_id.rpartition(".")[2]) == 32
        assert created.client_secret.startswith("amzn1.oa2-cs.v1.")
        assert len(created.client_secret.rpartition(".")[2]) == 64
        assert one.roles == {ROLE}
        assert await list_applications(context) == [one]
        (stored,) = await context.database.read(lambda c: events.read(c))
        assert (stored.event.actor, stored.event.request_id, stored.event.at) == ("operator:test", "r-1", NOW)
        assert created.client_secret not in repr(stored) + repr(created)
        assert one.secret_hash not in repr(stored) + repr(created)

    @pytest.mark.parametrize(
        ("values", "name"),
        [
            ({"name": ""}, "name"),
            ({"name": "a\nb"}, "name"),
            ({"name": "x" * 101}, "name"),
            ({"redirect_uris": ["http://app.example/"]}, "redirectUris"),
            ({"scopes": ["two words"]}, "scopes"),
            ({"scopes": [""]}, "scopes"),
        ],
    )
    async def test_refused(self, context: Context, values: dict[str, Any], name: str) -> None:
        """What cannot be registered is named, and nothing is stored."""
        with pytest.raises(ApiError, match=rf"\[{name}\]") as caught:
            await create_application(context, OPERATOR, **({"name": "App"} | values))
        assert caught.value.status == 400
        assert await list_applications(context) == []


class TestIsRedirectUri:
    @pytest.mark.parametrize(
        "uri",
        ["https://app.example/cb", "https://app.example:8443/cb?a=1", "http://localhost:3000/", "http://[::1]:3000/cb"],
    )
    def test_good(self, uri: str) -> None:
        """https anywhere, http on this machine only."""
        assert is_redirect_uri(uri)

    @pytest.mark.parametrize(
        "uri",
        [
            "",
            "app.example/cb",
            "//app.example/cb",
            "http://app.example/cb",
            "http://localhost.evil.example/",
            "https://user@app.example/",
            "https://app.example/#x",
            "https://app.example/a b",
            "https://app.example;script-src/",
            "https://app.example/\n",
            "https://äpp.example/",
            "https:///cb",
            "https://app.example:port/",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://app.example\\@evil.example/",
        ],
    )
    def test_bad(self, uri: str) -> None:
        """Whatever a browser could read in another way than we do is refused."""
        assert not is_redirect_uri(uri)


class TestRotateSecret:
    async def test_other_secret(self, context: Context) -> None:
        """The new secret is another, and so is its hash."""
        first = await an_application(context)
        second = await rotate_secret(context, OPERATOR, first.application.application_id)
        assert second.client_secret != first.client_secret
        assert [one.secret_hash for one in await list_applications(context)] == [second.application.secret_hash]
        assert second.application.secret_hash != first.application.secret_hash

    async def test_refused(self, context: Context) -> None:
        """Neither an unknown application nor a disabled one gets a secret."""
        application_id = (await an_application(context)).application.application_id
        await disable_application(context, OPERATOR, application_id)
        for identity, status in (("unknown", 404), (application_id, 409)):
            with pytest.raises(ApiError) as caught:
                await rotate_secret(context, OPERATOR, identity)
            assert caught.value.status == status


class TestDisable:
    async def test_twice(self, context: Context) -> None:
        """The second time changes nothing and logs nothing."""
        application_id = (await an_application(context)).application.application_id
        for _ in range(2):
            await disable_application(context, OPERATOR, application_id)
        assert [kind for _, kind, _ in await kinds(context)] == ["application.created", "application.disabled"]

    async def test_unknown(self, context: Context) -> None:
        """An unknown application is told to be unknown."""
        with pytest.raises(ApiError, match="no application x"):
            await disable_application(context, OPERATOR, "x")


class TestAuthorize:
    async def test_all_by_default(self, context: Context) -> None:
        """Without limits all is granted that there is; the token's form is Login with Amazon's."""
        granted = await authorized(context, await an_application(context))
        assert granted.refresh_token.startswith("Atzr|")
        assert len(granted.refresh_token) == 5 + 43  # 256 bits in base64url
        assert granted.refresh_token not in repr(granted)
        assert granted.authorization.marketplaces == {US, CA, DE}
        assert granted.authorization.stores is None
        assert granted.authorization.roles == {ROLE}
        assert await list_authorizations(context, "S1") == [granted.authorization]

    async def test_limits(self, context: Context) -> None:
        """Marketplaces, stores, roles and usage plans are granted as asked."""
        application = await an_application(context, roles=[ROLE, "Pricing"])
        plan = {"getServiceJobs": (0.25, 2)}
        granted = await authorized(
            context, application, marketplaces=[DE], stores=[], roles=["Pricing"], usage_plan=plan
        )
        one = granted.authorization
        assert (one.marketplaces, one.roles) == (frozenset({DE}), frozenset({"Pricing"}))
        assert one.stores == frozenset()
        assert await list_authorizations(context, "S1") == [one]
        assert one.usage_plan == plan

    @pytest.mark.parametrize(
        ("changes", "status", "words"),
        [
            ({"seller_id": "S9"}, 404, "no seller S9"),
            ({"marketplaces": [US, "A1VC38T7YXB528"]}, 400, "marketplaces"),
            ({"roles": ["Pricing"]}, 400, "roles"),
            ({"usage_plan": {"getOrders": (1, 1)}}, 400, "usagePlan"),
            ({"usage_plan": {"getServiceJobs": (0, 1)}}, 400, "usagePlan"),
            ({"usage_plan": {"getServiceJobs": (1, 0)}}, 400, "usagePlan"),
            ({"usage_plan": {"getServiceJobs": (float("nan"), 1)}}, 400, "usagePlan"),
            ({"usage_plan": {"getServiceJobs": (float("inf"), 1)}}, 400, "usagePlan"),
        ],
    )
    async def test_refused(self, context: Context, changes: dict[str, Any], status: int, words: str) -> None:
        """What the seller or the application does not have cannot be granted."""
        application = await an_application(context)
        with pytest.raises(ApiError, match=words) as caught:
            await authorized(context, application, **changes)
        assert caught.value.status == status
        assert await list_authorizations(context, "S1") == []

    async def test_disabled(self, context: Context) -> None:
        """A disabled application is given nothing new."""
        application = await an_application(context)
        await disable_application(context, OPERATOR, application.application.application_id)
        with pytest.raises(ApiError, match="disabled"):
            await authorized(context, application)


class TestRevoke:
    async def test_twice(self, context: Context) -> None:
        """Revoking is logged for its seller, once."""
        one = (await authorized(context, await an_application(context))).authorization
        for _ in range(2):
            await revoke_authorization(context, OPERATOR, one.authorization_id)
        assert (await kinds(context))[1:] == [
            ("S1", "authorization.created", one.authorization_id),
            ("S1", "authorization.revoked", one.authorization_id),
        ]

    async def test_unknown(self, context: Context) -> None:
        """An unknown authorization is told to be unknown."""
        with pytest.raises(ApiError, match="no authorization x"):
            await revoke_authorization(context, OPERATOR, "x")


_HASHED = """
import asyncio
from fieldserve.operations.client_secrets import ClientSecrets
print(asyncio.run(ClientSecrets().hash("x")))
"""


def test_production_parameters() -> None:
    """Unless told otherwise secrets are hashed as RFC 9106 recommends for little memory: Argon2id, 64 MiB, 3 passes.

    In a process of its own, since tests make do with less."""
    encoded = subprocess.run([sys.executable, "-c", _HASHED], capture_output=True, text=True, check=True).stdout.strip()
    assert encoded.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert extract_parameters(encoded) == RFC_9106_LOW_MEMORY


class TestOfASeller:
    """An application that a seller registered for itself."""

    async def test_acts_for_it_alone(self, context: Context) -> None:
        """Not even the operator lets it act for another; its events are the seller's."""
        one = (await create_application(context, OPERATOR, "Own", of_seller="S1")).application
        assert [known.application_id for known in await applications_of(context, "S1")] == [one.application_id]
        assert await applications_of(context, "S2") == []
        await authorize_application(context, OPERATOR, one.application_id, "S1", of_seller="S1")
        with pytest.raises(ApiError, match="There is no application"):
            await authorize_application(context, OPERATOR, one.application_id, "S2")
        assert ("S1", "application.created", one.application_id) in await kinds(context)

    async def test_is_not_there_for_others(self, context: Context) -> None:
        """Another seller's people change neither it nor one of the operator's."""
        own = (await create_application(context, OPERATOR, "Own", of_seller="S1")).application.application_id
        of_house = (await create_application(context, OPERATOR, "Planner")).application.application_id
        for application_id in (own, of_house):
            with pytest.raises(ApiError, match="There is no application"):
                await rotate_secret(context, OPERATOR, application_id, "S2")
            with pytest.raises(ApiError, match="There is no application"):
                await disable_application(context, OPERATOR, application_id, "S2")
            with pytest.raises(ApiError, match="There is no application"):
                await authorize_application(context, OPERATOR, application_id, "S2", of_seller="S2")

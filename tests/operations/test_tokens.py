"""What may happen once only happens once, however many try at the same time, on both databases."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from fieldserve.operations.applications import disable_application, list_authorizations, revoke_authorization
from fieldserve.operations.consent import approve, issue_sign_in_code, sign_in
from fieldserve.operations.run import Caller, Context
from fieldserve.operations.tokens import authenticate, issue, purge_tokens, try_authorization
from fieldserve.store.engine import Database
from fieldserve.wire.errors import ApiError
from fieldserve.wire.tokens import CodeGrant, RefreshGrant, TokenAnswer, TokenError
from tests.access import CALLBACK, OPERATOR, US, SetClock, an_application, authorized, dump, opened

AT_ONCE = 8
DEVELOPER = Caller("S1", actor="user:dev", request_id="r-2")


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
async def context(database: Database, clock: SetClock) -> AsyncIterator[Context]:
    async with opened(database, clock) as context:
        yield context


class TestOnce:
    async def test_sign_in_approval_and_code(self, context: Context) -> None:
        """Of eight sign-ins with one code, approvals in one session and exchanges of one code, one each succeeds."""
        made = await an_application(context)
        application = made.application
        typed = await issue_sign_in_code(context, OPERATOR, "S1")
        sessions = await asyncio.gather(*(sign_in(context, typed) for _ in range(AT_ONCE)))
        (session,) = [one for one in sessions if one is not None]

        marketplaces = frozenset({US})
        approvals = await asyncio.gather(
            *(approve(context, session, application, CALLBACK, marketplaces) for _ in range(AT_ONCE))
        )
        (approved,) = [one for one in approvals if one is not None]
        assert len(await list_authorizations(context, "S1")) == 1

        grant = CodeGrant(approved.code, CALLBACK)
        answers = await asyncio.gather(
            *(issue(context, application.client_id, made.client_secret, grant) for _ in range(AT_ONCE)),
            return_exceptions=True,
        )
        assert len([answer for answer in answers if isinstance(answer, TokenAnswer)]) == 1
        refused = [answer for answer in answers if isinstance(answer, TokenError)]
        assert [refusal.fault.error for refusal in refused] == ["invalid_grant"] * (AT_ONCE - 1)


class TestPurge:
    async def test_a_week_after(self, context: Context, clock: SetClock) -> None:
        """An access token is forgotten a week after it expired; the refresh token stays and works."""
        made = await an_application(context)
        grant = RefreshGrant((await authorized(context, made)).refresh_token)
        await issue(context, made.application.client_id, made.client_secret, grant)
        clock.pass_seconds(3_600 + 7 * 86_400)
        await purge_tokens(context)
        assert "'ACCESS'" in await dump(context.database)
        clock.instant += 1
        await purge_tokens(context)
        assert "'ACCESS'" not in await dump(context.database)
        answer = await issue(context, made.application.client_id, made.client_secret, grant)
        assert answer.access_token


class TestTry:
    """An access token for somebody who tries the API in the browser."""

    async def test_good_for_an_hour(self, context: Context, clock: SetClock) -> None:
        """It is what the authorization's own tokens are, ends with the hour, is stored nowhere, and the log has who."""
        granted = await authorized(context, await an_application(context, of_seller="S1"), marketplaces=[US])
        authorization_id = granted.authorization.authorization_id
        token = await try_authorization(context, DEVELOPER, authorization_id, of_house=False)
        access = await authenticate(context, token, clock.now())
        assert access is not None
        assert (access.seller_id, access.authorization_id) == ("S1", authorization_id)
        assert access.authorized_marketplaces == {US}
        assert access.grants is None
        assert not access.is_revoked
        assert access.expires_at == clock.now() + 3_600_000_000
        assert token not in await dump(context.database)
        tried = await context.database.read(
            lambda c: c.fetch("SELECT seller_id, actor, subject FROM events WHERE kind = 'authorization.tried'")
        )
        assert [tuple(row) for row in tried] == [("S1", "user:dev", authorization_id)]

    async def test_ends_with_the_authorization(self, context: Context, clock: SetClock) -> None:
        """Revoked, the token that was given is refused at once, and there is no other."""
        granted = await authorized(context, await an_application(context, of_seller="S1"))
        authorization_id = granted.authorization.authorization_id
        token = await try_authorization(context, DEVELOPER, authorization_id, of_house=False)
        await revoke_authorization(context, DEVELOPER, authorization_id, "S1")
        access = await authenticate(context, token, clock.now())
        assert access is not None
        assert access.is_revoked
        with pytest.raises(ApiError, match="There is no authorization"):
            await try_authorization(context, DEVELOPER, authorization_id, of_house=False)

    async def test_ends_with_the_application(self, context: Context, clock: SetClock) -> None:
        """Disabled, the token that was given is refused at once, and there is no other, not even for the operator."""
        made = await an_application(context, of_seller="S1")
        authorization_id = (await authorized(context, made)).authorization.authorization_id
        token = await try_authorization(context, DEVELOPER, authorization_id, of_house=False)
        await disable_application(context, DEVELOPER, made.application.application_id, "S1")
        access = await authenticate(context, token, clock.now())
        assert access is not None
        assert access.is_revoked
        with pytest.raises(ApiError, match="disabled"):
            await try_authorization(context, DEVELOPER, authorization_id, of_house=True)

    async def test_not_in_a_strangers_name(self, context: Context) -> None:
        """A seller let the operator's application act: the operator's people may try it, the seller's may not."""
        granted = await authorized(context, await an_application(context))
        authorization_id = granted.authorization.authorization_id
        with pytest.raises(ApiError, match="There is no authorization"):
            await try_authorization(context, DEVELOPER, authorization_id, of_house=False)
        assert await try_authorization(context, DEVELOPER, authorization_id, of_house=True)

    @pytest.mark.parametrize("of_house", [False, True])
    async def test_another_sellers(self, context: Context, of_house: bool) -> None:
        """On the pages of one seller nobody gets a token for another."""
        granted = await authorized(context, await an_application(context, of_seller="S1"))
        with pytest.raises(ApiError, match="There is no authorization"):
            await try_authorization(
                context, DEVELOPER.of_seller("S2"), granted.authorization.authorization_id, of_house
            )
        assert "authorization.tried" not in await dump(context.database)

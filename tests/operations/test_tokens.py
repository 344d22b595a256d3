"""What may happen once only happens once, however many try at the same time, on both databases."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from fieldserve.operations.applications import list_authorizations
from fieldserve.operations.consent import approve, issue_sign_in_code, sign_in
from fieldserve.operations.run import Context
from fieldserve.operations.tokens import issue, purge_tokens
from fieldserve.store.engine import Database
from fieldserve.wire.tokens import CodeGrant, RefreshGrant, TokenAnswer, TokenError
from tests.access import CALLBACK, OPERATOR, US, SetClock, an_application, authorized, dump, opened

AT_ONCE = 8


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

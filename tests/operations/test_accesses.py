"""How long it is remembered what stands behind a token, on both databases."""

from collections.abc import AsyncIterator

import pytest

from fieldserve.operations import accesses
from fieldserve.operations.run import Context
from fieldserve.operations.tokens import authenticate, issue
from fieldserve.store import engine, tokens
from fieldserve.store.engine import Connection, Database
from fieldserve.store.tokens import hash_of
from fieldserve.wire.tokens import RefreshGrant
from tests.access import SetClock, an_application, authorized, opened


@pytest.fixture
async def context(database: Database) -> AsyncIterator[Context]:
    async with opened(database, SetClock()) as context:
        yield context


async def _presented(context: Context) -> str:
    """An access token that was presented a moment ago."""
    made = await an_application(context)
    grant = RefreshGrant((await authorized(context, made)).refresh_token)
    token = (await issue(context, made.application.client_id, made.client_secret, grant)).access_token
    assert await _is_revoked(context, token) is False
    return token


async def _is_revoked(context: Context, token: str) -> bool:
    access = await authenticate(context, token, context.clock.now())
    assert access is not None
    return access.is_revoked


async def test_read_once(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered is not read again."""
    token = await _presented(context)

    async def unread(c: Connection, token_hash: str) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(accesses, "find_access", unread)
    assert await _is_revoked(context, token) is False


async def test_revoked_here(context: Context) -> None:
    """What this process revokes is refused at once."""
    token = await _presented(context)
    await context.database.write(lambda c: tokens.revoke(c, hash_of(token), context.clock.now()))
    assert await _is_revoked(context, token) is True


async def test_revoked_by_another_process(context: Context, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another process revokes is refused when the second is over."""
    token = await _presented(context)
    other = await engine.connect(database_url, durable=False)
    await other.write(lambda c: tokens.revoke(c, hash_of(token), context.clock.now()))
    await other.close()
    assert accesses.REMEMBER_FOR == 1.0
    monkeypatch.setattr(accesses, "REMEMBER_FOR", -1.0)
    assert await _is_revoked(context, token) is True

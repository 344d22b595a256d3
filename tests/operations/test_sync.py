"""How an account is kept: once, again and again, and by the server; and what is done about trouble."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx2
import pytest

from fieldserve.client import MissingCredentials, SellingApiException, SellingApiForbiddenException
from fieldserve.operations import sync
from fieldserve.operations.mirrors import MirrorRefused, Progress, Source, acquire, open_mirrors, release
from fieldserve.operations.outbox import list_mirrors
from fieldserve.operations.sync import Plan, keep_all, sync_once, watch
from fieldserve.store.engine import Database
from tests.mirroring import ACCOUNT, MIRROR, Mirrored, failing, mirrored
from tests.world import CANADA, US

PLAN = Plan([US], MIRROR)
GERMANY = "A1PA6795UKMFR9"


def ignore(_: object) -> None:
    """Nobody looks."""


@pytest.fixture
async def pair(
    database: Database, migrated_sqlite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Mirrored]:
    """A source and its mirror, which nobody runs yet, in a hurry."""
    monkeypatch.setattr(sync, "OUTBOX_EVERY", 0.01)
    monkeypatch.setattr(sync, "_back_off", lambda failures, first: 0.01)
    async with mirrored(database, migrated_sqlite, tmp_path) as pair:
        await release(pair.here.context, pair.source)
        yield pair


@asynccontextmanager
async def running(work: Awaitable[None]) -> AsyncIterator[None]:
    """Do it meanwhile."""
    task = asyncio.ensure_future(work)
    try:
        yield
        assert not task.done(), task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for it."""
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110 nobody tells when the database is so
            await asyncio.sleep(0.01)


class TestOnce:
    """`sync_once`"""

    async def test_trouble_that_passes(self, pair: Mirrored) -> None:
        """What fails and may pass is tried again, and told; the account is free afterwards."""
        await pair.there.order()
        answers = [failing(500), failing(503), failing(429)]
        pair.wire.before = lambda _: answers.pop() if answers else None
        warnings: list[str] = []
        (progress,) = await sync_once(pair.here.context, pair.source, PLAN, ignore, warnings.append)
        assert (progress.taken.new, len(warnings)) == (1, 3)
        assert "There is trouble." in warnings[0]
        assert (await list_mirrors(pair.here.context)).accounts[0].run_by is None

    async def test_trouble_that_does_not(self, pair: Mirrored) -> None:
        """Not for ever."""
        pair.wire.before = lambda _: failing(503)
        with pytest.raises(SellingApiException):
            await sync_once(pair.here.context, pair.source, PLAN, ignore, ignore)
        assert len(pair.wire.asked) == sync.TRIES

    async def test_refusal(self, pair: Mirrored) -> None:
        """Who may not read is told so at once."""
        pair.wire.before = lambda _: failing(403)
        with pytest.raises(SellingApiForbiddenException):
            await sync_once(pair.here.context, pair.source, PLAN, ignore, ignore)
        assert len(pair.wire.asked) == 1

    async def test_waits_for_another(self, pair: Mirrored) -> None:
        """A second run waits for the first, and says so."""
        warnings: list[str] = []
        other = Source(ACCOUNT, "http://source", None, pair.source.services, holder="elsewhere:1:a")
        await acquire(pair.here.context, other)
        waiting = asyncio.ensure_future(sync_once(pair.here.context, pair.source, PLAN, ignore, warnings.append))
        await until(lambda: _is(bool(warnings)))
        await release(pair.here.context, other)
        await waiting
        assert "waiting for it to end" in warnings[0]


class TestWatch:
    """`watch`"""

    async def test_both_ways(self, pair: Mirrored) -> None:
        """What changes there comes here, what is changed here goes there, through trouble."""
        await pair.there.order()
        readings: list[Progress] = []
        warnings: list[str] = []

        def tick(progress: Progress) -> None:
            readings.append(progress)
            pair.here.clock.advance(1_000_000)
            pair.there.clock.advance(1_000_000)

        async with running(watch(pair.here.context, pair.source, PLAN, 0.01, ignore, warnings.append, tick)):
            await until(lambda: _is(len(readings) > 0))
            pair.wire.before = lambda _: failing(503)
            await until(lambda: _is(len(warnings) > 1))
            pair.wire.before = None
            await pair.there.order()
            await until(lambda: _has(pair, 2))
            await pair.open_for_calls()
            await pair.call("PUT", "serviceJobs/job-1/cancellations?cancellationReasonCode=V1")
            await until(lambda: _sent(pair))
        assert (await pair.there.job("job-1"))["serviceJobStatus"] == "CANCELLED"
        assert (await list_mirrors(pair.here.context)).accounts[0].run_by is None


async def _is(true: bool) -> bool:
    return true


async def _has(pair: Mirrored, count: int) -> bool:
    return (await list_mirrors(pair.here.context)).accounts[0].mirrors[0].jobs == count


async def _sent(pair: Mirrored) -> bool:
    return "DONE" in (await list_mirrors(pair.here.context)).accounts[0].outbox


class TestByTheServer:
    """`keep_all`"""

    async def test_every_account(self, pair: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
        """What was mirrored once is kept, without a word on the command line."""
        await sync_once(pair.here.context, pair.source, PLAN, ignore, ignore)
        await pair.there.order()

        async def again(*_: object) -> tuple[Source, list[str]]:
            return pair.source, [US]

        monkeypatch.setattr(sync, "open_mirrors", again)
        async with running(keep_all(pair.here.context, 0.01)):
            await until(lambda: _has(pair, 1))

    async def test_without_credentials(
        self, pair: Mirrored, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """An account of which the credentials are gone is told of in the log, and does not end the others."""
        await sync_once(pair.here.context, pair.source, PLAN, ignore, ignore)

        async def missing(*_: object) -> tuple[Source, list[str]]:
            raise MissingCredentials("Credentials are missing: lwa_app_id")

        monkeypatch.setattr(sync, "open_mirrors", missing)
        with caplog.at_level(logging.WARNING):
            async with running(keep_all(pair.here.context, 0.01)):
                await until(lambda: _is("Credentials are missing" in caplog.text))


class TestOpen:
    """Which source, and which marketplaces."""

    @pytest.fixture(autouse=True)
    def environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("SP_API_ENDPOINT", "SP_API_TOKEN_ENDPOINT", "SP_API_DEFAULT_MARKETPLACE", "AWS_ENV"):
            monkeypatch.delenv(name, raising=False)
        for name in ("LWA_APP_ID", "LWA_CLIENT_SECRET", "SP_API_REFRESH_TOKEN"):
            monkeypatch.setenv(f"{name}_{ACCOUNT}", "something")

    async def test_amazon(self, pair: Mirrored) -> None:
        """At first it is Amazon, in the marketplace's region, which knows no Idempotency-Key."""
        source, ids = await open_mirrors(pair.here.context, ACCOUNT)
        assert (source.endpoint, ids) == ("https://sellingpartnerapi-na.amazon.com", [US])
        assert not source.knows_keys

    async def test_as_before(self, pair: Mirrored) -> None:
        """Then it is what it was, unless something else is said."""
        await sync_once(pair.here.context, pair.source, PLAN, ignore, ignore)
        source, ids = await open_mirrors(pair.here.context, ACCOUNT)
        assert (source.endpoint, ids, source.knows_keys) == ("http://source", [US], True)
        source, ids = await open_mirrors(pair.here.context, ACCOUNT, [CANADA], "http://elsewhere")
        assert (source.endpoint, ids) == ("http://elsewhere", [CANADA])

    @pytest.mark.parametrize(("ids", "says"), [(["NOWHERE"], "no marketplace"), ([US, GERMANY], "of one region")])
    async def test_refused(self, pair: Mirrored, ids: list[str], says: str) -> None:
        """A marketplace that is none, or of another region than the endpoint's."""
        with pytest.raises(MirrorRefused, match=says):
            await open_mirrors(pair.here.context, ACCOUNT, ids)


@pytest.mark.parametrize(
    ("fault", "passes"),
    [(failing(500), True), (failing(429), True), (failing(400), False), (failing(403), False)],
)
def test_what_may_pass(fault: httpx2.Response, passes: bool) -> None:
    """The server's trouble may pass, the caller's does not."""
    assert sync.may_pass(SellingApiException([], status=fault.status_code)) is passes

"""Keep an account's mirrors: send what waits, read what changed, and do not give up where time may help."""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from fieldserve.client import AuthorizationError, MissingCredentials, SellingApiException
from fieldserve.domain.intervals import Instant
from fieldserve.operations.delivery import deliver
from fieldserve.operations.mirrors import (
    FIRST,
    Held,
    MirrorRefused,
    Progress,
    Source,
    Tell,
    acquire,
    open_mirrors,
    read_source,
    release,
    renew,
)
from fieldserve.operations.run import Context, read
from fieldserve.store import mirrors
from fieldserve.store.engine import Unavailable

log = logging.getLogger("fieldserve")

LONGEST_WAIT = 600.0
"""Seconds between two tries where everything fails."""
TRIES = 8
"""How often a single run tries one thing before it leaves it to the next."""
OUTBOX_EVERY = 1.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What is kept: which marketplaces, as whose jobs, and whether all that were created `since` are read again."""

    marketplace_ids: Sequence[str]
    seller_id: str | None = None
    everything: bool = False
    since: Instant = FIRST


Warn = Callable[[str], None]


def may_pass(fault: Exception) -> bool:
    """Whether the same may succeed later: no answer, too many requests, a defect over there, a database away."""
    if isinstance(fault, Unavailable):
        return True
    status = fault.status if isinstance(fault, SellingApiException) else None
    if isinstance(fault, AuthorizationError):
        status = fault.status_code
    return status is not None and (status in (0, 408, 425, 429) or status >= 500)


async def sync_once(context: Context, source: Source, plan: Plan, tell: Tell, warn: Warn) -> list[Progress]:
    """Send what waits and read what changed, once; what fails and may pass is tried again for a while.

    Raises Held, MirrorRefused, SellingApiException, AuthorizationError, MissingCredentials, Unavailable."""
    async with _Held(context, source, warn):
        return [await _patiently(context, source, one, plan, tell, warn) for one in plan.marketplace_ids]


async def watch(
    context: Context, source: Source, plan: Plan, interval: float, tell: Tell, warn: Warn, done: Tell
) -> None:
    """Do so every `interval` seconds, and send what waits every second, until cancelled. `done` learns of each reading.

    What fails is told to `warn` and tried again, ever more slowly. Raises MirrorRefused."""
    everything, failures, read_at = plan.everything, 0, 0.0
    clock = asyncio.get_running_loop().time
    async with _Held(context, source, warn):
        while True:
            try:
                await deliver(context, source)
                if clock() >= read_at:
                    for one in plan.marketplace_ids:
                        now = replace(plan, everything=everything)
                        done(await _read(context, source, one, now, tell))
                    everything, failures, read_at = False, 0, clock() + interval
            except (SellingApiException, AuthorizationError, Unavailable) as fault:
                failures += 1
                wait = _back_off(failures, interval)
                read_at = clock() + wait
                warn(f"{fault}; again in {wait:.0f} s")
            await asyncio.sleep(OUTBOX_EVERY)


async def keep_all(context: Context, interval: float) -> None:
    """Watch every account that was mirrored once, until cancelled; what is amiss goes to the log."""
    tasks: dict[str, asyncio.Task[None]] = {}
    try:
        while True:
            with suppress(Unavailable):
                for account in {one.account for one in await read(context, mirrors.find_all)}:
                    if account not in tasks or tasks[account].done():
                        tasks[account] = asyncio.create_task(_keep(context, account, interval))
            await asyncio.sleep(interval)
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)


async def _keep(context: Context, account: str, interval: float) -> None:
    def warn(text: str) -> None:
        log.warning("mirror of %s: %s", account, text)

    try:
        source, marketplace_ids = await open_mirrors(context, account)
        try:
            await watch(context, source, Plan(marketplace_ids), interval, _ignore, warn, _ignore)
        finally:
            await source.services.aclose()
    except (MissingCredentials, MirrorRefused, Held) as fault:
        warn(str(fault))
    except Exception:
        log.exception("the mirror of %s failed", account)


def _ignore(_: Progress) -> None:
    """Nobody looks at how far it is."""


async def _read(context: Context, source: Source, marketplace_id: str, plan: Plan, tell: Tell) -> Progress:
    return await read_source(
        context,
        source,
        marketplace_id,
        plan.seller_id,
        everything=plan.everything,
        since=plan.since,
        tell=tell,
        between=lambda: deliver(context, source),
    )


async def _patiently(
    context: Context, source: Source, marketplace_id: str, plan: Plan, tell: Tell, warn: Warn
) -> Progress:
    failures, reached = 0, -1

    def noted(progress: Progress) -> None:
        nonlocal failures, reached
        if progress.jobs > reached:
            failures, reached = 0, progress.jobs  # it goes on, if slowly
        tell(progress)

    while True:
        try:
            await deliver(context, source)
            progress = await _read(context, source, marketplace_id, plan, noted)
            await deliver(context, source)
            return progress
        except (SellingApiException, AuthorizationError, Unavailable) as fault:
            failures += 1
            if failures >= TRIES or not may_pass(fault):
                raise
            wait = _back_off(failures, 0.5)
            warn(f"{fault}; again in {wait:.1f} s")
            await asyncio.sleep(wait)


def _back_off(failures: int, first: float) -> float:
    most = min(LONGEST_WAIT, first * 2 ** min(failures - 1, 20))
    return random.uniform(most / 2, most)  # noqa: S311 it spreads load, and keeps no secret


class _Held:
    """The account's lease, renewed while it is held."""

    def __init__(self, context: Context, source: Source, warn: Warn):
        self._context, self._source, self._warn = context, source, warn
        self._renewing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        told = False
        while True:
            try:
                await acquire(self._context, self._source)
                break
            except Held as fault:
                if not told:
                    self._warn(f"{fault}; waiting for it to end")
                told = True
                await asyncio.sleep(1)
        self._renewing = asyncio.create_task(self._renew())

    async def __aexit__(self, *_: object) -> None:
        assert self._renewing is not None
        self._renewing.cancel()
        await asyncio.gather(self._renewing, return_exceptions=True)
        with suppress(Unavailable):
            await release(self._context, self._source)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._source.lease / 3_000_000)
            # Where this fails, so does the next transaction that relies on the lease, and tells it.
            with suppress(Held, Unavailable):
                await renew(self._context, self._source)

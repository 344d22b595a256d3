"""Facts: taken on from the event log into their folder, and published from there to wherever a warehouse reads.

The libraries that facts stand on are heavy, and imported when somebody asks for facts.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec

from fieldserve.analytics.entries import Entry
from fieldserve.operations.events import complete_until
from fieldserve.operations.run import Context, aside, read, write_observations
from fieldserve.store import events
from fieldserve.store.events import StoredEvent
from fieldserve.wire.facts import FACTS_BUSY, NO_ANALYTICS, FactsRefresh, FactsStatus, FactsTable
from fieldserve.wire.times import render

# Events of one step, each of which is kept at its end: what a crash costs, and what memory is bounded by.
STEP = 20_000
_PAGE = 2_000
_SUBJECTS = 200

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a refresh is: the sequence that it has reached, of that which it goes to."""

    reached: int
    until: int
    events: int


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh did: events that were new, and the place in the log that the facts are as of now."""

    events: int
    watermark: int


def nobody(_: Progress) -> None:
    """Progress that nobody watches."""


async def refresh_facts(
    context: Context,
    *,
    rebuild: bool = False,
    tell: Callable[[Progress], None] = nobody,
    at_once: int = STEP,
    most_steps: int | None = None,
) -> Refreshed:
    """Bring the facts up to the newest event that is there for good, in steps of `at_once` events, at most so many.

    With `rebuild` from the log's beginning.
    Raises Busy where another process does so already, Unavailable."""
    from fieldserve.analytics import building, home

    folder = context.settings.facts_folder
    await write_observations(context)
    with home.held(folder):
        if rebuild:
            home.forget(folder)
        facts = await asyncio.to_thread(home.Home, folder)
        count = steps = 0
        until = await _until(context)
        async for entries in _steps(context, facts.manifest.watermark, until, at_once):
            histories = await _histories(context, entries, facts.manifest.watermark)
            await asyncio.to_thread(building.step, facts, entries, histories)
            count += len(entries)
            tell(Progress(entries[-1].sequence, until, count))
            steps += 1
            if steps == most_steps:
                break
        return Refreshed(count, facts.manifest.watermark)


async def get_facts(context: Context) -> FactsStatus:
    """How far the facts are, and what there is. Raises ApiError: NO_ANALYTICS."""
    _need_analytics()
    from fieldserve.analytics.home import read_manifest

    last = await read(context, events.last_sequence)
    manifest = await asyncio.to_thread(read_manifest, context.settings.facts_folder)
    if manifest is None or manifest.as_of is None:
        return FactsStatus(0, last, [])
    tables = [
        FactsTable(name, sum(one.rows for one in files), sum(one.day is not None for one in files))
        for name, files in manifest.tables.items()
    ]
    return FactsStatus(manifest.watermark, last - manifest.watermark, tables, render(manifest.as_of))


async def refresh_some(context: Context) -> FactsRefresh:
    """Bring the facts further, by one step. Raises ApiError: NO_ANALYTICS, FACTS_BUSY."""
    _need_analytics()
    from fieldserve.analytics.home import Busy

    try:
        done = await aside(context, lambda outer: refresh_facts(outer, most_steps=1))
    except Busy:
        raise FACTS_BUSY.error() from None
    return FactsRefresh(done.events, done.watermark, done.events < STEP)


def _need_analytics() -> None:
    if find_spec("pyarrow") is None:
        raise NO_ANALYTICS.error()


async def keep_fresh(context: Context) -> None:
    """Refresh, and pack what is over, unless another process of this server is at it."""
    from fieldserve.analytics.home import Busy

    with suppress(Busy):
        await refresh_facts(context)
        await pack_facts(context)


async def pack_facts(context: Context) -> int:
    """Put the days of months that are over together, so that reports over years are fast; how many files were written.

    Raises Busy where another process refreshes the facts."""
    from fieldserve.analytics import home, packs

    folder = context.settings.facts_folder
    with home.held(folder):
        return await asyncio.to_thread(packs.pack, folder)


async def _until(context: Context) -> int:
    """The sequence up to which the log is complete."""
    until = await complete_until(context)
    return await read(context, events.last_sequence) if until is None else until


async def _steps(context: Context, after: int, until: int, at_once: int) -> AsyncIterator[Sequence[Entry]]:
    while True:
        entries: list[Entry] = []
        while len(entries) < at_once:
            page = min(_PAGE, at_once - len(entries))
            found = await _page(context, after, until, page)
            entries += found
            if found:
                after = found[-1].sequence
            if len(found) < page:
                break
        if not entries:
            return
        yield entries


async def _page(context: Context, after: int, until: int, limit: int) -> list[Entry]:
    found = await read(context, lambda c: events.read(c, after=after, until=until, limit=limit))
    return [_entry(one) for one in found]


async def _histories(context: Context, entries: Sequence[Entry], watermark: int) -> Mapping[Key, Sequence[Entry]]:
    """Everything up to the last of the entries about the jobs that they are about."""
    here: dict[Key, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.is_of_job:
            here[entry.seller_id, entry.subject].append(entry)
    # A job that was ordered just now has no earlier history.
    older = [key for key, own in here.items() if own[0].kind != "job.ordered"]
    subjects: dict[str, list[str]] = defaultdict(list)
    for seller_id, subject in older:
        subjects[seller_id].append(subject)
    earlier: dict[Key, list[Entry]] = defaultdict(list)
    for seller_id, ids in subjects.items():
        for first in range(0, len(ids), _SUBJECTS):
            for one in await _about(context, seller_id, ids[first : first + _SUBJECTS], watermark):
                earlier[seller_id, one.subject].append(one)
    return {key: [*earlier.get(key, ()), *own] for key, own in here.items()}


async def _about(context: Context, seller_id: str, ids: Sequence[str], watermark: int) -> list[Entry]:
    found = await read(context, lambda c: events.about(c, seller_id, ids, watermark))
    return [one for one in map(_entry, found) if one.is_of_job]


def _entry(stored: StoredEvent) -> Entry:
    event = stored.event
    return Entry(stored.sequence, event.at, event.seller_id, event.kind, event.subject, event.before, event.after)

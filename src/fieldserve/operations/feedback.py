"""Feedback and claims, told by the marketplace elsewhere, and imported here. The event log is where they are kept."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from fieldserve.domain.intervals import Instant
from fieldserve.domain.schedules import local
from fieldserve.operations.run import Caller, Context, transact
from fieldserve.operations.sellers import find_seller, refuse
from fieldserve.store import events, jobs, stores
from fieldserve.store.engine import Connection
from fieldserve.store.events import Event
from fieldserve.wire.feedback import (
    FeedbackImported,
    ImportFeedback,
    Line,
    ReplacedFeedback,
    at_fault,
    entry_faults,
    in_order,
    may_be_id,
    named,
    read_csv,
    read_when,
)
from fieldserve.wire.parameters import ParameterFault

_KINDS = {"stars": "job.rated", "claim": "job.claimed"}
_AT_ONCE = 500

Said = tuple[str, str, dict[str, Any]]
"""What is said of a job: its id, `stars` or `claim`, and that with its day, as the log holds it."""


async def import_feedback(context: Context, caller: Caller, ask: ImportFeedback) -> FeedbackImported:
    """Take all entries, or none. Raises ApiError: NO_SELLER, 400 with what is wrong with each entry.

    A job that is another seller's is unknown. What is known already changes nothing."""
    return await _import(context, caller, named(ask.entries), [])


async def import_feedback_file(context: Context, caller: Caller, text: str) -> FeedbackImported:
    """Take all lines of a CSV file, or none. Raises ApiError as import_feedback, with the numbers of lines."""
    return await _import(context, caller, *read_csv(text))


async def _import(
    context: Context, caller: Caller, lines: Sequence[Line], faults: Sequence[ParameterFault]
) -> FeedbackImported:
    wrong = [*faults, *entry_faults(lines)]
    sought = [line for line in lines if may_be_id(line.entry.service_job_id)]

    async def take(c: Connection) -> FeedbackImported:
        await find_seller(c, caller)
        now = context.clock.now()
        said, unknown = await _read(c, caller.seller_id, sought, now)
        refuse(in_order([*wrong, *unknown]))
        known: dict[tuple[str, str], Any] = {}
        for some in _portions([job_id for job_id, _, _ in said]):
            known |= await events.newest(c, caller.seller_id, tuple(_KINDS.values()), some)
        made = _made(caller, said, known, now)
        await events.append(c, *made)
        replaced = [_replaced(one) for one in made if one.before is not None]
        return FeedbackImported(len(made) - len(replaced), len(said) - len(made), replaced)

    return await transact(context, take)


async def _read(
    c: Connection, seller_id: str, lines: Sequence[Line], now: Instant
) -> tuple[list[Said], list[ParameterFault]]:
    """What the lines say of which jobs, and what is wrong with them as seen from the jobs."""
    origins: dict[str, tuple[str, Instant]] = {}
    for some in _portions([line.entry.service_job_id for line in lines]):
        origins |= await jobs.origins(c, seller_id, some)
    zones: dict[str, ZoneInfo] = {}
    for store_id in {store_id for store_id, _ in origins.values()}:
        store = await stores.find(c, seller_id, store_id)
        assert store is not None, "a job has a store"
        zones[store_id] = ZoneInfo(store.time_zone)
    said: list[Said] = []
    faults: list[ParameterFault] = []
    for line in lines:
        entry, when = line.entry, read_when(line.entry.date)
        if entry.service_job_id not in origins:
            faults.append(at_fault(line, f"the seller has no job {entry.service_job_id}"))
            continue
        store_id, ordered_at = origins[entry.service_job_id]
        zone = zones[store_id]
        if when is None:
            continue  # told already
        day = when if isinstance(when, date) else _day_of(zone, when)
        if day > _day_of(zone, now):
            faults.append(at_fault(line, f"{entry.date} is still to come where the store is"))
        elif day < _day_of(zone, ordered_at):
            faults.append(at_fault(line, f"{entry.date} is before job {entry.service_job_id} was ordered"))
        for what in _KINDS:
            if (value := getattr(entry, what)) is not None:
                said.append((entry.service_job_id, what, {what: value, "date": day.isoformat()}))
    return said, faults


def _portions(ids: Sequence[str]) -> list[list[str]]:
    """The ids, each once, as many at a time as a statement takes."""
    each = sorted(set(ids))
    return [each[first : first + _AT_ONCE] for first in range(0, len(each), _AT_ONCE)]


def _day_of(zone: ZoneInfo, instant: Instant) -> date:
    return date.fromordinal(local(zone, instant)[0])


def _made(caller: Caller, said: Sequence[Said], known: dict[tuple[str, str], Any], now: Instant) -> list[Event]:
    made = []
    for job_id, what, after in said:
        before = known.get((_KINDS[what], job_id))
        if before != after:
            kind = _KINDS[what]
            made.append(Event(now, caller.seller_id, caller.actor, kind, job_id, caller.request_id, before, after))
    return made


def _replaced(event: Event) -> ReplacedFeedback:
    what = next(one for one in _KINDS if one in event.after)
    was, now = event.before, event.after
    return ReplacedFeedback(event.subject, what, str(was[what]), was["date"], str(now[what]), now["date"])

"""The event log, as operators read it."""

import asyncio

from fieldserve.operations.run import Context, read
from fieldserve.store import events
from fieldserve.store.events import StoredEvent
from fieldserve.wire.events import EventListing, EventRecord
from fieldserve.wire.times import render

# Transactions take milliseconds; a page waits a fifth of a second for them, and then leaves the rest to the next one.
_ATTEMPTS = 20
_PAUSE = 0.01


async def list_events(
    context: Context,
    *,
    after: int = 0,
    limit: int = 100,
    seller_id: str | None = None,
    kind: str | None = None,
    subject: str | None = None,
) -> EventListing:
    """A page of the events with a sequence greater than `after`, of those that match.

    Whoever follows `next` misses none: while one that comes before others is still being written, the page ends before
    them, if need be empty."""
    until = await complete_until(context)
    if until is not None and until <= after:
        return EventListing([], after)
    found = await read(
        context,
        lambda c: events.read(
            c, after=after, until=until, limit=limit, seller_id=seller_id, kind=kind, subject=subject
        ),
    )
    return EventListing([_record(one) for one in found], found[-1].sequence if found else after)


async def complete_until(context: Context) -> int | None:
    """The sequence up to which no event can come any more; None where that holds for all that can be read."""
    first = await read(context, events.under_way)
    for attempt in range(_ATTEMPTS):
        now = first if attempt == 0 else await read(context, events.under_way)
        if not first.transactions & now.transactions:
            return first.last
        await asyncio.sleep(_PAUSE)
    return 0


def _record(stored: StoredEvent) -> EventRecord:
    event = stored.event
    return EventRecord(
        stored.sequence,
        render(event.at),
        event.seller_id,
        event.actor,
        event.kind,
        event.subject,
        event.request_id,
        event.before,
        event.after,
    )

"""The event log, as operators read it."""

from fieldserve.operations.run import Context, read
from fieldserve.store import events
from fieldserve.store.events import StoredEvent
from fieldserve.wire.events import EventListing, EventRecord
from fieldserve.wire.times import render


async def list_events(
    context: Context,
    *,
    after: int = 0,
    limit: int = 100,
    seller_id: str | None = None,
    kind: str | None = None,
    subject: str | None = None,
) -> EventListing:
    """A page of the events with a sequence greater than `after`, of those that match."""
    found = await read(
        context,
        lambda c: events.read(c, after=after, limit=limit, seller_id=seller_id, kind=kind, subject=subject),
    )
    return EventListing([_record(one) for one in found], found[-1].sequence if found else after)


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

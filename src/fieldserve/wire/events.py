"""The event log on the wire, as operators read it."""

from typing import Any

from fieldserve.wire.parameters import Parameter
from fieldserve.wire.parts import Part

EVENT_PARAMETERS = (
    Parameter(
        "after",
        "query",
        "integer",
        minimum=0,
        maximum=10**18 - 1,
        default=0,
        says="`next` of the page before; 0 or absent begins with the oldest event",
    ),
    Parameter("limit", "query", "integer", minimum=1, maximum=1000, default=100, says="events per page"),
    Parameter("sellerId", "query", max_length=20, says="events of this seller only"),
    Parameter("kind", "query", max_length=100, says="events of this kind only, such as `job.ordered`"),
    Parameter("subject", "query", max_length=100, says="events about the thing with this id only"),
)


class EventRecord(Part):
    """Who did what to which, when; `before` and `after` are what changed, in the shape of the event's kind."""

    sequence: int
    at: str
    seller_id: str
    actor: str
    kind: str
    subject: str
    request_id: str | None = None
    before: Any = None
    after: Any = None


class EventListing(Part):
    """A page, oldest first. `next` is always there: asked for later, it brings what has happened since."""

    events: list[EventRecord]
    next: int

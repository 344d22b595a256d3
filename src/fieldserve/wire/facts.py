"""The facts as the operator API tells of them: how far they are, and what a refresh did."""

from fieldserve.wire.errors import Says
from fieldserve.wire.parts import Part

FACTS_BUSY = Says(409, "Conflict", "The facts are being refreshed already.", "another refresh is under way")
NO_FACTS = Says(409, "Conflict", "There is nothing to report: nothing has happened yet.", "the event log is empty")
NO_ANALYTICS = Says(
    501, "NotImplemented", "The analytics packages are not installed.", "the server runs without the extra `analytics`"
)


class FactsTable(Part):
    """A table: its rows, and the days that it has files for (0 where it is stored whole)."""

    name: str
    rows: int
    days: int


class FactsStatus(Part):
    """How far the facts are: `watermark` is the last event that is in them, `asOf` the time of the newest.

    `behind` counts the sequences that came since; it may be more than the events."""

    watermark: int
    behind: int
    tables: list[FactsTable]
    as_of: str | None = None


class FactsRefresh(Part):
    """What a refresh did. A long log takes several: `complete` tells whether everything is in that was there."""

    events: int
    watermark: int
    complete: bool

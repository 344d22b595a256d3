"""What the pages of reports share: which days, which store, the figures, and charts as the script draws them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import msgspec
from starlette.responses import Response

from fieldserve.console.jobs import Choices, choices
from fieldserve.console.pages import Refused, Visit
from fieldserve.console.words import Words, local
from fieldserve.operations.reports import export_report, get_report
from fieldserve.wire.errors import ApiError
from fieldserve.wire.facts import NO_ANALYTICS, NO_FACTS
from fieldserve.wire.plans import read_day
from fieldserve.wire.reports import ReportAsk, ReportLine, ReportRecord

DAYS = 60
_OLDEST, _NEWEST = date(1970, 1, 1), date(9999, 1, 1)

TEXTS = (
    "Started on time",
    "Completed inside the window",
    "Came when the ETA said",
    "Broken promises",
    "No-shows",
    "Late starts among promises",
    "Overruns",
    "Moved by the provider",
    "Cancelled by the provider",
    "Without proof",
    "Time on site",
    "Cancellation rate",
    "Reschedule rate",
    "Late start rate",
    "Late completion rate",
    "Perfect orders",
    "Earned",
    "Pending",
    "Declined",
    "Lost to cancellation",
    "Orders that found an appointment",
    "Demand that found nothing",
    "When buyers want to be visited",
    "From order to visit",
    "Utilisation of stores",
    "Hours of stores without room",
    "Hours of stores without work",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """Local days from `first` up to but without `past`, and a store, or all."""

    first: date
    past: date
    store: str
    known: Choices

    def of(self, *group_by: str) -> ReportAsk:
        """The report of these days, by columns."""
        stores = (self.store,) if self.store else ()
        return ReportAsk(self.first.isoformat(), self.past.isoformat(), stores, (), group_by)


async def read_asked(visit: Visit) -> Asked:
    """What the address asks for; without days the last 60."""
    known = await choices(visit)
    query = visit.request.query_params
    store = query.get("store", "")
    if store not in {one.store_id for one in known.stores}:
        store = ""
    today = local(visit.now(), visit.words.zone).date()
    last = _day(query.get("to", "")) or today
    first = _day(query.get("from", "")) or last - timedelta(days=DAYS - 1)
    return Asked(min(first, last), max(first, last) + timedelta(days=1), store, known)


def _day(text: str) -> date | None:
    """The day; None where there is none on which anything can have happened, so that days can be counted from it."""
    day = read_day(text)
    return day if day is not None and _OLDEST <= day < _NEWEST else None


async def reports(visit: Visit, asked: Asked, *wanted: tuple[str, tuple[str, ...]]) -> list[ReportRecord] | None:
    """The reports, each by its columns; None where nothing has happened yet. Raises ApiError."""
    try:
        return [await get_report(visit.context, visit.caller, name, asked.of(*by)) for name, by in wanted]
    except ApiError as fault:
        if fault.says is NO_FACTS:
            return None
        if fault.says is NO_ANALYTICS:
            raise Refused(501, "Reports need the analytics packages on the server.") from None
        raise


async def sheet(visit: Visit, name: str, asked: Asked, *group_by: str) -> Response:
    """A report as a CSV file."""
    made = await export_report(visit.context, visit.caller, name, "csv", asked.of(*group_by))
    headers = {"content-disposition": f'attachment; filename="{made.file_name}"', "cache-control": "no-store"}
    return Response(made.content, headers=headers, media_type=made.content_type)


def line_of(record: ReportRecord, metric: str, **group: str) -> ReportLine | None:
    """The metric's line of a group."""
    return next((one for one in record.lines if one.metric == metric and one.group == group), None)


def groups(record: ReportRecord, column: str) -> list[str]:
    """The values of a column, in order."""
    return sorted({one.group[column] or "" for one in record.lines})


def rate(words: Words, value: Any) -> str:
    """A share in percent, with a digit behind the point; a dash where nothing is known."""
    return "–" if value is None else words.share(float(value))


# ---- charts


@dataclass(slots=True)
class Series:
    name: str
    values: list[float | None]
    goal: float | msgspec.UnsetType = msgspec.UNSET


@dataclass(slots=True)
class Chart:
    """As frontend/src/charts.ts reads it: `kind` is lines, bars, heat or band, `unit` % or nothing."""

    id: str
    kind: str
    labels: list[str]
    series: list[Series]
    unit: str = ""
    rows: list[str] = field(default_factory=list)
    cells: list[tuple[int, int, float]] = field(default_factory=list)


def drawn(charts: Sequence[Chart]) -> str:
    """The charts for the script, safe within a page."""
    return msgspec.json.encode(charts).decode().replace("<", "\\u003c")


def weekly(record: ReportRecord, words: Words, id: str, metrics: Sequence[str], kind: str = "lines") -> Chart:
    """Metrics by week, as lines with their goals, or as bars on one another."""
    weeks = groups(record, "week_start")
    series = []
    for metric in metrics:
        lines = {one.group["week_start"]: one for one in record.lines if one.metric == metric}
        found = next(iter(lines.values()), None)
        if found is None:
            continue
        values = [None if (one := lines.get(week)) is None or one.value is None else float(one.value) for week in weeks]
        goal = msgspec.UNSET if found.goal is None or kind != "lines" else found.goal
        series.append(Series(words.text(found.title), values, goal))
    return Chart(id, kind, [words.short_date(date.fromisoformat(week)) for week in weeks], series, "%")

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
from fieldserve.domain.intervals import MINUTE
from fieldserve.operations.report_files import CONTENT_TYPES
from fieldserve.operations.reports import get_reports, write_report
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
    "Average stars",
    "Negative feedback rate",
    "Claim rate",
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
    """Local days from `first` up to but without `past`; a store, or all; a technician, or all."""

    first: date
    past: date
    store: str
    known: Choices
    technician: str = ""

    @property
    def last(self) -> date:
        return self.past - timedelta(days=1)

    @property
    def query(self) -> dict[str, str]:
        """What the address says of it, for links to pages and files about the same."""
        days = {"from": self.first.isoformat(), "to": self.last.isoformat()}
        return days | {"store": self.store, "technician": self.technician}

    def of(self, *group_by: str) -> ReportAsk:
        """The report of these days, by columns."""
        stores = (self.store,) if self.store else ()
        technicians = (self.technician,) if self.technician else ()
        return ReportAsk(self.first.isoformat(), self.past.isoformat(), stores, technicians, group_by)


async def read_asked(visit: Visit) -> Asked:
    """What the address asks for; without days the last 60."""
    known = await choices(visit)
    query = visit.request.query_params
    store, technician = query.get("store", ""), query.get("technician", "")
    if store not in {one.store_id for one in known.stores}:
        store = ""
    if technician not in {one.technician_id for one in known.technicians}:
        technician = ""
    today = local(visit.now(), visit.words.zone).date()
    last = _day(query.get("to", "")) or today
    first = _day(query.get("from", "")) or last - timedelta(days=DAYS - 1)
    return Asked(min(first, last), max(first, last) + timedelta(days=1), store, known, technician)


def _day(text: str) -> date | None:
    """The day; None where there is none on which anything can have happened, so that days can be counted from it."""
    day = read_day(text)
    return day if day is not None and _OLDEST <= day < _NEWEST else None


async def reports(visit: Visit, asked: Asked, *wanted: tuple[str, tuple[str, ...]]) -> list[ReportRecord] | None:
    """The reports, each by its columns; None where nothing has happened yet. Raises ApiError."""
    try:
        return await get_reports(visit.context, visit.caller, [(name, asked.of(*by)) for name, by in wanted])
    except ApiError as fault:
        if fault.says is NO_FACTS:
            return None
        if fault.says is NO_ANALYTICS:
            raise Refused(501, "Reports need the analytics packages on the server.") from None
        raise


async def sheet(visit: Visit, name: str, asked: Asked, *group_by: str) -> Response:
    """A report as a file, of the kind that the path says: a table, a workbook, or a page that prints."""
    kind = visit.request.path_params["kind"]
    if kind not in CONTENT_TYPES:
        raise Refused(404, "There is no such page.")
    file_name, content = await write_report(visit.context, visit.caller, name, kind, asked.of(*group_by))
    headers = {"content-disposition": f'attachment; filename="{file_name}"', "cache-control": "no-store"}
    return Response(content, headers=headers, media_type=CONTENT_TYPES[kind])


def line_of(record: ReportRecord, metric: str, **group: str) -> ReportLine | None:
    """The metric's line of a group."""
    return next((one for one in record.lines if one.metric == metric and one.group == group), None)


def groups(record: ReportRecord, column: str) -> list[str]:
    """The values of a column, in order."""
    return sorted({one.group[column] or "" for one in record.lines})


def figure(words: Words, line: ReportLine | None, value: Any = None) -> str:
    """A line's value, or another in its unit, as it is read; a dash where nothing is known."""
    value = value if line is None or value is not None else line.value
    if line is None or value is None:
        return "–"
    if line.unit == "minutes":
        return words.length(round(float(value) * MINUTE))
    return words.number(round(float(value), 2)) if line.unit == "stars" else words.share(float(value))


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

    def told(self, words: Words) -> tuple[list[str], list[tuple[str, list[str]]]]:
        """The same as a table: what its columns are called, and its rows with their names."""
        if self.kind == "heat":
            values = {(column, row): value for column, row, value in self.cells}
            return self.labels, [
                (name, [words.number(values.get((column, row), 0)) for column in range(len(self.labels))])
                for row, name in enumerate(self.rows)
            ]
        show = words.share if self.unit == "%" else words.number
        return [one.name for one in self.series], [
            (label, ["–" if (value := one.values[at]) is None else show(value) for one in self.series])
            for at, label in enumerate(self.labels)
        ]


def pictured(charts: Sequence[Chart], words: Words) -> dict[str, Any]:
    """The charts for the script, safe within a page, and the tables that say the same, by the ids of the charts."""
    return {
        "charts": msgspec.json.encode(charts).decode().replace("<", "\\u003c"),
        "tables": {one.id: one.told(words) for one in charts},
    }


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

"""Reports: chosen metrics over a period, as rows, and what a rank needs of them.

A row has the group's columns, then per metric its value, numerator and denominator. Nothing here is worked out that the
metrics do not say.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fieldserve.analytics.facts import TABLES
from fieldserve.analytics.metrics import METRICS, Filters, Groups, Metric, Rows, together

if TYPE_CHECKING:
    from fieldserve.analytics.engines import Facts

DAYS = 60
"""Trailing days of a report for which no period is given: the period of the published targets."""

REPORTS: Mapping[str, tuple[str, ...]] = {
    "audit": (
        "on_time_start",
        "completed_in_window",
        "eta_accuracy",
        "fulfilment_breaks",
        "break_no_show",
        "break_late_start",
        "break_overrun",
        "break_provider_reschedule",
        "break_provider_cancellation",
        "break_missing_proof",
        "time_on_site",
        "technician_utilisation",
        "travel_share",
    ),
    "scorecard": (
        "target_cancellation",
        "target_reschedule",
        "target_late_start",
        "target_late_completion",
        "perfect_orders",
        "feedback_rate",
        "average_stars",
        "target_negative_feedback",
        "target_claims",
    ),
    "payments": (
        "payments_total",
        "payments_earned",
        "payments_pending",
        "payments_declined",
        "payments_lost",
        "payments_pending_week",
        "payments_pending_month",
        "payments_pending_two",
        "payments_pending_older",
        "payments_overdue",
        "payments_reconciled",
    ),
    "demand": (
        "fill_rate",
        "lost_demand",
        "demand_wanted",
        "lead_time",
        "store_utilisation",
        "store_hours_full",
        "store_hours_idle",
        "technician_utilisation",
        "technician_hours_full",
        "technician_hours_idle",
    ),
}
GROUPS: Mapping[str, tuple[str, ...]] = {
    "audit": ("technician_id", "store_id", "asin", "local_date", "week_start", "month_start", "weekday"),
    "scorecard": ("technician_id", "store_id", "asin", "week_start", "month_start"),
    "payments": ("store_id", "asin", "currency", "instrument", "local_date", "week_start", "month_start"),
    "demand": (
        "store_id",
        "asin",
        "skill",
        "local_date",
        "week_start",
        "weekday",
        "local_hour",
        "wanted_weekday",
        "wanted_hour",
    ),
}


RANKED = frozenset({"technician_id", "store_id"})
"""Groups that are peers of each other."""


TIMED = frozenset({"local_date", "week_start", "month_start"})
"""Groups that lie in one period alone."""


class ReportFault(ValueError):
    """A report that cannot be made as asked; the text says what can."""


@dataclass(frozen=True, slots=True)
class Line:
    """One metric of one group. `low` and `high` are the bounds of a rate that 95 of 100 such samples allow; `before` is
    the value of the period before, of the same length; `peers` that of all technicians or stores taken together."""

    group: tuple[Any, ...]
    metric: Metric
    value: float | Decimal | None
    numerator: int | Decimal
    denominator: int
    low: float | None = None
    high: float | None = None
    before: float | Decimal | None = None
    rank: int | None = None
    peers: float | Decimal | None = None

    @property
    def in_goal(self) -> bool | None:
        """Whether the goal is met; None where there is none, or nothing to measure."""
        if self.metric.goal is None or self.value is None:
            return None
        value = float(self.value)
        return value <= self.metric.goal if is_better_low(self.metric) else value >= self.metric.goal


@dataclass(frozen=True, slots=True)
class Report:
    """A report's lines, in the order of groups and metrics, with what was asked for."""

    name: str
    filters: Filters
    group_by: tuple[str, ...]
    lines: tuple[Line, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in the period."""
        return all(not line.denominator for line in self.lines)


def period(as_of: datetime, since: date | None, until: date | None) -> tuple[date, date]:
    """The days asked for, by default the 60 up to and with the day of `as_of`. Raises ReportFault."""
    until = until or as_of.date() + timedelta(days=1)
    since = since or until - timedelta(days=DAYS)
    if since >= until:
        raise ReportFault(f"the period from {since} to {until} has no day; `to` is the first day that no longer counts")
    return since, until


def make(facts: "Facts", name: str, filters: Filters, group_by: Sequence[str] = ()) -> Report:
    """The report of that name. Raises ReportFault where it does not exist, or cannot be grouped so."""
    if name not in REPORTS:
        raise ReportFault(f"there is no report {name}; there are {', '.join(REPORTS)}")
    for one in group_by:
        if one not in GROUPS[name]:
            raise ReportFault(f"{name} is not grouped by {one}, but by {', '.join(GROUPS[name])}")
    keys = tuple(group_by)
    if name == "payments" and "currency" not in keys:
        keys = ("currency", *keys)
    metrics = [METRICS[one] for one in REPORTS[name] if can_group(METRICS[one], keys)]
    before = _before(facts, metrics, filters, keys)
    now = measure(facts, metrics, filters, keys)
    peers = _peers(facts, metrics, filters, keys, now)
    found: dict[str, list[Line]] = {}
    for line in now:
        own = replace(
            line,
            before=before.get((line.metric.name, line.group)),
            peers=peers.get((line.metric.name, _beside(line.group, keys))),
        )
        found.setdefault(line.metric.name, []).append(own)
    lines: list[Line] = []
    for of_metric in found.values():
        ranks = of_metric[0].metric.unit == "rate" and RANKED.intersection(keys)
        lines += _ranked(of_metric) if ranks else of_metric
    order = {one: at for at, one in enumerate(REPORTS[name])}
    lines.sort(key=lambda line: ([str(part) for part in line.group], order[line.metric.name]))
    return Report(name, filters, keys, tuple(lines))


def _before(
    facts: "Facts", metrics: Sequence[Metric], filters: Filters, keys: Groups
) -> dict[tuple[str, tuple[Any, ...]], float | Decimal | None]:
    """The values of the period before, of the same length; groups of days have none."""
    if TIMED.intersection(keys):
        return {}
    length = min(filters.until - filters.since, filters.since - date.min)  # no day is before the calendar's first
    earlier = replace(filters, since=filters.since - length, until=filters.since)
    return {(line.metric.name, line.group): line.value for line in measure(facts, metrics, earlier, keys)}


def _peers(
    facts: "Facts", metrics: Sequence[Metric], filters: Filters, keys: Groups, now: Sequence[Line]
) -> dict[tuple[str, tuple[Any, ...]], float | Decimal | None]:
    """What all technicians or stores come to together, by the other columns of the group; also where the report shows
    a few of them alone. Sums have no peers: many stores together earn more than one."""
    if not RANKED.intersection(keys):
        return {}
    wider = replace(
        filters,
        technician_ids=() if "technician_id" in keys else filters.technician_ids,
        store_ids=() if "store_id" in keys else filters.store_ids,
    )
    lines = now if wider == filters else measure(facts, metrics, wider, keys)
    sums: dict[tuple[str, tuple[Any, ...]], tuple[int | Decimal, int]] = {}
    for line in lines:
        place = line.metric.name, _beside(line.group, keys)
        numerator, denominator = sums.get(place, (0, 0))
        sums[place] = numerator + line.numerator, denominator + line.denominator
    return {
        place: METRICS[place[0]].value_of(*both) for place, both in sums.items() if METRICS[place[0]].per is not None
    }


def _beside(group: tuple[Any, ...], keys: Groups) -> tuple[Any, ...]:
    """What peers share: the group without who it is of."""
    return tuple(value for value, key in zip(group, keys, strict=True) if key not in RANKED)


def can_group(metric: Metric, keys: Iterable[str]) -> bool:
    """Whether what the metric is made of has those columns."""
    known = {column for source in metric.source for column in TABLES[source].names}
    if "capacity_facts" in metric.source:
        known.add("technician_id" if metric.name.startswith(("technician_", "travel_")) else "store_id")
    return known.issuperset(keys)


def measure(facts: "Facts", metrics: Sequence[Metric], filters: Filters, keys: Groups) -> list[Line]:
    """The metrics of every group, without ranks and comparison; those over the same rows in one pass."""
    passes: dict[Rows, list[Metric]] = {}
    for metric in metrics:
        passes.setdefault(metric.rows, []).append(metric)
    return [line for of_rows in passes.values() for line in _measured(facts, of_rows, filters, keys)]


def _measured(facts: "Facts", metrics: Sequence[Metric], filters: Filters, keys: Groups) -> list[Line]:
    table = together(metrics, facts, filters, keys).to_pyarrow()
    columns = [*keys, *(f"{one.name}_{part}" for one in metrics for part in ("numerator", "denominator"))]
    found = []
    for row in zip(*(table[name].to_pylist() for name in columns), strict=True):
        group = tuple(map(_plain, row[: len(keys)]))
        sums = row[len(keys) :]
        for at, metric in enumerate(metrics):
            numerator, denominator = sums[2 * at], int(sums[2 * at + 1])
            if denominator or metric.shows_empty or not keys:
                exact = numerator if isinstance(numerator, Decimal) else int(numerator)
                found.append(_line(group, metric, exact, denominator))
    return found


@dataclass(frozen=True, slots=True)
class Behind:
    """A job, or an appointment of one, that a figure is made of; `counts` whether it is in the numerator, too."""

    service_job_id: str
    appointment_id: str | None
    day: date
    counts: bool


def behind(
    facts: "Facts", name: str, filters: Filters, group: Mapping[str, str | None], only_counted: bool, limit: int
) -> list[Behind]:
    """The jobs that a metric's denominator is made of, or its numerator alone; of a group where one is named.

    Their number is that of the figure. Raises ReportFault for a metric that is not made of jobs."""
    metric = METRICS.get(name)
    if metric is None:
        raise ReportFault(f"there is no metric {name}")
    for column in group:
        if not can_group(metric, (column,)):
            raise ReportFault(f"{name} is not grouped by {column}")
    table = metric.rows(facts, filters, tuple(group))
    if "service_job_id" not in table.columns:
        raise ReportFault(f"{name} is made of hours, not of jobs")
    for column, value in group.items():
        wanted = table[column].cast("string")
        table = table.filter(wanted.isnull() if value is None else wanted == value)
    tally = metric.tally(table, filters)
    counts = tally.numerator if tally.numerator.type().is_boolean() else tally.denominator
    columns = {
        "service_job_id": table.service_job_id,
        "day": table.local_date,
        "counts": counts,
        "of": tally.denominator,
    }
    if "appointment_id" in table.columns:
        columns["appointment_id"] = table.appointment_id
    rows = table.select(**columns)
    rows = rows.filter(rows.counts if only_counted else rows.of)
    found = rows.order_by(rows.day.desc(), rows.service_job_id).limit(limit).to_pyarrow().to_pylist()
    return [
        Behind(one["service_job_id"], one.get("appointment_id"), _plain(one["day"]), bool(one["counts"]))
        for one in found
    ]


def _line(group: tuple[Any, ...], metric: Metric, numerator: int | Decimal, denominator: int) -> Line:
    value = metric.value_of(numerator, denominator)
    low, high = wilson(int(numerator), denominator) if metric.unit == "rate" and denominator else (None, None)
    return Line(group, metric, value, numerator, denominator, low, high)


def _plain(value: Any) -> Any:
    return value.date() if isinstance(value, datetime) else value


def wilson(successes: int, of: int, z: float = 1.959964) -> tuple[float, float]:
    """The bounds of a rate, by Wilson's score interval of 95 %: wide where little was seen, never beyond 0 and 1."""
    if not 0 <= successes <= of or not of:
        raise ValueError(f"{successes} of {of} is no rate")
    rate, weight = successes / of, z * z / of
    middle = (rate + weight / 2) / (1 + weight)
    reach = z * math.sqrt(rate * (1 - rate) / of + weight / (4 * of)) / (1 + weight)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def is_better_low(metric: Metric) -> bool:
    """Whether less of it is better."""
    return metric.name.startswith(("break_", "target_", "fulfilment_breaks", "lost_demand"))


def _ranked(lines: Iterable[Line]) -> list[Line]:
    """Ranked by what is certain: the bound of the interval on the worse side, so that few jobs do not make a best."""

    def certain(line: Line) -> float:
        if line.low is None or line.high is None:
            return -1.0
        return 1 - line.high if is_better_low(line.metric) else line.low

    ordered = sorted(lines, key=lambda line: -certain(line))
    ranked: list[Line] = []
    for at, line in enumerate(ordered, 1):
        same = bool(ranked) and certain(line) == certain(ranked[-1])
        ranked.append(replace(line, rank=ranked[-1].rank if same else at))
    return ranked

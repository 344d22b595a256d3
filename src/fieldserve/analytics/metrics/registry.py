"""What a metric is, and the registry of all of them. Each stands here once, as an expression that every engine runs.

A metric's expression is made of Ibis tables (`Facts`), never of SQL, so that DuckDB, PostgreSQL and Spark answer the
same. A test runs every registered metric on all of them and compares row by row.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ibis.expr.types import Table

    from fieldserve.analytics.engines import Facts

Groups = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Filters:
    """Which facts count: local days from `since` up to but excluding `until`, of these sellers, stores, technicians,
    services; empty stands for all. `as_of` is the present of the report, UTC."""

    since: date
    until: date
    as_of: datetime
    seller_ids: tuple[str, ...] = ()
    store_ids: tuple[str, ...] = ()
    technician_ids: tuple[str, ...] = ()
    asins: tuple[str, ...] = ()
    grace_minutes: float = 0.0
    options: Mapping[str, Any] = field(default_factory=dict)


class Tally(NamedTuple):
    """What is added up over the rows, on either side: whole numbers or exact ones, where unknown counts as nothing."""

    numerator: Any
    denominator: Any


Rows = Callable[["Facts", Filters, Groups], "Table"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric, in words and as an expression: what is added up over which rows.

    Its value is the numerator by the denominator and by `per`, or the numerator itself where `per` is None. `always_by`
    are columns by which it is grouped in any case. Metrics of the same `rows` are worked out in one pass."""

    name: str
    title: str
    formula: str
    numerator: str
    denominator: str
    exclusions: str
    source: tuple[str, ...]
    edge_cases: str
    grain: Groups
    rows: Rows
    tally: "Callable[[Table, Filters], Tally]"
    unit: str = "rate"
    goal: float | None = None
    per: int | None = 1
    always_by: Groups = ()

    @property
    def shows_empty(self) -> bool:
        """Whether a group with a denominator of 0 is one: hours that are on the calendar, though nothing is in them."""
        return self.unit == "share of time"

    def expression(self, facts: "Facts", filters: Filters, group_by: Groups) -> "Table":
        """A table with a row per group: the columns of `group_by`, then `numerator`, `denominator` and `value`."""
        keys = (*(one for one in self.always_by if one not in group_by), *group_by)
        found = together([self], facts, filters, keys)
        found = found.rename(numerator=f"{self.name}_numerator", denominator=f"{self.name}_denominator")
        if keys and not self.shows_empty:
            found = found.filter(found.denominator > 0)
        return found.mutate(value=self._divided(found.numerator, found.denominator))

    def _divided(self, numerator: Any, denominator: Any) -> Any:
        if self.per is None:
            return numerator if self.unit == "currency" else numerator.cast("float64")
        value = numerator.cast("float64") / denominator.nullif(0).cast("float64")
        return value if self.per == 1 else value / self.per

    def value_of(self, numerator: int | Decimal, denominator: int) -> float | Decimal | None:
        """The value of a group, as the expression has it; None where there is none."""
        if self.per is None:
            return numerator if isinstance(numerator, Decimal) else float(numerator)
        return float(numerator) / denominator / self.per if denominator else None


def together(metrics: Sequence[Metric], facts: "Facts", filters: Filters, group_by: Groups) -> "Table":
    """Metrics of the same rows in one pass: the columns of `group_by`, and `…_numerator`, `…_denominator` of each."""
    table = metrics[0].rows(facts, filters, group_by)
    addends: dict[str, Any] = {}
    for metric in metrics:
        addends[f"{metric.name}_numerator"], addends[f"{metric.name}_denominator"] = metric.tally(table, filters)
    # Several metrics have the same denominator, which is added up once; and what is added is worked out for each row
    # first, so that an engine does once what several of them ask.
    places: dict[Any, str] = {}
    for one in addends.values():
        places.setdefault(one.op(), f"sum_{len(places)}")
    rows = table.select(*group_by, **{place: op.to_expr() for op, place in places.items()})
    sums = {place: _added_up(rows[place]) for place in places.values()}
    added = rows.group_by(list(group_by)).agg(**sums) if group_by else rows.aggregate(**sums)
    return added.select(*group_by, **{name: added[places[one.op()]] for name, one in addends.items()})


def _added_up(column: Any) -> Any:
    if column.type().is_boolean():
        return column.cast("int32").sum().cast("int64").fill_null(0)
    return column.sum() if column.type().is_decimal() else column.sum().cast("int64").fill_null(0)


METRICS: dict[str, Metric] = {}


def register(metric: Metric) -> Metric:
    """Put a metric into the registry. Raises ValueError where there is one of that name."""
    if metric.name in METRICS:
        raise ValueError(f"there are two metrics called {metric.name}")
    METRICS[metric.name] = metric
    return metric

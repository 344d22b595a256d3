"""What a metric is, and the registry of all of them. Each stands here once, as an expression that every engine runs.

A metric's expression is made of Ibis tables (`Facts`), never of SQL, so that DuckDB, PostgreSQL and Spark answer the
same. A test runs every registered metric on all of them and compares row by row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ibis.expr.types import Table

    from fieldserve.analytics.engines import Facts


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


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric, in words and as an expression.

    `expression(facts, filters, group_by)` answers a table with a row per group: the columns of `group_by`, then
    `numerator` and `denominator` (whole or exact), and `value`."""

    name: str
    title: str
    formula: str
    numerator: str
    denominator: str
    exclusions: str
    source: tuple[str, ...]
    edge_cases: str
    grain: tuple[str, ...]
    expression: "Callable[[Facts, Filters, tuple[str, ...]], Table]"
    unit: str = "rate"
    goal: float | None = None


METRICS: dict[str, Metric] = {}


def register(metric: Metric) -> Metric:
    """Put a metric into the registry. Raises ValueError where there is one of that name."""
    if metric.name in METRICS:
        raise ValueError(f"there are two metrics called {metric.name}")
    METRICS[metric.name] = metric
    return metric

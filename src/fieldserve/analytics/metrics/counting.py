"""What all metrics are made of: facts that count, and how they are counted.

Sums are of whole numbers (counts, seconds) or decimals, so that engines add them in any order to the same result.
"""

from typing import TYPE_CHECKING, Any

from fieldserve.analytics.metrics.registry import Filters

if TYPE_CHECKING:
    from ibis.expr.types import Table

    from fieldserve.analytics.engines import Facts

_SECONDS = 60


def chosen(table: "Table", filters: Filters, *, store: str = "store_id") -> "Table":
    """The rows of the days, sellers, stores and services asked for."""
    table = table.filter(table.local_date >= filters.since, table.local_date < filters.until)
    for column, wanted in (("seller_id", filters.seller_ids), (store, filters.store_ids), ("asin", filters.asins)):
        if wanted and column in table.columns:
            table = table.filter(table[column].isin(wanted))
    return table


def visits(facts: "Facts", filters: Filters, group_by: tuple[str, ...]) -> "Table":
    """The appointments that count. By technician, each counts for everybody of its team."""
    table = chosen(facts["appointment_facts"], filters)
    team = facts["appointment_technicians"].select("seller_id", "appointment_id", "technician_id")
    if filters.technician_ids:
        team = team.filter(team.technician_id.isin(filters.technician_ids))
    keys = ["seller_id", "appointment_id"]
    if "technician_id" in group_by:
        return table.inner_join(team, keys)
    return table.semi_join(team, keys) if filters.technician_ids else table


def share(table: "Table", group_by: tuple[str, ...], counts: Any, of: Any = None) -> "Table":
    """How many of the rows `of` (all, where it is None) also hold `counts`; unknown does not hold."""
    part = counts.fill_null(False)
    if of is not None:
        whole = of.fill_null(False)
        table = table.filter(whole)
    summed = _grouped(table, group_by, part.ifelse(1, 0).sum(), table.count())
    return summed.mutate(value=summed.numerator.cast("float64") / summed.denominator.nullif(0).cast("float64"))


def seconds(minutes: Any) -> Any:
    """Whole seconds of a column of minutes, which every engine adds alike."""
    return (minutes * _SECONDS + 0.5).floor().cast("int64")


def mean_minutes(table: "Table", group_by: tuple[str, ...], column: str) -> "Table":
    """The mean of a column of minutes over the rows where it is known; the numerator is in seconds."""
    known = table.filter(table[column].notnull())
    summed = _grouped(known, group_by, seconds(known[column]).sum(), known.count())
    mean = summed.numerator.cast("float64") / summed.denominator.nullif(0).cast("float64") / _SECONDS
    return summed.mutate(value=mean)


def share_of_time(table: "Table", group_by: tuple[str, ...], part: Any, whole: Any) -> "Table":
    """One sum of minutes over another, both in whole seconds."""
    summed = _grouped(table, group_by, seconds(part).sum(), seconds(whole).sum())
    return summed.mutate(value=summed.numerator.cast("float64") / summed.denominator.nullif(0).cast("float64"))


def total(table: "Table", group_by: tuple[str, ...], amount: Any) -> "Table":
    """The sum of an amount; the denominator says of how many rows."""
    summed = table.group_by(list(group_by)).agg(numerator=amount.sum(), denominator=table.count())
    return summed.mutate(value=summed.numerator)


def count(table: "Table", group_by: tuple[str, ...]) -> "Table":
    """How many rows there are."""
    summed = _grouped(table, group_by, table.count(), table.count())
    return summed.mutate(value=summed.numerator.cast("float64"))


def _grouped(table: "Table", group_by: tuple[str, ...], numerator: Any, denominator: Any) -> "Table":
    whole = {
        "numerator": numerator.cast("int64").fill_null(0),
        "denominator": denominator.cast("int64").fill_null(0),
    }
    return table.group_by(list(group_by)).agg(**whole) if group_by else table.aggregate(**whole)

"""What all metrics are made of: facts that count, and how they are counted.

Sums are of whole numbers (counts, seconds) or decimals, so that engines add them in any order to the same result.
"""

from typing import TYPE_CHECKING, Any

from fieldserve.analytics.metrics.registry import Filters, Groups, Tally

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


def visits(facts: "Facts", filters: Filters, group_by: Groups) -> "Table":
    """The appointments that count. By technician, each counts for everybody of its team."""
    team = facts["appointment_technicians"]
    if filters.technician_ids:
        team = team.filter(team.technician_id.isin(filters.technician_ids))
    if "technician_id" in group_by:
        return chosen(team, filters)
    table = chosen(facts["appointment_facts"], filters)
    keys = ["seller_id", "appointment_id"]
    return table.semi_join(team.select(keys), keys) if filters.technician_ids else table


def share(counts: Any, of: Any) -> Tally:
    """How many of the rows `of` also hold `counts`; what is unknown is not added up, and so does not hold."""
    return Tally(counts & of, of)


def count(holds: Any) -> Tally:
    """How many of the rows hold it."""
    return Tally(holds, holds)


def mean_minutes(minutes: Any) -> Tally:
    """A column of minutes over the rows where it is known; the numerator is in seconds."""
    return Tally(seconds(minutes), minutes.notnull())


def share_of_time(part: Any, whole: Any) -> Tally:
    """One sum of minutes over another, both in whole seconds."""
    return Tally(seconds(part), seconds(whole))


def total(amount: Any, holds: Any) -> Tally:
    """The sum of an amount over the rows that hold it; the denominator says of how many."""
    return Tally(holds.ifelse(amount, None), holds)


def seconds(minutes: Any) -> Any:
    """Whole seconds of a column of minutes, which every engine adds alike."""
    return (minutes * _SECONDS + 0.5).floor().cast("int64")

"""What was paid, and what is open. Amounts are decimal and never added across currencies."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from fieldserve.analytics.metrics import counting
from fieldserve.analytics.metrics.registry import Filters, Metric, Tally, register

if TYPE_CHECKING:
    from ibis.expr.types import Table

    from fieldserve.analytics.engines import Facts

GRAIN = ("currency", "store_id")
STATES = {"EARNED": "Earned", "PENDING": "Pending", "DECLINED": "Declined", "LOST": "Lost to cancellation"}
OLD = timedelta(days=30)


def _payments(facts: "Facts", filters: Filters, _: tuple[str, ...]) -> "Table":
    return counting.chosen(facts["payment_facts"], filters)


def _amount(state: str | None) -> "Callable[[Table, Filters], Tally]":
    def tally(table: "Table", _: Filters) -> Tally:
        return counting.total(table.amount, table.state.notnull() if state is None else table.state == state)

    return tally


def _overdue(table: "Table", filters: Filters) -> Tally:
    return counting.share(table.local_date < (filters.as_of - OLD).date(), table.state == "PENDING")


def _reconciled(table: "Table", _: Filters) -> Tally:
    return counting.share(table.visited == (table.state == "EARNED"), table.state != "PENDING")


for _state in (None, *STATES):
    _what = "Payments" if _state is None else STATES[_state]
    register(
        Metric(
            "payments_total" if _state is None else f"payments_{_state.lower()}",
            _what,
            "numerator",
            "sum of the amounts" + ("" if _state is None else f" that are {_state}"),
            "how many payments that are",
            "none",
            ("payment_facts",),
            "Always by currency, also where that was not asked for. The states add up to the total.",
            GRAIN,
            _payments,
            _amount(_state),
            unit="currency",
            per=None,
            always_by=("currency",),
        )
    )
register(
    Metric(
        "payments_overdue",
        "Pending for more than 30 days",
        "numerator / denominator",
        "pending payments of jobs ordered more than 30 days ago",
        "pending payments",
        "payments in another state",
        ("payment_facts",),
        "Counted, not added: currencies do not matter.",
        GRAIN,
        _payments,
        _overdue,
    )
)
register(
    Metric(
        "payments_reconciled",
        "Payments that agree with the work",
        "numerator / denominator",
        "those earned with recorded work, or not earned without",
        "payments that are not pending",
        "pending payments",
        ("payment_facts",),
        "Earned without recorded work, and work recorded that earned nothing, both disagree.",
        GRAIN,
        _payments,
        _reconciled,
    )
)

_AGES = (
    ("week", "Pending for up to 7 days", None, 7),
    ("month", "Pending for 8 to 30 days", 7, 30),
    ("two", "Pending for 31 to 60 days", 30, 60),
    ("older", "Pending for more than 60 days", 60, None),
)


def _aged(more_than: int | None, at_most: int | None) -> "Callable[[Table, Filters], Tally]":
    def tally(table: "Table", filters: Filters) -> Tally:
        holds = table.state == "PENDING"
        if more_than is not None:
            holds = holds & (table.local_date < (filters.as_of - timedelta(days=more_than)).date())
        if at_most is not None:
            holds = holds & (table.local_date >= (filters.as_of - timedelta(days=at_most)).date())
        return counting.total(table.amount, holds)

    return tally


for _name, _title, _more_than, _at_most in _AGES:
    register(
        Metric(
            f"payments_pending_{_name}",
            _title,
            "numerator",
            "sum of the pending amounts of jobs ordered so many days ago",
            "how many payments that are",
            "payments in another state",
            ("payment_facts",),
            "By the local day of the order. The ages add up to what is pending.",
            GRAIN,
            _payments,
            _aged(_more_than, _at_most),
            unit="currency",
            per=None,
            always_by=("currency",),
        )
    )

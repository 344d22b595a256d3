"""What was paid, and what is open. Amounts are decimal and never added across currencies."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from fieldserve.analytics.metrics import counting
from fieldserve.analytics.metrics.registry import Filters, Metric, register

if TYPE_CHECKING:
    from ibis.expr.types import Table

    from fieldserve.analytics.engines import Facts

GRAIN = ("currency", "store_id")
STATES = {"EARNED": "Earned", "PENDING": "Pending", "DECLINED": "Declined", "LOST": "Lost to cancellation"}
OLD = timedelta(days=30)


def _of_currency(group_by: tuple[str, ...]) -> tuple[str, ...]:
    return group_by if "currency" in group_by else ("currency", *group_by)


def _amount(state: str | None) -> "Callable[[Facts, Filters, tuple[str, ...]], Table]":
    def expression(facts: "Facts", filters: Filters, group_by: tuple[str, ...]) -> "Table":
        table = counting.chosen(facts["payment_facts"], filters)
        if state is not None:
            table = table.filter(table.state == state)
        return counting.total(table, _of_currency(group_by), table.amount)

    return expression


def _overdue(facts: "Facts", filters: Filters, group_by: tuple[str, ...]) -> "Table":
    table = counting.chosen(facts["payment_facts"], filters)
    table = table.filter(table.state == "PENDING")
    return counting.share(table, group_by, table.local_date < (filters.as_of - OLD).date())


def _reconciled(facts: "Facts", filters: Filters, group_by: tuple[str, ...]) -> "Table":
    table = counting.chosen(facts["payment_facts"], filters)
    return counting.share(table, group_by, table.visited == (table.state == "EARNED"), table.state != "PENDING")


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
            _amount(_state),
            unit="currency",
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
        _reconciled,
    )
)

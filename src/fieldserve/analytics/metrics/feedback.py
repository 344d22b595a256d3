"""What buyers say of jobs: the targets of stars and claims, where such data is imported.

A job's stars and claim belong to its concluding appointment, so to the day of that and to those who came. Where nothing
was imported nothing is known. So rates of all jobs count those of the time that imports are about: from the first
appointment of which anything was said, to the moment of the newest import.
"""

from typing import TYPE_CHECKING, Any

from fieldserve.analytics.metrics import counting
from fieldserve.analytics.metrics.audit import GRAIN, provider_answers
from fieldserve.analytics.metrics.registry import Filters, Groups, Metric, Tally, register

if TYPE_CHECKING:
    from ibis.expr.types import Table

    from fieldserve.analytics.engines import Facts

NEGATIVE = 2
"""Stars up to which feedback is negative."""


def _jobs(facts: "Facts", filters: Filters, group_by: Groups) -> "Table":
    """The concluding appointments of sellers of whose jobs anything was said, and whether that covers them."""
    said = facts["appointment_facts"]
    said = said.filter(said.said_at.notnull())
    known = said.group_by("seller_id").agg(
        first_day=said.local_date.min(),
        newest=said.said_at.max(),
        all_stars=said.stars.count(),
        all_claims=said.claim.count(),
    )
    table = counting.visits(facts, filters, group_by)
    table = table.filter(table.concluding).inner_join(known, "seller_id")
    return table.mutate(covered=(table.local_date >= table.first_day) & (table.promised_end <= table.newest))


def _answers(table: Any, filters: Filters) -> Any:
    """Jobs that imports cover and that the provider answers for."""
    return table.covered & provider_answers(table, filters)


def _rated(table: "Table", filters: Filters) -> Tally:
    return counting.share(table.stars.notnull(), _answers(table, filters) & (table.all_stars > 0))


def _stars(table: "Table", _: Filters) -> Tally:
    return Tally(table.stars, table.stars.notnull())


def _negative(table: "Table", _: Filters) -> Tally:
    return counting.share(table.stars <= NEGATIVE, table.stars.notnull())


def _claims(table: "Table", filters: Filters) -> Tally:
    return counting.share(table.claim == "GRANTED", _answers(table, filters) & (table.all_claims > 0))


_SOURCE = ("appointment_facts", "appointment_technicians")
_COVERED = "jobs whose last appointment is over, that the provider answers for, and that imports cover"
_NOT_COVERED = (
    "what the buyer, the operator or nobody ended; jobs before the first of which anything was imported, and those"
    " that were still to come at the newest import"
)
_NOTHING = "Stars never imported: no value, rather than 0."
_RATED = "jobs to which their buyer gave stars"
_NOT_RATED = "jobs without stars"

register(
    Metric(
        "feedback_rate",
        "Jobs with feedback",
        "numerator / denominator",
        "those to which their buyer gave stars",
        _COVERED,
        _NOT_COVERED,
        _SOURCE,
        f"{_NOTHING} A job counts on the day of its concluding appointment, whenever the buyer said so.",
        GRAIN,
        _jobs,
        _rated,
    )
)
register(
    Metric(
        "average_stars",
        "Average stars",
        "numerator / denominator",
        "sum of the stars",
        _RATED,
        _NOT_RATED,
        _SOURCE,
        "Each job counts once, with the stars that were imported last. No stars: no value.",
        GRAIN,
        _jobs,
        _stars,
        unit="stars",
        goal=4.7,
    )
)
register(
    Metric(
        "target_negative_feedback",
        "Negative feedback rate",
        "numerator / denominator",
        f"those with at most {NEGATIVE} stars",
        _RATED,
        _NOT_RATED,
        _SOURCE,
        "No stars: no value. Three stars are not negative.",
        GRAIN,
        _jobs,
        _negative,
        goal=0.05,
    )
)
register(
    Metric(
        "target_claims",
        "Claim rate",
        "numerator / denominator",
        "those whose buyer's claim was granted",
        _COVERED,
        _NOT_COVERED,
        _SOURCE,
        "A claim that is only FILED is held against nobody yet. Claims never imported: no value, rather than 0. A file"
        " may list claims alone, or say NONE of other jobs.",
        GRAIN,
        _jobs,
        _claims,
        goal=0.01,
    )
)

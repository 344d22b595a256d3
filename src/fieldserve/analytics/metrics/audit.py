"""The audit of technicians and stores, and the targets that providers are held to: all over appointments.

Appointments belong to the local day for which they were promised. What is not known never counts as kept.
"""

from collections.abc import Callable
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from fieldserve.analytics.metrics import counting
from fieldserve.analytics.metrics.registry import Filters, Metric, Tally, register

if TYPE_CHECKING:
    from ibis.expr.types import Table

GRAIN = ("technician_id", "week_start")
Condition = Callable[[Any, Filters], Any]


def due(table: Any, filters: Filters) -> Any:
    """Its window is over and nobody called it off."""
    return (table.promised_end <= filters.as_of) & table.broken_by.isnull() & (table.status != "CANCELLED")


def on_time(table: Any, filters: Filters) -> Any:
    """It began inside the arrival window: the ETA's where one was given, else the promised one."""
    grace = filters.grace_minutes
    offset = table.arrival_offset_minutes.coalesce(table.start_offset_minutes)
    length = table.arrival_minutes.coalesce(table.promised_minutes)
    return (offset >= -grace) & (offset <= length + grace)


def late_start(table: Any, filters: Filters) -> Any:
    """It began after that window."""
    offset = table.arrival_offset_minutes.coalesce(table.start_offset_minutes)
    return offset > table.arrival_minutes.coalesce(table.promised_minutes) + filters.grace_minutes


def no_show(table: Any, filters: Filters) -> Any:
    """Its window is over and nobody came: still open, or called off by the provider after it began."""
    open_ = due(table, filters) & (table.outcome == "OPEN")
    called_off = (table.broken_by == "SELLER") & (table.notice_minutes < 0)
    return (open_ | called_off) & table.fulfilment_start.isnull()


def overrun(table: Any, _: Filters) -> Any:
    """Work ended after the promised window."""
    return table.end_offset_minutes > 0


def provider_reschedule(table: Any, _: Filters) -> Any:
    """The provider moved it."""
    return (table.outcome == "RESCHEDULED") & (table.broken_by == "SELLER")


def provider_cancellation(table: Any, _: Filters) -> Any:
    """The provider cancelled its job, or could not do it."""
    return table.outcome.isin(["CANCELLED", "NOT_FULFILLABLE"]) & (table.broken_by == "SELLER")


def missing_proof(table: Any, _: Filters) -> Any:
    """Work was recorded and no document is attached."""
    return (table.outcome == "FULFILLED") & ~table.proof_attached


BREAKS: dict[str, Condition] = {
    "no_show": no_show,
    "late_start": late_start,
    "overrun": overrun,
    "provider_reschedule": provider_reschedule,
    "provider_cancellation": provider_cancellation,
    "missing_proof": missing_proof,
}


def broken(table: Any, filters: Filters) -> Any:
    """At least one promise was broken, of whatever kind."""
    return reduce(or_, (condition(table, filters) for condition in BREAKS.values())).fill_null(False)


def over(table: Any, filters: Filters) -> Any:
    """Its window is over, or it was ended before."""
    return (table.promised_end <= filters.as_of) | (table.outcome != "OPEN")


def provider_answers(table: Any, filters: Filters) -> Any:
    """Over, and not ended by the buyer, the operator or nobody."""
    return over(table, filters) & (table.broken_by.isnull() | (table.broken_by == "SELLER"))


def _perfect(table: Any, filters: Filters) -> Any:
    kept = (table.outcome == "FULFILLED") & on_time(table, filters)
    return kept & ~broken(table, filters)


def _late_completion(table: Any, _: Filters) -> Any:
    return table.fulfilment_end_date > table.local_date


def _started(table: Any, _: Filters) -> Any:
    return table.fulfilment_start.notnull()


def _ended(table: Any, _: Filters) -> Any:
    return table.fulfilment_end.notnull()


def _told(table: Any, filters: Filters) -> Any:
    return due(table, filters) & table.arrival_start.notnull()


def _inside(table: Any, _: Filters) -> Any:
    return table.end_offset_minutes <= 0


def _of(counts: Condition, of: Condition) -> "Callable[[Table, Filters], Tally]":
    return lambda table, filters: counting.share(counts(table, filters), of(table, filters))


def _visits(
    name: str,
    title: str,
    numerator: tuple[str, Condition],
    denominator: tuple[str, Condition],
    edge_cases: str,
    *,
    exclusions: str = "appointments that are still to come",
    goal: float | None = None,
) -> None:
    register(
        Metric(
            name,
            title,
            "numerator / denominator",
            numerator[0],
            denominator[0],
            exclusions,
            ("appointment_facts", "appointment_technicians"),
            edge_cases,
            GRAIN,
            counting.visits,
            _of(numerator[1], denominator[1]),
            goal=goal,
        )
    )


_DUE = ("appointments whose window is over and that nobody called off", due)
_OVER = ("appointments whose window is over, or that were ended before", over)
_ANSWERS = ("appointments that are over and that the provider answers for", provider_answers)
_NOT_THEIRS = "what the buyer, the operator or nobody ended; appointments that are still to come"

_visits(
    "on_time_start",
    "Started on time",
    ("those that began inside the arrival window, give or take the grace", on_time),
    _DUE,
    "The window is that of the ETA where one was given, else the promised one. No recorded start is not on time.",
)
_visits(
    "completed_in_window",
    "Completed inside the window",
    ("those whose work ended by the end of the promised window", _inside),
    _DUE,
    "No recorded end is not inside.",
)
_visits(
    "eta_accuracy",
    "Came when the ETA said",
    ("those that began inside the ETA's window, give or take the grace", on_time),
    ("due appointments for which an ETA was given", _told),
    "The ETA given last counts. No recorded start is not accurate.",
    exclusions="appointments without an ETA",
)
_WORDS = {
    "no_show": ("No-shows", "Still open after the window, or called off by the provider after it began."),
    "late_start": ("Late starts among promises", "An unknown start is a no-show or closed, not a late start."),
    "overrun": ("Overruns", "An unknown end is no overrun."),
    "provider_reschedule": ("Moved by the provider", "Who moved it: the reason code says."),
    "provider_cancellation": ("Cancelled by the provider", "Includes jobs that could not be done."),
    "missing_proof": ("Without proof", "Of mirrored jobs it is not known and does not count."),
}
for _kind, (_title, _edge) in _WORDS.items():
    _visits(
        f"break_{_kind}",
        _title,
        (str(BREAKS[_kind].__doc__), BREAKS[_kind]),
        _ANSWERS,
        f"{_edge} One appointment may be broken in several ways.",
        exclusions=_NOT_THEIRS,
    )
_visits(
    "fulfilment_breaks",
    "Broken promises",
    ("those with a break of any kind", broken),
    _ANSWERS,
    "An appointment counts once, however many its breaks.",
    exclusions=_NOT_THEIRS,
)
_visits(
    "target_cancellation",
    "Cancellation rate",
    ("those that the provider cancelled", provider_cancellation),
    _OVER,
    "A job cancelled before it had an appointment broke no promise.",
    goal=0.05,
)
_visits(
    "target_reschedule",
    "Reschedule rate",
    ("those that the provider moved", provider_reschedule),
    _OVER,
    "Moves that the buyer asked for, weather and missing items are not the provider's.",
    goal=0.10,
)
_visits(
    "target_late_start",
    "Late start rate",
    ("those that began after the arrival window and its grace", late_start),
    ("appointments with a recorded start", _started),
    "Appointments without a recorded start are no-shows or unknown; they are counted there.",
    exclusions="appointments without a recorded start",
    goal=0.10,
)
_visits(
    "target_late_completion",
    "Late completion rate",
    ("those whose work ended after the local midnight that ends the appointment's day", _late_completion),
    ("appointments with a recorded end", _ended),
    "Midnight is the store's. Work that ends at midnight sharp is on the next day.",
    exclusions="appointments without a recorded end",
    goal=0.02,
)
_visits(
    "perfect_orders",
    "Perfect orders",
    ("those fulfilled on time without any break", _perfect),
    _ANSWERS,
    "What is not known is not perfect.",
    exclusions=_NOT_THEIRS,
)


register(
    Metric(
        "time_on_site",
        "Time on site",
        "numerator / denominator / 60",
        "seconds from start to end of work",
        "appointments with both recorded",
        "appointments without",
        ("appointment_facts", "appointment_technicians"),
        "Nothing recorded: no value. Seconds are rounded.",
        GRAIN,
        counting.visits,
        lambda table, _: counting.mean_minutes(table.on_site_minutes),
        unit="minutes",
        per=60,
    )
)

"""Plans of routes on the wire, as operators see them: who goes where, in which order, and when they arrive.

Times are UTC; travel is in seconds and metres. A plan names jobs and technicians by id and says of no job where it is:
maps and sheets are drawn from what the jobs hold when they are asked for.
"""

import re
from datetime import date
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from fieldserve.wire.errors import Says
from fieldserve.wire.limits import Ask, Id, JobId, TechnicianId
from fieldserve.wire.parameters import Parameter, ParameterFault
from fieldserve.wire.parts import Part
from fieldserve.wire.times import TimeFault, is_utc, parse

PlanStatus = Literal["DRAFT", "APPLIED", "UNDONE", "SUPERSEDED"]
EventKind = Literal["OVERRUN", "NO_SHOW", "ILLNESS", "EMERGENCY", "CANCELLATION"]

MOST_DAYS = 7
MOST_VISITS = 1_000
LONGEST_SOLVE_SECONDS = 600

Day = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$(?!\n)")]
Time = Annotated[str, Meta(max_length=40)]


# ---- requests


class CreatePlan(Ask):
    """Plan days from `firstDay` on (each store's own calendar), of some stores or of all.

    The solver ends after `seconds`, or after `iterations` where they are given: then the same world, seed and number
    give the same plan. `arrivalMinutes`: how wide the window is that customers are told. `lateMinutes`: how much later
    than booked work may begin. `waiting`: jobs that wait to be scheduled are planned, too, on times they prefer."""

    first_day: Day
    days: Annotated[int, Meta(ge=1, le=MOST_DAYS)] = 1
    store_ids: Annotated[tuple[Id, ...], Meta(max_length=500)] = ()
    seconds: Annotated[int, Meta(ge=1, le=LONGEST_SOLVE_SECONDS)] = 10
    iterations: Annotated[int, Meta(ge=1, le=10_000_000)] | None = None
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 1
    waiting: bool = False
    arrival_minutes: Annotated[int, Meta(ge=1, le=480)] = 30
    late_minutes: Annotated[int, Meta(ge=0, le=480)] = 15
    overtime_minutes: Annotated[int, Meta(ge=0, le=480)] = 0
    freeze_until: Time | None = None


class DayEvent(Ask):
    """Something that happened while the day runs.

    OVERRUN: the job takes `minutes` longer, or until `until`. NO_SHOW and CANCELLATION: the visit of the job does not
    come about. ILLNESS: the technician is away from `at` (now if absent) on. EMERGENCY: the job, which may wait to be
    scheduled, has to be done by `until`."""

    kind: EventKind
    service_job_id: JobId | None = None
    technician_id: TechnicianId | None = None
    minutes: Annotated[int, Meta(ge=1, le=1440)] | None = None
    at: Time | None = None
    until: Time | None = None


class Replan(Ask):
    """Plan the rest of a day anew after events; what was told to customers changes as little as can be.

    Nothing that starts before `freezeUntil` moves; now if absent."""

    events: Annotated[tuple[DayEvent, ...], Meta(min_length=1, max_length=50)]
    freeze_until: Time | None = None
    arrival_minutes: Annotated[int, Meta(ge=1, le=480)] = 30
    late_minutes: Annotated[int, Meta(ge=0, le=480)] = 120
    overtime_minutes: Annotated[int, Meta(ge=0, le=480)] = 60
    seconds: Annotated[int, Meta(ge=1, le=LONGEST_SOLVE_SECONDS)] = 1
    iterations: Annotated[int, Meta(ge=1, le=10_000_000)] | None = None
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 1


class ComparePlans(Ask):
    plan_ids: Annotated[tuple[Id, ...], Meta(min_length=1, max_length=10)]


class CreateFeed(Ask):
    technician_id: TechnicianId


# ---- answers


class TimeSpan(Part):
    start: str
    end: str


class PlannedStop(Part):
    """A visit on a route. `travelSeconds` and `travelMetres` are those of the way there from the place before.

    `arrival` is when the technician is there, `start` when work begins; `told` the window that the customer will be
    told, `toldBefore` the one that they were told. `books`: a job without an appointment gets one by applying."""

    service_job_id: str
    store_id: str
    asin: str
    arrival: str
    start: str
    end: str
    travel_seconds: int
    travel_metres: int
    told: TimeSpan
    technicians: list[str]
    technicians_before: list[str]
    appointment_id: str | None = None
    told_before: TimeSpan | None = None
    late_seconds: int = 0
    pinned: bool = False
    books: bool = False


class PlannedRoute(Part):
    """The day of one technician, from leaving home until being back. A technician without a visit has no route."""

    technician_id: str
    leaves: str
    returns: str
    stops: list[PlannedStop]
    breaks: list[TimeSpan]
    travel_seconds: int
    travel_metres: int
    return_seconds: int
    return_metres: int
    work_seconds: int
    overtime_seconds: int = 0


class LeftOut(Part):
    """A visit that nobody is sent to: the rule that binds, in a word and in words, and what would make it fit."""

    service_job_id: str
    reason: str
    message: str
    appointment_id: str | None = None
    technicians_before: list[str] = []  # noqa: RUF012 (msgspec copies it)
    would_fit: str | None = None


class Figures(Part):
    """What a plan comes to. `onTime` is the share of the visits that begin when the customer was told, `utilisation`
    the share of the scheduled time that is work; `fairness` 1 where all work alike, near 0 where one does it all."""

    visits: int
    assigned: int
    unassigned: int
    technicians: int
    travel_seconds: int
    travel_metres: int
    late_seconds: int
    overtime_seconds: int
    on_time: float
    utilisation: float
    fairness: float


class PlannedDay(Part):
    """One day of stores that share technicians. `before` are the figures of what is assigned now."""

    date: str
    time_zone: str
    store_ids: list[str]
    routes: list[PlannedRoute]
    left_out: list[LeftOut]
    without_place: list[str]
    figures: Figures
    before: Figures
    travel_source: str
    late_minutes: int
    overtime_minutes: int
    notices: list[str]


class PlanChange(Part):
    """What a plan changes for one visit: who comes, when, and what the customer was told."""

    service_job_id: str
    what: list[Literal["BOOKED", "TECHNICIANS", "TOLD", "LEFT_OUT"]]
    appointment_id: str | None = None
    technicians: list[str] | None = None
    technicians_before: list[str] | None = None
    told: TimeSpan | None = None
    told_before: TimeSpan | None = None


class PlanRecord(Part):
    """A plan with its days, and what applying it would change."""

    plan_id: str
    status: PlanStatus
    created_at: str
    first_day: str
    store_ids: list[str]
    days: list[PlannedDay]
    changes: list[PlanChange]
    figures: Figures
    before: Figures
    seed: int
    base_plan_id: str | None = None


class PlanSummary(Part):
    plan_id: str
    status: PlanStatus
    created_at: str
    first_day: str
    days: int
    store_ids: list[str]
    figures: Figures
    before: Figures
    base_plan_id: str | None = None


class PlanListing(Part):
    """A page, the newest first; `next` is there where more follow."""

    plans: list[PlanSummary]
    next: str | None = None


class PlanComparison(Part):
    """The figures of plans side by side; `before` are those of what is assigned, as the first plan found it."""

    before: Figures
    plans: list[PlanSummary]


class Applied(Part):
    """What applying, or undoing, changed. `kept` are visits that undoing leaves: somebody has changed them since, or
    they were booked for a job that is mirrored, whose source cannot be asked to take that back."""

    plan_id: str
    status: PlanStatus
    assigned: int
    told: int
    booked: int
    unchanged: int
    kept: list[str] = []  # noqa: RUF012 (msgspec copies it)


class Alternative(Part):
    """Another way to do a visit, and what it would cost more than the plan's (in the solver's units: seconds)."""

    technician_id: str
    start: str
    extra_seconds: int


class VisitExplained(Part):
    """Why a visit is where it is, or the rule that keeps it out. `refused`: why the others cannot, by technician."""

    service_job_id: str
    message: str
    alternatives: list[Alternative]
    refused: dict[str, str]
    technician_id: str | None = None
    start: str | None = None
    reason: str | None = None
    would_fit: str | None = None


class PlanExplained(Part):
    plan_id: str
    visits: list[VisitExplained]


class RankedSlot(Part):
    """A slot, and the seconds of travel that a visit then would add to the day of whoever would come."""

    start_time: str
    end_time: str
    capacity: int
    added_travel_seconds: int | None = None
    technician_id: str | None = None


class RankedSlots(Part):
    """Slots with capacity, those that add the least travel first."""

    service_job_id: str
    slots: list[RankedSlot]


class FeedRecord(Part):
    feed_id: str
    technician_id: str
    created_at: str
    revoked_at: str | None = None


class FeedWithUrl(Part):
    """The calendar's address, told this once: whoever knows it reads the calendar."""

    feed: FeedRecord
    url: str


class FeedListing(Part):
    feeds: list[FeedRecord]


class ExportedPlan(Part):
    """A plan as a file: its text, and what it is."""

    content_type: str
    file_name: str
    content: str


# ---- parameters

PLAN_ID = Parameter("planId", "path", required=True, min_length=1, max_length=100, says="the plan")
FEED_ID = Parameter("feedId", "path", required=True, min_length=1, max_length=100, says="the feed")
FIRST_DAY = Parameter("firstDay", "query", min_length=10, max_length=10, says="plans that begin on that day")
OF_JOB = Parameter("serviceJobId", "query", min_length=1, max_length=63, says="this visit only")
FORMATS = ("html", "geojson", "csv")
FORMAT = Parameter(
    "format", "query", required=True, choices=FORMATS, says="a sheet to print, places and lines, or a table"
)
OF_TECHNICIAN = Parameter("technicianId", "query", min_length=1, max_length=50, says="of this technician only")
OF_PLANNED_STORE = Parameter("storeId", "query", min_length=1, max_length=100, says="of this store only")

# ---- what is refused


def _conflict(message: str, when: str) -> Says:
    return Says(409, "Conflict", message, when)


NO_PLAN = Says(404, "NotFound", "The seller has no plan {plan_id}.", "the seller has no such plan")
NO_FEED = Says(404, "NotFound", "The seller has no calendar feed {feed_id}.", "the seller has no such feed")
NOT_IN_PLAN = Says(404, "NotFound", "Plan {plan_id} has no visit of job {job_id}.", "the job is not of the plan")
NOT_A_DRAFT = _conflict(
    "Plan {plan_id} is {status}; only a DRAFT can be applied.", "the plan was applied, undone or replaced already"
)
NOT_APPLIED = _conflict(
    "Plan {plan_id} is {status}; only one that is APPLIED can be undone or planned anew.", "the plan is not in force"
)
PLAN_OUTDATED = _conflict(
    "Plan {plan_id} was made from what has changed since; plan anew. Changed: {changed}",
    "a visit or technician of the plan changed after it was made; details list them",
)
PLAN_REFUSED = _conflict(
    "Plan {plan_id} cannot be applied: {job_id}: {why}", "an operation refused a step; nothing of it was applied"
)
NOTHING_TO_PLAN = _conflict(
    "There is nothing to plan: {why}.", "no store, no technician with a home, or no visit on those days"
)
TOO_MUCH_TO_PLAN = _conflict(
    "There are {visits} visits on one day of stores that share technicians; at most {most} are planned at once.",
    "the matrix of travel times would be too large; name fewer stores, or leave out the jobs that wait",
)

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def read_day(text: str) -> date | None:
    """The date of `2026-03-02`; None where there is no such day."""
    if not _DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def plan_faults(ask: CreatePlan) -> list[ParameterFault]:
    """What types alone do not tell about a plan that is asked for."""
    faults = []
    day = read_day(ask.first_day)
    if day is None or not date(2000, 1, 1) <= day <= date(9000, 1, 1):
        faults.append(ParameterFault("firstDay", f"there is no day {ask.first_day}"))
    return faults + _time_faults("freezeUntil", ask.freeze_until)


_NEEDS: dict[EventKind, tuple[str, ...]] = {
    "OVERRUN": ("serviceJobId", "minutes or until"),
    "NO_SHOW": ("serviceJobId",),
    "CANCELLATION": ("serviceJobId",),
    "ILLNESS": ("technicianId",),
    "EMERGENCY": ("serviceJobId", "until"),
}


def replan_faults(ask: Replan) -> list[ParameterFault]:
    """What types alone do not tell about events."""
    faults = _time_faults("freezeUntil", ask.freeze_until)
    for rank, event in enumerate(ask.events):
        given = {
            "serviceJobId": event.service_job_id is not None,
            "technicianId": event.technician_id is not None,
            "until": event.until is not None,
            "minutes or until": event.minutes is not None or event.until is not None,
        }
        for name in _NEEDS[event.kind]:
            if not given[name]:
                faults.append(ParameterFault(f"events[{rank}]", f"events[{rank}]: {event.kind} needs {name}"))
        faults += _time_faults(f"events[{rank}].at", event.at) + _time_faults(f"events[{rank}].until", event.until)
    return faults


def _time_faults(name: str, text: str | UnsetType | None) -> list[ParameterFault]:
    if text is None or text is UNSET:
        return []
    try:
        parse(text)
    except TimeFault:
        return [ParameterFault(name, f"{name} is not a valid ISO 8601 date and time")]
    return [] if is_utc(text) or len(text) > len("2026-03-02T10:00") else [ParameterFault(name, f"{name} needs a zone")]

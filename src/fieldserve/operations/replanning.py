"""Plan the rest of a day anew after something happened: what customers were told changes as little as can be.

Events say what is going to be; they change nothing themselves. A job that was cancelled is cancelled, and a technician
who is ill goes on leave, by the operations that there are for it; the plan takes both into account beforehand.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from fieldserve.domain.intervals import MINUTE, Instant
from fieldserve.operations.plan_days import LoadedDay, Member, Seen, Wanted, components, load_day
from fieldserve.operations.plan_problems import DayProblem, Lost, Rules, pose
from fieldserve.operations.plan_records import planned_day, recorded
from fieldserve.operations.plan_solving import Effort, solve_day, untold_share
from fieldserve.operations.planning import seen_of
from fieldserve.operations.plans import get_plan, keep
from fieldserve.operations.run import Caller, Context, aside, read
from fieldserve.operations.sellers import refuse
from fieldserve.wire import plans as wire
from fieldserve.wire.plans import DayEvent, PlanRecord, Replan
from fieldserve.wire.times import parse

EMERGENCY = 10.0
"""How many times as much an emergency counts as an ordinary visit."""


@dataclass(slots=True)
class Happened:
    """What the events come to: how long visits last, which do not come about, who is away from when, what is urgent."""

    lasting: dict[str, DayEvent] = field(default_factory=dict)
    off: dict[str, str] = field(default_factory=dict)
    ill: dict[str, Instant] = field(default_factory=dict)
    urgent: dict[str, Instant] = field(default_factory=dict)


async def replan(context: Context, caller: Caller, plan_id: str, ask: Replan) -> PlanRecord:
    """A new DRAFT for the days of an applied plan. Raises ApiError: 400, NO_SELLER, NO_PLAN, NOT_APPLIED,
    NOTHING_TO_PLAN."""
    refuse(wire.replan_faults(ask))
    record, seen = await aside(context, lambda outer: _make(outer, caller, plan_id, ask))
    return await keep(context, caller, record, seen)


async def _make(context: Context, caller: Caller, plan_id: str, ask: Replan) -> tuple[PlanRecord, Seen]:
    base = await get_plan(context, caller, plan_id)
    if base.status != "APPLIED":
        raise wire.NOT_APPLIED.error(plan_id=plan_id, status=base.status)
    now = context.clock.now()
    happened = read_events(ask.events, now)
    freeze = now if ask.freeze_until is None else max(now, parse(ask.freeze_until))
    rules = Rules(
        ask.late_minutes * MINUTE,
        ask.arrival_minutes * MINUTE,
        ask.overtime_minutes * MINUTE,
        freeze,
        now,
        frozenset(happened.urgent),
    )
    effort = Effort(ask.seconds, ask.iterations, ask.seed, context.settings.planning_cores)
    loaded = await _load(context, caller, base, bool(happened.urgent))
    days = []
    for day in loaded:
        wanted = replace(day, waiting=tuple(one for one in day.waiting if one.service_job_id in happened.urgent))
        problem = await pose(context, caller, wanted, rules)
        apply_events(problem, happened)
        solved = await solve_day(problem, effort, untold_share, keeping=True)
        days.append(planned_day(problem, solved))
    days[0].notices += _unheard_of(ask.events, loaded)
    if not any(day.routes or day.left_out for day in days):
        raise wire.NOTHING_TO_PLAN.error(why="there are no visits left on those days")
    return recorded(context.ids.uuid(), now, days, ask.seed, plan_id), seen_of(loaded, days)


def _unheard_of(events: Sequence[DayEvent], loaded: Sequence[LoadedDay]) -> list[str]:
    """Events about what is not there, which change nothing. What does not come about may well be gone already."""
    known = {one.service_job_id for day in loaded for one in day.wishes} | {
        one for day in loaded for one in day.versions
    }
    return [
        f"{event.kind}: {subject} is nothing of these days that could be planned."
        for event in events
        if event.kind not in _OFF and (subject := event.service_job_id or event.technician_id) not in known
    ]


async def _load(context: Context, caller: Caller, base: PlanRecord, with_waiting: bool) -> list[LoadedDay]:
    """The days of the plan as they are now."""
    loaded = []
    for planned in base.days:
        day = wire.read_day(planned.date)
        assert day is not None, "a plan's days are days"
        groups = await read(context, partial(components, seller_id=caller.seller_id, store_ids=planned.store_ids))
        for group in groups:
            use = partial(load_day, seller_id=caller.seller_id, group=group, day=day, with_waiting=with_waiting)
            loaded.append(await read(context, use))
    return loaded


def read_events(events: Sequence[DayEvent], now: Instant) -> Happened:
    """The events together; a later one about the same thing holds."""
    happened = Happened()
    for event in events:
        if event.kind == "OVERRUN" and event.service_job_id:
            happened.lasting[event.service_job_id] = event
        elif event.kind in ("NO_SHOW", "CANCELLATION") and event.service_job_id:
            happened.off[event.service_job_id] = event.kind
        elif event.kind == "ILLNESS" and event.technician_id:
            happened.ill[event.technician_id] = now if event.at is None else parse(event.at)
        elif event.kind == "EMERGENCY" and event.service_job_id and event.until:
            happened.urgent[event.service_job_id] = parse(event.until)
    return happened


def apply_events(problem: DayProblem, happened: Happened) -> None:
    """Change the problem as the events say."""
    visits: list[Wanted] = []
    for visit in problem.visits:
        kind = happened.off.get(visit.service_job_id)
        if kind is not None:
            problem.lost.append(Lost(visit, kind, _OFF[kind]))
            continue
        changed = _happened_to(visit, happened, problem.rules.now)
        if changed.windows:
            visits.append(changed)
        else:
            problem.lost.append(Lost(visit, "WINDOW", "There is no time left for it to be done by then."))
    problem.visits = visits
    problem.members = [
        still for member in problem.members if (still := _without_illness(member, happened.ill)) is not None
    ]


_OFF = {"NO_SHOW": "Nobody was there.", "CANCELLATION": "It was cancelled."}


def _happened_to(visit: Wanted, happened: Happened, now: Instant) -> Wanted:
    event = happened.lasting.get(visit.service_job_id)
    if event is not None and visit.booked is not None:
        longer = visit.duration + (event.minutes or 0) * MINUTE
        if event.until is not None:
            longer = max(longer, parse(event.until) - visit.booked[0])
        visit = replace(visit, duration=longer)
    until = happened.urgent.get(visit.service_job_id)
    if until is not None:
        latest = until - visit.duration
        windows = tuple((first, min(last, latest)) for first, last in visit.windows if first <= latest)
        visit = replace(visit, priority=EMERGENCY, windows=windows)
    ill = [happened.ill[one] for one in visit.team if one in happened.ill]
    if visit.fixed and ill and visit.booked is not None and visit.booked[1] > min(ill):
        # Whoever is ill stays nowhere; somebody else comes as soon as may be.
        windows = tuple((max(first, now), last) for first, last in visit.windows if last >= now)
        visit = replace(visit, fixed=False, windows=windows or visit.windows)
    return visit


def _without_illness(member: Member, ill: dict[str, Instant]) -> Member | None:
    since = ill.get(member.technician.technician_id)
    if since is None or since >= member.shift[1]:
        return member
    if since <= member.shift[0]:
        return None
    off = tuple((begin, min(end, since)) for begin, end in member.off if begin < since)
    return replace(member, shift=(member.shift[0], since), off=off)

"""Make plans: load the days, find places and travel times, let the solver decide, and tell what comes of it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

from fieldserve.domain.intervals import MINUTE, Instant
from fieldserve.operations.plan_days import Crew, LoadedDay, Seen, components, load_day
from fieldserve.operations.plan_explained import explain_day
from fieldserve.operations.plan_problems import DayProblem, Rules, pose
from fieldserve.operations.plan_records import day_as_assigned, planned_day, recorded
from fieldserve.operations.plan_solving import Effort, Told, never, solve_day
from fieldserve.operations.plans import get_plan, keep
from fieldserve.operations.run import Caller, Context, aside, read
from fieldserve.operations.sellers import find_seller, refuse
from fieldserve.store import stores
from fieldserve.store.engine import Connection
from fieldserve.store.stores import Store
from fieldserve.wire import plans as wire
from fieldserve.wire.plans import CreatePlan, PlannedDay, PlanRecord
from fieldserve.wire.stores import NO_STORE
from fieldserve.wire.times import parse

_PAGE = 500


def untold(_: str, __: float) -> None:
    """Nobody listens."""


async def create_plan(
    context: Context,
    caller: Caller,
    ask: CreatePlan,
    told: Told = untold,
    cancelled: Callable[[], bool] = never,
) -> PlanRecord:
    """A plan of days, kept as a DRAFT; nothing else changes.

    `told` hears what is being done, and which share of all is done; once `cancelled` says so, the best so far is taken.
    Raises ApiError: 400, NO_SELLER, NO_STORE, NOTHING_TO_PLAN, TOO_MUCH_TO_PLAN."""
    refuse(wire.plan_faults(ask))
    # Minutes may pass: no transaction stays open over them.
    record, seen = await aside(context, lambda outer: _make(outer, caller, ask, told, cancelled))
    return await keep(context, caller, record, seen)


async def _make(
    context: Context, caller: Caller, ask: CreatePlan, told: Told, cancelled: Callable[[], bool]
) -> tuple[PlanRecord, Seen]:
    told("Loading", 0.0)
    groups = await read(context, lambda c: _groups(c, caller, ask.store_ids))
    first = wire.read_day(ask.first_day)
    assert first is not None, "it was looked at before"
    rules = _rules(ask, context.clock.now())
    loaded: list[LoadedDay] = []
    for day in (first + timedelta(days=number) for number in range(ask.days)):
        for group in groups:
            loaded.append(
                await read(
                    context,
                    partial(load_day, seller_id=caller.seller_id, group=group, day=day, with_waiting=ask.waiting),
                )
            )
    effort = Effort(ask.seconds, ask.iterations, ask.seed, context.settings.planning_cores, cancelled)
    days, seen = await plan_all(context, caller, loaded, rules, effort, told)
    return recorded(context.ids.uuid(), context.clock.now(), days, ask.seed), seen


async def plan_all(
    context: Context, caller: Caller, loaded: Sequence[LoadedDay], rules: Rules, effort: Effort, told: Told = untold
) -> tuple[list[PlannedDay], Seen]:
    """All days, one after the other: a job that waits is planned on the first day on which it finds a place.

    Raises ApiError: NOTHING_TO_PLAN."""
    if not any(day.visits or day.waiting for day in loaded):
        raise wire.NOTHING_TO_PLAN.error(why="there are no visits on those days")
    if not any(day.members for day in loaded):
        raise wire.NOTHING_TO_PLAN.error(why="no technician is on duty on those days")
    total = sum(len(day.visits) + len(day.waiting) for day in loaded)
    days: list[PlannedDay] = []
    taken: set[str] = set()
    done = 0
    for day in loaded:
        size = len(day.visits) + len(day.waiting)
        still = replace(day, waiting=tuple(one for one in day.waiting if one.service_job_id not in taken))
        problem = await pose(context, caller, still, rules)
        name = f"{day.day.isoformat()} {day.stores[0].store_id}"
        hears = partial(_hear, told, name, done / total, size / total)
        hears(0.0)
        solved = await solve_day(problem, effort.part(size / total), hears)
        days.append(planned_day(problem, solved))
        taken |= {stop.service_job_id for stops in solved.routes.values() for stop in stops}
        done += size
    told("Done", 1.0)
    return _each_left_out_once(days, taken), seen_of(loaded, days)


def _hear(told: Told, name: str, begun: float, share: float, part: float) -> None:
    told(name, begun + share * part)


def _each_left_out_once(days: list[PlannedDay], taken: set[str]) -> list[PlannedDay]:
    """A job that waits, and was left out on one day and planned or tried on a later one, is told of once."""
    told: set[str] = set()
    for day in reversed(days):
        kept = [one for one in day.left_out if one.appointment_id is not None or one.service_job_id not in taken | told]
        told |= {one.service_job_id for one in kept}
        gone = len(day.left_out) - len(kept)
        day.left_out = kept
        day.figures.unassigned -= gone
        day.figures.visits -= gone
        day.before.unassigned -= gone
        day.before.visits -= gone
    return days


def seen_of(loaded: Sequence[LoadedDay], days: Sequence[PlannedDay]) -> Seen:
    """The versions of all that the plan says something about."""
    named = {stop.service_job_id for day in days for route in day.routes for stop in route.stops}
    named |= {one.service_job_id for day in days for one in day.left_out}
    jobs = {one.service_job_id: one.version for day in loaded for one in day.wishes}
    crews = [Crew(*day.window, day.versions) for day in loaded]
    return Seen({job_id: version for job_id, version in jobs.items() if job_id in named}, crews)


def _rules(ask: CreatePlan, now: Instant) -> Rules:
    freeze = now if ask.freeze_until is None else max(now, parse(ask.freeze_until))
    return Rules(ask.late_minutes * MINUTE, ask.arrival_minutes * MINUTE, ask.overtime_minutes * MINUTE, freeze, now)


async def _groups(c: Connection, caller: Caller, store_ids: Sequence[str]) -> list[list[Store]]:
    await find_seller(c, caller)
    wanted = list(dict.fromkeys(store_ids))
    for store_id in wanted:
        if await stores.find(c, caller.seller_id, store_id) is None:
            raise NO_STORE.error(store_id=store_id)
    if not wanted:
        after = ""
        while found := await stores.page(c, caller.seller_id, after, _PAGE):
            wanted += [store.store_id for store in found]
            after = wanted[-1]
    if not wanted:
        raise wire.NOTHING_TO_PLAN.error(why="the seller has no stores")
    return await components(c, caller.seller_id, wanted)


async def days_as_assigned(context: Context, caller: Caller, record: PlanRecord) -> list[PlannedDay]:
    """The days of a plan as they are assigned now, told as a plan would, by the rules that the plan had.

    Raises ApiError: TOO_MUCH_TO_PLAN."""
    problems = await aside(context, lambda outer: _each_posed_again(outer, caller, record))
    return [day_as_assigned(problem) for problem in problems]


async def _each_posed_again(context: Context, caller: Caller, record: PlanRecord) -> list[DayProblem]:
    return [await _posed_again(context, caller, day) for day in record.days]


async def explain_plan(
    context: Context, caller: Caller, plan_id: str, service_job_id: str | None = None
) -> wire.PlanExplained:
    """Why each visit of a plan is where it is, or is left out, as the days are now.

    Raises ApiError: NO_SELLER, NO_PLAN, NOT_IN_PLAN."""
    return await aside(context, lambda outer: _explain(outer, caller, plan_id, service_job_id))


async def _explain(context: Context, caller: Caller, plan_id: str, service_job_id: str | None) -> wire.PlanExplained:
    record = await get_plan(context, caller, plan_id)
    explained: list[wire.VisitExplained] = []
    for day in record.days:
        told = {stop.service_job_id for route in day.routes for stop in route.stops}
        told |= {one.service_job_id for one in day.left_out}
        asked = sorted(told) if service_job_id is None else [one for one in told if one == service_job_id]
        if asked:
            explained += await explain_day(await _posed_again(context, caller, day), day, asked)
    if not explained and service_job_id is not None:
        raise wire.NOT_IN_PLAN.error(plan_id=plan_id, job_id=service_job_id)
    return wire.PlanExplained(plan_id, explained)


async def _posed_again(context: Context, caller: Caller, day: PlannedDay) -> DayProblem:
    """The problem of a planned day, from what is there now and the rules that its times show."""
    date = wire.read_day(day.date)
    assert date is not None, "a plan's days are days"
    groups = await read(context, partial(components, seller_id=caller.seller_id, store_ids=day.store_ids))
    group = [store for stores_ in groups for store in stores_]
    with_waiting = any(stop.books for route in day.routes for stop in route.stops) or any(
        one.appointment_id is None for one in day.left_out
    )
    use = partial(load_day, seller_id=caller.seller_id, group=group, day=date, with_waiting=with_waiting)
    loaded = await read(context, use)
    # Nothing is fixed, also of a day that is over: what is asked is why it was planned so.
    now = min(context.clock.now(), loaded.window[0])
    rules = Rules(day.late_minutes * MINUTE, 30 * MINUTE, day.overtime_minutes * MINUTE, 0, now)
    return await pose(context, caller, loaded, rules)

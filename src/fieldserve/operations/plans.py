"""Plans of routes: made, kept, compared, applied and undone.

Applying goes through the ordinary operations, all inside one transaction: each assignment, arrival and booking passes
the rules that a seller's own call would, and the first that is refused takes all the others back. Before that, whatever
the plan was made from is looked at again under lock; if anything changed meanwhile, the answer lists what.
"""

from collections.abc import Awaitable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import msgspec

from fieldserve.domain import appointments as domain
from fieldserve.domain import jobs as job_rules
from fieldserve.domain.intervals import MINUTE
from fieldserve.domain.jobs import Appointment, Job
from fieldserve.domain.slots import Visit, conflict
from fieldserve.operations.appointments import (
    add_appointment_for_service_job_by_service_job_id,
    assign_appointment_resources,
)
from fieldserve.operations.fulfillment import set_appointment_fulfillment_data
from fieldserve.operations.jobs import log_change
from fieldserve.operations.operator_jobs import hold_job, release_job
from fieldserve.operations.plan_days import Seen, crew_versions
from fieldserve.operations.run import Caller, Context, read, transact
from fieldserve.operations.sellers import find_seller, log
from fieldserve.store import jobs, plans, resources
from fieldserve.store.engine import Connection, Joined
from fieldserve.store.plans import StoredPlan
from fieldserve.wire import plans as wire
from fieldserve.wire.appointments import AppointmentWindow
from fieldserve.wire.encoding import encode
from fieldserve.wire.errors import ApiError
from fieldserve.wire.fulfillment import DateTimeRange, SetAppointmentFulfillmentDataRequest
from fieldserve.wire.orders import JobDeed
from fieldserve.wire.plans import PlannedStop, PlanRecord, PlanSummary
from fieldserve.wire.times import Instant, parse, render

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Done:
    """What applying a plan did to one visit, so that it can be undone. `version` is the job's after all of it."""

    service_job_id: str
    appointment_id: str
    technicians_before: list[str]
    arrival_before: tuple[Instant, Instant] | None
    booked: bool
    version: Instant = 0


# ---- kept and read


async def keep(context: Context, caller: Caller, record: PlanRecord, seen: Seen) -> PlanRecord:
    """Store a plan as a DRAFT."""
    now = context.clock.now()
    plan = StoredPlan(
        caller.seller_id,
        record.plan_id,
        "DRAFT",
        record.first_day,
        len({day.date for day in record.days}) or 1,
        tuple(record.store_ids),
        now,
        now,
        record.base_plan_id,
        encode(record),
        encode(seen),
    )

    async def use(c: Connection) -> None:
        await plans.add(c, plan)
        await log(context, c, caller, "plan.made", plan.plan_id, None, _logged(record))

    await transact(context, use)
    return record


async def get_plan(context: Context, caller: Caller, plan_id: str) -> PlanRecord:
    """A plan with its days. Raises ApiError: NO_SELLER, NO_PLAN."""
    return _record(await read(context, lambda c: _find(c, caller, plan_id)))


async def list_plans(
    context: Context, caller: Caller, *, after: str | None, limit: int, first_day: str | None = None
) -> wire.PlanListing:
    """A page of the seller's plans, the newest first. Raises ApiError: NO_SELLER."""

    async def load(c: Connection) -> list[StoredPlan]:
        await find_seller(c, caller)
        return await plans.page(c, caller.seller_id, after=after, limit=limit + 1, first_day=first_day)

    found = await read(context, load)
    return wire.PlanListing(
        [_summary(one) for one in found[:limit]], found[limit - 1].plan_id if len(found) > limit else None
    )


async def compare_plans(context: Context, caller: Caller, plan_ids: Sequence[str]) -> wire.PlanComparison:
    """The figures of plans side by side. Raises ApiError: NO_SELLER, NO_PLAN."""

    async def load(c: Connection) -> list[StoredPlan]:
        return [await _find(c, caller, plan_id) for plan_id in plan_ids]

    found = await read(context, load)
    return wire.PlanComparison(_record(found[0]).before, [_summary(one) for one in found])


async def _find(c: Connection, caller: Caller, plan_id: str, lock: bool = False) -> StoredPlan:
    plan = await plans.find(c, caller.seller_id, plan_id, lock)
    if plan is None:
        await find_seller(c, caller)
        raise wire.NO_PLAN.error(plan_id=plan_id)
    return plan


def _record(plan: StoredPlan) -> PlanRecord:
    record = msgspec.json.decode(plan.document, type=PlanRecord)
    record.status = plan.status
    return record


def _summary(plan: StoredPlan) -> PlanSummary:
    record = _record(plan)
    return PlanSummary(
        plan.plan_id,
        plan.status,
        record.created_at,
        plan.first_day,
        plan.days,
        list(plan.store_ids),
        record.figures,
        record.before,
        plan.base_plan_id,
    )


def _logged(record: PlanRecord) -> dict[str, Any]:
    figures = record.figures
    return {
        "firstDay": record.first_day,
        "storeIds": record.store_ids,
        "visits": figures.visits,
        "unassigned": figures.unassigned,
        "travelSeconds": figures.travel_seconds,
        "basePlanId": record.base_plan_id,
    }


def stops_of(record: PlanRecord) -> list[PlannedStop]:
    """Each visit once, though two technicians may stop at it."""
    found: dict[str, PlannedStop] = {}
    for day in record.days:
        for route in day.routes:
            for stop in route.stops:
                found.setdefault(stop.service_job_id, stop)
    return list(found.values())


# ---- applied


async def apply_plan(context: Context, caller: Caller, plan_id: str) -> wire.Applied:
    """Assign, tell arrivals and book as the plan says, all or nothing.

    Raises ApiError: NO_SELLER, NO_PLAN, NOT_A_DRAFT, PLAN_OUTDATED, PLAN_REFUSED."""

    async def apply(c: Connection) -> wire.Applied:
        plan = await _find(c, caller, plan_id, lock=True)
        if plan.status != "DRAFT":
            raise wire.NOT_A_DRAFT.error(plan_id=plan_id, status=plan.status)
        record = _record(plan)
        await _refuse_outdated(c, caller, plan)
        acting = await _Acting.within(context, c, caller)
        with _all_or_nothing(plan_id):
            applied, done = await _carry_out(acting, record)
        await _supersede(context, c, caller, plan, record)
        await plans.change(c, plan, "APPLIED", encode(done), context.clock.now())
        after = {"assigned": applied.assigned, "told": applied.told, "booked": applied.booked}
        await log(context, c, caller, "plan.applied", plan_id, None, after)
        return applied

    return await transact(context, apply)


@dataclass(frozen=True, slots=True)
class _Acting:
    """Ordinary operations inside a transaction that is under way."""

    context: Context
    c: Connection
    caller: Caller

    @classmethod
    async def within(cls, context: Context, c: Connection, caller: Caller) -> "_Acting":
        seller = await find_seller(c, caller)
        inner = replace(context, database=Joined(c), asides=None)
        return cls(inner, c, msgspec.structs.replace(caller, marketplaces=seller.marketplaces, stores=None))

    async def assign(self, team: "_Team", technician_ids: list[str], *, may_clash: bool = False) -> None:
        what = (self.context, self.caller, team.service_job_id, team.appointment_id, technician_ids)
        answer = await _do(team.service_job_id, assign_appointment_resources(*what))
        if answer is not None and not may_clash:
            raise _Refused(team.service_job_id, f"{', '.join(technician_ids)} would be on two appointments at once")

    async def tell(self, service_job_id: str, appointment_id: str, start: Instant, end: Instant) -> None:
        window = DateTimeRange(render(start), render(end))
        request = SetAppointmentFulfillmentDataRequest(estimated_arrival_time=window)
        what = (self.context, self.caller, service_job_id, appointment_id, request)
        await _do(service_job_id, set_appointment_fulfillment_data(*what))

    async def book(self, stop: PlannedStop) -> str:
        window = AppointmentWindow(parse(stop.start), (parse(stop.end) - parse(stop.start)) // MINUTE)
        what = (self.context, self.caller, stop.service_job_id, window)
        booked = await _do(stop.service_job_id, add_appointment_for_service_job_by_service_job_id(*what))
        assert booked.appointment_id is not None
        return booked.appointment_id

    async def unbook(self, service_job_id: str) -> None:
        reason = JobDeed(reason="The plan that booked it was undone")
        await _do(service_job_id, hold_job(self.context, self.caller, service_job_id, reason))
        await _do(service_job_id, release_job(self.context, self.caller, service_job_id, reason))

    async def appointment(self, service_job_id: str, appointment_id: str) -> Appointment:
        appointment = (await self.job(service_job_id)).appointment(appointment_id)
        assert appointment is not None, "an appointment stays"
        return appointment

    async def job(self, service_job_id: str) -> Job:
        job = await jobs.find(self.c, self.caller.seller_id, service_job_id)
        assert job is not None, "a job stays"
        return job


class _Refused(Exception):
    """A step that an operation refused."""

    def __init__(self, service_job_id: str, why: str):
        self.service_job_id = service_job_id
        self.why = why


async def _do(service_job_id: str, step: Awaitable[T]) -> T:
    try:
        return await step
    except ApiError as fault:
        raise _Refused(service_job_id, "; ".join(one.message for one in fault.faults)) from fault


@contextmanager
def _all_or_nothing(plan_id: str) -> Iterator[None]:
    """A step that is refused refuses the whole plan. Raises ApiError: PLAN_REFUSED."""
    try:
        yield
    except _Refused as refused:
        raise wire.PLAN_REFUSED.error(plan_id=plan_id, job_id=refused.service_job_id, why=refused.why) from refused


async def _refuse_outdated(c: Connection, caller: Caller, plan: StoredPlan) -> None:
    """Raise PLAN_OUTDATED with all that changed since the plan was made; what did not stays locked."""
    seen = msgspec.json.decode(plan.seen, type=Seen)
    versions = await plans.versions(c, caller.seller_id, seen.jobs)
    changed = [f"job {job_id}" for job_id, version in seen.jobs.items() if versions.get(job_id) != version]
    locked = sorted({one for crew in seen.crews for one in crew.technicians} | set(plan.store_ids))
    await resources.find_all(c, caller.seller_id, locked, lock=True)
    for crew in seen.crews:
        now = await crew_versions(c, caller.seller_id, sorted(crew.technicians), (crew.start, crew.end))
        changed += [f"technician {one}" for one, version in crew.technicians.items() if now.get(one) != version]
    if changed:
        told = list(dict.fromkeys(changed))
        more = f" and {len(told) - 10} more" if len(told) > 10 else ""
        raise wire.PLAN_OUTDATED.error("; ".join(told), plan_id=plan.plan_id, changed=", ".join(told[:10]) + more)


async def _carry_out(acting: _Acting, record: PlanRecord) -> tuple[wire.Applied, list[Done]]:
    """All changes of a plan, in an order in which nobody is in two places at once."""
    done: list[Done] = []
    applied = wire.Applied(record.plan_id, "APPLIED", 0, 0, 0, 0)
    stops = stops_of(record)
    teams = await _left_out(acting, record, done)
    for stop in stops:
        if stop.appointment_id is not None:
            teams.append(await _team(acting, done, stop.service_job_id, stop.appointment_id, stop.technicians))
    await _staff(acting, teams)
    # Once everybody is where they will be, what is left are the slots that are booked.
    for stop in stops:
        if stop.appointment_id is None:
            appointment_id = await acting.book(stop)
            team = await _team(acting, done, stop.service_job_id, appointment_id, stop.technicians, booked=True)
            teams.append(team)
            await _staff(acting, [team])
            applied.booked += 1
    known = {one.service_job_id: one for one in done}
    for stop in stops:
        one, window = known[stop.service_job_id], (parse(stop.told.start), parse(stop.told.end))
        if one.arrival_before != window:
            await acting.tell(stop.service_job_id, one.appointment_id, *window)
            applied.told += 1
        elif one.technicians_before == stop.technicians:
            applied.unchanged += 1
    applied.assigned = sum(team.before != team.after for team in teams)
    versions = await plans.versions(acting.c, acting.caller.seller_id, {one.service_job_id for one in done})
    return applied, [replace(one, version=versions[one.service_job_id]) for one in done]


async def _team(
    acting: _Acting, done: list[Done], service_job_id: str, appointment_id: str, after: list[str], booked: bool = False
) -> "_Team":
    """Who is on the appointment and who is to be; how it was goes to what can be undone."""
    appointment = await acting.appointment(service_job_id, appointment_id)
    before = [one.technician_id for one in appointment.technicians]
    done.append(Done(service_job_id, appointment_id, before, appointment.arrival, booked))
    return _Team(service_job_id, appointment_id, domain.visit_of(appointment), before, after)


async def _left_out(acting: _Acting, record: PlanRecord, done: list[Done]) -> "list[_Team]":
    """Visits that the plan takes from whoever has them now, so that somebody looks at them."""
    return [
        await _team(acting, done, one.service_job_id, one.appointment_id, [])
        for day in record.days
        for one in day.left_out
        if one.appointment_id is not None and one.technicians_before
    ]


@dataclass(slots=True)
class _Team:
    """Who goes to an appointment, and who is to go."""

    service_job_id: str
    appointment_id: str
    visit: Visit
    before: list[str]
    after: list[str]


async def _staff(acting: _Acting, teams: Sequence[_Team], *, may_clash: bool = False) -> None:
    """Assign in such an order that a technician is never on two visits in conflict; in a circle, clear one first."""
    held: dict[str, list[_Team]] = {}
    for team in teams:
        for technician_id in team.before:
            held.setdefault(technician_id, []).append(team)
    waiting = [team for team in teams if team.before != team.after]

    def is_free(team: _Team) -> bool:
        return not any(
            other is not team and conflict(team.visit, other.visit)
            for technician_id in team.after
            for other in held.get(technician_id, ())
        )

    def now(team: _Team, before: Iterable[str], after: Iterable[str]) -> None:
        for technician_id in before:
            held[technician_id].remove(team)
        for technician_id in after:
            held.setdefault(technician_id, []).append(team)

    cleared: set[str] = set()
    while waiting:
        chosen = next((team for team in waiting if is_free(team)), None)
        if chosen is None:
            stuck = next((team for team in waiting if team.appointment_id not in cleared and team.before), None)
            if stuck is None:
                chosen = waiting[0]  # whoever holds the time is not of this plan: the operation says so
            else:
                await acting.assign(stuck, [])
                now(stuck, stuck.before, ())
                cleared.add(stuck.appointment_id)
                continue
        await acting.assign(chosen, chosen.after, may_clash=may_clash)
        now(chosen, () if chosen.appointment_id in cleared else chosen.before, chosen.after)
        waiting.remove(chosen)


async def _supersede(context: Context, c: Connection, caller: Caller, plan: StoredPlan, record: PlanRecord) -> None:
    """Whatever plan was in force on the same days for the same stores is so no longer."""
    days = {day.date for day in record.days}
    for other in await plans.applied_over(c, caller.seller_id, plan.plan_id, sorted(days)):
        theirs = _record(other)
        if set(other.store_ids) & set(plan.store_ids) and days & {day.date for day in theirs.days}:
            await plans.change(c, other, "SUPERSEDED", other.applied, context.clock.now())
            await log(context, c, caller, "plan.superseded", other.plan_id, None, {"byPlanId": plan.plan_id})


# ---- undone


async def undo_plan(context: Context, caller: Caller, plan_id: str) -> wire.Applied:
    """Put back what applying the plan changed, except where somebody has changed the visit since. What it booked for a
    job that is mirrored stays booked, too: no source can be asked to take that back.

    Raises ApiError: NO_SELLER, NO_PLAN, NOT_APPLIED, PLAN_REFUSED."""

    async def undo(c: Connection) -> wire.Applied:
        plan = await _find(c, caller, plan_id, lock=True)
        if plan.status != "APPLIED" or plan.applied is None:
            raise wire.NOT_APPLIED.error(plan_id=plan_id, status=plan.status)
        done = msgspec.json.decode(plan.applied, type=list[Done])
        versions = await plans.versions(c, caller.seller_id, {one.service_job_id for one in done})
        kept = [one.service_job_id for one in done if versions.get(one.service_job_id) != one.version]
        acting = await _Acting.within(context, c, caller)
        for one in done:
            if one.booked and one.service_job_id not in kept and (await acting.job(one.service_job_id)).mirrored_from:
                kept.append(one.service_job_id)
        undone = wire.Applied(plan_id, "UNDONE", 0, 0, 0, 0, kept)
        with _all_or_nothing(plan_id):
            await _put_back(acting, [one for one in done if one.service_job_id not in kept], undone)
        await plans.change(c, plan, "UNDONE", plan.applied, context.clock.now())
        after = {"assigned": undone.assigned, "told": undone.told, "booked": undone.booked, "kept": kept}
        await log(context, c, caller, "plan.undone", plan_id, None, after)
        return undone

    return await transact(context, undo)


async def _put_back(acting: _Acting, done: list[Done], undone: wire.Applied) -> None:
    teams = []
    for one in done:
        if one.booked:
            await acting.unbook(one.service_job_id)
            undone.booked += 1
            continue
        appointment = await acting.appointment(one.service_job_id, one.appointment_id)
        now = [each.technician_id for each in appointment.technicians]
        visit = domain.visit_of(appointment)
        teams.append(_Team(one.service_job_id, one.appointment_id, visit, now, one.technicians_before))
    # What was there before may have been overbooked, and comes back as it was.
    await _staff(acting, teams, may_clash=True)
    undone.assigned = sum(team.before != team.after for team in teams)
    for one in done:
        if not one.booked:
            undone.told += await _untell(acting, one)


async def _untell(acting: _Acting, one: Done) -> bool:
    """Whether something else was told than before; then that is told again, or nothing."""
    job = await acting.job(one.service_job_id)
    appointment = job.appointment(one.appointment_id)
    if appointment is None or appointment.arrival == one.arrival_before:
        return False
    if one.arrival_before is not None:
        await acting.tell(one.service_job_id, one.appointment_id, *one.arrival_before)
    else:
        untold = job_rules.untell(job, one.appointment_id, acting.context.clock.now())
        await jobs.save(acting.c, job, untold)
        await log_change(acting.context, acting.c, acting.caller, "appointment.fulfilled", job, untold, {})
    return True

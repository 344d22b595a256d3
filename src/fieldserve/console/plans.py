"""Routes: plans made, looked at, applied and undone. /console/{seller}/plans"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from starlette.responses import Response

from fieldserve.console.jobs import Choices, choices
from fieldserve.console.pages import Refused, Visit, allow_tiles, page, told
from fieldserve.console.words import Words, local
from fieldserve.operations import planning, plans
from fieldserve.operations.plan_exports import CONTENT_TYPES, draw_plans, export_plan
from fieldserve.operations.run import Caller, Context
from fieldserve.wire.bodies import BodyFault, convert
from fieldserve.wire.errors import ApiError
from fieldserve.wire.plans import CreatePlan, Figures, PlannedDay, PlanRecord
from fieldserve.wire.times import parse

LISTED = 30
FIGURES = ("Left out", "Driving", "On time", "Overtime", "Hours taken", "Technicians on the road")
CHANGES = {"BOOKED": "booked", "TECHNICIANS": "technicians", "TOLD": "what customers are told", "LEFT_OUT": "left out"}
MOST_SECONDS = 60

# A sheet has its styles in it, no scripts, and stands in a frame of ours.
_SHEET_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox"


@dataclass(frozen=True, slots=True)
class Line:
    """A figure now and planned; `better` says which way is good, where one is."""

    name: str
    before: str
    after: str
    better: bool | None


def compared(before: Figures, after: Figures, words: Words) -> list[Line]:
    """What is assigned now beside what is planned."""

    def line(one: float, other: float, told: tuple[str, str], less: bool) -> Line:
        return Line(next(names), *told, None if one == other else (other < one) == less)

    def number(one: int, other: int) -> Line:
        return line(one, other, (words.number(one), words.number(other)), True)

    def time(one: int, other: int) -> Line:
        return line(one, other, (words.length(one * 1_000_000), words.length(other * 1_000_000)), True)

    def share(one: float, other: float) -> Line:
        return line(one, other, (words.percent(one), words.percent(other)), False)

    names = (words.text(name) for name in FIGURES)
    return [
        number(before.unassigned, after.unassigned),
        time(before.travel_seconds, after.travel_seconds),
        share(before.on_time, after.on_time),
        time(before.overtime_seconds, after.overtime_seconds),
        share(before.utilisation, after.utilisation),
        number(before.technicians, after.technicians),
    ]


async def show_all(visit: Visit) -> Response:
    """GET: the plans there are, and a form for another."""
    return await _show_all(visit)


async def _show_all(visit: Visit, status: int = 200, fault: str = "") -> Response:
    known = await choices(visit)
    zone = ZoneInfo(known.stores[0].time_zone) if known.stores else ZoneInfo("UTC")
    found = await plans.list_plans(visit.context, visit.caller, after=None, limit=LISTED)
    tomorrow = local(visit.now(), zone).date() + timedelta(days=1)
    return visit.show(
        "plans.html",
        status,
        plans=[(one, parse(one.created_at)) for one in found.plans],
        known=known,
        day=visit.fields.get("day") or tomorrow.isoformat(),
        fault=fault,
        here=visit.words.at(zone.key),
        names=_names(known, [store for one in found.plans for store in one.store_ids]),
    )


def _names(known: Choices, store_ids: Sequence[str]) -> dict[str, str]:
    return {one: known.name_of(one) for one in store_ids}


async def create(visit: Visit) -> Response:
    """POST: a plan of the day, which changes nothing yet."""
    given = visit.fields
    seconds = given.get("seconds", "5")
    try:
        ask = convert(
            {
                "firstDay": given.get("day", ""),
                "storeIds": [given["store"]] if given.get("store") else [],
                "seconds": min(MOST_SECONDS, int(seconds)) if seconds.isdecimal() and len(seconds) < 4 else 0,
                "waiting": given.get("waiting") == "on",
            },
            CreatePlan,
        )
    except BodyFault as fault:
        return await _show_all(visit, 422, fault.fault.reason)
    try:
        made = await planning.create_plan(visit.context, visit.caller, ask)
    except ApiError as fault:
        return await _show_all(visit, fault.status, told(fault))
    return visit.go(visit.path("plans", made.plan_id))


async def show(visit: Visit) -> Response:
    """GET: a plan: what it comes to, what it changes, and each technician's day."""
    return await _show(visit)


async def _show(visit: Visit, status: int = 200, fault: str = "") -> Response:
    known = await choices(visit)
    plan = await plans.get_plan(visit.context, visit.caller, visit.request.path_params["plan"])
    people = {one.technician_id: one.name for one in known.technicians}
    ranks = ranked(plan.days)
    (drawn,) = await draw_plans(visit.context, visit.caller, [plan.days], ranks)
    shown = visit.show(
        "plan.html",
        status,
        fault=fault,
        ranks=ranks,
        legends=[
            [(ranks[one.technician_id], people.get(one.technician_id, one.technician_id)) for one in day.routes]
            for day in plan.days
        ],
        ground=ground(visit),
        others=await _others(visit, plan),
        plan=plan,
        lines=compared(plan.before, plan.figures, visit.words),
        people=people,
        days=[(day, map_, visit.words.at(day.time_zone)) for day, map_ in zip(plan.days, drawn, strict=True)],
        stores=", ".join(known.name_of(one) for one in plan.store_ids),
        parse=parse,
        may_apply=visit.may("dispatch") and plan.status == "DRAFT",
        may_undo=visit.may("dispatch") and plan.status == "APPLIED",
        changes=[(visit.words.text(CHANGES[what]), count) for what, count in _changes(plan).items()],
    )
    return allow_tiles(shown, visit.context.settings.map_origins)


async def _others(visit: Visit, plan: PlanRecord) -> list[tuple[str, str]]:
    """Newer and older plans of the same days and stores, which it may be compared with."""
    found = await plans.list_plans(visit.context, visit.caller, after=None, limit=LISTED, first_day=plan.first_day)
    words = visit.words.at(plan.days[0].time_zone) if plan.days else visit.words
    days = len({day.date for day in plan.days})
    return [
        (one.plan_id, words.text("Plan made %(when)s", when=words.moment(parse(one.created_at))))
        for one in found.plans
        if one.plan_id != plan.plan_id and (one.days, one.store_ids) == (days, plan.store_ids)
    ]


def ranked(*days: Sequence[PlannedDay]) -> dict[str, int]:
    """A number for each technician, which their colour is: in the order in which plans name them."""
    ids = (route.technician_id for each in days for day in each for route in day.routes)
    return {one: rank for rank, one in enumerate(dict.fromkeys(ids))}


@dataclass(frozen=True, slots=True)
class Ground:
    """What maps lie on: where the script gets it, and who made it."""

    style: str
    attribution: str


def ground(visit: Visit) -> Ground | None:
    """As the settings have it; None where maps lie on nothing."""
    settings = visit.context.settings
    return Ground(settings.map_style, settings.map_attribution) if settings.map_style else None


def _changes(plan: PlanRecord) -> dict[str, int]:
    """How many visits get what."""
    counts: dict[str, int] = {}
    for change in plan.changes:
        for what in change.what:
            counts[what] = counts.get(what, 0) + 1
    return counts


async def apply(visit: Visit) -> Response:
    """POST: carry the plan out, all of it or nothing."""
    return await _do(visit, plans.apply_plan)


async def undo(visit: Visit) -> Response:
    """POST: put back what the plan changed, but for what somebody changed since."""
    return await _do(visit, plans.undo_plan)


async def _do(visit: Visit, deed: Callable[[Context, Caller, str], Awaitable[object]]) -> Response:
    plan_id = visit.request.path_params["plan"]
    try:
        await deed(visit.context, visit.caller, plan_id)
    except ApiError as fault:
        if fault.status == 404:
            raise
        return await _show(visit, fault.status, told(fault))
    return visit.go(visit.path("plans", plan_id))


async def file(visit: Visit) -> Response:
    """GET: the plan as a sheet to print, a table or a map's data."""
    kind = visit.request.path_params["kind"]
    if kind not in CONTENT_TYPES:
        raise Refused(404, "There is no such page.")
    technician = visit.request.query_params.get("technician") or None
    exported = await export_plan(visit.context, visit.caller, visit.request.path_params["plan"], kind, technician)
    headers = {
        "content-security-policy": _SHEET_POLICY,
        "x-content-type-options": "nosniff",
        "cache-control": "private, no-store",
    }
    if kind != "html":
        headers["content-disposition"] = f'attachment; filename="{exported.file_name}"'
    return Response(exported.content, headers=headers, media_type=f"{exported.content_type}; charset=utf-8")


ROUTES = [
    page("/{seller}/plans", show_all),
    page("/{seller}/plans", create, "dispatch", "POST"),
    page("/{seller}/plans/{plan}", show),
    page("/{seller}/plans/{plan}/apply", apply, "dispatch", "POST"),
    page("/{seller}/plans/{plan}/undo", undo, "dispatch", "POST"),
    page("/{seller}/plans/{plan}/sheet.{kind}", file),
]

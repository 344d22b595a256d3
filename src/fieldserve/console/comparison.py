"""Two plans beside each other, or a plan beside the board as it is now. /console/{seller}/plans/compare"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from starlette.responses import Response

from fieldserve.console.jobs import Choices, choices
from fieldserve.console.pages import Refused, Visit, allow_tiles, page
from fieldserve.console.plans import ground, ranked
from fieldserve.console.words import Words
from fieldserve.operations.plan_compared import Comparison, Incomparable, Placed, Side, compare_days
from fieldserve.operations.plan_exports import draw_plans
from fieldserve.operations.sheet_map import DrawnMap
from fieldserve.wire.plans import PlannedDay
from fieldserve.wire.times import SECOND, parse

TEXTS = (
    "Visits served",
    "Left out",
    "Driving",
    "Road",
    "On time",
    "Overtime",
    "Idle between visits",
    "Technicians on the road",
    "Hours taken",
    "Cost",
)
_MOST_PRICE = Decimal(100_000)


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure of both sides and what lies between; `better` says whether the other side is, where that can be said."""

    name: str
    one: str
    other: str
    difference: str
    better: bool | None


@dataclass(frozen=True, slots=True)
class Told:
    """A visit that differs, in words."""

    service_job_id: str
    asin: str
    one: tuple[str, str]
    other: tuple[str, str]
    who: bool
    when: bool


@dataclass(frozen=True, slots=True)
class Day:
    """A day with what differs on it and a map of each side."""

    date: str
    time_zone: str
    differences: list[Told]
    maps: list[DrawnMap | None]
    legend: list[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Prices:
    """What an hour and a kilometre cost, in whichever currency; as they were given, and to reckon with."""

    hour: str
    kilometre: str

    @property
    def are_given(self) -> bool:
        return bool(self.hour or self.kilometre)

    def cost(self, side: Side) -> Decimal:
        """Raises Refused where a price is none."""
        return side.cost(_price(self.hour), _price(self.kilometre))


def _price(text: str) -> Decimal:
    try:
        price = Decimal(text.replace(",", ".") or "0") if len(text) <= 12 else Decimal(-1)
    except InvalidOperation:
        price = Decimal(-1)
    if not (price.is_finite() and 0 <= price <= _MOST_PRICE):
        raise Refused(422, "A price is a number such as 38.50.")
    return price


async def show(visit: Visit) -> Response:
    """GET: the plans that `plan` names, twice, or once to compare with the board; with prices also what each costs."""
    query = visit.request.query_params
    ids = list(dict.fromkeys(one for one in query.getlist("plan") if one))
    if not 1 <= len(ids) <= 2:
        raise Refused(422, "Choose two plans to compare, or one to compare with the board.")
    prices = Prices(query.get("hour", "").strip(), query.get("kilometre", "").strip())
    known = await choices(visit)
    try:
        made = await compare_days(visit.context, visit.caller, ids[0], ids[1] if len(ids) == 2 else None)
    except Incomparable:
        raise Refused(422, "Only plans of the same days and stores can be compared.") from None
    ranks = ranked(made.one.days, made.other.days)
    maps = await draw_plans(visit.context, visit.caller, [made.one.days, made.other.days], ranks)
    zone = made.one.days[0].time_zone if made.one.days else "UTC"
    shown = visit.show(
        "comparison.html",
        made=made,
        names=[_name(visit, side, zone) for side in (made.one, made.other)],
        measures=measured(made, prices, visit.words),
        days=_days(visit, made, known, ranks, [list(each) for each in zip(*maps, strict=True)]),
        ids=ids,
        prices=prices,
        ground=ground(visit),
    )
    return allow_tiles(shown, visit.context.settings.map_origins)


def _name(visit: Visit, side: Side, zone: str) -> str:
    if side.plan is None:
        return visit.words.text("The board now")
    return visit.words.text("Plan made %(when)s", when=visit.words.at(zone).moment(parse(side.plan.created_at)))


def measured(made: Comparison, prices: Prices, words: Words) -> list[Measure]:
    """The figures of both sides, with what lies between them. Fewer is better, but for what is served and on time."""
    names = iter(TEXTS)
    sides = (made.one, made.other)

    def line(values: Sequence[float | Decimal], say: Callable[[float | Decimal], str], more: bool | None) -> Measure:
        one, other = values
        sign = "+" if other > one else "−"
        better = None if one == other or more is None else (other > one) == more
        difference = "" if one == other else f"{sign}{say(abs(other - one))}"  # type: ignore[operator]
        return Measure(words.text(next(names)), say(one), say(other), difference, better)

    def number(value: float | Decimal) -> str:
        return words.number(float(value))

    def time(value: float | Decimal) -> str:
        return words.length(int(value) * SECOND)

    def share(value: float | Decimal) -> str:
        return words.percent(float(value))

    def road(value: float | Decimal) -> str:
        return f"{words.number(round(float(value) / 1000, 1))} km"

    def cost(value: float | Decimal) -> str:
        return words.number(round(float(value), 2))

    figures = [side.figures for side in sides]
    found = [
        line([one.assigned for one in figures], number, True),
        line([one.unassigned for one in figures], number, False),
        line([one.travel_seconds for one in figures], time, False),
        line([one.travel_metres for one in figures], road, False),
        line([one.on_time for one in figures], share, True),
        line([one.overtime_seconds for one in figures], time, False),
        line([side.idle_seconds for side in sides], time, False),
        line([one.technicians for one in figures], number, None),
        line([one.utilisation for one in figures], share, None),
    ]
    if prices.are_given:
        found.append(line([prices.cost(side) for side in sides], cost, False))
    return found


def _days(
    visit: Visit, made: Comparison, known: Choices, ranks: dict[str, int], maps: list[list[DrawnMap | None]]
) -> list[Day]:
    people = {one.technician_id: one.name for one in known.technicians}
    days = []
    for rank, (one, other) in enumerate(zip(made.one.days, made.other.days, strict=True)):
        words = visit.words.at(one.time_zone)
        stops = (stop for day in (one, other) for route in day.routes for stop in route.stops)
        asins = {stop.service_job_id: stop.asin for stop in stops}
        differences = [
            Told(
                each.service_job_id,
                asins.get(each.service_job_id, ""),
                _placed(each.one, people, words),
                _placed(each.other, people, words),
                each.one.technicians != each.other.technicians,
                each.one.start != each.other.start,
            )
            for each in made.differences
            if each.day == rank
        ]
        days.append(Day(one.date, one.time_zone, differences, maps[rank], _legend(one, other, people, ranks)))
    return days


def _placed(placed: Placed, people: dict[str, str], words: Words) -> tuple[str, str]:
    """Who and when."""
    if placed.start is None:
        return words.text("Left out"), ""
    return ", ".join(people.get(one, one) for one in placed.technicians), words.time(placed.start)


def _legend(one: PlannedDay, other: PlannedDay, people: dict[str, str], ranks: dict[str, int]) -> list[tuple[int, str]]:
    ids = {route.technician_id for day in (one, other) for route in day.routes}
    return sorted((ranks[each], people.get(each, each)) for each in ids)


ROUTES = [page("/{seller}/plans/compare", show)]

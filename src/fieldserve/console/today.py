"""What needs a person now, and the day's figures. /console/{seller}/today"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from starlette.responses import Response

from fieldserve.console.jobs import Choices, Row, choices, row_of
from fieldserve.console.pages import Refused, Visit, page
from fieldserve.console.words import Words, instant_of, local
from fieldserve.domain.intervals import DAY, HOUR, MINUTE, SECOND, Instant, Interval
from fieldserve.operations.board import Board, load_board
from fieldserve.operations.outbox import list_refused, retry_outbox_entry
from fieldserve.operations.travel import great_circle
from fieldserve.store.board import VisitRow
from fieldserve.travel.great_circle import GreatCircle
from fieldserve.travel.places import Place
from fieldserve.wire.times import parse

SOON = 2 * DAY
GRACE = 15 * MINUTE
"""A visit counts as late when nothing was recorded of it that long after it should have begun."""
PROOF_SINCE = 7 * DAY
REFUSED_SINCE = 7 * DAY
SHOWN = 25


@dataclass(frozen=True, slots=True)
class Concern:
    """A visit that needs somebody, and why: how late it is (µs), or when they will be there at the earliest."""

    visit: VisitRow
    store: str
    words: Words
    late: int = 0
    there_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """The day in numbers: visits of today, and the share of scheduled hours that they take (None: nobody works).

    `untold` are due, and live where nobody tells who has arrived: they may be late, or not."""

    planned: int
    done: int
    late: int
    untold: int
    without_crew: int
    utilisation: float | None


def today_of(now: Instant, zone: ZoneInfo) -> Interval:
    """The local day that it is: from midnight to midnight on the zone's clocks."""
    first = local(now, zone).date()
    past = first + timedelta(days=1)
    start, end = (instant_of(datetime(one.year, one.month, one.day, tzinfo=zone)) for one in (first, past))
    return start, end


async def show(visit: Visit) -> Response:
    """GET: the lists, each with its action, and the figures. Days are those of the first store's zone."""
    known, now = await choices(visit), visit.now()
    zone = ZoneInfo(known.stores[0].time_zone) if known.stores else ZoneInfo("UTC")
    words = visit.words.at(zone.key)
    day = today_of(now, zone)
    board = await load_board(visit.context, visit.caller, (day[0] - PROOF_SINCE, max(day[1], now + SOON)), now - DAY)
    concerns = _concerns(board, known, visit.words, now, great_circle(visit.context.settings))
    refused = await list_refused(visit.context, visit.caller, now - REFUSED_SINCE, SHOWN)
    waiting = [row_of(one, known) for one in board.waiting if one.status == "PENDING_SCHEDULE"]
    held = [row_of(one, known) for one in board.waiting if one.status == "HOLD"]
    return visit.show(
        "today.html",
        here=words,
        day=local(now, zone).date(),
        now=now,
        figures=_figures(board, day, now),
        waiting=_first(waiting),
        held=_first(held),
        late=_first(concerns["late"]),
        at_risk=_first(concerns["at_risk"]),
        refused=[(one, parse(one.ended_at or one.created_at)) for one in refused],
        may_retry=visit.may("dispatch"),
        without_crew=_first(concerns["without_crew"]),
        without_proof=_first(concerns["without_proof"]),
        known=known,
    )


@dataclass(frozen=True, slots=True)
class Few:
    """The first of a list, and how many there are in all."""

    rows: Sequence[Row | Concern]
    count: int


def _first(rows: Sequence[Row | Concern]) -> Few:
    return Few(rows[:SHOWN], len(rows))


def is_late(visit: VisitRow, now: Instant) -> bool:
    """Due, and nothing recorded of it, where it would be recorded."""
    return visit.mirrored_from is None and is_due(visit, now)


def is_due(visit: VisitRow, now: Instant) -> bool:
    """It should have begun, and nothing is known of it: no work, no beginning, no arrival still to come."""
    if visit.status != "ACTIVE" or visit.worked_start is not None or visit.begun is not None:
        return False
    due = visit.start if visit.arrival_end is None else max(visit.start, visit.arrival_end)
    return now > due + GRACE


def earliest(visit: VisitRow, visits: Sequence[VisitRow], drive: GreatCircle, hour: int, now: Instant) -> Instant:
    """When its crew can be there at the earliest: they said so, or they have to end the visit before, and drive.

    A visit that has not begun though it is due is taken to begin now; one that is under way takes as long as planned.
    """
    there = 0 if visit.arrival_start is None else visit.arrival_start
    for technician_id, _, _ in visit.technicians:
        earlier = [
            one
            for one in visits
            if one.status == "ACTIVE"
            and one.start < visit.start
            and one.end > now - DAY
            and technician_id in {member for member, _, _ in one.technicians}
        ]
        if not earlier:
            continue
        before = max(earlier, key=lambda one: one.start)
        begins = (
            before.begun
            if before.begun is not None
            else max(before.start, now)
            if is_due(before, now)
            else before.start
        )
        ends = max(now, begins + before.end - before.start)
        one, other = _place(before), _place(visit)
        if one is not None and other is not None:
            ends += drive.trip(one, other, hour)[0] * SECOND
        there = max(there, ends)
    return there


def _place(visit: VisitRow) -> Place | None:
    return None if visit.latitude is None or visit.longitude is None else Place(visit.latitude, visit.longitude)


def _is_at_risk(visit: VisitRow, there: Instant, now: Instant) -> bool:
    """It is still to come today, and they cannot be there in time, as things are."""
    is_open = visit.status == "ACTIVE" and visit.begun is None and visit.worked_start is None
    return is_open and visit.mirrored_from is None and now <= visit.start < now + SOON and there > visit.start + GRACE


def _concerns(board: Board, known: Choices, words: Words, now: Instant, drive: GreatCircle) -> dict[str, list[Concern]]:
    found: dict[str, list[Concern]] = {"late": [], "at_risk": [], "without_crew": [], "without_proof": []}
    for one in board.visits:
        here = words.at(known.zone_of(one.store_id))
        store = known.name_of(one.store_id)
        if is_late(one, now):
            found["late"].append(Concern(one, store, here, now - one.start))
        there = earliest(one, board.visits, drive, local(now, here.zone).hour, now)
        if _is_at_risk(one, there, now):
            found["at_risk"].append(Concern(one, store, here, there_at=there))
        if one.status == "ACTIVE" and not one.technicians and now < one.start <= now + SOON:
            found["without_crew"].append(Concern(one, store, here))
        if one.status == "COMPLETED" and one.worked_end is not None and not one.documents:
            found["without_proof"].append(Concern(one, store, here))
    found["without_proof"].reverse()
    return found


def _figures(board: Board, day: Interval, now: Instant) -> Figures:
    today = [one for one in board.visits if day[0] <= one.start < day[1] and one.status != "CANCELLED"]
    scheduled = sum(
        max(0, min(end, day[1]) - max(start, day[0])) * capacity
        for one in board.days
        for start, end, capacity in one.hours
    )
    taken = sum((one.end - one.start) * max(1, len(one.technicians)) for one in today)
    return Figures(
        len(today),
        sum(one.status == "COMPLETED" for one in today),
        sum(is_late(one, now) for one in today),
        sum(one.mirrored_from is not None and is_due(one, now) for one in today),
        sum(one.status == "ACTIVE" and not one.technicians for one in today),
        taken / scheduled if scheduled >= HOUR else None,
    )


async def retry(visit: Visit) -> Response:
    """POST: send a write that its source refused once more."""
    sequence = visit.fields.get("sequence", "")
    if not sequence.isdecimal() or len(sequence) > 18:
        raise Refused(400, "This form has no such button.")
    await retry_outbox_entry(visit.context, visit.caller, int(sequence), visit.caller.seller_id)
    return visit.go(visit.path("today"))


ROUTES = [page("/{seller}/today", show), page("/{seller}/today/retry", retry, "dispatch", "POST")]

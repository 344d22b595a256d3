"""The four capacities, and the two shapes in which they are asked for."""

from zoneinfo import ZoneInfo

import pytest

from fieldserve.domain.capacity import (
    PAGE,
    Capacities,
    CapacityType,
    Reservation,
    ReservationType,
    Visit,
    capacities,
    fixed_capacity,
    page,
    range_capacity,
)
from fieldserve.domain.intervals import DAY, HOUR, MINUTE, Interval, Run, Steps
from fieldserve.domain.schedules import Availability, Recurrence

UTC = ZoneInfo("UTC")
MIDNIGHT = 20_000 * DAY  # a midnight UTC
WHOLE_DAY = (MIDNIGHT, MIDNIGHT + DAY)

SCHEDULED, AVAILABLE, ENCUMBERED, RESERVED = CapacityType


def at(hours: float) -> int:
    return MIDNIGHT + round(hours * 60) * MINUTE


def hours(opens: float, closes: float, capacity: int = 1) -> Availability:
    return Availability(at(opens), at(closes), None, capacity)


def visit(start: float, end: float) -> Visit:
    return Visit(at(start), at(end))


def reserved(kind: ReservationType, start: float, end: float, capacity: int = 1) -> Reservation:
    return Reservation(kind, hours(start, end, capacity))


def runs(steps: Steps, window: Interval = WHOLE_DAY) -> list[tuple[float, float, int]]:
    """What is not zero, in hours since midnight."""
    return [((a - MIDNIGHT) / HOUR, (b - MIDNIGHT) / HOUR, value) for a, b, value in steps.runs(window) if value]


def resource(
    records: list[Availability], reservations: list[Reservation], visits: list[Visit], window: Interval = WHOLE_DAY
) -> Capacities:
    return capacities(records, reservations, visits, UTC, window)


class TestCapacities:
    def test_appointments_and_leave_are_taken_from_what_is_scheduled(self) -> None:
        """3 from 8 to 16; a break of 1 from 12 to 13; visits 9–11 and 10–12:30; an appointment reservation 10–11."""
        there = resource(
            [hours(8, 16, 3)],
            [reserved(ReservationType.BREAK, 12, 13), reserved(ReservationType.APPOINTMENT, 10, 11)],
            [visit(9, 11), visit(10, 12.5)],
        )
        assert runs(there.scheduled) == [(8, 16, 3)]
        assert runs(there.reserved) == [(12, 13, 1)]
        # 9: first visit; 10: both and the reservation; 11: the second visit alone, until 12:30.
        assert runs(there.encumbered) == [(9, 10, 1), (10, 11, 3), (11, 12.5, 1)]
        # 12–12:30: 3 − 1 break − 1 visit = 1; 12:30–13: 3 − 1 = 2.
        assert runs(there.available) == [(8, 9, 3), (9, 10, 2), (11, 12, 2), (12, 12.5, 1), (12.5, 13, 2), (13, 16, 3)]

    def test_available_is_never_negative(self) -> None:
        """Two visits where 1 is scheduled, and one outside the hours: 0, not −1."""
        there = resource([hours(8, 12)], [], [visit(9, 10), visit(9, 10), visit(20, 21)])
        assert runs(there.available) == [(8, 9, 1), (10, 12, 1)]
        assert runs(there.encumbered) == [(9, 10, 2), (20, 21, 1)]

    @pytest.mark.parametrize("kind", [kind for kind in ReservationType if kind != ReservationType.APPOINTMENT])
    def test_leave_of_every_type_reserves(self, kind: ReservationType) -> None:
        """TRAVEL, VACATION, BREAK and TRAINING weigh their capacity and add up where they overlap."""
        there = resource([hours(8, 16, 5)], [reserved(kind, 9, 11, 2), reserved(kind, 10, 12)], [])
        assert runs(there.reserved) == [(9, 10, 2), (10, 11, 3), (11, 12, 1)]
        assert runs(there.encumbered) == []
        assert runs(there.available) == [(8, 9, 5), (9, 10, 3), (10, 11, 2), (11, 12, 4), (12, 16, 5)]

    def test_a_recurring_reservation_repeats(self) -> None:
        """A daily break from 12 to 13, seen on its fifth day; it does not add to itself on a span over a day."""
        lunch = Availability(at(12) - 4 * DAY, at(13) - 4 * DAY, Recurrence(at(0) + DAY))
        there = resource([hours(8, 16)], [Reservation(ReservationType.BREAK, lunch)], [])
        assert runs(there.available) == [(8, 12, 1), (13, 16, 1)]
        long = Availability(at(0) - 4 * DAY, at(6) - 3 * DAY, Recurrence(at(0) + DAY))
        assert runs(resource([], [Reservation(ReservationType.TRAVEL, long)], []).reserved) == [(0, 24, 1)]

    def test_zero_outside_the_window(self) -> None:
        """Nothing is told about times that were not asked about."""
        there = resource([hours(0, 24, 2)], [reserved(ReservationType.BREAK, 0, 24)], [visit(0, 24)], (at(9), at(10)))
        wide = (at(-24), at(48))
        assert runs(there.scheduled, wide) == [(9, 10, 2)]
        assert runs(there.reserved, wide) == runs(there.encumbered, wide) == [(9, 10, 1)]
        assert runs(there.available, wide) == []

    def test_nothing_at_all(self) -> None:
        """A resource without records, reservations and visits has four zeros."""
        assert resource([], [], []) == Capacities(Steps(), Steps(), Steps(), Steps())


THERE = resource([hours(8, 16, 3)], [reserved(ReservationType.BREAK, 12, 13)], [visit(9.5, 11)])


def in_hours(told: list[Run]) -> list[tuple[float, float, int]]:
    return [((start - MIDNIGHT) / HOUR, (end - MIDNIGHT) / HOUR, value) for start, end, value in told]


class TestRangeCapacity:
    def test_runs_make_up_the_window_zero_runs_included(self) -> None:
        """From 6 to 20: nothing before 8 and after 16."""
        [(kind, told)] = range_capacity(THERE, [SCHEDULED], (at(6), at(20)))
        assert kind == "SCHEDULED_CAPACITY"
        assert in_hours(told) == [(6, 8, 0), (8, 16, 3), (16, 20, 0)]

    def test_types_answer_in_the_order_of_the_enum_each_once(self) -> None:
        """Asked backwards and twice."""
        told = range_capacity(THERE, [RESERVED, ENCUMBERED, AVAILABLE, SCHEDULED, RESERVED], (at(10), at(12.5)))
        assert [(kind, in_hours(runs)) for kind, runs in told] == [
            (SCHEDULED, [(10, 12.5, 3)]),
            (AVAILABLE, [(10, 11, 2), (11, 12, 3), (12, 12.5, 2)]),
            (ENCUMBERED, [(10, 11, 1), (11, 12.5, 0)]),
            (RESERVED, [(10, 12, 0), (12, 12.5, 1)]),
        ]

    def test_none_asked_is_scheduled(self) -> None:
        """An empty list is answered as SCHEDULED_CAPACITY."""
        assert [kind for kind, _ in range_capacity(THERE, [], WHOLE_DAY)] == [SCHEDULED]


class TestFixedCapacity:
    def test_least_of_what_is_there_greatest_of_what_is_taken(self) -> None:
        """From 7:30 in slots of 2 hours: 7:30–9:30 has 0 throughout, 9:30–11:30 the visit, 11:30–13:30 the break."""
        told = fixed_capacity(THERE, list(CapacityType), (at(7.5), at(13.5)), 2 * HOUR)
        assert [((start - MIDNIGHT) / HOUR, *row.values()) for start, row in told] == [
            (7.5, 0, 0, 0, 0),  # scheduled, available, encumbered, reserved; closed until 8
            (9.5, 3, 2, 1, 0),
            (11.5, 3, 2, 0, 1),
        ]
        assert list(told[0][1]) == list(CapacityType)

    def test_a_rest_shorter_than_a_slot_is_left_out(self) -> None:
        """From 8 to 10:59 there are two whole hours; a window shorter than a slot has none."""
        assert [start for start, _ in fixed_capacity(THERE, [], (at(8), at(11) - MINUTE), HOUR)] == [at(8), at(9)]
        assert len(fixed_capacity(THERE, [], (at(8), at(11)), HOUR)) == 3
        assert fixed_capacity(THERE, [], (at(8), at(9) - 1), HOUR) == []

    def test_none_asked_is_scheduled(self) -> None:
        """An empty list is answered as SCHEDULED_CAPACITY."""
        assert fixed_capacity(THERE, [], (at(8), at(9)), HOUR) == [(at(8), {SCHEDULED: 3})]


class TestPage:
    def test_a_window_of_35_days_is_one_page(self) -> None:
        """35 days exactly have no next page, one microsecond more does."""
        window = (MIDNIGHT, MIDNIGHT + 35 * DAY)
        assert page(window, None) == (window, None)
        assert page((MIDNIGHT, window[1] + 1), None) == (window, window[1])

    def test_pages_follow_each_other(self) -> None:
        """80 days: 35, 35 and 10."""
        window = (MIDNIGHT, MIDNIGHT + 80 * DAY)
        first, token = page(window, None)
        second, following = page(window, token)
        third, last = page(window, following)
        assert [first, second, third] == [
            (MIDNIGHT, MIDNIGHT + PAGE),
            (MIDNIGHT + PAGE, MIDNIGHT + 2 * PAGE),
            (MIDNIGHT + 2 * PAGE, window[1]),
        ]
        assert last is None

    def test_no_slot_is_lost_between_two_pages(self) -> None:
        """35 days are 50,400 minutes: 916 slots of 55 minutes and 20 minutes left. The page ends with the slot."""
        window = (MIDNIGHT, MIDNIGHT + 40 * DAY)
        first, token = page(window, None, 55 * MINUTE)
        assert first[1] == token == MIDNIGHT + 916 * 55 * MINUTE
        second, _ = page(window, token, 55 * MINUTE)
        in_pages = [row for part in (first, second) for row in fixed_capacity(THERE, [AVAILABLE], part, 55 * MINUTE)]
        assert in_pages == fixed_capacity(THERE, [AVAILABLE], window, 55 * MINUTE)

    @pytest.mark.parametrize("token", [MIDNIGHT - PAGE, MIDNIGHT, MIDNIGHT + DAY, MIDNIGHT + 80 * DAY])
    def test_a_token_of_another_window(self, token: int) -> None:
        """Only an instant at which a page ends is a token."""
        with pytest.raises(ValueError, match="no page"):
            page((MIDNIGHT, MIDNIGHT + 80 * DAY), token)

"""Slots: the grid, buffers, technicians, notice; and that booking finds what reading lists."""

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from fieldserve.domain.capacity import Reservation, ReservationType
from fieldserve.domain.intervals import DAY, HOUR, MINUTE, Instant
from fieldserve.domain.schedules import Availability, Recurrence
from fieldserve.domain.slots import ServiceRules, StoreState, TechnicianState, Visit, capacity_at, conflict, slots

UTC_ZONE = ZoneInfo("UTC")
NEW_YORK = ZoneInfo("America/New_York")
MIDNIGHT = 20_000 * DAY  # a midnight UTC
TODAY = (MIDNIGHT, MIDNIGHT + DAY)
LONG_AGO = MIDNIGHT - 10 * DAY

HOURLY = ServiceRules(HOUR, HOUR, location_type="IN_HOME")


def at(hours: float) -> Instant:
    return MIDNIGHT + round(hours * 60) * MINUTE


def hours(opens: float, closes: float, capacity: int = 1) -> Availability:
    return Availability(at(opens), at(closes), None, capacity)


def visit(start: float, end: float, before: int = 0, after: int = 0) -> Visit:
    """Buffers in minutes."""
    return Visit(at(start), at(end), before * MINUTE, after * MINUTE)


def store(
    *records: Availability,
    reservations: Sequence[Reservation] = (),
    visits: Sequence[Visit] = (),
    waiting: Sequence[Visit] = (),
    technicians: Sequence[TechnicianState] = (),
) -> StoreState:
    return StoreState(UTC_ZONE, "REAL_TIME_SCHEDULING", records, reservations, visits, waiting, technicians)


def technician(
    *visits: Visit,
    records: tuple[Availability, ...] = (hours(8, 16),),
    reservations: tuple[Reservation, ...] = (),
    skills: str = "",
    location_types: str = "IN_HOME",
    eligible: bool = True,
) -> TechnicianState:
    return TechnicianState(
        "t",
        frozenset(skills.split()),
        frozenset(location_types.split()),
        eligible,
        records,
        reservations,
        visits,
        UTC_ZONE,
    )


def told(
    service: ServiceRules, store: StoreState, window: tuple[int, int] = TODAY, now: Instant = LONG_AGO
) -> dict[float, int]:
    """Capacity by start, in hours since midnight; asks again for each slot as a booking would."""
    found = slots(service, store, window, now)
    if store.scheduling_type == "REAL_TIME_SCHEDULING":
        for start, end, capacity in found:
            assert end - start == service.duration
            assert capacity_at(service, store, start, service.duration, now) == capacity
    return {(slot.start - MIDNIGHT) / HOUR: slot.capacity for slot in found}


class TestGrid:
    def test_every_start_from_which_the_service_lies_inside_scheduled_hours(self) -> None:
        """Open from 8:30 to 12 with 2; an hour's job on the full hours: 9, 10 and 11."""
        assert told(HOURLY, store(hours(8.5, 12, 2))) == {9: 2, 10: 2, 11: 2}

    def test_starts_count_from_local_midnight(self) -> None:
        """Every 100 minutes: 0:00, 1:40, 3:20, 5:00, 6:40, 8:20, 10:00; the count begins anew at midnight."""
        service = ServiceRules(HOUR, 100 * MINUTE)
        found = told(service, store(hours(5, 11), hours(23, 27)), (at(0), at(48)))
        # 14 × 100 min = 23:20; from there an hour lies in 23–27. The next midnight is 24, then 25:40 (25 2/3).
        assert found == {5: 1, 6 + 2 / 3: 1, 8 + 1 / 3: 1, 10: 1, 23 + 1 / 3: 1, 24: 1, 25 + 2 / 3: 1}

    def test_wholly_inside_the_window(self) -> None:
        """From 9:30 to 11:59 only the slot from 10 to 11 fits."""
        assert told(HOURLY, store(hours(8, 16)), (at(9.5), at(12) - 1)) == {10: 1}
        assert told(HOURLY, store(hours(8, 16)), (at(9.5), at(12))) == {10: 1, 11: 1}

    def test_hours_that_change_capacity_are_one_stretch(self) -> None:
        """3 until 10 and 1 from then on: a job from 9:30 to 10:30 finds 1."""
        service = ServiceRules(HOUR, 30 * MINUTE)
        assert told(service, store(hours(8.5, 10, 3), hours(10, 11))) == {8.5: 3, 9: 3, 9.5: 1, 10: 1}

    def test_a_job_longer_than_a_day(self) -> None:
        """36 hours inside 48 hours of work: the starts from 0 to 12."""
        service = ServiceRules(36 * HOUR, 6 * HOUR)
        assert told(service, store(hours(0, 48)), (at(0), at(72))) == {0: 1, 6: 1, 12: 1}

    def test_no_schedule_no_slots(self) -> None:
        """A store without hours lists nothing."""
        assert told(HOURLY, store()) == {}

    def starts_of_a_day(self, zone: str, year: int, month: int, day: int, interval: int) -> list[str]:
        """The local times of the starts of the dates around one, while open day and night."""
        local = ZoneInfo(zone)
        noon = int(datetime(year, month, day, 12, tzinfo=local).timestamp()) * 1_000_000
        always = StoreState(local, "REAL_TIME_SCHEDULING", (Availability(noon - 9 * DAY, noon + 9 * DAY),))
        found = slots(ServiceRules(MINUTE, interval), always, (noon - DAY, noon + DAY), LONG_AGO)
        walls = [datetime.fromtimestamp(slot.start / 1e6, UTC).astimezone(local) for slot in found]
        return [f"{wall:%H:%M}" for wall in walls if wall.day == day]

    def test_elapsed_time_on_a_short_day(self) -> None:
        """New York, 2026-03-08: 3 hours after midnight it is 4:00 EDT, then 7, 10, …; 8 starts in 23 hours."""
        assert self.starts_of_a_day("America/New_York", 2026, 3, 8, 3 * HOUR) == [
            "00:00", "04:00", "07:00", "10:00", "13:00", "16:00", "19:00", "22:00",
        ]  # fmt: skip

    def test_elapsed_time_on_a_long_day(self) -> None:
        """New York, 2026-11-01, has 25 hours: every 3 of them from midnight; the ninth start is 23:00."""
        assert self.starts_of_a_day("America/New_York", 2026, 11, 1, 3 * HOUR) == [
            "00:00", "02:00", "05:00", "08:00", "11:00", "14:00", "17:00", "20:00", "23:00",
        ]  # fmt: skip

    def test_half_an_hour(self) -> None:
        """Lord Howe, 2026-10-04: 2:00 becomes 2:30, so 6 hours after midnight it is 6:30."""
        assert self.starts_of_a_day("Australia/Lord_Howe", 2026, 10, 4, 6 * HOUR) == [
            "00:00",
            "06:30",
            "12:30",
            "18:30",
        ]

    def test_clocks_set_back_across_midnight(self) -> None:
        """St. John's, 2008-11-02, 0:01 became 23:01 of the 1st: the grid of the 2nd runs on from its first midnight.

        From 0:00 (−2:30): 1 h later it is 0:00 (−3:30), then every hour. The hour from 23:01 to 0:00 is the 1st again,
        but lies after the 2nd's midnight and has no start of its own.
        """
        assert self.starts_of_a_day("America/St_Johns", 2008, 11, 2, 6 * HOUR) == [
            "00:00",
            "05:00",
            "11:00",
            "17:00",
            "23:00",
        ]

    def test_capacity_at_knows_the_grid(self) -> None:
        """A start between two of the grid, or with hours that end too soon, has no capacity."""
        shop = store(hours(8.5, 12, 2))
        assert capacity_at(HOURLY, shop, at(9), HOUR, LONG_AGO) == 2
        assert capacity_at(HOURLY, shop, at(9) + 1, HOUR, LONG_AGO) == 0
        assert capacity_at(HOURLY, shop, at(9.5), HOUR, LONG_AGO) == 0
        assert capacity_at(HOURLY, shop, at(8), HOUR, LONG_AGO) == 0
        assert capacity_at(HOURLY, shop, at(12), HOUR, LONG_AGO) == 0


class TestStoreCapacity:
    def test_the_least_available_of_the_slot(self) -> None:
        """3, less a visit from 9:30 to 10:30 and a break of 2 from 11:30 to 12."""
        off = Reservation(ReservationType.BREAK, hours(11.5, 12, 2))
        shop = store(hours(8, 13, 3), visits=[visit(9.5, 10.5)], reservations=[off])
        assert told(HOURLY, shop) == {8: 3, 9: 2, 10: 2, 11: 1, 12: 3}

    def test_a_full_slot_is_listed(self) -> None:
        """Capacity 0 is an answer; overbooked is 0, too."""
        shop = store(hours(8, 11), visits=[visit(8, 9), visit(9, 10), visit(9, 10)])
        assert told(HOURLY, shop) == {8: 0, 9: 0, 10: 1}

    def test_buffers_do_not_count_against_the_store(self) -> None:
        """A visit with half an hour around it takes its own time only, where there are no technicians."""
        service = HOURLY._replace(buffer_before=30 * MINUTE, buffer_after=30 * MINUTE)
        assert told(service, store(hours(8, 11), visits=[visit(9, 10, 30, 30)])) == {8: 1, 9: 0, 10: 1}


class TestTechnicians:
    def test_no_more_than_technicians_who_are_free(self) -> None:
        """The store could do 5; of two technicians one has a visit from 9 to 10."""
        busy = visit(9, 10)
        shop = store(hours(8, 11, 5), visits=[busy], technicians=[technician(busy), technician()])
        assert told(HOURLY, shop) == {8: 2, 9: 1, 10: 2}

    def test_no_more_than_the_store(self) -> None:
        """Three technicians, but the store has room for 2 and one visit."""
        shop = store(hours(8, 10, 2), visits=[visit(8, 9)], technicians=[technician()] * 3)
        assert told(HOURLY, shop) == {8: 1, 9: 2}

    @pytest.mark.parametrize(
        "unfit",
        [
            technician(eligible=False, skills="TV WIRING"),
            technician(skills="TV"),
            technician(skills="TV WIRING", location_types="IN_STORE"),
            technician(skills="TV WIRING", records=()),
        ],
        ids=["not eligible", "skill missing", "other location type", "no schedule"],
    )
    def test_who_cannot_do_it_does_not_count(self, unfit: TechnicianState) -> None:
        """Beside one who can there is 1; alone there is 0, for the store does have technicians."""
        service = HOURLY._replace(skills=frozenset({"TV", "WIRING"}), location_type="IN_HOME")
        fit = technician(skills="TV WIRING PLUMBING", location_types="IN_STORE IN_HOME")
        assert told(service, store(hours(8, 9, 5), technicians=[fit, unfit]))[8] == 1
        assert told(service, store(hours(8, 9, 5), technicians=[unfit]))[8] == 0

    def test_free_for_the_whole_slot(self) -> None:
        """Own hours from 8:30 to 12, a break from 10:30 to 11: only 9–10 and 11–12 are whole."""
        own = technician(records=(hours(8.5, 12),), reservations=(Reservation(ReservationType.BREAK, hours(10.5, 11)),))
        shop = store(hours(8, 13, 5), technicians=[own])
        assert told(HOURLY, shop) == {8: 0, 9: 1, 10: 0, 11: 1, 12: 0}

    def test_a_visit_blocks_even_one_with_capacity_to_spare(self) -> None:
        """A technician whose own records say 2 still makes one visit at a time."""
        busy = visit(8, 9)
        double = technician(busy, records=(hours(8, 10, 2),))
        shop = store(hours(8, 10, 5), visits=[busy], technicians=[double])
        assert told(HOURLY, shop) == {8: 0, 9: 1}

    def test_waiting_visits_will_need_someone(self) -> None:
        """Two technicians; two visits from 9 to 10 wait, one from 10 to 11: none is left at 9, one at 10."""
        waiting = [visit(9, 10), visit(9, 10), visit(10, 11)]
        shop = store(hours(8, 12, 5), visits=waiting, waiting=waiting, technicians=[technician()] * 2)
        assert told(HOURLY, shop) == {8: 2, 9: 0, 10: 1, 11: 2}

    def test_more_waiting_than_technicians(self) -> None:
        """Never negative."""
        waiting = [visit(9, 10), visit(9, 10)]
        shop = store(hours(9, 10, 5), visits=waiting, waiting=waiting, technicians=[technician()])
        assert told(HOURLY, shop) == {9: 0}


class TestBuffers:
    """A technician visits from 10 to 11; jobs of an hour every quarter of an hour."""

    def free(self, busy: Visit, before: int, after: int) -> list[float]:
        """The starts from 8 to 12 at which the technician is free, for a service with these buffers in minutes."""
        service = ServiceRules(HOUR, 15 * MINUTE, 0, before * MINUTE, after * MINUTE, location_type="IN_HOME")
        shop = store(hours(8, 13, 5), visits=[busy], technicians=[technician(busy)])
        return [start for start, capacity in told(service, shop).items() if capacity]

    def test_without_buffers_visits_may_touch(self) -> None:
        """Until 9 (ends at 10) and from 11 on."""
        assert self.free(visit(10, 11), 0, 0) == [8, 8.25, 8.5, 8.75, 9, 11, 11.25, 11.5, 11.75, 12]

    def test_the_gap_is_the_greater_buffer_not_the_sum(self) -> None:
        """After the visit max(15, 30 before the job) = 30: 11:30. Before it max(45 after the job, 15) = 45: 8:15."""
        assert self.free(visit(10, 11, 15, 15), 30, 45) == [8, 8.25, 11.5, 11.75, 12]

    def test_the_visits_own_buffer_counts_as_much(self) -> None:
        """The same with the greater buffers on the visit's side: 45 before it, 30 after it."""
        assert self.free(visit(10, 11, 45, 30), 15, 15) == [8, 8.25, 11.5, 11.75, 12]

    def test_buffers_do_not_count_towards_opening_hours(self) -> None:
        """With an hour before and after, the first slot of the day and the last are still there."""
        assert self.free(visit(20, 21), 60, 60)[::16] == [8, 12]

    def test_waiting_visits_keep_their_distance_too(self) -> None:
        """One technician, one visit from 10 to 11 that waits, half an hour after it: 11:00 and 11:15 are too soon."""
        waiting = [visit(10, 11, 0, 30)]
        service = ServiceRules(HOUR, 15 * MINUTE, 0, location_type="IN_HOME")
        shop = store(hours(10.75, 13, 5), visits=waiting, waiting=waiting, technicians=[technician()])
        assert told(service, shop) == {10.75: 0, 11: 0, 11.25: 0, 11.5: 1, 11.75: 1, 12: 1}

    def test_conflict_is_symmetric(self) -> None:
        """10–11 with 30 after and 11:15–12 with 20 before: the gap must be 30, and is 15."""
        first, second = visit(10, 11, 60, 30), visit(11.25, 12, 20, 60)
        assert conflict(first, second)
        assert conflict(second, first)
        later = visit(11.5, 12, 20, 60)
        assert not conflict(first, later)
        assert not conflict(later, first)
        assert conflict(first, first)


class TestNotice:
    def test_too_soon_is_listed_with_capacity_0(self) -> None:
        """With two hours' notice nothing starts before 9:30 at 7:30; at 8:00 it may be 10 exactly."""
        service = HOURLY._replace(notice=2 * HOUR)
        shop = store(hours(8, 12))
        assert told(service, shop, now=at(7.5)) == {8: 0, 9: 0, 10: 1, 11: 1}
        assert told(service, shop, now=at(8)) == {8: 0, 9: 0, 10: 1, 11: 1}
        assert told(service, shop, now=at(8) + 1) == {8: 0, 9: 0, 10: 0, 11: 1}
        assert told(service, shop, now=at(20)) == {8: 0, 9: 0, 10: 0, 11: 0}

    def test_at_most_365_days_ahead(self) -> None:
        """365 days before 9:00 it may start at 9, but not at 10."""
        assert told(HOURLY, store(hours(8, 11)), now=at(9) - 365 * DAY) == {8: 1, 9: 1, 10: 0}

    def test_default_notice_is_120_minutes(self) -> None:
        """The documented default."""
        assert ServiceRules(HOUR, HOUR).notice == 120 * MINUTE


class TestLongerThanTheService:
    def test_the_longer_duration_must_fit(self) -> None:
        """One hour fits at 10, before a visit at 11; an hour and a half does not. Nor does it fit before closing."""
        shop = store(hours(8, 13), visits=[visit(11, 12)])
        assert capacity_at(HOURLY, shop, at(10), HOUR, LONG_AGO) == 1
        assert capacity_at(HOURLY, shop, at(10), 90 * MINUTE, LONG_AGO) == 0
        assert capacity_at(HOURLY, shop, at(8), 3 * HOUR, LONG_AGO) == 1
        assert capacity_at(HOURLY, shop, at(12), 90 * MINUTE, LONG_AGO) == 0

    def test_the_technician_is_looked_at_for_the_longer_duration(self) -> None:
        """A visit at 10 with 30 minutes before it: from 8, 90 minutes end at 9:30 and fit, 91 do not."""
        busy = visit(10, 11, 30, 0)
        shop = store(hours(8, 13, 5), technicians=[technician(busy)], visits=[busy])
        service = HOURLY
        assert capacity_at(service, shop, at(8), 90 * MINUTE, LONG_AGO) == 1
        assert capacity_at(service, shop, at(8), 91 * MINUTE, LONG_AGO) == 0

    def test_never_shorter(self) -> None:
        """That is the caller's error."""
        with pytest.raises(ValueError, match="never shorter"):
            capacity_at(HOURLY, store(hours(8, 13)), at(8), 59 * MINUTE, LONG_AGO)


class TestNonRealTime:
    SHOP = store(hours(8, 12, 4), hours(12, 12.5, 2), hours(12.5, 16, 4))._replace(
        scheduling_type="NON_REAL_TIME_SCHEDULING"
    )

    def runs(
        self, shop: StoreState, window: tuple[int, int] = TODAY, now: Instant = LONG_AGO
    ) -> list[tuple[float, ...]]:
        found = slots(HOURLY, shop, window, now)
        return [((start - MIDNIGHT) / HOUR, (end - MIDNIGHT) / HOUR, capacity) for start, end, capacity in found]

    def test_hours_with_the_scheduled_capacity(self) -> None:
        """Runs of equal capacity; the half hour with 2 is too short for a job of an hour."""
        assert self.runs(self.SHOP) == [(8, 12, 4), (12.5, 16, 4)]

    def test_clipped_to_the_window_and_to_now(self) -> None:
        """From 9 because of the window, from 10:20 because of now; what is left must still be long enough."""
        assert self.runs(self.SHOP, (at(9), at(13))) == [(9, 12, 4)]
        assert self.runs(self.SHOP, now=at(10.5)) == [(10.5, 12, 4), (12.5, 16, 4)]
        assert self.runs(self.SHOP, now=at(11.5)) == [(12.5, 16, 4)]
        assert self.runs(self.SHOP, now=at(30)) == []

    def test_bookings_and_leave_take_nothing(self) -> None:
        """The seller's own system holds the inventory."""
        off = Reservation(ReservationType.VACATION, hours(8, 16, 4))
        booked = self.SHOP._replace(visits=[visit(8, 12)] * 9, reservations=[off], technicians=[technician()])
        assert self.runs(booked) == [(8, 12, 4), (12.5, 16, 4)]
        assert capacity_at(HOURLY, booked, at(9), HOUR, LONG_AGO) == 4

    def test_any_start_after_now_inside_the_hours(self) -> None:
        """Neither grid nor notice matter; the least of the hours that it lasts counts."""
        assert capacity_at(HOURLY, self.SHOP, at(9) + 7, HOUR, at(9)) == 4
        assert capacity_at(HOURLY, self.SHOP, at(11.5), HOUR, LONG_AGO) == 2
        assert capacity_at(HOURLY, self.SHOP, at(15.5), HOUR, LONG_AGO) == 0
        assert capacity_at(HOURLY, self.SHOP, at(9), HOUR, at(9)) == 0


class TestOneDayInNewYork:
    def test_a_daily_schedule_through_the_change_of_the_clocks(self) -> None:
        """Open daily 1:00 to 5:00, on 2026-03-08 only 6:00Z to 9:00Z: starts 1:00 EST, 3:00 and 4:00 EDT."""
        opens = int(datetime(2026, 1, 1, 1, tzinfo=NEW_YORK).timestamp()) * 1_000_000
        daily = Availability(opens, opens + 4 * HOUR, Recurrence(opens + 365 * DAY))
        shop = StoreState(NEW_YORK, "REAL_TIME_SCHEDULING", (daily,))
        sunday = int(datetime(2026, 3, 8, tzinfo=NEW_YORK).timestamp()) * 1_000_000
        found = slots(HOURLY, shop, (sunday, sunday + 23 * HOUR), sunday - 10 * DAY)
        walls = [datetime.fromtimestamp(slot.start / 1e6, UTC).astimezone(NEW_YORK) for slot in found]
        assert [f"{wall:%H:%M %Z}" for wall in walls] == ["01:00 EST", "03:00 EDT", "04:00 EDT"]

"""Demand replayed against another schedule, in a shop small enough to count by hand."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldserve.domain.intervals import DAY, HOUR, Instant
from fieldserve.domain.schedules import Availability, Recurrence, instant_of
from fieldserve.domain.slots import ServiceRules, StoreState, TechnicianState
from fieldserve.domain.what_if import AddTechnicians, Change, OpenLonger, Wish, changed, hours_of, replay

ZONE = ZoneInfo("America/New_York")
MONDAY = date(2026, 3, 2).toordinal()
WINDOW = (instant_of(ZONE, MONDAY, 0), instant_of(ZONE, MONDAY + 14, 0))
FOREVER = WINDOW[1] + 365 * DAY
SATURDAY = frozenset({5})
TV, TYRES = frozenset({"TV"}), frozenset({"TYRES"})
MOUNTING = ServiceRules(HOUR, HOUR, 0, 0, 0, TV, "IN_HOME")
FITTING = ServiceRules(HOUR, HOUR, 0, 0, 0, TYRES, "IN_HOME")


def at(day: int, hour: int) -> Instant:
    """An hour of a day, counted from Monday, 2 March 2026; clocks change on Sunday, the 8th (day 6)."""
    return instant_of(ZONE, MONDAY + day, hour * HOUR)


def daily(opens: int, closes: int, capacity: int = 1, days: frozenset[int] = frozenset()) -> Availability:
    return Availability(at(0, opens), at(0, closes), Recurrence(FOREVER, days), capacity)


def technician(name: str, skills: frozenset[str] = TV) -> TechnicianState:
    return TechnicianState(name, skills, frozenset({"IN_HOME"}), True, (daily(9, 12),), (), (), ZONE)


# Open from nine to twelve, two technicians: six hours a day.
STORE = StoreState(ZONE, "REAL_TIME_SCHEDULING", (daily(9, 12, 2),), technicians=(technician("ann"), technician("bob")))


def wish(number: int, day: int, from_: int = 9, to: int = 12, service: ServiceRules = MOUNTING) -> Wish:
    """An order of the Sunday before, for an hour on that day."""
    return Wish(f"job-{number:02}", "s", WINDOW[0] - DAY + number, service, HOUR, ((at(day, from_), at(day, to)),))


def won(wishes: list[Wish], store: StoreState) -> int:
    return len(replay(wishes, {"s": store}).won)


class TestReplay:
    def test_until_it_is_full(self) -> None:
        """Eight want Saturday: two at 9, 10 and 11 are six; two are lost."""
        found = replay([wish(number, 5) for number in range(8)], {"s": STORE})
        starts = [(start - at(5, 0)) // HOUR for start in found.won.values()]
        assert starts == [9, 9, 10, 10, 11, 11]
        assert found.lost == ["job-06", "job-07"]

    def test_what_was_booked_comes_first(self) -> None:
        """The first came last to its slot; whoever had 9 o'clock keeps it if it is there when their turn comes."""
        booked = [wish(number, 5)._replace(booked=at(5, 9)) for number in range(3)]
        found = replay(booked, {"s": STORE})
        assert [found.won[one.job_id] for one in booked] == [at(5, 9), at(5, 9), at(5, 10)]

    def test_given_back(self) -> None:
        """A cancellation frees the slot for whoever comes after it, not before."""
        six = [wish(number, 5) for number in range(6)]
        six[0] = six[0]._replace(given_back=WINDOW[0])
        late = wish(6, 5)._replace(at=WINDOW[0] + 1)
        assert won([*six, wish(7, 5)], STORE) == 6
        found = replay([*six, late], {"s": STORE})
        assert found.won["job-06"] == at(5, 9)

    def test_who_knows_less_goes_first(self) -> None:
        """Ann alone fits tyres: Bob mounts, though Ann is first by name, and so both are done."""
        ann = technician("ann", TV | TYRES)
        store = STORE._replace(technicians=(ann, technician("bob")))
        assert won([wish(0, 5, 9, 10), wish(1, 5, 9, 10, FITTING)], store) == 2

    def test_technicians_of_two_stores_are_one(self) -> None:
        """Ann works at both: what she does at one she cannot do at the other at the same time."""
        alone = STORE._replace(technicians=(technician("ann"),))
        other = wish(1, 5, 9, 10)._replace(store_id="t")
        assert len(replay([wish(0, 5, 9, 10), other], {"s": alone, "t": alone}).won) == 1

    def test_what_stood_on_the_calendar(self) -> None:
        """Of six places on Saturday two at nine and one at ten were taken before: one more at ten, two at eleven."""
        taken = [wish(-1 - at_, 5)._replace(booked=at(5, hour)) for at_, hour in enumerate((9, 9, 10))]
        wishes = [wish(number, 5) for number in range(5)]
        found = replay(wishes, {"s": STORE}, taken)
        assert [found.won[f"job-{number:02}"] for number in range(3)] == [at(5, 10), at(5, 11), at(5, 11)]
        assert found.lost == ["job-03", "job-04"]  # what stood there is neither won nor lost
        more = changed("s", STORE, AddTechnicians(1, SATURDAY), WINDOW)  # nine places, three of them taken
        assert len(replay(wishes, {"s": more}, taken).won) == 5
        # One of those at nine was cancelled after the third order: the fourth takes its place.
        taken[0] = taken[0]._replace(given_back=wishes[3].at)
        found = replay(wishes, {"s": STORE}, taken)
        assert (found.won["job-03"], found.lost) == (at(5, 9), ["job-04"])

    def test_booked_between_two_orders(self) -> None:
        """An earlier order that booked two places at nine only after the first order came does not stand in its way."""
        taken = [wish(-1 - at_, 5)._replace(at=WINDOW[0], booked=at(5, 9)) for at_ in range(2)]
        late = wish(1, 5, 9, 10)._replace(at=WINDOW[0] + 1)
        found = replay([wish(0, 5, 9, 10), late], {"s": STORE}, taken)
        assert (found.won, found.lost) == ({"job-00": at(5, 9)}, ["job-01"])


class TestChanges:
    @pytest.mark.parametrize(
        ("change", "places"),
        [
            (AddTechnicians(1, SATURDAY), 9),  # three technicians, three hours
            (OpenLonger(closes=14 * HOUR, days=SATURDAY), 10),  # two, five hours
        ],
    )
    def test_behind_the_period_all_is_as_it_is(self, change: Change, places: int) -> None:
        """The first week's Saturday changes; the next one has its six places, as ever, and not an hour more."""
        week = WINDOW[0], at(7, 0)
        other = changed("s", STORE, change, week, WINDOW[1])
        assert won([wish(number, 5, 0, 24) for number in range(12)], other) == places
        assert won([wish(number, 12, 0, 24) for number in range(12)], other) == 6
        assert hours_of(other, (week[1], WINDOW[1])) == hours_of(STORE, (week[1], WINDOW[1]))

    def test_who_is_added_works_at_one_store(self) -> None:
        """One more at each of two shops of one: six at each on Saturday, and twelve together, for they are two."""
        alone = {
            "s": STORE._replace(technicians=(technician("ann"),)),
            "t": STORE._replace(technicians=(technician("bob"),)),
        }
        more = {one: changed(one, of, AddTechnicians(1, SATURDAY), WINDOW) for one, of in alone.items()}
        wishes = [wish(number, 5)._replace(store_id="st"[number % 2]) for number in range(14)]
        assert [len(replay([one for one in wishes if one.store_id == of], more).won) for of in "st"] == [6, 6]
        assert len(replay(wishes, more).won) == 12

    def test_more_on_saturdays(self) -> None:
        """One more on Saturdays: three at each hour, nine in all; on Friday nothing changes."""
        more = changed("s", STORE, AddTechnicians(1, SATURDAY), WINDOW)
        assert won([wish(number, 5) for number in range(12)], more) == 9
        assert won([wish(number, 4) for number in range(12)], more) == 6
        # Two Saturdays of three hours.
        assert hours_of(more, WINDOW) - hours_of(STORE, WINDOW) == 6 * HOUR

    def test_in_the_afternoon(self) -> None:
        """Two from one to three, when the store is closed otherwise: four more."""
        more = changed("s", STORE, AddTechnicians(2, SATURDAY, 13 * HOUR, 15 * HOUR), WINDOW)
        assert won([wish(number, 5, 9, 15) for number in range(12)], more) == 6 + 4

    def test_with_a_skill(self) -> None:
        """Nobody fits tyres; whoever is added for that does, and mounts nothing."""
        more = changed("s", STORE, AddTechnicians(1, SATURDAY, skills=TYRES), WINDOW)
        assert won([wish(number, 5, service=FITTING) for number in range(4)], STORE) == 0
        assert won([wish(number, 5, service=FITTING) for number in range(4)], more) == 3
        assert won([wish(number, 5) for number in range(8)], more) == 6

    def test_open_longer(self) -> None:
        """Until two: five hours of two instead of three, on the day of the change of the clocks, too."""
        longer = changed("s", STORE, OpenLonger(closes=14 * HOUR), WINDOW)
        for day in (5, 6):
            assert won([wish(number, day, 0, 24) for number in range(12)], longer) == 10
        # 14 days, two technicians, two hours.
        assert hours_of(longer, WINDOW) - hours_of(STORE, WINDOW) == 14 * 2 * 2 * HOUR

    def test_open_earlier_where_there_are_hours(self) -> None:
        """From eight on weekdays; a store that is closed on Sundays stays so."""
        weekdays = frozenset(range(5))
        store = STORE._replace(records=(daily(9, 12, 2, weekdays),))
        longer = changed("s", store, OpenLonger(opens=8 * HOUR), WINDOW)
        assert won([wish(number, 0, 0, 24) for number in range(12)], longer) == 8
        assert won([wish(number, 6, 0, 24) for number in range(12)], longer) == 0

    def test_opening_later_changes_nothing(self) -> None:
        """Hours only grow."""
        same = changed("s", STORE, OpenLonger(opens=10 * HOUR, closes=11 * HOUR), WINDOW)
        assert hours_of(same, WINDOW) == hours_of(STORE, WINDOW)

    def test_one_after_the_other(self) -> None:
        """Changes add up: whoever was added stays longer, too. Three, five hours each, are fifteen."""
        both = changed("s", changed("s", STORE, AddTechnicians(1), WINDOW), OpenLonger(closes=14 * HOUR), WINDOW)
        assert won([wish(number, 5, 0, 24) for number in range(20)], both) == 15

    def test_without_technicians(self) -> None:
        """Where only the store's capacity counts, that grows."""
        bare = STORE._replace(technicians=())
        more = changed("s", bare, AddTechnicians(2), WINDOW)
        assert won([wish(number, 5) for number in range(20)], more) == 12
        assert hours_of(more, WINDOW) == 2 * hours_of(bare, WINDOW)


@given(
    st.lists(st.tuples(st.integers(0, 13), st.integers(8, 11), st.integers(1, 4)), max_size=25),
    st.integers(1, 3),
)
def test_more_capacity_loses_nobody(asked: list[tuple[int, int, int]], count: int) -> None:
    """With one service for all, more of the same technicians never win fewer; won and lost are all there are."""
    wishes = [wish(number, day, hour, hour + long) for number, (day, hour, long) in enumerate(asked)]
    before = replay(wishes, {"s": STORE})
    after = replay(wishes, {"s": changed("s", STORE, AddTechnicians(count), WINDOW)})
    assert len(after.won) >= len(before.won)
    for found in (before, after):
        assert sorted([*found.won, *found.lost]) == [one.job_id for one in wishes]
        assert all(
            begin <= found.won[one.job_id] <= end - HOUR
            for one in wishes
            if one.job_id in found.won
            for begin, end in one.windows
        )


@pytest.mark.parametrize("day", [6, 7])
def test_clocks(day: int) -> None:
    """On the Sunday on which clocks go forward, nine is nine: an hour earlier in UTC than on the day before."""
    found = replay([wish(0, day)], {"s": STORE})
    assert found.won["job-00"] == at(day, 9)

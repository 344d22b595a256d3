"""Travel as a gap between visits, and what a visit more adds to a day; places are points on a line, a second apart."""

from zoneinfo import ZoneInfo

from fieldserve.domain.capacity import Visit
from fieldserve.domain.intervals import DAY, HOUR, MINUTE, Interval
from fieldserve.domain.schedules import Availability
from fieldserve.domain.slot_travel import Added, Stop, Travel, added_travel, leaving_time
from fieldserve.domain.slots import ServiceRules, StoreState, TechnicianState, capacity_at

UTC = ZoneInfo("UTC")
SERVICE = ServiceRules(HOUR, HOUR, 0, location_type="IN_HOME")
HOURS = [Availability(8 * HOUR, 18 * HOUR), Availability(DAY + 8 * HOUR, DAY + 18 * HOUR)]


def technician(name: str, *visits: Visit) -> TechnicianState:
    return TechnicianState(name, frozenset(), frozenset({"IN_HOME"}), True, HOURS, (), visits, UTC)


def store(*technicians: TechnicianState, waiting: tuple[Visit, ...] = ()) -> StoreState:
    everything = [*waiting, *(visit for one in technicians for visit in one.visits)]
    return StoreState(UTC, "REAL_TIME_SCHEDULING", HOURS, (), everything, waiting, technicians)


def way(one: int, other: int, _: int) -> int:
    return abs(one - other)


def day_of(start: int) -> Interval:
    return start // DAY * DAY, (start // DAY + 1) * DAY


class TestLeavingTime:
    def test_the_greater_counts(self) -> None:
        """A visit from 10 to 11 with a buffer of 30 minutes after it, and 90 minutes of road: 12:30, not 13:00."""
        visit = Visit(10 * HOUR, 11 * HOUR, 0, 30 * MINUTE)
        state = store(technician("a", visit), technician("b"))
        seen = leaving_time(state, {("a", visit.start, visit.end): Travel(0, 90 * MINUTE)})
        assert seen.technicians[0].visits == [Visit(10 * HOUR, 11 * HOUR, 0, 90 * MINUTE)]
        assert seen.technicians[1].visits == []
        # Alone, Ann could not start at noon; at one she can.
        alone = seen._replace(technicians=seen.technicians[:1])
        assert [capacity_at(SERVICE, alone, hour * HOUR, HOUR, 0) for hour in (12, 13)] == [0, 1]

    def test_a_longer_buffer_stays(self) -> None:
        """Where the road is shorter than the buffer nothing changes."""
        visit = Visit(10 * HOUR, 11 * HOUR, HOUR, HOUR)
        seen = leaving_time(store(technician("a", visit)), {("a", visit.start, visit.end): Travel(MINUTE, MINUTE)})
        assert seen.technicians[0].visits == [visit]

    def test_waiting_visits(self) -> None:
        """Visits that wait for a technician have their own ways."""
        visit = Visit(10 * HOUR, 11 * HOUR)
        state = store(technician("a"), waiting=(visit,))
        seen = leaving_time(state, {("", visit.start, visit.end): Travel(HOUR, HOUR)})
        assert seen.waiting == [Visit(10 * HOUR, 11 * HOUR, HOUR, HOUR)]
        assert seen.visits == state.visits


class TestAddedTravel:
    def test_between_two(self) -> None:
        """Home 0, visits at 100 (9 to 10) and 140 (14 to 15), the job at 120: on the way it adds nothing, before the
        first 120 + 20 − 100 = 40, after the last 20 + 120 − 140 = 0."""
        visits = (Visit(9 * HOUR, 10 * HOUR), Visit(14 * HOUR, 15 * HOUR))
        stops = {"a": [Stop(9 * HOUR, 10 * HOUR, 100), Stop(14 * HOUR, 15 * HOUR, 140)]}
        starts = [8 * HOUR, 12 * HOUR, 16 * HOUR]
        found = added_travel(SERVICE, store(technician("a", *visits)), starts, stops, {"a": 0}, 120, way, day_of)
        assert found == [Added(40, "a"), Added(0, "a"), Added(0, "a")]

    def test_the_nearest_of_several(self) -> None:
        """Of two who are free, the one whose day grows least: 2 × 10 from home at 110 against 2 × 120 from 0."""
        state = store(technician("a"), technician("b"))
        found = added_travel(SERVICE, state, [9 * HOUR], {}, {"a": 0, "b": 110}, 120, way, day_of)
        assert found == [Added(20, "b")]

    def test_who_is_busy_does_not_count(self) -> None:
        """At nine only the far one is free, at eleven the near one is."""
        state = store(technician("a", Visit(9 * HOUR, 10 * HOUR)), technician("b"))
        stops = {"a": [Stop(9 * HOUR, 10 * HOUR, 120)]}
        found = added_travel(SERVICE, state, [9 * HOUR, 11 * HOUR], stops, {"a": 0, "b": 500}, 120, way, day_of)
        assert found == [Added(760, "b"), Added(0, "a")]

    def test_days_are_apart(self) -> None:
        """Yesterday's visit is no neighbour: the way begins at home again."""
        state = store(technician("a", Visit(17 * HOUR, 18 * HOUR)))
        stops = {"a": [Stop(17 * HOUR, 18 * HOUR, 120)]}
        found = added_travel(SERVICE, state, [DAY + 9 * HOUR], stops, {"a": 0}, 120, way, day_of)
        assert found == [Added(240, "a")]

    def test_nobody(self) -> None:
        """Without a home that is known, and for no starts, there is nothing to tell."""
        state = store(technician("a"))
        assert added_travel(SERVICE, state, [9 * HOUR], {}, {}, 120, way, day_of) == [None]
        assert added_travel(SERVICE, state, [], {}, {}, 120, way, day_of) == []

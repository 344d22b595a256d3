"""Whether a reservation fits."""

from zoneinfo import ZoneInfo

from fieldserve.domain.capacity import Capacities, Reservation, ReservationType, Visit, capacities
from fieldserve.domain.intervals import DAY, HOUR
from fieldserve.domain.reservations import fits, meets_appointments
from fieldserve.domain.schedules import Availability

HOURS = (9 * HOUR, 17 * HOUR)


def of_a_day() -> Capacities:
    """Capacity 3 from 9 to 17; a visit from 10 to 11, a break of 1 from 12 to 13."""
    taken = [Reservation(ReservationType.BREAK, Availability(12 * HOUR, 13 * HOUR))]
    visits = [Visit(10 * HOUR, 11 * HOUR)]
    return capacities([Availability(*HOURS, None, 3)], taken, visits, ZoneInfo("UTC"), (0, DAY))


class TestFits:
    def test_what_is_left(self) -> None:
        """3 − 1 = 2 are left during the visit and the break, 3 otherwise."""
        assert fits(of_a_day(), [HOURS], 2)
        assert not fits(of_a_day(), [HOURS], 3)
        assert fits(of_a_day(), [(13 * HOUR, 17 * HOUR), (9 * HOUR, 10 * HOUR)], 3)

    def test_every_occurrence(self) -> None:
        """One occurrence that does not fit is one too many."""
        assert not fits(of_a_day(), [(9 * HOUR, 10 * HOUR), (10 * HOUR, 11 * HOUR)], 3)

    def test_outside_hours(self) -> None:
        """There is nothing where nothing is scheduled."""
        assert not fits(of_a_day(), [(8 * HOUR, 10 * HOUR)], 1)


class TestMeetsAppointments:
    def test_visit(self) -> None:
        """Only the visit counts, and only while it lasts."""
        assert meets_appointments(of_a_day(), [(9 * HOUR, 10 * HOUR + 1)])
        assert not meets_appointments(of_a_day(), [(9 * HOUR, 10 * HOUR), (11 * HOUR, 17 * HOUR)])

"""Who of the demo's technicians is free when, as the sellers' own dispatchers know it.

The server has the last word; the dispatchers' own list only keeps them from asking for what it would refuse.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from fieldserve.domain.intervals import MINUTE, Instant, Interval
from fieldserve.domain.schedules import local
from fieldserve.domain.slots import Visit, conflict
from fieldserve.sandbox.demo.cast import SHIFTS, ServiceCast, StoreCast, TechnicianCast
from fieldserve.wire.schedules import DAYS_OF_WEEK


@dataclass(slots=True)
class Member:
    """A technician with what fills the days: absences, and visits by local day."""

    technician_id: str
    cast: TechnicianCast
    home: tuple[float, float]
    zone: ZoneInfo
    skills: frozenset[str]
    hours: dict[int, list[Interval]]
    away: list[Interval] = field(default_factory=list)
    visits: dict[int, list[Visit]] = field(default_factory=dict)

    def on_duty(self, visit: Visit) -> bool:
        """Scheduled throughout, and not away."""
        ordinal, opens = local(self.zone, visit.start)
        closes = opens + visit.end - visit.start
        spans = self.hours.get((ordinal + 6) % 7, ())
        return any(begin <= opens and closes <= end for begin, end in spans) and not any(
            begin < visit.end and visit.start < end for begin, end in self.away
        )

    def is_free(self, visit: Visit) -> bool:
        """No other visit in conflict."""
        return not any(conflict(visit, other) for other in self.visits.get(self._day(visit), ()))

    def load(self, visit: Visit) -> int:
        """How many visits that day has already."""
        return len(self.visits.get(self._day(visit), ()))

    def take(self, visit: Visit) -> None:
        self.visits.setdefault(self._day(visit), []).append(visit)

    def drop(self, visit: Visit) -> None:
        of_day = self.visits.get(self._day(visit), [])
        if visit in of_day:
            of_day.remove(visit)

    def _day(self, visit: Visit) -> int:
        return local(self.zone, visit.start)[0]


class Roster:
    """The technicians of all stores."""

    def __init__(self) -> None:
        self._of_store: dict[str, list[Member]] = {}
        self._by_id: dict[str, Member] = {}

    def add(self, technician_id: str, store: StoreCast, cast: TechnicianCast) -> Member:
        """Take a technician in, who works for the store and for those of `cast.also`."""
        home = store.latitude + cast.away[0], store.longitude + cast.away[1]
        skills = frozenset(cast.skills)
        member = Member(technician_id, cast, home, ZoneInfo(store.time_zone), skills, dict(_hours(cast)))
        self._by_id[technician_id] = member
        for store_id in (store.store_id, *cast.also):
            self._of_store.setdefault(store_id, []).append(member)
        return member

    def __getitem__(self, technician_id: str) -> Member:
        return self._by_id[technician_id]

    def on_duty(self, store: StoreCast, service: ServiceCast, visit: Visit) -> list[Member]:
        """Who could be sent if nothing else were on."""
        return [
            one
            for one in self._of_store[store.store_id]
            if one.cast.registered and one.cast.checked and one.skills.issuperset(service.skills) and one.on_duty(visit)
        ]

    def best(self, members: Iterable[Member], visit: Visit, place: tuple[float, float]) -> Member | None:
        """The free one with the fewest visits that day, the nearest home among equals."""
        free = [one for one in members if one.is_free(visit)]
        return min(free, key=lambda one: (one.load(visit), _apart(one.home, place)), default=None)


def _apart(one: tuple[float, float], other: tuple[float, float]) -> float:
    return (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2


def _hours(cast: TechnicianCast) -> Iterator[tuple[int, list[Interval]]]:
    shift = SHIFTS[cast.shift]
    spans = [(_minutes(shift.opens), _minutes(shift.lunch[0])), (_minutes(shift.lunch[1]), _minutes(shift.closes))]
    for day in shift.days:
        yield DAYS_OF_WEEK.index(day), [(begin * MINUTE, end * MINUTE) for begin, end in spans]


def _minutes(time_of_day: str) -> int:
    return int(time_of_day[:2]) * 60 + int(time_of_day[3:])


def slot_of(start: Instant, service: ServiceCast) -> Visit:
    """The visit that a booking at `start` makes."""
    return Visit(start, start + service.minutes * MINUTE, service.before * MINUTE, service.after * MINUTE)

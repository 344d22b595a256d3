"""From a day as it was loaded to a day that can be planned: places found, travel times known, visits with windows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from fieldserve.domain.intervals import HOUR, MINUTE, Instant, Interval
from fieldserve.domain.schedules import local
from fieldserve.domain.services import Service
from fieldserve.domain.slots import SchedulingType, StoreState, slots
from fieldserve.operations.places import locate
from fieldserve.operations.plan_days import LoadedDay, Member, Wanted, preferred
from fieldserve.operations.plan_figures import Leg
from fieldserve.operations.run import Caller, Context
from fieldserve.operations.travel import TravelTimes, travel_times
from fieldserve.store.plans import DayVisit, DoneVisit, WaitingJob
from fieldserve.store.stores import Store
from fieldserve.travel.places import Place
from fieldserve.wire.jobs import Address
from fieldserve.wire.plans import MOST_VISITS, TOO_MUCH_TO_PLAN

_WHOLE = 5 * MINUTE


@dataclass(frozen=True, slots=True)
class Rules:
    """How a plan is to be made. Microseconds; what starts before `freeze` does not move, and jobs that wait and are
    `urgent` are planned at any time."""

    late: int
    arrival: int
    overtime: int
    freeze: Instant
    now: Instant
    urgent: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Lost:
    """A visit that is left out before anybody searches, and why."""

    visit: Wanted
    reason: str
    message: str


@dataclass(slots=True)
class DayProblem:
    """A day with everything that the solver is told: who, what, where, and how long the way between them takes.

    `busy` is what keeps technicians beside their breaks: visits that are done online, and those without a place;
    `done` is the last that each has done already, from where the rest of the day begins; `lost` are visits that
    nobody can be sent to whatever the solver says."""

    loaded: LoadedDay
    rules: Rules
    members: list[Member]
    visits: list[Wanted]
    busy: dict[str, list[Interval]]
    done: dict[str, DoneVisit]
    travel: TravelTimes
    ranks: dict[str, int]
    without_place: list[str]
    notices: list[str] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)

    def rank(self, key: str, technician_id: str) -> int:
        """Where a visit, or the HOME of the technician, stands among the places of the travel times."""
        return self.ranks[key or _home_key(technician_id)]

    def leg_of(self, technician_id: str) -> Leg:
        """The way between two visits of a technician."""
        hours = sorted(self.travel.seconds)

        def leg(origin: str, target: str, leaving: Instant) -> tuple[int, int]:
            hour = local(self.loaded.zone, leaving)[1] // HOUR
            known = min(hours, key=lambda one: (abs(one - hour), one))
            one, other = self.rank(origin, technician_id), self.rank(target, technician_id)
            return self.travel.seconds[known][one][other], self.travel.metres[one][other]

        return leg


def _home_key(technician_id: str) -> str:
    # No job's id holds a space.
    return f"home {technician_id}"


def done_key(technician_id: str) -> str:
    """What stands for the last that a technician has done already."""
    return f"done {technician_id}"


async def pose(context: Context, caller: Caller, loaded: LoadedDay, rules: Rules) -> DayProblem:
    """The day as a problem. Places that are missing are looked for, and kept with their jobs.

    Raises ApiError: TOO_MUCH_TO_PLAN."""
    found = await _places(context, caller, loaded)
    members, homes, notices = _at_home(loaded)
    sorted_ = _Sorted(loaded, rules, found.places, {member.technician.technician_id for member in members})
    for visit in loaded.visits:
        sorted_.take_booked(visit)
    for job in loaded.waiting:
        sorted_.take_waiting(job)
    if len(sorted_.visits) > MOST_VISITS:
        raise TOO_MUCH_TO_PLAN.error(visits=len(sorted_.visits), most=MOST_VISITS)
    done = {one.technician_id: one for one in loaded.done}  # the last of each
    named: dict[str, Place] = {done_key(one.technician_id): Place(one.latitude, one.longitude) for one in done.values()}
    named |= {one.service_job_id: one.place for one in sorted_.visits if one.place is not None}
    named |= {_home_key(technician_id): at for technician_id, at in homes.items()}
    ranks = {key: rank for rank, key in enumerate(named)}
    travel = await travel_times(context, list(named.values()), _hours(loaded, members, sorted_.visits))
    return DayProblem(
        loaded,
        rules,
        members,
        sorted_.visits,
        sorted_.busy,
        done,
        travel,
        ranks,
        sorted_.without_place,
        [*notices, *found.notices, *sorted_.notices, *travel.notices],
        sorted_.lost,
    )


@dataclass(slots=True)
class _Sorted:
    """What is wanted of a day, by what can be done about it."""

    loaded: LoadedDay
    rules: Rules
    places: Mapping[str, Place]
    on_duty: set[str]
    visits: list[Wanted] = field(default_factory=list)
    busy: dict[str, list[Interval]] = field(default_factory=dict)
    without_place: list[str] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def take_booked(self, visit: DayVisit) -> None:
        """A visit that has an appointment."""
        service = self.loaded.services[visit.asin]
        place = self.places.get(visit.service_job_id)
        if place is None:
            # Whoever does it is busy meanwhile, wherever that is.
            for technician_id in visit.technician_ids:
                self.busy.setdefault(technician_id, []).append((visit.start, visit.end))
            if service.service_location_type != "ONLINE":
                self.without_place.append(visit.service_job_id)
            return
        ours = any(store.store_id == visit.store_id for store in self.loaded.stores)
        wanted = _booked(visit, service, place, self.rules, ours)
        if wanted.fixed and not set(wanted.team) & self.on_duty:
            team = ", ".join(wanted.team)
            self.notices.append(f"{visit.service_job_id} stays with {team}, who is not on duty then.")
        elif not wanted.fixed and wanted.windows[0][1] < self.rules.now:
            self.lost.append(Lost(wanted, "WINDOW", "It should have begun already."))
        else:
            self.visits.append(_from_now(wanted, self.rules.now))

    def take_waiting(self, job: WaitingJob) -> None:
        """A job that has none yet; one that prefers other days is left alone."""
        service, state = self.loaded.services[job.asin], self.loaded.states.get(job.store_id)
        if service.service_location_type == "ONLINE" or state is None:
            return
        any_time = job.service_job_id in self.rules.urgent
        wishes = [self.loaded.window] if any_time else preferred(job, service, self.loaded.window)
        windows = bookable(wishes, service, state, self.loaded.window, self.rules.now) if wishes else ()
        place = self.places.get(job.service_job_id)
        if not windows and any_time:
            lost = Lost(_waiting(job, service, place, ()), "WINDOW", "There is no slot left on that day.")
            self.lost.append(lost)
        elif windows and place is None:
            self.without_place.append(job.service_job_id)
        elif windows:
            self.visits.append(_waiting(job, service, place, windows))


def _booked(visit: DayVisit, service: Service, place: Place, rules: Rules, ours: bool) -> Wanted:
    """Work begins at the booked time, or so much later as the rules allow."""
    return Wanted(
        visit.service_job_id,
        visit.appointment_id,
        visit.store_id,
        service,
        place,
        ((visit.start, visit.start + rules.late),),
        visit.end - visit.start,
        (visit.start, visit.end),
        visit.technician_ids,
        visit.arrival,
        bool(visit.technician_ids) and (not ours or visit.pinned or visit.start < rules.freeze),
        (visit.buffer_before, visit.buffer_after),
    )


def _from_now(wanted: Wanted, now: Instant) -> Wanted:
    """Nobody begins in the past, but who has begun."""
    if wanted.fixed:
        return wanted
    return replace(wanted, windows=tuple((max(first, now), last) for first, last in wanted.windows))


def _waiting(job: WaitingJob, service: Service, place: Place | None, windows: tuple[Interval, ...]) -> Wanted:
    return Wanted(
        job.service_job_id,
        None,
        job.store_id,
        service,
        place,
        windows,
        service.rules.duration,
        None,
        (),
        None,
        False,
        (service.rules.buffer_before, service.rules.buffer_after),
    )


def bookable(
    wanted: Sequence[Interval], service: Service, state: StoreState, day: Interval, now: Instant
) -> tuple[Interval, ...]:
    """When work may begin that is booked by applying the plan: the slots with room of a REAL_TIME store, one by one,
    and of the others the hours, as far as they lie in what is wanted."""
    duration = service.rules.duration
    found: list[Interval] = []
    for slot in slots(service.rules, state, day, now):
        if slot.capacity < 1:
            continue
        real_time = state.scheduling_type == SchedulingType.REAL_TIME_SCHEDULING
        last = slot.start if real_time else slot.end - duration
        for first, until in wanted:
            begins, ends = max(slot.start, first, now + MINUTE), min(last, until)
            # Nobody books 9:07:31.
            begins = -(-begins // _WHOLE) * _WHOLE
            if begins <= ends:
                found.append((begins, begins if real_time else ends))
    return tuple(sorted(set(found)))


@dataclass(frozen=True, slots=True)
class _Found:
    places: Mapping[str, Place]
    notices: list[str]


async def _places(context: Context, caller: Caller, loaded: LoadedDay) -> _Found:
    """Where each visit and job is; those whose service goes nowhere are left out."""
    stores = {store.store_id: store for store in loaded.stores}
    places: dict[str, Place] = {}
    wanted: list[tuple[str, Address | None]] = []
    for one in loaded.wishes:
        where = loaded.services[one.asin].service_location_type
        if where == "ONLINE":
            continue
        if where == "IN_STORE":
            store = stores.get(one.store_id)
            if store is not None and (at := place_of_store(store)) is not None:
                places[one.service_job_id] = at
        elif one.latitude is not None and one.longitude is not None:
            places[one.service_job_id] = Place(one.latitude, one.longitude)
        else:
            location = one.details.service_location
            wanted.append((one.service_job_id, location.address if location else None))
    located = await locate(context, caller, wanted)
    return _Found(places | located.places, list(located.notices))


def place_of_store(store: Store) -> Place | None:
    """Where the store is, if that is known."""
    if store.latitude is None or store.longitude is None:
        return None
    return Place(store.latitude, store.longitude)


def _at_home(loaded: LoadedDay) -> tuple[list[Member], dict[str, Place], list[str]]:
    """Those who can be sent, with where each begins and ends the day: at home, or else at a store of theirs."""
    members, homes, lost = [], {}, []
    for member in loaded.members:
        own = [store for store in loaded.stores if store.store_id in member.technician.store_ids]
        at = member.home or next((place for store in own if (place := place_of_store(store)) is not None), None)
        if at is None:
            lost.append(member.technician.technician_id)
            continue
        members.append(member)
        homes[member.technician.technician_id] = at
    notices = []
    if lost:
        notices.append(f"Nobody knows where the day begins of {', '.join(lost)}: neither home nor store has a place.")
    return members, homes, notices


def _hours(loaded: LoadedDay, members: list[Member], visits: list[Wanted]) -> range:
    """The hours of the local day in which anybody may be on the road."""
    starts = [member.shift[0] for member in members] + [visit.windows[0][0] for visit in visits]
    ends = [member.shift[1] for member in members] + [visit.windows[-1][1] + visit.duration for visit in visits]
    if not starts:
        return range(8, 9)
    first = max(min(starts) - 2 * HOUR, loaded.window[0])
    last = min(max(ends) + 2 * HOUR, loaded.window[1] - MINUTE)
    return range(local(loaded.zone, first)[1] // HOUR, max(local(loaded.zone, last)[1] // HOUR, 0) + 1)

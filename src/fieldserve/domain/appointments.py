"""Who may go to an appointment, and what a store looks like without one: rules of booking, moving and assigning."""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from .capacity import Capacities, Reservation, ReservationType, Visit, capacities
from .intervals import Interval
from .jobs import Appointment
from .schedules import Availability
from .slots import ServiceRules, StoreState, conflict

Mismatch = Literal["LOCATION_TYPE", "SKILLS", "STORE", "REGISTRATION", "BACKGROUND_CHECK", "TIME_WINDOW"]
"""Why a technician cannot be assigned, in the order in which the API tells it."""


class Candidate(NamedTuple):
    """A technician who is to be assigned, with what decides about it around the appointment."""

    technician_id: str
    name: str
    skills: frozenset[str]
    location_types: frozenset[str]
    store_ids: frozenset[str]
    registered: bool
    background_checked: bool
    zone: ZoneInfo
    records: Sequence[Availability]
    reservations: Sequence[Reservation]
    visits: Sequence[Visit]


def visit_of(appointment: Appointment) -> Visit:
    """The appointment as it lies on a resource's day."""
    return Visit(appointment.start, appointment.end, appointment.buffer_before, appointment.buffer_after)


def without(state: StoreState, appointment: Appointment) -> StoreState:
    """The store as it would be without the appointment, which is about to move."""
    visit = visit_of(appointment)
    assigned = {one.technician_id for one in appointment.technicians}
    return state._replace(
        visits=_less(state.visits, visit),
        waiting=_less(state.waiting, visit) if appointment.waiting else state.waiting,
        technicians=[
            one._replace(visits=_less(one.visits, visit)) if one.technician_id in assigned else one
            for one in state.technicians
        ],
    )


def _less(visits: Sequence[Visit], visit: Visit) -> list[Visit]:
    # Visits are values: of several alike it does not matter which one goes.
    rest = list(visits)
    if visit in rest:
        rest.remove(visit)
    return rest


def leaving(candidate: Candidate, visit: Visit) -> Candidate:
    """The candidate without the visit, which is about to be staffed anew."""
    return candidate._replace(visits=_less(candidate.visits, visit))


def free_technicians(state: StoreState, visit: Visit) -> frozenset[str]:
    """The store's technicians who could take the visit: on duty throughout, nothing in conflict with it."""
    return frozenset(
        one.technician_id
        for one in state.technicians
        if _on_duty(_around(one.records, one.reservations, one.zone, visit), visit)
        and not _clash(one.reservations, one.visits, one.zone, visit)
    )


def mismatches(
    candidates: Iterable[Candidate], rules: ServiceRules, store_id: str, visit: Visit
) -> dict[Mismatch, list[str]]:
    """What keeps candidates from the visit, with the ids of those it keeps; empty where all may go."""
    found: dict[Mismatch, list[str]] = {}
    for one in candidates:
        tests: tuple[tuple[Mismatch, bool], ...] = (
            ("LOCATION_TYPE", rules.location_type in one.location_types),
            ("SKILLS", rules.skills <= one.skills),
            ("STORE", store_id in one.store_ids),
            ("REGISTRATION", one.registered),
            ("BACKGROUND_CHECK", one.background_checked),
            ("TIME_WINDOW", _on_duty(_around(one.records, one.reservations, one.zone, visit), visit)),
        )
        for mismatch, passed in tests:
            if not passed:
                found.setdefault(mismatch, []).append(one.technician_id)
    return found


def overbooked(candidate: Candidate, visit: Visit) -> bool:
    """Whether another appointment of the candidate's is in conflict with the visit."""
    return _clash(candidate.reservations, candidate.visits, candidate.zone, visit)


def _around(
    records: Sequence[Availability], reservations: Sequence[Reservation], zone: ZoneInfo, visit: Visit
) -> Capacities:
    return capacities(records, reservations, (), zone, (visit.start, visit.end))


def _on_duty(around: Capacities, visit: Visit) -> bool:
    """Scheduled, and not on leave, throughout. Appointments do not count here: two at once are an overbooking."""
    return (around.scheduled - around.reserved).minimum(visit.start, visit.end) >= 1


def _clash(reservations: Sequence[Reservation], visits: Sequence[Visit], zone: ZoneInfo, visit: Visit) -> bool:
    if any(conflict(visit, other) for other in visits):
        return True
    appointed = [one for one in reservations if one.type is ReservationType.APPOINTMENT]
    window: Interval = (visit.start, visit.end)
    return bool(appointed) and capacities((), appointed, (), zone, window).encumbered.maximum(*window) >= 1

"""Slots that can be driven to: travel between two visits is a gap that has to lie between them, as a buffer is.

The slots of a job whose place is known leave, between it and each visit of a technician whose place is known, the time
that it takes from the one to the other: the gap is the greatest of that and the two buffers. Nothing else of the rule
changes, so reading slots and booking still ask the same functions.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .capacity import Visit
from .intervals import Instant
from .slots import StoreState

Whose = tuple[str, Instant, Instant]
"""A visit by its technician ("" where it waits for one), start and end."""


class Travel(NamedTuple):
    """Microseconds from the job to a visit, and from the visit to the job."""

    there: int
    back: int


def leaving_time(state: StoreState, travel: Mapping[Whose, Travel]) -> StoreState:
    """The store as the job sees it: the buffers of its technicians' and waiting visits hold the travel."""
    return state._replace(
        waiting=_widened("", state.waiting, travel),
        technicians=[one._replace(visits=_widened(one.technician_id, one.visits, travel)) for one in state.technicians],
    )


def _widened(technician_id: str, visits: Sequence[Visit], travel: Mapping[Whose, Travel]) -> list[Visit]:
    return [_wide(visit, travel.get((technician_id, visit.start, visit.end))) for visit in visits]


def _wide(visit: Visit, travel: Travel | None) -> Visit:
    if travel is None:
        return visit
    return visit._replace(
        buffer_before=max(visit.buffer_before, travel.there), buffer_after=max(visit.buffer_after, travel.back)
    )

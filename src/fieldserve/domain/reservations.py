"""Whether a reservation fits, and what it lies across."""

from collections.abc import Sequence

from .capacity import Capacities
from .intervals import Interval


def fits(capacities: Capacities, occurrences: Sequence[Interval], capacity: int) -> bool:
    """Whether that much is available throughout all the occurrences, which lie inside the capacities' window."""
    starts, ends = [start for start, _ in occurrences], [end for _, end in occurrences]
    return all(least >= capacity for least in capacities.available.minima(starts, ends))


def meets_appointments(capacities: Capacities, occurrences: Sequence[Interval]) -> bool:
    """Whether any of the occurrences shares an instant with an appointment, or with a reservation for one."""
    starts, ends = [start for start, _ in occurrences], [end for _, end in occurrences]
    return any(most > 0 for most in capacities.encumbered.maxima(starts, ends))

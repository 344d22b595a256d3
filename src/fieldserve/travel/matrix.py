"""Travel times between many places, by the hour of departure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from fieldserve.travel.places import Place

HOURS = 24
UNREACHABLE = 7 * 86_400
"""Seconds that stand for "there is no road": longer than any day's plan, so that nobody is sent."""

Rows = list[list[int]]


class TravelFault(Exception):
    """A source cannot answer. The text says why, without the address of the service's secrets (a key in its query)."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """Whole seconds and metres from each source (row) to each target (column)."""

    seconds: Rows
    metres: Rows


class Source(Protocol):
    """Tells travel times. `name` and `profile` are what its answers are kept under."""

    @property
    def name(self) -> str: ...

    @property
    def profile(self) -> str: ...

    @property
    def asked_hours(self) -> tuple[int, ...]:
        """The hours of the day (0 to 23, local) whose times differ; empty where it knows no hours, only the roads."""
        ...

    @property
    def concurrency(self) -> int:
        """How many requests it may get at once."""
        ...

    @property
    def block(self) -> int:
        """How many sources, and how many targets, one request may name."""
        ...

    async def matrix(self, sources: Sequence[Place], targets: Sequence[Place], hour: int | None) -> Matrix:
        """From each of the sources to each of the targets, leaving at `hour`. Raises TravelFault."""
        ...


def asked_hour(source: Source, hour: int) -> int | None:
    """The hour for which the source is asked in the stead of `hour`: the last of its own at or before it.

    Before the first of the day, that is the last of the day before. None where it knows no hours."""
    if not source.asked_hours:
        return None
    earlier = [one for one in source.asked_hours if one <= hour]
    return max(earlier) if earlier else max(source.asked_hours)

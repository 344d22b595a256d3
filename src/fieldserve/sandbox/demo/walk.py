"""A clock that walks through the days, from one deed to the next."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from heapq import heapify, heappop, heappush

from fieldserve.domain.intervals import DAY, Instant

Life = AsyncGenerator[Instant, None]
"""Something that goes on in the demo world. It yields the instant at which it wants to go on, first of all the one at
which it begins, and does its deeds in between."""


class WalkingClock:
    """Stands still until it is moved on; never goes back."""

    def __init__(self, now: Instant):
        self._now = now

    def now(self) -> Instant:
        return self._now

    def move_to(self, instant: Instant) -> None:
        self._now = max(self._now, instant)


async def walk(
    clock: WalkingClock,
    lives: Iterable[Life],
    until: Instant,
    leaving: Callable[[], Awaitable[None]],
    day_begins: Callable[[Instant], None],
) -> None:
    """Live all lives in the order of time, and stop at `until`.

    `leaving` runs before the clock moves on, `day_begins` at each midnight, UTC. What a life puts off beyond the end
    never happens."""
    waiting = [(await anext(life), number, life) for number, life in enumerate(lives)]
    heapify(waiting)
    day = clock.now() // DAY
    while waiting:
        at, number, life = heappop(waiting)
        if at >= until:
            await life.aclose()
            continue
        if at > clock.now():
            await leaving()
            clock.move_to(at)
        while day < clock.now() // DAY:
            day += 1
            day_begins(day * DAY)
        try:
            heappush(waiting, (await anext(life), number, life))
        except StopAsyncIteration:
            continue
    await leaving()
    clock.move_to(until)

"""Usage plans: one bucket for each application, seller and operation, in this process or shared by several.

UsagePlans          where one process serves (SQLite): in memory
SharedUsagePlans    where any number do (PostgreSQL): in the database, from where each takes a few tokens at a time
"""

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import Protocol

from fieldserve.domain.usage_plans import HOLD, Bucket, is_full, take
from fieldserve.operations.run import Clock, Context
from fieldserve.operations.usage_plans import lease_tokens

Key = tuple[str, str, str]

# Below this many nothing is swept; a bucket takes about 300 bytes.
SWEEP_FROM = 10_000


class Plans(Protocol):
    """What decides whether a request may pass."""

    async def take(self, application_id: str, seller_id: str, operation_id: str, rate: float, burst: int) -> bool:
        """Whether the request may pass. `rate` (requests a second) and `burst` are the plan that holds now.

        Raises Unavailable."""
        ...


class UsagePlans:
    """Exact under concurrency, since `take` waits for nothing and the process has one event loop.

    Buckets that are full again are forgotten (a new one is the same), so memory is bounded by the requests that have
    come within the last burst / rate seconds."""

    def __init__(self, clock: Clock, sweep_from: int = SWEEP_FROM):
        self._clock = clock
        self._buckets: dict[Key, tuple[Bucket, float, int]] = {}
        self._smallest_sweep = sweep_from
        self._sweep_at = sweep_from

    def __len__(self) -> int:
        return len(self._buckets)

    async def take(self, application_id: str, seller_id: str, operation_id: str, rate: float, burst: int) -> bool:
        """Whether the request may pass. `rate` (requests a second) and `burst` are the plan that holds now."""
        key = (application_id, seller_id, operation_id)
        now = self._clock.now()
        known = self._buckets.get(key)
        allowed, bucket = take(known[0] if known else None, now, rate, burst)
        self._buckets[key] = (bucket, rate, burst)
        if len(self._buckets) > self._sweep_at:
            self._sweep(now)
        return allowed

    def forget(self) -> None:
        """Begin with full buckets."""
        self._buckets.clear()

    def _sweep(self, now: int) -> None:
        self._buckets = {key: kept for key, kept in self._buckets.items() if not is_full(kept[0], now, *kept[1:])}
        # Twice what was kept, so that a sweep costs each request a constant time on average.
        self._sweep_at = max(self._smallest_sweep, 2 * len(self._buckets))


@dataclass(slots=True, eq=False)
class _Mine:
    """What this process knows of a shared bucket: the tokens it holds, as of when, until when there are none to be had,
    the requests that wait, and the task that asks for them."""

    ahead: int = 0
    since: int = 0
    none_until: int = 0
    waiting: list[asyncio.Future[bool]] = field(default_factory=list)
    asking: asyncio.Task[None] | None = None


class SharedUsagePlans:
    """Exact over all processes on one database; `domain.usage_plans.lease` says why.

    One question to the database serves all requests that wait, and under steady traffic as many to come as the eighth
    part of the burst; a bucket that is empty is not asked again before it has a token. So a caller within a plan of
    burst 20 costs one write for three requests, one of burst 1,000 one for 126, and a caller who is refused costs
    none."""

    def __init__(self, context: Context, sweep_from: int = SWEEP_FROM):
        self._context = context
        self._name = secrets.token_hex(6)
        self._mine: dict[Key, _Mine] = {}
        self._smallest_sweep = sweep_from
        self._sweep_at = sweep_from

    async def take(self, application_id: str, seller_id: str, operation_id: str, rate: float, burst: int) -> bool:
        """Whether the request may pass. `rate` (requests a second) and `burst` are the plan that holds now.

        Raises Unavailable."""
        key = (seller_id, application_id, operation_id)
        mine = self._mine.get(key)
        if mine is None:
            self._sweep()
            mine = self._mine[key] = _Mine()
        if (known := self._known(mine)) is not None:
            return known
        waiting: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        mine.waiting.append(waiting)
        if mine.asking is None:
            mine.asking = asyncio.create_task(self._ask(key, mine, rate, burst))
        return await waiting

    def _known(self, mine: _Mine) -> bool | None:
        now = self._context.clock.now()
        if mine.ahead and mine.since <= now < mine.since + HOLD:
            mine.ahead -= 1
            return True
        return False if mine.since <= now < mine.none_until else None

    async def _ask(self, key: Key, mine: _Mine, rate: float, burst: int) -> None:
        asked: list[asyncio.Future[bool]] = []
        try:
            while mine.waiting:
                # Those who came while the last question was open may find it answered theirs, too.
                asked, mine.waiting = mine.waiting, []
                answers = [self._known(mine) for _ in asked]
                _tell(asked, answers)
                asked = [one for one, known in zip(asked, answers, strict=True) if known is None]
                if asked:
                    granted = await self._lease(key, mine, rate, burst, len(asked))
                    _tell(asked, [rank < granted for rank in range(len(asked))])
        except Exception as fault:
            for one in (*asked, *mine.waiting):
                if not one.done():
                    one.set_exception(fault)
            mine.waiting = []
        finally:
            mine.asking = None

    async def _lease(self, key: Key, mine: _Mine, rate: float, burst: int, wanted: int) -> int:
        now = self._context.clock.now()
        # Only who has just spent all it held expects more requests.
        look_ahead = mine.ahead == 0 and mine.since <= now < mine.since + HOLD
        unused, mine.ahead = mine.ahead, 0
        leased = await lease_tokens(
            self._context, key, rate, burst, self._name, wanted=wanted, unused=unused, look_ahead=look_ahead
        )
        mine.since, mine.ahead = now, leased.ahead
        mine.none_until = 0 if leased.granted == wanted else now + leased.wait
        return leased.granted

    def _sweep(self) -> None:
        if len(self._mine) < self._sweep_at:
            return
        now = self._context.clock.now()
        self._mine = {
            key: mine
            for key, mine in self._mine.items()
            if mine.asking or mine.waiting or now < max(mine.since + HOLD, mine.none_until)
        }
        self._sweep_at = max(self._smallest_sweep, 2 * len(self._mine))


def _tell(waiting: list[asyncio.Future[bool]], answers: list[bool | None]) -> None:
    for one, answer in zip(waiting, answers, strict=True):
        if answer is not None and not one.done():  # done: the caller has gone
            one.set_result(answer)

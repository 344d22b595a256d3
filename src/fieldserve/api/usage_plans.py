"""The usage plans' buckets of this process: one for each application, seller and operation."""

from fieldserve.domain.usage_plans import Bucket, is_full, take
from fieldserve.operations.run import Clock

Key = tuple[str, str, str]

# Below this many nothing is swept; a bucket takes about 300 bytes.
SWEEP_FROM = 10_000


class UsagePlans:
    """Exact under concurrency, since `take` awaits nothing and the process has one event loop.

    Buckets that are full again are forgotten (a new one is the same), so memory is bounded by the requests that have
    come within the last burst / rate seconds. Several processes count each for itself."""

    def __init__(self, clock: Clock, sweep_from: int = SWEEP_FROM):
        self._clock = clock
        self._buckets: dict[Key, tuple[Bucket, float, int]] = {}
        self._smallest_sweep = sweep_from
        self._sweep_at = sweep_from

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, application_id: str, seller_id: str, operation_id: str, rate: float, burst: int) -> bool:
        """Whether the request may pass. `rate` (requests a second) and `burst` are the plan that holds now."""
        key = (application_id, seller_id, operation_id)
        now = self._clock.now()
        known = self._buckets.get(key)
        allowed, bucket = take(known[0] if known else None, now, rate, burst)
        self._buckets[key] = (bucket, rate, burst)
        if len(self._buckets) > self._sweep_at:
            self._sweep(now)
        return allowed

    def _sweep(self, now: int) -> None:
        self._buckets = {key: kept for key, kept in self._buckets.items() if not is_full(kept[0], now, *kept[1:])}
        # Twice what was kept, so that a sweep costs each request a constant time on average.
        self._sweep_at = max(self._smallest_sweep, 2 * len(self._buckets))

"""Keeping to the usage plan: a token bucket for each operation, shared by all threads and tasks of the process.

A bucket hands out moments, not permissions: whoever asks is told how long to wait, and waits on its own. So threads and
tasks share one, and nobody holds a lock while they wait.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping

from fieldserve.client.retries import Budget
from fieldserve.wire.operations import Operation

# Requests arrive in another rhythm than they were sent, and clocks differ: a little is left in the server's bucket.
_RATE = 0.999
_LEFT = 0.1
_NOTHING = 1e-6  # seconds: what rounding makes of no wait

_ACCOUNTS = 256


class Bucket:
    """A token bucket by its theoretical arrival time: `rate` requests a second, `burst` of them at once.

    Times are seconds of a clock that never goes back."""

    def __init__(self, rate: float, burst: int):
        self._lock = threading.Lock()
        self._told: float = rate
        self._interval = 1 / (rate * _RATE)
        self._burst = burst - max(1.0, burst * _LEFT) if burst > 1 else 1.0
        self._next = float("-inf")  # when the next request is due if none is to be early
        self._refused = float("-inf")

    def reserve(self, now: float) -> float:
        """Take a place; answers the seconds to wait for it."""
        with self._lock:
            due = max(self._next, now)
            self._next = due + self._interval
            wait = due - (self._burst - 1) * self._interval - now
            return wait if wait > _NOTHING else 0.0

    def give_back(self) -> None:
        """A place that was taken is not used after all."""
        with self._lock:
            self._next -= self._interval

    def adapt(self, rate: float) -> None:
        """The server told the rate that this caller has."""
        if rate == self._told or not rate > 0:
            return
        with self._lock:
            self._told = rate
            self._interval = 1 / (rate * _RATE)

    def refused(self, now: float) -> None:
        """The server's bucket is empty: somebody else drinks from it, or it is smaller than thought."""
        with self._lock:
            # Answers to one burst come together, and say one thing.
            if now - self._refused > 1:
                self._burst = max(1.0, self._burst / 2)
            self._refused = now
            self._next = max(self._next, now + self._burst * self._interval)


class Account:
    """What all clients of one application and seller share: their buckets, and what they may spend on retries."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: dict[str, Bucket] = {}
        self.budget = Budget()

    def bucket(self, operation: Operation) -> Bucket:
        """The bucket of an operation."""
        bucket = self._buckets.get(operation.id)
        if bucket is None:
            with self._lock:
                bucket = self._buckets.setdefault(operation.id, Bucket(operation.rate, operation.burst))
        return bucket

    def heard(self, operation: Operation, status: int, headers: Mapping[str, str], now: float) -> None:
        """Learn from an answer."""
        if status == 429:
            self.bucket(operation).refused(now)
        elif (told := headers.get("x-amzn-RateLimit-Limit")) is not None:
            try:
                self.bucket(operation).adapt(float(told))
            except ValueError:  # a proxy's, perhaps
                return


_accounts: OrderedDict[bytes, Account] = OrderedDict()
_lock = threading.Lock()


def account(endpoint: str, *identity: str | None) -> Account:
    """The account of an identity at an endpoint; those that were not asked for longest are forgotten."""
    key = fingerprint(endpoint, *identity)
    with _lock:
        found = _accounts.setdefault(key, Account())
        _accounts.move_to_end(key)
        while len(_accounts) > _ACCOUNTS:
            _accounts.popitem(last=False)
        return found


def fingerprint(*parts: str | None) -> bytes:
    """What tells identities apart without keeping their secrets."""
    digest = hashlib.sha256()
    for part in parts:
        text = b"-" if part is None else b"+" + part.encode()
        digest.update(len(text).to_bytes(4, "big") + text)
    return digest.digest()

"""When to ask again, and after how long.

At most three requests for one, and over all a fifth more than succeed: while nothing succeeds nothing is repeated, so
that a server that is down is not held down. Waits have full jitter; Retry-After is kept to. A write is repeated where
it was certainly not carried out, or where carrying it out twice is the same as once.
"""

import random
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec

from fieldserve.wire.operations import Operation

MOST_RETRIES = 2

# Refused before anything was done. A token that is refused is another matter.
_REFUSED = frozenset({429})
_PASSING = frozenset({500, 502, 503, 504})
# Replacing a list by the same list, and asking for one more place to upload to, do no harm.
_HARMLESS_TWICE = frozenset({"assignAppointmentResources", "createServiceDocumentUploadDestination"})
# Names of the HTTP library's exceptions: the request was not sent.
_NOT_SENT = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError"})


class Retries(msgspec.Struct, frozen=True, kw_only=True):
    """How a client repeats requests. Times are in seconds.

    With `idempotency_keys` each write carries an Idempotency-Key, and is repeated whenever no answer came. Only for
    servers that know the header, as fieldserve does: elsewhere a write might be carried out twice."""

    retries: int = MOST_RETRIES
    first_wait: float = 0.25
    longest_wait: float = 20.0
    idempotency_keys: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.retries <= MOST_RETRIES:
            raise ValueError(f"retries must be from 0 to {MOST_RETRIES}, not {self.retries}")


_key: ContextVar[str | None] = ContextVar("idempotency_key", default=None)


@contextmanager
def idempotency_key(key: str) -> Iterator[None]:
    """Send the one write that is made within under this key, of 1 to 255 visible ASCII characters.

    Whoever keeps the key with what it wants to write can send it again after a crash, and it is carried out once. Only
    for servers that know the header, as fieldserve does."""
    token = _key.set(key)
    try:
        yield
    finally:
        _key.reset(token)


def key_of(policy: Retries) -> str | None:
    """The Idempotency-Key of the next write, None where it has none."""
    return _key.get() or (str(uuid.uuid4()) if policy.idempotency_keys else None)


def read(retries: "int | Retries | None") -> Retries:
    """The argument `retries` of a client."""
    if retries is None:
        return Retries()
    return Retries(retries=retries) if isinstance(retries, int) else retries


class Budget:
    """What all requests of an account together may spend on retries; shared by threads and tasks."""

    MOST = 10.0
    EARNED = 0.2

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left = self.MOST

    def earn(self) -> None:
        """A request succeeded, or was refused for a reason of its own."""
        if self._left < self.MOST:
            with self._lock:
                self._left = min(self.MOST, self._left + self.EARNED)

    def spend(self) -> bool:
        """Whether there is one left."""
        with self._lock:
            if self._left < 1:
                return False
            self._left -= 1
            return True


class Attempts:
    """The tries at one request."""

    def __init__(self, policy: Retries, budget: Budget, safe: bool):
        self._policy = policy
        self._budget = budget
        self._safe = safe
        self._retried = 0

    def after_answer(self, status: int, headers: Mapping[str, str]) -> float | None:
        """Seconds to wait before the next try; None if the answer stands."""
        if status in _REFUSED or (status in _PASSING and self._safe):
            return self._again(_retry_after(headers))
        if status not in _PASSING:
            self._budget.earn()
        return None

    def after_fault(self, fault: Exception) -> float | None:
        """The same where no answer came."""
        if self._safe or type(fault).__name__ in _NOT_SENT:
            return self._again(0.0)
        return None

    def _again(self, least: float) -> float | None:
        if self._retried >= self._policy.retries or least > self._policy.longest_wait or not self._budget.spend():
            return None
        most = min(self._policy.longest_wait, self._policy.first_wait * 2**self._retried)
        self._retried += 1
        return least + random.uniform(0, most)  # noqa: S311 it spreads load, and keeps no secret


def may_repeat(operation: Operation, key: str | None) -> bool:
    """Whether a request can be sent again when nobody knows if it was carried out."""
    return not operation.changes or operation.id in _HARMLESS_TWICE or key is not None


def _retry_after(headers: Mapping[str, str]) -> float:
    text = headers.get("Retry-After")
    if text is None:
        return 0.0
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return max(0.0, (moment - datetime.now(UTC)).total_seconds()) if moment.tzinfo else 0.0

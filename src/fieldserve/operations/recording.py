"""What the edges hand over to the request log: requests as they were, in memory until the next batch is written."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from fieldserve.wire.times import Instant

MOST_WAITING = 10_000
MOST_BYTES = 64 * 1024 * 1024


class Exchange(NamedTuple):
    """A request and its answer as they were, secrets and all: not to be stored or logged before it is masked.

    `body` is bytes, or the form of the token endpoint."""

    at: Instant
    request_id: str
    operation_id: str
    method: str
    path: str
    query: bytes
    headers: Sequence[tuple[bytes, bytes]]
    body: Any
    status: int
    answer: bytes | None
    seconds: float
    seller_id: str | None = None
    application_id: str | None = None
    rate: float | None = None
    burst: int | None = None

    def __repr__(self) -> str:
        return f"Exchange({self.request_id})"


class Recording:
    """Exchanges that wait to be written. When too many wait, others are not kept: the log is no reason to fail."""

    def __init__(self) -> None:
        self._waiting: list[Exchange] = []
        self._bytes = 0

    def add(self, exchange: Exchange) -> None:
        """Keep an exchange for the next batch."""
        size = len(exchange.body or b"") + len(exchange.answer or b"")
        if len(self._waiting) < MOST_WAITING and self._bytes + size <= MOST_BYTES:
            self._waiting.append(exchange)
            self._bytes += size

    def take(self) -> list[Exchange]:
        """All that wait, which then wait no longer."""
        taken, self._waiting, self._bytes = self._waiting, [], 0
        return taken

    def give_back(self, exchanges: list[Exchange]) -> None:
        """Those that could not be written come again, as far as there is room."""
        for one in exchanges:
            self.add(one)

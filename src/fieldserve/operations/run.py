"""What every operation stands on, and the one transaction: commit, roll back, retry on conflict."""

import asyncio
import random
import secrets
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import msgspec

from fieldserve.config import Settings
from fieldserve.operations.accesses import Accesses
from fieldserve.operations.client_secrets import ClientSecrets
from fieldserve.operations.kept_reports import KeptReports
from fieldserve.operations.recording import Recording
from fieldserve.store.blobs import Blobs
from fieldserve.store.engine import AlreadyExists, Conflict, Database, Unavailable, Use
from fieldserve.store.events import Event, append
from fieldserve.store.keys import Seal
from fieldserve.wire.times import Instant

T = TypeVar("T")

ATTEMPTS = 8
# Seconds after which no other attempt is made; one that is under way has its own limit.
TRY_FOR = 10.0
# While the database is away observations wait, up to this many.
MOST_OBSERVATIONS = 100_000


class Clock(Protocol):
    """Tells the present; a test or a sandbox sets it."""

    def now(self) -> Instant: ...


class SystemClock:
    """The machine's own."""

    def now(self) -> Instant:
        return time.time_ns() // 1000


class Identifiers:
    """New ids. From the system's entropy; with a seed always the same ones in the same order (for sandboxes and demos).

    Secrets never come from here: tokens and keys take the system's entropy whatever the seed."""

    def __init__(self, seed: int | None = None):
        self._random = random.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311 (ids, not secrets)

    def reseed(self, seed: int) -> None:
        """Begin anew: from here on the ids are those of the seed."""
        self._random = random.Random(seed)  # noqa: S311 (ids, not secrets)

    def uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def digits(self, count: int) -> str:
        return "".join(self._random.choices("0123456789", k=count))

    def letters(self, count: int) -> str:
        """Capitals and digits, as marketplace, seller and buyer ids have them."""
        return "".join(self._random.choices("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789", k=count))

    def order_id(self) -> str:
        """An order id in 3-7-7 form."""
        return f"{self.digits(3)}-{self.digits(7)}-{self.digits(7)}"


class Caller(msgspec.Struct, frozen=True):
    """Whose request it is. `stores` None means all stores of the seller.

    `usage_plan` overrides (rate, burst) of operations by id. `actor` goes to the event log."""

    seller_id: str
    application_id: str = ""
    authorization_id: str = ""
    marketplaces: frozenset[str] = frozenset()
    stores: frozenset[str] | None = None
    roles: frozenset[str] = frozenset()
    usage_plan: Mapping[str, tuple[float, int]] = msgspec.field(default_factory=dict)
    actor: str = ""
    request_id: str | None = None

    def of_seller(self, seller_id: str) -> "Caller":
        """The same caller, acting for that seller."""
        return msgspec.structs.replace(self, seller_id=seller_id)

    def may_see(self, marketplace_id: str, store_id: str | None) -> bool:
        """Whether what lies in that marketplace and store is within the authorization."""
        return marketplace_id in self.marketplaces and (
            self.stores is None or store_id is None or store_id in self.stores
        )


class Observations:
    """Events that no transaction of theirs waits for: searches for slots, refusals. They are written in batches.

    What is observed is lost if the process dies within the moment before; nothing depends on it but demand figures."""

    def __init__(self) -> None:
        self._waiting: list[Event] = []

    def add(self, event: Event) -> None:
        if len(self._waiting) < MOST_OBSERVATIONS:
            self._waiting.append(event)

    def take(self) -> list[Event]:
        taken, self._waiting = self._waiting, []
        return taken

    def give_back(self, events: list[Event]) -> None:
        """Those that could not be written come first again, as far as there is room."""
        self._waiting = [*events, *self._waiting][:MOST_OBSERVATIONS]


@dataclass(frozen=True, slots=True)
class Context:
    """Built once by the composition root; everything an operation needs that is not in its request."""

    settings: Settings
    database: Database
    blobs: Blobs
    seal: Seal
    clock: Clock = field(default_factory=SystemClock)
    ids: Identifiers = field(default_factory=Identifiers)
    observations: Observations = field(default_factory=Observations)
    client_secrets: ClientSecrets = field(default_factory=ClientSecrets)
    accesses: Accesses = field(default_factory=Accesses)
    recording: Recording = field(default_factory=Recording)
    kept_reports: KeptReports = field(default_factory=KeptReports)
    asides: "Asides | None" = None
    """Only where a whole operation runs inside one transaction; see `aside`."""


class Outside(Exception):
    """Leaves a transaction that is under way: it can go on only with what `work` answers."""

    def __init__(self, work: Callable[[Context], Awaitable[Any]]):
        self.work = work


class Asides:
    """What was awaited outside for an operation that runs inside a transaction, in the order of its calls."""

    def __init__(self) -> None:
        self._results: list[Any] = []
        self._used = 0

    def add(self, result: Any) -> None:
        self._results.append(result)

    def rewind(self) -> None:
        """The operation begins again."""
        self._used = 0

    def take(self, work: Callable[[Context], Awaitable[Any]]) -> Any:
        if self._used == len(self._results):
            raise Outside(work)
        self._used += 1
        return self._results[self._used - 1]


async def aside(context: Context, work: Callable[[Context], Awaitable[T]]) -> T:
    """What an operation awaits beside the database: a file, a slow hash, another program. Not for use inside `use`.

    An operation that is itself inside a transaction (see `retries.once`) is rolled back, the work done, and the
    operation begun again with the result, so that no transaction stays open over anything slow."""
    if context.asides is None:
        return await work(context)
    return context.asides.take(work)  # type: ignore[no-any-return]


async def transact(context: Context, use: Use[T]) -> T:
    """Run a use as one transaction. Another transaction's coming in between is tried again; ApiError rolls back.

    What a constraint refuses is decided once more, too: if another's row came in between, the use now sees it and finds
    the words for it. Raises AlreadyExists where it does not, Unavailable when conflicts do not end."""

    async def attempt() -> T:
        try:
            return await context.database.write(use)
        except AlreadyExists:
            return await context.database.write(use)

    return await until_no_conflict(attempt)


async def read(context: Context, use: Use[T], *, snapshot: bool = True) -> T:
    """Run a use that only reads; `snapshot` as for `Database.read`."""
    try:
        return await context.database.read(use, snapshot=snapshot)
    except Conflict:
        return await until_no_conflict(lambda: context.database.read(use, snapshot=snapshot))


async def until_no_conflict(attempt: Callable[[], Awaitable[T]]) -> T:
    """What the attempt answers, tried again for a while as long as it raises Conflict. Raises Unavailable."""
    started = time.monotonic()
    for number in range(ATTEMPTS):
        try:
            return await attempt()
        except Conflict:
            if time.monotonic() - started > TRY_FOR:
                break
            # Full jitter, so that two that met do not meet again.
            await asyncio.sleep(secrets.randbelow(1000) / 1_000_000 * 2**number)
    raise Unavailable("too many conflicting transactions")


async def write_observations(context: Context) -> None:
    """Write what was observed since the last time. Raises Unavailable, and then keeps it."""
    taken = context.observations.take()
    if not taken:
        return
    try:
        await transact(context, lambda c: append(c, *taken))
    except Unavailable:
        context.observations.give_back(taken)
        raise

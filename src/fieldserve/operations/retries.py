"""Writes that their callers may send again: one effect, one answer.

The whole operation runs inside one transaction, which also stores what is answered: either both are there or neither,
whenever the process dies. Whoever sends the same again waits for the first to end, and gets its answer.
"""

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from fieldserve.domain.intervals import HOUR
from fieldserve.operations.run import Asides, Context, Outside, transact
from fieldserve.store import retries
from fieldserve.store.engine import Connection, Joined
from fieldserve.wire.retries import KEPT_HOURS, KEY_REUSED
from fieldserve.wire.times import Instant


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request that may come again. `scope` is its caller: nobody meets another's keys."""

    scope: str
    key: str
    fingerprint: str


class Outcome(NamedTuple):
    """An answer; `content` None has no bytes. `replayed` where it was given before."""

    status: int
    content: bytes | None
    replayed: bool = False


async def once(context: Context, attempt: Attempt, decide: Callable[[Context], Awaitable[Outcome]]) -> Outcome:
    """What `decide` answers, or answered the first time. It gets a context whose database is this transaction.

    What `decide` raises undoes everything and is not remembered. Raises ApiError KEY_REUSED."""
    asides = Asides()

    async def use(c: Connection) -> Outcome:
        now = context.clock.now()
        if not await retries.claim(c, attempt.scope, attempt.key, attempt.fingerprint, now, _kept_since(now)):
            return await _recalled(context, c, attempt)
        asides.rewind()
        outcome = await decide(replace(context, database=Joined(c), asides=asides))
        sealed = None if outcome.content is None else context.seal.seal(outcome.content, _about(attempt))
        answer = None if sealed is None else base64.b64encode(sealed).decode()
        await retries.remember(c, attempt.scope, attempt.key, outcome.status, answer)
        return outcome

    while True:
        try:
            return await transact(context, use)
        except Outside as wanted:
            asides.add(await wanted.work(context))


async def purge_retries(context: Context) -> None:
    """Forget the answers that were given more than a day ago."""
    await transact(context, lambda c: retries.purge(c, _kept_since(context.clock.now())))


async def _recalled(context: Context, c: Connection, attempt: Attempt) -> Outcome:
    known = await retries.find(c, attempt.scope, attempt.key)
    assert known is not None, "a key that cannot be claimed is there"
    if known.fingerprint != attempt.fingerprint:
        raise KEY_REUSED.error()
    content = None
    if known.answer is not None:
        content = context.seal.open(base64.b64decode(known.answer), _about(attempt))
    return Outcome(known.status, content, replayed=True)


def _kept_since(now: Instant) -> Instant:
    return now - KEPT_HOURS * HOUR


def _about(attempt: Attempt) -> str:
    # The length keeps two pairs that run together into the same text apart.
    return f"answer to {len(attempt.scope)} {attempt.scope} {attempt.key}"

"""The append-only event log: who did what to which, when, and what it was before and after."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from fieldserve.store.engine import Connection, Row, placeholders
from fieldserve.wire.times import Instant


@dataclass(frozen=True, slots=True)
class Event:
    """One entry. `kind` is `<thing>.<happened>`, `subject` the thing's id; before and after are plain JSON values."""

    at: Instant
    seller_id: str
    actor: str
    kind: str
    subject: str
    request_id: str | None = None
    before: Any = None
    after: Any = None


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An entry as it was stored. Sequences grow, with gaps."""

    sequence: int
    event: Event


def _json(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def _value(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)


_APPEND = """
INSERT INTO events (at, seller_id, actor, kind, subject, request_id, before, after)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"""


async def append(c: Connection, *events: Event) -> None:
    """Add entries, in the transaction that does what they tell."""
    rows = [
        (e.at, e.seller_id, e.actor, e.kind, e.subject, e.request_id, _json(e.before), _json(e.after)) for e in events
    ]
    if len(rows) == 1:
        await c.execute(_APPEND, *rows[0])
    elif rows:
        await c.execute_many(_APPEND, rows)


# Sequences are given out before a transaction commits, so that with several writers 7 may be there before 6. Whoever
# inserts holds this lock on the table until its transaction has ended. SQLite has one writer, and nothing to wait for.
_WRITERS = """
SELECT DISTINCT virtualtransaction FROM pg_locks
WHERE relation = 'events'::regclass AND mode = 'RowExclusiveLock' AND granted AND pid <> pg_backend_pid()
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


@dataclass(frozen=True, slots=True)
class UnderWay:
    """The last sequence that was given out, and the transactions that may still add one up to it.

    Once they have ended, nothing is added up to `last` any more. None: whatever can be read is all there is."""

    last: int | None
    transactions: frozenset[str]


async def under_way(c: Connection) -> UnderWay:
    """How far the log is complete, or will be."""
    if c.dialect == "sqlite":
        return UnderWay(None, frozenset())
    # In this order: whoever comes in between is given a greater sequence than the one read here.
    row = await c.fetch_one("SELECT last_value FROM events_sequence_seq")
    writers = await c.fetch(_WRITERS)
    return UnderWay(row[0] if row else 0, frozenset(one[0] for one in writers))


_COLUMNS = "sequence, at, seller_id, actor, kind, subject, request_id, before, after"


def _stored(row: Row) -> StoredEvent:
    return StoredEvent(row[0], Event(row[1], row[2], row[3], row[4], row[5], row[6], _value(row[7]), _value(row[8])))


async def read(
    c: Connection,
    *,
    after: int = 0,
    until: int | None = None,
    limit: int = 100,
    seller_id: str | None = None,
    kind: str | None = None,
    subject: str | None = None,
) -> Sequence[StoredEvent]:
    """Entries with a sequence greater than `after` and up to `until` that match, oldest first, at most `limit`."""
    values: list[Any] = [after]
    where = ["sequence > $1"]
    if until is not None:
        values.append(until)
        where.append("sequence <= $2")
    for column, value in (("seller_id", seller_id), ("kind", kind), ("subject", subject)):
        if value is not None:
            values.append(value)
            where.append(f"{column} = ${len(values)}")
    values.append(limit)
    rows = await c.fetch(
        f"SELECT {_COLUMNS} FROM events WHERE {' AND '.join(where)} ORDER BY sequence LIMIT ${len(values)}",
        *values,
    )
    return [_stored(row) for row in rows]


async def about(c: Connection, seller_id: str, subjects: Sequence[str], until: int) -> Sequence[StoredEvent]:
    """Everything up to a sequence about some of a seller's things, oldest first."""
    rows = await c.fetch(
        f"SELECT {_COLUMNS} FROM events WHERE seller_id = $1 AND sequence <= $2"
        f" AND subject IN ({placeholders(subjects, after=2)}) ORDER BY sequence",
        seller_id,
        until,
        *subjects,
    )
    return [_stored(row) for row in rows]


async def last_sequence(c: Connection) -> int:
    """The sequence of the newest entry that can be read; 0 where there is none."""
    row = await c.fetch_one("SELECT max(sequence) FROM events")
    return row[0] or 0 if row else 0


async def last_about(c: Connection, seller_id: str, subject: str) -> StoredEvent | None:
    """The newest entry about a thing."""
    row = await c.fetch_one(
        "SELECT max(sequence) FROM events WHERE seller_id = $1 AND subject = $2", seller_id, subject
    )
    if row is None or row[0] is None:
        return None
    return (await read(c, after=row[0] - 1, limit=1, seller_id=seller_id, subject=subject))[0]


async def newest(
    c: Connection, seller_id: str, kinds: Sequence[str], subjects: Sequence[str]
) -> dict[tuple[str, str], Any]:
    """What the newest entry of each kind about each of a seller's things says, by kind and subject."""
    of_kinds = placeholders(kinds, after=1)
    about_them = placeholders(subjects, after=1 + len(kinds))
    rows = await c.fetch(
        "SELECT kind, subject, after FROM events WHERE sequence IN (SELECT max(sequence) FROM events"
        f" WHERE seller_id = $1 AND kind IN ({of_kinds}) AND subject IN ({about_them}) GROUP BY kind, subject)",
        seller_id,
        *kinds,
        *subjects,
    )
    return {(row[0], row[1]): _value(row[2]) for row in rows}

"""The request log: records as the operator API answers them, beside the columns that are searched."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from fieldserve.store.engine import Connection, Row
from fieldserve.wire.request_log import RequestRecord
from fieldserve.wire.times import Instant


@dataclass(frozen=True, slots=True)
class Filter:
    """Which requests; None asks for nothing. `status` is the least and the greatest."""

    seller_id: str | None = None
    application_id: str | None = None
    operation_id: str | None = None
    status: tuple[int, int] | None = None
    request_id: str | None = None
    service_job_id: str | None = None
    since: Instant | None = None
    until: Instant | None = None
    text: str | None = None
    findings: bool | None = None


_ADD = """
INSERT INTO request_log (at, request_id, operation_id, method, path, status, microseconds, seller_id, application_id,
    service_job_id, findings, document, words)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"""


async def add(c: Connection, records: Sequence[tuple[Instant, RequestRecord]]) -> None:
    """Append records, each with the instant of its answer."""
    await c.execute_many(_ADD, [_row(at, one) for at, one in records])


def _row(at: Instant, one: RequestRecord) -> Row:
    shown = (one.path, one.query, one.body, one.answer)
    words = " ".join(
        text if isinstance(text, str) else msgspec.json.encode(text).decode() for text in shown if text is not None
    )
    return (
        at,
        one.request_id,
        one.operation_id,
        one.method,
        one.path,
        one.status,
        int(one.milliseconds * 1000),
        one.seller_id,
        one.application_id,
        one.service_job_id,
        len(one.findings or ()),
        msgspec.json.encode(one).decode(),
        words.lower(),
    )


async def page(c: Connection, which: Filter, *, before: int | None, limit: int) -> Sequence[RequestRecord]:
    """The newest requests that match, of those with a sequence below `before`."""
    where, values = _where(which)
    if before is not None:
        values.append(before)
        where.append(f"sequence < ${len(values)}")
    values.append(limit)
    condition = f" WHERE {' AND '.join(where)}" if where else ""
    rows = await c.fetch(
        f"SELECT sequence, document FROM request_log{condition} ORDER BY sequence DESC LIMIT ${len(values)}", *values
    )
    return [_record(row) for row in rows]


async def find(c: Connection, request_id: str) -> RequestRecord | None:
    """The request with that id."""
    row = await c.fetch_one(
        "SELECT sequence, document FROM request_log WHERE request_id = $1 ORDER BY sequence DESC LIMIT 1", request_id
    )
    return None if row is None else _record(row)


def _record(row: Row) -> RequestRecord:
    record = msgspec.json.decode(row[1], type=RequestRecord)
    record.sequence = row[0]
    return record


def _where(which: Filter) -> tuple[list[str], list[Any]]:
    asked = (
        ("seller_id = {}", which.seller_id),
        ("application_id = {}", which.application_id),
        ("operation_id = {}", which.operation_id),
        ("request_id = {}", which.request_id),
        ("service_job_id = {}", which.service_job_id),
        ("status >= {}", which.status and which.status[0]),
        ("status <= {}", which.status and which.status[1]),
        ("at >= {}", which.since),
        ("at < {}", which.until),
        ("words LIKE {} ESCAPE '!'", None if which.text is None else f"%{_literally(which.text.lower())}%"),
    )
    given = [(condition, value) for condition, value in asked if value is not None]
    where = [condition.format(f"${number}") for number, (condition, _) in enumerate(given, 1)]
    if which.findings is not None:
        where.append("findings > 0" if which.findings else "findings = 0")
    return where, [value for _, value in given]


def _literally(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")


async def trim(c: Connection, most: int) -> None:
    """Keep so many requests, the newest."""
    await c.execute("DELETE FROM request_log WHERE sequence <= (SELECT max(sequence) FROM request_log) - $1", most)


async def purge(c: Connection, before: Instant) -> None:
    """Forget the requests that were answered before that."""
    await c.execute("DELETE FROM request_log WHERE at < $1", before)

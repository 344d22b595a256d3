"""The request log: written behind, searched, and held against the rules of lint."""

import asyncio
from collections import Counter
from typing import Any

import msgspec

from fieldserve.operations.recording import Exchange
from fieldserve.operations.run import Context, read, transact
from fieldserve.store import request_log
from fieldserve.store.engine import Connection, Unavailable
from fieldserve.store.request_log import Filter
from fieldserve.wire import lint
from fieldserve.wire.operations import BY_ID, missing_or_invalid
from fieldserve.wire.parameters import ParameterFault
from fieldserve.wire.replay import replay
from fieldserve.wire.request_log import (
    LARGEST_BODY,
    NO_REQUEST,
    RESTRICTED,
    TOKEN,
    UNKNOWN_PATH,
    Finding,
    LintReport,
    Replay,
    RequestListing,
    RequestRecord,
    mask_answer,
    mask_body,
    mask_form,
    mask_headers,
    mask_path,
    mask_query,
    path_values,
)
from fieldserve.wire.times import SECOND, Instant, TimeFault, parse, render

DAY = 86_400 * SECOND
# So many are masked and linted at once: the rest of the server goes on in between.
BATCH = 200


async def write_requests(context: Context) -> None:
    """Mask and write what was recorded since the last time. Raises Unavailable, and then keeps it."""
    taken = context.recording.take()
    kind, most = context.settings.records_requests, context.settings.request_log_most
    while taken:
        batch = taken[:BATCH]
        # In a thread: masking a page of jobs takes longer than answering it from memory.
        records = await asyncio.to_thread(_records, batch, kind)
        try:
            await transact(context, lambda c, records=records: _write(c, records, most))  # type: ignore[misc]
        except Unavailable:
            context.recording.give_back(taken)
            raise
        taken = taken[BATCH:]


def _records(batch: list[Exchange], kind: str) -> list[tuple[Instant, RequestRecord]]:
    return [(one.at, record(one, kind)) for one in batch]


async def _write(c: Connection, records: list[tuple[Instant, RequestRecord]], most: int) -> None:
    await request_log.add(c, records)
    await request_log.trim(c, most)


def record(one: Exchange, kind: str = "full") -> RequestRecord:
    """The exchange without secrets and personal data; of `metadata` who asked what, and how that ended."""
    operation = BY_ID.get(one.operation_id)
    path = mask_path(one.path) if one.operation_id == UNKNOWN_PATH else one.path
    kept = RequestRecord(
        0,
        one.request_id,
        render(one.at),
        one.operation_id,
        one.method,
        path,
        one.status,
        round(one.seconds * 1000, 1),
        one.seller_id,
        one.application_id,
        None if operation is None else path_values(operation, path).get("serviceJobId"),
        one.rate,
        one.burst,
    )
    if kind != "full":
        return kept
    kept.headers = mask_headers(one.headers)
    kept.query = mask_query(operation, one.query.decode("latin-1")) or None
    if isinstance(one.body, dict):
        kept.body = mask_form(one.body)
    elif one.body:
        kept.body, kept.body_fault = _json(one.body)
        kept.body = mask_body(operation, kept.body)
    answer, fault = _json(one.answer) if one.answer else (None, None)
    kept.answer = mask_answer(answer) if fault is None else fault
    kept.findings = lint.lint(kept) or None
    return kept


def _json(content: bytes) -> tuple[Any, str | None]:
    if len(content) > LARGEST_BODY:
        return None, f"{len(content)} bytes are more than the {LARGEST_BODY} that the log keeps"
    try:
        return msgspec.json.decode(content), None
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        return None, f"it is not valid JSON: {type(fault).__name__}"
    except RecursionError:
        return None, "it is nested too deeply"


async def purge_requests(context: Context) -> None:
    """Forget the requests that are older than the setting keeps them."""
    before = context.clock.now() - context.settings.request_log_days * DAY
    await transact(context, lambda c: request_log.purge(c, before))


# ---- what operators ask


def read_filter(values: dict[str, Any]) -> Filter:
    """The filter from the parameters' values. Raises ApiError 400."""
    instants, faults = {}, []
    for name in ("since", "until"):
        if name in values:
            try:
                instants[name] = parse(values[name])
            except TimeFault:
                faults.append(ParameterFault(name, f"{name} is not a valid ISO 8601 date and time"))
    operation_id = values.get("operationId")
    if operation_id is not None and operation_id not in _OPERATIONS:
        faults.append(ParameterFault("operationId", f"operationId must be one of {', '.join(sorted(_OPERATIONS))}"))
    if faults:
        raise missing_or_invalid(faults)
    status = values.get("status")
    return Filter(
        values.get("sellerId"),
        values.get("applicationId"),
        operation_id,
        None if status is None else (int(status.replace("x", "0")), int(status.replace("x", "9"))),
        values.get("requestId"),
        values.get("serviceJobId"),
        instants.get("since"),
        instants.get("until"),
        values.get("text"),
        None if "findings" not in values else values["findings"] == "true",
    )


_OPERATIONS = frozenset({*BY_ID, TOKEN, UNKNOWN_PATH, RESTRICTED})


async def list_requests(context: Context, values: dict[str, Any]) -> RequestListing:
    """A page of requests, newest first. What was answered within the last second may not be there yet.

    Raises ApiError 400."""
    which, limit = read_filter(values), values["limit"]
    found = await read(context, lambda c: request_log.page(c, which, before=values.get("before"), limit=limit + 1))
    return RequestListing(list(found[:limit]), found[limit - 1].sequence if len(found) > limit else None)


async def get_request(context: Context, request_id: str) -> RequestRecord:
    """A request by the id of its answer. Raises ApiError NO_REQUEST."""
    found = await read(context, lambda c: request_log.find(c, request_id))
    if found is None:
        raise NO_REQUEST.error(request_id=request_id)
    return found


async def replay_request(context: Context, request_id: str) -> Replay:
    """The request once more, as curl and as Python. Raises ApiError NO_REQUEST."""
    return replay(await get_request(context, request_id))


async def lint_requests(context: Context, values: dict[str, Any]) -> LintReport:
    """What is to be mended in the newest requests that match: found in each, and in all of them together.

    Raises ApiError 400."""
    which, limit = read_filter(values), values["limit"]
    found = list(await read(context, lambda c: request_log.page(c, which, before=None, limit=limit)))
    return await asyncio.to_thread(report, found)


def report(requests: list[RequestRecord]) -> LintReport:
    """The findings of requests, the same one of several requests once, with the ids of all; errors first."""
    merged: dict[tuple[str, str, str], Finding] = {}
    counts: Counter[str] = Counter()
    for one in requests:
        for finding in one.findings or ():
            counts[finding.code] += 1
            key = (finding.code, finding.place, finding.message)
            known = merged.setdefault(key, msgspec.structs.replace(finding, request_ids=[]))
            if known.request_ids is not None and len(known.request_ids) < 20:
                known.request_ids.append(one.request_id)
    together = lint.lint_together(requests)
    counts.update(one.code for one in together)
    ranks = {"error": 0, "warning": 1, "note": 2}
    findings = sorted([*merged.values(), *together], key=lambda one: (ranks[one.severity], one.code, one.place))
    return LintReport(len(requests), dict(sorted(counts.items())), findings)

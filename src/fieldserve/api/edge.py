"""The edge of the 17 operations: every request comes in here, and goes out with its request id and rate limit.

A request passes these stages, and the first that refuses it answers: path, token, usage plan, size and type of the
body, parameters, then the operation itself. An operation's endpoint is an async function of a `Call`; `endpoints.py`
lists them.
"""

import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from msgspec import Struct, structs
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from fieldserve.api import request_log
from fieldserve.api.authorize import HEADER, authorize, first_of_each
from fieldserve.api.observe import OPERATION, REQUEST_ID, STATUS
from fieldserve.api.refusals import refusal_of
from fieldserve.api.routes import Routes
from fieldserve.api.usage_plans import Plans
from fieldserve.operations.recording import Exchange
from fieldserve.operations.retries import Attempt, Outcome, once
from fieldserve.operations.run import Caller, Context
from fieldserve.wire import compat, errors, retries
from fieldserve.wire.bodies import BodyFault, decode
from fieldserve.wire.encoding import encode
from fieldserve.wire.errors import ApiError
from fieldserve.wire.operations import OPERATIONS, Operation
from fieldserve.wire.parameters import ParameterFault, parse_query, read
from fieldserve.wire.request_log import UNKNOWN_PATH

log = logging.getLogger("fieldserve.requests")

# The rate limit is told with these only.
_WITH_RATE_LIMIT = frozenset({200, 204, 400, 404})
_JSON = (b"content-type", b"application/json")
# RFC 9562: the bits that tell the version, and the variant.
_ANY_ID = ~(0xF << 76 | 0x3 << 62)
_VERSION_4 = 0x4 << 76 | 0x2 << 62
_REPLAYED = (retries.REPLAYED.encode(), b"true")
_TOKEN, _IDEMPOTENCY_KEY = HEADER.encode(), retries.HEADER.lower().encode()


class Call(Struct):
    """One request of an operation, read as far as the table can read it."""

    operation: Operation
    context: Context
    caller: Caller
    scope: Scope
    values: dict[str, Any]
    faults: list[ParameterFault]
    body: Any = None
    warnings: list[str] = []

    def refuse(self, *more: ParameterFault) -> None:
        """Raise the operation's own 400 if anything is wrong with its parameters or body."""
        if self.faults or more:
            raise self.operation.refuse([*self.faults, *more])

    def marketplace(self) -> str:
        """The marketplace asked for. Raises ApiError where the caller does not take part in it."""
        marketplace_id: str = self.values["marketplaceIds"][0]
        if marketplace_id not in self.caller.marketplaces:
            raise errors.UNAUTHORIZED_ACTION.error(f"{marketplace_id} is not a marketplace of this authorization")
        return marketplace_id


Endpoint = Callable[[Call], Awaitable[Any]]


class Answer(NamedTuple):
    """What goes out. `content` None sends no bytes."""

    status: int
    content: bytes | None
    rate: float | None = None
    allow: str | None = None
    replayed: bool = False


class Edge:
    """The ASGI application of the API."""

    def __init__(
        self,
        context: Context,
        endpoints: Mapping[str, Endpoint],
        usage_plans: Plans,
        static: Callable[[Operation, Mapping[str, str], Mapping[str, list[str]], bytes], Answer] | None = None,
    ):
        self._context = context
        self._endpoints = endpoints
        self._usage_plans = usage_plans
        self._static = static
        self._routes = Routes(OPERATIONS)
        self._records = context.settings.records_requests != "off"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = _new_request_id()
        started = time.perf_counter()
        seen = _Seen()
        answer = await self._answer(scope, receive, request_id, seen)
        scope[STATUS], scope[REQUEST_ID] = answer.status, request_id
        await _send(send, answer, request_id)
        seconds = time.perf_counter() - started
        _log(answer, request_id, seen, seconds)
        if self._records:
            self._context.recording.add(_exchange(self._context.clock.now(), scope, answer, request_id, seen, seconds))

    async def _answer(self, scope: Scope, receive: Receive, request_id: str, seen: "_Seen") -> Answer:
        try:
            operation, path = self._match(scope["method"], scope["path"])
            seen.operation = operation
            scope[OPERATION] = operation.id
            return await self._operate(scope, receive, operation, path, request_id, seen)
        except Exception as fault:
            refusal = refusal_of(fault, request_id)
            return Answer(400, None) if refusal is None else _refusal(refusal, seen)

    def _match(self, method: str, path: str) -> tuple[Operation, dict[str, str]]:
        operations, values = self._routes.find(path)
        if (operation := operations.get(method)) is not None:
            return operation, values
        if operations:
            raise _NotAllowed(path, method, ", ".join(sorted(operations)))
        raise errors.NO_SUCH_PATH.error(method=method, path=path)

    async def _operate(
        self,
        scope: Scope,
        receive: Receive,
        operation: Operation,
        path: dict[str, str],
        request_id: str,
        seen: "_Seen",
    ) -> Answer:
        headers = first_of_each(scope["headers"])
        query = parse_query(scope["query_string"].decode("latin-1"))
        if self._static is not None:
            # The published cases know no tokens; any will do, but none is a mistake that callers should hear about.
            if not headers.get(_TOKEN, b"").strip():
                raise errors.UNAUTHORIZED.error(f"Access token is missing in the request header {HEADER}.")
            seen.body = await self._body(headers, receive, operation)
            return self._static(operation, path, query, seen.body)
        caller = await authorize(self._context, scope, request_id)
        seen.caller = caller
        rate, burst = caller.usage_plan.get(operation.id, (operation.rate, operation.burst))
        seen.rate, seen.burst = rate, burst
        if not await self._usage_plans.take(caller.application_id, caller.seller_id, operation.id, rate, burst):
            raise errors.QUOTA_EXCEEDED.error()
        seen.body = body = await self._body(headers, receive, operation)
        call = self._read(scope, operation, path, query, body, caller)
        seen.warnings = call.warnings
        key = headers.get(_IDEMPOTENCY_KEY) if operation.changes else None
        outcome = await (self._decide(call) if key is None else self._once(call, body, key.decode("latin-1")))
        return Answer(outcome.status, outcome.content, rate, None, outcome.replayed)

    async def _once(self, call: Call, body: bytes, key: str) -> Outcome:
        """What the endpoint answers, or what it answered the first time under that Idempotency-Key."""
        call.refuse(*retries.key_faults(key))
        scope = call.scope
        print_ = retries.fingerprint(scope["method"], scope["path"], scope["query_string"], body)
        return await once(
            call.context,
            Attempt(call.caller.authorization_id, key, print_),
            lambda context: self._decide_for_good(structs.replace(call, context=context)),
        )

    async def _decide(self, call: Call) -> Outcome:
        value = await self._endpoints[call.operation.id](call)
        return Outcome(call.operation.success, _content(call.operation, value))

    async def _decide_for_good(self, call: Call) -> Outcome:
        try:
            return await self._decide(call)
        except ApiError as fault:
            # A request that is malformed decides nothing; it may come again under its key when it is mended.
            if fault.status == 400:
                raise
            return Outcome(fault.status, _errors(fault, call.operation))

    async def _body(self, headers: Mapping[bytes, bytes], receive: Receive, operation: Operation) -> bytes:
        announced = headers.get(b"content-length", b"0")
        if operation.body is None and announced == b"0" and b"transfer-encoding" not in headers:
            return b""
        limit = self._context.settings.body_limit
        if not announced.isdigit() or int(announced) > limit:
            raise errors.BODY_TOO_LARGE.error(limit=limit)
        chunks, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect()
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > limit:
                raise errors.BODY_TOO_LARGE.error(limit=limit)
            chunks.append(chunk)
            more = message.get("more_body", False)
        body = b"".join(chunks)
        if operation.body is not None and body:
            media_type = headers.get(b"content-type", b"").decode("latin-1").split(";")[0].strip().lower()
            if media_type != "application/json":
                raise errors.WRONG_CONTENT_TYPE.error(f"Content-Type was {media_type or 'missing'}")
        return body

    def _read(
        self,
        scope: Scope,
        operation: Operation,
        path: dict[str, str],
        query: dict[str, list[str]],
        body: bytes,
        caller: Caller,
    ) -> Call:
        found = compat.misplaced(operation, query, body)
        warnings: list[str] = []
        if found and self._context.settings.compat == "tolerant":
            query |= {one.name: one.values for one in found}
            warnings = [one.advice() for one in found]
        values, faults = read(operation.parameters, path, query)
        if faults:
            faults = compat.advise(faults, found)
        call = Call(operation, self._context, caller, scope, values, faults, None, warnings)
        if operation.body is not None:
            try:
                call.body = decode(body or b"{}", operation.body)
            except BodyFault as fault:
                call.refuse(fault.fault)
        return call


class _Seen(Struct):
    """What was learnt of a request, for its refusal and the log. `rate` is the caller's own where it has one."""

    operation: Operation | None = None
    caller: Caller | None = None
    rate: float | None = None
    burst: int | None = None
    body: bytes = b""
    warnings: list[str] = []


class _NotAllowed(ApiError):
    def __init__(self, path: str, method: str, allow: str):
        self.allow = allow
        says = errors.METHOD_NOT_ALLOWED
        super().__init__(says.status, (says.fault(path=path, method=method, allowed=allow),))


def _refusal(fault: ApiError, seen: _Seen) -> Answer:
    allow = fault.allow if isinstance(fault, _NotAllowed) else None
    return Answer(fault.status, _errors(fault, seen.operation), seen.rate, allow)


def _errors(fault: ApiError, operation: Operation | None) -> bytes:
    bare = operation is not None and operation.bare_errors
    return encode(fault.faults if bare else {"errors": fault.faults})


def _new_request_id() -> str:
    """A UUID, version 4. Nothing secret: it need not be beyond guessing, so it asks the system for no entropy."""
    text = "%032x" % (random.getrandbits(128) & _ANY_ID | _VERSION_4)
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


@lru_cache(maxsize=1024)
def _rate_header(rate: float) -> tuple[bytes, bytes]:
    return b"x-amzn-ratelimit-limit", str(float(rate)).encode()


def _content(operation: Operation, value: Any) -> bytes | None:
    if operation.success == 204:
        return None
    if value is None:
        return b"{}"
    return value if isinstance(value, bytes) else encode(value)


async def _send(send: Send, answer: Answer, request_id: str) -> None:
    headers = [(b"x-amzn-requestid", request_id.encode())]
    if answer.rate is not None and answer.status in _WITH_RATE_LIMIT:
        headers.append(_rate_header(answer.rate))
    if answer.allow is not None:
        headers.append((b"allow", answer.allow.encode()))
    if answer.replayed:
        headers.append(_REPLAYED)
    if answer.content is not None:
        headers += (_JSON, (b"content-length", b"%d" % len(answer.content)))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.content or b""})


def _log(answer: Answer, request_id: str, seen: _Seen, seconds: float) -> None:
    # An unknown path is not written down: who knows what it holds, a line feed or a token.
    operation = seen.operation.id if seen.operation else UNKNOWN_PATH
    if seen.warnings:
        log.warning("%s %s %s: %s", request_id, operation, answer.status, "; ".join(seen.warnings))
    whose = f"{seen.caller.application_id}/{seen.caller.seller_id}" if seen.caller else "-"
    request_log.note(request_id, whose, operation, answer.status, seconds)


def _exchange(at: int, scope: Scope, answer: Answer, request_id: str, seen: _Seen, seconds: float) -> Exchange:
    caller = seen.caller
    return Exchange(
        at,
        request_id,
        seen.operation.id if seen.operation else UNKNOWN_PATH,
        scope["method"],
        scope["path"],
        scope["query_string"],
        scope["headers"],
        seen.body,
        answer.status,
        answer.content,
        seconds,
        caller.seller_id if caller else None,
        caller.application_id if caller else None,
        seen.rate,
        seen.burst,
    )

"""The edge of the 17 operations: every request comes in here, and goes out with its request id and rate limit.

A request passes these stages, and the first that refuses it answers: path, token, usage plan, size and type of the
body, parameters, then the operation itself. An operation's endpoint is an async function of a `Call`; `endpoints.py`
lists them.
"""

import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from fieldserve.api import request_log
from fieldserve.api.authorize import HEADER, authorize
from fieldserve.api.observe import OPERATION
from fieldserve.api.routes import Routes
from fieldserve.api.usage_plans import Plans
from fieldserve.operations.recording import Exchange
from fieldserve.operations.retries import Attempt, Outcome, once
from fieldserve.operations.run import Caller, Context
from fieldserve.store.engine import Unavailable
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


@dataclass(slots=True)
class Call:
    """One request of an operation, read as far as the table can read it."""

    operation: Operation
    context: Context
    caller: Caller
    request: Request
    values: dict[str, Any]
    faults: list[ParameterFault]
    body: Any = None
    warnings: list[str] = field(default_factory=list)

    def refuse(self, *more: ParameterFault) -> None:
        """Raise the operation's own 400 if anything is wrong with its parameters or body."""
        if faults := [*self.faults, *more]:
            raise self.operation.refuse(faults)

    def marketplace(self) -> str:
        """The marketplace asked for. Raises ApiError where the caller does not take part in it."""
        marketplace_id: str = self.values["marketplaceIds"][0]
        if marketplace_id not in self.caller.marketplaces:
            raise errors.UNAUTHORIZED_ACTION.error(f"{marketplace_id} is not a marketplace of this authorization")
        return marketplace_id


Endpoint = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Answer:
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
        answer = await self._answer(Request(scope, receive), request_id, seen)
        await _send(send, answer, request_id)
        seconds = time.perf_counter() - started
        _log(answer, request_id, seen, seconds)
        if self._records:
            self._context.recording.add(_exchange(self._context.clock.now(), scope, answer, request_id, seen, seconds))

    async def _answer(self, request: Request, request_id: str, seen: "_Seen") -> Answer:
        try:
            operation, path = self._match(request)
            seen.operation = operation
            request.scope[OPERATION] = operation.id
            return await self._operate(request, operation, path, request_id, seen)
        except ApiError as fault:
            return _refusal(fault, seen)
        except ClientDisconnect:
            return Answer(400, None)  # nobody is there to read it
        except Unavailable as fault:
            log.error("database away: %s (request %s)", fault, request_id)
            return _refusal(errors.SERVICE_UNAVAILABLE.error(), seen)
        except Exception:
            log.exception("a defect (request %s)", request_id)
            return _refusal(errors.INTERNAL_FAILURE.error(), seen)

    def _match(self, request: Request) -> tuple[Operation, dict[str, str]]:
        method, path = request.method, request.scope["path"]
        operations, values = self._routes.find(path)
        if (operation := operations.get(method)) is not None:
            return operation, values
        if operations:
            raise _NotAllowed(path, method, ", ".join(sorted(operations)))
        raise errors.NO_SUCH_PATH.error(method=method, path=path)

    async def _operate(
        self, request: Request, operation: Operation, path: dict[str, str], request_id: str, seen: "_Seen"
    ) -> Answer:
        query = parse_query(request.scope["query_string"].decode("latin-1"))
        if self._static is not None:
            # The published cases know no tokens; any will do, but none is a mistake that callers should hear about.
            if not request.headers.get(HEADER, "").strip():
                raise errors.UNAUTHORIZED.error(f"Access token is missing in the request header {HEADER}.")
            seen.body = await self._body(request, operation)
            return self._static(operation, path, query, seen.body)
        caller = await authorize(self._context, request, operation, request_id)
        seen.caller = caller
        rate, burst = caller.usage_plan.get(operation.id, (operation.rate, operation.burst))
        seen.rate, seen.burst = rate, burst
        if not await self._usage_plans.take(caller.application_id, caller.seller_id, operation.id, rate, burst):
            raise errors.QUOTA_EXCEEDED.error()
        seen.body = body = await self._body(request, operation)
        call = self._read(request, operation, path, query, body, caller)
        seen.warnings = call.warnings
        outcome = await self._carry_out(call, body)
        return Answer(outcome.status, outcome.content, rate, replayed=outcome.replayed)

    async def _carry_out(self, call: Call, body: bytes) -> Outcome:
        """What the endpoint answers; under an Idempotency-Key, what it answered the first time."""
        operation, request = call.operation, call.request
        key = request.headers.get(retries.HEADER)
        if key is None or not operation.changes:
            return await self._decide(call)
        call.refuse(*retries.key_faults(key))
        print_ = retries.fingerprint(request.method, request.scope["path"], request.scope["query_string"], body)
        return await once(
            call.context,
            Attempt(call.caller.authorization_id, key, print_),
            lambda context: self._decide_for_good(replace(call, context=context)),
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

    async def _body(self, request: Request, operation: Operation) -> bytes:
        limit = self._context.settings.body_limit
        announced = request.headers.get("content-length", "0")
        if operation.body is None and announced == "0" and "transfer-encoding" not in request.headers:
            return b""
        if not announced.isdecimal() or int(announced) > limit:
            raise errors.BODY_TOO_LARGE.error(limit=limit)
        chunks, size = [], 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise errors.BODY_TOO_LARGE.error(limit=limit)
            chunks.append(chunk)
        body = b"".join(chunks)
        if operation.body is not None and body:
            media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
            if media_type != "application/json":
                raise errors.WRONG_CONTENT_TYPE.error(f"Content-Type was {media_type or 'missing'}")
        return body

    def _read(
        self,
        request: Request,
        operation: Operation,
        path: dict[str, str],
        query: dict[str, list[str]],
        body: bytes,
        caller: Caller,
    ) -> Call:
        found = compat.misplaced(operation, query, body)
        warnings = []
        if self._context.settings.compat == "tolerant":
            query |= {one.name: one.values for one in found}
            warnings = [one.advice() for one in found]
        values, faults = read(operation.parameters, path, query)
        call = Call(operation, self._context, caller, request, values, compat.advise(faults, found), None, warnings)
        if operation.body is not None:
            try:
                call.body = decode(body or b"{}", operation.body)
            except BodyFault as fault:
                call.refuse(fault.fault)
        return call


@dataclass(slots=True)
class _Seen:
    """What was learnt of a request, for its refusal and the log. `rate` is the caller's own where it has one."""

    operation: Operation | None = None
    caller: Caller | None = None
    rate: float | None = None
    burst: int | None = None
    body: bytes = b""
    warnings: list[str] = field(default_factory=list)


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
    text = f"{random.getrandbits(128) & _ANY_ID | _VERSION_4:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _content(operation: Operation, value: Any) -> bytes | None:
    if operation.success == 204:
        return None
    if value is None:
        return b"{}"
    return value if isinstance(value, bytes) else encode(value)


async def _send(send: Send, answer: Answer, request_id: str) -> None:
    headers = [(b"x-amzn-requestid", request_id.encode())]
    if answer.rate is not None and answer.status in _WITH_RATE_LIMIT:
        headers.append((b"x-amzn-ratelimit-limit", str(float(answer.rate)).encode()))
    if answer.allow is not None:
        headers.append((b"allow", answer.allow.encode()))
    if answer.replayed:
        headers.append(_REPLAYED)
    if answer.content is not None:
        headers += [_JSON, (b"content-length", str(len(answer.content)).encode())]
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

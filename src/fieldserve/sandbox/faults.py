"""Faults on demand: what an integration must survive, and what never comes when one waits for it.

A fault waits for requests of an operation (or of all), of a seller (or of all), happens so many times (or until it is
taken back), each time with a probability drawn from the sandbox's seed. The operation "token" is the token endpoint.
What happened is kept, the newest hundred: a request that was not carried out is in no request log.
"""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fieldserve.sandbox.static import cases
from fieldserve.wire import errors
from fieldserve.wire.encoding import encode
from fieldserve.wire.errors import Says
from fieldserve.wire.operations import BY_ID
from fieldserve.wire.times import Instant

TOKEN = "token"  # noqa: S105 (the name of an endpoint)

KINDS: Mapping[str, str] = {
    "429": "answered 429 QuotaExceeded, without being carried out",
    "500": "answered 500 InternalFailure, without being carried out",
    "503": "answered 503 ServiceUnavailable, without being carried out",
    "expired_token": "answered 403 Unauthorized, as if the access token had just expired",
    "slow": "carried out `seconds` later (2 unless given)",
    "timeout": "held for `seconds` (30 unless given), then cut off without an answer; not carried out",
    "cut": "carried out, and the answer ends in the middle",
    "lost": "carried out, and the connection ends before the answer's body",
    "malformed": "carried out, and the answer's JSON is broken",
}
_SAYS: Mapping[str, Says] = {
    "429": errors.QUOTA_EXCEEDED,
    "500": errors.INTERNAL_FAILURE,
    "503": errors.SERVICE_UNAVAILABLE,
    "expired_token": errors.UNAUTHORIZED,
}
_SECONDS = {"slow": 2.0, "timeout": 30.0}


@dataclass(slots=True)
class Fault:
    """A fault that waits. `left` None: until it is taken back. `canned` is an answer of a published case's status."""

    id: str
    kind: str
    operation: str | None = None
    seller: str | None = None
    left: int | None = 1
    probability: float = 1.0
    seconds: float | None = None
    canned: int | None = None


@dataclass(frozen=True, slots=True)
class Happened:
    """A fault that happened to a request. `seller` None: the request told no access token that is known."""

    at: Instant
    kind: str
    operation: str
    seller: str | None


@dataclass(slots=True)
class Faults:
    """The faults that wait, in the order in which they were asked for; the first that fits happens."""

    waiting: list[Fault] = field(default_factory=list)
    chance: random.Random = field(default_factory=random.Random)
    made: int = 0
    happened: deque[Happened] = field(default_factory=lambda: deque(maxlen=100))

    def add(self, fault: Fault) -> Fault:
        """Let a fault wait; it gets its id."""
        self.made += 1
        fault.id = f"fault-{self.made}"
        self.waiting.append(fault)
        return fault

    def clear(self, seed: int | None = None) -> None:
        """Take all back, and draw from the seed anew."""
        self.waiting.clear()
        self.chance.seed(seed)

    def take(self, operation: str, seller: str | None, now: Instant) -> Fault | None:
        """The fault that happens to this request, counted; None if it is spared."""
        for fault in self.waiting:
            if fault.operation not in (None, operation) or fault.seller not in (None, seller):
                continue
            if self.chance.random() >= fault.probability:
                continue
            if fault.left is not None:
                fault.left -= 1
                if not fault.left:
                    self.waiting.remove(fault)
            self.happened.append(Happened(now, fault.kind, operation, seller))
            return fault
        return None


def failing(
    app: ASGIApp,
    faults: Faults,
    operation_of: Callable[[str, str], str | None],
    seller_of: Callable[[Scope], Awaitable[str | None]],
    now: Callable[[], Instant],
) -> ASGIApp:
    """The application, some of whose requests fail as was asked for."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        operation = operation_of(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if operation is None or not faults.waiting:
            return await app(scope, receive, send)
        fault = faults.take(operation, await seller_of(scope), now())
        if fault is None:
            return await app(scope, receive, send)
        await _happen(fault, operation, app, scope, receive, send)

    return answer


async def _happen(fault: Fault, operation: str, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    if fault.canned is not None:
        return await _reply(send, fault.canned, _canned(operation, fault.canned))
    if (says := _SAYS.get(fault.kind)) is not None:
        return await _reply(send, says.status, _body(says, operation, fault))
    if fault.kind in _SECONDS:
        await asyncio.sleep(_SECONDS[fault.kind] if fault.seconds is None else fault.seconds)
        if fault.kind == "slow":
            return await app(scope, receive, send)
        return await _break_off(send, 504)
    await app(scope, receive, _spoiling(send, fault.kind))


def _spoiling(send: Send, kind: str) -> Send:
    """What takes the answer from the application, and passes on what the fault leaves of it."""

    async def tell(message: Message) -> None:
        if message["type"] != "http.response.body":
            return await send(message)
        body = message.get("body", b"")
        if kind == "malformed":
            # As long as it was announced, and no JSON.
            body = body[: len(body) // 2] + b"}" * (len(body) - len(body) // 2)
            return await send({**message, "body": body})
        # Fewer bytes than were announced, and no end: the server beneath can only close the connection.
        await send(
            {"type": "http.response.body", "body": b"" if kind == "lost" else body[: len(body) // 2], "more_body": True}
        )

    return tell


async def _break_off(send: Send, status: int) -> None:
    """End the connection without an answer, as far as an application can: one byte is announced, and never sent."""
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"1")]})
    await send({"type": "http.response.body", "body": b"", "more_body": True})


def _body(says: Says, operation: str, fault: Fault) -> bytes:
    if operation == TOKEN:
        return encode({"error": "server_error", "error_description": f"A fault that was asked for: {fault.kind}."})
    told = says.fault(f"A fault that was asked for: {fault.kind}.")
    known = BY_ID.get(operation)
    return encode([told] if known is not None and known.bare_errors else {"errors": [told]})


def _canned(operation: str, status: int) -> bytes | None:
    """The body of the first published case of that status, or an error in the API's form where there is none."""
    found = next((one.answer.body for one in cases().get(operation, ()) if one.answer.status == status), None)
    if found is not None or status == 204:
        return found
    return b"{}" if status < 400 else msgspec.json.encode({"errors": [{"code": "Sandbox", "message": "as asked for"}]})


async def _reply(send: Send, status: int, body: bytes | None) -> None:
    content = body or b""
    headers = [(b"x-amzn-requestid", b"sandbox-fault"), (b"content-length", str(len(content)).encode())]
    if content:
        headers.append((b"content-type", b"application/json"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})

"""What no request gets past, whatever it is for: headers without end, bodies that trickle in, bodies in disguise.

It stands in front of everything and costs a request without a body one look at its headers. Slow headers are the HTTP
server's business (`cli.serve`); how large a body may be is its reader's.
"""

import asyncio
import logging
import uuid

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fieldserve.api.observe import REQUEST_ID, STATUS
from fieldserve.wire.encoding import encode
from fieldserve.wire.errors import AMBIGUOUS_LENGTH, BODY_TOO_SLOW, ENCODED_BODY, HEADERS_TOO_LARGE, Says

log = logging.getLogger("fieldserve.requests")

LARGEST_HEADERS = 32_768

# A body gets one more second for each so many bytes that have come: an upload over a slow line takes its time, a byte
# now and then does not.
SLOWEST = 16_384


def guarded(app: ASGIApp, seconds: float) -> ASGIApp:
    """The application behind the guard. A body has so many seconds to come."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        has_body, fault = _look(scope["headers"])
        if fault is not None:
            log.info("a request was turned away: %s", fault.status)
            await _refuse(scope, send, fault)
        elif has_body:
            await app(scope, *_timed(scope, receive, send, seconds))
        else:
            await app(scope, receive, send)

    return answer


def _look(headers: list[tuple[bytes, bytes]]) -> tuple[bool, Says | None]:
    """Whether a body may follow, and what is wrong with the headers."""
    named = dict(headers)
    if len(b"".join(map(b"".join, headers))) > LARGEST_HEADERS:
        return False, HEADERS_TOO_LARGE
    if b"content-length" not in named and b"transfer-encoding" not in named:
        return False, _encoded(named)
    # Whoever stands between might believe the other one, and see another request in the rest.
    if sum(name in _LENGTHS for name, _ in headers) > 1:
        return False, AMBIGUOUS_LENGTH
    return True, _encoded(named)


_LENGTHS = (b"content-length", b"transfer-encoding")


def _encoded(headers: dict[bytes, bytes]) -> Says | None:
    encoding = headers.get(b"content-encoding", b"").strip().lower()
    return None if encoding in (b"", b"identity") else ENCODED_BODY


def _timed(scope: Scope, receive: Receive, send: Send, seconds: float) -> tuple[Receive, Send]:
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    complete = refused = started = False

    async def receive_in_time() -> Message:
        nonlocal until, complete, refused
        if complete:
            return await receive()
        try:
            async with asyncio.timeout_at(until):
                message = await receive()
        except TimeoutError:
            complete = refused = True
            log.info("a body came too slowly: %s", scope["path"])
            if not started:
                await _refuse(scope, send, BODY_TOO_SLOW)
            return {"type": "http.disconnect"}
        complete = not message.get("more_body", False)
        until += len(message.get("body", b"")) / SLOWEST
        return message

    async def send_unless_refused(message: Message) -> None:
        nonlocal started
        if not refused:
            started = True
            await send(message)

    return receive_in_time, send_unless_refused


async def _refuse(scope: Scope, send: Send, says: Says) -> None:
    content = encode({"errors": [says.fault()]})
    request_id = str(uuid.uuid4())
    scope[STATUS], scope[REQUEST_ID] = says.status, request_id
    headers = [
        (b"x-amzn-requestid", request_id.encode()),
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
        (b"connection", b"close"),  # the rest of the body is not read
    ]
    await send({"type": "http.response.start", "status": says.status, "headers": headers})
    await send({"type": "http.response.body", "body": content})

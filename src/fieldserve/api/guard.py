"""What no request gets past, whatever it is for: headers without end, bodies that trickle in, bodies in disguise.

It stands in front of everything and costs a request without a body one look at its headers. Slow headers are the HTTP
server's business (`cli.serve`); how large a body may be is its reader's.
"""

import asyncio
import logging
import uuid

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fieldserve.wire.encoding import encode
from fieldserve.wire.errors import AMBIGUOUS_LENGTH, BODY_TOO_SLOW, ENCODED_BODY, HEADERS_TOO_LARGE, Fault, Says

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
            await _refuse(send, fault.status, fault.fault())
        elif has_body:
            await app(scope, *_timed(scope, receive, send, seconds))
        else:
            await app(scope, receive, send)

    return answer


def _look(headers: list[tuple[bytes, bytes]]) -> tuple[bool, Says | None]:
    """Whether a body may follow, and what is wrong with the headers."""
    size, lengths, transfer, encoding = 0, 0, False, b""
    for name, value in headers:
        size += len(name) + len(value)
        if name == b"content-length":
            lengths += 1
        elif name == b"transfer-encoding":
            transfer = True
        elif name == b"content-encoding":
            encoding = value
    if size > LARGEST_HEADERS:
        return False, HEADERS_TOO_LARGE
    # Whoever stands between might believe the other one, and see another request in the rest.
    if lengths + transfer > 1:
        return False, AMBIGUOUS_LENGTH
    if encoding and encoding.strip().lower() != b"identity":
        return False, ENCODED_BODY
    return bool(lengths) or transfer, None


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
                await _refuse(send, BODY_TOO_SLOW.status, BODY_TOO_SLOW.fault())
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


async def _refuse(send: Send, status: int, fault: Fault) -> None:
    content = encode({"errors": [fault]})
    headers = [
        (b"x-amzn-requestid", str(uuid.uuid4()).encode()),
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
        (b"connection", b"close"),  # the rest of the body is not read
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})

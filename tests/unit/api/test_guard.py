"""What no request gets past."""

import asyncio
import json
from collections.abc import AsyncGenerator

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive, Scope, Send

from fieldserve.api.guard import LARGEST_HEADERS, SLOWEST, guarded

Headers = list[tuple[bytes, bytes]]


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers how long the body was; as applications do, it answers something when the caller has gone."""
    try:
        status, length = 200, len(await Request(scope, receive).body())
    except ClientDisconnect:
        status, length = 500, 0
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": str(length).encode()})


async def ask(headers: Headers, *chunks: tuple[float, bytes], seconds: float = 0.2) -> tuple[int, bytes]:
    """Status and content of the answer to a body whose chunks come after so many seconds each."""
    sent: list[Message] = []

    async def bodies() -> AsyncGenerator[Message, None]:
        for rank, (pause, chunk) in enumerate(chunks):
            await asyncio.sleep(pause)
            yield {"type": "http.request", "body": chunk, "more_body": rank < len(chunks) - 1}
        if not chunks:
            yield {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    coming = bodies()
    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers}
    await guarded(echo, seconds)(scope, lambda: coming.__anext__(), send)
    await coming.aclose()
    assert [one["type"] for one in sent] == ["http.response.start", "http.response.body"]
    return sent[0]["status"], sent[1]["body"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([(b"x", b"a" * LARGEST_HEADERS)], 431),
        ([(b"content-length", b"3"), (b"transfer-encoding", b"chunked")], 400),
        ([(b"content-length", b"3"), (b"content-length", b"3")], 400),
        ([(b"content-length", b"3"), (b"content-encoding", b"gzip")], 415),
        ([(b"content-length", b"3"), (b"content-encoding", b"identity")], 200),
        ([(b"transfer-encoding", b"chunked")], 200),
        ([], 200),
    ],
)
async def test_headers(headers: Headers, status: int) -> None:
    """Headers are counted, the length is told once, and the body is as it is."""
    answered, content = await ask(headers)
    assert answered == status
    if status != 200:
        assert json.loads(content)["errors"][0]["message"]


async def test_a_body_that_trickles_in() -> None:
    """It is answered 408 once, whatever the application makes of its caller's having gone."""
    status, _ = await ask([(b"content-length", b"100")], *[(0.05, b"a")] * 100)
    assert status == 408


async def test_a_body_that_keeps_coming() -> None:
    """A large body over a slow line may take longer than a small one."""
    # Each chunk is good for another second; five of 0.1 s are more than the 0.2 s that a small body has.
    status, content = await ask([(b"content-length", b"1")], *[(0.1, b"a" * SLOWEST)] * 5)
    assert (status, content) == (200, str(5 * SLOWEST).encode())

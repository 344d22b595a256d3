"""From a client to an application in the same process: no socket, no port, and the same behaviour when it fails.

The application lives on an event loop in a thread of its own, so that clients of threads and of any other loop can call
it at once.
"""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, NamedTuple, TypeVar

import httpx2
from starlette.types import ASGIApp, Message, Scope

T = TypeVar("T")


class LoopThread:
    """An event loop that runs in a thread until it is closed."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="services-api", daemon=True)
        self._thread.start()

    def start(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        """Begin a coroutine on the loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What the coroutine answers, once it is done on the loop."""
        return self.start(work).result()

    def close(self) -> None:
        """Stop the loop, and wait for its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Answered(NamedTuple):
    """An application's answer, as it would have gone over the wire."""

    status: int
    headers: list[tuple[bytes, bytes]]
    content: bytes


async def ask(app: ASGIApp, request: httpx2.Request, content: bytes) -> Answered:
    """One request to an ASGI application. Raises httpx2.RemoteProtocolError where a server would cut the connection."""
    sent = [False]
    status, headers, body, complete = 0, [], bytearray(), False

    async def receive() -> Message:
        if sent[0]:
            await asyncio.Event().wait()  # the client stays until it has its answer
        sent[0] = True
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status, headers, complete
        if message["type"] == "http.response.start":
            status, headers = message["status"], list(message.get("headers", ()))
        elif message["type"] == "http.response.body":
            body.extend(message.get("body", b""))
            complete = not message.get("more_body", False)

    await app(_scope(request), receive, send)
    if not complete:
        raise httpx2.RemoteProtocolError("the connection ended before the answer did", request=request)
    return Answered(status, headers, bytes(body))


def _scope(request: httpx2.Request) -> Scope:
    target = request.url.raw_path
    path, _, query = target.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": ("127.0.0.1", 1),
        "server": (request.url.host, request.url.port or 80),
        "state": {},
    }


def _response(answered: Answered) -> httpx2.Response:
    return httpx2.Response(answered.status, headers=answered.headers, stream=httpx2.ByteStream(answered.content))


def _patience(request: httpx2.Request) -> float | None:
    seconds: float | None = request.extensions.get("timeout", {}).get("read")
    return seconds


class Transport(httpx2.BaseTransport):
    """A transport of threads to an application on a loop."""

    def __init__(self, app: ASGIApp, thread: LoopThread):
        self._app, self._thread = app, thread

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """As a connection would answer. Raises httpx2.ReadTimeout, httpx2.RemoteProtocolError."""
        future = self._thread.start(ask(self._app, request, request.read()))
        try:
            return _response(future.result(_patience(request)))
        except TimeoutError:
            future.cancel()
            raise httpx2.ReadTimeout("no answer in time", request=request) from None


class AsyncTransport(httpx2.AsyncBaseTransport):
    """A transport of any event loop to an application on a loop."""

    def __init__(self, app: ASGIApp, thread: LoopThread):
        self._app, self._thread = app, thread

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """As a connection would answer. Raises httpx2.ReadTimeout, httpx2.RemoteProtocolError."""
        future = asyncio.wrap_future(self._thread.start(ask(self._app, request, await request.aread())))
        try:
            return _response(await asyncio.wait_for(future, _patience(request)))
        except TimeoutError:
            raise httpx2.ReadTimeout("no answer in time", request=request) from None

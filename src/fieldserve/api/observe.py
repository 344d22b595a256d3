"""Around every request: its metrics, and its trace where there are traces."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fieldserve.api.metrics import Meters
from fieldserve.api.traces import Traces

# Where the edges leave the id of the operation that they found.
OPERATION = "fieldserve.operation"

_BY_PATH = (("/auth/", "token"), ("/tokens/", "createRestrictedDataToken"), ("/uploads/", "upload"))


def observed(app: ASGIApp, meters: Meters | None, traces: Traces | None) -> ASGIApp:
    """The application, each request of which is counted and traced."""

    async def counted(scope: Scope, receive: Receive, send: Send) -> tuple[str, int, str]:
        started = time.perf_counter()
        status, request_id = 0, ""

        async def tell(message: Message) -> None:
            nonlocal status, request_id
            if message["type"] == "http.response.start":
                status = message["status"]
                if traces is not None:
                    request_id = _request_id(message)
            await send(message)

        await app(scope, receive, tell)
        operation = scope.get(OPERATION) or _operation(scope["path"])
        if meters is not None:
            meters.request(operation, status, time.perf_counter() - started)
        return operation, status, request_id

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
        elif traces is None:
            await counted(scope, receive, send)
        else:
            with traces.request(scope["method"], scope["headers"]) as told:
                told(*await counted(scope, receive, send))

    return answer


def _operation(path: str) -> str:
    # Never the path itself: callers would make up new ones for ever.
    return next((name for start, name in _BY_PATH if path.startswith(start)), "other")


def _request_id(message: Message) -> str:
    return next((v.decode() for k, v in message.get("headers", ()) if k.lower() == b"x-amzn-requestid"), "")

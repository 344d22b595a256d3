"""Around every request: its metrics, and its trace where there are traces.

Whoever answers leaves in the scope what was answered, so that nobody has to listen to what is sent."""

import time

from starlette.types import ASGIApp, Receive, Scope, Send

from fieldserve.api.metrics import Meters
from fieldserve.api.traces import Traces

# Where the edges leave the id of the operation that they found, the status that they answered, and the request's id.
OPERATION = "fieldserve.operation"
STATUS = "fieldserve.status"
REQUEST_ID = "fieldserve.request_id"

_BY_PATH = (("/auth/", "token"), ("/tokens/", "createRestrictedDataToken"), ("/uploads/", "upload"))


def observed(app: ASGIApp, meters: Meters | None, traces: Traces | None) -> ASGIApp:
    """The application, each request of which is counted and traced."""

    async def counted(scope: Scope, receive: Receive, send: Send) -> tuple[str, int]:
        started = time.perf_counter()
        await app(scope, receive, send)
        operation = scope.get(OPERATION) or _operation(scope["path"])
        status = scope.get(STATUS, 0)
        if meters is not None:
            meters.request(operation, status, time.perf_counter() - started)
        return operation, status

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
        elif traces is None:
            await counted(scope, receive, send)
        else:
            with traces.request(scope["method"], scope["headers"]) as told:
                operation, status = await counted(scope, receive, send)
                told(operation, status, scope.get(REQUEST_ID, ""))

    return answer


def _operation(path: str) -> str:
    # Never the path itself: callers would make up new ones for ever.
    return next((name for start, name in _BY_PATH if path.startswith(start)), "other")

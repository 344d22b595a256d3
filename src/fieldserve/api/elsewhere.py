"""Outside the 17 operations: what is answered where no route is, and a request id on every answer."""

import uuid

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fieldserve.api import observe
from fieldserve.wire import errors
from fieldserve.wire.encoding import encode
from fieldserve.wire.errors import Fault

REQUEST_ID = "x-amzn-RequestId"


def no_such_path(request: Request, fault: Exception) -> Response:
    """404 in the words of the API."""
    return _refusal(404, errors.NO_SUCH_PATH.fault(method=request.method, path=request.url.path))


def method_not_allowed(request: Request, fault: Exception) -> Response:
    """405 in the words of the API, with the methods that the path takes."""
    assert isinstance(fault, HTTPException)
    headers = dict(fault.headers or {})
    allowed = headers.get("Allow", "")
    told = errors.METHOD_NOT_ALLOWED.fault(path=request.url.path, method=request.method, allowed=allowed)
    return _refusal(405, told, headers)


def internal_failure(request: Request, fault: Exception) -> Response:
    """500 that tells nothing of the defect; the server logs it."""
    return _refusal(500, errors.INTERNAL_FAILURE.fault())


def _refusal(status: int, fault: Fault, headers: dict[str, str] | None = None) -> Response:
    return Response(encode({"errors": [fault]}), status, headers, media_type="application/json")


HANDLERS = {404: no_such_path, 405: method_not_allowed, Exception: internal_failure}
"""For Starlette, by status or exception."""


def with_request_id(app: ASGIApp) -> ASGIApp:
    """The same application, whose every answer has a request id, its own or a new one, and is told to `observe`."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                scope[observe.REQUEST_ID] = headers.setdefault(REQUEST_ID, str(uuid.uuid4()))
                scope[observe.STATUS] = message["status"]
            await send(message)

        await app(scope, receive, send_with_id)

    return answer

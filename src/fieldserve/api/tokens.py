"""The token endpoint as Login with Amazon answers it, and the restricted data token.

ROUTES are starlette's; their handlers find the `Context` in `request.app.state.context`.
"""

import base64
import binascii
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any
from urllib.parse import unquote_plus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fieldserve.api.authorize import authorize
from fieldserve.api.forms import TooLarge, media_type, read_body, read_fields
from fieldserve.api.refusals import refusal_of
from fieldserve.api.usage_plans import Plans, UsagePlans
from fieldserve.operations.recording import Exchange
from fieldserve.operations.run import Caller, Context
from fieldserve.operations.tokens import create_restricted_data_token, issue
from fieldserve.wire import errors
from fieldserve.wire import tokens as words
from fieldserve.wire.bodies import BodyFault, decode
from fieldserve.wire.encoding import encode
from fieldserve.wire.operations import missing_or_invalid
from fieldserve.wire.parameters import is_storable
from fieldserve.wire.request_log import RESTRICTED, TOKEN
from fieldserve.wire.restricted_data import (
    CREATE_RESTRICTED_DATA_TOKEN,
    CreateRestrictedDataTokenRequest,
    CreateRestrictedDataTokenResponse,
    read_resources,
)
from fieldserve.wire.tokens import TokenError

# RFC 6749, section 5.1: what carries a token is not to be kept by anybody on its way.
_NOT_STORED = {"cache-control": "no-store", "pragma": "no-cache"}


async def token(request: Request) -> Response:
    """POST /auth/o2/token."""
    request_id, started = str(uuid.uuid4()), time.perf_counter()
    fields: dict[str, str] = {}
    response = await _issue(request, request_id, fields)
    _record(request, TOKEN, request_id, fields, response, time.perf_counter() - started)
    return response


async def _issue(request: Request, request_id: str, fields: dict[str, str]) -> Response:
    """What the token endpoint answers; `fields` get the form, once it is read."""
    context: Context = request.app.state.context
    try:
        fields |= await read_fields(request)
        client_id, client_secret = _credentials(request, fields)
        answer = await issue(context, client_id, client_secret, words.read_grant(fields))
    except TokenError as refusal:
        return _refusal(refusal, request_id)
    except Exception as fault:
        told = refusal_of(fault, request_id)
        if told is None:
            return Response(status_code=400)
        says = words.TEMPORARILY_UNAVAILABLE if told.status == 503 else words.SERVER_ERROR
        return _refusal(says.error(), request_id)
    return _json(200, encode(answer), request_id)


def _record(
    request: Request,
    operation_id: str,
    request_id: str,
    body: Any,
    response: Response,
    seconds: float,
    caller: Caller | None = None,
) -> None:
    """Hand the request over to the request log, where there is one."""
    context: Context = request.app.state.context
    if context.settings.records_requests == "off":
        return
    context.recording.add(
        Exchange(
            context.clock.now(),
            request_id,
            operation_id,
            request.method,
            request.url.path,
            request.scope["query_string"],
            request.scope["headers"],
            body,
            response.status_code,
            bytes(response.body),
            seconds,
            caller.seller_id if caller else None,
            caller.application_id if caller else None,
        )
    )


def _credentials(request: Request, fields: Mapping[str, str]) -> tuple[str, str]:
    """From the Authorization header (RFC 6749, section 2.3.1) or from the body, not from both."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        for name in ("client_id", "client_secret"):
            if not fields.get(name):
                raise words.MISSING.error(name=name)
        return fields["client_id"], fields["client_secret"]
    try:
        given = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise words.INVALID_CLIENT.error() from None
    client_id, _, client_secret = (unquote_plus(part) for part in given.partition(":"))
    if fields.get("client_secret") or fields.get("client_id", client_id) != client_id:
        raise words.TWO_CREDENTIALS.error()
    if not is_storable(client_id) or not is_storable(client_secret):
        raise words.INVALID_CLIENT.error()
    return client_id, client_secret


def _refusal(refusal: TokenError, request_id: str) -> Response:
    response = _json(refusal.status, encode(refusal.fault), request_id)
    if refusal.status == 401:
        response.headers["www-authenticate"] = 'Basic realm="fieldserve", charset="UTF-8"'
    if refusal.retry_after is not None:
        response.headers["retry-after"] = str(refusal.retry_after)
    return response


def _json(status: int, content: bytes, request_id: str) -> Response:
    headers = _NOT_STORED | {"x-amzn-requestid": request_id}
    return Response(content, status, headers, media_type="application/json")


Handler = Callable[[Request, str], Awaitable[Response]]


def _as_the_api_answers(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Errors as the operations' edge says them."""

    @wraps(handler)
    async def answer(request: Request) -> Response:
        request_id, started = str(uuid.uuid4()), time.perf_counter()
        response = await _answered(handler, request, request_id)
        caller = getattr(request.state, "caller", None)
        _record(request, RESTRICTED, request_id, b"", response, time.perf_counter() - started, caller)
        return response

    return answer


async def _answered(handler: Handler, request: Request, request_id: str) -> Response:
    try:
        return await handler(request, request_id)
    except Exception as fault:
        refusal = refusal_of(fault, request_id)
        if refusal is None:
            return Response(status_code=400)
    response = _json(refusal.status, encode({"errors": refusal.faults}), request_id)
    if refusal.status == 400:
        response.headers["x-amzn-ratelimit-limit"] = str(float(CREATE_RESTRICTED_DATA_TOKEN.rate))
    return response


@_as_the_api_answers
async def restricted_data_token(request: Request, request_id: str) -> Response:
    """POST /tokens/2021-03-01/restrictedDataToken."""
    context: Context = request.app.state.context
    operation = CREATE_RESTRICTED_DATA_TOKEN
    caller = request.state.caller = await authorize(context, request.scope, request_id)
    plans = _usage_plans(request)
    if not await plans.take(caller.application_id, caller.seller_id, operation.id, operation.rate, operation.burst):
        raise errors.QUOTA_EXCEEDED.error()
    limit = context.settings.body_limit
    try:
        body = await read_body(request, limit)
    except TooLarge:
        raise errors.BODY_TOO_LARGE.error(limit=limit) from None
    if body and media_type(request) != "application/json":
        raise errors.WRONG_CONTENT_TYPE.error(f"Content-Type was {media_type(request) or 'missing'}")
    try:
        resources = read_resources(decode(body or b"{}", CreateRestrictedDataTokenRequest))
    except BodyFault as fault:
        raise missing_or_invalid([fault.fault]) from None
    answer = CreateRestrictedDataTokenResponse(
        await create_restricted_data_token(context, caller, resources), words.EXPIRES_IN
    )
    response = _json(operation.success, encode(answer), request_id)
    response.headers["x-amzn-ratelimit-limit"] = str(float(operation.rate))
    return response


def _usage_plans(request: Request) -> Plans:
    """The application's, or this route's own if it has none."""
    state = request.app.state
    if not hasattr(state, "usage_plans"):
        state.usage_plans = UsagePlans(state.context.clock)
    plans: Plans = state.usage_plans
    return plans


ROUTES = [
    Route("/auth/o2/token", token, methods=["POST"]),
    Route(CREATE_RESTRICTED_DATA_TOKEN.path, restricted_data_token, methods=["POST"]),
]

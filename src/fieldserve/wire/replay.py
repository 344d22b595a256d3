"""A recorded request once more: as curl, and as a program with this project's client.

Secrets come from the environment: ACCESS_TOKEN for curl; CLIENT_ID, CLIENT_SECRET and REFRESH_TOKEN for Python, which
fetches its token itself from TOKEN_ENDPOINT. ENDPOINT is whom to ask.
"""

import json
import shlex
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from fieldserve.wire.operations import BY_ID, Operation
from fieldserve.wire.parameters import parse_query
from fieldserve.wire.request_log import MASK, TOKEN, Replay, RequestRecord, path_values

_FORM_VARIABLES = {
    "client_id": "CLIENT_ID",
    "client_secret": "CLIENT_SECRET",
    "refresh_token": "REFRESH_TOKEN",
    "code": "AUTHORIZATION_CODE",
}


def replay(request: RequestRecord) -> Replay:
    """Both forms of a request. What was not recorded, or the client cannot send, is said in a comment."""
    return Replay("\n".join(_curl(request)) + "\n", "\n".join(_python(request)) + "\n")


def _curl(request: RequestRecord) -> Iterator[str]:
    if request.headers is None:
        yield f"# Of request {request.request_id} only the metadata was kept: query and body are missing."
    elif MASK in json.dumps([request.query, request.body], ensure_ascii=False) and request.operation_id != TOKEN:
        yield f"# {MASK} stands for a value that was not recorded, since the operation does not know its name."
    if request.body_fault is not None:
        yield f"# The body was not recorded: {request.body_fault}"
    place, target = ("TOKEN_ENDPOINT", "") if request.operation_id == TOKEN else ("ENDPOINT", _target(request))
    parts = [f'curl --silent --show-error --request {request.method} "${place}"{shlex.quote(target) if target else ""}']
    headers = request.headers or {}
    if request.operation_id != TOKEN:
        parts.append('--header "x-amz-access-token: $ACCESS_TOKEN"')
        if request.body is not None:
            parts.append(f"--header {shlex.quote('content-type: ' + headers.get('content-type', 'application/json'))}")
            parts.append(f"--data-raw {shlex.quote(json.dumps(request.body, ensure_ascii=False))}")
    else:
        parts += [_field(name, value) for name, value in (request.body or {}).items()]
    yield " \\\n    ".join(parts)


def _field(name: str, value: str) -> str:
    if name in _FORM_VARIABLES:
        return f'--data-urlencode "{name}=${_FORM_VARIABLES[name]}"'
    return f"--data-urlencode {shlex.quote(f'{name}={value}')}"


def _target(request: RequestRecord) -> str:
    return request.path + (f"?{quote(request.query, safe='=&%+,:;-._~[]/')}" if request.query else "")


_HEAD = """\
import json
import os

from fieldserve.client import Services
from fieldserve.client.exceptions import SellingApiException

api = Services(
    refresh_token=os.environ["REFRESH_TOKEN"],
    credentials={"lwa_app_id": os.environ["CLIENT_ID"], "lwa_client_secret": os.environ["CLIENT_SECRET"]},
    endpoint=os.environ["ENDPOINT"],
    token_endpoint=os.environ["TOKEN_ENDPOINT"],
    retries=0,
)
try:"""
_TAIL = """\
    print(answer.content.decode())
except SellingApiException as refused:
    print(json.dumps({"errors": refused.error}))"""


def _python(request: RequestRecord) -> Iterator[str]:
    operation = BY_ID.get(request.operation_id)
    if request.operation_id == TOKEN:
        yield from (_HEAD.removesuffix("\ntry:"), 'print(api.auth.access_token is not None and "there is a token")')
        return
    if operation is None:
        yield f"# {request.method} {request.path} is no operation of the client."
        return
    query = parse_query(request.query or "")
    for name in query.keys() - {one.name for one in operation.parameters}:
        yield f"# Not sent: the query parameter {name}, which the operation does not have."
    if operation.body is None and request.body is not None:
        yield "# Not sent: the body, which the operation does not have."
    if request.body_fault is not None:
        yield f"# The body was not recorded: {request.body_fault}"
    yield _HEAD
    yield f"    answer = api.{operation.name}("
    yield from (f"        {one}," for one in _arguments(operation, request, query))
    yield "    )"
    yield _TAIL


def _arguments(operation: Operation, request: RequestRecord, query: dict[str, list[str]]) -> Iterator[str]:
    values = path_values(operation, request.path)
    yield from (repr(values[one.name]) for one in operation.parameters if one.where == "path")
    for parameter in operation.parameters:
        if parameter.where == "query" and parameter.name in query:
            yield f"{parameter.name}={_value(parameter.kind, query[parameter.name])}"
    if operation.body is not None and request.body is not None:
        yield f"body={request.body!r}"


def _value(kind: str, given: list[str]) -> str:
    if kind == "array":
        return repr([item for text in given for item in text.split(",") if item])
    value: Any = given[0]
    return value if kind == "integer" and value.isdecimal() else repr(value)

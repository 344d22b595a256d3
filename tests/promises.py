"""What every answer of the API promises, checked on each one that a test gets from the small world.

the request id, and the rate limit exactly where it is told
JSON and its length, or no bytes at all
errors only of those that the table lists for the operation, word for word but for the values in them
"""

import json
import re
import uuid
from functools import lru_cache
from typing import Any

import httpx2

from fieldserve.wire.errors import METHOD_NOT_ALLOWED, NO_SUCH_PATH, Says
from fieldserve.wire.operations import OPERATIONS, Operation

RATE_LIMIT = "x-amzn-ratelimit-limit"
WITH_RATE_LIMIT = {200, 204, 400, 404}


async def check_answer(answer: httpx2.Response) -> None:
    """Hold an answer to the promises; a hook of the client, so that no test can forget it."""
    await answer.aread()
    operation = operation_of(answer.request.method, answer.request.url.path)
    uuid.UUID(answer.headers["x-amzn-requestid"])
    told = operation is not None and answer.status_code in WITH_RATE_LIMIT
    assert (RATE_LIMIT in answer.headers) == told, f"{answer.status_code} with {answer.headers}"
    if told:
        assert float(answer.headers[RATE_LIMIT]) > 0
    if answer.status_code == 204:
        assert answer.content == b""
        return
    assert answer.headers["content-type"] == "application/json"
    assert int(answer.headers["content-length"]) == len(answer.content)
    _check_errors(operation, answer)


def operation_of(method: str, path: str) -> Operation | None:
    """The operation that a request is for."""
    for operation in OPERATIONS:
        if operation.method == method and _pattern(re.sub(r"\{\w+\}", "{}", operation.path), "[^/]*").fullmatch(path):
            return operation
    return None


def matches(says: Says, status: int, fault: dict[str, Any]) -> bool:
    """Whether an error is that entry of the catalogue, with whatever values."""
    return (says.status, says.code) == (status, fault["code"]) and bool(
        _pattern(says.message, ".*").fullmatch(fault["message"])
    )


def faults_of(body: Any) -> list[dict[str, Any]]:
    """Every error in an answer: a bare array's, those under `errors`, and those inside the records of a success."""
    if isinstance(body, list):
        return body
    payload = body.get("payload")
    records = payload if isinstance(payload, list) else [payload]
    inside = [fault for one in records if isinstance(one, dict) for fault in one.get("errors", ())]
    return [*body.get("errors", ()), *inside]


@lru_cache
def _pattern(template: str, value: str) -> re.Pattern[str]:
    return re.compile(value.join(re.escape(part) for part in re.split(r"\{\w*\}", template)), re.DOTALL)


def _check_errors(operation: Operation | None, answer: httpx2.Response) -> None:
    body = json.loads(answer.content)
    listed = operation.errors if operation else (NO_SUCH_PATH, METHOD_NOT_ALLOWED)
    faults = faults_of(body)
    if answer.status_code >= 400:
        assert isinstance(body, list) == (operation is not None and operation.bare_errors)
        assert faults, "a refusal says why"
    for fault in faults:
        assert fault.keys() <= {"code", "message", "details"}
        assert any(matches(says, answer.status_code, fault) for says in listed), (
            f"{operation and operation.id} answers what it does not list: {answer.status_code} {fault}"
        )

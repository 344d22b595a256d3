"""The static sandbox in front of the API: `sandbox = "static"`."""

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from fieldserve.app import create_app, opened
from fieldserve.config import Settings
from fieldserve.sandbox import static
from fieldserve.wire.operations import BY_ID

TOKEN = {"x-amz-access-token": "anything"}
CASES = [(operation_id, case) for operation_id, cases in static.cases().items() for case in cases]


@pytest.fixture(scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx2.AsyncClient]:
    """The whole server with the static sandbox on."""
    folder = tmp_path_factory.mktemp("static")
    async with opened(Settings(data=folder, sandbox="static")) as context:
        transport = httpx2.ASGITransport(app=create_app(context))
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield client


async def replay(client: httpx2.AsyncClient, operation_id: str, parameters: dict[str, Any]) -> httpx2.Response:
    """A case's parameters as the request that they describe; what it leaves out gets a value of no case."""
    operation = BY_ID[operation_id]
    path, query = operation.path, {}
    for parameter in operation.parameters:
        if parameter.where == "path":
            value = parameters.get(parameter.name, "left-out")
            path = path.replace("{" + parameter.name + "}", quote(value, safe=""))
        elif parameter.name in parameters:
            query[parameter.name] = parameters[parameter.name]
    body = parameters.get("body")
    content = None if body is None else json.dumps(body).encode()
    headers = TOKEN if body is None else TOKEN | {"content-type": "application/json"}
    return await client.request(operation.method, path, params=query, content=content, headers=headers)


def test_count() -> None:
    """All published cases are there."""
    assert len(CASES) == 147


@pytest.mark.parametrize(("operation_id", "case"), CASES, ids=[f"{one}-{at}" for at, (one, _) in enumerate(CASES)])
async def test_case(client: httpx2.AsyncClient, operation_id: str, case: Any) -> None:
    """Each published case answers over HTTP with its own status and body."""
    answer = await replay(client, operation_id, dict(case.parameters))
    assert (answer.status_code, answer.content or None) == (case.answer.status, case.answer.body)
    assert answer.headers["x-amzn-requestid"]


async def test_no_token(client: httpx2.AsyncClient) -> None:
    """Any token will do, but there must be one."""
    answer = await client.get("/service/v1/serviceJobs/x")
    assert answer.status_code == 403


async def test_no_match(client: httpx2.AsyncClient) -> None:
    """What no case describes is a 400."""
    answer = await client.put("/service/v1/serviceJobs/who/completions", headers=TOKEN)
    assert answer.status_code == 400
    assert answer.json() == {"errors": [{"code": "InvalidInput", "message": "Could not match input arguments"}]}

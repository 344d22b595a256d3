"""POST /tokens/2021-03-01/restrictedDataToken."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from fieldserve.operations.run import Context
from fieldserve.operations.tokens import authenticate, issue
from fieldserve.store.engine import Database
from fieldserve.wire.tokens import RefreshGrant
from tests.access import NOW, SECOND, SetClock, an_application, authorized, client, opened

PATH = "/tokens/2021-03-01/restrictedDataToken"
JOB = {"method": "GET", "path": "/service/v1/serviceJobs/{serviceJobId}"}


@pytest.fixture
def database_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """SQLite only: the statements run on both databases in tests/store, and whole flows in test_secrets.py."""
    return f"sqlite:///{shutil.copyfile(migrated_sqlite, tmp_path / 'fieldserve.db')}"


@pytest.fixture
async def context(database: Database) -> AsyncIterator[Context]:
    async with opened(database, SetClock()) as context:
        yield context


@pytest.fixture
async def http(context: Context) -> AsyncIterator[httpx2.AsyncClient]:
    async with client(context) as http:
        yield http


@pytest.fixture
async def token(context: Context) -> str:
    application = await an_application(context)
    grant = RefreshGrant((await authorized(context, application)).refresh_token)
    return (await issue(context, application.application.client_id, application.client_secret, grant)).access_token


async def post(http: httpx2.AsyncClient, token: str, *resources: Any) -> httpx2.Response:
    body = {"restrictedResources": list(resources)}
    return await http.post(PATH, json=body, headers={"x-amz-access-token": token})


class TestCreateRestrictedDataToken:
    async def test_anonymous(self, http: httpx2.AsyncClient) -> None:
        """Without a token nobody gets one."""
        answer = await http.post(PATH, json={"restrictedResources": [JOB]})
        assert answer.status_code == 403
        assert answer.json()["errors"][0]["code"] == "Unauthorized"
        assert "x-amzn-ratelimit-limit" not in answer.headers

    async def test_success(self, http: httpx2.AsyncClient, context: Context, token: str) -> None:
        """The answer's token stands for the same authorization, for the resources named, for an hour."""
        answer = await post(http, token, JOB | {"dataElements": ["shippingAddress"]})
        assert answer.status_code == 200
        body = answer.json()
        assert body.keys() == {"restrictedDataToken", "expiresIn"}
        assert body["expiresIn"] == 3600
        assert body["restrictedDataToken"].startswith("Atz.sprdt|")
        assert answer.headers["x-amzn-ratelimit-limit"] == "1.0"
        assert answer.headers["x-amzn-requestid"]
        assert answer.headers["cache-control"] == "no-store"
        access = await authenticate(context, body["restrictedDataToken"], NOW)
        assert access is not None
        assert access.grants == [["GET", JOB["path"]]]
        assert access.expires_at == NOW + 3600 * SECOND

    async def test_not_with_its_own_kind(self, http: httpx2.AsyncClient, token: str) -> None:
        """A restricted token does not beget others."""
        restricted = (await post(http, token, JOB)).json()["restrictedDataToken"]
        assert (await post(http, restricted, JOB)).status_code == 403

    async def test_invalid(self, http: httpx2.AsyncClient, token: str) -> None:
        """Faults are answered as the API answers them."""
        answer = await post(http, token, {"method": "GET", "path": "/orders/v0/orders"}, {"method": "GET"})
        assert answer.status_code == 400
        (fault,) = answer.json()["errors"]
        assert fault["code"] == "InvalidInput"
        names = "restrictedResources[0].path, restrictedResources[1].path"
        assert fault["message"] == f"Missing or invalid request parameters: [{names}]"

    @pytest.mark.parametrize(
        ("body", "kind", "status"),
        [
            (b"", "application/json", 400),
            (b"{", "application/json", 400),
            (b'{"restrictedResources": "x"}', "application/json", 400),
            (b"a=1", "application/x-www-form-urlencoded", 415),
            (b" " * 1_048_577, "application/json", 413),
        ],
    )
    async def test_bodies(self, http: httpx2.AsyncClient, token: str, body: bytes, kind: str, status: int) -> None:
        """Bodies that cannot be read, of another type, or too large, are refused as everywhere."""
        headers = {"x-amz-access-token": token, "content-type": kind}
        answer = await http.post(PATH, content=body, headers=headers)
        assert answer.status_code == status
        assert ("x-amzn-ratelimit-limit" in answer.headers) == (status == 400)

    async def test_usage_plan(self, http: httpx2.AsyncClient, token: str) -> None:
        """Ten at once, then one a second."""
        statuses = [(await post(http, token, JOB)).status_code for _ in range(11)]
        assert statuses == [200] * 10 + [429]

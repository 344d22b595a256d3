"""A recorded request is sent again as curl and as Python, and the server answers what it answered."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.official.running import ASIN, STORE, US, RunningServer, running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A dynamic sandbox, which records by itself."""
    with running(tmp_path_factory.mktemp("replay") / "data", "--sandbox", "dynamic") as server:
        yield server


@pytest.fixture(scope="module")
def token(server: RunningServer) -> str:
    """An access token, got as everybody gets one."""
    form = {
        "grant_type": "refresh_token",
        "client_id": server.client_id,
        "client_secret": server.client_secret,
        "refresh_token": server.refresh_token,
    }
    answer = httpx2.post(f"{server.base}/auth/o2/token", data=form)
    access_token: str = answer.json()["access_token"]
    return access_token


def replay(server: RunningServer, request_id: str) -> dict[str, str]:
    """Both forms of a request, as soon as it is in the log."""
    url = f"{server.base}/operator/v1/requests/{request_id}/replay"
    until = time.monotonic() + 10
    while (answer := server.operator.get(url)).status_code != 200:
        assert time.monotonic() < until, answer.text
        time.sleep(0.1)
    both: dict[str, str] = answer.json()
    return both


def run(server: RunningServer, token: str, *command: str) -> Any:
    """What the command prints, as JSON, with the secrets in its environment."""
    secrets = {
        "ENDPOINT": server.base,
        "TOKEN_ENDPOINT": f"{server.base}/auth/o2/token",
        "ACCESS_TOKEN": token,
        "CLIENT_ID": server.client_id,
        "CLIENT_SECRET": server.client_secret,
        "REFRESH_TOKEN": server.refresh_token,
    }
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | secrets, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


JOB_TITLES = {"marketplaceIds": US, "createdAfter": "2020-01-01T00:00:00Z", "pageSize": "5"}
SLOT = {"asin": ASIN, "storeId": STORE, "marketplaceIds": US}
WINDOW = {"startDateTime": "2030-01-01T00:00:00Z", "endDateTime": "2030-01-02T00:00:00Z"}
CAPACITY = f"/service/v1/serviceResources/{STORE}/capacity/range"


@pytest.mark.parametrize(
    ("method", "path", "query", "body"),
    [
        ("GET", "/service/v1/serviceJobs/none", None, None),
        ("GET", "/service/v1/serviceJobs", JOB_TITLES, None),
        ("GET", "/service/v1/appointmentSlots", SLOT | {"startTime": "2030-01-01T00:00:00Z"}, None),
        ("POST", CAPACITY, {"marketplaceIds": US}, WINDOW | {"capacityTypes": ["SCHEDULED_CAPACITY"]}),
        ("POST", "/service/v1/serviceJobs/it's/appointments", None, {"appointmentTime": {"startTime": "never"}}),
    ],
    ids=["not-found", "listing", "refused", "capacity", "quoted"],
)
def test_replay(
    server: RunningServer, token: str, method: str, path: str, query: dict[str, str] | None, body: Any
) -> None:
    """Both forms get the answer that the request got, be it a refusal."""
    headers = {"x-amz-access-token": token}
    first = httpx2.request(method, f"{server.base}{path}", params=query, json=body, headers=headers)
    both = replay(server, first.headers["x-amzn-requestid"])
    assert token not in both["curl"] + both["python"]
    assert run(server, token, "bash", "-c", both["curl"]) == first.json()
    assert run(server, token, sys.executable, "-c", both["python"]) == first.json()


def test_a_token_again(server: RunningServer, token: str) -> None:
    """The token endpoint's request comes with every secret left to the environment, and is answered with a token."""
    listed = server.operate("GET", "requests?operationId=token&status=200")["requests"]
    both = replay(server, listed[0]["requestId"])
    assert server.client_secret not in json.dumps([listed, both])
    assert run(server, token, "bash", "-c", both["curl"])["access_token"].startswith("Atza|")

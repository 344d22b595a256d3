"""What the client's tests share: both kinds of client, and an environment that says nothing."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from fieldserve.client import AsyncServices, Services
from tests.official.running import RunningServer, running


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """No credentials, endpoints or marketplaces of the person who runs the tests."""
    for name in list(os.environ):
        if name.startswith(("SP_API_", "LWA_", "AWS_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture(params=[Services, AsyncServices])
def kind(request: pytest.FixtureRequest) -> Any:
    """The client for threads, and the one for asyncio."""
    return request.param


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server of its own process, reached through a socket."""
    with running(tmp_path_factory.mktemp("client") / "data") as server:
        yield server


def options(server: RunningServer) -> dict[str, Any]:
    """What a client of the server is made with."""
    return {
        "credentials": {
            "lwa_app_id": server.client_id,
            "lwa_client_secret": server.client_secret,
            "refresh_token": server.refresh_token,
        },
        "endpoint": server.base,
        "token_endpoint": f"{server.base}/auth/o2/token",
    }

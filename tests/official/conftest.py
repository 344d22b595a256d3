"""Servers that real clients call: one strict, as by default, and one tolerant."""

from collections.abc import Iterator

import pytest

from tests.official.running import RunningServer, running


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with its defaults."""
    with running(tmp_path_factory.mktemp("strict") / "data") as server:
        yield server


@pytest.fixture(scope="session")
def tolerant_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that reads what well-known clients misplace as it was meant."""
    with running(tmp_path_factory.mktemp("tolerant") / "data", "--compat", "tolerant") as server:
        yield server

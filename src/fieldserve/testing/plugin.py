"""The pytest plugin. pytest loads it wherever fieldserve is installed, so it imports nothing until a test asks."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fieldserve.testing.case import Pool
    from fieldserve.testing.running import ServicesApi

_MARKER = (
    "services_api(scenario='small', seed=7, socket=False, published_limits=False): what the fixture services_api begins"
    " with; a scenario is a file, relative to the root of the tests"
)
_NEEDS_SERVER = "the fixture services_api needs the server: pip install 'fieldserve[server]'"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Settings for all tests, which the marker overrides."""
    parser.addini(
        "services_api_scenario", "what the fixture services_api begins with: `small`, or a file", default="small"
    )
    parser.addini("services_api_seed", "what its ids and faults are drawn from", default="7")
    parser.addini("services_api_socket", "whether it listens on a port", type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture(scope="session")
def _services_apis() -> Iterator["Pool"]:
    try:
        from fieldserve.testing.case import Pool
    except ImportError as fault:
        pytest.fail(f"{_NEEDS_SERVER} ({fault})", pytrace=False)
    pool = Pool()
    yield pool
    pool.close()


@pytest.fixture
def services_api(request: pytest.FixtureRequest, _services_apis: "Pool") -> "ServicesApi":
    """A Services API of the test's own: a client, a clock, faults, snapshots, and what was sent."""
    from fieldserve.testing.running import Options

    config = request.config
    given = {
        "scenario": config.getini("services_api_scenario"),
        "seed": int(config.getini("services_api_seed")),
        "socket": config.getini("services_api_socket"),
    }
    for marker in reversed(list(request.node.iter_markers("services_api"))):
        given |= marker.kwargs
    if given["scenario"] != "small":
        given["scenario"] = str(config.rootpath / given["scenario"])
    return _services_apis.fresh(Options(**given))


@pytest.fixture
def services_api_environment(services_api: "ServicesApi", monkeypatch: pytest.MonkeyPatch) -> None:
    """Environment variables by which clients that are made without arguments call `services_api`; it needs a socket."""
    for name, value in services_api.environment.items():
        monkeypatch.setenv(name, value)

"""The locks: complete, hashed, consistent with one another, and silent about where packages come from."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))


def pinned(lock: str) -> dict[str, set[str]]:
    """The versions of each package in a lock; there are several where they depend on the Python version."""
    versions: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "requirements" / lock).read_text(), re.M):
        versions.setdefault(name, set()).add(version)
    return versions


def wanted(*requirements: object) -> set[str]:
    """The bare names in a list of requirements, without extras and versions."""
    return {re.split(r"[^A-Za-z0-9-]", item)[0].lower() for item in requirements if isinstance(item, str)}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_requirement_is_hashed_and_has_no_address(lock: Path) -> None:
    """A lock has pins and SHA-256 hashes and nothing else: no index, link, path or comment."""
    for line in lock.read_text().splitlines():
        assert re.fullmatch(r"[a-z0-9-]+==[^\s/:]+( ; [^/:]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?", line)


@pytest.mark.parametrize("smaller", ["server.lock", "build.lock"])
def test_one_environment_grows_into_the_other(smaller: str) -> None:
    """The smaller locks pin the same versions as the lock of everything."""
    everything = pinned("dev.lock")
    assert {name: everything.get(name) for name in pinned(smaller)} == pinned(smaller)


def test_the_locks_hold_what_the_project_asks_for() -> None:
    """A dependency added to pyproject.toml without `make lock` is noticed here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    runtime = wanted(*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["server"])
    groups = project["dependency-groups"]
    assert runtime <= pinned("server.lock").keys()
    assert wanted(*groups["build"]) <= pinned("build.lock").keys()
    assert runtime | wanted(*groups["dev"]) <= pinned("dev.lock").keys()

"""One demo world for all tests that look at one: it takes seconds to make. Made as `fieldserve demo` makes it."""

import os
import shutil
from datetime import date
from pathlib import Path

import pytest
from filelock import FileLock

from fieldserve.cli import demo
from fieldserve.config import Settings

# Clocks change in the Americas within its past, and in Europe within its future.
DAY = date(2025, 3, 20)


def make(folder: Path) -> Settings:
    """Make the world in the folder."""
    settings = Settings(data=folder, sandbox="dynamic")
    demo.make(settings, DAY)
    return settings


def copy(factory: pytest.TempPathFactory) -> Settings:
    """A copy of the world, which is made once for all workers."""
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    made, done = shared / "demo-world", shared / "demo-world.done"
    with FileLock(shared / "demo-world.lock"):
        if not done.exists():
            shutil.rmtree(made, ignore_errors=True)
            make(made)
            done.touch()
    folder = factory.mktemp("demo") / "world"
    shutil.copytree(made, folder)
    return Settings(data=folder, sandbox="dynamic")

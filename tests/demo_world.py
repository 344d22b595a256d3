"""One demo world for all tests that look at one: it takes seconds to make. Made as `fieldserve demo` makes it."""

from datetime import date
from pathlib import Path

from fieldserve.cli import demo
from fieldserve.config import Settings

# Clocks change in the Americas within its past, and in Europe within its future.
DAY = date(2025, 3, 20)


def make(folder: Path) -> Settings:
    """Make the world in the folder."""
    settings = Settings(data=folder, sandbox="dynamic")
    demo.make(settings, DAY)
    return settings

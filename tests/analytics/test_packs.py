"""Months that are over, in one file each: the same rows, and only as long as they are those of the days."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from fieldserve.analytics import packs
from fieldserve.analytics.engines import open_facts
from fieldserve.analytics.facts import FACTS, TABLES
from fieldserve.analytics.home import Home, read_manifest
from fieldserve.analytics.local import to_day
from tests.analytics.comparing import difference, rows_of
from tests.analytics.log import build, lively

MARCH, APRIL = "2026-03", "2026-04"
LATE = int(datetime(2026, 5, 8, tzinfo=UTC).timestamp()) * 1_000_000


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """The facts of weeks from March on; it is May, and April is settled."""
    home = build(tmp_path, lively(jobs=60))
    home.commit(home.manifest.watermark, LATE)
    return home


def read_from(home: Home, name: str) -> list[str]:
    """What an engine reads a table from, below the folder."""
    found = packs.paths(home.folder, home.manifest.tables[name])
    return [one.relative_to(home.folder).as_posix() for one in found]


def all_rows(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    facts = open_facts(folder)
    found = {name: rows_of(facts[name]) for name in TABLES}
    facts.close()
    return found


def test_the_same_rows(home: Home) -> None:
    """Packs are read instead of the days, in which nothing is missing and nothing twice."""
    before = all_rows(home.folder)
    assert packs.pack(home.folder) > 0
    assert packs.pack(home.folder) == 0
    after = all_rows(home.folder)
    for name in TABLES:
        assert difference(before[name], after[name]) is None, name
    for table in FACTS:
        read = read_from(home, table.name)
        days = home.manifest.tables[table.name]
        assert {path.split("/")[0] for path in read} >= {"_packs"}, table.name
        assert [one for one in read if "day=2026-03" in one and not one.startswith("_packs")] == []
        assert sum(one.rows for one in days) == len(after[table.name])


def test_not_before_it_is_over(home: Home) -> None:
    """April is left to its days until a week of May has gone."""
    home.commit(home.manifest.watermark, LATE - 86_400_000_000)
    packs.pack(home.folder)
    read = read_from(home, "capacity_facts")
    assert [one for one in read if one.startswith(f"_packs/capacity_facts/{MARCH}-")]
    assert not [one for one in read if one.startswith(f"_packs/capacity_facts/{APRIL}-")]
    assert [one for one in read if f"day={APRIL}" in one]


def test_told_late(home: Home) -> None:
    """A day that changes leaves its pack aside; the next run packs it anew, and the one after deletes the old file."""
    packs.pack(home.folder)
    (old,) = [one for one in read_from(home, "appointment_facts") if MARCH in one]
    day = to_day(datetime(2026, 3, 10, tzinfo=UTC).date())
    rows = home.read("appointment_facts", day)
    assert rows.num_rows
    home.replace("appointment_facts", day, rows.slice(1))
    home.commit(home.manifest.watermark, LATE)
    left = all_rows(home.folder)["appointment_facts"]
    assert old not in read_from(home, "appointment_facts")
    assert packs.pack(home.folder) == 1
    (new,) = [one for one in read_from(home, "appointment_facts") if MARCH in one]
    assert new.startswith("_packs/")
    assert new != old
    assert difference(left, all_rows(home.folder)["appointment_facts"]) is None
    assert (home.folder / old).exists(), "somebody may still be reading it"
    packs.pack(home.folder)
    assert not (home.folder / old).exists()
    assert (home.folder / new).exists()


def test_what_a_crash_left(home: Home) -> None:
    """A file that was never finished is gone after the next run."""
    packs.pack(home.folder)
    unfinished = home.folder / packs.FOLDER / "appointment_facts" / f"{MARCH}-0123456789abcdef.new"
    unfinished.write_bytes(b"PAR1")
    packs.pack(home.folder)
    assert not unfinished.exists()


def test_nothing_to_pack(tmp_path: Path) -> None:
    """A folder without facts has no packs."""
    assert packs.pack(tmp_path) == 0
    assert read_manifest(tmp_path) is None

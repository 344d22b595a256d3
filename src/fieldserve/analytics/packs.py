"""Packs: the days of a month that is over, together in one file, for engines that read years at once.

    facts/_packs/appointment_facts/2026-03-9f2c….parquet

Files of a day are what changes and what is published; but to open a thousand of them takes DuckDB longer than to read
what is in them. A pack's name holds the sum of the sums of the days that it is made of. So it counts exactly as long as
the manifest names those days, and there is nothing to keep in step: who changes one of them leaves the pack aside, and
the next run writes another.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from fieldserve.analytics.facts import TABLES
from fieldserve.analytics.home import File, read_manifest, schema
from fieldserve.analytics.local import to_date
from fieldserve.domain.intervals import DAY

FOLDER = "_packs"
_STALE = "stale.json"
_SETTLED = 7
"""So many days after its end a month is packed: most of what is told late has been told by then."""
_ROWS = 122_880
"""Rows of a group: as many as a core of DuckDB takes at a time."""


def paths(folder: Path, files: Sequence[File]) -> list[Path]:
    """What to read instead of a table's files: packs where they are there, else the files themselves."""
    return [path for month in _months(folder, files) for path in month.paths()]


def pack(folder: Path) -> int:
    """Pack each month that is over and is not packed as it is now; answers how many files were written.

    Nobody else may be changing the facts meanwhile (`home.held`). What no longer counts is deleted by the next run but
    one, for those who are still reading."""
    manifest = read_manifest(folder)
    if manifest is None or manifest.as_of is None:
        return 0
    running = f"{to_date(manifest.as_of // DAY - _SETTLED):%Y-%m}"
    months = [month for files in manifest.tables.values() for month in _months(folder, files)]
    missing = [one for one in months if one.name < running and one.is_worth_it and not one.pack.exists()]
    for month in missing:
        _write(month)
    _sweep(folder, {one.pack for one in months})
    return len(missing)


class _Month:
    """A table's files of one month, `name` as in 2026-03; of a table without days its only file."""

    def __init__(self, folder: Path, table: str, name: str, files: Sequence[File]):
        self.table = table
        self.name = name
        self.files = [folder / one.path for one in files]
        digest = hashlib.sha256("".join(one.sha256 for one in files).encode()).hexdigest()
        self.pack = folder / FOLDER / table / f"{name}-{digest[:16]}.parquet"

    @property
    def is_worth_it(self) -> bool:
        return bool(self.name) and len(self.files) > 1

    def paths(self) -> list[Path]:
        return [self.pack] if self.is_worth_it and self.pack.exists() else self.files


def _months(folder: Path, files: Sequence[File]) -> Iterator[_Month]:
    by_month: dict[str, list[File]] = defaultdict(list)
    for one in files:
        by_month[(one.day or "")[:7]].append(one)
    for name, some in sorted(by_month.items()):
        yield _Month(folder, Path(some[0].path).parts[0], name, some)


def _write(month: _Month) -> None:
    """Day after day, so that no more than some are in memory."""
    month.pack.parent.mkdir(parents=True, exist_ok=True)
    unfinished = month.pack.with_suffix(".new")
    with pq.ParquetWriter(unfinished, schema(TABLES[month.table]), compression="zstd") as writer:
        held: list[pa.Table] = []
        for number, path in enumerate(month.files, 1):
            with pq.ParquetFile(path) as opened:
                held.append(opened.read(use_threads=False))
            if sum(one.num_rows for one in held) >= _ROWS or number == len(month.files):
                writer.write_table(pa.concat_tables(held).combine_chunks(), row_group_size=_ROWS)
                held = []
    unfinished.replace(month.pack)


def _sweep(folder: Path, counts: set[Path]) -> None:
    """Delete what did not count at the run before this one either, and what a crash left."""
    packs = folder / FOLDER
    there = {one for one in packs.rglob("*.*") if one.parent != packs} if packs.exists() else set()
    if not there:
        return
    noted = packs / _STALE
    before = set(msgspec.json.decode(noted.read_bytes(), type=list[str])) if noted.exists() else set()
    stale = {one.relative_to(packs).as_posix() for one in there - counts}
    for one in stale:
        if one in before or one.endswith(".new"):
            (packs / one).unlink(missing_ok=True)
    if stale - before != before:
        noted.write_bytes(msgspec.json.encode(sorted(stale - before)))

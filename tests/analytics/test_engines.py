"""DuckDB, PostgreSQL and Apache Spark say the same: of every table, and of every metric that is registered."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from fieldserve.analytics.engines import Facts, NoFacts, open_facts
from fieldserve.analytics.facts import TABLES
from fieldserve.analytics.metrics import METRICS, Filters, Groups, Metric, together
from tests.analytics.comparing import difference, rows_of
from tests.analytics.log import Log, build, lively

SINCE, UNTIL = date(2026, 3, 2), date(2026, 5, 4)


@pytest.mark.timeout(300)  # Spark's Java takes its time to start on a busy machine
class TestEveryEngine:
    @pytest.fixture(params=[pytest.param("postgresql", marks=pytest.mark.postgres), "spark"])
    def other(self, request: pytest.FixtureRequest) -> Facts:
        """The engine that is held against DuckDB."""
        facts: Facts = request.getfixturevalue("postgres_facts" if request.param == "postgresql" else "spark_facts")
        return facts

    @pytest.mark.parametrize("name", list(TABLES))
    def test_tables(self, duckdb_facts: Facts, other: Facts, name: str) -> None:
        """Each table has the same rows, and columns of the same types."""
        mine, others = duckdb_facts[name], other[name]
        assert difference(rows_of(mine), rows_of(others)) is None
        assert rows_of(mine), f"nothing is compared: {name} is empty"
        types = [
            {column: str(type_).replace("timestamp(6)", "timestamp") for column, type_ in one.schema().items()}
            for one in (mine, others)
        ]
        assert types[0] == types[1]

    def test_metrics(self, duckdb_facts: Facts, other: Facts) -> None:
        """Each metric has the same numerator and denominator in each group, worked out as reports do it."""
        filters = Filters(SINCE, UNTIL, duckdb_facts.as_of)
        passes: dict[tuple[Any, Groups], list[Metric]] = {}
        for metric in METRICS.values():
            for group_by in {metric.always_by, (*metric.always_by, *metric.grain)}:
                keys = tuple(dict.fromkeys(group_by))
                passes.setdefault((metric.rows, keys), []).append(metric)
        compared = set()
        for (_, keys), metrics in passes.items():
            mine = rows_of(together(metrics, duckdb_facts, filters, keys))
            assert difference(mine, rows_of(together(metrics, other, filters, keys))) is None, f"{metrics} by {keys}"
            assert mine, f"nothing is compared: {keys}"
            compared |= {one.name for one in metrics}
        assert compared == set(METRICS) != set()

    def test_sums(self, duckdb_facts: Facts, other: Facts) -> None:
        """Sums of amounts are exact to the last digit."""
        sums = [
            rows_of(facts["payment_facts"].group_by("currency").agg(amount=facts["payment_facts"].amount.sum()))
            for facts in (duckdb_facts, other)
        ]
        assert difference(*sums) is None
        assert len(sums[0]) == 2


@pytest.mark.postgres
def test_only_what_changed_is_loaded(tmp_path: Path, postgres_database: str) -> None:
    """PostgreSQL takes on what a refresh changed, and has the same rows as DuckDB afterwards."""
    entries = lively(2, jobs=30)
    build(tmp_path, entries[: len(entries) // 2])
    open_facts(tmp_path, postgres_database).close()
    build(tmp_path, entries)
    mine, others = open_facts(tmp_path), open_facts(tmp_path, postgres_database)
    for name in TABLES:
        assert difference(rows_of(mine[name]), rows_of(others[name])) is None, name
    mine.close()
    others.close()


def test_empty_tables_have_columns(tmp_path: Path) -> None:
    """A table without a row has its columns, so that a report of nothing is a report."""
    log = Log()
    log.store()
    build(tmp_path, log.entries)
    facts = open_facts(tmp_path)
    assert facts["payment_facts"].count().execute() == 0
    assert tuple(facts["payment_facts"].columns) == TABLES["payment_facts"].names
    assert facts.as_of == datetime(2026, 3, 2, 8, tzinfo=UTC).replace(tzinfo=None)
    facts.close()


class TestRefusals:
    def test_no_facts(self, tmp_path: Path) -> None:
        """A folder without facts is told with what makes them."""
        with pytest.raises(NoFacts, match="fieldserve export"):
            open_facts(tmp_path)

    def test_another_engine(self, lively_folder: Path) -> None:
        """What is no engine is refused with those that are."""
        with pytest.raises(ValueError, match="duckdb, postgresql://"):
            open_facts(lively_folder, "sqlite://")

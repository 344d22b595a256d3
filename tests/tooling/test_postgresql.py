"""The databases that the tests are given."""

import asyncpg
import pytest

pytestmark = pytest.mark.postgres


class TestPostgresDatabase:
    """Each test's own, empty PostgreSQL database."""

    @pytest.mark.parametrize("turn", [1, 2])
    async def test_is_new_for_every_test(self, postgres_database: str, turn: int) -> None:
        """A table made by one test does not exist in the next."""
        connection = await asyncpg.connect(postgres_database)
        try:
            await connection.execute("CREATE TABLE marks (turn integer)")
            await connection.execute("INSERT INTO marks VALUES ($1)", turn)
            assert await connection.fetchval("SELECT turn FROM marks") == turn
        finally:
            await connection.close()

    async def test_can_exclude_overlaps(self, postgres_database: str) -> None:
        """The extension that EXCLUDE constraints over scalar columns need is there."""
        connection = await asyncpg.connect(postgres_database)
        try:
            await connection.execute("CREATE EXTENSION btree_gist")
            await connection.execute(
                "CREATE TABLE visits (technician text, during int8range,"
                " EXCLUDE USING gist (technician WITH =, during WITH &&))"
            )
            await connection.execute("INSERT INTO visits VALUES ('t1', '[10,20)'), ('t1', '[20,30)')")
            with pytest.raises(asyncpg.ExclusionViolationError):
                await connection.execute("INSERT INTO visits VALUES ('t1', '[19,21)')")
        finally:
            await connection.close()

    async def test_does_not_wait_for_the_disk(self, postgres_database: str) -> None:
        """fsync is off, since no test's data has to outlive it."""
        connection = await asyncpg.connect(postgres_database)
        try:
            assert await connection.fetchval("SHOW fsync") == "off"
        finally:
            await connection.close()

"""Bring a database to the schema of this version.

One history for both databases, kept by Alembic under `migrations/versions`. Alembic writes the statements (its offline
mode) and our own drivers run them, in one transaction under a lock, so that processes that start together migrate once
and no second SQLite library ever opens the file. Alembic itself is imported only when there is something to do.
"""

import asyncio
import re
from pathlib import Path

from fieldserve.store.engine import Connection, Database, Dialect

_HISTORY = Path(__file__).with_name("migrations")
_LOCK_NUMBER = 7_201_936  # any number that nobody else locks


def head() -> str:
    """The newest revision of this version; file names start with their revision."""
    return max(path.name.split("_")[0] for path in (_HISTORY / "versions").glob("[0-9]*.py"))


async def current(connection: Connection) -> str | None:
    """The revision that the database is at; None if it is empty."""
    table = {
        "sqlite": "SELECT name FROM sqlite_master WHERE name = 'alembic_version'",
        "postgresql": "SELECT 1 FROM pg_tables WHERE tablename = 'alembic_version' AND schemaname = current_schema()",
    }
    if await connection.fetch_one(table[connection.dialect]) is None:
        return None
    row = await connection.fetch_one("SELECT version_num FROM alembic_version")
    return None if row is None else str(row[0])


async def upgrade(database: Database) -> tuple[str | None, str]:
    """Migrate to `head()`; answers the revisions before and after.

    Does nothing where the database is there, or further: a newer version has migrated it while processes of this one
    serve, and what it added does not concern them."""
    before = await database.read(current)
    if before is not None and before >= head():
        return before, before

    # Before the lock is taken: Alembic takes a while to load, and whoever writes meanwhile need not wait for that.
    script = await asyncio.to_thread(statements, database.dialect, before)

    async def run(connection: Connection) -> str | None:
        if connection.dialect == "postgresql":
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK_NUMBER)
        start = await current(connection)  # again, now under the lock
        if start is None or start < head():
            await connection.run_script(script if start == before else statements(connection.dialect, start))
        return start

    return await database.write(run), head()


def statements(dialect: Dialect, start: str | None) -> str:
    """The SQL that leads from a revision (None: an empty database) to the newest."""
    from io import StringIO

    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(_HISTORY))
    buffer = StringIO()
    with EnvironmentContext(
        Config(),
        script,
        fn=lambda revision, _: script._upgrade_revs("head", revision),
        as_sql=True,
        starting_rev=start,
        destination_rev="head",
    ) as environment:
        environment.configure(dialect_name=dialect, output_buffer=buffer)
        environment.run_migrations()
    return re.sub(r"^--.*$", "", buffer.getvalue(), flags=re.MULTILINE)

"""Migrated, empty PostgreSQL databases to borrow.

A copy of a database costs a tenth of a second and more, since it is a thousand files. So a database that was used is
emptied, which costs a few milliseconds, and lent to the next test; unless its schema is no longer the one it had.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import asyncpg

from tests import postgresql

_LARGE = 256 * 1024
"""Bytes of a table from which what was deleted from it is given back as well."""

# Whoever a test left connected, with a transaction or without, goes first: nobody would wait for their locks.
_ALONE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""

_SCHEMA = """
SELECT concat_ws(' ',
    (SELECT md5(string_agg(concat_ws(' ', attrelid, attname, atttypid, attnotnull), ',' ORDER BY attrelid, attnum))
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = 'public'::regnamespace AND NOT attisdropped),
    (SELECT count(*) FROM pg_constraint WHERE connamespace = 'public'::regnamespace),
    (SELECT count(*) FROM pg_trigger),
    (SELECT count(*) FROM pg_db_role_setting),
    (SELECT version_num FROM alembic_version))
"""

# Without foreign keys meanwhile, so that any order will do.
_EMPTY = f"""
DO $$
DECLARE
    one regclass;
    sequence record;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR one IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' LOOP
        EXECUTE format('DELETE FROM %s', one);
        IF pg_relation_size(one) > {_LARGE} THEN
            EXECUTE format('TRUNCATE %s CASCADE', one);
        END IF;
    END LOOP;
    FOR sequence IN SELECT * FROM pg_sequences WHERE schemaname = 'public' LOOP
        PERFORM setval(format('public.%I', sequence.sequencename)::regclass, sequence.start_value, false);
    END LOOP;
END $$
"""


class Databases:
    """Those of one worker. `create` makes a database, the copy of another by name; `migrated` is the URL of one."""

    def __init__(self, create: Callable[[str | None], str], migrated: str):
        self._create = create
        self._migrated = migrated
        self._free: list[str] = []
        self._schema, self._rows = postgresql.connected(migrated, _as_it_is)

    @contextmanager
    def one(self) -> Iterator[str]:
        """The URL of a migrated, empty database; nobody else has it meanwhile."""
        url = self._free.pop() if self._free else self._create(name_of(self._migrated))
        yield url
        if postgresql.connected(url, self._empty):
            self._free.append(url)
        else:
            server = self._migrated.replace(f"/{name_of(self._migrated)}?", "/postgres?")
            postgresql.run(server, f'DROP DATABASE "{name_of(url)}" WITH (FORCE)')

    async def _empty(self, connection: asyncpg.Connection) -> bool:
        """Make it as it was; whether that could be done."""
        await connection.execute(_ALONE)
        if await connection.fetchval(_SCHEMA) != self._schema:
            return False
        await connection.execute(_EMPTY)
        for name, rows in self._rows.items():
            filled = f'INSERT INTO "{name}" SELECT * FROM json_populate_recordset(NULL::"{name}", $1::json)'
            await connection.execute(filled, rows)
        return True


async def _as_it_is(connection: asyncpg.Connection) -> tuple[str, dict[str, str]]:
    """The schema, and what migrations put into tables, as JSON."""
    rows = {}
    for (name,) in await connection.fetch(_TABLES):
        if found := await connection.fetchval(f'SELECT json_agg(t) FROM "{name}" t'):
            rows[name] = found
    return await connection.fetchval(_SCHEMA), rows


_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"


def name_of(url: str) -> str:
    """The database's name in a URL."""
    return url.partition("?")[0].rpartition("/")[2]

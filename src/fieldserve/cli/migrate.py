"""`fieldserve migrate`"""

import asyncio

import click

from fieldserve.cli import fail
from fieldserve.cli.options import settings, where_data_is


@click.command()
@where_data_is
@click.option("--sql", is_flag=True, help="Print the statements from an empty database on, and run nothing.")
def migrate(sql: bool, **given: object) -> None:
    """Bring the database to this version's schema. `serve` does so by itself; run it first where several start."""
    from fieldserve.store import migrate as history
    from fieldserve.store.engine import Unavailable

    where = settings(**given).database_url
    if sql:
        click.echo(history.statements("sqlite" if where.startswith("sqlite") else "postgresql", None))
        return

    try:
        before, after = asyncio.run(upgrade(where))
    except (Unavailable, ValueError) as fault:
        fail(str(fault))
    else:
        click.echo(f"already at {after}" if before == after else f"migrated from {before or 'nothing'} to {after}")


async def upgrade(url: str) -> tuple[str | None, str]:
    """Bring a database to this version's schema, however long that takes: the revision before, and the one after.

    Raises Unavailable; ValueError for a URL that names no database."""
    from fieldserve.store import migrate as history
    from fieldserve.store.engine import connect

    database = await connect(url, within=None)
    try:
        return await history.upgrade(database)
    finally:
        await database.close()

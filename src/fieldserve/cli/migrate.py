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
    from fieldserve.store.engine import Unavailable, connect

    where = settings(**given).database_url
    if sql:
        click.echo(history.statements("sqlite" if where.startswith("sqlite") else "postgresql", None))
        return

    async def run() -> tuple[str | None, str]:
        database = await connect(where)
        try:
            return await history.upgrade(database)
        finally:
            await database.close()

    try:
        before, after = asyncio.run(run())
    except (Unavailable, ValueError) as fault:
        fail(str(fault))
    else:
        click.echo(f"already at {after}" if before == after else f"migrated from {before or 'nothing'} to {after}")

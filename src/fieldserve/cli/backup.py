"""`fieldserve backup` and `fieldserve restore`."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fieldserve.cli import fail
from fieldserve.cli.options import settings, where_data_is

if TYPE_CHECKING:
    from fieldserve.operations.backup import Made

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@where_data_is
@click.option("--to", "target", type=_FILE, required=True, help="The file to write; it must not be there yet.")
@click.option("--no-documents", is_flag=True, help="Leave the files of proof documents out.")
def backup(target: Path, no_documents: bool, **given: Any) -> None:
    """Write the database and the proof documents into one file, while the server runs.

    The master key is not in it. PostgreSQL takes its pg_dump, of the server's version or newer.
    """
    from fieldserve.operations.backup import back_up

    made = _run(back_up(settings(**given), target, with_documents=not no_documents))
    click.echo(f"{target}: the {made.kind} database and {made.documents} files of documents")
    if made.missing:
        click.secho(f"{len(made.missing)} files were gone, such as {made.missing[0]}", fg="yellow", err=True)
    click.echo(
        "The master key is not in it. Keep a copy elsewhere: without it nobody can read the documents.", err=True
    )


@click.command()
@where_data_is
@click.option("--from", "source", type=_FILE, required=True, help="A file that `fieldserve backup` wrote.")
@click.option("--force", is_flag=True, help="Replace the database that is there.")
def restore(source: Path, force: bool, **given: Any) -> None:
    """Put a backup back. Stop the server first; give it the master key that it had."""
    from fieldserve.operations.backup import restore as put_back

    made = _run(put_back(settings(**given), source, force=force))
    click.echo(f"restored the {made.kind} database and {made.documents} files of documents")


def _run(work: "Coroutine[Any, Any, Made]") -> "Made":
    from fieldserve.store.backup import BackupFault
    from fieldserve.store.engine import Unavailable

    try:
        return asyncio.run(work)
    except (BackupFault, Unavailable, OSError, ValueError) as fault:
        fail(str(fault))

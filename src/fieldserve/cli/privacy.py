"""`fieldserve privacy`: what is held about a buyer, and how it goes."""

from typing import Any

import click

from fieldserve.cli.operate import run_and_print
from fieldserve.cli.options import where_data_is


@click.group()
def privacy() -> None:
    """Personal data of buyers: purge, export, erase."""


@privacy.command()
@where_data_is
@click.option("--older-than", "older_than", metavar="DAYS", default="30d", show_default=True, help="Such as 30d.")
@click.option("--documents", is_flag=True, help="Erase the files of their proof documents, too.")
def purge(older_than: str, documents: bool, **given: Any) -> None:
    """Erase what is personal of jobs that closed at least so long ago."""
    from fieldserve import config
    from fieldserve.operations import privacy as operations

    days = config.read_days(older_than, "--older-than")
    run_and_print(given, lambda context, caller: operations.purge(context, caller, days, with_documents=documents))


@privacy.command()
@where_data_is
@click.option("--buyer", "buyer_id", metavar="ID", required=True, help="The buyer's id.")
def export(buyer_id: str, **given: Any) -> None:
    """Print everything held about a buyer, as JSON."""
    from fieldserve.operations import privacy as operations

    run_and_print(given, lambda context, caller: operations.export_buyer(context, caller, buyer_id))


@privacy.command()
@where_data_is
@click.option("--buyer", "buyer_id", metavar="ID", required=True, help="The buyer's id.")
def erase(buyer_id: str, **given: Any) -> None:
    """Erase what is personal of a buyer's closed jobs, and the files of their proof documents."""
    from fieldserve.operations import privacy as operations

    run_and_print(given, lambda context, caller: operations.erase_buyer(context, caller, buyer_id))

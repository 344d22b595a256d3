"""`fieldserve export`: the facts, where a warehouse reads them."""

import asyncio
from typing import TYPE_CHECKING, Any

import click

from fieldserve.cli import fail
from fieldserve.cli.options import settings, where_data_is

if TYPE_CHECKING:
    from fieldserve.operations.export import Exported
    from fieldserve.operations.facts import Progress, Refreshed


@click.command()
@click.option(
    "--format",
    "format_",
    type=click.Choice(["parquet", "csv", "json"]),
    default="parquet",
    show_default=True,
    help="json has an object a line.",
)
@click.option("--to", "target", metavar="PLACE", help="A folder, or s3://bucket/prefix.  [default: refresh facts only]")
@click.option("--rebuild", is_flag=True, help="Build the facts anew from the beginning of the event log.")
@where_data_is
def export(format_: str, target: str | None, rebuild: bool, **given: Any) -> None:
    """Bring the facts up to the event log, and publish them: a file for each table and day.

    What did not change since the last export to the same place is left alone. Readers may read meanwhile.
    """
    try:
        import pyarrow  # noqa: F401
    except ModuleNotFoundError:
        fail("facts need the analytics packages; pip install 'fieldserve[server,analytics]'")
    refreshed, exported = _run(given, target, format_, rebuild)
    click.echo(f"{refreshed.events} new events; the facts are as of event {refreshed.watermark}")
    if exported is not None:
        click.echo(
            f"{target}: {exported.rows} rows; {exported.written} files written, {exported.same} as they were,"
            f" {exported.deleted} deleted"
        )


def _run(given: dict[str, Any], target: str | None, format: str, rebuild: bool) -> "tuple[Refreshed, Exported | None]":
    from fieldserve.analytics.engines import NoFacts
    from fieldserve.analytics.home import Busy
    from fieldserve.app import opened
    from fieldserve.operations.export import export_facts
    from fieldserve.operations.facts import pack_facts, refresh_facts
    from fieldserve.store.engine import Unavailable
    from fieldserve.store.keys import KeyFault

    async def run() -> "tuple[Refreshed, Exported | None]":
        async with opened(settings(**given)) as context:
            refreshed = await refresh_facts(context, rebuild=rebuild, tell=_tell_refresh)
            await pack_facts(context)
            if target is None:
                return refreshed, None
            return refreshed, await export_facts(context, target, format, tell=_tell_export)

    try:
        return asyncio.run(run())
    except NoFacts:
        fail("the event log is empty: there is nothing to export yet")
    except (Busy, Unavailable, KeyFault, OSError, ValueError) as fault:
        fail(str(fault))


def _tell_refresh(progress: "Progress") -> None:
    done = f" ({100 * progress.reached // progress.until} %)" if progress.until else ""
    click.echo(f"facts: {progress.events} events, up to {progress.reached} of {progress.until}{done}", err=True)


def _tell_export(done: int, of: int) -> None:
    if done == of or done % 200 == 0:
        click.echo(f"export: {done} of {of} files", err=True)

"""What all reports share: their options, how they run, where they are written, and how their pages look."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fieldserve.cli import fail
from fieldserve.cli.options import settings

if TYPE_CHECKING:
    from fieldserve.operations.run import Context

_DAY = click.DateTime(["%Y-%m-%d"])
FORMAT = click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "csv", "json", "xlsx", "html"]),
    default="table",
    show_default=True,
    help="xlsx needs --output.",
)
OUTPUT = click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="A file.  [default: the terminal]"
)
FROM = click.option("--from", "since", type=_DAY, help="First local day.  [default: 60 days before --to]")
TO = click.option(
    "--to", "until", type=_DAY, help="First local day that no longer counts.  [default: after the newest]"
)


def needs_output(format_: str, output: Path | None) -> None:
    """End with a message where a workbook would go to the terminal."""
    if format_ == "xlsx" and output is None:
        fail("a workbook is no text for a terminal; say where with --output")


def write_out(written: str | bytes, output: Path | None, lines: int) -> None:
    """To the file, or to the terminal."""
    if output is not None:
        output.write_bytes(written if isinstance(written, bytes) else written.encode())
        click.echo(f"{output}: {lines} lines")
    else:
        assert isinstance(written, str)
        click.echo(written, nl=False)


def run_report(given: dict[str, Any], use: "Callable[[Context], Awaitable[Any]]") -> Any:
    """Open the database, do it, close. What an operator can mend is told in a line, with exit code 2."""
    try:
        import ibis  # noqa: F401
    except ModuleNotFoundError:
        fail("reports need the analytics packages; pip install 'fieldserve[server,analytics]'")
    from fieldserve.analytics.reports import ReportFault
    from fieldserve.app import opened
    from fieldserve.store.engine import Unavailable
    from fieldserve.store.keys import KeyFault
    from fieldserve.wire.bodies import BodyFault
    from fieldserve.wire.errors import ApiError

    async def run() -> Any:
        async with opened(settings(**given)) as context:
            return await use(context)

    try:
        return asyncio.run(run())
    except ApiError as fault:
        fail("; ".join(one.message + (f" {one.details}" if one.details else "") for one in fault.faults))
    except BodyFault as fault:
        fail(fault.fault.reason)
    except (Unavailable, KeyFault, ReportFault, ValueError, OSError) as fault:
        fail(str(fault))

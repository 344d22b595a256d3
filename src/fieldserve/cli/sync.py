"""`fieldserve sync` and `fieldserve outbox`: mirror a seller who lives elsewhere, and look after what goes out."""

import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from fieldserve.cli import fail
from fieldserve.cli.operate import _common, _every_page, _print_all, _print_one, _run
from fieldserve.cli.options import settings, where_data_is

if TYPE_CHECKING:
    from fieldserve.operations.mirrors import Progress, Source
    from fieldserve.operations.run import Caller, Context
    from fieldserve.operations.sync import Plan

STATES = ("WAITING", "DONE", "REFUSED", "DROPPED")
PAGES_A_LINE = 25


@click.group(invoke_without_command=True)
@click.option("--account", help="The account in credentials.yml, or of the environment.  [default: default]")
@click.option(
    "--marketplace",
    "marketplaces",
    multiple=True,
    metavar="ID",
    help="May be given several times.  [default: as before; at first SP_API_DEFAULT_MARKETPLACE or US]",
)
@click.option("--seller", metavar="ID", help="Whose jobs they are here.  [default: the seller whom the jobs name]")
@click.option("--endpoint", metavar="URL", help="The source.  [default: as before; at first as the client finds it]")
@click.option("--token-endpoint", metavar="URL", help="Where its tokens come from.  [default: likewise]")
@click.option("--watch", is_flag=True, help="Go on until interrupted.")
@click.option(
    "--interval", type=click.FloatRange(1), default=60.0, show_default=True, help="Seconds between readings, to watch."
)
@click.option(
    "--since",
    metavar="DATE",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Where all jobs are read: those created since then.  [default: all]",
)
@click.option("--full", is_flag=True, help="Read all jobs again, and look for those that the source has no longer.")
@where_data_is
@click.pass_context
def sync(
    ctx: click.Context,
    /,
    account: str | None,
    marketplaces: tuple[str, ...],
    seller: str | None,
    endpoint: str | None,
    token_endpoint: str | None,
    watch: bool,
    interval: float,
    since: datetime | None,
    full: bool,
    **given: Any,
) -> None:
    """Copy a seller's jobs from a Services API, and send there what was changed here.

    Credentials are found as fieldserve.client finds them. A run that is interrupted goes on where it was.
    """
    if ctx.invoked_subcommand is not None:
        return
    run = _watching(interval) if watch else _once
    asked = _Asked(account or "default", marketplaces, seller, endpoint, token_endpoint, since, full)
    try:
        asyncio.run(_sync(settings(**given), asked, run))
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as fault:
        # What somebody at the terminal can mend is told in a line; a defect is not hidden.
        if (told := _told(fault)) is None:
            raise
        fail(told)


@dataclass(frozen=True)
class _Asked:
    """What the command line says."""

    account: str
    marketplaces: tuple[str, ...]
    seller: str | None
    endpoint: str | None
    token_endpoint: str | None
    since: datetime | None
    full: bool


Run = Callable[["Context", "Source", "Plan", "_Lines"], Any]


async def _sync(chosen: Any, asked: _Asked, run: Run) -> None:
    from fieldserve.app import opened
    from fieldserve.operations.mirrors import FIRST, open_mirrors
    from fieldserve.operations.sync import Plan
    from fieldserve.wire.times import from_datetime

    async with opened(chosen) as context:
        source, marketplace_ids = await open_mirrors(
            context, asked.account, asked.marketplaces, asked.endpoint, asked.token_endpoint
        )
        try:
            since = FIRST if asked.since is None else from_datetime(asked.since.replace(tzinfo=UTC))
            await run(context, source, Plan(marketplace_ids, asked.seller, asked.full, since), _Lines())
        finally:
            await source.services.aclose()


async def _once(context: "Context", source: "Source", plan: "Plan", lines: "_Lines") -> None:
    from fieldserve.operations.outbox import list_outbox
    from fieldserve.operations.sync import sync_once

    with lines:
        for progress in await sync_once(context, source, plan, lines.tell, lines.warn):
            lines.done(progress)
        waiting = await list_outbox(context, account=source.account, state="WAITING")
        if waiting.entries:
            lines.warn("some writes still wait for the source: fieldserve outbox list --state WAITING")


def _watching(interval: float) -> Run:
    async def run(context: "Context", source: "Source", plan: "Plan", lines: "_Lines") -> None:
        from fieldserve.operations.sync import watch

        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        with lines, suppress(asyncio.CancelledError):
            await watch(context, source, plan, interval, lines.tell, lines.warn, lines.done)

    return run


def _told(fault: Exception) -> str | None:
    """What to say of a fault; None if it is a defect."""
    from fieldserve.client import AuthorizationError, MissingCredentials, SellingApiException
    from fieldserve.operations.mirrors import Held, MirrorRefused
    from fieldserve.store.engine import Unavailable
    from fieldserve.store.keys import KeyFault

    if isinstance(fault, SellingApiException | AuthorizationError | Unavailable):
        return f"{fault}\n  what was read is stored; the next run goes on from there"
    return str(fault) if isinstance(fault, MissingCredentials | Held | MirrorRefused | KeyFault) else None


class _Lines:
    """Progress: a bar on a terminal, plain lines elsewhere."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._tasks: dict[str, Any] = {}
        self._pages = 0
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
            self._bar = Progress(*columns, console=Console(stderr=True))

    def __enter__(self) -> "_Lines":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def tell(self, progress: "Progress") -> None:
        """A page was stored."""
        name = progress.marketplace_id
        if self._bar is not None:
            if name not in self._tasks:
                self._tasks[name] = self._bar.add_task(name)
            self._bar.update(self._tasks[name], completed=progress.jobs, total=progress.total or progress.jobs)
            return
        self._pages += 1
        if self._pages % PAGES_A_LINE == 0:
            total = "" if progress.total is None else f" of {progress.total}"
            click.echo(f"{name}: {progress.jobs}{total} jobs read", err=True)

    def warn(self, text: str) -> None:
        """Something did not work, and is tried again."""
        if self._bar is not None:
            self._bar.console.print(text, style="yellow", markup=False, highlight=False)
        else:
            click.echo(text, err=True)

    def done(self, progress: "Progress") -> None:
        """A reading has ended."""
        if self._bar is not None and (task := self._tasks.pop(progress.marketplace_id, None)) is not None:
            self._bar.remove_task(task)
        taken = progress.taken
        text = f"{progress.marketplace_id}: {taken.new} new, {taken.changed} changed, {taken.same} as before"
        if taken.left:
            text += f", {taken.left} left as they are here"
        if taken.faults:
            text += f", {taken.faults} not taken in: fieldserve sync status says why"
        click.echo(text)


@sync.command("status")
@_common
def sync_status(as_json: bool, **given: Any) -> None:
    """Show what is mirrored, how far, and what is amiss."""
    from fieldserve.operations.outbox import list_mirrors

    found = _run(given, lambda context, _: list_mirrors(context))["accounts"]
    if as_json:
        _print_one({"accounts": found}, True)
        return
    if not found:
        click.echo("nothing is mirrored; fieldserve sync --account NAME begins", err=True)
    for account in found:
        _print_account(account)


def _print_account(account: dict[str, Any]) -> None:
    by = account.get("runBy")
    counts = account["outbox"]
    click.secho(account["account"] + (f", run by {by}" if by else ", not running"), bold=True)
    columns = ("marketplaceId", "sellerId", "jobs", "syncedAt", "watermark", "jobsRead", "jobsToRead", "endpoint")
    _print_all(account["mirrors"], False, columns)
    told = ", ".join(f"{counts[one]} {one.lower()}" for one in STATES if one in counts)
    click.echo(f"outbox: {told or 'empty'}")
    if account["faults"]:
        click.secho("jobs that are not here as they are there:", fg="yellow")
        _print_all(account["faults"], False, ("serviceJobId", "marketplaceId", "at", "reason"))


# ---- outbox


@click.group()
def outbox() -> None:
    """Writes made here on jobs that live elsewhere."""


@outbox.command("list")
@click.option("--account", help="Of this account only.")
@click.option("--state", type=click.Choice(STATES), help="In this state only.")
@_common
def outbox_list(account: str | None, state: Any, as_json: bool, **given: Any) -> None:
    """List them, oldest first."""
    from fieldserve.operations.outbox import list_outbox

    async def use(context: "Context", _: "Caller") -> Any:
        page = lambda after: list_outbox(context, account=account, state=state, after=int(after or 0), limit=500)  # noqa: E731
        return await _every_page(page, "entries")

    rows: Sequence[dict[str, Any]] = _run(given, use)
    columns = ("sequence", "account", "serviceJobId", "operationId", "state", "tries", "createdAt", "said")
    _print_all(rows, as_json, columns)


@outbox.command("retry")
@click.argument("sequence", type=click.IntRange(1))
@_common
def outbox_retry(sequence: int, as_json: bool, **given: Any) -> None:
    """Send one again, at once; the next `fieldserve sync` does it."""
    from fieldserve.operations.outbox import retry_outbox_entry

    _print_one(_run(given, lambda context, caller: retry_outbox_entry(context, caller, sequence)), as_json)


@outbox.command("drop")
@click.argument("sequence", type=click.IntRange(1))
@_common
def outbox_drop(sequence: int, as_json: bool, **given: Any) -> None:
    """Give up on one that waits; its job becomes again what the source tells."""
    from fieldserve.operations.outbox import drop_outbox_entry

    _print_one(_run(given, lambda context, caller: drop_outbox_entry(context, caller, sequence)), as_json)

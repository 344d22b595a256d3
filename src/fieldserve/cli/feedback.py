"""`fieldserve feedback`: what buyers said of jobs, as the marketplace tells it in files."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fieldserve.cli import fail
from fieldserve.cli.operate import _common, _print_one, _run
from fieldserve.cli.plan import _for_seller

if TYPE_CHECKING:
    from fieldserve.operations.run import Caller, Context


@click.group()
def feedback() -> None:
    """Feedback and claims of buyers, which reports count."""


@feedback.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True))
@click.option("--seller", metavar="ID", help="Whose jobs they are.  [default: the only seller]")
@_common
def feedback_import(file: Path, seller: str | None, as_json: bool, **given: Any) -> None:
    """Take over a CSV file; - is stdin.

    Its first line names the columns: serviceJobId, date, and stars, claim or both. Stars are from 1 to 5, a claim is
    NONE, FILED or GRANTED, a date is a day in the store's zone or an instant. All lines are taken, or none. What a file
    says of a job replaces what was known of it; the same file again changes nothing.
    """
    from fieldserve.operations.feedback import import_feedback_file
    from fieldserve.wire.errors import MISSING_OR_INVALID, ApiError

    text = _text(file)

    async def use(context: "Context", caller: "Caller") -> Any:
        try:
            return await import_feedback_file(context, await _for_seller(context, caller, seller), text)
        except ApiError as refusal:
            if refusal.says is not MISSING_OR_INVALID:
                raise
            wrong = (refusal.faults[0].details or "").replace("; ", "\n  ")
            raise ValueError(f"nothing was imported, since\n  {wrong}") from None

    done = _run(given, use)
    if as_json:
        _print_one(done, as_json)
        return
    for one in done["replaced"]:
        was, now = f"{one['was']} of {one['wasDate']}", f"{one['now']} of {one['nowDate']}"
        click.echo(f"{one['serviceJobId']}: {one['what']} {was} is now {now}")
    click.echo(f"{done['added']} added, {len(done['replaced'])} replaced, {done['unchanged']} known already")


def _text(file: Path) -> str:
    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        fail(f"{file} is not in UTF-8")

"""`fieldserve report weekly`: a week's reports into a folder, for a timer."""

import re
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fieldserve.cli import fail
from fieldserve.cli.options import where_data_is
from fieldserve.cli.reporting import run_report
from fieldserve.operations.report_files import WRITERS, contents

if TYPE_CHECKING:
    from fieldserve.analytics.reports import Report
    from fieldserve.operations.run import Context

# Each report by what it is read by, from week to week.
_GROUPS = {
    "audit": ("technician_id",),
    "scorecard": (),
    "payments": ("store_id",),
    "demand": ("store_id",),
}
_WEEK = re.compile(r"([0-9]{4})-W([0-9]{2})", re.ASCII)


@click.command()
@click.option("--to", "folder", type=click.Path(path_type=Path, file_okay=False), required=True, help="A folder.")
@click.option("--week", metavar="YYYY-Www", help="An ISO week.  [default: the last whole one]")
@click.option("--seller", "sellers", multiple=True, metavar="ID", help="Only this seller; may be given several times.")
@where_data_is
def weekly(folder: Path, week: str | None, sellers: tuple[str, ...], **given: Any) -> None:
    """Write a week's reports into a folder of its own: audit, scorecard, payments and demand, as pages and as CSV.

    Its index.html leads to them and tells which goals are missed.

    Made for a timer: a week that is there already is written anew, with what became known since.
    """
    monday = None if week is None else _monday(week)

    async def use(context: "Context") -> "list[Report]":
        from fieldserve.operations.reports import make_report
        from fieldserve.wire.times import to_datetime

        today = to_datetime(context.clock.now()).date()
        first = monday or today - timedelta(days=today.weekday() + 7)
        days = first, first + timedelta(days=7)
        return [
            await make_report(context, name, *days, group_by=group_by, seller_ids=sellers)
            for name, group_by in _GROUPS.items()
        ]

    made: list[Report] = run_report(given, use)
    year, number, _ = made[0].filters.since.isocalendar()
    target = folder / f"{year}-W{number:02}"
    target.mkdir(parents=True, exist_ok=True)
    for one in made:
        for file_format in ("html", "csv"):
            content = WRITERS[file_format](one)
            assert isinstance(content, str), "neither is a workbook"
            (target / f"{one.name}.{file_format}").write_text(content, "utf-8")
    (target / "index.html").write_text(contents(target.name, made), "utf-8")
    click.echo(f"{target / 'index.html'}: {', '.join(one.name for one in made)}")


def _monday(week: str) -> date:
    found = _WEEK.fullmatch(week)
    if found is not None:
        try:
            return date.fromisocalendar(int(found[1]), int(found[2]), 1)
        except ValueError:
            pass
    fail(f"{week} is no week; 2026-W47 is one")

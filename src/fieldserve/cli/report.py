"""`fieldserve report`: what the facts say of technicians, targets, payments and demand."""

import asyncio
import csv
import io
import json
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fieldserve.cli import fail
from fieldserve.cli.options import settings, where_data_is

if TYPE_CHECKING:
    from fieldserve.analytics.reports import Line, Report

_DAY = click.DateTime(["%Y-%m-%d"])
_COLUMNS = ("metric", "value", "numerator", "denominator", "unit", "low", "high", "before", "goal", "inGoal", "rank")


@click.command()
@click.argument("name", type=click.Choice(["audit", "scorecard", "payments", "demand"]))
@click.option("--from", "since", type=_DAY, help="First local day.  [default: 60 days before --to]")
@click.option("--to", "until", type=_DAY, help="First local day that no longer counts.  [default: after the newest]")
@click.option("--seller", "sellers", multiple=True, metavar="ID", help="Only this seller; may be given several times.")
@click.option("--store", "stores", multiple=True, metavar="ID", help="Only this store; may be given several times.")
@click.option("--technician", "technicians", multiple=True, metavar="ID", help="Only this technician; likewise.")
@click.option("--group-by", "group_by", multiple=True, metavar="COLUMN", help="Such as technician_id or week_start.")
@click.option(
    "--grace", type=click.FloatRange(0), default=0.0, show_default=True, help="Minutes of grace at the start."
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "csv", "json", "xlsx", "html"]),
    default="table",
    show_default=True,
    help="xlsx needs --output.",
)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="A file.  [default: the terminal]")
@where_data_is
def report(
    name: str,
    since: datetime | None,
    until: datetime | None,
    sellers: tuple[str, ...],
    stores: tuple[str, ...],
    technicians: tuple[str, ...],
    group_by: tuple[str, ...],
    grace: float,
    format_: str,
    output: Path | None,
    **given: Any,
) -> None:
    """Report on a period, after the facts were brought up to the event log.

    audit: what technicians did. scorecard: the targets of providers. payments: by state and currency. demand: what
    found no appointment. By group, rates are ranked by what is certain of them.
    """
    if format_ == "xlsx" and output is None:
        fail("a workbook is no text for a terminal; say where with --output")
    chosen = {
        "seller_ids": sellers,
        "store_ids": stores,
        "technician_ids": technicians,
        "grace_minutes": grace,
    }
    days = (since.date() if since else None, until.date() if until else None)
    made = _make(given, name, days, chosen, group_by)
    written = _WRITERS[format_](made)
    if output is not None:
        output.write_bytes(written if isinstance(written, bytes) else written.encode())
        click.echo(f"{output}: {len(made.lines)} lines")
    else:
        assert isinstance(written, str)
        click.echo(written, nl=False)


def _make(
    given: dict[str, Any],
    name: str,
    days: tuple[date | None, date | None],
    chosen: dict[str, Any],
    group_by: Sequence[str],
) -> "Report":
    try:
        import ibis  # noqa: F401
    except ModuleNotFoundError:
        fail("reports need the analytics packages; pip install 'fieldserve[server,analytics]'")
    from fieldserve.analytics.engines import NoFacts
    from fieldserve.analytics.home import Busy
    from fieldserve.analytics.reports import ReportFault
    from fieldserve.app import opened
    from fieldserve.operations.reports import make_report
    from fieldserve.store.engine import Unavailable
    from fieldserve.store.keys import KeyFault

    async def run() -> "Report":
        async with opened(settings(**given)) as context:
            return await make_report(context, name, *days, group_by=group_by, **chosen)

    try:
        return asyncio.run(run())
    except NoFacts:
        fail("the event log is empty: there is nothing to report yet")
    except (Busy, Unavailable, KeyFault, ReportFault, OSError) as fault:
        fail(str(fault))


# ---- formats


def _row(made: "Report", line: "Line") -> dict[str, Any]:
    values = (
        line.metric.name,
        line.value,
        line.numerator,
        line.denominator,
        line.metric.unit,
        line.low,
        line.high,
        line.before,
        line.metric.goal,
        line.in_goal,
        line.rank,
    )
    return {**dict(zip(made.group_by, line.group, strict=True)), **dict(zip(_COLUMNS, values, strict=True))}


def _heading(made: "Report") -> str:
    return f"{made.name}: {made.filters.since} up to, not with, {made.filters.until}"


def _shown(line: "Line", value: Any) -> str:
    if value is None:
        return "-"
    unit = line.metric.unit
    if unit in ("rate", "share of time"):
        return f"{100 * value:.1f} %"
    return f"{value:.2f}" if unit == "currency" else f"{value:.0f}" if unit == "count" else f"{value:.1f} min"


def _cells(line: "Line") -> tuple[str, ...]:
    goal = "" if line.metric.goal is None else f"<= {100 * line.metric.goal:.0f} %"
    met = {None: "", True: "met", False: "missed"}[line.in_goal]
    between = "" if line.low is None else f"{_shown(line, line.low)} to {_shown(line, line.high)}"
    rank = "" if line.rank is None else str(line.rank)
    counted = str(line.denominator)
    if line.metric.unit == "rate":
        counted = f"{line.numerator} / {counted}"
    elif line.metric.unit == "share of time":  # of seconds
        counted = f"{line.numerator / 3600:.0f} / {line.denominator / 3600:.0f} h"
    shown = (_shown(line, line.value), counted, between, _shown(line, line.before), f"{goal} {met}".strip(), rank)
    return (*map(str, line.group), line.metric.title, *shown)


def _titles(made: "Report") -> tuple[str, ...]:
    return (*made.group_by, "metric", "value", "counted", "95 % sure", "period before", "goal", "rank")


def _table(made: "Report") -> str:
    if made.is_empty:
        return f"{_heading(made)}\nThere is nothing in this period.\n"
    rows = [_titles(made), *(_cells(line) for line in made.lines)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([_heading(made), "", *lines]) + "\n"


def _csv(made: "Report") -> str:
    sink = io.StringIO()
    writer = csv.DictWriter(sink, [*made.group_by, *_COLUMNS], lineterminator="\n")
    writer.writeheader()
    writer.writerows(_row(made, line) for line in made.lines)
    return sink.getvalue()


def _json(made: "Report") -> str:
    told = {
        "report": made.name,
        "from": made.filters.since,
        "to": made.filters.until,
        "isEmpty": made.is_empty,
        "lines": [_row(made, line) for line in made.lines],
    }
    return json.dumps(told, indent=2, default=str) + "\n"


def _xlsx(made: "Report") -> bytes:
    import xlsxwriter

    sink = io.BytesIO()
    with xlsxwriter.Workbook(sink, {"in_memory": True, "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet(made.name)
        bold, day = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(0, 0, [*made.group_by, *_COLUMNS], bold)
        for at, line in enumerate(made.lines, 1):
            for column, value in enumerate(_row(made, line).values()):
                if isinstance(value, date):
                    sheet.write_datetime(at, column, value, day)
                else:
                    sheet.write(at, column, value)
        sheet.freeze_panes(1, len(made.group_by))
        sheet.autofit()
    return sink.getvalue()


_STYLE = (
    "body{font:14px system-ui,sans-serif;margin:2em;color:#1b1f24}table{border-collapse:collapse}"
    "td,th{text-align:left;padding:.3em .8em;border-bottom:1px solid #d0d7de}thead{display:table-header-group}"
    ".missed{color:#b3261e;font-weight:600}tr{break-inside:avoid}@page{size:A4 landscape;margin:12mm}"
)


def _html(made: "Report") -> str:
    from html import escape

    head = "".join(f"<th>{escape(one)}</th>" for one in (*_titles(made), ""))
    body = "".join(
        "<tr{}>{}<td>{}</td></tr>".format(
            ' class="missed"' if line.in_goal is False else "",
            "".join(f"<td>{escape(cell)}</td>" for cell in _cells(line)),
            _bar(line),
        )
        for line in made.lines
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    if made.is_empty:
        table = "<p>There is nothing in this period.</p>"
    title = escape(_heading(made))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"<h1>{title}</h1>{table}</html>\n"
    )


def _bar(line: "Line") -> str:
    """A rate as a bar, with its interval as a line and its goal as a mark."""
    if line.low is None or line.high is None or line.value is None:
        return ""
    goal = "" if line.metric.goal is None else f'<path d="M{120 * line.metric.goal:.1f} 0v16" stroke="#b3261e"/>'
    return (
        f'<svg width="122" height="16" role="img"><rect width="120" height="16" fill="#eaeef2"/>'
        f'<rect width="{120 * float(line.value):.1f}" height="16" fill="#2f6feb"/>'
        f'<path d="M{120 * line.low:.1f} 8H{120 * line.high:.1f}" stroke="#1b1f24" stroke-width="2"/>{goal}</svg>'
    )


_WRITERS: "dict[str, Callable[[Report], str | bytes]]" = {
    "table": _table,
    "csv": _csv,
    "json": _json,
    "xlsx": _xlsx,
    "html": _html,
}

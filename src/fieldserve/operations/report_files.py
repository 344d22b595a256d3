"""Reports as files: a table of text, CSV, JSON, a workbook, and a page that loads nothing and prints."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from datetime import date
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fieldserve.analytics.reports import Behind, Line, Report

_COLUMNS = (
    "metric",
    "value",
    "numerator",
    "denominator",
    "unit",
    "low",
    "high",
    "before",
    "goal",
    "inGoal",
    "rank",
    "peers",
)

STYLE = (
    "body{font:14px system-ui,sans-serif;margin:2em;color:#1b1f24}table{border-collapse:collapse}"
    "td,th{text-align:left;padding:.3em .8em;border-bottom:1px solid #d0d7de}thead{display:table-header-group}"
    ".missed{color:#b3261e;font-weight:600}tr{break-inside:avoid}@page{size:A4 landscape;margin:12mm}"
    "@media print{body{font-size:10px;margin:0}td,th{padding:.1em .6em}svg{vertical-align:middle}}"
)


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
        line.peers,
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
    if unit == "minutes":
        return f"{value:.1f} min"
    return f"{value:.0f}" if unit == "count" else f"{value:.2f}"


def _wanted(line: "Line") -> str:
    goal = line.metric.goal
    return "" if goal is None else f">= {goal}" if line.metric.unit == "stars" else f"<= {100 * goal:.0f} %"


def _cells(line: "Line") -> tuple[str, ...]:
    wanted = _wanted(line)
    met = {None: "", True: "met", False: "missed"}[line.in_goal]
    between = "" if line.low is None else f"{_shown(line, line.low)} to {_shown(line, line.high)}"
    rank = "" if line.rank is None else str(line.rank)
    counted = str(line.denominator)
    if line.metric.unit in ("rate", "stars"):
        counted = f"{line.numerator} / {counted}"
    elif line.metric.unit == "share of time":  # of seconds
        counted = f"{line.numerator / 3600:.0f} / {line.denominator / 3600:.0f} h"
    shown = (_shown(line, line.value), counted, between, _shown(line, line.before), _shown(line, line.peers))
    return (*map(str, line.group), line.metric.title, *shown, f"{wanted} {met}".strip(), rank)


def _titles(made: "Report") -> tuple[str, ...]:
    return (*made.group_by, "metric", "value", "counted", "95 % sure", "period before", "peers", "goal", "rank")


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


def _html(made: "Report") -> str:
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
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
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


def contents(title: str, made: "Sequence[Report]") -> str:
    """A page that leads to the pages of reports that lie beside it, and tells which goals are missed."""
    lines = []
    for one in made:
        missed = [line for line in one.lines if line.in_goal is False]
        told = "".join(
            f'<li class="missed">{escape(" ".join(map(str, (*line.group, line.metric.title))))}:'
            f" {escape(_shown(line, line.value))}, goal {escape(_wanted(line))} missed</li>"
            for line in missed
        )
        empty = "<p>There is nothing in this period.</p>" if one.is_empty else ""
        links = f'<a href="{one.name}.html">{one.name}</a> (<a href="{one.name}.csv">CSV</a>)'
        lines.append(f"<h2>{links}</h2>{empty}" + (f"<ul>{told}</ul>" if told else ""))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
        f"<h1>{escape(title)}</h1>{''.join(lines)}</html>\n"
    )


WRITERS: "dict[str, Callable[[Report], str | bytes]]" = {
    "table": _table,
    "csv": _csv,
    "json": _json,
    "xlsx": _xlsx,
    "html": _html,
}

CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def jobs_csv(rows: "Sequence[Behind]") -> str:
    """The jobs that a figure is made of."""
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(("serviceJobId", "appointmentId", "day", "counted"))
    writer.writerows((one.service_job_id, one.appointment_id or "", one.day, str(one.counts).lower()) for one in rows)
    return sink.getvalue()

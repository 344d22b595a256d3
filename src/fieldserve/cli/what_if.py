"""`fieldserve report what-if`: the demand that there was, against another schedule."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from fieldserve.cli import fail
from fieldserve.cli.operate import ACTOR, _ask
from fieldserve.cli.options import where_data_is
from fieldserve.cli.plan import _for_seller
from fieldserve.cli.reporting import FORMAT, FROM, OUTPUT, TO, needs_output, run_report, write_out
from fieldserve.operations.report_files import STYLE

if TYPE_CHECKING:
    from fieldserve.operations.run import Context
    from fieldserve.wire.what_if import WhatIf, WhatIfFigures


@click.command("what-if")
@FROM
@TO
@click.option("--seller", metavar="ID", help="Whose.  [default: the only one, or the store's]")
@click.option("--store", "stores", multiple=True, metavar="ID", help="Only this store; may be given several times.")
@click.option("--add-technicians", type=click.IntRange(1, 500), metavar="N", help="So many more.")
@click.option("--open-from", metavar="HH:MM", help="Open from then at the latest; or when those who are added come.")
@click.option("--open-until", metavar="HH:MM", help="Open until then at least; or when those who are added go.")
@click.option(
    "--on", "days", multiple=True, metavar="DAY", help="MON to SUN; may be given several times.  [default: all]"
)
@click.option(
    "--skill", "skills", multiple=True, metavar="NAME", help="Of who is added.  [default: all of the store's]"
)
@click.option(
    "--changes", type=click.Path(path_type=Path), help="A file of changes in JSON, as the operator API takes them."
)
@click.option("--cost-per-hour", metavar="AMOUNT", help="Of a technician: tells what a job that is won costs.")
@click.option(
    "--cost-currency", metavar="CODE", help="What that is in.  [default: the currency of the stores' marketplace]"
)
@FORMAT
@OUTPUT
@where_data_is
def what_if(
    since: datetime | None,
    until: datetime | None,
    seller: str | None,
    stores: tuple[str, ...],
    add_technicians: int | None,
    open_from: str | None,
    open_until: str | None,
    days: tuple[str, ...],
    skills: tuple[str, ...],
    changes: Path | None,
    cost_per_hour: str | None,
    cost_currency: str | None,
    format_: str,
    output: Path | None,
    **given: Any,
) -> None:
    """Replay the demand that there was against another schedule.

    Says how many jobs it would have won, what is lost still, how busy everybody would have been, and what a job that is
    won costs. Without days the last 60 are replayed.
    """
    needs_output(format_, output)
    hours = {"opens": open_from, "closes": open_until, "on": [one.upper() for one in days]}
    asked: list[dict[str, Any]] = []
    if add_technicians is not None:
        asked.append({"kind": "ADD_TECHNICIANS", "technicians": add_technicians, **hours, "skills": list(skills)})
    elif open_from or open_until:
        asked.append({"kind": "OPEN_LONGER", **hours})
    asked += _changes_in(changes) if changes is not None else []
    if not asked:
        fail("say what is to be otherwise: --add-technicians, --open-from, --open-until, or --changes with a file")
    told = [{name: value for name, value in one.items() if value} for one in asked]

    async def use(context: "Context") -> "WhatIf":
        from fieldserve.operations.run import Caller
        from fieldserve.operations.what_if import what_if
        from fieldserve.wire.times import to_datetime
        from fieldserve.wire.what_if import AskWhatIf

        past = until or to_datetime(context.clock.now()) + timedelta(days=1)
        first = since or past - timedelta(days=60)
        caller = await _for_seller(context, Caller("", actor=ACTOR), seller, stores[0] if stores else None)
        ask = _ask(
            AskWhatIf,
            firstDay=first.date().isoformat(),
            pastDay=past.date().isoformat(),
            changes=told,
            storeIds=list(stores),
            costPerHour=cost_per_hour,
            costCurrency=cost_currency and cost_currency.upper(),
        )
        return await what_if(context, caller, ask)

    made: WhatIf = run_report(given, use)
    write_out(_WRITERS[format_](made), output, len(made.stores))


def _changes_in(file: Path) -> list[dict[str, Any]]:
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as fault:
        fail(f"{file} cannot be read: {fault}")
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        fail(f"{file} must hold a list of changes")
    return found


# ---- formats

_NOTHING = "No order of this period is decided: there is nothing to replay."


@dataclass(frozen=True, slots=True)
class _Column:
    title: str
    shown: "Callable[[WhatIfFigures], str]"


def _amount(one: "WhatIfFigures", amount: str | None) -> str:
    return "-" if amount is None else f"{amount} {one.cost_currency or ''}".rstrip()


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


_COLUMNS = (
    _Column("store", lambda one: one.store_id or "all"),
    _Column("orders", lambda one: str(one.orders)),
    _Column("found", lambda one: str(one.found)),
    _Column("replayed", lambda one: str(one.replayed)),
    _Column("changed", lambda one: str(one.changed)),
    _Column("won", lambda one: f"{one.jobs_won:+}"),
    _Column("lost by it", lambda one: str(one.jobs_lost)),
    _Column("lost still", lambda one: str(one.orders - one.changed)),
    _Column("busy", lambda one: f"{_percent(one.utilisation)} -> {_percent(one.changed_utilisation)}"),
    _Column("hours", lambda one: f"{one.hours:.0f} + {one.added_hours:.0f}"),
    _Column("cost", lambda one: _amount(one, one.added_cost)),
    _Column("cost per job won", lambda one: _amount(one, one.cost_per_won_job)),
)


def _heading(made: "WhatIf") -> str:
    return f"what-if: {made.first_day} up to, not with, {made.past_day}: {'; '.join(map(_told, made.changes))}"


def _told(change: Any) -> str:
    many = "" if change.technicians == 1 else "s"
    what = f"{change.technicians} more technician{many}" if change.kind == "ADD_TECHNICIANS" else "open longer"
    between = " ".join(
        f"{word} {time}" for word, time in (("from", change.opens), ("until", change.closes)) if time is not None
    )
    return " ".join(part for part in (what, between, "on " + ", ".join(change.on) if change.on else "") if part)


def _cells(made: "WhatIf") -> list[tuple[str, ...]]:
    lines = [*made.stores, made.total] if len(made.stores) != 1 else made.stores
    return [tuple(one.shown(line) for one in _COLUMNS) for line in lines]


def _table(made: "WhatIf") -> str:
    if not made.total.orders:
        return "\n".join([_heading(made), _NOTHING, *made.notices]) + "\n"
    rows = [tuple(one.title for one in _COLUMNS), *_cells(made)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([_heading(made), "", *lines, *(["", *made.notices] if made.notices else [])]) + "\n"


def _csv(made: "WhatIf") -> str:
    sink = io.StringIO()
    rows = [msgspec.to_builtins(one) for one in [*made.stores, made.total]]
    names = list(made.total.__struct_encode_fields__)
    writer = csv.DictWriter(sink, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return sink.getvalue()


def _json(made: "WhatIf") -> str:
    return msgspec.json.format(msgspec.json.encode(made)).decode() + "\n"


def _xlsx(made: "WhatIf") -> bytes:
    import xlsxwriter

    sink = io.BytesIO()
    with xlsxwriter.Workbook(sink, {"in_memory": True, "strings_to_formulas": False}) as book:
        sheet, jobs = book.add_worksheet("what-if"), book.add_worksheet("won")
        bold = book.add_format({"bold": True})
        names = list(made.total.__struct_encode_fields__)
        sheet.write_row(0, 0, names, bold)
        for at, one in enumerate([*made.stores, made.total], 1):
            told = msgspec.to_builtins(one)
            sheet.write_row(at, 0, [told.get(name) for name in names])
        jobs.write_row(0, 0, ["serviceJobId", "start"], bold)
        for at, pair in enumerate(made.won.items(), 1):
            jobs.write_row(at, 0, pair)
        for of in (sheet, jobs):
            of.freeze_panes(1, 1)
            of.autofit()
    return sink.getvalue()


def _html(made: "WhatIf") -> str:
    head = "".join(f"<th>{escape(one.title)}</th>" for one in _COLUMNS)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in _cells(made))
    title = escape(_heading(made))
    content = f"{_bars(made)}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    if not made.total.orders:
        content = f"<p>{_NOTHING}</p>"
    notices = "".join(f"<p>{escape(one)}</p>" for one in made.notices)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
        f"<h1>{title}</h1>{content}{notices}</html>\n"
    )


def _bars(made: "WhatIf") -> str:
    """For each store its orders as a bar: grey all, blue those that the schedule served, green those that are won."""
    most = max((one.orders for one in made.stores), default=0) or 1
    lines = []
    for at, one in enumerate(made.stores):
        y, wide = 24 * at, 480 / most
        lines.append(
            f'<text x="0" y="{y + 14}">{escape(one.store_id or "")}</text>'
            f'<rect x="180" y="{y}" width="{one.orders * wide:.1f}" height="18" fill="#eaeef2"/>'
            f'<rect x="180" y="{y}" width="{one.changed * wide:.1f}" height="18" fill="#2da44e"/>'
            f'<rect x="180" y="{y}" width="{min(one.replayed, one.changed) * wide:.1f}" height="18" fill="#2f6feb"/>'
            f'<text x="{188 + one.orders * wide:.1f}" y="{y + 14}">{one.jobs_won:+}</text>'
        )
    key = "blue: served by the schedule as it was; green: won by the changes; grey: lost still"
    size = f'width="760" height="{24 * len(made.stores)}"'
    return f'<svg {size} role="img" aria-label="{key}">{"".join(lines)}</svg><p>{key}</p>'


_WRITERS: "dict[str, Callable[[WhatIf], str | bytes]]" = {
    "table": _table,
    "csv": _csv,
    "json": _json,
    "xlsx": _xlsx,
    "html": _html,
}

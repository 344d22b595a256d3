"""`fieldserve report forecast`: orders to come."""

import csv
import io
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from fieldserve.cli.operate import ACTOR
from fieldserve.cli.options import where_data_is
from fieldserve.cli.plan import _for_seller
from fieldserve.cli.reporting import FORMAT, OUTPUT, needs_output, run_report, write_out
from fieldserve.operations.report_files import STYLE
from fieldserve.wire.forecasts import LONGEST_WEEKS

if TYPE_CHECKING:
    from fieldserve.operations.run import Context
    from fieldserve.wire.forecasts import Forecast, StoreForecast


@click.command()
@click.option("--seller", metavar="ID", help="Whose.  [default: the only one, or the store's]")
@click.option("--store", "stores", multiple=True, metavar="ID", help="Only this store; may be given several times.")
@click.option("--weeks", type=click.IntRange(1, LONGEST_WEEKS), default=4, show_default=True, help="How far it looks.")
@FORMAT
@OUTPUT
@where_data_is
def forecast(
    seller: str | None, stores: tuple[str, ...], weeks: int, format_: str, output: Path | None, **given: Any
) -> None:
    """Orders that are to come, day by day, with the bounds within which 95 of 100 such days lie.

    Says how forecasts of the past would have done, beside taking last week again.
    """
    needs_output(format_, output)

    async def use(context: "Context") -> "Forecast":
        from fieldserve.operations.forecasts import forecast_demand
        from fieldserve.operations.run import Caller

        caller = await _for_seller(context, Caller("", actor=ACTOR), seller, stores[0] if stores else None)
        return await forecast_demand(context, caller, stores, weeks)

    made: Forecast = run_report(given, use)
    write_out(_WRITERS[format_](made), output, sum(len(one.days) for one in made.stores))


def _tested(one: "StoreForecast") -> str:
    if one.test is None:
        return "too short a history to test it"
    test = one.test
    return (
        f"{test.forecasts} forecasts of {test.days} days would have been off by {test.error:.2f} orders a day"
        f" (last week again: {test.naive_error:.2f}); {100 * test.within:.0f} % of the days were within the bounds"
    )


def _table(made: "Forecast") -> str:
    lines = [f"orders from {made.first_day} on"]
    for one in made.stores:
        lines += ["", f"{one.store_id}: {one.method}, from {len(one.history)} days; {_tested(one)}", ""]
        lines += [f"  {day.day}  {day.expected:6.1f}   {day.low:.1f} to {day.high:.1f}" for day in one.days]
    lines += ["", *made.notices] if made.notices else []
    return "\n".join(lines) + "\n"


_COLUMNS = ("storeId", "day", "expected", "low", "high", "method")


def _rows(made: "Forecast") -> list[tuple[Any, ...]]:
    return [
        (one.store_id, day.day, day.expected, day.low, day.high, one.method) for one in made.stores for day in one.days
    ]


def _csv(made: "Forecast") -> str:
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerows([_COLUMNS, *_rows(made)])
    return sink.getvalue()


def _json(made: "Forecast") -> str:
    return msgspec.json.format(msgspec.json.encode(made)).decode() + "\n"


def _xlsx(made: "Forecast") -> bytes:
    import xlsxwriter

    sink = io.BytesIO()
    with xlsxwriter.Workbook(sink, {"in_memory": True, "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet("forecast")
        sheet.write_row(0, 0, _COLUMNS, book.add_format({"bold": True}))
        for at, row in enumerate(_rows(made), 1):
            sheet.write_row(at, 0, row)
        sheet.freeze_panes(1, 2)
        sheet.autofit()
    return sink.getvalue()


def _html(made: "Forecast") -> str:
    parts = [f"<h2>{escape(one.store_id)}</h2>{band(one)}<p>{escape(_tested(one))}</p>" for one in made.stores]
    notices = "".join(f"<p>{escape(one)}</p>" for one in made.notices)
    head = "".join(f"<th>{one}</th>" for one in _COLUMNS)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in _rows(made))
    title = f"Orders from {escape(made.first_day)} on"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
        f"<h1>{title}</h1>{''.join(parts)}{notices}"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></html>\n"
    )


def band(one: "StoreForecast", width: int = 760, height: int = 160) -> str:
    """History as a line, what is expected as another, and the bounds as a band behind it."""
    past = one.history[-8 * 7 :]
    most = max([*past, *(day.high for day in one.days), 1])
    step = width / (len(past) + len(one.days))

    def at(number: int, value: float) -> str:
        return f"{number * step:.1f},{height - 4 - value / most * (height - 8):.1f}"

    after = len(past)
    upper = [at(after + number, day.high) for number, day in enumerate(one.days)]
    lower = [at(after + number, day.low) for number, day in enumerate(one.days)]
    was = " ".join(at(number, value) for number, value in enumerate(past))
    will = " ".join(at(after + number, day.expected) for number, day in enumerate(one.days))
    told = f"orders of the last {len(past)} days, and what is expected of the next {len(one.days)}"
    return (
        f'<svg width="{width}" height="{height}" role="img" aria-label="{told}">'
        f'<polygon points="{" ".join([*upper, *reversed(lower)])}" fill="#2f6feb" opacity="0.2"/>'
        f'<polyline points="{was}" fill="none" stroke="#57606a"/>'
        f'<polyline points="{will}" fill="none" stroke="#2f6feb"/></svg>'
    )


_WRITERS: "dict[str, Callable[[Forecast], str | bytes]]" = {
    "table": _table,
    "csv": _csv,
    "json": _json,
    "xlsx": _xlsx,
    "html": _html,
}

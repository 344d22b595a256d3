"""Payments: what was earned, is pending, declined or lost, by currency. /console/{seller}/payments"""

from datetime import date
from decimal import Decimal
from typing import Any

from starlette.responses import Response

from fieldserve.console.pages import Visit, page
from fieldserve.console.reporting import Asked, Chart, Series, drawn, groups, line_of, rate, read_asked, reports, sheet
from fieldserve.console.words import Words
from fieldserve.wire.reports import ReportLine, ReportRecord

STATES = ("payments_earned", "payments_pending", "payments_declined", "payments_lost")


async def show(visit: Visit) -> Response:
    """GET: the page."""
    asked = await read_asked(visit)
    made = await reports(
        visit,
        asked,
        ("payments", ()),
        ("payments", ("week_start",)),
        ("payments", ("store_id",)),
        ("payments", ("instrument",)),
    )
    view: dict[str, Any] = {"asked": asked, "here": visit.words, "rate": rate, "charts": "[]", "empty": made is None}
    if made is None:
        return visit.show("payments.html", **view)
    whole, weeks, by_store, by_instrument = made
    money = visit.words.money
    currencies = groups(whole, "currency")
    view |= {
        "empty": whole.is_empty,
        "charts": drawn([_weeks(weeks, visit.words, currency) for currency in currencies]),
        "currencies": [
            (
                currency,
                [(line.title, money(line.value or 0, currency), line.denominator) for line in _lines(whole, currency)],
                line_of(whole, "payments_overdue", currency=currency),
                line_of(whole, "payments_reconciled", currency=currency),
                _table(by_store, "store_id", currency, visit.words, asked),
                _table(by_instrument, "instrument", currency, visit.words, asked),
            )
            for currency in currencies
        ],
        "titles": [line.title for line in _lines(whole, currencies[0])] if currencies else [],
    }
    return visit.show("payments.html", **view)


def _lines(record: ReportRecord, currency: str) -> list[ReportLine]:
    return [line for name in STATES if (line := line_of(record, name, currency=currency)) is not None]


def _table(record: ReportRecord, column: str, currency: str, words: Words, asked: Asked) -> list[tuple[str, list[str]]]:
    rows = []
    for value in groups(record, column):
        lines = [line_of(record, name, currency=currency, **{column: value}) for name in STATES]
        if any(lines):
            name = asked.known.name_of(value) if column == "store_id" else value or words.text("not told")
            rows.append((name, ["–" if one is None else words.money(one.value or 0, currency) for one in lines]))
    return rows


def _weeks(record: ReportRecord, words: Words, currency: str) -> Chart:
    weeks = sorted({one.group["week_start"] or "" for one in record.lines if one.group["currency"] == currency})
    series = []
    for name in STATES:
        lines = [line_of(record, name, currency=currency, week_start=week) for week in weeks]
        title = next((one.title for one in lines if one is not None), None)
        if title is not None:
            values = [0.0 if one is None else float(Decimal(str(one.value or 0))) for one in lines]
            series.append(Series(words.text(title), list(values)))
    labels = [words.short_date(date.fromisoformat(week)) for week in weeks]
    return Chart(f"weeks-{currency}", "bars", labels, series)


async def download(visit: Visit) -> Response:
    """GET: payments by store and week as CSV."""
    return await sheet(visit, "payments", await read_asked(visit), "store_id", "week_start")


ROUTES = [page("/{seller}/payments", show, "measure"), page("/{seller}/payments.csv", download, "measure")]

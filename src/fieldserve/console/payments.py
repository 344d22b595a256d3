"""Payments: what was earned, is pending, declined or lost, by currency. /console/{seller}/payments"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from starlette.responses import Response

from fieldserve.console.pages import Visit, page
from fieldserve.console.reporting import Chart, Series, groups, line_of, pictured, rate, read_asked, reports, sheet
from fieldserve.console.words import Words
from fieldserve.operations.services import list_services
from fieldserve.wire.reports import ReportLine, ReportRecord

STATES = ("payments_earned", "payments_pending", "payments_declined", "payments_lost")
AGES = ("payments_pending_week", "payments_pending_month", "payments_pending_two", "payments_pending_older")
DAYS_SHOWN = 31
"""Up to so many days are drawn one by one, more by the week."""
MOST_SERVICES = 500


async def show(visit: Visit) -> Response:
    """GET: the page."""
    asked = await read_asked(visit)
    by = "local_date" if (asked.past - asked.first).days <= DAYS_SHOWN else "week_start"
    made = await reports(
        visit,
        asked,
        ("payments", ()),
        ("payments", (by,)),
        ("payments", ("store_id",)),
        ("payments", ("asin",)),
        ("payments", ("instrument",)),
    )
    view: dict[str, Any] = {
        "asked": asked,
        "here": visit.words,
        "rate": rate,
        **pictured((), visit.words),
        "empty": made is None,
    }
    if made is None:
        return visit.show("payments.html", **view)
    whole, days, by_store, by_service, by_instrument = made
    listed = await list_services(visit.context, visit.caller, "", MOST_SERVICES)
    stores = {one.store_id: one.name for one in asked.known.stores}
    titles = {one.asin: one.title for one in listed.services}
    money = visit.words.money
    currencies = groups(whole, "currency")
    view |= {
        "empty": whole.is_empty,
        "by_day": by == "local_date",
        **pictured([_over_time(days, by, visit.words, currency) for currency in currencies], visit.words),
        "currencies": [
            (
                currency,
                [
                    (line.title, money(line.value or 0, currency), line.denominator)
                    for line in _lines(whole, STATES, currency)
                ],
                [(line.title, money(line.value or 0, currency)) for line in _lines(whole, AGES, currency)],
                line_of(whole, "payments_overdue", currency=currency),
                line_of(whole, "payments_reconciled", currency=currency),
                [
                    (visit.words.text("Store"), _table(by_store, "store_id", currency, visit.words, stores)),
                    (visit.words.text("Service"), _table(by_service, "asin", currency, visit.words, titles)),
                    (visit.words.text("Instrument"), _table(by_instrument, "instrument", currency, visit.words, {})),
                ],
            )
            for currency in currencies
        ],
        "titles": [line.title for line in _lines(whole, STATES, currencies[0])] if currencies else [],
    }
    return visit.show("payments.html", **view)


def _lines(record: ReportRecord, names: Sequence[str], currency: str) -> list[ReportLine]:
    return [line for name in names if (line := line_of(record, name, currency=currency)) is not None]


def _table(
    record: ReportRecord, column: str, currency: str, words: Words, names: Mapping[str, str]
) -> list[tuple[str, list[str]]]:
    rows = []
    for value in groups(record, column):
        lines = [line_of(record, name, currency=currency, **{column: value}) for name in STATES]
        if any(lines):
            name = names.get(value, value) or words.text("not told")
            rows.append((name, ["–" if one is None else words.money(one.value or 0, currency) for one in lines]))
    return rows


def _over_time(record: ReportRecord, column: str, words: Words, currency: str) -> Chart:
    days = sorted({one.group[column] or "" for one in record.lines if one.group["currency"] == currency})
    series = []
    for name in STATES:
        lines = [line_of(record, name, currency=currency, **{column: day}) for day in days]
        title = next((one.title for one in lines if one is not None), None)
        if title is not None:
            values = [0.0 if one is None else float(Decimal(str(one.value or 0))) for one in lines]
            series.append(Series(words.text(title), list(values)))
    labels = [words.short_date(date.fromisoformat(day)) for day in days]
    return Chart(f"weeks-{currency}", "bars", labels, series)


async def download(visit: Visit) -> Response:
    """GET: payments by day, store, service and instrument as a file."""
    return await sheet(visit, "payments", await read_asked(visit), "local_date", "store_id", "asin", "instrument")


ROUTES = [page("/{seller}/payments", show, "measure"), page("/{seller}/payments.{kind}", download, "measure")]

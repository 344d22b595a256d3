"""Demand: when buyers want to be visited, what found nothing, what is to come, and another schedule tried.

/console/{seller}/demand"""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

from babel.dates import get_day_names
from starlette.responses import Response

from fieldserve.console.pages import Visit, page
from fieldserve.console.reporting import (
    Asked,
    Chart,
    Series,
    figure,
    groups,
    line_of,
    pictured,
    rate,
    read_asked,
    reports,
    sheet,
    weekly,
)
from fieldserve.console.words import Words
from fieldserve.operations.forecasts import forecast_demand
from fieldserve.operations.what_if import what_if
from fieldserve.wire.bodies import BodyFault, convert
from fieldserve.wire.errors import ApiError
from fieldserve.wire.forecasts import StoreForecast
from fieldserve.wire.reports import ReportRecord
from fieldserve.wire.what_if import WEEKDAYS, AskWhatIf, WhatIf

FIGURES = ("fill_rate", "lost_demand", "lead_time", "store_utilisation", "store_hours_full", "store_hours_idle")
COLUMNS = ("fill_rate", "lost_demand", "store_utilisation", "store_hours_full", "store_hours_idle")
SKILLED = ("fill_rate", "lost_demand", "technician_utilisation", "technician_hours_full", "technician_hours_idle")
SHORT, SPARE = 0.25, 0.5
"""Capacity is short where that share of the hours that were open had no room, and there is some to spare where that
share had no work."""
_SHOWN_DAYS = 56


async def show(visit: Visit) -> Response:
    """GET: the page; with a change of the schedule in the address also what it would have won."""
    asked = await read_asked(visit)
    made = await reports(
        visit,
        asked,
        ("demand", ()),
        ("demand", ("wanted_weekday", "wanted_hour")),
        ("demand", ("week_start",)),
        ("demand", ("store_id",)),
        ("demand", ("skill",)),
    )
    names = get_day_names("abbreviated", locale=visit.words.locale)
    view: dict[str, Any] = {
        "asked": asked,
        "here": visit.words,
        "figure": figure,
        "rate": rate,
        **pictured((), visit.words),
        "empty": made is None,
        "days_of_week": [(one, names[at]) for at, one in enumerate(WEEKDAYS)],
        "query": visit.request.query_params,
        "tried": None,
        "fault": "",
        "forecasts": [],
    }
    if made is None:
        return visit.show("demand.html", **view)
    whole, heat, weeks, by_store, by_skill = made
    view["tried"], view["fault"] = await _tried(visit, asked)
    told = await forecast_demand(visit.context, visit.caller, (asked.store,) if asked.store else ())
    words = visit.words
    charts = [
        _heat(heat, words, [names[at] for at in range(7)]),
        weekly(weeks, words, "weeks", ("fill_rate", "lost_demand", "store_utilisation")),
        *(_band(one, words, number) for number, one in enumerate(told.stores)),
    ]
    view |= {
        "empty": whole.is_empty,
        "figures": [line for name in FIGURES if (line := line_of(whole, name)) is not None],
        "forecasts": [(number, asked.known.name_of(one.store_id), one) for number, one in enumerate(told.stores)],
        "balances": [
            (words.text("Store"), *_balance(by_store, "store_id", COLUMNS, words, asked.known.name_of)),
            (words.text("Skill"), *_balance(by_skill, "skill", SKILLED, words, str)),
        ],
        **pictured(charts, words),
    }
    return visit.show("demand.html", **view)


def _balance(
    record: ReportRecord, column: str, metrics: Sequence[str], words: Words, name_of: Callable[[str], str]
) -> tuple[list[str], list[tuple[str, list[str], str]]]:
    """Demand and capacity side by side: titles, and rows with their name, their figures, and what they come to."""
    titles = {one.metric: one.title for one in record.lines}
    rows = []
    for value in groups(record, column):
        lines = [line_of(record, name, **{column: value}) for name in metrics]
        full, idle = (None if one is None or one.value is None else float(one.value) for one in lines[-2:])
        verdict = (
            "short" if full is not None and full >= SHORT else "spare" if idle is not None and idle >= SPARE else ""
        )
        rows.append((name_of(value), [rate(words, one.value if one else None) for one in lines], verdict))
    return [titles.get(name, name) for name in metrics], rows


async def _tried(visit: Visit, asked: Asked) -> tuple[WhatIf | None, str]:
    """What the address's change would have won, or what is wrong with it."""
    query = visit.request.query_params
    if "more" not in query:
        return None, ""
    more = query.get("more", "0")
    change: dict[str, Any] = {"on": [one for one in query.getlist("on") if one]}
    change |= {name: query[name] for name in ("opens", "closes") if query.get(name)}
    if more in ("", "0"):
        change |= {"kind": "OPEN_LONGER"}
    else:  # what is no number, or too large a one, is refused in words
        change |= {"kind": "ADD_TECHNICIANS", "technicians": int(more) if more.isdecimal() and len(more) < 10 else more}
    body = {
        "firstDay": asked.first.isoformat(),
        "pastDay": asked.past.isoformat(),
        "changes": [change],
        "storeIds": [asked.store] if asked.store else [],
        **({"costPerHour": query["cost"]} if query.get("cost") else {}),
    }
    try:
        return await what_if(visit.context, visit.caller, convert(body, AskWhatIf)), ""
    except BodyFault as fault:
        if fault.fault.name.startswith("costPerHour"):
            return None, visit.words.text("A cost is an amount such as 35 or 35.50.")
        return None, fault.fault.reason
    except ApiError as refusal:
        return None, "; ".join(one.details or one.message for one in refusal.faults)


def _heat(record: ReportRecord, words: Words, days: list[str]) -> Chart:
    cells = [
        (int(one.group["wanted_hour"] or 0), int(one.group["wanted_weekday"] or 1) - 1, float(one.numerator))
        for one in record.lines
        if one.metric == "demand_wanted" and one.group["wanted_weekday"] is not None
    ]
    hours = [f"{hour:02}" for hour in range(24)]
    title = words.text("When buyers want to be visited")
    return Chart("heat", "heat", hours, [Series(title, [])], "", days, cells)


def _band(one: StoreForecast, words: Words, number: int) -> Chart:
    first, past = date.fromisoformat(one.days[0].day), one.history[-_SHOWN_DAYS:]
    labels = [words.short_date(first + timedelta(days=at)) for at in range(-len(past), len(one.days))]
    before, after = [None] * len(past), [None] * len(one.days)
    return Chart(
        f"forecast-{number}",
        "band",
        labels,
        [
            Series(words.text("Orders"), [*map(float, past), *after]),
            Series(words.text("Expected"), [*before, *(day.expected for day in one.days)]),
            Series(words.text("at least"), [*before, *(day.low for day in one.days)]),
            Series(words.text("at most"), [*before, *(day.high for day in one.days)]),
        ],
    )


async def download(visit: Visit) -> Response:
    """GET: demand by store and week as a file."""
    return await sheet(visit, "demand", await read_asked(visit), "store_id", "week_start")


async def download_wishes(visit: Visit) -> Response:
    """GET: when buyers want to be visited, by weekday and hour, as a file."""
    return await sheet(visit, "demand", await read_asked(visit), "wanted_weekday", "wanted_hour")


ROUTES = [
    page("/{seller}/demand", show, "measure"),
    page("/{seller}/demand.{kind}", download, "measure"),
    page("/{seller}/demand/wishes.{kind}", download_wishes, "measure"),
]

"""Reports on facts that are brought up to the event log first."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

from fieldserve.operations.facts import refresh_facts
from fieldserve.operations.report_files import CONTENT_TYPES, WRITERS
from fieldserve.operations.run import Caller, Context, aside, read
from fieldserve.operations.sellers import find_seller
from fieldserve.wire.facts import FACTS_BUSY, NO_ANALYTICS, NO_FACTS
from fieldserve.wire.reports import BAD_REPORT, ReportAsk, ReportFile, ReportLine, ReportRecord, day_of

if TYPE_CHECKING:
    from fieldserve.analytics.engines import Facts
    from fieldserve.analytics.reports import Line, Report

T = TypeVar("T")

_TRIES, _PAUSE = 50, 0.1


async def make_report(
    context: Context, name: str, since: date | None, until: date | None, *, group_by: Sequence[str] = (), **chosen: Any
) -> "Report":
    """The report over local days; `chosen` is what `Filters` takes.

    Raises ReportFault, Unavailable, ApiError: NO_FACTS, FACTS_BUSY, NO_ANALYTICS."""

    def make(facts: "Facts") -> "Report":
        from fieldserve.analytics import reports
        from fieldserve.analytics.metrics import Filters

        first, last = reports.period(facts.as_of, since, until)
        return reports.make(facts, name, Filters(first, last, facts.as_of, **chosen), group_by)

    return await on_facts(context, make)


async def get_report(context: Context, caller: Caller, name: str, asked: ReportAsk) -> ReportRecord:
    """The seller's report. Raises ApiError: NO_SELLER, BAD_REPORT, NO_FACTS, FACTS_BUSY, NO_ANALYTICS."""
    made = await _of_seller(context, caller, name, asked)
    return ReportRecord(
        made.name,
        made.filters.since.isoformat(),
        made.filters.until.isoformat(),
        made.filters.as_of.isoformat() + "Z",
        list(made.group_by),
        made.is_empty,
        [_line(made, one) for one in made.lines],
    )


async def export_report(context: Context, caller: Caller, name: str, file_format: str, asked: ReportAsk) -> ReportFile:
    """The seller's report as a file. Raises ApiError as get_report does."""
    made = await _of_seller(context, caller, name, asked)
    content = WRITERS[file_format](made)
    assert isinstance(content, str), "a workbook is not offered here"
    file_name = f"{name}-{made.filters.since}-{made.filters.until}.{file_format}"
    return ReportFile(CONTENT_TYPES[file_format], file_name, content)


async def _of_seller(context: Context, caller: Caller, name: str, asked: ReportAsk) -> "Report":
    since, until = day_of(asked.first_day), day_of(asked.past_day)
    await read(context, lambda c: find_seller(c, caller), snapshot=False)
    if find_spec("ibis") is None:
        raise NO_ANALYTICS.error()

    async def make(outer: Context) -> "Report":
        from fieldserve.analytics.reports import ReportFault

        chosen: dict[str, Any] = {
            "seller_ids": (caller.seller_id,),
            "store_ids": tuple(asked.store_ids),
            "technician_ids": tuple(asked.technician_ids),
            "grace_minutes": float(asked.grace_minutes),
        }
        try:
            return await make_report(outer, name, since, until, group_by=asked.group_by, **chosen)
        except ReportFault as fault:
            raise BAD_REPORT.error(why=str(fault)) from None

    return await aside(context, make)


def _line(made: "Report", line: "Line") -> ReportLine:
    def plain(value: Any) -> Any:
        return str(value) if isinstance(value, Decimal) else value

    return ReportLine(
        {name: None if one is None else str(one) for name, one in zip(made.group_by, line.group, strict=True)},
        line.metric.name,
        line.metric.title,
        line.metric.unit,
        plain(line.value),
        plain(line.numerator),
        line.denominator,
        line.low,
        line.high,
        plain(line.before),
        line.metric.goal,
        line.in_goal,
        line.rank,
    )


async def on_facts(context: Context, use: "Callable[[Facts], T]") -> T:
    """What somebody makes of the facts, brought up to the event log, in a thread of its own.

    Raises Unavailable, ApiError: NO_FACTS, FACTS_BUSY, NO_ANALYTICS."""
    try:
        from fieldserve.analytics.engines import NoFacts, open_facts
        from fieldserve.analytics.home import Busy
    except ModuleNotFoundError:
        raise NO_ANALYTICS.error() from None

    def run() -> T:
        facts = open_facts(context.settings.facts_folder)
        try:
            return use(facts)
        finally:
            facts.close()

    for _ in range(_TRIES):
        try:
            await refresh_facts(context)
            break
        except Busy:  # by somebody who is soon done: most refreshes take part of a second
            await asyncio.sleep(_PAUSE)
    else:
        raise FACTS_BUSY.error()
    try:
        return await asyncio.to_thread(run)
    except NoFacts:
        raise NO_FACTS.error() from None

"""Reports on facts that are brought up to the event log first."""

import asyncio
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from fieldserve.operations.facts import refresh_facts
from fieldserve.operations.report_files import CONTENT_TYPES, WRITERS
from fieldserve.operations.run import Caller, Context, aside, read
from fieldserve.operations.sellers import find_seller
from fieldserve.store.events import last_sequence
from fieldserve.wire.facts import FACTS_BUSY, NO_ANALYTICS, NO_FACTS
from fieldserve.wire.reports import (
    BAD_REPORT,
    MOST_JOBS,
    CountedJob,
    CountedJobs,
    ReportAsk,
    ReportFile,
    ReportLine,
    ReportRecord,
    day_of,
)

if TYPE_CHECKING:
    from fieldserve.analytics.engines import Facts
    from fieldserve.analytics.metrics import Filters
    from fieldserve.analytics.reports import Behind, Line, Report

T = TypeVar("T")

_TRIES, _PAUSE = 50, 0.1
_EVERY_JOB = 10_000_000


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


async def find_behind(
    context: Context, metric: str, since: date | None, until: date | None, **chosen: Any
) -> "list[Behind]":
    """The jobs that a metric is made of, the newest first; `chosen` is what `Filters` takes. Raises as make_report."""

    def find(facts: "Facts") -> "list[Behind]":
        from fieldserve.analytics import reports
        from fieldserve.analytics.metrics import Filters

        first, past = reports.period(facts.as_of, since, until)
        return reports.behind(facts, metric, Filters(first, past, facts.as_of, **chosen), {}, False, _EVERY_JOB)

    return await on_facts(context, find)


async def get_report(context: Context, caller: Caller, name: str, asked: ReportAsk) -> ReportRecord:
    """The seller's report. Raises ApiError: NO_SELLER, BAD_REPORT, NO_FACTS, FACTS_BUSY, NO_ANALYTICS."""
    (made,) = await get_reports(context, caller, [(name, asked)])
    return made


async def get_reports(context: Context, caller: Caller, wanted: Sequence[tuple[str, ReportAsk]]) -> list[ReportRecord]:
    """Several of the seller's reports, on the same facts. Raises ApiError as get_report does."""
    kept = context.kept_reports.as_of(await read(context, last_sequence, snapshot=False))
    keys = [(caller.seller_id, name, msgspec.json.encode(asked)) for name, asked in wanted]
    missing = [at for at, key in enumerate(keys) if key not in kept]

    def make(facts: "Facts") -> "list[Report]":
        from fieldserve.analytics import reports

        asks = [wanted[at] for at in missing]
        return [reports.make(facts, name, _filters(facts, caller, asked), asked.group_by) for name, asked in asks]

    if missing:
        days = [day for at in missing for day in (wanted[at][1].first_day, wanted[at][1].past_day)]
        made = await _asked_of_seller(context, caller, days, make)
        kept |= {keys[at]: _record(one) for at, one in zip(missing, made, strict=True)}
    return [kept[key] for key in keys]


async def export_report(context: Context, caller: Caller, name: str, file_format: str, asked: ReportAsk) -> ReportFile:
    """The seller's report as a file: csv, html or xlsx. Raises ApiError as get_report does."""
    file_name, content = await write_report(context, caller, name, file_format, asked)
    if isinstance(content, bytes):
        return ReportFile(CONTENT_TYPES[file_format], file_name, b64encode(content).decode(), "base64")
    return ReportFile(CONTENT_TYPES[file_format], file_name, content)


async def write_report(
    context: Context, caller: Caller, name: str, file_format: str, asked: ReportAsk
) -> tuple[str, str | bytes]:
    """A name for the file, and the seller's report in any of the formats. Raises ApiError as get_report does."""

    def make(facts: "Facts") -> "Report":
        from fieldserve.analytics import reports

        return reports.make(facts, name, _filters(facts, caller, asked), asked.group_by)

    made = await _asked_of_seller(context, caller, [asked.first_day, asked.past_day], make)
    return f"{name}-{made.filters.since}-{made.filters.until}.{file_format}", WRITERS[file_format](made)


async def list_counted_jobs(
    context: Context,
    caller: Caller,
    metric: str,
    asked: ReportAsk,
    group: Mapping[str, str | None],
    *,
    only_counted: bool = False,
) -> CountedJobs:
    """The very jobs that a figure of a report is made of; `asked.group_by` does not matter.

    Raises ApiError: NO_SELLER, BAD_REPORT, NO_FACTS, FACTS_BUSY, NO_ANALYTICS."""

    def find(facts: "Facts") -> CountedJobs:
        from fieldserve.analytics.reports import behind

        filters = _filters(facts, caller, asked)
        found = behind(facts, metric, filters, group, only_counted, MOST_JOBS + 1)
        jobs = [
            CountedJob(one.service_job_id, one.day.isoformat(), one.counts, one.appointment_id)
            for one in found[:MOST_JOBS]
        ]
        return CountedJobs(metric, jobs, len(found) <= MOST_JOBS)

    return await _asked_of_seller(context, caller, [asked.first_day, asked.past_day], find)


def title_of(metric: str) -> str:
    """What a metric is called; its name where there is none."""
    from fieldserve.analytics.metrics import METRICS

    return METRICS[metric].title if metric in METRICS else metric


def _record(made: "Report") -> ReportRecord:
    return ReportRecord(
        made.name,
        made.filters.since.isoformat(),
        made.filters.until.isoformat(),
        made.filters.as_of.isoformat() + "Z",
        list(made.group_by),
        made.is_empty,
        [_line(made, one) for one in made.lines],
    )


def _filters(facts: "Facts", caller: Caller, asked: ReportAsk) -> "Filters":
    from fieldserve.analytics import reports
    from fieldserve.analytics.metrics import Filters

    first, past = reports.period(facts.as_of, day_of(asked.first_day), day_of(asked.past_day))
    stores, technicians = tuple(asked.store_ids), tuple(asked.technician_ids)
    grace = float(asked.grace_minutes)
    return Filters(first, past, facts.as_of, (caller.seller_id,), stores, technicians, grace_minutes=grace)


async def _asked_of_seller(
    context: Context, caller: Caller, days: Sequence[str | None], use: "Callable[[Facts], T]"
) -> T:
    """What somebody makes of the facts for a seller. Raises ApiError: NO_SELLER, BAD_REPORT, and as on_facts does."""
    for day in days:
        day_of(day)
    await read(context, lambda c: find_seller(c, caller), snapshot=False)
    if find_spec("ibis") is None:
        raise NO_ANALYTICS.error()

    async def make(outer: Context) -> T:
        from fieldserve.analytics.reports import ReportFault

        try:
            return await on_facts(outer, use)
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
        None if line.peers is None else float(line.peers),
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

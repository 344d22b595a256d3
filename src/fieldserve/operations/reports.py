"""Reports on facts that are brought up to the event log first."""

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from fieldserve.operations.facts import refresh_facts
from fieldserve.operations.run import Context

if TYPE_CHECKING:
    from fieldserve.analytics.reports import Report


async def make_report(
    context: Context, name: str, since: date | None, until: date | None, *, group_by: Sequence[str] = (), **chosen: Any
) -> "Report":
    """The report over local days; `chosen` is what `Filters` takes. Raises NoFacts, Busy, ReportFault, Unavailable."""
    await refresh_facts(context)
    return await asyncio.to_thread(_make, context, name, since, until, group_by, chosen)


def _make(
    context: Context, name: str, since: date | None, until: date | None, group_by: Sequence[str], chosen: dict[str, Any]
) -> "Report":
    from fieldserve.analytics import reports
    from fieldserve.analytics.engines import open_facts
    from fieldserve.analytics.metrics import Filters

    facts = open_facts(context.settings.facts_folder)
    try:
        first, last = reports.period(facts.as_of, since, until)
        return reports.make(facts, name, Filters(first, last, facts.as_of, **chosen), group_by)
    finally:
        facts.close()

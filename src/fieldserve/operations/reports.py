"""Reports on facts that are brought up to the event log first."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

from fieldserve.operations.facts import refresh_facts
from fieldserve.operations.run import Context
from fieldserve.wire.facts import FACTS_BUSY, NO_ANALYTICS, NO_FACTS

if TYPE_CHECKING:
    from fieldserve.analytics.engines import Facts
    from fieldserve.analytics.reports import Report

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

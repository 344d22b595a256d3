"""`fieldserve report`: what the facts say of technicians, targets, payments and demand."""

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fieldserve.cli.forecast import forecast
from fieldserve.cli.options import where_data_is
from fieldserve.cli.reporting import FORMAT, FROM, OUTPUT, TO, needs_output, run_report, write_out
from fieldserve.cli.weekly import weekly
from fieldserve.cli.what_if import what_if
from fieldserve.operations.report_files import WRITERS, jobs_csv

if TYPE_CHECKING:
    from fieldserve.analytics.reports import Behind, Report
    from fieldserve.operations.run import Context


_REPORTS = {
    "audit": "What technicians did: on time, inside the window, broken promises, time on site, utilisation.",
    "scorecard": "The published targets of providers, and whether they are met.",
    "payments": "What was earned, is pending, declined or lost, by currency.",
    "demand": "What buyers wanted, what found no appointment, and the capacity there was.",
}


@click.group()
def report() -> None:
    """Report on a period, after the facts were brought up to the event log.

    By group, rates are ranked by what is certain of them.
    """


def _reporter(name: str, says: str) -> None:
    @report.command(name, help=says)
    @FROM
    @TO
    @click.option(
        "--seller", "sellers", multiple=True, metavar="ID", help="Only this seller; may be given several times."
    )
    @click.option("--store", "stores", multiple=True, metavar="ID", help="Only this store; may be given several times.")
    @click.option("--technician", "technicians", multiple=True, metavar="ID", help="Only this technician; likewise.")
    @click.option(
        "--group-by", "group_by", multiple=True, metavar="COLUMN", help="Such as technician_id or week_start."
    )
    @click.option(
        "--grace", type=click.FloatRange(0), default=0.0, show_default=True, help="Minutes of grace at the start."
    )
    @click.option("--jobs", metavar="METRIC", help="Instead, the very jobs that this figure is made of, as CSV.")
    @FORMAT
    @OUTPUT
    @where_data_is
    def command(
        since: datetime | None,
        until: datetime | None,
        sellers: tuple[str, ...],
        stores: tuple[str, ...],
        technicians: tuple[str, ...],
        group_by: tuple[str, ...],
        grace: float,
        jobs: str | None,
        format_: str,
        output: Path | None,
        **given: Any,
    ) -> None:
        needs_output(format_, output)
        chosen: dict[str, Any] = {
            "seller_ids": sellers,
            "store_ids": stores,
            "technician_ids": technicians,
            "grace_minutes": grace,
        }
        days = (since.date() if since else None, until.date() if until else None)

        if jobs is not None:
            rows: list[Behind] = run_report(given, lambda context: _behind(context, jobs, days, chosen))
            write_out(jobs_csv(rows), output, len(rows))
            return

        async def use(context: "Context") -> "Report":
            from fieldserve.operations.reports import make_report

            return await make_report(context, name, *days, group_by=group_by, **chosen)

        made: Report = run_report(given, use)
        write_out(WRITERS[format_](made), output, len(made.lines))


for _name, _says in _REPORTS.items():
    _reporter(_name, _says)
report.add_command(what_if)
report.add_command(forecast)
report.add_command(weekly)


async def _behind(
    context: "Context", metric: str, days: tuple[date | None, date | None], chosen: dict[str, Any]
) -> "list[Behind]":
    from fieldserve.operations.reports import find_behind

    return await find_behind(context, metric, *days, **chosen)

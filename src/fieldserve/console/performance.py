"""Performance: the targets of providers, their trend, broken promises, technicians. /console/{seller}/performance"""

from typing import Any

from starlette.responses import Response

from fieldserve.console.pages import Visit, page
from fieldserve.console.reporting import (
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
from fieldserve.operations.reports import list_counted_jobs, title_of
from fieldserve.wire.reports import ReportLine

TRENDS = ("target_cancellation", "target_reschedule", "target_late_start", "target_late_completion", "perfect_orders")
TARGETS = (*TRENDS, "average_stars", "target_negative_feedback", "target_claims")
BREAKS = (
    "break_no_show",
    "break_late_start",
    "break_overrun",
    "break_provider_reschedule",
    "break_provider_cancellation",
    "break_missing_proof",
)
COLUMNS = ("on_time_start", "completed_in_window", "fulfilment_breaks", "break_no_show", "time_on_site")


async def show(visit: Visit) -> Response:
    """GET: the page."""
    asked = await read_asked(visit)
    made = await reports(
        visit,
        asked,
        ("scorecard", ()),
        ("scorecard", ("week_start",)),
        ("audit", ()),
        ("audit", ("technician_id",)),
        ("scorecard", ("technician_id",)),
    )
    view: dict[str, Any] = {
        "asked": asked,
        "here": visit.words,
        "figure": figure,
        "rate": rate,
        **pictured((), visit.words),
        "empty": made is None,
    }
    if made is None:
        return visit.show("performance.html", **view)
    targets, weeks, audit, team, team_targets = made
    names = {one.technician_id: one.name for one in asked.known.technicians}
    breaks = [line for name in BREAKS if (line := line_of(audit, name)) is not None]
    words = visit.words
    charts = [
        weekly(weeks, words, "trend", TRENDS),
        Chart(
            "breaks",
            "bars",
            [words.text(one.title) for one in breaks],
            [Series(words.text("Broken promises"), [float(one.value or 0) for one in breaks])],
            "%",
        ),
    ]
    rows = [
        (
            technician_id,
            names.get(technician_id, technician_id),
            [line_of(team, name, technician_id=technician_id) for name in COLUMNS],
            line_of(team_targets, "perfect_orders", technician_id=technician_id),
        )
        for technician_id in groups(team, "technician_id")
    ]
    rows.sort(key=lambda row: (row[2][0].rank or 10**6 if row[2][0] else 10**6, row[1]))
    view |= {
        "empty": targets.is_empty and audit.is_empty,
        "targets": [line for name in TARGETS if (line := line_of(targets, name)) is not None and _is_told(line)],
        "breaks": breaks,
        "columns": [line.title for name in COLUMNS if (line := line_of(audit, name)) is not None],
        "rows": rows,
        "everybody": ([line_of(audit, name) for name in COLUMNS], line_of(targets, "perfect_orders")),
        **pictured(charts, words),
    }
    return visit.show("performance.html", **view)


def _is_told(line: ReportLine) -> bool:
    """What nobody has imported is left out; a target without a job shows a dash."""
    return line.denominator > 0 or line.metric in TRENDS


async def show_jobs(visit: Visit) -> Response:
    """GET: the very jobs that a figure is made of, those that it counts first."""
    asked = await read_asked(visit)
    query = visit.request.query_params
    metric = query.get("metric", "")
    found = await list_counted_jobs(visit.context, visit.caller, metric, asked.of(), {})
    names = {one.technician_id: one.name for one in asked.known.technicians}
    return visit.show(
        "counted.html",
        asked=asked,
        title=title_of(metric),
        technician=names.get(asked.technician, ""),
        jobs=sorted(found.jobs, key=lambda one: not one.counted),
        complete=found.complete,
        here=visit.words,
    )


async def download(visit: Visit) -> Response:
    """GET: the audit of technicians as a file."""
    return await sheet(visit, "audit", await read_asked(visit), "technician_id")


ROUTES = [
    page("/{seller}/performance", show, "measure"),
    page("/{seller}/performance/jobs", show_jobs, "measure"),
    page("/{seller}/performance.{kind}", download, "measure"),
]

"""Reports as the operator API answers them. What each metric means stands in the reference of metrics."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from fieldserve.wire.errors import Says
from fieldserve.wire.parameters import Parameter
from fieldserve.wire.parts import Part
from fieldserve.wire.plans import read_day

REPORTS = ("audit", "scorecard", "payments", "demand")
FILES = ("csv", "html", "xlsx")


class ReportLine(Part):
    """A metric of a group: `group` has the values of the columns that were asked for, null where a fact has none.

    Rates are between 0 and 1, `low` and `high` the bounds that 95 of 100 such samples allow, amounts are exact texts.
    `before` is the value of the period before, of the same length; `peers` that of all technicians or stores together,
    where the group is one of them."""

    group: dict[str, str | None]
    metric: str
    title: str
    unit: str
    value: float | str | None
    numerator: int | str
    denominator: int
    low: float | None = None
    high: float | None = None
    before: float | str | None = None
    goal: float | None = None
    in_goal: bool | None = None
    rank: int | None = None
    peers: float | None = None


class ReportRecord(Part):
    """A report on local days from `firstDay` up to but without `pastDay`."""

    report: str
    first_day: str
    past_day: str
    as_of: str
    group_by: list[str]
    is_empty: bool
    lines: list[ReportLine]


@dataclass(frozen=True, slots=True)
class ReportAsk:
    """What a report is asked for: days as texts, ids that narrow it, columns to group by."""

    first_day: str | None = None
    past_day: str | None = None
    store_ids: Sequence[str] = ()
    technician_ids: Sequence[str] = ()
    group_by: Sequence[str] = ()
    grace_minutes: int = 0


class CountedJob(Part):
    """A job, or one of its appointments, that a figure is made of; `counted` whether it is in the numerator, too."""

    service_job_id: str
    day: str
    counted: bool
    appointment_id: str | None = None


class CountedJobs(Part):
    """The newest first; `complete` tells whether they are all."""

    metric: str
    jobs: list[CountedJob]
    complete: bool


class ReportFile(Part):
    """A report as a file: what it is, and its text; of a workbook its bytes as Base64, as `encoding` says."""

    content_type: str
    file_name: str
    content: str
    encoding: Literal["text", "base64"] = "text"


# ---- parameters

REPORT = Parameter("report", "path", required=True, choices=REPORTS, says="which")
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
FILTERS = (
    Parameter("firstDay", "query", pattern=_DAY, says="first local day; 60 days before the end if absent"),
    Parameter(
        "pastDay", "query", pattern=_DAY, says="first local day that no longer counts; after the newest if absent"
    ),
    Parameter("storeIds", "query", "array", max_items=100, says="only these stores"),
    Parameter("technicianIds", "query", "array", max_items=100, says="only these technicians"),
    Parameter("groupBy", "query", "array", max_items=5, says="columns, such as technician_id or week_start"),
    Parameter("graceMinutes", "query", "integer", minimum=0, maximum=1440, default=0, says="of grace at the start"),
)
METRIC = Parameter("metric", "path", required=True, max_length=60, says="a metric's name")
GROUP = Parameter(
    "group",
    "query",
    "array",
    max_items=5,
    says="of a group only, such as technician_id:ann; nothing behind the colon: null",
)
COUNTED = Parameter("counted", "query", choices=("true", "false"), says="true: only what is in the numerator")
MOST_JOBS = 5_000

FORMAT = Parameter("format", "query", required=True, choices=FILES, says="a table, a page that prints, or a workbook")

BAD_REPORT = Says(
    400, "InvalidInput", "{why}.", "the period has no day, there is no such column or metric, or it is not made of jobs"
)


def day_of(text: str | None) -> date | None:
    """The day that a parameter names, None for none. Raises ApiError: BAD_REPORT."""
    if text is None:
        return None
    day = read_day(text)
    if day is None:
        raise BAD_REPORT.error(why=f"{text} is no day")
    return day

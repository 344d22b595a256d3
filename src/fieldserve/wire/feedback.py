"""Feedback and claims on the wire: what buyers say of jobs that are done, which the marketplace tells and somebody
imports."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from msgspec import Meta

from fieldserve.wire.limits import Ask
from fieldserve.wire.parameters import ParameterFault
from fieldserve.wire.parts import Part
from fieldserve.wire.plans import read_day
from fieldserve.wire.times import Instant, TimeFault, has_local_dates, parse

CLAIMS = ("NONE", "FILED", "GRANTED")
COLUMNS = ("serviceJobId", "date", "stars", "claim")
MOST_STARS = 5
MOST_ENTRIES = 10_000
MOST_FAULTS = 100
"""Faults that an answer names; it counts the rest."""

_OFFSET = re.compile(r"T.*(Z|[+-]\d{2}(:?\d{2})?)$")
_NUMBER = re.compile(r"\d+")


class FeedbackEntry(Ask):
    """What the buyer of one job said: `stars` from 1 to 5, a `claim` (NONE, FILED or GRANTED), or both; and when: a day
    in the store's zone, or an instant. What a later import says of a job replaces what was known of it."""

    service_job_id: str
    date: str
    stars: int | None = None
    claim: str | None = None


class ImportFeedback(Ask):
    """Entries that are all taken, or none."""

    entries: Annotated[tuple[FeedbackEntry, ...], Meta(min_length=1, max_length=MOST_ENTRIES)]


class ReplacedFeedback(Part):
    """What was known of a job and is replaced. `what` is stars or claim; dates are days in the store's zone."""

    service_job_id: str
    what: str
    was: str
    was_date: str
    now: str
    now_date: str


class FeedbackImported(Part):
    """How many stars and claims are new, known already, or replace what was known, and what that was."""

    added: int
    unchanged: int
    replaced: list[ReplacedFeedback]


@dataclass(frozen=True, slots=True)
class Line:
    """An entry, and what it is called where it is at fault: `line 7`, or `entries[6]`."""

    name: str
    entry: FeedbackEntry


def named(entries: Iterable[FeedbackEntry]) -> list[Line]:
    """The entries of a request."""
    return [Line(f"entries[{at}]", one) for at, one in enumerate(entries)]


def read_csv(text: str) -> tuple[list[Line], list[ParameterFault]]:
    """The lines of a CSV file, whose first one names the columns in any order, and what is wrong with the others.

    Empty cells are as good as absent; so are lines without anything."""
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    lines: list[Line] = []
    faults: list[ParameterFault] = []
    columns: list[str] | None = None
    begins = 1
    try:
        for row in rows:
            name, begins = f"line {begins}", rows.line_num + 1
            cells = [one.strip() for one in row]
            if not any(cells):
                continue
            if columns is None:
                columns = cells
                if wrong := _column_faults(columns):
                    return [], wrong
            elif len(cells) != len(columns):
                faults.append(_fault(name, f"has {len(cells)} cells, and there are {len(columns)} columns"))
            elif isinstance(found := _read_row(name, dict(zip(columns, cells, strict=True))), Line):
                lines.append(found)
            else:
                faults.append(found)
    except csv.Error as fault:
        faults.append(_fault(f"line {begins}", f"is no CSV: {fault}"))
    if not lines and not faults:
        faults.append(ParameterFault("file", "the file has no line with feedback or a claim"))
    if len(lines) > MOST_ENTRIES:
        faults.append(ParameterFault("file", f"the file has more than {MOST_ENTRIES} lines, cut it in two"))
    return lines, faults


def _column_faults(columns: Sequence[str]) -> list[ParameterFault]:
    wanted = f"the columns are {', '.join(COLUMNS)}"
    wrong = [f"{one or 'an empty one'} is none of them" for one in columns if one not in COLUMNS]
    wrong += [f"{one} is there twice" for one in COLUMNS if columns.count(one) > 1]
    wrong += [f"{one} is missing" for one in COLUMNS[:2] if one not in columns]
    if not {"stars", "claim"} & set(columns):
        wrong.append("stars or claim is missing")
    return [ParameterFault("line 1", f"line 1: {wanted}, and {one}") for one in wrong]


def _read_row(name: str, row: dict[str, str]) -> Line | ParameterFault:
    stars: Any = row.get("stars") or None
    if stars is not None:
        if not (stars.isascii() and stars.isdecimal() and len(stars) < 9):
            return _fault(name, f"stars must be a whole number from 1 to {MOST_STARS}, not {_short(stars)}")
        stars = int(stars)
    entry = FeedbackEntry(
        service_job_id=row["serviceJobId"], date=row["date"], stars=stars, claim=row.get("claim") or None
    )
    return Line(name, entry)


def entry_faults(lines: Sequence[Line]) -> list[ParameterFault]:
    """What is wrong with entries, without looking anything up. Of a job there is one feedback, and one claim."""
    faults: list[ParameterFault] = []
    seen: dict[tuple[str, str], str] = {}
    for line in lines:
        entry, name = line.entry, line.name
        if not may_be_id(entry.service_job_id):
            faults.append(_fault(name, f"serviceJobId is no id of a job: {_short(entry.service_job_id)}"))
        if entry.stars is None and entry.claim is None:
            faults.append(_fault(name, "stars, claim or both must be there"))
        if entry.stars is not None and not 1 <= entry.stars <= MOST_STARS:
            faults.append(_fault(name, f"stars must be from 1 to {MOST_STARS}, not {entry.stars}"))
        if entry.claim is not None and entry.claim not in CLAIMS:
            faults.append(_fault(name, f"claim must be {', '.join(CLAIMS)}, not {_short(entry.claim)}"))
        if read_when(entry.date) is None:
            faults.append(_fault(name, f"date must be a day or an instant with its offset, not {_short(entry.date)}"))
        for what in ("stars", "claim"):
            if getattr(entry, what) is not None:
                first = seen.setdefault((entry.service_job_id, what), name)
                if first != name:
                    faults.append(_fault(name, f"{first} says the {what} of job {_short(entry.service_job_id)}, too"))
    return faults


def read_when(text: str) -> date | Instant | None:
    """The day or the instant that an entry names; None where it is neither. An instant has its offset."""
    if (day := read_day(text)) is not None:
        return day
    if not _OFFSET.search(text):
        return None
    try:
        instant = parse(text)
    except TimeFault:
        return None
    return instant if has_local_dates(instant) else None


def may_be_id(text: str) -> bool:
    """Whether a job can have that id, so that it can be looked for."""
    return 0 < len(text) <= 63 and text.isprintable()


def at_fault(line: Line, why: str) -> ParameterFault:
    """A fault of a line."""
    return _fault(line.name, why)


def in_order(faults: Sequence[ParameterFault]) -> list[ParameterFault]:
    """The first faults in the order of the lines, and how many more there are."""
    found = sorted(faults, key=lambda one: int(number[0]) if (number := _NUMBER.search(one.name)) else 0)
    if len(found) <= MOST_FAULTS:
        return found
    return [*found[:MOST_FAULTS], ParameterFault("more", f"and {len(found) - MOST_FAULTS} more")]


def _fault(name: str, why: str) -> ParameterFault:
    return ParameterFault(name, f"{name}: {why}")


def _short(text: str) -> str:
    shown = text if text.isprintable() else repr(text)[1:-1]
    return (shown if len(shown) <= 60 else shown[:60] + "…") or "nothing"

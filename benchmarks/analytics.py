"""How fast the audit of ten million appointments is, against pandas, and a refresh of one day's events.

Prints tables. Everything is made up by DuckDB and the same each time. `--appointments` for another size, `--rounds`.

The audit is that of the reports: every metric of audit and scorecard that is made of appointments, by technician and
week, over three years, in a file a day and one for each month that is over, as the house writes them. What is made of
hours (utilisation, travel) and of feedback is not in it. Both read the same Parquet files and must come to the same
numbers; pandas reads only the columns that it needs. Each has a process of its own, so that the peak of its memory is
its own. The refresh is that of the server: events from a database on disk, rows of the touched days rewritten, which
have the made-up appointments in them as well.
"""

import argparse
import asyncio
import multiprocessing
import os
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from fieldserve.analytics import packs
from fieldserve.analytics.engines import Facts, open_facts
from fieldserve.analytics.entries import Entry
from fieldserve.analytics.facts import APPOINTMENT_FACTS, APPOINTMENT_TECHNICIANS, Table
from fieldserve.analytics.home import (
    MANIFEST,
    File,
    Home,
    Manifest,
    dump_manifest,
    read_manifest,
    schema,
    sort_by_key,
    write_parquet,
)
from fieldserve.analytics.local import to_day
from fieldserve.analytics.metrics import METRICS, Filters, counting, together
from fieldserve.analytics.reports import REPORTS
from fieldserve.app import opened
from fieldserve.config import Settings
from fieldserve.domain.intervals import DAY, HOUR, MINUTE
from fieldserve.operations.facts import pack_facts, refresh_facts
from fieldserve.operations.run import Context
from fieldserve.store import events
from fieldserve.store.events import Event
from tests.analytics.log import START, Log, Told

FIRST = date(2024, 1, 1)
WEEKS = 3 * 52
TECHNICIANS = 2000
MEMORY = "2GB"


# ---- made-up facts


TABLES = (APPOINTMENT_FACTS, APPOINTMENT_TECHNICIANS)


def make(folder: Path, appointments: int, weeks: int) -> None:
    """Facts of so many appointments, a fifth of them with two technicians, in a file a day for each of two tables."""
    connection = duckdb.connect(config={"memory_limit": MEMORY, "threads": os.cpu_count() or 1})
    files: dict[str, list[File]] = {table.name: [] for table in TABLES}
    each = appointments // weeks
    for week in range(weeks):
        monday = FIRST + timedelta(weeks=week)
        connection.execute(_APPOINTMENTS.format(first=week * each, count=each, monday=monday))
        for table, query in zip(TABLES, ("made", _TEAM.format(all=TECHNICIANS)), strict=True):
            found = connection.sql(f"SELECT {', '.join(_typed(table, query))} FROM {query}").to_arrow_table()
            content = sort_by_key(table, found.cast(schema(table)))
            for day in (monday + timedelta(days=one) for one in range(7)):
                rows = content.filter(pc.equal(content["local_date"], pa.scalar(day)))
                path = folder / table.name / f"day={day}" / "part-0.parquet"
                path.parent.mkdir(parents=True)
                path.write_bytes(write_parquet(rows.combine_chunks()))
                told = path.relative_to(folder).as_posix()
                files[table.name].append(File(told, day.isoformat(), rows.num_rows, ""))
    as_of = (FIRST + timedelta(weeks=weeks) - date(1970, 1, 1)).days * DAY
    (folder / MANIFEST).write_bytes(dump_manifest(Manifest(watermark=1, as_of=as_of, tables=files)))
    connection.close()


# hash() of DuckDB is the same everywhere; a salt for each column keeps them apart.
_APPOINTMENTS = """
CREATE OR REPLACE TABLE made AS
SELECT *,
    promised_start + INTERVAL 1 HOUR AS promised_end,
    CASE WHEN dice < 78 THEN 'COMPLETED' WHEN dice < 82 THEN 'ACTIVE' ELSE 'CANCELLED' END AS status,
    CASE WHEN dice < 82 THEN NULL WHEN dice % 2 = 0 THEN 'SELLER' ELSE 'BUYER' END AS broken_by,
    CASE WHEN dice < 78 THEN promised_start + to_minutes(late) END AS fulfilment_start,
    CASE WHEN dice < 78 THEN promised_start + to_minutes(late + took) END AS fulfilment_end,
    CASE WHEN dice < 78 THEN (promised_start + to_minutes(late + took))::DATE END AS fulfilment_end_date,
    CASE WHEN dice < 78 THEN late::DOUBLE END AS start_offset_minutes,
    CASE WHEN dice < 78 THEN (late + took - 60)::DOUBLE END AS end_offset_minutes,
    CASE WHEN dice < 78 THEN took::DOUBLE END AS on_site_minutes,
    CASE WHEN dice < 40 THEN (late - 10)::DOUBLE END AS arrival_offset_minutes,
    CASE WHEN dice < 40 THEN 30.0::DOUBLE END AS arrival_minutes,
    CASE WHEN dice < 40 THEN promised_start + INTERVAL 10 MINUTE END AS arrival_start,
    CASE WHEN dice >= 82 THEN (hash(n, 7) % 4000)::DOUBLE - 100 END AS notice_minutes,
    CASE WHEN dice < 78 THEN hash(n, 11) % 20 > 0 ELSE false END AS proof_attached
FROM (
    SELECT *,
        CASE WHEN dice < 78 THEN 'FULFILLED' WHEN dice < 82 THEN 'OPEN' WHEN dice < 92 THEN 'RESCHEDULED'
            ELSE 'CANCELLED' END AS outcome,
        local_date::TIMESTAMP + to_minutes((14 * 60 + hash(n, 12) % 600)::BIGINT) AS promised_start
    FROM (
        SELECT n, 'S' || hash(n, 1) % 20 AS seller_id, 'A' || lpad(n::VARCHAR, 10, '0') AS appointment_id,
            'J' || n AS service_job_id, 'store-' || hash(n, 2) % 200 AS store_id,
            DATE '{monday}' + (hash(n, 3) % 7)::INTEGER AS local_date, DATE '{monday}' AS week_start,
            (hash(n, 8) % 100)::INTEGER AS dice, 60.0::DOUBLE AS promised_minutes,
            ((hash(n, 4) % 100)::BIGINT - 20) AS late, (30 + hash(n, 6) % 90)::BIGINT AS took
        FROM (SELECT {first} + range AS n FROM range({count}))))
"""
_TEAM = """(
    SELECT *, 'T' || (hash(n, 9) + place * 7) % {all} AS technician_id, place + 1 AS position
    FROM made, (VALUES (0), (1)) AS places(place) WHERE place = 0 OR hash(n, 10) % 5 = 0)"""


def _typed(table: Table, query: str) -> list[str]:
    """All columns of the table, those that are not made up null or with something that is as large."""
    made = _MADE | {"technician_id", "position"}
    types = {"string": "VARCHAR", "int64": "BIGINT", "float64": "DOUBLE"}
    return [
        f"({one.name if one.name in made else _filler(one.type)})::{types.get(one.type, one.type)} AS {one.name}"
        for one in table.columns
    ]


_MADE = {
    # what metrics read
    *("seller_id", "appointment_id", "service_job_id", "store_id", "local_date", "week_start", "outcome", "status"),
    *("promised_start", "promised_end", "promised_minutes", "broken_by", "notice_minutes", "proof_attached"),
    *("fulfilment_start", "fulfilment_end", "fulfilment_end_date", "start_offset_minutes", "end_offset_minutes"),
    *("on_site_minutes", "arrival_offset_minutes", "arrival_minutes", "arrival_start"),
}


def _filler(type_: str) -> str:
    return {
        "string": "'filler-' || n % 1000",
        "int64": "n % 7",
        "float64": "(n % 1000)",
        "boolean": "n % 2 = 0",
        "date": "local_date",
        "timestamp": "local_date + INTERVAL (n % 1440) MINUTE",
    }.get(type_, "n")


# ---- the audit, twice

KEYS = ("technician_id", "week_start")
AUDIT = [
    metric
    for name in ("audit", "scorecard")
    for one in REPORTS[name]
    if (metric := METRICS[one]).rows is counting.visits
]
GRACE = 5.0


def audit(facts: Facts) -> Any:
    """As a report does it: all metrics of appointments in one pass."""
    until = facts.as_of.date()  # made up until then
    return together(AUDIT, facts, Filters(FIRST, until, facts.as_of, grace_minutes=GRACE), KEYS)


COLUMNS = [*sorted(_MADE - {"service_job_id", "store_id", "local_date", "promised_start"}), "local_date"]


def audit_in_pandas(files: dict[str, Any], as_of: datetime) -> pd.DataFrame:
    """The same in pandas, written with care: only the columns needed, each condition once, one pass to add up.

    `files` are lists of paths by table, which pandas takes though its types do not say so."""
    v: Any = pd.read_parquet(files["appointment_facts"], columns=COLUMNS, partitioning=None)
    keys = ["seller_id", "appointment_id", "technician_id"]
    team = pd.read_parquet(files["appointment_technicians"], columns=keys, partitioning=None)
    theirs = v.broken_by == "SELLER"
    ended = v.promised_end <= as_of
    answers = (ended | (v.outcome != "OPEN")) & (v.broken_by.isna() | theirs)
    due = ended & v.broken_by.isna() & (v.status != "CANCELLED")
    offset = v.arrival_offset_minutes.fillna(v.start_offset_minutes)
    length = v.arrival_minutes.fillna(v.promised_minutes)
    on_time = (offset >= -GRACE) & (offset <= length + GRACE)
    late = offset > length + GRACE
    no_show = ((due & (v.outcome == "OPEN")) | (theirs & (v.notice_minutes < 0))) & v.fulfilment_start.isna()
    overrun = v.end_offset_minutes > 0
    moved = (v.outcome == "RESCHEDULED") & theirs
    cancelled = v.outcome.isin(["CANCELLED", "NOT_FULFILLABLE"]) & theirs
    unproved = (v.outcome == "FULFILLED") & ~v.proof_attached
    broken = no_show | late | overrun | moved | cancelled | unproved
    over = ended | (v.outcome != "OPEN")
    midnight = v.fulfilment_end_date > v.local_date
    shares = {
        "on_time_start": (on_time, due),
        "completed_in_window": (v.end_offset_minutes <= 0, due),
        "eta_accuracy": (on_time, due & v.arrival_start.notna()),
        "fulfilment_breaks": (broken, answers),
        "break_no_show": (no_show, answers),
        "break_late_start": (late, answers),
        "break_overrun": (overrun, answers),
        "break_provider_reschedule": (moved, answers),
        "break_provider_cancellation": (cancelled, answers),
        "break_missing_proof": (unproved, answers),
        "target_cancellation": (cancelled, over),
        "target_reschedule": (moved, over),
        "target_late_start": (late, v.fulfilment_start.notna()),
        "target_late_completion": (midnight, v.fulfilment_end.notna()),
        "perfect_orders": ((v.outcome == "FULFILLED") & on_time & ~broken, answers),
    }
    counted = v[["seller_id", "appointment_id", "week_start"]].copy()
    for name, (counts, of) in shares.items():
        counted[f"{name}_numerator"] = (counts & of).astype("int64")
        counted[f"{name}_denominator"] = of.astype("int64")
    counted["time_on_site_numerator"] = np.floor(v.on_site_minutes * 60 + 0.5).fillna(0).astype("int64")
    counted["time_on_site_denominator"] = v.on_site_minutes.notna().astype("int64")
    joined = team.merge(counted, on=["seller_id", "appointment_id"])
    names = [f"{one.name}_{part}" for one in AUDIT for part in ("numerator", "denominator")]
    return joined.groupby(list(KEYS), sort=False, observed=True)[names].sum().reset_index()


def _ordered(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.assign(week_start=frame.week_start.astype(str).str[:10])
    return frame.sort_values(list(KEYS)).reset_index(drop=True)


Timed = tuple[float, float, float, pd.DataFrame]
"""The median and the least of the rounds in seconds, the process's peak in GB, and what was found."""


def timed(work: Callable[[], Any], rounds: int) -> Timed:
    seconds, answer = [], None
    for _ in range(rounds):
        begun = time.perf_counter()
        answer = work()
        seconds.append(time.perf_counter() - begun)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    frame = answer.to_pandas() if isinstance(answer, pa.Table) else answer
    assert isinstance(frame, pd.DataFrame), "there is at least one round"
    return statistics.median(seconds), min(seconds), peak, frame


def on_duckdb(folder: Path, rounds: int) -> Timed:
    facts = open_facts(folder, memory_limit=MEMORY)
    expression = audit(facts)
    expression.to_pyarrow()  # the first one reads the files from the disk
    found = timed(expression.to_pyarrow, rounds)
    facts.close()
    return found


def on_pandas(folder: Path) -> Timed:
    manifest = read_manifest(folder)
    assert manifest is not None, "the facts are made"
    assert manifest.as_of is not None, "the facts are made"
    as_of = datetime(1970, 1, 1) + timedelta(microseconds=manifest.as_of)  # noqa: DTZ001 (as the tables have it)
    files = {name: [str(one) for one in packs.paths(folder, manifest.tables[name])] for name in manifest.tables}
    return timed(lambda: audit_in_pandas(files, as_of), 1)


def alone(work: Callable[..., Any], *arguments: Any) -> Any:
    """What a function answers in a new process: its memory is its own, and given back."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


# ---- one day's events


def put_beside(home: Path, made: Path) -> None:
    """Put the made-up facts into those of the server, as if it had them from its log, on the same days as well."""
    manifest = read_manifest(made)
    assert manifest is not None, "the facts are made"
    into = Home(home)
    for table in TABLES:
        for file in manifest.tables[table.name]:
            day = to_day(date.fromisoformat(file.day or ""))
            rows = pa.parquet.read_table(made / file.path, partitioning=None)
            into.replace(table.name, day, sort_by_key(table, pa.concat_tables([into.read(table.name, day), rows])))
    as_of = into.manifest.as_of
    assert as_of is not None, "the server has facts"
    into.commit(into.manifest.watermark, as_of)


async def happen(context: Context, entries: Sequence[Entry]) -> None:
    """Put the entries into the server's log."""
    new = [Event(e.at, e.seller_id, "bench", e.kind, e.subject, None, e.before, e.after) for e in entries]
    await context.database.write(lambda c: events.append(c, *new))


async def refresh_day(folder: Path, days: int, a_day: int, rounds: int) -> tuple[list[float], list[float], int]:
    """Seconds of refreshes, each of one more day's events of a world with `days` behind it, beside what is made up; and
    of packing anew, each time, what they told of months that were over."""
    settings = Settings(data=folder / "data")
    log = Log(START)
    log.service()
    for store in range(10):
        log.store(f"store-{store}", "America/New_York")
        for number in range(10):
            log.technician(f"t-{store}-{number}", f"store-{store}", "America/New_York")
            log.hours(f"t-{store}-{number}", START + 4 * HOUR, START + 13 * HOUR, 365)
    seconds, packing, count, told, number = [], [], 0, 0, 0
    open_jobs: dict[int, list[Told]] = {}
    async with opened(settings, durable=False) as context:
        for day in range(days + rounds):
            log.at = START + day * DAY
            for job in open_jobs.pop(day, []):
                job.work(job.visit["start"], job.visit["start"] + 50 * MINUTE)
                job.complete()
            for _ in range(a_day):
                number += 1
                job = log.order(f"job-{number}", store_id=f"store-{number % 10}")
                ahead = 1 + number % 7
                job.book(log.at + ahead * DAY + (5 + number % 8) * HOUR)
                job.assign(f"t-{number % 10}-{number // 10 % 10}")
                open_jobs.setdefault(day + ahead + 1, []).append(job)
            new = log.entries[told:]
            told = len(log.entries)
            await happen(context, new)
            if day < days - 1:
                continue
            begun = time.perf_counter()
            await refresh_facts(context)
            if day >= days:
                seconds.append(time.perf_counter() - begun)
                count = len(new)
            else:
                await asyncio.to_thread(put_beside, settings.facts_folder, folder)
            begun = time.perf_counter()
            await pack_facts(context)
            if day >= days:
                packing.append(time.perf_counter() - begun)
    return seconds, packing, count


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--appointments", type=int, default=10_000_000)
    parser.add_argument("--weeks", type=int, default=WEEKS, help="over which they are spread")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--days", type=int, default=40, help="days that the world of the refresh has behind it")
    parser.add_argument("--a-day", type=int, default=300, help="orders a day in it")
    given = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="fieldserve-bench-"))
    try:
        begun = time.perf_counter()
        alone(make, folder, given.appointments, given.weeks)
        size = sum(one.stat().st_size for one in folder.rglob("*.parquet")) / 1e6
        print(
            f"{given.appointments:,} appointments in {size:,.0f} MB, a file a day,"
            f" made in {time.perf_counter() - begun:.0f} s"
        )
        begun = time.perf_counter()
        packed = alone(packs.pack, folder)
        print(f"{packed} months of both tables packed in {time.perf_counter() - begun:.0f} s")
        median, least, peak, mine = alone(on_duckdb, folder, given.rounds)
        _, pandas_least, pandas_peak, others = alone(on_pandas, folder)
        pd.testing.assert_frame_equal(_ordered(mine), _ordered(others)[list(mine.columns)], check_dtype=False)
        print(
            f"audit by technician and week: {len(AUDIT)} metrics, {len(mine):,} rows, the same from both;"
            f" {os.cpu_count()} cores"
        )
        print(f"{'':24}{'median s':>10}{'least s':>10}{'peak GB':>10}{'times':>8}")
        print(f"{'DuckDB, limit ' + MEMORY:24}{median:10.2f}{least:10.2f}{peak:10.2f}{1:8.1f}")
        print(f"{'pandas':24}{pandas_least:10.2f}{pandas_least:10.2f}{pandas_peak:10.2f}{pandas_least / median:8.1f}")
        seconds, packing, count = asyncio.run(refresh_day(folder, given.days, given.a_day, given.rounds))
        print(
            f"refresh of one day beside them: {count:,} events, {given.a_day} orders, 110 resources,"
            f" {given.days} days behind it"
        )
        print(f"{'':24}{'median s':>10}{'least s':>10}{'most s':>10}")
        for name, each in (("refresh", seconds), ("packing behind it", packing)):
            print(f"{name:24}{statistics.median(each):10.2f}{min(each):10.2f}{max(each):10.2f}")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()

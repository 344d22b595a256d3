"""Servers are killed, and PostgreSQL stopped as if by a crash, while callers book: nothing acknowledged is lost."""

import asyncio
import random
from collections import Counter
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest

from tests.faults.checker import check
from tests.faults.cluster import Cluster
from tests.faults.conftest import Row
from tests.faults.ground import Ground, lay
from tests.faults.load import Load, stored
from tests.faults.servers import Server
from tests.faults.sizes import FULL, size

KILL_EVERY = 2.0 if FULL else 0.7


async def kill_in_turn(servers: list[Server], killed: list[int], done: asyncio.Event) -> None:
    """Every two seconds (sooner in the short form) end one of the servers that are up, and start it again."""
    chance = random.Random(7)
    rising: dict[int, asyncio.Task[None]] = {}
    while not done.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), KILL_EVERY)
            break
        up = [one for one in servers if one.port not in rising or rising[one.port].done()]
        if up:
            one = chance.choice(up)
            await one.kill()
            killed.append(one.port)
            rising[one.port] = asyncio.create_task(rise(one))
    await asyncio.gather(*rising.values())


async def rise(server: Server) -> None:
    """Start it until it answers at all: PostgreSQL may be away just now, and it has to come up all the same."""
    await server.start(ready_within=0)
    await server.ready(30, "/healthz")


async def crash_database(cluster: Cluster, load: Load, times: int) -> int:
    """Stop PostgreSQL as a crash does and start it again, spread over the load; answers how often."""
    for number in range(1, times + 1):
        await load.until(number / (times + 1))
        await asyncio.to_thread(cluster.stop, "immediate")
        await asyncio.sleep(0.5)
        await asyncio.to_thread(cluster.start)
    return times


async def judge(load: Load, ground: Ground) -> Counter[str]:
    """Hold the history against what is stored; answers how often each outcome was."""
    log, final = await stored(ground)
    faults = check(load.history, log, final, ground.capacity)
    assert faults == [], "\n".join(faults[:20])
    outcomes = Counter[str](op.outcome for op in load.history)
    assert outcomes["ok"] > load.requests / 10, outcomes
    return outcomes


def told(outcomes: Counter[str], load: Load, crashes: str) -> str:
    """The result as the table has it."""
    lost = load.statuses["no answer"]
    settled = f"{outcomes['ok']} done, {outcomes['full'] + outcomes['refused']} refused, {outcomes['unknown']} unknown"
    return f"{crashes}; {lost} answers lost; {settled}; checker clean"


@pytest.mark.postgres
@pytest.mark.timeout(1200)
async def test_postgresql(cluster: Cluster, tmp_path: Path, row: Row) -> None:
    """Four servers, one of them killed every 2 s, and PostgreSQL itself five times; the short form has two."""
    requests = size(500, 20_000)
    stores, hours = (5, 100) if requests > 1000 else (2, 20)
    ground = await lay(
        cluster.url, tmp_path, stores_count=stores, hours=hours, jobs_per_store=size(60, 1200), team_size=3
    )
    servers = [Server(cluster.url, tmp_path) for _ in range(size(2, 4))]
    killed: list[int] = []
    async with AsyncExitStack() as stack:
        for one in servers:
            stack.push_async_callback(one.kill)
        await asyncio.gather(*(one.start() for one in servers))
        load, done = Load(ground, [one.port for one in servers], requests), asyncio.Event()
        killer = asyncio.create_task(kill_in_turn(servers, killed, done))
        crashes = asyncio.create_task(crash_database(cluster, load, size(1, 5)))
        await load.run()
        done.set()
        await killer
        crashed = await crashes
    outcomes = await judge(load, ground)
    what = f"{len(killed)} kills, {crashed} × PostgreSQL down"
    row("crashes, postgresql", f"{requests} requests, {len(servers)} servers", told(outcomes, load, what))


@pytest.mark.timeout(900)
async def test_sqlite(tmp_path: Path, row: Row) -> None:
    """One server on a SQLite file, killed again and again, as soon as it is up and 2 s have passed."""
    requests = size(600, 10_000)
    url = f"sqlite:///{tmp_path / 'fieldserve.db'}"
    ground = await lay(url, tmp_path, stores_count=2, hours=size(20, 60), jobs_per_store=size(60, 800), team_size=3)
    server, killed, done = Server(url, tmp_path), [], asyncio.Event()  # type: ignore[var-annotated]
    try:
        await server.start()
        load = Load(ground, [server.port], requests, callers=size(4, 8))
        killer = asyncio.create_task(kill_in_turn([server], killed, done))
        await load.run()
        done.set()
        await killer
    finally:
        await server.kill()
    outcomes = await judge(load, ground)
    row("crashes, sqlite", f"{requests} requests", told(outcomes, load, f"{len(killed)} kills"))

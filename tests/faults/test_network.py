"""A network that is slow, cut or silent, before and behind the server: it answers in time, and recovers soon."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from fieldserve.domain.intervals import HOUR
from fieldserve.store.engine import WITHIN
from fieldserve.wire.times import render
from tests.faults.cluster import Cluster
from tests.faults.conftest import Row
from tests.faults.ground import Ground, lay
from tests.faults.line import Line
from tests.faults.load import Load
from tests.faults.proxy import Network
from tests.faults.servers import Server
from tests.faults.sizes import FULL, size
from tests.faults.test_crash import judge, told

RECOVERED_WITHIN = 5.0
# A request may find out twice that nothing answers: as it looks up its token, and when it writes.
ANSWERED_WITHIN = 2 * WITHIN + 5
TROUBLES = ("slow", "cut", "down", "silent")


@dataclass
class Net:
    """A server with a network before it and one behind it."""

    ground: Ground
    server: Server
    before: Network
    behind: Network


@asynccontextmanager
async def a_net(cluster: Cluster, folder: Path) -> AsyncIterator[Net]:
    """Callers ─ before ─ server ─ behind ─ PostgreSQL."""
    ground = await lay(cluster.url, folder, stores_count=2, hours=30, jobs_per_store=size(100, 600), team_size=3)
    async with Network(cluster.port).up() as behind:
        server = Server(f"postgresql://postgres@127.0.0.1:{behind.port}/postgres", folder)
        try:
            await server.start()
            async with Network(server.port).up() as before:
                yield Net(ground, server, before, behind)
        finally:
            await server.kill()


async def trouble(network: Network, kind: str, seconds: float) -> None:
    """Have the network be so for a while."""
    match kind:
        case "slow":
            network.delay = 0.1
        case "cut":
            network.cut()
        case "down":
            network.down = True
            network.cut()
        case "silent":
            network.be_silent()
    await asyncio.sleep(seconds)
    network.mend()


@pytest.mark.postgres
@pytest.mark.timeout(600)
async def test_clean(cluster: Cluster, tmp_path: Path, row: Row) -> None:
    """Callers book through all kinds of trouble on both sides; what they were told is what is there."""
    requests = size(400, 5000)
    async with a_net(cluster, tmp_path) as net:
        load = Load(net.ground, [net.before.port], requests, callers=12)
        at_work = asyncio.create_task(load.run())
        for number in range(size(1, 4)):
            for network in (net.behind, net.before):
                for kind in TROUBLES:
                    await trouble(network, kind, 0.4 + 0.3 * number)
                    await asyncio.sleep(0.2)
        await at_work
    outcomes = await judge(load, net.ground)
    row("network trouble", f"{requests} requests", told(outcomes, load, f"slowest answer {load.slowest:.1f} s"))


@pytest.mark.postgres
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["down", "silent"])
async def test_database_out_of_reach(cluster: Cluster, tmp_path: Path, row: Row, kind: str) -> None:
    """While PostgreSQL is out of reach callers get 503 in time; 5 s after it is back they are served."""
    async with a_net(cluster, tmp_path) as net:
        lines = [Line(net.server.port, within=60) for _ in range(16)]
        path = f"/service/v1/serviceJobs/{net.ground.jobs['store-0'][0]}"
        # All connections of the pool are in use before, so that each has to be found dead.
        assert {one.status for one in await asyncio.gather(*(line.ask("GET", path) for line in lines))} == {200}
        if kind == "silent":
            net.behind.be_silent()
        else:
            net.behind.down = True
            net.behind.cut()
        begun = time.monotonic()
        statuses = [one.status for one in await asyncio.gather(*(line.ask("GET", path) for line in lines))]
        took = time.monotonic() - begun
        assert statuses == [503] * len(lines)
        health = await lines[0].ask("GET", "/healthz")
        assert health.status == 200
        net.behind.mend()
        recovered = await _served_again(lines, path)
        for line in lines:
            line.hang_up()
    row(f"PostgreSQL {kind}", f"{len(lines)} callers", f"503 within {took:.1f} s, recovered within {recovered:.1f} s")
    assert took < ANSWERED_WITHIN
    assert recovered < RECOVERED_WITHIN


async def _served_again(lines: list[Line], path: str) -> float:
    """The seconds until every caller is served."""
    begun = time.monotonic()
    while True:
        statuses = {one.status for one in await asyncio.gather(*(line.ask("GET", path) for line in lines))}
        if statuses == {200}:
            return time.monotonic() - begun
        assert statuses <= {200, 503}
        assert time.monotonic() - begun < 30


@pytest.mark.postgres
@pytest.mark.timeout(300)
@pytest.mark.skipif(not FULL, reason="waits for the time limit; `make faults` runs it")
async def test_held_lock(cluster: Cluster, tmp_path: Path, row: Row) -> None:
    """A server that falls silent in the middle of a booking does not keep the store locked for the others."""
    async with a_net(cluster, tmp_path) as net:
        other = Server(cluster.url, tmp_path)
        await other.start()
        try:
            load = Load(net.ground, [net.server.port], 10_000, callers=16)
            at_work = asyncio.create_task(load.run())
            await asyncio.sleep(1)
            net.behind.be_silent()
            begun = time.monotonic()
            line = Line(other.port, within=60)
            waiting = [job for job in net.ground.jobs["store-0"] if not any(op.job == job for op in load.history)]
            after_all = net.ground.starts()[-1] + HOUR  # which the load does not book, and so has room
            body = {"appointmentTime": {"startTime": render(after_all)}}
            statuses: list[int] = []
            while 200 not in statuses and time.monotonic() - begun < 40:
                path = f"/service/v1/serviceJobs/{waiting[len(statuses) % len(waiting)]}/appointments"
                statuses.append((await line.ask("POST", path, body)).status)
            took = time.monotonic() - begun
            line.hang_up()
            at_work.cancel()
            await asyncio.gather(at_work, return_exceptions=True)
        finally:
            await other.kill()
    row("locks of a silent server", "16 bookings", f"freed within {took:.1f} s")
    assert statuses[-1] == 200, statuses
    assert took < ANSWERED_WITHIN

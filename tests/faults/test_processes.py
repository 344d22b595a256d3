"""Several processes under one command: one that dies is replaced, even while PostgreSQL is away."""

import asyncio
import time
from pathlib import Path

import psutil
import pytest

from tests.faults.cluster import Cluster
from tests.faults.conftest import Row
from tests.faults.ground import lay
from tests.faults.line import Line, NoAnswer, NotSent
from tests.faults.servers import Server


def processes(server: Server) -> list[psutil.Process]:
    """Those that serve, without the one that started them."""
    assert server.process is not None
    return psutil.Process(server.process.pid).children()


async def ask(port: int) -> int | None:
    """The status of a request on a new connection, which any process may take; None where nobody answers."""
    line = Line(port, within=20)
    try:
        return (await line.ask("GET", "/service/v1/serviceJobs/store-0-job-0")).status
    except (NotSent, NoAnswer):
        return None
    finally:
        line.hang_up()


@pytest.mark.postgres
@pytest.mark.timeout(120)
async def test_replaced_while_the_database_is_away(cluster: Cluster, tmp_path: Path, row: Row) -> None:
    """Of three processes two die while PostgreSQL is down: two others come up, say 503, and serve when it is back."""
    await lay(cluster.url, tmp_path, jobs_per_store=1)
    server = Server(cluster.url, tmp_path, ("--workers", "3"))
    try:
        await server.start()
        await asyncio.sleep(1)
        before = {one.pid for one in processes(server)}
        assert len(before) == 3
        await asyncio.to_thread(cluster.stop, "immediate")
        for one in processes(server)[:2]:
            one.kill()
        deadline = time.monotonic() + 15
        while len({one.pid for one in processes(server)} - before) < 2 and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        # Nobody tells when. Until those that took their places listen, connections given to the dead ones are lost.
        await asyncio.sleep(3)
        assert len(processes(server)) == 3, server.log()
        assert {await ask(server.port) for _ in range(12)} == {503}
        await asyncio.to_thread(cluster.start)
        begun = time.monotonic()
        while {await ask(server.port) for _ in range(12)} != {200}:
            assert time.monotonic() - begun < 10
        row("processes that die in an outage", "2 of 3", f"replaced; served {time.monotonic() - begun:.1f} s after it")
        assert await server.stop() == 0
    finally:
        await server.kill()

"""SIGTERM under load: the server ends soon, and does nothing that nobody is told of."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fieldserve.wire.times import render
from tests.faults.cluster import Cluster
from tests.faults.conftest import Row
from tests.faults.ground import Ground, lay
from tests.faults.line import Line, NoAnswer, NotSent
from tests.faults.load import stored
from tests.faults.servers import Server
from tests.faults.sizes import size

CALLERS = 16


@dataclass
class Callers:
    """Callers who book on connections that they keep, until nobody takes their requests any more."""

    ground: Ground
    jobs: list[str]
    given: set[str] = field(default_factory=set)
    unanswered: int = 0
    answers: Counter[int] = field(default_factory=Counter)

    async def run(self, port: int) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(CALLERS):
                group.create_task(self._caller(port, self.jobs[number::CALLERS]))

    async def _caller(self, port: int, jobs: list[str]) -> None:
        line, chance = Line(port, within=20), random.Random(jobs[0])
        try:
            for job in jobs:
                body = {"appointmentTime": {"startTime": render(chance.choice(self.ground.starts()))}}
                try:
                    answer = await line.ask("POST", f"/service/v1/serviceJobs/{job}/appointments", body)
                except NoAnswer:
                    self.unanswered += 1
                    continue
                self.answers[answer.status] += 1
                if answer.status == 200:
                    self.given.add(answer.json()["appointmentId"])
        except NotSent:
            return
        finally:
            line.hang_up()


@pytest.mark.timeout(900)
async def test_under_load(database_url: str, tmp_path: Path, row: Row) -> None:
    """Every booking that was carried out was answered; the server ends in time, though idle connections stay open.

    A request that was sent when the server had stopped listening to its connection is not carried out."""
    times = size(2, 20)
    kind = database_url.partition(":")[0]
    options = ("--workers", "2") if kind == "postgresql" else ()
    ground = await lay(database_url, tmp_path, hours=100, capacity=100, jobs_per_store=times * 400)
    jobs = ground.jobs[ground.stores[0]]
    given: set[str] = set()
    answered = not_begun = 0
    longest = 0.0
    for number in range(times):
        server, callers = Server(database_url, tmp_path, options), Callers(ground, jobs[number::times])
        longest = max(longest, await _stopped(server, callers, 0.3 + number % 5 / 10))
        assert set(callers.answers) <= {200, 422}, callers.answers
        given |= callers.given
        answered += callers.answers.total()
        not_begun += callers.unanswered
        _, final = await stored(ground)
        there = {one.appointment for one in final.appointments}
        assert there == given, f"{len(there - given)} done without an answer, {len(given - there)} lost"
    result = f"{answered} answered, 0 done without an answer, {not_begun} not begun; ended within {longest:.1f} s"
    row(f"SIGTERM, {kind}", f"{times} × {CALLERS} callers", result)
    assert answered >= times


async def _stopped(server: Server, callers: Callers, after: float) -> float:
    """Start the server, and end it while all are at work; answers how many seconds it took to end."""
    try:
        await server.start()
        idle = Line(server.port)
        assert (await idle.ask("GET", "/healthz")).status == 200
        at_work = asyncio.create_task(callers.run(server.port))
        await asyncio.sleep(after)
        begun = time.monotonic()
        assert await server.stop() == 0, server.log()
        took = time.monotonic() - begun
        await at_work
        idle.hang_up()
    finally:
        await server.kill()
    return took


@pytest.mark.postgres
@pytest.mark.timeout(300)
async def test_while_starting(cluster: Cluster, tmp_path: Path, row: Row) -> None:
    """A server of several processes that is ended before all of them serve ends, too."""
    times, longest = size(3, 20), 0.0
    await lay(cluster.url, tmp_path, jobs_per_store=0)
    for number in range(times):
        server = Server(cluster.url, tmp_path, ("--workers", "3"))
        try:
            await server.start(ready_within=0)
            await asyncio.sleep(0.3 + 1.7 * number / times)
            begun = time.monotonic()
            await server.stop()
            longest = max(longest, time.monotonic() - begun)
        finally:
            await server.kill()
    row("SIGTERM while starting", f"{times} × 3 processes", f"ended within {longest:.1f} s")
    assert longest < 10

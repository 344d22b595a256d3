"""Two servers, one of which plays Amazon, and a mirror between them that is killed on a network that is cut.

Whatever happens, in the end both have the same jobs, member by member, and each write made on the mirror was carried
out at the source once, those of a job in order.
"""

import asyncio
import json
import os
import random
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fieldserve.api.endpoints import ENDPOINTS
from fieldserve.app import opened
from fieldserve.config import Settings
from fieldserve.domain.intervals import HOUR
from fieldserve.operations.applications import authorize_application, create_application
from fieldserve.operations.run import Caller
from fieldserve.store import engine, events
from fieldserve.store.engine import Database
from fieldserve.wire.times import render
from tests.faults.conftest import Row
from tests.faults.ground import SELLER, US, Ground, lay
from tests.faults.line import Line
from tests.faults.proxy import Network
from tests.faults.servers import ROOT, Server
from tests.faults.sizes import size
from tests.faults.test_network import trouble

ACCOUNT = "amazon"


@dataclass
class Pair:
    """The source, the mirror, and the network between."""

    there: Ground
    here: Ground
    source: Server
    mirror: Server
    network: Network
    environment: dict[str, str]
    kills: int = 0
    troubles: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(11))

    async def sync(self, *options: str) -> asyncio.subprocess.Process:
        """Start `fieldserve sync`."""
        command = [sys.executable, "-c", "from fieldserve.cli import main; main()", "sync", "--account", ACCOUNT]
        with (self.here.folder / "sync.log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *command,
                *("--seller", SELLER, "--marketplace", US, "--data", str(self.here.folder), *options),
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env=self.environment,
            )

    async def kill_at(self, process: asyncio.subprocess.Process, progress: str, most: int) -> bool:
        """Kill it when what the query counts has grown by some, up to `most`; True if it ended before, and well.

        It may also have given up, where one cut follows another; what it says then is that the next run goes on."""
        database = await engine.connect(self.here.url)
        try:
            goal = await self._count(database, progress) + self.chance.randint(1, most)
            while process.returncode is None and await self._count(database, progress) < goal:  # noqa: ASYNC110
                await asyncio.sleep(0.005)  # nobody tells what another process has stored
        finally:
            await database.close()
        if process.returncode is None:
            process.kill()
        if await process.wait() == -signal.SIGKILL:
            self.kills += 1
            return False
        said = (self.here.folder / "sync.log").read_text()[-3000:]
        assert process.returncode == 0 or "the next run goes on" in said, said
        return process.returncode == 0

    @staticmethod
    async def _count(database: Database, sql: str) -> int:
        row = await database.read(lambda c: c.fetch_one(sql))
        return row[0] or 0 if row else 0

    async def meddle(self) -> None:
        """Trouble between the two, now and then, until cancelled."""
        while True:
            await asyncio.sleep(self.chance.uniform(0.3, 1.5))
            await trouble(self.network, self.chance.choice(["slow", "cut", "down", "silent"]), 0.2)
            self.troubles += 1


@asynccontextmanager
async def a_pair(folder: Path, jobs: int) -> AsyncIterator[Pair]:
    """A source with so many jobs, and a mirror that is empty."""
    (folder / "there").mkdir()
    (folder / "here").mkdir()
    urls = [f"sqlite:///{folder / name / 'fieldserve.db'}" for name in ("there", "here")]
    there = await lay(urls[0], folder / "there", stores_count=2, hours=400, capacity=20, jobs_per_store=jobs // 2)
    here = await lay(urls[1], folder / "here", stores_count=0, jobs_per_store=0)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SP_API_", "LWA_"))}
    async with opened(Settings(data=folder / "there")) as context:
        made = await create_application(context, Caller("", actor="test"), "Mirror")
        plenty = dict.fromkeys(ENDPOINTS, (1000.0, 10_000))
        granted = await authorize_application(
            context, Caller("", actor="test"), made.application.application_id, SELLER, usage_plan=plenty
        )
    async with AsyncExitStack() as stack:
        servers = [Server(url, folder / name) for url, name in zip(urls, ("there", "here"), strict=True)]
        for server in servers:
            stack.push_async_callback(server.kill)
            await server.start()
        network = await stack.enter_async_context(Network(servers[0].port).up())
        environment |= {
            "SP_API_ENDPOINT": f"http://127.0.0.1:{network.port}",
            "SP_API_TOKEN_ENDPOINT": f"http://127.0.0.1:{network.port}/auth/o2/token",
            "LWA_APP_ID": made.application.client_id,
            "LWA_CLIENT_SECRET": made.client_secret,
            "SP_API_REFRESH_TOKEN": granted.refresh_token,
            "no_proxy": "*",
        }
        yield Pair(there, here, servers[0], servers[1], network, environment)


async def documents(ground: Ground) -> dict[str, Any]:
    """Every job of the seller, as it is answered."""
    rows = await read(ground, "SELECT service_job_id, document FROM jobs WHERE seller_id = $1", SELLER)
    return {row[0]: json.loads(row[1]) for row in rows}


async def read(ground: Ground, sql: str, *values: Any) -> Any:
    database: Database = await engine.connect(ground.url)
    try:
        return await database.read(lambda c: c.fetch(sql, *values))
    finally:
        await database.close()


async def change(pair: Pair, done: asyncio.Event) -> int:
    """Book, move and cancel at the source while it is read; answers how many changes there were."""
    line, count = Line(pair.source.port), 0
    jobs, starts = [one for store in pair.there.jobs.values() for one in store], pair.there.starts()
    while not done.is_set():
        job = pair.chance.choice(jobs)
        if pair.chance.random() < 0.3:
            answer = await line.ask("PUT", f"/service/v1/serviceJobs/{job}/cancellations?cancellationReasonCode=V1")
        else:
            body = {"appointmentTime": {"startTime": render(pair.chance.choice(starts))}}
            answer = await line.ask("POST", f"/service/v1/serviceJobs/{job}/appointments", body)
        count += answer.status == 200
        await asyncio.sleep(0.01)
    line.hang_up()
    return count


@pytest.mark.timeout(1200)
async def test_reading(tmp_path: Path, row: Row) -> None:
    """Jobs change while they are read, the reader is killed and the network cut: in the end both have the same."""
    count = size(600, 10_000)
    async with a_pair(tmp_path, count) as pair:
        done = asyncio.Event()
        changer = asyncio.create_task(change(pair, done))
        meddler = asyncio.create_task(pair.meddle())
        while not await pair.kill_at(await pair.sync(), "SELECT count(*) FROM jobs", size(200, 1000)):
            pass
        done.set()
        changes = await changer
        meddler.cancel()
        await asyncio.gather(meddler, return_exceptions=True)
        pair.network.mend()
        last = await pair.sync()
        assert await asyncio.wait_for(last.wait(), 120) == 0, (tmp_path / "here" / "sync.log").read_text()[-3000:]
        there, here = await documents(pair.there), await documents(pair.here)
        assert len(there) == count
        assert changes > 0
        assert here == there
        what = f"{pair.kills} kills, {pair.troubles} troubles, {changes} changes meanwhile; identical"
        row("a mirror that is killed", f"{count} jobs", what)


@dataclass
class Writer:
    """Writes on the mirror, and what it was told: the kinds of events that the source's log has to have of each job."""

    pair: Pair
    expected: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    async def write(self, line: Line, job: str, number: int) -> None:
        starts = self.pair.there.starts()
        begin, later = (starts[(number + shift) % len(starts)] for shift in (0, 7))
        path = f"/service/v1/serviceJobs/{job}"
        booked = await self._done(
            line, job, "added", "POST", f"{path}/appointments", {"appointmentTime": {"startTime": render(begin)}}
        )
        visit = booked["appointmentId"]
        if number % 2:
            body = {"appointmentTime": {"startTime": render(later)}, "rescheduleReasonCode": "R1"}
            moved = await self._done(line, job, "rescheduled", "POST", f"{path}/appointments/{visit}", body)
            visit, begin = moved["appointmentId"], later
        arrival = {"startTime": render(begin), "endTime": render(begin + HOUR)}
        await self._done(
            line,
            job,
            "fulfilled",
            "PUT",
            f"{path}/appointments/{visit}/fulfillment",
            {"estimatedArrivalTime": arrival},
        )
        if number % 3 == 0:
            await self._done(line, job, "cancelled", "PUT", f"{path}/cancellations?cancellationReasonCode=V1")
        elif number % 3 == 1:
            await self._done(line, job, "completed", "PUT", f"{path}/completions")

    async def _done(self, line: Line, job: str, kind: str, method: str, path: str, body: Any = None) -> Any:
        answer = await line.ask(method, path, body)
        assert answer.status in (200, 204), answer.content
        self.expected[job].append(kind)
        return answer.json() if answer.content else None


@pytest.mark.timeout(1200)
async def test_writing(tmp_path: Path, row: Row) -> None:
    """Writes go out through kills and cuts: each is carried out once, those of a job in order."""
    count = size(30, 400)
    async with a_pair(tmp_path, count) as pair:
        first = await pair.sync()
        assert await asyncio.wait_for(first.wait(), 120) == 0
        writer, line = Writer(pair), Line(pair.mirror.port)
        jobs = [one for store in pair.there.jobs.values() for one in store]
        meddler = asyncio.create_task(pair.meddle())
        waiting = asyncio.create_task(_killed_until_sent(pair, len(jobs)))
        for number, job in enumerate(jobs):
            await writer.write(line, job, number)
        line.hang_up()
        await waiting
        meddler.cancel()
        await asyncio.gather(meddler, return_exceptions=True)
        pair.network.mend()
        assert await documents(pair.here) == await documents(pair.there)
        sent = await read(pair.here, "SELECT state, tries FROM outbox")
        assert {state for state, _ in sent} == {"DONE"}
        assert len(sent) == sum(map(len, writer.expected.values()))
        assert await _kinds(pair.there) == writer.expected
        again = sum(tries > 1 for _, tries in sent)
        what = f"{pair.kills} kills, {pair.troubles} troubles, {again} tried again; each once, in order"
        row("writes through a mirror", f"{len(sent)} writes on {count} jobs", what)


async def _killed_until_sent(pair: Pair, jobs: int) -> None:
    """Watch, be killed and begin again, until each job was written and nothing waits; end it as an operator does."""
    tried = "SELECT sum(tries) FROM outbox"
    while pair.kills < size(4, 40):
        assert not await pair.kill_at(await pair.sync("--watch", "--interval", "1"), tried, 10)
    process = await pair.sync("--watch", "--interval", "1")
    while True:
        ((written, settled),) = await read(pair.here, "SELECT count(DISTINCT service_job_id), min(settled) FROM outbox")
        if (written, settled) == (jobs, 1):
            break
        assert process.returncode is None
        await asyncio.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 30) == 0


async def _kinds(ground: Ground) -> dict[str, list[str]]:
    """What the log says was done to each job, in order. A fulfilment shows once however often it was recorded: an
    arrival that is recorded again is the same arrival."""
    database = await engine.connect(ground.url)
    found: dict[str, list[str]] = defaultdict(list)
    try:
        log = await database.read(lambda c: events.read(c, limit=1_000_000, seller_id=SELLER))
    finally:
        await database.close()
    for one in log:
        thing, _, kind = one.event.kind.partition(".")
        again = kind == "fulfilled" and found[one.event.subject][-1:] == [kind]
        if thing in ("job", "appointment") and not again:
            found[one.event.subject].append(kind)
    return found

"""Many callers at once for the last unit of a slot, from several processes: exactly one gets it, in every round."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fieldserve.store import engine
from tests.faults.conftest import Row
from tests.faults.ground import SELLER, Ground, lay
from tests.faults.sizes import size

PROCESSES, CALLERS = 4, 8


@asynccontextmanager
async def callers(ground: Ground, how: str) -> AsyncIterator[list[asyncio.subprocess.Process]]:
    """The processes of a storm, ready for rounds."""
    command = (sys.executable, "-m", "tests.faults.storm_caller", ground.url, str(ground.folder), str(CALLERS), how)
    pipe = asyncio.subprocess.PIPE
    root = Path(__file__).parents[2]
    found = [
        await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, cwd=root) for _ in range(PROCESSES)
    ]
    try:
        yield found
    finally:
        for one in found:
            assert one.stdin is not None
            one.stdin.close()
        assert [await asyncio.wait_for(one.wait(), 30) for one in found] == [0] * PROCESSES


async def ask(process: asyncio.subprocess.Process, start: int, jobs: list[str]) -> list[bool]:
    """One process's part of a round."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps({"start": start, "jobs": jobs}).encode() + b"\n")
    line = await asyncio.wait_for(process.stdout.readline(), 60)
    won: list[bool] = json.loads(line)
    return won


async def storm(ground: Ground, how: str, rounds: int) -> tuple[list[int], int]:
    """How many won the last unit in each round, and how many slots are overfull at the end.

    All but one unit of each slot are booked before, by callers who do not compete."""
    jobs = list(ground.jobs[ground.stores[0]])
    wins = []
    async with callers(ground, how) as processes:
        for start in ground.starts()[:rounds]:
            for _ in range(ground.capacity - 1):
                assert await ask(processes[0], start, [jobs.pop()]) == [True]
            shares = [[jobs.pop() for _ in range(CALLERS)] for _ in processes]
            answers = await asyncio.gather(*(map(ask, processes, [start] * PROCESSES, shares)))
            won = [
                (job, got)
                for share, answer in zip(shares, answers, strict=True)
                for job, got in zip(share, answer, strict=True)
            ]
            wins.append(sum(got for _, got in won))
            jobs += [job for job, got in won if not got]
    booked = await _booked(ground)
    overfull = sum(count > ground.capacity for count in booked.values())
    assert sum(booked.values()) == sum(wins) + rounds * (ground.capacity - 1), "what was acknowledged is what is there"
    return wins, overfull


async def _booked(ground: Ground) -> Counter[int]:
    database = await engine.connect(ground.url, durable=False)
    try:
        rows = await database.read(
            lambda c: c.fetch("SELECT start_at FROM appointments WHERE seller_id = $1 AND status = 'ACTIVE'", SELLER)
        )
        return Counter(row[0] for row in rows)
    finally:
        await database.close()


async def _ground(database_url: str, folder: Path, rounds: int, winners: int) -> Ground:
    """A slot for each round, and jobs for all who win in them; whoever does not competes again."""
    callers = PROCESSES * CALLERS
    return await lay(database_url, folder, hours=rounds, capacity=2, jobs_per_store=callers + rounds * (winners + 1))


@pytest.mark.timeout(900)
async def test_one_wins(database_url: str, tmp_path: Path, row: Row) -> None:
    """Of 32 callers in 4 processes exactly one gets the last unit, in every round."""
    rounds = size(12, 300)
    ground = await _ground(database_url, tmp_path, rounds, 1)
    wins, overfull = await storm(ground, "whole", rounds)
    kind = database_url.partition(":")[0]
    row(f"last unit, {kind}", f"{rounds} × {PROCESSES * CALLERS} callers", f"{wins.count(1)} × one won")
    assert wins == [1] * rounds
    assert overfull == 0


@pytest.mark.timeout(300)
async def test_the_storm_can_fail(database_url: str, tmp_path: Path, row: Row) -> None:
    """A booking that looks and takes in two transactions sells units that are not there: the storm finds it out."""
    rounds = size(8, 60)
    ground = await _ground(database_url, tmp_path, rounds, PROCESSES * CALLERS)
    wins, overfull = await storm(ground, "torn", rounds)
    failed = sum(count > 1 for count in wins)
    kind = database_url.partition(":")[0]
    row(f"last unit, {kind}, careless", f"{rounds} × {PROCESSES * CALLERS} callers", f"{failed} × several won")
    assert failed >= rounds / 10
    assert overfull == failed

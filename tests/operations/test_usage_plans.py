"""One usage plan over several processes: the plan, and not four times the plan."""

import asyncio
import json
import subprocess
import sys
import time

import pytest

from fieldserve.api.usage_plans import SharedUsagePlans
from fieldserve.operations import usage_plans
from fieldserve.operations.run import Context
from fieldserve.store.engine import Database, Unavailable
from tests.access import SECOND, SetClock, opened
from tests.databases import Databases

RATE, BURST, SECONDS = 40.0, 24, 1.5

# What each process does: ask as fast as it can, four at a time, and tell when the requests that passed were asked for
# and answered.
PROCESS = """
import asyncio, json, sys, time
from pathlib import Path
from fieldserve.api.usage_plans import SharedUsagePlans
from fieldserve.config import Settings
from fieldserve.operations.run import Context
from fieldserve.store.engine import connect

async def main(url, start, seconds, rate, burst):
    database = await connect(url)
    plans = SharedUsagePlans(Context(Settings(), database, None, None))
    passed = []
    await asyncio.sleep(max(0, start - time.time()))
    async def caller():
        while time.time() < start + seconds:
            asked = time.time()
            if await plans.take("A", "S", "o", rate, burst):
                passed.append((asked, time.time()))
            await asyncio.sleep(0.002)
    await asyncio.gather(*(caller() for _ in range(4)))
    await database.close()
    print(json.dumps(passed))

asyncio.run(main(sys.argv[1], *map(float, sys.argv[2:5]), int(sys.argv[5])))
"""


@pytest.mark.postgres
def test_four_processes(postgres_databases: Databases) -> None:
    """Four processes that ask as fast as they can get the burst and the rate together, not each for itself."""
    with postgres_databases.one() as url:
        command = [sys.executable, "-c", PROCESS, url, str(time.time() + 3), str(SECONDS), str(RATE), str(BURST)]
        running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(4)]
        told = [one.communicate()[0] for one in running]
    passed = [tuple(moments) for one in told for moments in json.loads(one)]
    asked, answered = min(one[0] for one in passed), max(one[1] for one in passed)
    assert len(passed) <= BURST + RATE * (answered - asked)
    # How many more than the burst is the machine's affair: a process that waits for its turn lets its tokens lie.
    assert len(passed) > BURST


class TestShared:
    @pytest.mark.parametrize("number", [20, 1000])
    async def test_exact_at_once(self, database: Database, number: int) -> None:
        """Of requests at once through three processes exactly the burst passes."""
        async with opened(database, SetClock()) as context:
            processes = [SharedUsagePlans(context) for _ in range(3)]
            answers = await asyncio.gather(*(processes[rank % 3].take("A", "S", "o", 5, 20) for rank in range(number)))
        assert sum(answers) == 20

    async def test_few_questions(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        """Steady traffic within its plan costs a write for three requests; refusals cost none."""
        asked = 0

        async def counted(*args: object, **more: object) -> object:
            nonlocal asked
            asked += 1
            return await real(*args, **more)  # type: ignore[arg-type]

        real = usage_plans.lease_tokens
        monkeypatch.setattr("fieldserve.api.usage_plans.lease_tokens", counted)
        clock = SetClock()
        async with opened(database, clock) as context:
            plans = SharedUsagePlans(context)
            for _ in range(60):
                assert await plans.take("A", "S", "o", 5, 20)
                clock.instant += SECOND // 5
            assert asked <= 60 / 3 + 1
            while await plans.take("A", "S", "o", 5, 20):
                pass
            asked = 0
            assert not any([await plans.take("A", "S", "o", 5, 20) for _ in range(100)])
            assert asked == 0
            clock.instant += SECOND // 5
            assert await plans.take("A", "S", "o", 5, 20)

    async def test_a_caller_hangs_up(self, database: Database) -> None:
        """A request that is cancelled while it waits does not keep the others waiting."""
        async with opened(database, SetClock()) as context:
            plans = SharedUsagePlans(context)
            waiting = [asyncio.ensure_future(plans.take("A", "S", "o", 5, 3)) for _ in range(3)]
            await asyncio.sleep(0)
            waiting[0].cancel()
            assert await waiting[1]
            assert await waiting[2]

    async def test_database_away(self, database: Database) -> None:
        """Without the database nobody knows what is left: Unavailable, and the next request asks anew."""

        class Away:
            dialect = "sqlite"
            away = True

            async def write(self, use: object) -> object:
                if self.away:
                    raise Unavailable("away")
                return await database.write(use)  # type: ignore[arg-type]

        away = Away()
        async with opened(database, SetClock()) as context:
            broken = Context(context.settings, away, context.blobs, context.seal, context.clock)  # type: ignore[arg-type]
            plans = SharedUsagePlans(broken)
            with pytest.raises(Unavailable):
                await plans.take("A", "S", "o", 5, 3)
            away.away = False
            assert await plans.take("A", "S", "o", 5, 3)

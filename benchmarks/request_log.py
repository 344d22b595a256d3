"""What recording a request costs it, and what is done behind: `make bench BENCH=request_log`.

One world for each setting, in one process; rounds take turns, so that a busy machine is busy for all. CPU of the
process, in microseconds a request: a job is read through the edge, without a socket; then what was recorded is masked,
linted and written.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import MutableMapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from fieldserve.api.edge import Edge
from fieldserve.api.endpoints import ENDPOINTS
from fieldserve.api.usage_plans import UsagePlans
from fieldserve.operations.request_log import write_requests
from fieldserve.store import engine, migrate
from tests.world import SELLER, World, a_world

SETTINGS = ("off", "metadata", "full")
ROUNDS, REQUESTS = 9, 500


async def _receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b""}


async def _send(_: MutableMapping[str, Any]) -> None:
    pass


async def _round(world: World) -> tuple[float, float]:
    """Microseconds of a request, and behind it."""
    edge = Edge(world.context, ENDPOINTS, UsagePlans(world.clock))
    headers = [(b"x-amz-access-token", world.tokens[SELLER].encode()), (b"user-agent", b"Probe/1 (Language=Python)")]
    scope = {"type": "http", "method": "GET", "path": "/service/v1/serviceJobs/job-1", "query_string": b""}
    begun = time.process_time()
    for _ in range(REQUESTS):
        await edge({**scope, "headers": headers}, _receive, _send)
    asked = time.process_time()
    await write_requests(world.context)
    return (asked - begun) / REQUESTS * 1e6, (time.process_time() - asked) / REQUESTS * 1e6


async def main() -> None:
    """Print the medians."""
    async with AsyncExitStack() as stack:
        worlds = {}
        for setting in SETTINGS:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            database = await engine.connect(f"sqlite:///{folder}/fieldserve.db", durable=False)
            stack.push_async_callback(database.close)
            await migrate.upgrade(database)
            world = worlds[setting] = await stack.enter_async_context(
                a_world(database, folder / "data", request_log=setting)
            )
            await world.order("job-1")
        found: dict[str, list[tuple[float, float]]] = {setting: [] for setting in SETTINGS}
        for _ in range(ROUNDS):
            for setting, world in worlds.items():
                found[setting].append(await _round(world))
    print(f"{'request_log':<12} {'request, µs':>12} {'behind, µs':>12}")
    for setting, rounds in found.items():
        asked, behind = (statistics.median(one[column] for one in rounds) for column in (0, 1))
        print(f"{setting:<12} {asked:>12.1f} {behind:>12.1f}")


if __name__ == "__main__":
    asyncio.run(main())

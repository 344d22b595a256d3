"""How many statements each request costs, on our side and on the limit's, without BEGIN and COMMIT."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.limit import Limit
from benchmarks.world import Request, World
from fieldserve.app import create_app, opened
from fieldserve.config import Settings
from fieldserve.store.engine import Connection, Database

SOME = 5


class _Counting:
    """A connection that counts the statements it passes on."""

    def __init__(self, c: Connection, counter: "Counter"):
        self._c, self._counter = c, counter
        self.dialect = c.dialect

    def __getattr__(self, name: str) -> Any:
        self._counter.count += 1
        return getattr(self._c, name)


class Counter:
    """A database that counts the statements of its uses."""

    def __init__(self, database: Database):
        self._database = database
        self.dialect = database.dialect
        self.count = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    async def read(self, use: Any, **how: Any) -> Any:
        return await self._database.read(lambda c: use(_Counting(c, self)), **how)

    async def write(self, use: Any) -> Any:
        return await self._database.write(lambda c: use(_Counting(c, self)))


async def of_each(url: str, world: World) -> dict[str, tuple[int, int]]:
    """By the name of each read, and for a booking: our statements and the limit's, when the caller's token is known."""
    with tempfile.TemporaryDirectory() as folder:
        async with opened(Settings(data=Path(folder), database=url)) as context:
            limit = Limit()
            await limit.open(url)
            ours, theirs = Counter(context.database), Counter(limit.database)
            object.__setattr__(context, "database", ours)
            fetch = limit.fetch
            limit.database = theirs  # type: ignore[assignment]

            async def counted(*given: Any) -> Any:
                theirs.count += 1
                return await fetch(*given)

            limit.fetch = counted
            app = create_app(context)
            found = {}
            for name, requests in world.reads().items():
                some = requests[:1] * SOME
                found[name] = (await _count(ours, app, some), await _count(theirs, limit, some))
            some = [world.booking(world.bookings - 1 - rank) for rank in range(2 * SOME)]
            found["booking"] = (await _count(ours, app, some[:SOME]), await _count(theirs, limit, some[SOME:]))
            await limit.close()
    return found


async def _count(counter: Counter, app: Any, requests: Sequence[Request]) -> int:
    """The least of some requests: what only some of them cost (a token that is read once a second, a share of a usage
    plan that processes agree on) is left out."""
    counts = []
    for request in requests:
        counter.count = 0
        await _ask(app, request)
        counts.append(counter.count)
    return min(counts)


async def _ask(app: Any, request: Request) -> None:
    path, _, query = request.path.partition("?")
    head, _, body = request.written().partition(b"\r\n\r\n")
    lines = [line.split(b": ", 1) for line in head.split(b"\r\n")[1:]]
    scope = {
        "type": "http",
        "method": request.method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name, value) for name, value in lines],
    }
    answered = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        answered.append(message)

    await app(scope, receive, send)
    assert answered[0]["status"] == 200, answered

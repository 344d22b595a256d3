"""Two worlds: one plays Amazon, and the other mirrors a seller who lives there."""

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import msgspec

from fieldserve.api.endpoints import ENDPOINTS
from fieldserve.app import create_app
from fieldserve.client import AsyncServices, Retries
from fieldserve.domain.intervals import DAY
from fieldserve.operations.delivery import deliver
from fieldserve.operations.mirrors import Progress, Source, acquire, read_source
from fieldserve.store import engine
from fieldserve.store.engine import Database
from tests.world import NOW, US, World, a_world

MIRROR, ACCOUNT = "A3MIRROR", "amazon"

Meddle = Callable[[httpx2.Request], httpx2.Response | None]


@dataclass
class Wire(httpx2.AsyncBaseTransport):
    """What lies between the two: `before` may answer in the source's stead, `after` in spite of it; both may raise."""

    inner: httpx2.AsyncBaseTransport
    asked: list[httpx2.Request] = field(default_factory=list)
    before: Meddle | None = None
    after: Meddle | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        if self.before is not None and (answer := self.before(request)) is not None:
            return answer
        answer = await self.inner.handle_async_request(request)
        if self.after is not None and (other := self.after(request)) is not None:
            return other
        return answer

    def writes(self) -> list[tuple[str, str]]:
        """Method and last word of the path of what was written there, in order."""
        sent = [one for one in self.asked if one.method != "GET"]
        return [(one.method, one.url.path.rsplit("/", 1)[-1]) for one in sent]


@dataclass
class Mirrored:
    """The source, the mirror, and what lies between them."""

    there: World
    here: World
    source: Source
    wire: Wire

    async def sync(self, **given: Any) -> Progress:
        """Read what changed."""
        self.there.clock.advance(1000)
        self.here.clock.advance(1000)
        return await read_source(self.here.context, self.source, US, MIRROR, **given)

    async def deliver(self, *, later: bool = False) -> int:
        """Send what is due; an hour later everything is."""
        self.there.clock.advance(1000)
        self.here.clock.advance(3_600_000_000 if later else 1000)
        return await deliver(self.here.context, self.source)

    async def open(self) -> None:
        """Sync for the first time, and get somebody who may call for the seller here."""
        await self.sync()
        await self.open_for_calls()

    async def open_for_calls(self) -> None:
        """Get somebody who may call for the seller here."""
        plenty = dict.fromkeys(ENDPOINTS, (1000.0, 10000))
        self.here.tokens[MIRROR] = await self.here.token(MIRROR, usage_plan=plenty, expires_at=NOW + 1000 * DAY)

    async def same(self, job_id: str) -> dict[str, Any]:
        """The job, which both answer alike."""
        found = await self.here.job(job_id, MIRROR)
        assert found == await self.there.job(job_id)
        return found

    async def call(self, method: str, path: str, **given: Any) -> httpx2.Response:
        """A request here as the mirrored seller's application."""
        return await self.here.call(method, f"/service/v1/{path}", seller=MIRROR, **given)


@asynccontextmanager
async def mirrored(database: Database, migrated: Path, folder: Path) -> AsyncIterator[Mirrored]:
    """A mirror on `database`, and a source on a SQLite file of its own, a copy of `migrated`."""
    shutil.copyfile(migrated, folder / "there.db")
    elsewhere = await engine.connect(f"sqlite:///{folder / 'there.db'}", durable=False)
    (folder / "there").mkdir()
    (folder / "here").mkdir()
    try:
        async with a_world(elsewhere, folder / "there") as there, a_world(database, folder / "here") as here:
            wire = Wire(httpx2.ASGITransport(app=create_app(there.context)))
            services = AsyncServices(
                account=ACCOUNT,
                credentials={"lwa_app_id": folder.name, "lwa_client_secret": "secret", "refresh_token": str(folder)},
                endpoint="http://source",
                restricted_data_token=there.tokens["A1SELLER"],
                retries=Retries(retries=0),
            )
            services._http.open = lambda proxy: wire  # type: ignore[method-assign]
            source = Source(ACCOUNT, "http://source", None, services)
            await acquire(here.context, source)
            yield Mirrored(there, here, source, wire)
    finally:
        await elsewhere.close()


def named(request: httpx2.Request, word: str) -> bool:
    """Whether the request's path ends with a word."""
    return request.url.path.endswith(word)


def failing(status: int, **headers: str) -> httpx2.Response:
    """An answer that says so."""
    errors = {"errors": [{"code": "Trouble", "message": "There is trouble."}]}
    return httpx2.Response(status, headers=headers, content=msgspec.json.encode(errors))

"""An operator's desk: the small world behind the whole server, and a client with an operator's key."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from fieldserve.app import create_app
from fieldserve.operations.operator_keys import create_operator_key
from fieldserve.operations.run import Caller
from fieldserve.store import events
from fieldserve.store.events import Event
from tests import documented
from tests.world import SELLER, World

# For what is refused before the database is asked, or asks it for nothing that could differ.
ON_ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

OF_SELLER = f"/operator/v1/sellers/{SELLER}"


@dataclass
class Desk:
    """`call` sends a request with the operator's key, whose name is `desk`."""

    world: World
    client: httpx2.AsyncClient
    key: str

    async def call(self, method: str, path: str, json: Any = None, **more: Any) -> httpx2.Response:
        """The answer to a request, as documented; a path that does not begin with a slash is one of SELLER's."""
        headers = {"authorization": f"Bearer {self.key}", **more.pop("headers", {})}
        url = path if path.startswith("/") else f"{OF_SELLER}/{path}"
        if json is not None:
            more["json"] = json
        answer = await self.client.request(method, url, headers=headers, **more)
        documented.check(method, url, answer)
        return answer

    async def events(self, subject: str) -> list[Event]:
        """What the event log says of a thing, in order."""
        return [one.event for one in await self.world.read(lambda c: events.read(c, subject=subject))]


@asynccontextmanager
async def a_desk(world: World) -> AsyncIterator[Desk]:
    """A desk in a world."""
    key = await create_operator_key(world.context, Caller("", actor="test"), "desk")
    transport = httpx2.ASGITransport(app=create_app(world.context), raise_app_exceptions=True)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield Desk(world, client, key)


def refused(answer: httpx2.Response, status: int, words: str) -> None:
    """The answer is that status, its first error's message or details hold the words, and it has a request id."""
    assert answer.status_code == status, answer.text
    fault = answer.json()["errors"][0]
    assert words in f"{fault['message']} {fault.get('details', '')}"
    assert answer.headers["x-amzn-requestid"]

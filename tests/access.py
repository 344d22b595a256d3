"""A small world for tests of who may call: sellers, an application, a clock that tests set, a client in process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import httpx2
from argon2 import PasswordHasher
from starlette.applications import Starlette

from fieldserve.api import consent, tokens
from fieldserve.config import Settings
from fieldserve.operations.applications import (
    WithRefreshToken,
    WithSecret,
    authorize_application,
    create_application,
)
from fieldserve.operations.client_secrets import PARAMETERS, ClientSecrets
from fieldserve.operations.run import Caller, Context
from fieldserve.store import sellers
from fieldserve.store.blobs import Blobs
from fieldserve.store.engine import Connection, Database
from fieldserve.store.keys import Seal
from fieldserve.store.sellers import Seller

NOW = 1_700_000_000_000_000
SECOND = 1_000_000
US, CA, DE, JP = "ATVPDKIKX0DER", "A2EUQ1WTGCTBG2", "A1PA6795UKMFR9", "A1VC38T7YXB528"
OPERATOR = Caller("", actor="operator:test", request_id="r-1")
CALLBACK = "https://app.example/callback"


class SetClock:
    """Says what it was set to."""

    def __init__(self, now: int = NOW):
        self.instant = now

    def now(self) -> int:
        return self.instant

    def pass_seconds(self, seconds: float) -> None:
        self.instant += int(seconds * SECOND)


CHEAP = replace(PARAMETERS, time_cost=1, memory_cost=8, parallelism=1)
"""The least that Argon2id takes: 8 KiB, one pass."""


def cheap_secrets() -> ClientSecrets:
    """Secrets hashed in a millisecond, also where no test runs."""
    return ClientSecrets(PasswordHasher.from_parameters(CHEAP))


@asynccontextmanager
async def opened(database: Database, clock: SetClock, **settings: Any) -> AsyncIterator[Context]:
    """A context with the seller S1 of the US, Canada and Germany, and S2 of Japan. Nothing here keeps documents."""
    nobody = cast(Blobs, None)
    context = Context(Settings(**settings), database, nobody, Seal(bytes(32)), clock, client_secrets=cheap_secrets())

    async def add(c: Connection) -> None:
        await sellers.add(c, Seller("S1", "Seller One", frozenset({US, CA, DE}), NOW))
        await sellers.add(c, Seller("S2", "Seller Two", frozenset({JP}), NOW))

    await database.write(add)
    yield context
    context.client_secrets.close()


async def an_application(context: Context, **changes: Any) -> WithSecret:
    """An application with a callback and a scope."""
    values: dict[str, Any] = {
        "name": "Planner",
        "redirect_uris": [CALLBACK],
        "scopes": ["sellingpartnerapi::notifications"],
    }
    return await create_application(context, OPERATOR, **(values | changes))


async def authorized(context: Context, application: WithSecret, **changes: Any) -> WithRefreshToken:
    """The application's authorization for S1."""
    values: dict[str, Any] = {"seller_id": "S1"}
    return await authorize_application(context, OPERATOR, application.application.application_id, **(values | changes))


@asynccontextmanager
async def client(
    context: Context, base_url: str = "http://127.0.0.1", routes: Any = None
) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the routes of tokens and consent (or others), in process; redirects are not followed."""
    app = Starlette(routes=[*tokens.ROUTES, *consent.ROUTES] if routes is None else routes)
    app.state.context = context
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=base_url) as http:
        yield http


async def dump(database: Database) -> str:
    """Every value of every table, as one text: what a thief of the database would read."""
    names = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
        "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()",
    }

    async def use(c: Connection) -> str:
        lines = []
        for (table,) in await c.fetch(names[c.dialect]):
            lines += [f"{table}: {[*row]}" for row in await c.fetch(f'SELECT * FROM "{table}"')]  # noqa: S608
        return "\n".join(lines)

    return await database.read(use)

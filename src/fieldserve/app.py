"""The composition root: every object is built here, once, from the settings."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache

import msgspec
from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from fieldserve import config
from fieldserve.api import elsewhere, guard, health, metrics, observe, request_log, tokens, uploads
from fieldserve.api.authorize import HEADER
from fieldserve.api.edge import Answer, Edge
from fieldserve.api.endpoints import ENDPOINTS
from fieldserve.api.json_lines import JsonLines
from fieldserve.api.routes import Routes
from fieldserve.api.traces import Traces, open_traces
from fieldserve.api.usage_plans import Plans, SharedUsagePlans, UsagePlans
from fieldserve.config import Settings
from fieldserve.operations import privacy
from fieldserve.operations.documents import purge_documents
from fieldserve.operations.outbox import purge_outbox
from fieldserve.operations.request_log import purge_requests, write_requests
from fieldserve.operations.retries import purge_retries
from fieldserve.operations.run import Caller, Clock, Context, Identifiers, SystemClock, write_observations
from fieldserve.operations.tokens import purge_tokens
from fieldserve.operations.travel import purge_travel_times
from fieldserve.operations.webhook_deliveries import Courier, purge_deliveries
from fieldserve.sandbox import controls, faults, static
from fieldserve.sandbox.clock import SandboxClock
from fieldserve.sandbox.controls import Sandbox
from fieldserve.store import migrate
from fieldserve.store.blobs import open_blobs
from fieldserve.store.engine import Unavailable, connect
from fieldserve.store.keys import open_seal
from fieldserve.store.observed import Observed
from fieldserve.store.switch import Switch
from fieldserve.store.tokens import hash_of
from fieldserve.wire.operations import OPERATIONS, Operation

log = logging.getLogger("fieldserve")

OBSERVATIONS_EVERY = 0.5
PURGE_EVERY = 3600.0


@asynccontextmanager
async def opened(
    settings: Settings,
    *,
    clock: Clock | None = None,
    ids: Identifiers | None = None,
    durable: bool = True,
    must_answer: bool = True,
) -> AsyncIterator[Context]:
    """A context on a database that is migrated; closed at the end, observations written.

    With `must_answer` False a PostgreSQL that is away is waited for by whoever uses it, and is taken to be migrated.
    Raises Unavailable, KeyFault."""
    database = await connect(settings.database_url, durable=durable)
    if settings.sandbox == "dynamic":
        database = Switch(settings.database_url, database)
        clock = clock or SandboxClock()
    context = None
    try:
        try:
            await migrate.upgrade(database)
        except Unavailable as fault:
            if must_answer or database.dialect == "sqlite":
                raise
            log.error("serving without a database until there is one: %s", fault)
        context = Context(
            settings,
            database,
            open_blobs(settings.documents_location),
            open_seal(settings.data),
            clock or SystemClock(),
            ids or Identifiers(),
        )
        yield context
        with suppress(Unavailable):
            await write_observations(context)
            await write_requests(context)
    finally:
        if context is not None:
            context.client_secrets.close()
        await database.close()


def create_app(context: Context, traces: Traces | None = None) -> "App":
    """The server on a context that is open."""
    kept = context.database
    database = Observed(kept, traces.transaction if traces else None)
    context = replace(context, database=database)
    is_counted = context.settings.metrics != "off"
    meters = metrics.Meters(database) if is_counted else None
    answer_cases = _static if context.settings.sandbox == "static" else None
    # SQLite serves one process, PostgreSQL any number, which count together.
    shared = context.database.dialect == "postgresql"
    plans: Plans = SharedUsagePlans(context) if shared else UsagePlans(context.clock)
    sandbox = None
    if isinstance(kept, Switch) and isinstance(context.clock, SandboxClock):
        # One process, whatever the database; and buckets fill by the machine's clock, though the sandbox's stands.
        plans = own = UsagePlans(SystemClock())
        sandbox = Sandbox(context, kept, context.clock, own.forget)
    edge = Edge(context, ENDPOINTS, plans, answer_cases)
    state = {"context": context, "usage_plans": plans, "sandbox": sandbox}
    often = _routed(
        [*tokens.ROUTES, *uploads.ROUTES, *health.ROUTES, *(metrics.routes(meters) if meters else ())], state
    )
    seldom = _when_asked(lambda: _routed([*_seldom(), *(controls.ROUTES if sandbox else ())], state))
    console = _when_asked(lambda: _console(context, sandbox))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        # The 17 operations are most of the traffic and need none of Starlette's routing.
        if path.startswith("/service/") and scope["type"] == "http":
            await edge(scope, receive, send)
        elif path.startswith(_OFTEN):
            await often(scope, receive, send)
        elif path == "/console" or path.startswith("/console/"):
            await console(scope, receive, send)
        else:
            await seldom(scope, receive, send)

    failing = elsewhere.with_request_id(_failing(app, sandbox)) if sandbox is not None else app
    guarded = guard.guarded(failing, context.settings.request_timeout)
    return App(observe.observed(guarded, meters, traces), meters.webhook if meters else None, sandbox)


@dataclass(frozen=True, slots=True)
class App:
    """The ASGI application, who counts what becomes of webhooks, and the sandbox where it is a dynamic one."""

    answer: ASGIApp
    count_webhook: Callable[[str], None] | None
    sandbox: Sandbox | None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.answer(scope, receive, send)


def _failing(app: ASGIApp, sandbox: Sandbox) -> ASGIApp:
    """The application, some of whose requests fail as the sandbox is told."""
    routes, context = Routes(OPERATIONS), sandbox.context

    def operation_of(method: str, path: str) -> str | None:
        if path == "/auth/o2/token":
            return faults.TOKEN
        found = routes.find(path)[0].get(method)
        return found.id if found is not None else None

    async def seller_of(scope: Scope) -> str | None:
        token = next((value.decode("latin-1") for name, value in scope["headers"] if name == HEADER.encode()), "")
        access = await context.accesses.find(context.database, hash_of(token)) if token else None
        return access.seller_id if access is not None else None

    return faults.failing(app, sandbox.faults, operation_of, seller_of, sandbox.clock.now)


_OFTEN = ("/auth/", "/tokens/", "/uploads/", "/healthz", "/readyz", metrics.PATH)


def _routed(routes: Sequence[BaseRoute], state: Mapping[str, object]) -> ASGIApp:
    """Starlette on these routes; their handlers find the state in `request.app.state`."""
    starlette = Starlette(routes=routes, exception_handlers=elsewhere.HANDLERS)
    for name, value in state.items():
        setattr(starlette.state, name, value)
    return elsewhere.with_request_id(starlette)


def _when_asked(build: Callable[[], ASGIApp]) -> ASGIApp:
    """An application that is built, and its libraries imported, by its first request: a server is ready sooner."""
    built = lru_cache(maxsize=1)(build)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await built()(scope, receive, send)

    return app


def _seldom() -> list[BaseRoute]:
    from fieldserve.api import calendars, consent, explorer, openapi, operator

    return [*consent.ROUTES, *calendars.ROUTES, *operator.ROUTES, *openapi.ROUTES, *explorer.ROUTES]


def _console(context: Context, sandbox: Sandbox | None) -> ASGIApp:
    from fieldserve.console.routes import application

    return elsewhere.with_request_id(application(context, sandbox))


def _static(operation: Operation, path: Mapping[str, str], query: Mapping[str, list[str]], body: bytes) -> Answer:
    try:
        value = msgspec.json.decode(body) if body else None
    except (msgspec.DecodeError, RecursionError):
        value = None
    found = static.answer(operation.id, path, query, value)
    return Answer(found.status, found.body, operation.rate)


class Server:
    """The server as a process runs it: the context opens when the process starts and closes when it ends."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self._app is not None:
            await self._app(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            # A process that takes another's place must come up even if that one died of an outage: it answers 503 until
            # the outage is over. `fieldserve serve` has looked at the database before it starts any.
            async with opened(self._settings, must_answer=False) as context:
                app = self._app = create_app(context, open_traces())
                if app.sandbox is not None:
                    await app.sandbox.begin()
                chores = [
                    asyncio.create_task(_every(OBSERVATIONS_EVERY, write_observations, context)),
                    asyncio.create_task(_every(OBSERVATIONS_EVERY, write_requests, context)),
                    asyncio.create_task(_every(PURGE_EVERY, _purge, context)),
                    asyncio.create_task(Courier(context, app.count_webhook).run()),
                ]
                if every := self._settings.sync_every:
                    # Only a server that mirrors needs the client.
                    from fieldserve.operations.sync import keep_all

                    chores.append(asyncio.create_task(keep_all(context, every)))
                if every := self._settings.facts_every:
                    from fieldserve.operations.facts import keep_fresh

                    chores.append(asyncio.create_task(_every(every, keep_fresh, context)))
                chores.append(asyncio.create_task(_let_signals_in()))
                await send({"type": "lifespan.startup.complete"})
                await receive()
                for chore in chores:
                    chore.cancel()
                await asyncio.gather(*chores, return_exceptions=True)
                request_log.hand_over()
        except Exception as fault:
            log.exception("the server cannot start")
            await send({"type": "lifespan.startup.failed", "message": str(fault)})
            return
        await send({"type": "lifespan.shutdown.complete"})


async def _let_signals_in() -> None:
    """SIGTERM and SIGINT waited while the process started; the server beneath takes them from when it serves."""
    await asyncio.sleep(0.05)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})


async def _every(seconds: float, chore: Callable[[Context], Awaitable[None]], context: Context) -> None:
    while True:
        await asyncio.sleep(seconds)
        # A chore that fails is tried again at its next turn; its data waits.
        try:
            await chore(context)
        except Unavailable as fault:
            log.warning("a chore has to wait: %s", fault)
        except Exception:
            log.exception("a chore failed")


async def _purge(context: Context) -> None:
    await purge_tokens(context)
    await purge_documents(context)
    await purge_retries(context)
    await purge_outbox(context)
    await purge_travel_times(context)
    await purge_requests(context)
    await purge_deliveries(context)
    if after := context.settings.privacy_purge_after:
        days = config.read_days(after, "privacy_purge_after")
        await privacy.purge(context, Caller("", actor="server"), days)


def server() -> Server:
    """What each process of `fieldserve serve` runs; its settings come by the environment."""
    settings = config.load()
    handler = logging.StreamHandler()
    as_json = settings.log_format == "json"
    plain = logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s")
    handler.setFormatter(JsonLines() if as_json else plain)
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler])
    logging.getLogger("alembic").setLevel(logging.WARNING)
    request_log.write_plainly(as_json)
    return Server(settings)

"""A Services API that runs in this process, as a test sees it."""

import asyncio
import itertools
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx2
import msgspec
from starlette.types import ASGIApp

from fieldserve.app import create_app, opened
from fieldserve.client import Marketplaces, Services, tokens
from fieldserve.client._async import AsyncHttp, AsyncServices
from fieldserve.client._sync import Http
from fieldserve.config import Settings
from fieldserve.operations.operator_keys import create_operator_key
from fieldserve.operations.request_log import write_requests
from fieldserve.operations.run import Caller, Context, write_observations
from fieldserve.operations.webhook_deliveries import Courier
from fieldserve.sandbox.controls import Sandbox
from fieldserve.sandbox.faults import TOKEN, Fault
from fieldserve.sandbox.scenario import SMALL, Account, Scenario, read_scenario
from fieldserve.testing.bridge import AsyncTransport, LoopThread, Transport
from fieldserve.wire.applications import Usage
from fieldserve.wire.operations import BY_ID, OPERATIONS
from fieldserve.wire.request_log import RequestListing, RequestRecord
from fieldserve.wire.sandbox import AskFault
from fieldserve.wire.times import parse

_numbers = itertools.count(1)
_PLENTY = {one.id: Usage(rate=10_000, burst=10_000) for one in OPERATIONS}
_EVERY = 0.5


@dataclass(frozen=True, slots=True)
class Options:
    """What a Services API for tests begins with.

    scenario          `small`, or the path of a scenario in TOML or JSON
    seed              what ids and faults are drawn from
    socket            whether it listens on a port of 127.0.0.1, too
    published_limits  whether the published usage plans hold; without, 10,000 requests a second go through"""

    scenario: str = SMALL
    seed: int = 7
    socket: bool = False
    published_limits: bool = False


class _Http(Http):
    def __init__(self, transport: Transport, timeout: Any):
        super().__init__({}, True, timeout)
        self._within = transport

    def open(self, proxy: Any) -> httpx2.BaseTransport:
        return self._within


class _AsyncHttp(AsyncHttp):
    def __init__(self, transport: AsyncTransport, timeout: Any):
        super().__init__({}, True, timeout)
        self._within = transport

    def open(self, proxy: Any) -> httpx2.AsyncBaseTransport:
        return self._within


@dataclass
class ServicesApi:
    """A Services API of one's own. Times are datetimes with a zone, or ISO 8601 texts; without an offset they are UTC.

    client, async_client   the typed clients, authorised for the scenario's first application
    endpoint               where it is called; other clients reach it where it listens on a socket
    accounts               credentials of the scenario's applications"""

    options: Options
    endpoint: str
    accounts: list[Account]
    _thread: LoopThread = field(repr=False)
    _context: Context = field(repr=False)
    _sandbox: Sandbox = field(repr=False)
    _transports: tuple[Transport, AsyncTransport] = field(repr=False)
    _key: str = field(repr=False)

    # ---- calling it

    @property
    def token_endpoint(self) -> str:
        """Where access tokens come from."""
        return f"{self.endpoint}/auth/o2/token"

    @cached_property
    def client(self) -> Services:
        """A client for threads."""
        return self.client_of(self.accounts[0].name)

    @cached_property
    def async_client(self) -> AsyncServices:
        """A client for asyncio."""
        return self.async_client_of(self.accounts[0].name)

    def client_of(self, application: str, **options: Any) -> Services:
        """A client of the scenario's application of that name; `options` are those of Services. Raises KeyError."""
        services = Services(**self._connection(application), **options)
        if not self.options.socket:
            services._http = services._auth.http = _Http(self._transports[0], services.timeout)
        return services

    def async_client_of(self, application: str, **options: Any) -> AsyncServices:
        """The same for asyncio. Raises KeyError."""
        services = AsyncServices(**self._connection(application), **options)
        if not self.options.socket:
            services._http = services._auth.http = _AsyncHttp(self._transports[1], services.timeout)
        return services

    def _connection(self, application: str) -> dict[str, Any]:
        account = self._account(application)
        return {
            "marketplace": Marketplaces(account.marketplace_ids[0]),
            "credentials": {
                "refresh_token": account.refresh_token,
                "lwa_app_id": account.client_id,
                "lwa_client_secret": account.client_secret,
            },
            "endpoint": self.endpoint,
            "token_endpoint": self.token_endpoint,
        }

    def _account(self, application: str) -> Account:
        found = next((one for one in self.accounts if one.name == application), None)
        if found is None:
            raise KeyError(f"no application {application!r}; there are: {', '.join(one.name for one in self.accounts)}")
        return found

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables with which a client that is made without arguments calls this API."""
        account = self.accounts[0]
        return {
            "SP_API_ENDPOINT": self.endpoint,
            "SP_API_TOKEN_ENDPOINT": self.token_endpoint,
            "SP_API_REFRESH_TOKEN": account.refresh_token,
            "LWA_APP_ID": account.client_id,
            "LWA_CLIENT_SECRET": account.client_secret,
        }

    def operator(self, method: str, path: str, body: Any = None) -> Any:
        """Call the operator API below /operator/v1/: what the marketplace's side does. Raises RuntimeError."""
        headers = {"authorization": f"Bearer {self._key}", "content-type": "application/json"}
        content = b"" if body is None else msgspec.json.encode(body)
        url = f"{self.endpoint}/operator/v1/{path}"
        answer = self._transports[0].handle_request(httpx2.Request(method, url, headers=headers, content=content))
        told = answer.read()
        if answer.status_code >= 300:
            raise RuntimeError(f"{method} {path} was answered {answer.status_code}: {told.decode()}")
        return msgspec.json.decode(told) if told else None

    def place_order(self, **members: Any) -> str:
        """Order a service as a buyer does; answers the id of the job, which waits to be scheduled.

        `members` are those of the operator API's order; absent ones are taken from the first account's seller."""
        mine = f"sellers/{members.pop('sellerId', self.accounts[0].seller_id)}"
        if "storeId" not in members:
            members["storeId"] = self.operator("GET", f"{mine}/stores")["stores"][0]["storeId"]
        if "asin" not in members:
            members["asin"] = self.operator("GET", f"{mine}/services")["services"][0]["asin"]
        members.setdefault("buyer", {"name": "Pat Doe"})
        job_id: str = self.operator("POST", f"{mine}/orders", members)["serviceJobId"]
        return job_id

    # ---- the clock

    @property
    def now(self) -> datetime:
        """The API's present, in UTC."""
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self._sandbox.clock.now())

    def freeze(self, at: datetime | str | None = None) -> None:
        """Stop the clock, now or at a time. Raises ValueError."""
        self._sandbox.clock.freeze(None if at is None else _instant(at))

    def set_clock(self, at: datetime | str) -> None:
        """Make a time the present. Raises ValueError."""
        self._sandbox.clock.set(_instant(at))

    def advance(self, by: timedelta | None = None, **more: float) -> None:
        """Move the clock on, by a timedelta or by what makes one: `advance(days=3)`."""
        passed = (by or timedelta()) + timedelta(**more)
        self._sandbox.clock.advance(passed // timedelta(microseconds=1))

    def thaw(self) -> None:
        """Let the clock go on from where it stands."""
        self._sandbox.clock.thaw()

    # ---- states

    def snapshot(self, name: str = "snapshot") -> None:
        """Keep everything as it is, the clock included, under a name. Raises ValueError."""
        self._thread.run(self._keep(name))

    async def _keep(self, name: str) -> None:
        await self._settle()
        await self._sandbox.keep(name)

    def restore(self, name: str = "snapshot") -> None:
        """Put a kept state back. Raises ApiError: NO_STATE."""
        tokens.forget_all()  # the API forgets those that it gave since
        self._thread.run(self._sandbox.put_back(name))

    def reset(self, seed: int | None = None) -> None:
        """Return to the beginning: the scenario's world, clock and ids, and no faults."""
        tokens.forget_all()
        self._thread.run(self._sandbox.reset(self.options.seed if seed is None else seed))

    # ---- faults

    def fault(
        self,
        kind: str,
        operation: str | None = None,
        times: int | None = 1,
        probability: float = 1.0,
        seconds: float | None = None,
    ) -> None:
        """Let the next `times` requests of an operation (of any, if none is named; `token` is the token endpoint) fail;
        None: all until `clear_faults`. Kinds: 429, 500, 503, expired_token, slow, timeout, cut, lost, malformed.

        `timeout` and `slow` take `seconds`. Raises ValueError."""
        told = {"kind": kind, "operation": operation, "times": times, "probability": probability, "seconds": seconds}
        try:
            ask = msgspec.convert({name: value for name, value in told.items() if value is not None}, AskFault)
        except msgspec.ValidationError as fault:
            raise ValueError(str(fault)) from None
        if operation not in (None, TOKEN) and operation not in BY_ID:
            raise ValueError(f"operation must be one of the 17 or {TOKEN}, not {operation}")
        self._sandbox.faults.add(Fault("", ask.kind, operation, None, times, probability, seconds))

    def clear_faults(self) -> None:
        """Take all faults back."""
        self._sandbox.faults.clear(self._sandbox.seed)

    # ---- what was sent

    def requests(self, operation: str | None = None) -> list[RequestRecord]:
        """What was sent since the beginning, the oldest first: masked, with the answers and what lint found."""
        self._thread.run(write_requests(self._context))
        path = "requests?limit=500" + (f"&operationId={operation}" if operation else "")
        listing = msgspec.convert(self.operator("GET", path), RequestListing)
        return listing.requests[::-1]

    async def _settle(self) -> None:
        await write_observations(self._context)
        await write_requests(self._context)


def _instant(at: datetime | str) -> int:
    if isinstance(at, str):
        return parse(at)
    if at.tzinfo is None:
        raise ValueError(f"a time needs its zone: {at!r}; datetime(…, tzinfo=UTC)")
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@contextmanager
def running_services_api(
    scenario: str = SMALL, *, seed: int = 7, socket: bool = False, published_limits: bool = False
) -> Iterator[ServicesApi]:
    """A Services API for as long as the context lasts; the parameters are those of Options. Raises ScenarioFault."""
    options = Options(scenario, seed, socket, published_limits)
    folder = Path(tempfile.mkdtemp(prefix="services-api-"))
    thread, stack = LoopThread(), AsyncExitStack()
    try:
        yield thread.run(_open(options, folder, thread, stack))
    finally:
        thread.run(stack.aclose())
        thread.close()
        shutil.rmtree(folder, ignore_errors=True)


async def _open(options: Options, folder: Path, thread: LoopThread, stack: AsyncExitStack) -> ServicesApi:
    settings = Settings(data=folder, sandbox="dynamic", sandbox_seed=options.seed)
    context = await stack.enter_async_context(opened(settings, durable=False))
    app = create_app(context)
    sandbox = app.sandbox
    assert sandbox is not None, "a dynamic sandbox has one"
    key = await create_operator_key(context, Caller("", actor="testing"), "testing")
    await sandbox.begin(_generous(read_scenario(options.scenario), options))
    chores = [asyncio.create_task(_write(context)), asyncio.create_task(Courier(context).run())]
    stack.push_async_callback(_cancel, chores)
    endpoint = await _listen(app, stack) if options.socket else f"http://services-api-{next(_numbers)}.localhost"
    transports = Transport(app, thread), AsyncTransport(app, thread)
    return ServicesApi(options, endpoint, sandbox.accounts, thread, context, sandbox, transports, key)


def _generous(scenario: Scenario, options: Options) -> Scenario:
    """The scenario, whose applications may ask as often as they like, but for what it says itself."""
    if options.published_limits:
        return scenario
    applications = tuple(
        msgspec.structs.replace(one, usage_plan=_PLENTY | (one.usage_plan or {})) for one in scenario.applications
    )
    return msgspec.structs.replace(scenario, applications=applications)


async def _write(context: Context) -> None:
    """What a server writes behind its answers."""
    while True:
        await asyncio.sleep(_EVERY)
        await write_observations(context)
        await write_requests(context)


async def _cancel(chores: list[asyncio.Task[None]]) -> None:
    for chore in chores:
        chore.cancel()
    await asyncio.gather(*chores, return_exceptions=True)


async def _listen(app: ASGIApp, stack: AsyncExitStack) -> str:
    """Serve on a free port of 127.0.0.1; the URL there."""
    from granian.constants import Interfaces
    from granian.server.embed import Server

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    server = Server(app, "127.0.0.1", port, interface=Interfaces.ASGINL, log_enabled=False)
    serving = asyncio.create_task(server.serve())

    async def stop() -> None:
        server.stop()  # type: ignore[no-untyped-call]
        await serving

    stack.push_async_callback(stop)
    for _ in range(500):
        if serving.done():
            serving.result()
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.01)
        else:
            writer.close()
            return f"http://127.0.0.1:{port}"
    raise RuntimeError(f"nothing listens on port {port}")

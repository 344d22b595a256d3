"""The control routes of a dynamic sandbox: clock, faults, snapshots, reset. /sandbox/v1

They exist where the setting `sandbox` is `dynamic`, and nowhere else. Whoever shares the machine may use them while the
server listens on loopback alone; otherwise they ask for an operator's key, unless `sandbox_controls` is `open`.
"""

import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fieldserve.operations.operator_keys import verify_operator_key
from fieldserve.operations.run import Context
from fieldserve.sandbox.clock import SandboxClock
from fieldserve.sandbox.faults import TOKEN, Fault, Faults
from fieldserve.sandbox.scenario import Account, Scenario, build, present, read_scenario
from fieldserve.store.engine import Unavailable
from fieldserve.store.switch import NoSuchState, Switch
from fieldserve.wire import errors
from fieldserve.wire import sandbox as wire
from fieldserve.wire.bodies import BodyFault, decode
from fieldserve.wire.encoding import encode
from fieldserve.wire.errors import ApiError
from fieldserve.wire.operations import BY_ID, missing_or_invalid
from fieldserve.wire.parameters import ParameterFault
from fieldserve.wire.times import SECOND, Instant, TimeFault, parse, render

log = logging.getLogger("fieldserve.sandbox")

START = "start"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_LIMIT = 16_384


@dataclass(slots=True)
class Sandbox:
    """A dynamic sandbox. `forget` empties the usage plans' buckets, which run by the machine's clock."""

    context: Context
    switch: Switch
    clock: SandboxClock
    forget: Callable[[], None]
    faults: Faults = field(default_factory=Faults)
    scenario: Scenario | None = None
    accounts: list[Account] = field(default_factory=list)
    seed: int = 0
    clocks: dict[str, tuple[Instant | None, int]] = field(default_factory=dict)

    async def begin(self, scenario: Scenario | None = None) -> None:
        """Make the world of a scenario, or of the one that the settings name, where the database is empty.

        Raises ScenarioFault."""
        settings = self.context.settings
        self.seed = settings.sandbox_seed
        self.faults.clear(self.seed)
        if scenario is None and not settings.sandbox_scenario:
            return
        self.scenario = scenario or read_scenario(settings.sandbox_scenario)
        self._rewind()
        self.accounts = await build(self.context, self.scenario)
        await self.keep(START)
        self.context.ids.reseed(self.seed)

    def _rewind(self) -> None:
        """The scenario's clock, and ids from the seed on."""
        assert self.scenario is not None
        self.clock.reset()
        begins = present(self.scenario)
        if begins is not None:
            self.clock.set(begins)
        if self.scenario.frozen:
            self.clock.freeze(begins)
        self.context.ids.reseed(self.seed)

    async def keep(self, name: str) -> None:
        """Keep the present state, the clock's included."""
        await self.switch.keep(name)
        self.clocks[name] = (self.clock.frozen_at, self.clock.offset)

    async def put_back(self, name: str) -> None:
        """Return to a state. Raises ApiError NO_STATE."""
        try:
            await self.switch.put_back(name)
        except NoSuchState:
            raise wire.NO_STATE.error(name=name) from None
        self.context.observations.take()
        self.context.recording.take()
        self.forget()
        self.clock.frozen_at, self.clock.offset = self.clocks.get(name, (self.clock.frozen_at, self.clock.offset))

    async def reset(self, seed: int | None) -> None:
        """Return to the beginning. Raises ApiError NO_START."""
        if self.scenario is None:
            raise wire.NO_START.error()
        if seed is not None:
            self.seed = seed
        await self.put_back(START)
        self._rewind()
        self.faults.clear(self.seed)
        self.faults.happened.clear()

    async def do(self, control: str, ask: Any = None, name: str = "") -> None:
        """Carry out a control of the table, by its id; `name` is the fault or the snapshot that it is about.

        Raises ApiError as the control's route answers it."""
        await _DO[control](self, ask, name)

    async def state(self) -> wire.SandboxState:
        """What it is at."""
        return wire.SandboxState(
            wire.ClockState(render(self.clock.now()), self.clock.frozen_at is not None),
            [
                wire.FaultState(one.id, one.kind, one.operation, one.seller, one.left, one.probability, one.seconds)
                for one in self.faults.waiting
            ],
            [
                wire.FaultHappened(render(one.at), one.kind, one.operation, one.seller)
                for one in reversed(self.faults.happened)
            ],
            [name for name in await self.switch.names() if name != START],
            self.seed,
            [
                wire.AccountState(
                    one.name,
                    one.seller_id,
                    list(one.marketplace_ids),
                    one.client_id,
                    one.client_secret,
                    one.refresh_token,
                )
                for one in self.accounts
            ],
        )


# ---- what each route does


def _time(text: str | None) -> Instant | None:
    try:
        return None if text is None else parse(text)
    except TimeFault:
        raise missing_or_invalid([ParameterFault("at", f"at must be an ISO 8601 time, not {text}")]) from None


async def _freeze(sandbox: Sandbox, ask: wire.At, _: str) -> None:
    sandbox.clock.freeze(_time(ask.at))


async def _set(sandbox: Sandbox, ask: wire.At, _: str) -> None:
    at = _time(ask.at)
    if at is None:
        raise missing_or_invalid([ParameterFault("at", "at is required")])
    sandbox.clock.set(at)


async def _advance(sandbox: Sandbox, ask: wire.Advance, _: str) -> None:
    seconds = ((ask.days * 24 + ask.hours) * 60 + ask.minutes) * 60 + ask.seconds
    sandbox.clock.advance(round(seconds * SECOND))


async def _thaw(sandbox: Sandbox, _: None, __: str) -> None:
    sandbox.clock.thaw()


async def _add_fault(sandbox: Sandbox, ask: wire.AskFault, _: str) -> None:
    if ask.operation is not None and ask.operation not in BY_ID and ask.operation != TOKEN:
        reason = f"operation must be one of the 17 or {TOKEN}, not {ask.operation}"
        raise missing_or_invalid([ParameterFault("operation", reason)])
    sandbox.faults.add(Fault("", ask.kind, ask.operation, ask.seller_id, ask.times, ask.probability, ask.seconds))


async def _clear_faults(sandbox: Sandbox, _: None, __: str) -> None:
    sandbox.faults.clear(sandbox.seed)


async def _remove_fault(sandbox: Sandbox, _: None, id: str) -> None:
    found = next((one for one in sandbox.faults.waiting if one.id == id), None)
    if found is None:
        raise wire.NO_FAULT.error(id=id)
    sandbox.faults.waiting.remove(found)


async def _keep(sandbox: Sandbox, ask: wire.Keep, _: str) -> None:
    await sandbox.keep(ask.name)


async def _put_back(sandbox: Sandbox, _: None, name: str) -> None:
    await sandbox.put_back(name)


async def _drop(sandbox: Sandbox, _: None, name: str) -> None:
    try:
        await sandbox.switch.drop(name)
    except NoSuchState as fault:
        raise wire.NO_STATE.error(name=str(fault)) from None


async def _reset(sandbox: Sandbox, ask: wire.Reset, _: str) -> None:
    await sandbox.reset(ask.seed)


async def _nothing(_: Sandbox, __: None, ___: str) -> None:
    return None


_DO: dict[str, Callable[[Sandbox, Any, str], Awaitable[None]]] = {
    "getSandbox": _nothing,
    "freezeClock": _freeze,
    "setClock": _set,
    "advanceClock": _advance,
    "thawClock": _thaw,
    "addFault": _add_fault,
    "clearFaults": _clear_faults,
    "removeFault": _remove_fault,
    "keepSnapshot": _keep,
    "restoreSnapshot": _put_back,
    "dropSnapshot": _drop,
    "resetSandbox": _reset,
}


# ---- the way in and out


def _endpoint(control: wire.Control) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        sandbox: Sandbox = request.app.state.sandbox
        try:
            await _admit(sandbox.context, request)
            ask = decode(await _body(request) or b"{}", control.body) if control.body is not None else None
            await sandbox.do(control.id, ask, *request.path_params.values())
            return _json(await sandbox.state(), 200)
        except BodyFault as fault:
            return _json({"errors": missing_or_invalid([fault.fault]).faults}, 400)
        except ApiError as fault:
            return _json({"errors": fault.faults}, fault.status)
        except Unavailable as fault:
            log.error("database away: %s", fault)
            return _json({"errors": errors.SERVICE_UNAVAILABLE.error().faults}, 503)

    return answer


async def _admit(context: Context, request: Request) -> None:
    settings = context.settings
    if settings.sandbox_controls == "open" or settings.host in _LOOPBACK:
        return
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or await verify_operator_key(context, key.strip()) is None:
        raise wire.NOT_ALLOWED.error()


async def _body(request: Request) -> bytes:
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > _LIMIT:
            raise errors.BODY_TOO_LARGE.error(limit=_LIMIT)
        chunks.append(chunk)
    return b"".join(chunks)


def _json(value: object, status: int) -> Response:
    return Response(encode(value), status, {"cache-control": "no-store"}, media_type="application/json")


async def instruct(request: Request) -> Response:
    """POST /response/{api}-{operation}/code/{status}, and without the api: the next such call is answered so.

    It is what the mock server of the official SDKs' own tests understands."""
    sandbox: Sandbox = request.app.state.sandbox
    await _admit(sandbox.context, request)
    operation = request.path_params["operation"].rpartition("-")[2]
    status = request.path_params["status"]
    if operation not in BY_ID or not re.fullmatch(r"[2-5][0-9]{2}", status):
        return _json(
            {"errors": missing_or_invalid([ParameterFault("operation", "no such operation or status")]).faults}, 400
        )
    sandbox.faults.add(Fault("", f"answer {status}", operation, canned=int(status)))
    return Response(status_code=204)


ROUTES = [
    *(Route(wire.SANDBOX_PREFIX + one.path, _endpoint(one), methods=[one.method]) for one in wire.CONTROLS),
    Route("/response/{operation}/code/{status}", instruct, methods=["POST"]),
]

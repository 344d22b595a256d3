"""The sandbox's clock, faults and snapshots, where the server is one. /console/{seller}/developers/sandbox

The controls are the server's, for all its sellers at once. So they are for who may use its control routes, too: people
of the operator's house, and everybody where it listens on loopback alone or leaves its controls open.
"""

from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec
from starlette.responses import Response

from fieldserve.console.developers import tabs
from fieldserve.console.pages import Refused, Visit, page, set_session, told
from fieldserve.operations.sessions import renew
from fieldserve.wire import sandbox as wire
from fieldserve.wire.bodies import BodyFault, convert
from fieldserve.wire.errors import ApiError
from fieldserve.wire.operations import BY_ID
from fieldserve.wire.sandbox import CONTROLS, SandboxState
from fieldserve.wire.times import parse

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_BODIES = {one.id: one.body for one in CONTROLS if one.id != "getSandbox"}
_NEWEST = 20
TOKEN = "token"  # noqa: S105 (the name of an endpoint)
KINDS = {
    "429": "answered 429, not carried out",
    "500": "answered 500, not carried out",
    "503": "answered 503, not carried out",
    "expired_token": "as if the access token had expired",
    "slow": "carried out late",
    "timeout": "held, then cut off",
    "cut": "carried out, the answer ends in the middle",
    "lost": "carried out, the answer never comes",
    "malformed": "carried out, the answer is broken JSON",
}
STEPS = (
    ("15 minutes", {"minutes": "15"}),
    ("1 hour", {"hours": "1"}),
    ("1 day", {"days": "1"}),
    ("1 week", {"days": "7"}),
)
TEXTS = (*KINDS.values(), *(name for name, _ in STEPS))


class Controls(Protocol):
    """What a dynamic sandbox lets be done to it."""

    async def do(self, control: str, ask: Any = None, name: str = "") -> None: ...

    async def state(self) -> SandboxState: ...


def _controls(visit: Visit) -> Controls | None:
    controls: Controls | None = visit.request.app.state.sandbox
    return controls


def _may_control(visit: Visit) -> bool:
    settings = visit.context.settings
    of_house = not visit.signed_in.user.seller_id
    return of_house or settings.sandbox_controls == "open" or settings.host in _LOOPBACK


async def show(visit: Visit, fault: str = "", status: int = 200) -> Response:
    """GET: what it is at, and all that can be done to it."""
    controls = _controls(visit)
    state = await controls.state() if controls is not None else None
    mine = visit.caller.seller_id
    return visit.show(
        "sandbox.html",
        status,
        tabs=tabs(visit, "sandbox"),
        state=state,
        now=parse(state.clock.now) if state else 0,
        field=_field(state.clock.now) if state else "",
        faults=[one for one in state.faults if one.seller_id in (None, mine)] if state else (),
        happened=[one for one in state.happened if one.seller_id in (None, mine)][:_NEWEST] if state else (),
        account=next((one for one in state.accounts if one.seller_id == mine), None) if state else None,
        may_control=_may_control(visit),
        kinds=KINDS,
        steps=STEPS,
        operations=(*sorted(BY_ID), TOKEN),
        here=visit.words.at("UTC"),
        moment=parse,
        fault=fault,
        given=visit.fields,
    )


def _field(time: str) -> str:
    return datetime.fromisoformat(time).astimezone(UTC).strftime("%Y-%m-%dT%H:%M")


async def act(visit: Visit) -> Response:
    """POST: one of the controls, by its id, with what its form says."""
    controls, fields = _controls(visit), visit.fields
    control = fields.get("control", "")
    if controls is None or control not in _BODIES:
        raise Refused(404, "There is no such page.")
    if not _may_control(visit):
        raise Refused(403, "The sandbox is the whole server's: people of the operator's house move its clock.")
    shape = _BODIES[control]
    try:
        ask = None if shape is None else convert(_body(visit, shape), shape)
        await controls.do(control, ask, fields.get("name", "") if shape is None else "")
    except BodyFault as refusal:
        return await show(visit, refusal.fault.reason, 400)
    except ApiError as refusal:
        return await show(visit, told(refusal), refusal.status)
    response = visit.go(visit.path("developers", "sandbox"))
    if control.endswith("Clock"):  # or a session of yesterday's would have ended
        set_session(visit.request, response, await renew(visit.context, visit.signed_in))
    return response


def _body(visit: Visit, shape: type[Any]) -> dict[str, Any]:
    """The form's fields as the control's body; empty ones are left out. Times are UTC."""
    numbers = {"days", "hours", "minutes", "seconds", "times", "probability", "seed"}
    body: dict[str, Any] = {}
    for one in msgspec.structs.fields(shape):
        text = visit.fields.get(one.encode_name, "").strip()
        if one.encode_name == "at" and text:
            text += "Z"
        if text:
            body[one.encode_name] = _number(text) if one.encode_name in numbers else text
    if shape is wire.AskFault and "times" not in body:
        body["times"] = None  # until it is taken back
    return body


def _number(text: str) -> float | int | str:
    """The number; what is none is refused with its name by the shape."""
    try:
        return int(text) if text.lstrip("-").isdecimal() else float(text)
    except ValueError:
        return text


ROUTES = [
    page("/{seller}/developers/sandbox", show, "develop"),
    page("/{seller}/developers/sandbox", act, "develop", "POST"),
]

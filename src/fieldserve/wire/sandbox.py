"""The control routes of a dynamic sandbox, on the wire: routes, reference and errors come from this table."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from fieldserve.wire.errors import Says
from fieldserve.wire.limits import Ask
from fieldserve.wire.parts import Part

SANDBOX_PREFIX = "/sandbox/v1"

Kind = Literal["429", "500", "503", "expired_token", "slow", "timeout", "cut", "lost", "malformed"]
StateName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$(?!\n)")]


class Advance(Ask):
    """How far the clock moves on; all are added up."""

    days: float = 0
    hours: float = 0
    minutes: float = 0
    seconds: float = 0


class At(Ask):
    """An ISO 8601 time; the present one if absent, where that makes sense."""

    at: str | None = None


class AskFault(Ask):
    """A fault that is to happen `times` times (null: until it is taken back), each time with a probability."""

    kind: Kind
    operation: str | None = None
    seller_id: str | None = None
    times: Annotated[int, Meta(ge=1)] | None = 1
    probability: Annotated[float, Meta(gt=0, le=1)] = 1.0
    seconds: Annotated[float, Meta(ge=0, le=600)] | None = None


class Keep(Ask):
    name: StateName


class Reset(Ask):
    """Another seed makes other ids, and draws other faults; absent, it stays."""

    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None


class ClockState(Part):
    now: str
    frozen: bool


class FaultState(Part):
    id: str
    kind: str
    operation: str | None = None
    seller_id: str | None = None
    left: int | None = None
    probability: float = 1.0
    seconds: float | None = None


class FaultHappened(Part):
    """`sellerId` is absent where the request told no access token that is known."""

    at: str
    kind: str
    operation: str
    seller_id: str | None = None


class AccountState(Part):
    """What a client is made with. Sandboxes keep no secrets: this is for trying things."""

    name: str
    seller_id: str
    marketplace_ids: list[str]
    client_id: str
    client_secret: str
    refresh_token: str

    def __repr__(self) -> str:  # the default one would carry secrets into logs
        return f"AccountState({self.name!r}, …)"


class SandboxState(Part):
    """`happened` are the newest hundred requests that met a fault, the newest first."""

    clock: ClockState
    faults: list[FaultState]
    happened: list[FaultHappened]
    snapshots: list[str]
    seed: int
    accounts: list[AccountState]


NOT_ALLOWED = Says(
    403,
    "Unauthorized",
    "The sandbox's controls are for who shares its machine, or has an operator's key.",
    "the server listens on more than loopback, and no operator's key was shown",
)
NO_STATE = Says(404, "NotFound", "No state is kept under the name {name}.", "no snapshot has that name")
NO_FAULT = Says(404, "NotFound", "No fault waits under the id {id}.", "it has happened, was taken back, or never was")
NO_START = Says(
    409,
    "Conflict",
    "This sandbox has no state to return to. Keep one as a snapshot, or start it with a scenario.",
    "the sandbox was started on data that were there already",
)


@dataclass(frozen=True, slots=True)
class Control:
    """One control route."""

    id: str
    method: Literal["GET", "POST", "DELETE"]
    path: str
    summary: str
    body: type[msgspec.Struct] | None = None
    answer: Any = SandboxState
    own_errors: tuple[Says, ...] = ()


CONTROLS = (
    Control(
        "getSandbox", "GET", "", "What the sandbox is at: clock, faults, what they hit, snapshots, seed, accounts."
    ),
    Control("freezeClock", "POST", "/clock/freeze", "Stop the clock, now or at a time.", At),
    Control("setClock", "POST", "/clock/set", "Make a time the present.", At),
    Control("advanceClock", "POST", "/clock/advance", "Move the clock on.", Advance),
    Control("thawClock", "POST", "/clock/thaw", "Let the clock go on from where it stands."),
    Control("addFault", "POST", "/faults", "Let requests fail.", AskFault),
    Control("clearFaults", "DELETE", "/faults", "Take all faults back."),
    Control("removeFault", "DELETE", "/faults/{id}", "Take one fault back.", None, SandboxState, (NO_FAULT,)),
    Control("keepSnapshot", "POST", "/snapshots", "Keep the present state under a name.", Keep),
    Control(
        "restoreSnapshot", "POST", "/snapshots/{name}/restore", "Put a state back.", None, SandboxState, (NO_STATE,)
    ),
    Control("dropSnapshot", "DELETE", "/snapshots/{name}", "Forget a state.", None, SandboxState, (NO_STATE,)),
    Control(
        "resetSandbox",
        "POST",
        "/reset",
        "Return to the beginning: the scenario's world, clock and ids, and no faults.",
        Reset,
        SandboxState,
        (NO_START,),
    ),
)

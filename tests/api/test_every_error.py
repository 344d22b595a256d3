"""Every error of every operation, provoked through HTTP: the table lists what is said, and nothing else.

RECIPES holds one way to provoke each entry. That no other is ever answered is checked on each answer that any test
gets, by `tests.promises`.
"""

import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any

import pytest

from fieldserve.api.edge import Edge
from fieldserve.api.endpoints import ENDPOINTS
from fieldserve.api.usage_plans import UsagePlans
from fieldserve.domain.intervals import DAY, HOUR
from fieldserve.operations.accesses import Accesses
from fieldserve.store import schedules, technicians
from fieldserve.store.engine import Connection, Database, Unavailable, Use
from fieldserve.store.technicians import Technician
from fieldserve.wire import (
    appointments,
    capacity,
    documents,
    errors,
    fulfillment,
    jobs,
    reservations,
    retries,
    slots,
)
from fieldserve.wire import schedules as wire_schedules
from fieldserve.wire.errors import Says
from fieldserve.wire.operations import OPERATIONS, Operation
from fieldserve.wire.times import parse, render
from tests.promises import faults_of
from tests.scene import IDS, Scene
from tests.uploads import attached, document
from tests.world import ANN, BRANCH, CANADA, CID, NOW, SELLER, STORE, US, World, client_of, daily

BODY_LIMIT = 20_000

ADD = "addAppointmentForServiceJobByServiceJobId"
MOVE = "rescheduleAppointmentForServiceJobByServiceJobId"
ASSIGN = "assignAppointmentResources"
FULFILL = "setAppointmentFulfillmentData"
CAPACITY = ("getRangeSlotCapacity", "getFixedSlotCapacity")
SLOTS = ("getAppointmmentSlotsByJobId", "getAppointmentSlots")


@dataclass(frozen=True)
class Provoked:
    """What was answered, and the values that the text of the error is to hold."""

    answer: Any
    values: Mapping[str, object]


Recipe = Callable[[Scene, Operation], Awaitable[Provoked]]
RECIPES: dict[tuple[str, Says], Recipe] = {}


def provokes(says: Says, *ids: str) -> Callable[[Recipe], Recipe]:
    """The decorated function provokes the entry from these operations; without ids from all that list it."""

    def register(recipe: Recipe) -> Recipe:
        for operation in OPERATIONS:
            if operation.id in ids or (not ids and says in operation.errors):
                assert RECIPES.setdefault((operation.id, says), recipe) is recipe, "two recipes for one entry"
        return recipe

    return register


# ---- what every operation may say


@provokes(errors.UNAUTHORIZED)
async def _no_token(scene: Scene, operation: Operation) -> Provoked:
    return Provoked(await scene.send(await scene.ask(operation.id), headers={"x-amz-access-token": ""}), {})


@provokes(errors.UNAUTHORIZED_ACTION)
async def _other_store_granted(scene: Scene, operation: Operation) -> Provoked:
    """Of a seller's stores another was granted; a listing leaves out what lies elsewhere, so it asks for Canada."""
    headers = {"x-amz-access-token": await scene.world.token(stores=frozenset({BRANCH}))}
    ask = await scene.ask(operation.id)
    if operation.id == "getServiceJobs":
        ask = ask.but(query={"marketplaceIds": CANADA})
    return Provoked(await scene.send(ask, headers=headers), {})


@provokes(errors.MISSING_OR_INVALID)
async def _parameter_missing(scene: Scene, operation: Operation) -> Provoked:
    ask = await scene.ask(operation.id)
    if operation.needs_marketplace:
        return Provoked(await scene.send(ask.but(query={"marketplaceIds": None})), {"names": "marketplaceIds"})
    return Provoked(await scene.send(ask.but(path={"serviceJobId": "x" * 101})), {"names": "serviceJobId"})


@provokes(errors.BODY_TOO_LARGE)
async def _large_body(scene: Scene, operation: Operation) -> Provoked:
    ask = await scene.ask(operation.id)
    return Provoked(await scene.send(ask, content=b" " * (BODY_LIMIT + 1)), {"limit": BODY_LIMIT})


@provokes(errors.WRONG_CONTENT_TYPE)
async def _form(scene: Scene, operation: Operation) -> Provoked:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return Provoked(await scene.send(await scene.ask(operation.id), content=b"a=1", headers=headers), {})


@provokes(errors.QUOTA_EXCEEDED)
async def _one_too_many(scene: Scene, operation: Operation) -> Provoked:
    """A burst of two, and one request in a thousand seconds."""
    headers = {"x-amz-access-token": await scene.world.token(usage_plan={operation.id: (0.001, 2)})}
    ask = await scene.ask(operation.id)
    for _ in range(2):
        assert (await scene.send(ask, headers=headers)).status_code != 429
    return Provoked(await scene.send(ask, headers=headers), {})


@provokes(retries.KEY_REUSED)
async def _same_key_for_another(scene: Scene, operation: Operation) -> Provoked:
    ask, headers = await scene.ask(operation.id), {"idempotency-key": scene.world.context.ids.uuid()}
    assert (await scene.send(ask, headers=headers)).status_code == operation.success
    return Provoked(await scene.send(ask.but(query={"another": "1"}), headers=headers), {})


@provokes(errors.INTERNAL_FAILURE)
async def _database_raises(scene: Scene, operation: Operation) -> Provoked:
    return await _with_database_failing(scene, operation, ZeroDivisionError("the secret of the defect"), 1)


@provokes(errors.SERVICE_UNAVAILABLE)
async def _database_away(scene: Scene, operation: Operation) -> Provoked:
    return await _with_database_failing(scene, operation, Unavailable("the secret of the defect"), 1)


@dataclass
class FailingDatabase:
    """A database that does `good` uses, and then fails each time."""

    database: Database
    fault: Exception
    good: int
    failed: int = 0
    commits: int = 0

    def __post_init__(self) -> None:
        self.dialect = self.database.dialect

    async def read(self, use: Use[Any], *, snapshot: bool = True) -> Any:
        self._count()
        return await self.database.read(use, snapshot=snapshot)

    async def write(self, use: Use[Any]) -> Any:
        self._count()
        return await self.database.write(use)

    async def close(self) -> None: ...

    def _count(self) -> None:
        self.good -= 1
        if self.good < 0:
            self.failed += 1
            raise self.fault


async def _with_database_failing(scene: Scene, operation: Operation, fault: Exception, good: int) -> Provoked:
    """A request that is in order, while the database fails after `good` uses; the first of them is the token's."""
    ask = await scene.ask(operation.id)
    database = FailingDatabase(scene.world.context.database, fault, good)
    context = replace(scene.world.context, database=database, accesses=Accesses())
    async with client_of(Edge(context, ENDPOINTS, UsagePlans(scene.world.clock))) as client:
        answer = await replace(scene, world=replace(scene.world, client=client)).send(ask)
    assert database.failed == 1, "the request reached the database, and was not tried again"
    assert "secret" not in answer.text
    return Provoked(answer, {})


# ---- jobs


@provokes(jobs.JOB_NOT_FOUND)
@provokes(jobs.CANCEL_JOB_NOT_FOUND)
@provokes(appointments.NO_JOB)
@provokes(appointments.ASSIGN_NO_JOB)
async def _unknown_job(scene: Scene, operation: Operation) -> Provoked:
    ask = (await scene.ask(operation.id)).but(path={"serviceJobId": "nowhere"})
    return Provoked(await scene.send(ask), {"job_id": "nowhere"})


@provokes(jobs.CANCEL_NOT_ALLOWED)
@provokes(jobs.OPERATION_NOT_ALLOWED)
@provokes(fulfillment.JOB_NOT_UPDATABLE)
async def _cancelled_job(scene: Scene, operation: Operation) -> Provoked:
    ask = await scene.ask(operation.id)
    job_id = ask.path["serviceJobId"]
    cancel = (await scene.ask("cancelServiceJobByServiceJobId")).but(path={"serviceJobId": job_id})
    assert (await scene.send(cancel)).status_code == 200
    return Provoked(await scene.send(ask), {"job_id": job_id, "status": "CANCELLED"})


@provokes(jobs.CANCEL_REASON)
async def _unknown_reason(scene: Scene, operation: Operation) -> Provoked:
    ask = (await scene.ask(operation.id)).but(query={"cancellationReasonCode": "NO_MOOD"})
    return Provoked(await scene.send(ask), {"job_id": ask.path["serviceJobId"], "reason_code": "NO_MOOD"})


@provokes(jobs.JOBS_INVALID_INPUT)
async def _listing_without_start(scene: Scene, operation: Operation) -> Provoked:
    return Provoked(await scene.send((await scene.ask(operation.id)).but(query={"createdAfter": None})), {})


# ---- booking and moving


async def _at(scene: Scene, operation: Operation, start: str, lasts: int | None = None, **values: object) -> Provoked:
    """Ask for a start; the error names the job, and `values`."""
    ask = await scene.ask(operation.id)
    time = {"startTime": start} | ({} if lasts is None else {"durationInMinutes": lasts})
    answer = await scene.send(ask.saying({**ask.body, "appointmentTime": time}))
    return Provoked(answer, {"job_id": ask.path["serviceJobId"], **values})


@provokes(appointments.NOT_A_TIME)
async def _no_time(scene: Scene, operation: Operation) -> Provoked:
    return await _at(scene, operation, "noon", time="noon")


@provokes(appointments.NOT_UTC)
async def _local_time(scene: Scene, operation: Operation) -> Provoked:
    return await _at(scene, operation, "2026-03-03T10:00:00-05:00", time="2026-03-03T10:00:00-05:00")


@provokes(appointments.START_NOT_IN_FUTURE)
async def _at_once(scene: Scene, operation: Operation) -> Provoked:
    return await _at(scene, operation, render(NOW))


@provokes(appointments.START_BEYOND_HORIZON)
async def _in_a_year_and_a_moment(scene: Scene, operation: Operation) -> Provoked:
    return await _at(scene, operation, render(NOW + 365 * DAY + 1_000_000))


@provokes(appointments.DURATION_TOO_SHORT)
async def _in_a_hurry(scene: Scene, operation: Operation) -> Provoked:
    return await _at(scene, operation, scene.slot(), 59, minutes=60)


@provokes(appointments.SLOT_NOT_AVAILABLE)
async def _off_the_grid(scene: Scene, operation: Operation) -> Provoked:
    return await _at(scene, operation, render(parse(scene.slot()) + HOUR // 4))


@provokes(appointments.HAS_ACTIVE_APPOINTMENT)
async def _booked_already(scene: Scene, operation: Operation) -> Provoked:
    ask = await scene.ask(operation.id)
    assert (await scene.send(ask)).status_code == 200
    return Provoked(await scene.send(ask), {"job_id": ask.path["serviceJobId"]})


@provokes(appointments.NO_APPOINTMENT)
@provokes(fulfillment.APPOINTMENT_NOT_IN_JOB)
async def _unknown_appointment(scene: Scene, operation: Operation) -> Provoked:
    ask = (await scene.ask(operation.id)).but(path={"appointmentId": "nothing"})
    return Provoked(await scene.send(ask), {"job_id": ask.path["serviceJobId"], "appointment_id": "nothing"})


@provokes(appointments.APPOINTMENT_NOT_ACTIVE)
@provokes(appointments.UPDATE_NOT_ALLOWED)
@provokes(fulfillment.APPOINTMENT_NOT_UPDATABLE)
async def _moved_already(scene: Scene, operation: Operation) -> Provoked:
    ask = await scene.ask(operation.id)
    assert (await scene.send((await scene.ask(MOVE)).but(path=ask.path))).status_code == 200
    return Provoked(
        await scene.send(ask), {"job_id": ask.path["serviceJobId"], "appointment_id": ask.path["appointmentId"]}
    )


@provokes(appointments.RESCHEDULE_REASON)
async def _unknown_reason_to_move(scene: Scene, operation: Operation) -> Provoked:
    ask = await scene.ask(operation.id)
    answer = await scene.send(ask.saying({**ask.body, "rescheduleReasonCode": "NO_MOOD"}))
    return Provoked(answer, {"job_id": ask.path["serviceJobId"]})


# ---- assigning


async def _assigning(scene: Scene, wanted: object, **values: object) -> Provoked:
    ask = (await scene.ask(ASSIGN)).saying({"resources": wanted})
    return Provoked(await scene.send(ask), values)


async def _newcomer(scene: Scene, **changes: Any) -> str:
    """A technician of the store who could do every job, but for the changes; answers its id."""
    name = f"newcomer-{scene.world.context.ids.uuid()[:8]}"
    on_duty = changes.pop("on_duty", True)
    able = Technician(SELLER, name, name, "America/New_York", US, NOW, (STORE,), ("TV",), ("IN_HOME",))

    async def add(c: Connection) -> None:
        await technicians.add(c, replace(able, **changes))
        if on_duty:
            await schedules.append(c, SELLER, name, [daily(9, 17)])

    await scene.world.write(add)
    return name


async def _assigning_newcomer(scene: Scene, operation: Operation, **changes: Any) -> Provoked:
    name = await _newcomer(scene, **changes)
    return await _assigning(scene, [{"resourceId": ANN}, {"resourceId": name}], resources=name)


@provokes(appointments.RESOURCES_ABSENT)
async def _no_resources(scene: Scene, operation: Operation) -> Provoked:
    return Provoked(await scene.send((await scene.ask(operation.id)).saying({})), {})


@provokes(appointments.RESOURCES_EMPTY)
async def _empty_resources(scene: Scene, operation: Operation) -> Provoked:
    return await _assigning(scene, [])


@provokes(appointments.INVALID_RESOURCE)
async def _unknown_technician(scene: Scene, operation: Operation) -> Provoked:
    return await _assigning(scene, [{"resourceId": ANN}, {"resourceId": "nobody"}], resource_id="nobody")


@provokes(appointments.MISSING_SKILLS)
async def _unskilled(scene: Scene, operation: Operation) -> Provoked:
    provoked = await _assigning_newcomer(scene, operation, skills=("TYRES",))
    return replace(provoked, values={**provoked.values, "skills": "TV"})


UNFIT: dict[Says, dict[str, Any]] = {
    appointments.MISMATCHED_LOCATION_TYPE: {"service_location_types": ("IN_STORE",)},
    appointments.NOT_IN_STORE: {"store_ids": (BRANCH,)},
    appointments.NOT_REGISTERED: {"registered": False},
    appointments.NO_BACKGROUND_CHECK: {"background_checked": False},
    appointments.NOT_IN_TIME_WINDOW: {"on_duty": False},
}
for _says, _changes in UNFIT.items():
    provokes(_says)(partial(_assigning_newcomer, **_changes))


# ---- fulfilment

DONE = {"startTime": "2026-03-01T15:00:00Z", "endTime": "2026-03-01T16:00:00Z"}
TOMORROW = render(NOW + DAY)


async def _recording(
    scene: Scene, operation: Operation, body: dict[str, Any], told: Mapping[str, object] = MappingProxyType({})
) -> Provoked:
    return Provoked(await scene.send((await scene.ask(operation.id)).saying(body)), told)


for _says, _body, _values in (
    (fulfillment.NO_ARTIFACTS, {}, {}),
    (fulfillment.RESOURCE_INVALID, {"appointmentResources": [{"resourceId": "x" * 51}]}, {}),
    (fulfillment.RESOURCE_NOT_EXIST, {"appointmentResources": [{"resourceId": "nobody"}]}, {}),
    (fulfillment.START_REQUIRED, {"fulfillmentTime": {"endTime": TOMORROW}}, {}),
    (fulfillment.END_REQUIRED, {"fulfillmentTime": {"startTime": TOMORROW}}, {}),
    (fulfillment.NOT_A_TIME, {"fulfillmentTime": {**DONE, "endTime": "noon"}}, {"time": "noon"}),
    (fulfillment.START_IN_FUTURE, {"fulfillmentTime": {**DONE, "startTime": TOMORROW}}, {}),
    (fulfillment.END_IN_FUTURE, {"fulfillmentTime": {**DONE, "endTime": TOMORROW}}, {}),
    (fulfillment.END_BEFORE_START, {"fulfillmentTime": {**DONE, "endTime": "2026-03-01T14:59:59Z"}}, {}),
    (
        fulfillment.NOT_UTC,
        {"fulfillmentTime": {**DONE, "startTime": "2026-03-01T10:00:00-05:00"}},
        {"time": "2026-03-01T10:00:00-05:00"},
    ),
    (fulfillment.ETA_INCOMPLETE, {"estimatedArrivalTime": {"endTime": TOMORROW}}, {}),
    (fulfillment.ETA_END_BEFORE_START, {"estimatedArrivalTime": {**DONE, "startTime": TOMORROW}}, {}),
    (fulfillment.DOCUMENT_UNKNOWN, attached("nothing"), {}),
    (fulfillment.DOCUMENT_PARAMETERS, {"fulfillmentDocuments": [{"contentSha256": "x"}]}, {}),
):
    provokes(_says)(partial(_recording, body=_body, told=_values))


async def _proving(
    scene: Scene, operation: Operation, claimed: bytes | None = None, plain: bytes | None = None, **changes: Any
) -> Provoked:
    """Attach a document of `plain` bytes that claims to be of others, and whatever is wrong with it otherwise."""
    given: dict[str, Any] = {} if plain is None else {"plain": plain}
    named = attached(await document(scene.world, **given, **changes), *(one for one in (claimed or plain,) if one))
    return await _recording(scene, operation, named)


UNPROVEN: dict[Says, dict[str, Any]] = {
    fulfillment.DOCUMENT_NOT_UPLOADED: {"spoil": "no upload"},
    fulfillment.DOCUMENT_LENGTH_UNKNOWN: {"spoil": "empty"},
    fulfillment.DOCUMENT_LENGTH: {"length": 1},
    fulfillment.DOCUMENT_DECRYPT: {"spoil": "half a block"},
    fulfillment.DOCUMENT_TYPE: {"content_type": "PDF"},
    fulfillment.DOCUMENT_SHA256: {"claimed": b"another file"},
    fulfillment.DOCUMENT_MALWARE: {"plain": b"GIF89a MALWARE", "content_type": "GIF"},
}
for _says, _changes in UNPROVEN.items():
    provokes(_says)(partial(_proving, **_changes))


# ---- resources, reservations, slots, documents


@provokes(capacity.INVALID)
async def _capacity_without_marketplace(scene: Scene, operation: Operation) -> Provoked:
    return Provoked(await scene.send((await scene.ask(operation.id)).but(query={"marketplaceIds": None})), {})


@provokes(capacity.RESOURCE_NOT_FOUND)
async def _capacity_of_nothing(scene: Scene, operation: Operation) -> Provoked:
    ask = (await scene.ask(operation.id)).but(path={"resourceId": "nowhere"})
    return Provoked(await scene.send(ask), {"resource_id": "nowhere"})


@provokes(wire_schedules.UNKNOWN_RESOURCE)
async def _resource_of_nothing(scene: Scene, operation: Operation) -> Provoked:
    ask = await scene.ask(operation.id)
    if operation.id == "updateSchedule":
        ask = ask.but(path={"resourceId": "nowhere"})
    else:
        ask = ask.saying({**ask.body, "resourceId": "nowhere"})
    return Provoked(await scene.send(ask), {})


@provokes(wire_schedules.SCHEDULE_MISSING)
async def _no_schedules(scene: Scene, operation: Operation) -> Provoked:
    return Provoked(await scene.send((await scene.ask(operation.id)).saying({"schedules": []})), {})


@provokes(wire_schedules.RECORD_INVALID)
async def _endless_record(scene: Scene, operation: Operation) -> Provoked:
    ask = (await scene.ask(operation.id)).saying({"schedules": [{"startTime": scene.slot()}]})
    return Provoked(await scene.send(ask), {"reason": "endTime is required"})


@provokes(reservations.NOT_ENOUGH_CAPACITY)
async def _three_of_two(scene: Scene, operation: Operation) -> Provoked:
    ask = await scene.ask(operation.id)
    record = {**ask.body["reservation"]["availability"], "capacity": 3}
    reservation = {"type": "APPOINTMENT", "availability": record}
    return Provoked(await scene.send(ask.saying({**ask.body, "reservation": reservation})), {"capacity": 3})


@provokes(reservations.RESERVATION_NOT_FOUND)
@provokes(reservations.CANCEL_NOT_FOUND)
async def _unknown_reservation(scene: Scene, operation: Operation) -> Provoked:
    ask = (await scene.ask(operation.id)).but(path={"reservationId": "nothing"})
    return Provoked(await scene.send(ask), {"reservation_id": "nothing"})


@provokes(slots.STORE_NOT_FOUND)
async def _unknown_store(scene: Scene, operation: Operation) -> Provoked:
    """A technician is no store."""
    return Provoked(await scene.send((await scene.ask(operation.id)).but(query={"storeId": CID})), {"store_id": CID})


@provokes(slots.ASIN_NOT_FOUND)
async def _unknown_service(scene: Scene, operation: Operation) -> Provoked:
    ask = (await scene.ask(operation.id)).but(query={"asin": "B0NOTHINGS"})
    return Provoked(await scene.send(ask), {"asin": "B0NOTHINGS"})


async def _slots_between(scene: Scene, operation: Operation, start: str, end: str) -> Provoked:
    """The two operations call their times differently."""
    prefix = "Range " if operation.id == "getAppointmentSlots" else ""
    values = {"time": f"{prefix}Start Time", "start": f"{prefix}Start Time", "end": f"{prefix}End Time"}
    ask = (await scene.ask(operation.id)).but(query={"startTime": start, "endTime": end})
    return Provoked(await scene.send(ask), values)


for _says, _start, _end in (
    (slots.NOT_A_TIME, "noon", TOMORROW),
    (slots.NOT_AFTER, TOMORROW, TOMORROW),
    (slots.TOO_LONG, TOMORROW, render(NOW + 91 * DAY + 1)),
):
    provokes(_says)(partial(_slots_between, start=_start, end=_end))


@provokes(documents.MISSING)
async def _untyped_document(scene: Scene, operation: Operation) -> Provoked:
    ask = (await scene.ask(operation.id)).saying({"contentLength": 1})
    return Provoked(await scene.send(ask), {"names": "contentType"})


@provokes(documents.WRONG_TYPE)
async def _text_document(scene: Scene, operation: Operation) -> Provoked:
    ask = (await scene.ask(operation.id)).saying({"contentType": "TXT", "contentLength": 1})
    return Provoked(await scene.send(ask), {})


# ---- the tests


def _name(says: Says) -> str:
    modules = (
        errors,
        appointments,
        fulfillment,
        jobs,
        capacity,
        wire_schedules,
        reservations,
        slots,
        documents,
        retries,
    )
    return next(name for module in modules for name, value in vars(module).items() if value is says)


LISTED = [
    pytest.param(operation, says, id=f"{operation.id}-{_name(says)}")
    for operation in OPERATIONS
    for says in operation.errors
]


@pytest.fixture(scope="module")
async def scene(shared_world: World) -> AsyncIterator[Scene]:
    """One scene for all recipes: each makes its own things."""
    program = shared_world.context.settings.data / "check"
    program.write_text("#!/bin/sh\n! grep -q MALWARE\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    settings = replace(shared_world.context.settings, body_limit=BODY_LIMIT, malware_command=str(program))
    context = replace(shared_world.context, settings=settings)
    async with client_of(Edge(context, ENDPOINTS, UsagePlans(shared_world.clock))) as client:
        yield Scene(replace(shared_world, context=context, client=client))


def test_recipes_are_the_listed_errors() -> None:
    """An error that is listed without being provoked, or provoked without being listed, is a mistake in the table."""
    assert RECIPES.keys() == {(operation.id, says) for operation in OPERATIONS for says in operation.errors}


@pytest.mark.parametrize(("operation", "says"), LISTED)
async def test_error(scene: Scene, operation: Operation, says: Says) -> None:
    """The recipe provokes the error: its status, its code, and its text word for word."""
    provoked = await RECIPES[operation.id, says](scene, operation)
    assert provoked.answer.status_code == says.status, provoked.answer.text
    found = [(fault["code"], fault["message"]) for fault in faults_of(provoked.answer.json())]
    assert found == [(says.code, says.message.format(**provoked.values))]


@pytest.mark.parametrize("id", IDS)
async def test_in_order(scene: Scene, id: str) -> None:
    """The request that the recipes spoil is in order: it succeeds as the table says, without an error."""
    ask = await scene.ask(id)
    answer = await scene.send(ask)
    assert answer.status_code == ask.operation.success, answer.text
    assert not answer.content or faults_of(answer.json()) == []


@pytest.mark.parametrize("id", IDS)
@pytest.mark.parametrize(("fault", "status"), [(Unavailable("secret"), 503), (OSError("secret"), 500)])
async def test_database_fails_at_once(scene: Scene, id: str, fault: Exception, status: int) -> None:
    """A database that fails before the token is known lets nobody in: 503 or 500, not 403."""
    (operation,) = (one for one in OPERATIONS if one.id == id)
    assert (await _with_database_failing(scene, operation, fault, 0)).answer.status_code == status

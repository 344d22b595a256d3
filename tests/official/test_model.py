"""The table of operations against the published Swagger model, which is not part of this repository.

Set FIELDSERVE_MODEL to the model's file; without it these tests are skipped. Where the two differ on purpose, the
difference stands here with its reason, and a difference that is gone fails as well.
"""

import json
import os
from collections.abc import Iterator
from copy import deepcopy
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import msgspec
import pytest

from fieldserve.wire import errors, reservations, schedules
from fieldserve.wire.appointments import overbooked_warning, unassigned_warning
from fieldserve.wire.operations import BY_ID, OPERATIONS
from fieldserve.wire.parameters import Parameter
from tests.promises import faults_of, matches
from tests.scene import IDS, Scene
from tests.world import World

Json = dict[str, Any]
MODEL = os.environ.get("FIELDSERVE_MODEL", "")
pytestmark = pytest.mark.skipif(not MODEL, reason="FIELDSERVE_MODEL does not name the published model")

# Rates and bursts as the usage plans have them; the model does not tell them in a form that a program can read.
USAGE_PLANS = {
    "getServiceJobByServiceJobId": (20, 40),
    "cancelServiceJobByServiceJobId": (5, 20),
    "completeServiceJobByServiceJobId": (5, 20),
    "getServiceJobs": (10, 40),
    "addAppointmentForServiceJobByServiceJobId": (5, 20),
    "rescheduleAppointmentForServiceJobByServiceJobId": (5, 20),
    "assignAppointmentResources": (1, 2),
    "setAppointmentFulfillmentData": (5, 20),
    "getRangeSlotCapacity": (5, 20),
    "getFixedSlotCapacity": (5, 20),
    "updateSchedule": (5, 20),
    "createReservation": (5, 20),
    "updateReservation": (5, 20),
    "cancelReservation": (5, 20),
    "getAppointmmentSlotsByJobId": (5, 20),
    "getAppointmentSlots": (20, 40),
    "createServiceDocumentUploadDestination": (5, 20),
}

# Texts of published cases that the live server says correctly; the static sandbox repeats them as they are.
CORRECTED = {
    "Not authorized to access this resource.Please check your input again": errors.UNAUTHORIZED_ACTION.message,
    "Resources\xa0not\xa0provided\xa0in\xa0input\xa0JSON\xa0payload.": (
        "Resources not provided in input JSON payload."
    ),
    "Resources\xa0must\xa0have\xa0size\xa0greater\xa0than\xa0or\xa0equal\xa0to\xa01.": (
        "Resources must have size greater than or equal to 1."
    ),
    "ne or more resources provided is invalid. Please check the input again.": (
        "One or more resources provided is invalid. Please check the input again."
    ),
}

# Limits that ours add to the model's: an empty ASIN is none.
LIMITS_OF_OURS = {("getAppointmentSlots", "asin"): {"minLength": 1, "maxLength": 100}}

# Statuses that ours answer and the model does not list.
STATUSES_OF_OURS = {("getAppointmmentSlotsByJobId", 413), ("getAppointmentSlots", 413)}

# Parts of requests that are read later than their surroundings, so that one that is wrong spoils nothing else: the
# place in the body, and the type that it is read as.
READ_LATER: dict[str, Any] = {
    "updateSchedule.schedules[]": schedules.AvailabilityRecord,
    "createReservation.reservation.availability": schedules.AvailabilityRecord,
    "updateReservation.reservation.availability": schedules.AvailabilityRecord,
}
# Enumerations that the operation holds a value to, rather than its shape: the fault is a 422.
HELD_LATER = {"createServiceDocumentUploadDestination.contentType"}
# Members of requests that are ignored.
IGNORED = {"createReservation.reservation.reservationId", "updateReservation.reservation.reservationId"}
# Optional members of answers that are never sent: whether something is an error or a warning is told by its place.
NEVER_SENT = {"errorLevel"}
# Types of answers that are those of requests, too, and therefore have defaults; in an answer they are complete.
ALWAYS_FILLED = {schedules.AvailabilityRecord, schedules.Recurrence}
# A header that the model does not have brings an error of its own.
WITHOUT_THE_MODEL = {"IdempotencyKeyReused"}


@lru_cache
def model() -> Json:
    """The published model. A file that is named and not there fails every test, whoever runs them."""
    published: Json = json.loads(Path(MODEL).read_text("utf-8"))
    return published


def published(operation_id: str) -> tuple[str, str, Json]:
    """Method, path and definition of an operation."""
    for path, item in model()["paths"].items():
        for method, operation in item.items():
            if method != "parameters" and operation["operationId"] == operation_id:
                return method.upper(), path, operation
    raise AssertionError(f"the model has no operation {operation_id}")


def resolved(schema: Json) -> Json:
    """What a reference leads to."""
    while "$ref" in schema:
        schema = model()["definitions"][schema["$ref"].removeprefix("#/definitions/")]
    return schema


def cases(operation: Json) -> Iterator[tuple[int, Any]]:
    """Status and answer of every published case."""
    for status, response in operation["responses"].items():
        for case in response.get("x-amzn-api-sandbox", {}).get("static", []):
            yield int(status), case["response"]


def test_model_is_there() -> None:
    """The variable names the model of 17 operations, 75 definitions and 147 cases that this was written against."""
    operations = [published(id)[2] for id in IDS]
    assert len(model()["definitions"]) == 75
    assert sum(1 for operation in operations for _ in cases(operation)) == 147


class TestOperations:
    def test_all(self) -> None:
        """The table has the model's operations, all of them and no other."""
        methods = [
            operation["operationId"]
            for item in model()["paths"].values()
            for method, operation in item.items()
            if method != "parameters"
        ]
        assert sorted(methods) == sorted(IDS)

    @pytest.mark.parametrize("id", IDS)
    def test_method_and_path(self, id: str) -> None:
        """Method and path are the model's."""
        assert (BY_ID[id].method, BY_ID[id].path) == published(id)[:2]

    @pytest.mark.parametrize("id", IDS)
    def test_usage_plan(self, id: str) -> None:
        """Rate and burst are those of the usage plan, and the model's description tells the same."""
        assert (BY_ID[id].rate, BY_ID[id].burst) == USAGE_PLANS[id]
        rate, burst = USAGE_PLANS[id]
        assert f"| {rate} | {burst} |" in published(id)[2]["description"]

    @pytest.mark.parametrize("id", IDS)
    def test_statuses(self, id: str) -> None:
        """The success is the model's, and so is every status of an error."""
        statuses = {int(status) for status in published(id)[2]["responses"]}
        assert BY_ID[id].success == min(statuses)
        said = {says.status for says in BY_ID[id].errors if says.code not in WITHOUT_THE_MODEL}
        extra = said - statuses
        assert {(id, status) for status in extra} == {one for one in STATUSES_OF_OURS if one[0] == id}

    @pytest.mark.parametrize("id", IDS)
    def test_parameters(self, id: str) -> None:
        """Names, places, types, limits, choices and which are required."""
        theirs = {one["name"]: one for one in published(id)[2].get("parameters", []) if one["in"] != "body"}
        ours = {one.name: one for one in BY_ID[id].parameters}
        assert ours.keys() == theirs.keys()
        for name, parameter in ours.items():
            assert _of_ours(parameter) == _of_theirs(theirs[name]) | LIMITS_OF_OURS.get((id, name), {}), name

    @pytest.mark.parametrize("id", IDS)
    def test_errors_bare_or_not(self, id: str) -> None:
        """Errors come as the model has them: under `errors`, or as a bare list."""
        for status, response in published(id)[2]["responses"].items():
            if int(status) >= 400:
                schema = resolved(response["schema"])
                assert (schema.get("type") == "array") == BY_ID[id].bare_errors
                assert BY_ID[id].bare_errors or "errors" in schema["properties"]


LIMITS = ("pattern", "minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum", "default", "enum")


def _of_theirs(parameter: Json) -> Json:
    told = {name: parameter[name] for name in LIMITS if name in parameter}
    told |= {name: parameter["items"][name] for name in LIMITS if name in parameter.get("items", {})}
    return {**told, "in": parameter["in"], "type": parameter["type"], "required": parameter.get("required", False)}


def _of_ours(parameter: Parameter) -> Json:
    told = {
        "pattern": parameter.pattern,
        "minLength": parameter.min_length or None,
        "maxLength": parameter.max_length,
        "minItems": parameter.min_items or None,
        "maxItems": parameter.max_items,
        "minimum": parameter.minimum,
        "maximum": parameter.maximum,
        "default": parameter.default,
        "enum": list(parameter.choices) or None,
    }
    told = {name: value for name, value in told.items() if value is not None}
    return {**told, "in": parameter.where, "type": parameter.kind, "required": parameter.required}


class TestTypes:
    @pytest.mark.parametrize("id", [one.id for one in OPERATIONS if one.body is not None])
    def test_body(self, id: str) -> None:
        """Members of the body, all the way down: names, types, choices. What is required is told by `TestRequired`."""
        (body,) = (one for one in published(id)[2]["parameters"] if one["in"] == "body")
        assert list(differences(BY_ID[id].body, body["schema"], id, check_required=False)) == []

    @pytest.mark.parametrize("id", IDS)
    def test_no_other_body(self, id: str) -> None:
        """An operation has a body where the model has one."""
        has_body = any(one["in"] == "body" for one in published(id)[2].get("parameters", []))
        assert (BY_ID[id].body is not None) == has_body

    @pytest.mark.parametrize("id", [one.id for one in OPERATIONS if one.answer is not None])
    def test_answer(self, id: str) -> None:
        """Members of the answer, all the way down: names, types, choices, and which are always there."""
        schema = published(id)[2]["responses"][str(BY_ID[id].success)]["schema"]
        assert list(differences(BY_ID[id].answer, schema, id, check_required=True)) == []

    @pytest.mark.parametrize("id", [one.id for one in OPERATIONS if one.answer is None])
    def test_no_answer(self, id: str) -> None:
        """Only a 204 has no type of answer."""
        assert BY_ID[id].success == 204

    def test_warnings(self) -> None:
        """The warnings of published cases are said in their words."""
        told = {(one["code"], one["message"]) for id in IDS for one in _warnings(list(cases(published(id)[2])))}
        unassigned = unassigned_warning(["ATechnicianId", "BTechnicianId"])
        ours = (unassigned, overbooked_warning(["x"]), schedules.SCHEDULE_OVERRIDE)
        assert told == {(one.code, one.message) for one in ours}
        assert reservations.APPOINTMENT_OVERLAP.code not in {code for code, _ in told}


def _warnings(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        yield from value.get("warnings", ())
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for one in value:
            yield from _warnings(one)


def differences(type_: Any, schema: Json, path: str, *, check_required: bool) -> Iterator[str]:
    """Where a type of ours is not what the model says, in words."""
    schema = resolved(schema)
    type_ = _one_type(READ_LATER.get(path, type_))
    origin = get_origin(type_) or type_
    if isinstance(type_, type) and issubclass(type_, msgspec.Struct):
        yield from _struct_differences(type_, schema, path, check_required)
    elif origin is list and schema["type"] == "array":
        yield from differences(get_args(type_)[0], schema["items"], f"{path}[]", check_required=check_required)
    elif origin is dict and schema["type"] == "object" and not schema.get("properties"):
        pass  # a map of any names
    elif schema["type"] not in PLAIN.get(origin, ()):
        yield f"{path}: {type_}, the model has {schema['type']}"
    elif path not in HELD_LATER and sorted(get_args(type_)) != sorted(schema.get("enum", ())):
        yield f"{path}: choices {get_args(type_)}, the model has {schema.get('enum')}"


PLAIN: dict[Any, tuple[str, ...]] = {
    str: ("string",),
    Literal: ("string",),
    int: ("integer", "number"),
    float: ("number",),
    Decimal: ("number",),
    bool: ("boolean",),
}


def _one_type(type_: Any) -> Any:
    """What is there when a member is; of a record that is told as it was sent or as it was read, the latter."""
    if get_origin(type_) in (Union, UnionType):
        kept = [one for one in get_args(type_) if one is not NoneType and get_origin(one) is not dict]
        (type_,) = kept or [one for one in get_args(type_) if one is not NoneType]
    return type_


def _struct_differences(type_: Any, schema: Json, path: str, check_required: bool) -> Iterator[str]:
    members = {field.encode_name: field for field in msgspec.structs.fields(type_)}
    theirs = {name: one for name, one in schema.get("properties", {}).items() if f"{path}.{name}" not in IGNORED}
    for name in (theirs.keys() ^ members.keys()) - NEVER_SENT:
        yield f"{path}.{name}: only one of the two has it"
    always = {name for name, field in members.items() if field.required}
    missing = set(schema.get("required", ())) - always
    if check_required and missing and type_ not in ALWAYS_FILLED:
        yield f"{path}: the model always has {sorted(missing)}"
    for name in theirs.keys() & members.keys():
        yield from differences(members[name].type, theirs[name], f"{path}.{name}", check_required=check_required)


class TestTexts:
    @pytest.mark.parametrize("id", IDS)
    def test_cases(self, id: str) -> None:
        """Every error of a published case is one that the table lists, word for word but for the corrected ones."""
        for status, answer in cases(published(id)[2]):
            for fault in faults_of(answer) if isinstance(answer, (dict, list)) else ():
                said = {**fault, "message": CORRECTED.get(fault["message"], fault["message"])}
                assert any(matches(says, status, said) for says in BY_ID[id].errors), (status, fault)

    def test_corrections_are_needed(self) -> None:
        """What is corrected stands in a published case, and its correction is said by the table."""
        texts = {fault["message"] for id in IDS for _, answer in cases(published(id)[2]) for fault in _all(answer)}
        said = {says.message for operation in OPERATIONS for says in operation.errors}
        assert CORRECTED.keys() <= texts
        assert set(CORRECTED.values()) <= said


def _all(answer: Any) -> list[Json]:
    return faults_of(answer) if isinstance(answer, (dict, list)) else []


@pytest.fixture(scope="module")
def scene(small_world: World) -> Scene:
    return Scene(small_world)


class TestRequired:
    """A request without a member that the model requires is refused, however deep the member is."""

    @pytest.mark.parametrize("id", [one.id for one in OPERATIONS if one.body is not None])
    async def test_required(self, scene: Scene, id: str) -> None:
        """With any required member of its body left out, a request gets an error."""
        (parameter,) = (one for one in published(id)[2]["parameters"] if one["in"] == "body")
        body = FULL_BODIES.get(id) or (await scene.ask(id)).body
        missing = list(required_members(body, parameter["schema"]))
        for path in missing:
            answer = await scene.send((await scene.ask(id)).saying(without(body, path)))
            assert answer.status_code >= 400 or faults_of(answer.json()), (path, answer.text)
        assert missing or not resolved(parameter["schema"]).get("required")


_RECURRING = {
    "startTime": "2026-03-03T15:00:00Z",
    "endTime": "2026-03-03T16:00:00Z",
    "recurrence": {"endTime": "2026-04-03T15:00:00Z", "daysOfWeek": ["MONDAY"]},
}
_RESERVED = {"resourceId": "store-1", "reservation": {"type": "BREAK", "availability": _RECURRING}}
# Bodies in which every part of the model occurs.
FULL_BODIES: dict[str, Json] = {
    "updateSchedule": {"schedules": [_RECURRING]},
    "createReservation": _RESERVED,
    "updateReservation": _RESERVED,
}


def required_members(value: Any, schema: Json, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The paths of what is in a value and required by its schema."""
    schema = resolved(schema)
    if isinstance(value, list):
        for rank, one in enumerate(value):
            yield from required_members(one, schema["items"], (*path, rank))
    elif isinstance(value, dict):
        for name, one in value.items():
            if name in schema.get("required", ()):
                yield (*path, name)
            yield from required_members(one, schema["properties"][name], (*path, name))


def without(value: Any, path: tuple[str | int, ...]) -> Any:
    """A copy of a value, less what is at the path."""
    copy = deepcopy(value)
    inner = copy
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    return copy

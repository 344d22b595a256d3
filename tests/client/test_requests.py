"""Each operation's request is the model's: method, path, query, body, and nothing more."""

import inspect
import json
import os
import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

import httpx2
import msgspec
import pytest

from fieldserve.client import ApiResponse, SellingApiBadRequestException
from fieldserve.wire.operations import BY_ID, OPERATIONS, Operation
from tests.client.calling import CALLS, Recorder, connect, sent, settle, success_of

MODEL = os.environ.get("FIELDSERVE_MODEL", "")
NEW_YORK = timezone(timedelta(hours=-5))


async def request_of(kind: Any, operation: Operation, **changes: Any) -> httpx2.Request:
    """What a client sends for an operation."""
    recorder = Recorder(lambda _: success_of(operation))
    services = connect(kind, recorder)
    ids, given = CALLS[operation.id]
    await settle(getattr(services, operation.name)(*ids, **given | changes))
    (request,) = recorder.requests
    return request


def query(request: httpx2.Request) -> dict[str, list[str]]:
    return parse_qs(request.url.query.decode(), keep_blank_values=True, strict_parsing=bool(request.url.query))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.id)
class TestTable:
    """Against the table that server, documentation and client share."""

    async def test_target(self, kind: Any, operation: Operation) -> None:
        """Method and path, the ids where the path has them, each a segment of its own whatever it holds."""
        request = await request_of(kind, operation)
        ids = CALLS[operation.id][0]
        pattern = re.sub(r"\{\w+\}", "([^/]+)", operation.path)
        path = request.url.raw_path.decode().partition("?")[0]
        found = re.fullmatch(pattern, path)
        assert request.method == operation.method
        assert found is not None
        assert tuple(unquote(one) for one in found.groups()) == ids

    async def test_query(self, kind: Any, operation: Operation) -> None:
        """What was given, the marketplace where the operation has one, lists separated by commas."""
        request = await request_of(kind, operation)
        given = CALLS[operation.id][1]
        expected = {}
        for parameter in operation.parameters:
            if parameter.where == "query" and parameter.name in given:
                value = given[parameter.name]
                expected[parameter.name] = [",".join(value) if isinstance(value, list) else str(value)]
        if operation.needs_marketplace:
            expected["marketplaceIds"] = ["ATVPDKIKX0DER"]
        assert query(request) == expected

    async def test_body(self, kind: Any, operation: Operation) -> None:
        """The members given that are none of the query; no bytes at all where the operation has no body."""
        request = await request_of(kind, operation)
        in_query = {one.name for one in operation.parameters}
        members = {name: value for name, value in CALLS[operation.id][1].items() if name not in in_query}
        assert sent(request) == (members or None)
        assert (operation.body is not None) == bool(members)
        assert request.headers.get("content-type") == ("application/json" if members else None)

    async def test_whole_body(self, kind: Any, operation: Operation) -> None:
        """`body` as a whole, plain or typed, is the same request."""
        if operation.body is None:
            return
        ids, given = CALLS[operation.id]
        in_query = {one.name for one in operation.parameters}
        plain = {name: value for name, value in given.items() if name not in in_query}
        for body in (plain, msgspec.convert(plain, operation.body)):
            recorder = Recorder(lambda _: success_of(operation))
            rest = {name: value for name, value in given.items() if name in in_query}
            services = connect(kind, recorder)
            await settle(getattr(services, operation.name)(*ids, body=body, **rest))
            assert sent(recorder.requests[0]) == plain

    async def test_names(self, kind: Any, operation: Operation) -> None:
        """Ids are positional, everything else goes by the model's names."""
        assert operation.body is None or issubclass(operation.body, msgspec.Struct)
        names = {field.encode_name for field in msgspec.structs.fields(operation.body)} if operation.body else set()
        parameters = list(inspect.signature(getattr(kind, operation.name)).parameters.values())[1:]
        positional = [one.name for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD]
        keywords = {one.name for one in parameters if one.kind is one.KEYWORD_ONLY}
        assert positional == re.findall(r"\{(\w+)\}", operation.path)
        expected = {one.name for one in operation.parameters if one.where == "query"} | names
        assert keywords == expected | ({"body"} if operation.body else set())


@lru_cache
def model() -> dict[str, tuple[str, str, dict[str, Any]]]:
    """The published operations: id → (method, path, operation)."""
    document = json.loads(Path(MODEL).read_text("utf-8"))
    found = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if isinstance(operation, dict) and "operationId" in operation:
                shared = methods.get("parameters", [])
                found[operation["operationId"]] = (
                    method.upper(),
                    path,
                    operation | {"parameters": [*shared, *operation.get("parameters", [])]},
                )
    return found


@lru_cache
def definitions() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(MODEL).read_text("utf-8"))["definitions"]
    return found


def fits(value: Any, schema: dict[str, Any], where: str = "body") -> None:
    """The value is of the schema, and has no member that the schema does not know."""
    if "$ref" in schema:
        schema = definitions()[schema["$ref"].rpartition("/")[2]]
    if schema.get("type") == "object" or "properties" in schema:
        assert isinstance(value, dict), where
        assert set(value) <= set(schema["properties"]), where
        assert set(schema.get("required", ())) <= set(value), where
        for name, one in value.items():
            fits(one, schema["properties"][name], f"{where}.{name}")
    elif schema.get("type") == "array":
        assert isinstance(value, list), where
        for one in value:
            fits(one, schema["items"], f"{where}[]")
    else:
        kinds = {"string": str, "integer": int, "number": int | float}
        assert isinstance(value, kinds[schema["type"]]), where
        assert value in schema.get("enum", [value]), where


@pytest.mark.skipif(not MODEL, reason="FIELDSERVE_MODEL does not name the published model")
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.id)
async def test_model(kind: Any, operation: Operation) -> None:
    """All 17 against the published model itself."""
    method, path, published = model()[operation.id]
    request = await request_of(kind, operation)
    pattern = re.sub(r"\{\w+\}", "[^/]+", path)
    assert request.method == method
    assert re.fullmatch(pattern, request.url.raw_path.decode().partition("?")[0])
    parameters = {one["name"]: one for one in published["parameters"] if one["in"] == "query"}
    values = query(request)
    assert set(values) <= set(parameters)
    assert {name for name, one in parameters.items() if one.get("required")} <= set(values)
    assert all(len(value) == 1 for value in values.values())
    (body,) = [one for one in published["parameters"] if one["in"] == "body"] or [None]
    if body is None:
        assert request.content == b""
    else:
        fits(sent(request), body["schema"])


class TestValues:
    """How values become what is sent."""

    async def test_datetimes_of_appointments_are_utc(self, kind: Any) -> None:
        """Appointments, slots and listings are asked for in UTC, whatever the zone of the datetime."""
        nine = datetime(2026, 3, 2, 9, tzinfo=NEW_YORK)
        request = await request_of(
            kind, BY_ID["addAppointmentForServiceJobByServiceJobId"], appointmentTime={"startTime": nine}
        )
        assert sent(request) == {"appointmentTime": {"startTime": "2026-03-02T14:00:00Z"}}
        request = await request_of(kind, BY_ID["getAppointmentSlots"], startTime=nine)
        assert query(request)["startTime"] == ["2026-03-02T14:00:00Z"]

    async def test_datetimes_of_schedules_keep_their_offset(self, kind: Any) -> None:
        """Schedules, reservations and capacities take offsets, and are sent the caller's."""
        nine = datetime(2026, 3, 2, 9, tzinfo=NEW_YORK)
        record = {"startTime": nine, "endTime": datetime(2026, 3, 2, 22, tzinfo=UTC)}
        request = await request_of(kind, BY_ID["updateSchedule"], schedules=[record])
        assert sent(request) == {
            "schedules": [{"startTime": "2026-03-02T09:00:00-05:00", "endTime": "2026-03-02T22:00:00Z"}]
        }

    async def test_naive_datetimes(self, kind: Any) -> None:
        """Nobody can tell what a datetime without a zone means."""
        with pytest.raises(ValueError, match="has no time zone"):
            await request_of(kind, BY_ID["getServiceJobs"], createdAfter=datetime(2026, 3, 2))  # noqa: DTZ001

    async def test_lists_as_texts(self, kind: Any) -> None:
        """A text with commas is a list, as the wire has it."""
        request = await request_of(kind, BY_ID["getServiceJobs"], serviceJobStatus="HOLD,COMPLETED")
        assert query(request)["serviceJobStatus"] == ["HOLD,COMPLETED"]

    async def test_commas_in_values(self, kind: Any) -> None:
        """A value with a comma would be read as two."""
        with pytest.raises(SellingApiBadRequestException, match="without commas"):
            await request_of(kind, BY_ID["getServiceJobs"], requiredSkills=["TV, big"])

    async def test_absent_values(self, kind: Any) -> None:
        """None is not sent, neither in the query nor anywhere in a body."""
        time = {"startTime": "2026-03-02T14:00:00Z", "durationInMinutes": None}
        request = await request_of(kind, BY_ID["addAppointmentForServiceJobByServiceJobId"], appointmentTime=time)
        assert sent(request) == {"appointmentTime": {"startTime": "2026-03-02T14:00:00Z"}}

    async def test_both_ways(self, kind: Any) -> None:
        """A body as a whole and by its members is a mistake, and so is a name that the model does not know."""
        services = connect(kind, Recorder(lambda _: httpx2.Response(200)))
        with pytest.raises(TypeError, match="takes body or resources, not both"):
            await settle(services.assign_appointment_resources("j", "a", body={}, resources=[{}]))
        with pytest.raises(TypeError, match="MarketplaceIds"):
            await settle(services.get_service_jobs(MarketplaceIds=["A"]))

    async def test_headers(self, kind: Any) -> None:
        """The token, the time, and who asks."""
        request = await request_of(kind, BY_ID["getServiceJobs"])
        assert request.headers["x-amz-access-token"] == "Atza|token-1"
        assert re.fullmatch(r"\d{8}T\d{6}Z", request.headers["x-amz-date"])
        assert request.headers["user-agent"].startswith("fieldserve/")
        assert "idempotency-key" not in request.headers

    @pytest.mark.parametrize(
        ("alias", "operation"),
        [
            ("get_appointment_slots_by_job_id", "getAppointmmentSlotsByJobId"),
            (
                "reschedule_appointment_for_service_job_by_service_job_id_post",
                "rescheduleAppointmentForServiceJobByServiceJobId",
            ),
        ],
    )
    def test_aliases(self, kind: Any, alias: str, operation: str) -> None:
        """The well spelt beside the misspelt, and the one that worked beside the one that should have."""
        assert getattr(kind, alias) is getattr(kind, BY_ID[operation].name)


async def test_restricted_data_token(kind: Any) -> None:
    """A restricted data token goes in place of an access token, and none is fetched."""
    recorder = Recorder(lambda _: httpx2.Response(200, json={"payload": {}}))
    services = connect(kind, recorder, restricted_data_token="Atz.sprdt|x")
    answer: ApiResponse[Any] = await settle(services.get_service_job_by_service_job_id("j"))
    assert answer.payload == {}
    assert (recorder.requests[0].headers["x-amz-access-token"], recorder.tokens) == ("Atz.sprdt|x", 0)

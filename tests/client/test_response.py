"""Answers: as python-amazon-sp-api gives them, typed, and refused."""

import copy
import pickle
from typing import Any

import httpx2
import msgspec
import pytest
from sp_api.base import ApiResponse as Theirs
from sp_api.base._core import parse_response

from fieldserve.client import (
    ApiResponse,
    SellingApiBadRequestException,
    SellingApiException,
    SellingApiGatewayTimeoutException,
    get_exception_for_code,
)
from fieldserve.wire.appointments import AssignmentWarnings
from fieldserve.wire.operations import BY_ID
from tests.client.calling import Recorder, connect, settle

ANSWERS: list[tuple[str, Any, dict[str, str]]] = [
    ("getServiceJobs", {"payload": {"jobs": [], "nextPageToken": "t", "totalResultSize": 3}}, {}),
    ("getServiceJobs", {"payload": {"jobs": []}, "pagination": {"nextToken": "p"}}, {"x-amzn-RateLimit-Limit": "10.0"}),
    ("getServiceJobByServiceJobId", {"payload": {"serviceJobId": "j", "buyer": {"name": "Pat"}}}, {}),
    ("addAppointmentForServiceJobByServiceJobId", {"appointmentId": "a", "warnings": []}, {}),
    ("getRangeSlotCapacity", {"resourceId": "r", "capacities": [], "nextPageToken": "t%3D"}, {}),
    ("completeServiceJobByServiceJobId", {}, {}),
    ("updateSchedule", {"payload": [{"availability": {"startTime": "x"}, "errors": []}]}, {}),
    ("cancelReservation", None, {}),
    ("setAppointmentFulfillmentData", None, {}),
]


def answered(operation_id: str, json: Any, headers: dict[str, str] | None = None) -> ApiResponse[Any]:
    """The client's reading of an answer."""
    content = b"" if json is None else msgspec.json.encode(json)
    return ApiResponse.of(BY_ID[operation_id], 204 if json is None else 200, httpx2.Headers(headers or {}), content)


@pytest.mark.parametrize(("operation_id", "json", "headers"), ANSWERS)
def test_same_as_theirs(operation_id: str, json: Any, headers: dict[str, str]) -> None:
    """Payload, errors, pagination, next token, rate limit, calls and attributes."""
    mine = answered(operation_id, json, headers)
    content = httpx2.Response(204) if json is None else httpx2.Response(200, json=json, headers=headers)
    theirs = parse_response(content, method=BY_ID[operation_id].method)
    for name in ("payload", "errors", "pagination", "next_token", "rate_limit"):
        assert getattr(mine, name) == getattr(theirs, name), name
    assert mine() == theirs()
    if isinstance(mine.payload, dict):
        for name in (*mine.payload, "nothing"):
            assert getattr(mine, name) == getattr(theirs, name)
            assert mine(name) == theirs(name)


def test_constructor() -> None:
    """It can be made as theirs is, for tests of one's own."""
    given: dict[str, Any] = {
        "payload": {"a": 1},
        "headers": {"x-amzn-RateLimit-Limit": "5"},
        "nextToken": "t",
        "more": 2,
    }
    mine: ApiResponse[Any] = ApiResponse(**given)
    theirs = Theirs(**given)
    for name in ("payload", "next_token", "rate_limit", "kwargs", "errors"):
        assert getattr(mine, name) == getattr(theirs, name)
    assert ApiResponse(appointmentId="a").payload == {"appointmentId": "a"}
    with pytest.raises(TypeError, match="has no type"):
        _ = mine.typed


class TestTyped:
    """The same as msgspec structs."""

    def test_token(self) -> None:
        """The next page's token is the same typed and plain."""
        plain, typed = (answered(*ANSWERS[0][:2]) for _ in range(2))
        assert typed.typed.next_page_token == "t"
        assert plain.next_token == typed.next_token == "t"

    def test_nothing_to_say(self) -> None:
        """Success without a warning is an empty list, or no warnings."""
        assert answered("updateSchedule", {}).typed == []
        assert answered("assignAppointmentResources", {}).typed == AssignmentWarnings()

    def test_not_of_the_shape(self) -> None:
        """The plain payload is there even where the answer is not what the model says."""
        response = answered("getServiceJobByServiceJobId", {"payload": {"serviceJobStatus": "LOST"}})
        assert response.payload == {"serviceJobStatus": "LOST"}
        with pytest.raises(msgspec.ValidationError, match="serviceJobStatus"):
            _ = response.typed
        with pytest.raises(msgspec.ValidationError, match="has no payload"):
            _ = answered("getServiceJobByServiceJobId", {}).typed

    def test_members_that_are_new(self) -> None:
        """A member that the model does not know yet is passed over, and stands in the payload."""
        response = answered("getServiceJobByServiceJobId", {"payload": {"serviceJobId": "j", "mood": "good"}})
        assert (response.typed.service_job_id, response.mood) == ("j", "good")

    def test_copies(self) -> None:
        """Copying and attributes that only Python asks for work."""
        response = answered(*ANSWERS[0][:2])
        assert copy.copy(response).payload == response.payload
        assert not hasattr(response, "__length_hint__")
        with pytest.raises(AttributeError, match="payload is a list"):
            _ = answered(*ANSWERS[6][:2]).anything


class TestRefusals:
    """Answers that are exceptions."""

    @pytest.mark.parametrize(
        ("content", "told"),
        [
            (b'{"errors":[{"code":"C","message":"M","details":"D"}]}', "400: C: M D (request r-1)"),
            (b'[{"code":"C","message":"M"}]', "400: C: M (request r-1)"),
            (b"<html>Bad gateway</html>", "400: no reason was given (request r-1)"),
            (b"", "400: no reason was given (request r-1)"),
            (b'{"errors":null}', "400: no reason was given (request r-1)"),
            (b'{"errors":["?"]}', "400: no reason was given (request r-1)"),
            (b'"\xff"', "400: no reason was given (request r-1)"),
        ],
    )
    async def test_forms(self, kind: Any, content: bytes, told: str) -> None:
        """Under `errors`, bare, or no JSON at all."""
        answer = httpx2.Response(400, content=content, headers={"x-amzn-RequestId": "r-1"})
        with pytest.raises(SellingApiBadRequestException) as refused:
            await settle(connect(kind, Recorder(lambda _: answer)).get_service_job_by_service_job_id("j"))
        assert str(refused.value) == told
        assert refused.value.request_id == "r-1"

    def test_classes(self) -> None:
        """By status; what has no class of its own is the general one, with its status."""
        assert get_exception_for_code(504) is SellingApiGatewayTimeoutException
        assert get_exception_for_code(405) is SellingApiException
        fault = SellingApiException([{"code": "C", "message": "M"}], {}, 405)
        assert (fault.status, fault.code, fault.amzn_code) == (405, 999, "C")

    def test_pickled(self) -> None:
        """An exception crosses to another process with all that it carries."""
        fault = SellingApiBadRequestException(
            [{"code": "C", "message": "M", "details": "D"}], {"x-amzn-RequestId": "r"}
        )
        again = pickle.loads(pickle.dumps(fault))  # noqa: S301
        assert (type(again), str(again), again.details) == (type(fault), str(fault), "D")

    async def test_redirects(self, kind: Any) -> None:
        """A redirect is no answer: a token is not carried to another host."""
        recorder = Recorder(lambda _: httpx2.Response(307, headers={"location": "https://elsewhere.example"}))
        with pytest.raises(SellingApiException) as refused:
            await settle(connect(kind, recorder).get_service_job_by_service_job_id("j"))
        assert (refused.value.status, len(recorder.requests)) == (307, 1)


async def test_sandbox_hosts(kind: Any) -> None:
    """At a sandbox's host nothing is checked here: its cases take what the API refuses."""
    for host, checked in (("sandbox.sellingpartnerapi-na.amazon.com", False), ("api.example", True)):
        recorder = Recorder(lambda _: httpx2.Response(200, json={"payload": {}}))
        services = connect(kind, recorder, endpoint=f"https://{host}")
        assert services.validate == checked
        if not checked:
            await settle(services.get_service_jobs(createdAfter="TEST_CASE_200"))
            assert len(recorder.requests) == 1

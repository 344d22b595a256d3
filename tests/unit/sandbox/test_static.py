"""The static sandbox answers every published case word for word, and nothing else."""

import json
import os
import runpy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fieldserve.sandbox import static

MODEL = os.environ.get("FIELDSERVE_MODEL", "")
TOOL = Path(__file__).parents[3] / "tools" / "static_cases.py"
# Every other parameter but body is in the query.
IN_PATH = {"serviceJobId", "appointmentId", "resourceId", "reservationId"}

JOB = "9cb9bc29-3d7d-5e49-5709-efb693d34468"
ASSIGNED = "9cb9bc29-3d7d-5e49-5709-efb693t25687"
ASSIGNED_PATH = {
    "serviceJobId": f"validJobId-1-{ASSIGNED}",
    "appointmentId": f"validAppointmentId-1-{ASSIGNED}_87b9d5f2-839d-y13e-sd4d-dae1c3996s3d",
}
RESOURCE = "validResourceId-9c156c44-8315-4aeb-bb36-e056fa827e36"
NOTHING = {"code": "InvalidInput", "message": "Could not match input arguments"}
SLOTS = {"asin": ["B07BB1RGT5"], "storeId": ["53694163-6dc8-4f80-b6b1-ec47b7b9747e"]}


def errors_of(answer: static.Answer) -> Any:
    assert answer.body is not None
    return json.loads(answer.body)["errors"]


def messages_of(answer: static.Answer) -> list[str]:
    return [error["message"] for error in errors_of(answer)]


def replay(operation_id: str, parameters: Mapping[str, Any], **more: Any) -> static.Answer:
    """The answer to a request that gives just ``parameters``; ``more`` are those that it gives besides."""
    given = {**more, **parameters}
    body = given.pop("body", None)
    path = {name: value for name, value in given.items() if name in IN_PATH}
    query = {name: [value] for name, value in given.items() if name not in IN_PATH}
    return static.answer(operation_id, path, query, body)


def published_cases() -> Iterator[Any]:
    """The 147 cases as the model writes them: operation id, status, parameters, answer."""
    if not MODEL:
        yield pytest.param("", 0, {}, None, id="no-model")
        return
    model = json.loads(Path(MODEL).read_text("utf-8"))
    operations = [op for item in model["paths"].values() for op in item.values() if isinstance(op, dict)]
    for operation in operations:
        for status, response in operation["responses"].items():
            for index, case in enumerate(response.get("x-amzn-api-sandbox", {}).get("static", [])):
                name = operation["operationId"]
                parameters = case["request"]["parameters"]
                yield pytest.param(name, int(status), parameters, case["response"], id=f"{name}-{status}-{index}")


def committed_cases() -> Iterator[Any]:
    for operation_id, cases in static.cases().items():
        for index, case in enumerate(cases):
            yield pytest.param(operation_id, case, id=f"{operation_id}-{case.answer.status}-{index}")


def need_model() -> None:
    if not MODEL:
        if os.environ.get("CI") == "true":
            pytest.fail("FIELDSERVE_MODEL is not set: the published cases were not compared")
        pytest.skip("FIELDSERVE_MODEL is not set")


def as_sent(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The values to send; a resourceId that the model misplaced beside body's value goes where it belongs."""
    sent = {name: given["value"] for name, given in parameters.items()}
    if "resourceId" in parameters.get("body", {}):
        sent["resourceId"] = parameters["body"]["resourceId"]["value"]
    return sent


class TestPublishedCases:
    @pytest.mark.parametrize(("operation_id", "status", "parameters", "response"), list(published_cases()))
    def test_answers_word_for_word(
        self, operation_id: str, status: int, parameters: dict[str, Any], response: Any
    ) -> None:
        """A request with a case's parameters gets its status and body, whatever else it sends."""
        need_model()
        sent = as_sent(parameters)
        left_out = dict.fromkeys(IN_PATH, "456-7") | {"marketplaceIds": "ATVPDKIKX0DER", "unknown": "x"}
        for got in (replay(operation_id, sent), replay(operation_id, sent, **left_out)):
            assert got.status == status
            if status == 204:
                assert got.body is None
            else:
                assert got.body is not None
                # dumps, since == on dicts would not see another order of the keys
                assert json.dumps(json.loads(got.body)) == json.dumps(response)

    def test_there_are_147(self) -> None:
        """The model has as many cases as were meant to be compared."""
        need_model()
        assert len(list(published_cases())) == 147

    def test_the_data_file_is_what_the_tool_writes(self) -> None:
        """Nobody has edited the data file by hand, and the model has not moved on."""
        need_model()
        tool = runpy.run_path(str(TOOL))
        assert tool["DATA_FILE"].read_text("utf-8") == tool["render"](json.loads(Path(MODEL).read_text("utf-8")))


class TestCommittedCases:
    def test_there_are_147_of_17_operations(self) -> None:
        """No case is lost between the model and the package: counted by hand per operation."""
        assert {operation_id: len(cases) for operation_id, cases in static.cases().items()} == {
            "getServiceJobByServiceJobId": 2,
            "cancelServiceJobByServiceJobId": 9,
            "completeServiceJobByServiceJobId": 5,
            "getServiceJobs": 2,
            "addAppointmentForServiceJobByServiceJobId": 12,
            "rescheduleAppointmentForServiceJobByServiceJobId": 14,
            "assignAppointmentResources": 16,
            "setAppointmentFulfillmentData": 41,
            "getRangeSlotCapacity": 8,
            "getFixedSlotCapacity": 6,
            "updateSchedule": 5,
            "createReservation": 4,
            "updateReservation": 5,
            "cancelReservation": 3,
            "getAppointmmentSlotsByJobId": 5,
            "getAppointmentSlots": 5,
            "createServiceDocumentUploadDestination": 5,
        }
        assert sum(map(len, static.cases().values())) == 147

    @pytest.mark.parametrize(("operation_id", "case"), list(committed_cases()))
    def test_no_case_hides_another(self, operation_id: str, case: static.Case) -> None:
        """Each case is reached by its own parameters."""
        assert replay(operation_id, case.parameters) == case.answer

    def test_no_reference_is_left(self) -> None:
        """Every word and shared value of the data file has been put in its place."""
        for cases in static.cases().values():
            for case in cases:
                text = json.dumps(dict(case.parameters)) + (case.answer.body or b"").decode()
                assert '"#' not in text
                assert "Id-{" not in text
                assert "_{" not in text


class TestTexts:
    """Answers written out by hand, with what the published texts get wrong."""

    def test_cancel_names_another_reason_code_than_was_sent(self) -> None:
        """INV1 was sent, the published text says IV1."""
        job = "validJobId-48b6d5a3-b708-dbe9-038d-dd95e8d74iut"
        got = replay("cancelServiceJobByServiceJobId", {"serviceJobId": job, "cancellationReasonCode": "INV1"})
        assert got.status == 422
        assert errors_of(got) == [
            {
                "code": "InvalidInput",
                "message": f"Received invalid input reason code IV1 for jobId {job}",
                "details": "",
            }
        ]

    def test_unauthorized_lacks_a_space_in_complete_and_has_it_in_add(self) -> None:
        """`resource.Please` and no full stop in one operation, `resource. Please` with one in the other."""
        completed = replay(
            "completeServiceJobByServiceJobId",
            {"serviceJobId": "unauthorizedJobId-48b6d5a3-b708-dbe9-038d-dd95e8d74iut"},
        )
        assert completed.status == 403
        assert messages_of(completed) == ["Not authorized to access this resource.Please check your input again"]
        added = replay(
            "addAppointmentForServiceJobByServiceJobId",
            {
                "serviceJobId": f"unauthorizedJobId-{JOB}",
                "body": {"appointmentTime": {"startTime": "2021-01-01T10:00:00.000Z"}},
            },
        )
        assert added.status == 403
        assert messages_of(added) == ["Not authorized to access this resource. Please check your input again."]

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({}, "Resources\u00a0not\u00a0provided\u00a0in\u00a0input\u00a0JSON\u00a0payload."),
            (
                {"resources": []},
                "Resources\u00a0must\u00a0have\u00a0size\u00a0greater\u00a0than\u00a0or\u00a0equal\u00a0to\u00a01.",
            ),
        ],
    )
    def test_assign_has_no_break_spaces(self, body: object, message: str) -> None:
        """Two texts have U+00A0 between the words: two bytes of UTF-8 on the wire, not an escape."""
        got = static.answer("assignAppointmentResources", ASSIGNED_PATH, {}, body)
        assert got.status == 400
        assert messages_of(got) == [message]
        assert b"Resources\xc2\xa0" in (got.body or b"")

    def test_assign_mixes_up_the_job_ids(self) -> None:
        """validJobId was sent, the published text says invalidJobId."""
        appointment = f"invalidAppointmentId-1-{ASSIGNED}_87b9d5f2-839d-y13e-sd4d-dae1c3996s3d"
        resources = [
            {"resourceId": "validResourceId-A8B3M999LMHF2"},
            {"resourceId": "validResourceId-AMIDIAX1H5V"},
        ]
        got = static.answer(
            "assignAppointmentResources",
            ASSIGNED_PATH | {"appointmentId": appointment},
            {},
            {"resources": resources},
        )
        assert got.status == 422
        assert messages_of(got) == [
            (
                f"Failed to Update Appointment for jobId : invalidJobId-1-{ASSIGNED}, "
                f"appointmentId : {appointment}, "
                f"reason : No appointment exists with appointmentId: {appointment}"
            )
        ]

    def test_fulfillment_loses_a_letter_and_is_a_bare_array(self) -> None:
        """`ne or more resources` it says where three things are wrong."""
        got = replay(
            "setAppointmentFulfillmentData",
            {
                "serviceJobId": f"validJobId-1-{JOB}",
                "appointmentId": f"validAppointmentId-{JOB}_00b9d5f2-839d-c13e-b8cd-dae1c3995b2a",
                "body": {
                    "fulfillmentTime": {"endTime": "2022-01-03T13:18:10.668Z"},
                    "appointmentResources": [
                        {"resourceId": "InValidResourceId-20334421900"},
                        {"resourceId": "validResourceId-82309484378"},
                    ],
                    "fulfillmentDocuments": [
                        {
                            "uploadDestinationId": "InValidUploadDesitnationID348293-2384982-239847982379",
                            "contentSha256": "z06EuBzgzc7GiDNVqcxMqYEr7n0BCS9EtNN7szHe0RT=",
                        }
                    ],
                },
            },
        )
        assert got.status == 422
        assert [error["message"] for error in json.loads(got.body or b"")] == [
            "ne or more resources provided is invalid. Please check the input again.",
            "Appointment start time is required. Please check the input again.",
            (
                "Failed to process proof of appointment input. Reason: Input document id does not exist. "
                "Please check the input"
            ),
        ]

    def test_range_answers_another_resource_and_then_the_next_page(self) -> None:
        """The first page of …f29 is …f48's; its token leads to the second, as published and decoded."""
        parameters = {
            "resourceId": "validResourceId-9d267d55-9426-5bfp-cc47-f167gb969f29",
            "body": {
                "capacityTypes": ["SCHEDULED_CAPACITY", "AVAILABLE_CAPACITY"],
                "startDateTime": "2022-03-01T00:00:00Z",
                "endDateTime": "2022-05-30T00:00:00Z",
            },
        }
        first = json.loads(replay("getRangeSlotCapacity", parameters).body or b"")
        assert first["resourceId"] == "validResourceId-9d267d55-9426-5bfp-cc47-f167gb969f48"
        assert first["nextPageToken"] == "MjAyMi0wNC0wNVQwMDowMDowMFo%3D"
        for token in ("MjAyMi0wNC0wNVQwMDowMDowMFo%3D", "MjAyMi0wNC0wNVQwMDowMDowMFo="):
            second = json.loads(replay("getRangeSlotCapacity", parameters, nextPageToken=token).body or b"")
            assert "nextPageToken" not in second
            assert second["capacities"][0] == {
                "capacityType": "SCHEDULED_CAPACITY",
                "slots": [
                    {
                        "startDateTime": "2022-04-05T00:00:00Z",
                        "endDateTime": "2022-05-30T00:00:00Z",
                        "capacity": 1,
                    }
                ],
            }

    def test_fixed_answers_by_the_resource_that_the_model_misplaced(self) -> None:
        """The resourceId written inside of body answers from the path."""
        body = {"capacityTypes": ["SCHEDULED_CAPACITY"], "startDateTime": "2021-04-04T00:00:00Z"}
        path = {"resourceId": "validResourceId-9e378g66-9537-6ggq-dd48-f1klmb969f482"}
        got = static.answer("getFixedSlotCapacity", path, {}, body)
        assert got.status == 400
        assert errors_of(got)[0]["details"] == (
            "Received the following errors: [startDateTime or endDateTime are not present]"
        )

    def test_reservation_asked_as_a_break_comes_back_as_an_appointment(self) -> None:
        """The published answer has little to do with the question."""
        span = {"startTime": "2020-04-01T10:00:00.00-07", "endTime": "2020-04-01T11:00:00.00-07"}
        body = {"resourceId": RESOURCE, "reservation": {"availability": span, "type": "BREAK"}}
        got = static.answer("createReservation", {}, {"marketplaceIds": ["ATVPDKIKX0DER"]}, body)
        assert got.status == 200
        assert got.body == (
            b'{"payload":{"reservation":{"reservationId":"457","type":"APPOINTMENT","availability":'
            b'{"startTime":"2025-07-22T22:38:02.283Z","endTime":"2025-07-22T22:38:02.283Z",'
            b'"recurrence":{"endTime":"2025-07-22T22:38:02.283Z"}}}}}'
        )

    def test_update_of_any_reservation_without_a_reservation(self) -> None:
        """The 400 cases name no reservationId, so every one gets them."""
        got = static.answer(
            "updateReservation", {"reservationId": "any"}, {}, {"resourceId": RESOURCE, "reservation": {}}
        )
        assert (got.status, messages_of(got)) == (
            400,
            ["Missing or invalid request parameters: [reservation]"],
        )

    def test_no_content_has_no_bytes(self) -> None:
        """A 204 sends nothing, though the model writes {}."""
        path = {"reservationId": "validReservationId-9c156c44-8315-4aeb-bb36-e056fa827e36"}
        assert static.answer("cancelReservation", path, {}, None) == static.Answer(204, None)

    def test_slots_of_a_null_asin(self) -> None:
        """nullValue is a text like any other."""
        got = static.answer("getAppointmentSlots", {}, SLOTS | {"asin": ["nullValue"]}, None)
        assert (got.status, messages_of(got)) == (400, ["Missing or invalid request parameters: [asin]"])


class TestCatchAlls:
    """A case without parameters answers what no other case of its operation does."""

    def test_any_job_is_empty_but_the_valid_one_is_an_error(self) -> None:
        """200 for every id except the one that the 400 case names."""
        assert replay("getServiceJobByServiceJobId", {"serviceJobId": "x"}) == static.Answer(200, b'{"payload":{}}')
        valid = {"serviceJobId": "validJobId-48b6d5a3-b708-dbe9-038d-dd95e8d74iut"}
        assert replay("getServiceJobByServiceJobId", valid) == static.Answer(400, b'{"payload":{}}')

    def test_cancel_of_an_unknown_job_is_403_and_empty(self) -> None:
        """With a reason code of a case and without one."""
        for query in ({}, {"cancellationReasonCode": ["V1"]}):
            got = static.answer("cancelServiceJobByServiceJobId", {"serviceJobId": "x"}, query, None)
            assert got == static.Answer(403, b"{}")

    def test_jobs_are_one_page_unless_the_case_is_named(self) -> None:
        """Any query gets the one job, TEST_CASE_400 the error."""
        found = replay("getServiceJobs", {"createdAfter": "2020-01-01T00:00:00Z", "marketplaceIds": "ATVPDKIKX0DER"})
        assert found.status == 200
        assert json.loads(found.body or b"")["payload"]["totalResultSize"] == 1
        named = replay("getServiceJobs", {"createdAfter": "TEST_CASE_400", "marketplaceIds": "ATVPDKIKX0DER"})
        assert (named.status, messages_of(named)) == (400, ["Invalid Input"])


class TestSpecificity:
    def test_more_parameters_win(self) -> None:
        """The 200 case names asin and storeId, the 400 case endTime besides; another endTime is the 200's."""
        assert static.answer("getAppointmentSlots", {}, SLOTS, None).status == 200
        with_end = static.answer("getAppointmentSlots", {}, SLOTS | {"endTime": ["20-21-04-04T01:00:00Z"]}, None)
        assert with_end.status == 400
        other_end = static.answer("getAppointmentSlots", {}, SLOTS | {"endTime": ["2021-04-04T02:00:00Z"]}, None)
        assert other_end.status == 200

    def test_more_values_in_the_body_win(self) -> None:
        """contentType PNG alone is one value of the body, with length and MD5 it is three."""
        whole = {"contentType": "PNG", "contentLength": 1386437, "contentMD5": "97WrSKv9ffHkDopCdB32mw=="}
        assert replay("createServiceDocumentUploadDestination", {"body": whole}).status == 200
        alone = replay("createServiceDocumentUploadDestination", {"body": {"contentType": "PNG"}})
        assert messages_of(alone) == ["Missing or invalid request parameters: [contentLength]."]

    def test_every_operation_tries_the_specific_first(self) -> None:
        """The number of named parameters never grows along the order."""
        for cases in static.cases().values():
            named = [len(case.parameters) for case in cases]
            assert named == sorted(named, reverse=True)


class TestBody:
    """A case's body is contained in the request's."""

    def add(self, body: object) -> int:
        path = {"serviceJobId": f"validJobId-1-{JOB}"}
        return static.answer("addAppointmentForServiceJobByServiceJobId", path, {}, body).status

    def test_keys_that_the_case_does_not_name_are_ignored(self) -> None:
        """On every level of the body."""
        start = {"startTime": "2021-01-01T10:00:00.000Z"}
        assert self.add({"appointmentTime": start}) == 200
        assert self.add({"appointmentTime": {**start, "durationInMinutes": 60}, "note": None}) == 200

    def test_a_named_key_that_is_missing_or_different_is_no_match(self) -> None:
        """Values are compared as they stand: the same instant in another writing is another text."""
        assert self.add({"appointmentTime": {}}) == 400
        assert self.add({"appointmentTime": {"startTime": "2021-01-01T10:00:00Z"}}) == 400
        assert self.add({"appointmentTime": "2021-01-01T10:00:00.000Z"}) == 400

    def test_lists_are_equal_in_length_and_order(self) -> None:
        """Two resources in the published order are the case; one, three or the other order are not."""
        first, second = ({"resourceId": f"validResourceId-{tail}"} for tail in ("A8B3M999LMHF2", "AMIDIAX1H5V"))

        def assign(*resources: object) -> int:
            return static.answer("assignAppointmentResources", ASSIGNED_PATH, {}, {"resources": [*resources]}).status

        assert assign(first, second) == 200
        assert [assign(first), assign(first, second, first), assign(second, first)] == [400, 400, 400]

    def test_an_empty_object_of_a_case_is_an_empty_object(self) -> None:
        """`{}` says that nothing was sent, so a body that sends resources does not hear that it sent none."""
        got = static.answer("assignAppointmentResources", ASSIGNED_PATH, {}, {"resources": [{"resourceId": "x"}]})
        assert messages_of(got) == ["Could not match input arguments"]
        assert static.answer("assignAppointmentResources", ASSIGNED_PATH, {}, {"resources": [{}]}).body == b"{}"

    def test_numbers_are_equal_as_json(self) -> None:
        """123 and 123.0 are one number, "123" is a text."""
        upload = "createServiceDocumentUploadDestination"
        assert messages_of(replay(upload, {"body": {"contentLength": 123.0}})) == [
            "Missing or invalid request parameters: [contentType]."
        ]
        assert messages_of(replay(upload, {"body": {"contentLength": "123"}})) == ["Could not match input arguments"]


class TestNoMatch:
    @pytest.mark.parametrize(
        "operation_id",
        [
            operation_id
            for operation_id, cases in static.cases().items()
            if all(case.parameters for case in cases) and operation_id != "setAppointmentFulfillmentData"
        ],
    )
    @pytest.mark.parametrize("body", [None, [], "", 0, {"unknown": {}}], ids=repr)
    def test_anything_else_is_400(self, operation_id: str, body: object) -> None:
        """Unknown ids with any sort of body."""
        got = static.answer(operation_id, dict.fromkeys(IN_PATH, "x"), {"asin": []}, body)
        assert got.status == 400
        assert json.loads(got.body or b"") == {"errors": [NOTHING]}

    def test_set_fulfillment_is_a_bare_array(self) -> None:
        """The one operation whose errors have no envelope."""
        got = static.answer("setAppointmentFulfillmentData", ASSIGNED_PATH, {}, {})
        assert got.status == 400
        assert json.loads(got.body or b"") == [NOTHING]

    def test_a_parameter_given_twice_is_not_the_one_of_a_case(self) -> None:
        """Nobody can say which of the two was meant."""
        got = static.answer("getAppointmentSlots", {}, SLOTS | {"asin": ["B07BB1RGT5", "B07BB1RGT5"]}, None)
        assert got.status == 400

    def test_an_operation_without_cases_is_a_mistake_of_the_caller(self) -> None:
        """The spelling of getAppointmmentSlotsByJobId is the model's."""
        with pytest.raises(KeyError):
            static.answer("getAppointmentSlotsByJobId", {}, {}, None)

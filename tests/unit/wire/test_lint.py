"""Every finding of lint, each provoked by a request; and requests that give no reason for any."""

from collections.abc import Callable
from typing import Any

import pytest

from fieldserve.wire import lint
from fieldserve.wire.operations import BY_ID
from fieldserve.wire.request_log import TOKEN, UNKNOWN_PATH, Finding, RequestRecord
from fieldserve.wire.times import SECOND, parse, render

NOW = parse("2026-03-02T08:00:00Z")
HEADERS = {
    "user-agent": "MyApp/1.0 (Language=Python)",
    "x-amz-access-token": "…",
    "content-type": "application/json",
}
JOB = "getServiceJobByServiceJobId"
JOBS = "getServiceJobs"
ADD = "addAppointmentForServiceJobByServiceJobId"
CANCEL = "cancelServiceJobByServiceJobId"
SLOTS = "getAppointmentSlots"
FIXED = "getFixedSlotCapacity"
RESERVE = "createReservation"
WINDOW = {"startDateTime": "2026-03-02T08:00:00Z", "endDateTime": "2026-03-03T08:00:00Z"}


def asked(
    operation_id: str, query: str | None = None, body: Any = None, *, seconds: float = 0, **changes: Any
) -> RequestRecord:
    """A request that succeeded, so many seconds after NOW; `drop` names headers to leave out."""
    operation = BY_ID.get(operation_id)
    ids = {"serviceJobId": "j1", "resourceId": "s1", "reservationId": "r1", "appointmentId": "a1"}
    path = operation.path.format(**ids) if operation else "/somewhere"
    headers = {**HEADERS, **changes.pop("headers", {})}
    for name in changes.pop("drop", ()):
        del headers[name]
    number = changes.pop("number", int(seconds * 1000))
    at = render(NOW + int(seconds * SECOND))
    method = operation.method if operation else "GET"
    made = RequestRecord(
        number, f"id-{number}", at, operation_id, method, changes.pop("path", path), changes.pop("status", 200), 1.0
    )
    made.query, made.headers, made.body, made.rate, made.burst = query, headers, body, 5.0, 20
    for name, value in changes.items():
        setattr(made, name, value)
    return made


IN_US = "marketplaceIds=ATVPDKIKX0DER"
SINCE = f"{IN_US}&createdAfter=2026-01-01T00:00:00Z"
BOOKED = {"appointmentTime": {"startTime": "2026-03-02T08:00:00Z"}}

ONE: dict[str, tuple[RequestRecord, str]] = {
    "unknown-path": (asked(UNKNOWN_PATH, path="/service/v2/{…}", status=404), "path"),
    "token-place": (asked(JOB, drop=["x-amz-access-token"], headers={"authorization": "Bearer …"}),
                    "header/authorization"),
    "token-missing": (asked(JOB, drop=["x-amz-access-token"]), "header/x-amz-access-token"),
    "signature": (asked(JOB, headers={"authorization": "AWS4-HMAC-SHA256 …"}), "header/authorization"),
    "user-agent-missing": (asked(JOB, drop=["user-agent"]), "header/user-agent"),
    "user-agent-form": (asked(JOB, headers={"user-agent": "python-requests/2.32"}), "header/user-agent"),
    "parameter-in-body": (asked(RESERVE, body={"marketplaceIds": ["ATVPDKIKX0DER"]}), "body/marketplaceIds"),
    "member-in-query": (asked(ADD, "startTime=2026-03-02T08:00:00Z", BOOKED), "query/startTime"),
    "misspelt": (asked(JOBS, f"{SINCE}&service_job_status=HOLD"), "query/service_job_status"),
    "array-spelling": (asked(JOBS, f"{SINCE}&storeIds[]=s1"), "query/storeIds[]"),
    "unknown-parameter": (asked(JOBS, f"{SINCE}&colour=…"), "query/colour"),
    "unknown-member": (asked(ADD, body={**BOOKED, "colour": "…"}), "body/colour"),
    "body-unexpected": (asked(JOB, body={"a": "…"}), "body"),
    "body-malformed": (asked(ADD, body_fault="it is not valid JSON"), "body"),
    "content-type": (asked(ADD, body=BOOKED, headers={"content-type": "text/plain"}), "header/content-type"),
    "missing": (asked(JOBS, "createdAfter=2026-01-01T00:00:00Z"), "query/marketplaceIds"),
    "repeated": (asked(JOBS, f"{SINCE}&pageSize=1&pageSize=2"), "query/pageSize"),
    "wrong-case": (asked(FIXED, IN_US, {**WINDOW, "capacityTypes": ["scheduled_capacity"]}), "body/capacityTypes/0"),
    "not-a-choice": (asked(JOBS, f"{SINCE}&sortField=COLOUR"), "query/sortField"),
    "too-long": (asked(JOB, path=f"/service/v1/serviceJobs/{'x' * 101}", status=400), "path/serviceJobId"),
    "too-many": (asked(JOBS, f"{SINCE}&asins={','.join(['B000000001'] * 21)}"), "query/asins"),
    "wrong-form": (asked(JOBS, f"{SINCE}&pageSize=21"), "query/pageSize"),
    "not-a-time": (asked(JOBS, f"{IN_US}&createdAfter=yesterday"), "query/createdAfter"),
    "plus-in-query": (asked(JOBS, f"{IN_US}&createdAfter=2026-01-01T00:00:00+01:00"), "query/createdAfter"),
    "no-zone": (asked(JOBS, f"{IN_US}&createdAfter=2026-01-01T00:00:00"), "query/createdAfter"),
    "not-utc": (asked(ADD, body={"appointmentTime": {"startTime": "2026-03-02T08:00:00+01:00"}}),
                "body/appointmentTime/startTime"),
    "created-or-updated": (asked(JOBS, f"{SINCE}&lastUpdatedAfter=2026-01-01T00:00:00Z"), "query/createdAfter"),
    "reversed": (asked(JOBS, f"{SINCE}&createdBefore=2025-01-01T00:00:00Z"), "query/createdBefore"),
    "half-window": (asked(SLOTS, f"asin=B0&storeId=s1&{IN_US}&startTime=2026-03-02T08:00:00Z"), "query/endTime"),
    # From 2 March to 1 June are 29 + 30 + 31 + 1 = 91 days.
    "window-too-long": (
        asked(SLOTS, f"asin=B0&storeId=s1&{IN_US}&startTime=2026-03-02T08:00:00Z&endTime=2026-06-01T08:00:00Z"),
        "query/endTime",
    ),
    # From 2 March to 7 April are 29 + 7 = 36 days.
    "in-pages": (asked(FIXED, IN_US, {**WINDOW, "endDateTime": "2026-04-07T08:00:00Z"}), "body/endDateTime"),
    "refused": (asked(FIXED, IN_US, {**WINDOW, "slotDuration": 7}), "request"),
}  # fmt: skip

POLLED = [asked(JOB, seconds=number, answer={"payload": {}}) for number in range(3)]
TOGETHER: dict[str, list[RequestRecord]] = {
    # A burst of 20: after 17 at once 3 are left, less than a fifth.
    "near-rate": [asked(JOB, number=number) for number in range(17)],
    "throttled": [asked(JOB, status=429)],
    # At 20 a second the next token comes after 50 ms.
    "no-back-off": [asked(JOB, status=429), asked(JOB, seconds=0.01)],
    "unchanged-poll": POLLED,
    "repeated-refusal": [asked(JOB, seconds=number, status=404, answer={"errors": []}) for number in range(3)],
    "token-per-request": [
        asked(TOKEN, seconds=number, body={"grant_type": "refresh_token", "client_id": "c"}) for number in range(6)
    ],
}


def test_every_rule_is_provoked() -> None:
    """There is a request for each entry of the table, and no entry twice."""
    assert len({one.code for one in lint.RULES}) == len(lint.RULES)
    assert {*ONE, *TOGETHER} == {one.code for one in lint.RULES}


@pytest.mark.parametrize("code", ONE)
def test_of_one_request(code: str) -> None:
    """The finding is there, where it belongs, as severe as the table says, and says what to send."""
    request, place = ONE[code]
    found = [one for one in lint.lint(request) if one.code == code]
    assert [one.place for one in found] == [place], lint.lint(request)
    rule = next(one for one in lint.RULES if one.code == code)
    assert found[0].severity == rule.severity
    assert found[0].send


@pytest.mark.parametrize("code", TOGETHER)
def test_of_several(code: str) -> None:
    """The finding is there once, and names the requests that show it."""
    found = [one for one in lint.lint_together(TOGETHER[code]) if one.code == code]
    assert len(found) == 1
    assert found[0].request_ids
    # Lint may get them in any order.
    assert lint.lint_together(reversed(TOGETHER[code])) == lint.lint_together(TOGETHER[code])


CLEAN = [
    asked(JOBS, SINCE),
    asked(JOBS, f"{SINCE}&serviceJobStatus=HOLD,CANCELLED&storeIds=a&storeIds=b"),
    asked(JOB),
    asked(ADD, body=BOOKED),
    asked(FIXED, IN_US, {**WINDOW, "capacityTypes": ["SCHEDULED_CAPACITY"]}),
    asked(FIXED, IN_US, {"startDateTime": "2026-03-02T08:00:00-05:00", "endDateTime": "2026-03-03T08:00:00-05:00"}),
    asked(CANCEL, "cancellationReasonCode=V1"),
]


@pytest.mark.parametrize("request_", CLEAN, ids=range(len(CLEAN)))
def test_nothing_to_find(request_: RequestRecord) -> None:
    """What is sent as the model has it gives no reason for any finding."""
    assert lint.lint(request_) == []


def _only(code: str) -> Callable[[list[Finding]], list[Finding]]:
    return lambda found: [one for one in found if one.code == code]


class TestNotFound:
    """What looks like a finding and is none."""

    def test_metadata_alone(self) -> None:
        """Of a request of which only the metadata was kept nothing is said."""
        assert lint.lint(asked(JOB, drop=list(HEADERS), headers={"user-agent": "x"}, body=None)) != []
        bare = asked(JOB)
        bare.headers = None
        assert lint.lint(bare) == []

    def test_a_poll_that_finds_something(self) -> None:
        """Two of three answers alike are no pattern."""
        changed = [*POLLED[:2], asked(JOB, seconds=2, answer={"payload": {"a": 1}})]
        assert _only("unchanged-poll")(lint.lint_together(changed)) == []

    def test_a_poll_now_and_then(self) -> None:
        """Once in twenty minutes is no polling."""
        rare = [asked(JOB, seconds=1200 * number, answer={}) for number in range(3)]
        assert lint.lint_together(rare) == []

    def test_an_even_rate(self) -> None:
        """Five a second is what a plan of five a second allows for ever."""
        even = [asked(JOB, seconds=number / 5, answer=number) for number in range(50)]
        assert lint.lint_together(even) == []

    def test_back_off(self) -> None:
        """Whoever waits after a 429 is told of the 429 alone."""
        waited = [asked(JOB, status=429), asked(JOB, seconds=1)]
        assert [one.code for one in lint.lint_together(waited)] == ["throttled"]

    def test_the_answer_s_own_words(self) -> None:
        """A refusal that no rule explains is told as it was answered."""
        answer = {"errors": [{"code": "NotFound", "message": "No job exists with jobId : j1"}]}
        (found,) = lint.lint(asked(JOB, status=404, answer=answer))
        assert (found.code, found.message) == ("refused", "NotFound: No job exists with jobId : j1")

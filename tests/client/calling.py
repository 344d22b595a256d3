"""Both clients called the same way: over a transport that a test answers, or against a real server."""

import inspect
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx2
import msgspec

from fieldserve.client import AsyncServices, Services
from fieldserve.client._clock import Clock
from fieldserve.wire.operations import Operation

ENDPOINT, TOKENS = "https://api.example", "https://tokens.example/auth/o2/token"

_numbers = itertools.count(1)

Client = Services | AsyncServices
Handler = Callable[[httpx2.Request], httpx2.Response]

# For each operation what a caller gives it: ids, and everything else by name.
CALLS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "getServiceJobByServiceJobId": (("job/1",), {}),
    "cancelServiceJobByServiceJobId": (("job/1",), {"cancellationReasonCode": "V1"}),
    "completeServiceJobByServiceJobId": (("job/1",), {}),
    "getServiceJobs": (
        (),
        {
            "serviceOrderIds": ["111-1", "111-2"],
            "productOrderIds": ["222-1"],
            "trackingIds": ["TBA1"],
            "serviceJobStatus": ["HOLD", "COMPLETED"],
            "pageToken": "to ken+/=",
            "pageSize": 5,
            "sortField": "JOB_DATE",
            "sortOrder": "DESC",
            "createdAfter": "2026-01-01T00:00:00Z",
            "createdBefore": "2026-02-01T00:00:00+01:00",
            "lastUpdatedBefore": "2026-02-01T00:00:00Z",
            "scheduleStartDate": "2026-01-01T00:00:00Z",
            "scheduleEndDate": "2026-02-01T00:00:00Z",
            "marketplaceIds": ["ATVPDKIKX0DER"],
            "asins": ["B0MOUNTING"],
            "requiredSkills": ["TV & more"],
            "storeIds": ["store-1"],
        },
    ),
    "addAppointmentForServiceJobByServiceJobId": (
        ("job/1",),
        {"appointmentTime": {"startTime": "2026-03-02T14:00:00Z", "durationInMinutes": 60}},
    ),
    "rescheduleAppointmentForServiceJobByServiceJobId": (
        ("job/1", "a 1"),
        {"appointmentTime": {"startTime": "2026-03-02T14:00:00Z"}, "rescheduleReasonCode": "R1"},
    ),
    "assignAppointmentResources": (("job/1", "a 1"), {"resources": [{"resourceId": "ann"}]}),
    "setAppointmentFulfillmentData": (
        ("job/1", "a 1"),
        {
            "estimatedArrivalTime": {"startTime": "2026-03-02T14:00:00Z", "endTime": "2026-03-02T15:00:00Z"},
            "fulfillmentTime": {"startTime": "2026-03-02T14:00:00Z", "endTime": "2026-03-02T15:00:00Z"},
            "appointmentResources": [{"resourceId": "ann"}],
            "fulfillmentDocuments": [{"uploadDestinationId": "d1", "contentSha256": "x="}],
        },
    ),
    "getRangeSlotCapacity": (
        ("store 1",),
        {
            "capacityTypes": ["AVAILABLE_CAPACITY"],
            "startDateTime": "2026-03-02T00:00:00Z",
            "endDateTime": "2026-04-20T00:00:00Z",
            "nextPageToken": "MjAyNi0wNC0wNlQwMDowMDowMFo%3D",
        },
    ),
    "getFixedSlotCapacity": (
        ("store 1",),
        {
            "capacityTypes": ["AVAILABLE_CAPACITY"],
            "slotDuration": 30,
            "startDateTime": "2026-03-02T00:00:00Z",
            "endDateTime": "2026-04-20T00:00:00Z",
            "nextPageToken": "MjAyNi0wNC0wNlQwMDowMDowMFo%3D",
        },
    ),
    "updateSchedule": (
        ("store 1",),
        {"schedules": [{"startTime": "2026-03-02T09:00:00-05:00", "endTime": "2026-03-02T17:00:00-05:00"}]},
    ),
    "createReservation": (
        (),
        {
            "resourceId": "ann",
            "reservation": {
                "type": "BREAK",
                "availability": {"startTime": "2026-03-02T14:00:00Z", "endTime": "2026-03-02T15:00:00Z"},
            },
        },
    ),
    "updateReservation": (
        ("r/1",),
        {
            "resourceId": "ann",
            "reservation": {
                "type": "BREAK",
                "availability": {"startTime": "2026-03-02T14:00:00Z", "endTime": "2026-03-02T15:00:00Z"},
            },
        },
    ),
    "cancelReservation": (("r/1",), {}),
    "getAppointmmentSlotsByJobId": (
        ("job/1",),
        {"startTime": "2026-03-02T00:00:00Z", "endTime": "2026-03-09T00:00:00Z"},
    ),
    "getAppointmentSlots": (
        (),
        {
            "asin": "B0MOUNTING",
            "storeId": "store-1",
            "startTime": "2026-03-02T00:00:00Z",
            "endTime": "2026-03-09T00:00:00Z",
        },
    ),
    "createServiceDocumentUploadDestination": (
        (),
        {"contentType": "PDF", "contentLength": 30, "contentMD5": "1B2M2Y8AsgTpgAmY7PhCfg=="},
    ),
}


class FakeClock(Clock):
    """Time passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    async def asleep(self, seconds: float) -> None:
        self.sleep(seconds)


def credentials() -> dict[str, str]:
    """Credentials that nobody had before, and with them a token and buckets of their own."""
    number = next(_numbers)
    return {
        "lwa_app_id": f"client-{number}",
        "lwa_client_secret": f"secret-{number}",
        "refresh_token": f"Atzr|{number}",
    }


def connect(kind: type[Client], handler: Handler, clock: Clock | None = None, **given: Any) -> Any:
    """A client whose requests `handler` answers, those for tokens included."""
    given = {"credentials": credentials(), "endpoint": ENDPOINT, "token_endpoint": TOKENS} | given
    services = kind(**given)
    services._http.open = lambda proxy: httpx2.MockTransport(handler)  # type: ignore[method-assign]
    if clock is not None:
        services._http.clock = clock
    return services


def token_answer(token: str = "Atza|token", expires_in: int = 3600) -> httpx2.Response:
    """What the token endpoint answers."""
    return httpx2.Response(200, json={"access_token": token, "token_type": "bearer", "expires_in": expires_in})


def answering(status: int = 200, json: Any = None, headers: dict[str, str] | None = None) -> "Recorder":
    """A handler that answers everything the same, and tokens as they are answered."""
    return Recorder(lambda _: httpx2.Response(status, json=json, headers=headers))


class Recorder:
    """Answers tokens, hands everything else to `answer`, and remembers what was asked."""

    def __init__(self, answer: Handler):
        self.answer = answer
        self.requests: list[httpx2.Request] = []
        self.tokens = 0

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if str(request.url).startswith(TOKENS):
            self.tokens += 1
            return token_answer(f"Atza|token-{self.tokens}")
        self.requests.append(request)
        return self.answer(request)


def success_of(operation: Operation) -> httpx2.Response:
    """The emptiest answer that an operation gives when it succeeds."""
    return httpx2.Response(operation.success, content=b"" if operation.success == 204 else b"{}")


async def settle(value: Any) -> Any:
    """What a call of either client answers; the items, where it is an iterator."""
    if inspect.isawaitable(value):
        return await value
    if isinstance(value, AsyncIterator):
        return [one async for one in value]
    return list(value) if isinstance(value, Iterator) else value


def sent(request: httpx2.Request) -> Any:
    """The body of a request."""
    return msgspec.json.decode(request.content) if request.content else None

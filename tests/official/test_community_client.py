"""`python-amazon-sp-api`, as published, against a running server: tolerant, where all it can say works, and strict.

Its endpoints and its token host are fixed, so its connections are led to the server here; what it sends, the header
`Host: sellingpartnerapi-na.amazon.com` included, stays as it is. What it cannot do, whatever the server is like:

- `reschedule_appointment_for_service_job_by_service_job_id` posts to /service/v1/serviceJobs/{id}, which no operation
  answers; `…_post` is the one that works.
- Errors of setAppointmentFulfillmentData come as a bare array, of which it takes the first for a success: the answer's
  payload holds code and message, and nothing is raised.

To every POST and PUT it adds the marketplace to the body, in several spellings; the model wants it in the query. What
has no marketplace parameter ignores it, and for the rest there is the setting `compat`.
"""

import base64
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import httpx2
import pytest
from sp_api.api import Services
from sp_api.base import Marketplaces
from sp_api.base.exceptions import (
    SellingApiBadRequestException,
    SellingApiException,
    SellingApiForbiddenException,
    SellingApiNotFoundException,
)

from fieldserve.wire.operations import OPERATIONS
from tests.official.running import ANN, ASIN, STORE, RunningServer
from tests.proofs import FILES, encrypt, sha256

HOUR = timedelta(hours=1)


class ToServer(httpx.HTTPTransport):
    """Connects to the server whatever host a request is for; the request itself stays as it is."""

    def __init__(self, base: str):
        super().__init__()
        self._base = httpx.URL(base)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url.copy_with(scheme="http", host=self._base.host, port=self._base.port)
        return super().handle_request(
            httpx.Request(request.method, url, headers=request.headers, stream=request.stream)
        )


def client(server: RunningServer) -> Iterator[Services]:
    credentials = {
        "lwa_app_id": server.client_id,
        "lwa_client_secret": server.client_secret,
        "refresh_token": server.refresh_token,
    }
    services = Services(Marketplaces.US, credentials=credentials)
    transport = httpx.Client(transport=ToServer(server.base))
    for one in (services._transport, services._auth._transport):
        one._client.close()
        one._client = transport
    yield services
    transport.close()


@pytest.fixture(scope="module")
def tolerant(tolerant_server: RunningServer) -> Iterator[Services]:
    yield from client(tolerant_server)


@pytest.fixture(scope="module")
def strict(server: RunningServer) -> Iterator[Services]:
    yield from client(server)


def at(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def booked(services: Services, server: RunningServer, start: datetime) -> tuple[str, str]:
    job_id = server.order()
    answer = services.add_appointment_for_service_job_by_service_job_id(
        job_id, appointmentTime={"startTime": at(start)}
    )
    return job_id, answer.payload["appointmentId"]


def record(start: datetime, capacity: int = 1) -> dict[str, Any]:
    return {"startTime": at(start), "endTime": at(start + HOUR), "capacity": capacity}


class TestTolerant:
    """All operations, each test at hours of its own."""

    def test_jobs(self, tolerant: Services, tolerant_server: RunningServer) -> None:
        """Read, list with arrays, cancel with the reason in the body, complete."""
        job_id, appointment_id = booked(tolerant, tolerant_server, tolerant_server.hour(10))
        job = tolerant.get_service_job_by_service_job_id(job_id)
        assert (job.payload["serviceJobStatus"], job.rate_limit) == ("NOT_SERVICED", "20.0")
        listed = tolerant.get_service_jobs(createdAfter="2020-01-01T00:00:00Z", asins=[ASIN, "B0NOTHINGS"])
        assert job_id in [one["serviceJobId"] for one in listed.payload["jobs"]]
        tolerant.complete_service_job_by_service_job_id(job_id)
        assert tolerant.get_service_job_by_service_job_id(job_id).payload["serviceJobStatus"] == "COMPLETED"
        other = tolerant_server.order()
        tolerant.cancel_service_job_by_service_job_id(other, cancellationReasonCode="V1")
        assert tolerant.get_service_job_by_service_job_id(other).payload["serviceJobStatus"] == "CANCELLED"
        assert appointment_id.startswith(f"{job_id}_")

    def test_appointments(self, tolerant: Services, tolerant_server: RunningServer) -> None:
        """Book, move, assign, and prove with an encrypted document."""
        start = tolerant_server.hour(12)
        job_id, old = booked(tolerant, tolerant_server, start)
        new = tolerant.reschedule_appointment_for_service_job_by_service_job_id_post(
            job_id, old, appointmentTime={"startTime": at(start + HOUR)}, rescheduleReasonCode="R1"
        ).payload["appointmentId"]
        tolerant.assign_appointment_resources(job_id, new, resources=[{"resourceId": ANN}])
        plain = FILES["PDF"]
        place = tolerant.create_service_document_upload_destination(contentType="PDF", contentLength=len(plain)).payload
        keys = place["encryptionDetails"]
        content = encrypt(plain, base64.b64decode(keys["key"]), base64.b64decode(keys["initializationVector"]))
        # The URL names the host that was asked, which is Amazon's here.
        url = httpx2.URL(place["url"])
        assert url.host == "sellingpartnerapi-na.amazon.com"
        base = httpx2.URL(tolerant_server.base)
        here = url.copy_with(scheme="http", host=base.host, port=base.port)
        assert httpx2.put(here, content=content, headers=place["headers"]).status_code == 200
        done = {"startTime": "2026-03-02T08:00:00Z", "endTime": "2026-03-02T09:00:00Z"}
        document = {"uploadDestinationId": place["uploadDestinationId"], "contentSha256": sha256(plain)}
        tolerant.set_appointment_fulfillment_data(job_id, new, fulfillmentTime=done, fulfillmentDocuments=[document])
        _, appointment = tolerant.get_service_job_by_service_job_id(job_id).payload["appointments"]
        assert (appointment["appointmentStatus"], appointment["poa"]["poaType"]) == ("COMPLETED", "POA_RECEIPT")
        assert appointment["poa"]["uploadingTechnician"] == ANN

    def test_capacity(self, tolerant: Services, tolerant_server: RunningServer) -> None:
        """A schedule, and both ways to read capacity, with the marketplace in the body."""
        start = tolerant_server.hour(24)
        told = tolerant.update_schedule(STORE, schedules=[record(start, 5)]).payload
        assert [one["code"] for one in told[0]["warnings"]] == ["ScheduleOverride"]
        query = {"startDateTime": at(start), "endDateTime": at(start + HOUR)}
        found = tolerant.get_range_slot_capacity(STORE, **query).payload
        assert [slot["capacity"] for slot in found["capacities"][0]["slots"]] == [5]
        found = tolerant.get_fixed_slot_capacity(STORE, **query, slotDuration=30).payload
        assert [slot["scheduledCapacity"] for slot in found["capacities"]] == [5, 5]

    def test_reservations(self, tolerant: Services, tolerant_server: RunningServer) -> None:
        """Reserve, replace, and give back."""
        start = tolerant_server.hour(26)
        reservation = {"type": "BREAK", "availability": record(start)}
        made = tolerant.create_reservation(resourceId=STORE, reservation=reservation).payload["reservation"]
        moved = tolerant.update_reservation(made["reservationId"], resourceId=STORE, reservation=reservation)
        id = moved.payload["reservation"]["reservationId"]
        tolerant.cancel_reservation(id)
        with pytest.raises(SellingApiNotFoundException):
            tolerant.cancel_reservation(id)

    def test_slots(self, tolerant: Services, tolerant_server: RunningServer) -> None:
        """Slots by job and by store."""
        start = tolerant_server.hour(28)
        window = {"startTime": at(start), "endTime": at(start + HOUR)}
        slot = {**window, "capacity": 2}
        by_job = tolerant.get_appointmment_slots_by_job_id(tolerant_server.order(), **window)
        assert by_job.payload["appointmentSlots"] == [slot]
        by_store = tolerant.get_appointment_slots(asin=ASIN, storeId=STORE, **window)
        assert by_store.payload["appointmentSlots"] == [slot]

    def test_what_it_cannot_do(self, tolerant: Services, tolerant_server: RunningServer) -> None:
        """The wrong path is a 405; an error of the fulfilment looks like a success to it."""
        job_id, appointment_id = booked(tolerant, tolerant_server, tolerant_server.hour(30))
        with pytest.raises(SellingApiException) as refused:
            tolerant.reschedule_appointment_for_service_job_by_service_job_id(job_id, rescheduleReasonCode="R1")
        assert refused.value.amzn_code == "MethodNotAllowed"
        answer = tolerant.set_appointment_fulfillment_data(job_id, appointment_id, fulfillmentTime={})
        assert answer.payload["message"] == "Appointment start time is required. Please check the input again."

    def test_warning_in_the_log(self, tolerant: Services, tolerant_server: RunningServer) -> None:
        """What was read as it was meant is told in the request log."""
        job_id = tolerant_server.order()
        tolerant.cancel_service_job_by_service_job_id(job_id, cancellationReasonCode="V1")
        advice = "send cancellationReasonCode as the query parameter cancellationReasonCode, not as "
        for _ in range(100):
            if advice in tolerant_server.log.read_text():
                return
            time.sleep(0.02)
        pytest.fail("no warning in the log")

    def test_operations(self) -> None:
        """It has every operation of the table."""
        assert all(hasattr(Services, operation.name) for operation in OPERATIONS)


class TestStrict:
    """By default the server refuses as the model says, and tells what to send where."""

    @pytest.mark.parametrize(
        ("call", "parameter", "found"),
        [
            (
                lambda s, id: s.cancel_service_job_by_service_job_id(id, cancellationReasonCode="V1"),
                "cancellationReasonCode",
                "cancellationReasonCode in the body",
            ),
            (lambda s, id: s.get_range_slot_capacity(STORE), "marketplaceIds", "marketplaceIds in the body"),
            (lambda s, id: s.get_fixed_slot_capacity(STORE), "marketplaceIds", "marketplaceIds in the body"),
            (lambda s, id: s.update_schedule(STORE, schedules=[]), "marketplaceIds", "marketplaceIds in the body"),
            (lambda s, id: s.create_reservation(resourceId=STORE), "marketplaceIds", "marketplaceIds in the body"),
            (lambda s, id: s.update_reservation("r", resourceId=STORE), "marketplaceIds", "marketplaceIds in the body"),
        ],
        ids=["cancel", "range", "fixed", "schedule", "create reservation", "update reservation"],
    )
    def test_refused(self, strict: Services, server: RunningServer, call: Any, parameter: str, found: str) -> None:
        """A 400 whose details name what to send where."""
        with pytest.raises(SellingApiBadRequestException) as refused:
            call(strict, server.order())
        assert (
            f"send {parameter} as the query parameter {parameter}, not as {found}" in refused.value.error[0]["details"]
        )

    def test_works(self, strict: Services, server: RunningServer) -> None:
        """Whatever has no required parameter in the query but the GETs' works as it is."""
        start = server.hour(200)
        job_id, old = booked(strict, server, start)
        strict.reschedule_appointment_for_service_job_by_service_job_id_post(
            job_id, old, appointmentTime={"startTime": at(start + HOUR)}, rescheduleReasonCode="R1"
        )
        window = {"startTime": at(start), "endTime": at(start + HOUR)}
        assert strict.get_appointment_slots(asin=ASIN, storeId=STORE, **window).payload["appointmentSlots"]
        assert strict.get_appointmment_slots_by_job_id(job_id, **window).payload["appointmentSlots"]
        assert strict.get_service_jobs(lastUpdatedAfter="2020-01-01T00:00:00Z").payload["totalResultSize"] > 0
        strict.complete_service_job_by_service_job_id(job_id)
        with pytest.raises(SellingApiNotFoundException):
            strict.cancel_reservation("nothing")

    def test_region(self, strict: Services, monkeypatch: pytest.MonkeyPatch) -> None:
        """A marketplace of another region's host is refused: the authorization holds for the US only."""
        monkeypatch.setattr(strict, "endpoint", Marketplaces.DE.endpoint)
        with pytest.raises(SellingApiForbiddenException):
            strict.get_service_jobs(createdAfter="2020-01-01T00:00:00Z")

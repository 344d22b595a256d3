"""The official SDK (`amzn-sp-api`), as published, through all 17 operations of a running server.

It checks what it sends and what it gets against the published model by itself: a required member that is missing or a
value that no enumeration has raises ValueError in it.
"""

import base64
import json
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest
from spapi import SPAPIClient, SPAPIConfig
from spapi.api.services_v1.service_api import ServiceApi
from spapi.auth.lwa_exception import LwaException
from spapi.auth.lwa_request import AccessTokenCache
from spapi.models import services_v1 as models
from spapi.rest import ApiException

from fieldserve.wire.operations import OPERATIONS
from fieldserve.wire.times import to_datetime
from tests.official.running import ANN, ASIN, BOB, STORE, US, RunningServer
from tests.proofs import FILES, encrypt, md5, sha256
from tests.world import NOW

HOUR = timedelta(hours=1)
ALL_TYPES = ["SCHEDULED_CAPACITY", "AVAILABLE_CAPACITY", "ENCUMBERED_CAPACITY", "RESERVED_CAPACITY"]


@pytest.fixture(scope="module")
def api(server: RunningServer) -> ServiceApi:
    config = SPAPIConfig(server.client_id, server.client_secret, server.refresh_token, region="NA")
    client = SPAPIClient(config, oauth_endpoint=f"{server.base}/auth/o2/token", endpoint=server.base)
    return ServiceApi(client.api_client)


class Hours:
    """Gives each test hours of its own, so that nobody counts another's appointments."""

    def __init__(self) -> None:
        self.given = 0

    def next(self, server: RunningServer, count: int = 1) -> datetime:
        self.given += count
        return server.hour(self.given - count)


@pytest.fixture(scope="module")
def hours() -> Hours:
    return Hours()


def booked(api: ServiceApi, server: RunningServer, start: datetime) -> tuple[str, str]:
    """A job with an appointment: both ids."""
    job_id = server.order()
    body = models.AddAppointmentRequest(models.AppointmentTimeInput(start_time=start))
    answer = api.add_appointment_for_service_job_by_service_job_id(job_id, body)
    assert answer.errors is None
    return job_id, answer.appointment_id


def available(api: ServiceApi, start: datetime, type: str = "AVAILABLE_CAPACITY") -> list[int]:
    """What the store has in the hour from start, as runs."""
    body = models.RangeSlotCapacityQuery([type], start, start + HOUR)
    (found,) = api.get_range_slot_capacity(STORE, [US], body).capacities
    return [slot.capacity for slot in found.slots]


def reservation(type: str, start: datetime, capacity: int = 1) -> models.Reservation:
    record = models.AvailabilityRecord(start, start + HOUR, capacity=capacity)
    return models.Reservation(type=type, availability=record)


class TestEveryOperation:
    def test_every_operation_has_a_test(self) -> None:
        """The SDK has all operations of the table under their names, and each is called here."""
        for operation in OPERATIONS:
            assert hasattr(ServiceApi, operation.name)
            assert hasattr(TestEveryOperation, f"test_{operation.name}")

    def test_get_service_job_by_service_job_id(self, api: ServiceApi, server: RunningServer, hours: Hours) -> None:
        """The job with all its parts, as the SDK's own types."""
        job_id, appointment_id = booked(api, server, start := hours.next(server))
        job = api.get_service_job_by_service_job_id(job_id).payload
        assert (job.service_job_id, job.service_job_status, job.store_id) == (job_id, "NOT_SERVICED", STORE)
        assert (job.scope_of_work.asin, job.scope_of_work.required_skills) == (ASIN, ["TV"])
        assert (job.payments[0].amount.value, job.payments[0].amount.currency) == (89.9, "USD")
        assert job.buyer.is_prime_member is True
        assert job.service_location.address.address_line1 == "1 Main St"
        assert job.associated_items[0].item_status == "SHIPPED"
        (appointment,) = job.appointments
        assert (appointment.appointment_id, appointment.appointment_status) == (appointment_id, "ACTIVE")
        assert (appointment.appointment_time.start_time, appointment.appointment_time.duration_in_minutes) == (
            start,
            60,
        )

    def test_cancel_service_job_by_service_job_id(self, api: ServiceApi, server: RunningServer, hours: Hours) -> None:
        """The job is cancelled, and its slot is free again."""
        job_id, _ = booked(api, server, start := hours.next(server))
        assert available(api, start) == [1]
        assert api.cancel_service_job_by_service_job_id(job_id, "V1").errors is None
        assert available(api, start) == [2]
        assert api.get_service_job_by_service_job_id(job_id).payload.service_job_status == "CANCELLED"

    def test_complete_service_job_by_service_job_id(self, api: ServiceApi, server: RunningServer, hours: Hours) -> None:
        """The job is complete, and so is its appointment."""
        job_id, _ = booked(api, server, hours.next(server))
        assert api.complete_service_job_by_service_job_id(job_id).errors is None
        job = api.get_service_job_by_service_job_id(job_id).payload
        assert (job.service_job_status, job.appointments[0].appointment_status) == ("COMPLETED", "COMPLETED")

    def test_get_service_jobs(self, api: ServiceApi, server: RunningServer) -> None:
        """Filters with several values, a time as an object, and pages there and back."""
        ids = [server.order() for _ in range(3)]
        filters: dict[str, Any] = {
            "created_after": to_datetime(NOW - 365 * 86_400_000_000),
            "asins": [ASIN, "B0NOTHINGS"],
            "service_job_status": ["PENDING_SCHEDULE", "HOLD"],
            "sort_order": "DESC",
            "page_size": 2,
        }
        first = api.get_service_jobs([US], **filters).payload
        assert [job.service_job_id for job in first.jobs] == ids[:0:-1]
        second = api.get_service_jobs([US], page_token=first.next_page_token, **filters).payload
        assert second.jobs[0].service_job_id == ids[0]
        back = api.get_service_jobs([US], page_token=second.previous_page_token, **filters).payload
        assert back.jobs == first.jobs
        assert first.total_result_size == second.total_result_size >= 3

    def test_add_appointment_for_service_job_by_service_job_id(
        self, api: ServiceApi, server: RunningServer, hours: Hours
    ) -> None:
        """Two appointments take the hour's two units; the third is refused."""
        start = hours.next(server)
        for left in (1, 0):
            booked(api, server, start)
            assert available(api, start) == [left]
        with pytest.raises(ApiException) as refused:
            booked(api, server, start)
        assert refused.value.status == 422
        assert json.loads(refused.value.body)["errors"][0]["message"].endswith("Appointment slot is not available.")

    def test_reschedule_appointment_for_service_job_by_service_job_id(
        self, api: ServiceApi, server: RunningServer, hours: Hours
    ) -> None:
        """The appointment moves, and the capacity with it; the old one points to the new."""
        start = hours.next(server, 2)
        job_id, old = booked(api, server, start)
        body = models.RescheduleAppointmentRequest(models.AppointmentTimeInput(start_time=start + HOUR), "R1")
        new = api.reschedule_appointment_for_service_job_by_service_job_id(job_id, old, body).appointment_id
        assert [available(api, start), available(api, start + HOUR)] == [[2], [1]]
        appointments = api.get_service_job_by_service_job_id(job_id).payload.appointments
        assert [(one.appointment_id, one.appointment_status) for one in appointments] == [
            (old, "CANCELLED"),
            (new, "ACTIVE"),
        ]
        assert appointments[0].rescheduled_appointment_id == new

    def test_assign_appointment_resources(self, api: ServiceApi, server: RunningServer, hours: Hours) -> None:
        """Assigned; twice at once with a warning; `[{}]` clears."""
        start = hours.next(server)
        first, second = (booked(api, server, start) for _ in range(2))
        body = models.AssignAppointmentResourcesRequest([models.AppointmentResource(ANN)])
        assert api.assign_appointment_resources(*first, body).payload is None
        (warning,) = api.assign_appointment_resources(*second, body).payload.warnings
        assert warning.code == "RESOURCES_OVERBOOKED"
        (appointment,) = api.get_service_job_by_service_job_id(first[0]).payload.appointments
        assert [one.technician_id for one in appointment.assigned_technicians] == [ANN]
        nobody = models.AssignAppointmentResourcesRequest([models.AppointmentResource()])
        api.assign_appointment_resources(*first, nobody)
        (appointment,) = api.get_service_job_by_service_job_id(first[0]).payload.appointments
        assert not appointment.assigned_technicians

    def test_create_service_document_upload_destination(self, api: ServiceApi, server: RunningServer) -> None:
        """A destination with key and vector of the right size, and the headers to send."""
        body = models.ServiceUploadDocument("PNG", 1000, md5(b"x"))
        payload = api.create_service_document_upload_destination(body).payload
        assert payload.url.startswith(f"{server.base}/uploads/")
        assert payload.encryption_details.standard == "AES"
        assert len(base64.b64decode(payload.encryption_details.key)) == 32
        assert len(base64.b64decode(payload.encryption_details.initialization_vector)) == 16
        assert payload.headers["Content-MD5"] == md5(b"x")

    def test_set_appointment_fulfillment_data(self, api: ServiceApi, server: RunningServer, hours: Hours) -> None:
        """A document encrypted with the key that was answered is the proof of the work done."""
        ids = booked(api, server, hours.next(server))
        plain = FILES["PNG"]
        body = models.ServiceUploadDocument("PNG", len(plain))
        place = api.create_service_document_upload_destination(body).payload
        keys = place.encryption_details
        content = encrypt(plain, base64.b64decode(keys.key), base64.b64decode(keys.initialization_vector))
        assert httpx2.put(place.url, content=content, headers=place.headers).status_code == 200
        done = to_datetime(NOW)
        request = models.SetAppointmentFulfillmentDataRequest(
            estimated_arrival_time=models.DateTimeRange(done - HOUR, done),
            fulfillment_time=models.FulfillmentTime(done, done + HOUR),
            appointment_resources=[models.AppointmentResource(BOB)],
            fulfillment_documents=[models.FulfillmentDocument(place.upload_destination_id, sha256(plain))],
        )
        _, status, headers = api.set_appointment_fulfillment_data_with_http_info(*ids, request)
        assert (status, headers["x-amzn-RateLimit-Limit"]) == (204, "5.0")
        (appointment,) = api.get_service_job_by_service_job_id(ids[0]).payload.appointments
        assert appointment.appointment_status == "COMPLETED"
        assert (appointment.poa.poa_type, appointment.poa.uploading_technician) == ("POA_RECEIPT", BOB)
        assert appointment.poa.appointment_time.start_time == done

    def test_get_range_slot_capacity(self, api: ServiceApi, server: RunningServer, hours: Hours) -> None:
        """All four types, and a page token to go on with after 35 days."""
        start = hours.next(server)
        booked(api, server, start)
        body = models.RangeSlotCapacityQuery(ALL_TYPES, start, start + HOUR)
        found = api.get_range_slot_capacity(STORE, [US], body)
        assert found.resource_id == STORE
        values = {one.capacity_type: [slot.capacity for slot in one.slots] for one in found.capacities}
        assert values == dict(zip(ALL_TYPES, ([2], [1], [1], [0]), strict=True))
        later = models.RangeSlotCapacityQuery(ALL_TYPES, start, start + timedelta(days=40))
        first = api.get_range_slot_capacity(STORE, [US], later)
        second = api.get_range_slot_capacity(STORE, [US], later, next_page_token=first.next_page_token)
        assert second.capacities[0].slots[-1].end_date_time == start + timedelta(days=40)
        assert second.next_page_token is None

    def test_get_fixed_slot_capacity(self, api: ServiceApi, server: RunningServer, hours: Hours) -> None:
        """Half hours of the types that were asked for, and only those."""
        start = hours.next(server)
        booked(api, server, start)
        body = models.FixedSlotCapacityQuery(ALL_TYPES[1:3], 30, start, start + HOUR)
        found = api.get_fixed_slot_capacity(STORE, [US], body)
        assert found.slot_duration == 30
        told = [(one.start_date_time, one.available_capacity, one.encumbered_capacity) for one in found.capacities]
        assert told == [(start, 1, 1), (start + HOUR / 2, 1, 1)]
        assert {one.scheduled_capacity for one in found.capacities} == {None}

    def test_update_schedule(self, api: ServiceApi, server: RunningServer, hours: Hours) -> None:
        """An hour of capacity 7 above the rest, told as an override; a record at fault is told and left out."""
        start = hours.next(server)
        days = models.Recurrence(start + timedelta(days=1), days_of_week=["MONDAY", "TUESDAY"])
        records = [
            models.AvailabilityRecord(start, start + HOUR, capacity=7),
            models.AvailabilityRecord(start + HOUR, start, recurrence=days),
        ]
        told = api.update_schedule(STORE, [US], models.UpdateScheduleRequest(records)).payload
        assert [[one.code for one in record.warnings or record.errors] for record in told] == [
            ["ScheduleOverride"],
            ["InvalidInput"],
        ]
        assert available(api, start) == [7]

    def test_create_reservation(self, api: ServiceApi, server: RunningServer, hours: Hours) -> None:
        """A break takes a unit; an appointment for more than is left is refused inside the answer."""
        start = hours.next(server)
        body = models.CreateReservationRequest(STORE, reservation("BREAK", start))
        made = api.create_reservation([US], body).payload
        assert made.reservation.reservation_id
        assert made.errors is None
        assert [available(api, start), available(api, start, "RESERVED_CAPACITY")] == [[1], [1]]
        body = models.CreateReservationRequest(STORE, reservation("APPOINTMENT", start, 2))
        assert [one.code for one in api.create_reservation([US], body).payload.errors] == ["CapacityNotAvailable"]

    def test_update_reservation(self, api: ServiceApi, server: RunningServer, hours: Hours) -> None:
        """The reservation moves an hour, under a new id."""
        start = hours.next(server, 2)
        body = models.CreateReservationRequest(STORE, reservation("TRAVEL", start))
        old = api.create_reservation([US], body).payload.reservation.reservation_id
        body = models.UpdateReservationRequest(STORE, reservation("TRAVEL", start + HOUR, 2))
        new = api.update_reservation(old, [US], body).payload.reservation.reservation_id
        assert new != old
        assert [available(api, start), available(api, start + HOUR)] == [[2], [0]]

    def test_cancel_reservation(self, api: ServiceApi, server: RunningServer, hours: Hours) -> None:
        """The time is given back; a second time there is nothing to cancel."""
        start = hours.next(server)
        body = models.CreateReservationRequest(STORE, reservation("VACATION", start, 2))
        id = api.create_reservation([US], body).payload.reservation.reservation_id
        assert available(api, start) == [0]
        api.cancel_reservation(id, [US])
        assert available(api, start) == [2]
        with pytest.raises(ApiException) as refused:
            api.cancel_reservation(id, [US])
        assert refused.value.status == 404

    def test_get_appointmment_slots_by_job_id(self, api: ServiceApi, server: RunningServer, hours: Hours) -> None:
        """The slots of the job's service; one appointment elsewhere takes one of the two technicians."""
        start = hours.next(server, 2)
        booked(api, server, start)
        window = {"start_time": start.isoformat(), "end_time": (start + 2 * HOUR).isoformat()}
        report = api.get_appointmment_slots_by_job_id(server.order(), [US], **window).payload
        assert report.scheduling_type == "REAL_TIME_SCHEDULING"
        told = [(one.start_time, one.end_time, one.capacity) for one in report.appointment_slots]
        assert told == [(start, start + HOUR, 1), (start + HOUR, start + 2 * HOUR, 2)]

    def test_get_appointment_slots(self, api: ServiceApi, server: RunningServer, hours: Hours) -> None:
        """Without times the next 14 days, less the notice: every full hour of a store that never closes."""
        report = api.get_appointment_slots(ASIN, STORE, [US]).payload
        # 14 days less 2 hours are 334 hours; how many whole slots lie in them depends on the minute.
        assert len(report.appointment_slots) in (333, 334)


class TestErrors:
    """Refusals arrive as the SDK's exception, with status, body and headers."""

    @pytest.mark.parametrize(
        ("call", "status", "code"),
        [
            (lambda api: api.get_service_job_by_service_job_id("nowhere"), 404, "NotFound"),
            (lambda api: api.complete_service_job_by_service_job_id("nowhere"), 422, "InvalidInput"),
            (lambda api: api.get_service_jobs([US]), 400, "InvalidInput"),
            (lambda api: api.get_appointment_slots(ASIN, STORE, ["A1PA6795UKMFR9"]), 403, "UnauthorizedAction"),
            (lambda api: api.get_appointment_slots(ASIN, "nowhere", [US]), 404, "NotFound"),
        ],
        ids=["unknown job", "unknown job to change", "parameter missing", "other marketplace", "unknown store"],
    )
    def test_status(self, api: ServiceApi, call: Any, status: int, code: str) -> None:
        """The status and the errors of the answer."""
        with pytest.raises(ApiException) as refused:
            call(api)
        assert refused.value.status == status
        assert [one["code"] for one in json.loads(refused.value.body)["errors"]] == [code]
        assert refused.value.headers["x-amzn-RequestId"]
        assert ("x-amzn-RateLimit-Limit" in refused.value.headers) == (status in (400, 404))

    def test_unknown_resource(self, api: ServiceApi, server: RunningServer, hours: Hours) -> None:
        """A schedule of a resource that is none is a success with errors, as the model has it."""
        record = models.AvailabilityRecord(start := hours.next(server), start + HOUR)
        answer = api.update_schedule("nowhere", [US], models.UpdateScheduleRequest([record]))
        assert [one.message for one in answer.errors] == ["Invalid request parameters: [resourceId]"]

    def test_wrong_secret(self, server: RunningServer) -> None:
        """No token for a wrong secret."""
        endpoint = f"{server.base}/auth/o2/token"
        cache = AccessTokenCache(
            server.client_id, "wrong", server.refresh_token, oauth_endpoint=endpoint, max_retries=0
        )
        with pytest.raises(LwaException):
            cache.get_lwa_access_token()

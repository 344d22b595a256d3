"""Both clients against a real server: every operation, pages and windows, documents, refusals here and there."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2
import pytest

from fieldserve.app import create_app
from fieldserve.client import (
    AsyncServices,
    SellingApiException,
    SellingApiForbiddenException,
    SellingApiNotFoundException,
    SellingApiUnprocessableException,
)
from fieldserve.operations.applications import authorize_application, create_application
from fieldserve.operations.run import Caller
from fieldserve.wire.appointments import AppointmentResource, AppointmentTimeInput
from fieldserve.wire.operations import OPERATIONS
from tests.client.calling import Client, settle
from tests.client.conftest import options
from tests.official.running import ANN, ASIN, STORE, RunningServer
from tests.proofs import FILES
from tests.world import SELLER, World, a_world

HOUR = timedelta(hours=1)


@pytest.fixture
async def services(kind: Any, server: RunningServer) -> Any:
    """A client of the server."""
    client = kind(**options(server))
    yield client
    await settle(client.aclose() if isinstance(client, AsyncServices) else client.close())


@pytest.fixture(scope="module")
def hours(server: RunningServer) -> Iterator[datetime]:
    """Hours that no other test of this file books, in a part of the year that no other file uses."""
    return (server.hour(1000 + 2 * number) for number in range(500))


async def booked(services: Client, server: RunningServer, start: datetime) -> tuple[str, str]:
    job_id = server.order()
    time = AppointmentTimeInput(start.strftime("%Y-%m-%dT%H:%M:%SZ"))
    answer = await settle(services.add_appointment_for_service_job_by_service_job_id(job_id, appointmentTime=time))
    return job_id, answer.typed.appointment_id


class TestOperations:
    """What each answers, plain and typed."""

    async def test_jobs(self, services: Client, server: RunningServer, hours: Iterator[datetime]) -> None:
        """Read, list, cancel, complete."""
        job_id, appointment_id = await booked(services, server, next(hours))
        job = await settle(services.get_service_job_by_service_job_id(job_id))
        assert (job.payload["serviceJobStatus"], job.typed.service_job_status) == ("NOT_SERVICED", "NOT_SERVICED")
        assert (job.rate_limit, bool(job.request_id)) == ("20.0", True)
        assert job.typed.appointments[0].appointment_id == appointment_id
        listed = await settle(services.get_service_jobs(createdAfter=datetime.now(UTC) - HOUR, asins=[ASIN]))
        assert len(listed.typed.jobs) == len(listed.jobs)
        done = await settle(services.complete_service_job_by_service_job_id(job_id))
        assert (done.payload, done.typed.errors) == ({}, None)
        other = server.order()
        gone = await settle(services.cancel_service_job_by_service_job_id(other, cancellationReasonCode="V1"))
        assert (gone.payload, gone.typed.errors) == ({}, None)

    async def test_appointments(self, services: Client, server: RunningServer, hours: Iterator[datetime]) -> None:
        """Book, move by the name that is right here, assign, take off."""
        job_id, old = await booked(services, server, next(hours))
        moved = await settle(
            services.reschedule_appointment_for_service_job_by_service_job_id(
                job_id, old, appointmentTime={"startTime": next(hours)}, rescheduleReasonCode="R1"
            )
        )
        new = moved.typed.appointment_id
        assert new not in (None, old)
        both: list[list[Any]] = [[AppointmentResource(ANN)], [{}]]
        for resources in both:
            assigned = await settle(services.assign_appointment_resources(job_id, new, resources=resources))
            assert (assigned.payload, assigned.typed.warnings) == ({}, None)

    @pytest.mark.parametrize("content_type", ["PDF", "JPG"])
    async def test_documents(
        self,
        services: Client,
        server: RunningServer,
        hours: Iterator[datetime],
        tmp_path: Path,
        content_type: str,
    ) -> None:
        """A file is uploaded, and proves the visit; from its path or from its bytes, its type told or seen."""
        job_id, appointment_id = await booked(services, server, next(hours))
        path = tmp_path / "receipt"
        path.write_bytes(FILES[content_type])
        if content_type == "PDF":
            document = await settle(services.upload_document(path))
        else:
            document = await settle(services.upload_document(path.read_bytes(), content_type="JPG"))
        end = datetime.now(UTC) - HOUR
        fulfilled = await settle(
            services.set_appointment_fulfillment_data(
                job_id,
                appointment_id,
                fulfillmentTime={"startTime": end - HOUR, "endTime": end},
                appointmentResources=[AppointmentResource(ANN)],
                fulfillmentDocuments=[document],
            )
        )
        assert (fulfilled.payload, fulfilled.typed) == ({}, None)
        job = (await settle(services.get_service_job_by_service_job_id(job_id))).typed
        assert job.appointments[0].appointment_status == "COMPLETED"
        assert job.appointments[0].poa.poa_type == "POA_RECEIPT"

    async def test_slots(self, services: Client, server: RunningServer, hours: Iterator[datetime]) -> None:
        """By job and by store."""
        start = next(hours)
        window: dict[str, Any] = {"startTime": start, "endTime": start + HOUR}
        by_job = await settle(services.get_appointment_slots_by_job_id(server.order(), **window))
        by_store = await settle(services.get_appointment_slots(asin=ASIN, storeId=STORE, **window))
        assert by_job.typed == by_store.typed
        assert [slot.capacity for slot in by_store.typed.appointment_slots] == [2]

    async def test_capacity(self, services: Client, hours: Iterator[datetime]) -> None:
        """A schedule with an offset, and both ways to read capacity."""
        start = next(hours)
        record = {"startTime": start, "endTime": start + HOUR, "capacity": 7}
        told = await settle(services.update_schedule(STORE, schedules=[record]))
        assert [one.warnings[0].code for one in told.typed] == ["ScheduleOverride"]
        assert told.typed[0].availability["capacity"] == 7
        query: dict[str, Any] = {"startDateTime": start, "endDateTime": start + HOUR}
        found = await settle(services.get_range_slot_capacity(STORE, **query))
        assert [slot.capacity for slot in found.typed.capacities[0].slots] == [7]
        fixed = await settle(services.get_fixed_slot_capacity(STORE, **query, slotDuration=30))
        assert [slot.scheduled_capacity for slot in fixed.typed.capacities] == [7, 7]
        empty = await settle(services.update_schedule(ANN, schedules=[_far(record)]))
        assert isinstance(empty.typed, list)

    async def test_reservations(self, services: Client, hours: Iterator[datetime]) -> None:
        """Reserve, replace, give back."""
        start = next(hours)
        reservation = {"type": "BREAK", "availability": {"startTime": start, "endTime": start + HOUR}}
        made = await settle(services.create_reservation(resourceId=ANN, reservation=reservation))
        old = made.typed.reservation.reservation_id
        moved = await settle(services.update_reservation(old, resourceId=ANN, reservation=reservation))
        new = moved.typed.reservation.reservation_id
        gone = await settle(services.cancel_reservation(new))
        assert (new != old, gone.payload, gone.typed) == (True, {"status_code": 204}, None)


def _far(record: dict[str, Any]) -> dict[str, Any]:
    return record | {name: record[name] + timedelta(days=365) for name in ("startTime", "endTime")}


class TestIterators:
    """All pages, and what one request does not take."""

    async def test_jobs(self, services: Client, server: RunningServer) -> None:
        """Every job once, in order, on pages of three."""
        orders = [server.order() for _ in range(7)]
        since = datetime.now(UTC) - HOUR
        jobs = await settle(services.iter_service_jobs(createdAfter=since, pageSize=3, sortOrder="ASC"))
        ids = [job.service_job_id for job in jobs]
        assert ids[-7:] == orders
        assert len(set(ids)) == len(ids)

    async def test_more_ids_than_a_request_takes(self, services: Client, server: RunningServer) -> None:
        """45 service orders and 60 stores: three requests by two, each job once."""
        orders = [server.order() for _ in range(3)]
        jobs = [(await settle(services.get_service_job_by_service_job_id(one))).typed for one in orders]
        ids = [f"999-{number}" for number in range(42)] + [job.service_order_id for job in jobs]
        stores = [f"none-{number}" for number in range(59)] + [STORE]
        found = await settle(
            services.iter_service_jobs(createdAfter="2020-01-01T00:00:00Z", serviceOrderIds=ids, storeIds=stores)
        )
        assert sorted(job.service_job_id for job in found) == sorted(orders)

    async def test_long_windows(self, services: Client, server: RunningServer) -> None:
        """200 days of slots: 24 a day, each once and in order, those on the borders of windows included."""
        start = server.hour(0)
        window: dict[str, Any] = {"startTime": start, "endTime": start + timedelta(days=200)}
        slots = await settle(services.iter_appointment_slots(asin=ASIN, storeId=STORE, **window))
        expected = [f"{start + number * HOUR:%Y-%m-%dT%H:%M:%SZ}" for number in range(200 * 24)]
        assert [slot.start_time for slot in slots] == expected
        by_job = await settle(services.iter_appointment_slots_by_job_id(server.order(), **window))
        assert by_job == slots

    async def test_capacity_pages(self, services: Client, server: RunningServer) -> None:
        """80 days are three pages of 35 at most, which join."""
        start = server.hour(0)
        window: dict[str, Any] = {"startDateTime": start, "endDateTime": start + timedelta(days=80)}
        pages = await settle(services.iter_range_slot_capacity(ANN, **window))
        runs = [slot for page in pages for slot in page.capacities[0].slots]
        assert len(pages) == 3
        assert all(one.end_date_time == next_.start_date_time for one, next_ in pairwise(runs))
        fixed = await settle(services.iter_fixed_slot_capacity(ANN, **window, slotDuration=360))
        assert sum(len(page.capacities) for page in fixed) == 80 * 4

    async def test_empty(self, services: Client) -> None:
        """No job, one page, nothing."""
        assert await settle(services.iter_service_jobs(createdAfter="2035-01-01T00:00:00Z")) == []


# What the server refuses whatever it holds: (method, ids, arguments). J and A stand for a job and its appointment.
TIME = {"startTime": "2030-01-01T10:00:00Z"}
WINDOW = {"startDateTime": "2030-01-01T00:00:00Z", "endDateTime": "2030-01-02T00:00:00Z"}
BREAK = {"type": "BREAK", "availability": {"startTime": "2030-01-01T10:00:00Z", "endTime": "2030-01-01T11:00:00Z"}}
REFUSED: list[tuple[str, tuple[str, ...], dict[str, Any]]] = [
    ("get_service_job_by_service_job_id", ("x" * 101,), {}),
    ("cancel_service_job_by_service_job_id", ("J",), {"cancellationReasonCode": ""}),
    ("cancel_service_job_by_service_job_id", ("J",), {"cancellationReasonCode": "lower case"}),
    ("get_service_jobs", (), {}),
    ("get_service_jobs", (), {"createdAfter": "yesterday"}),
    ("get_service_jobs", (), {"createdAfter": "2026-01-01T00:00:00Z", "lastUpdatedAfter": "2026-01-01T00:00:00Z"}),
    ("get_service_jobs", (), {"createdAfter": "2026-01-01T00:00:00Z", "createdBefore": "2025-01-01T00:00:00Z"}),
    ("get_service_jobs", (), {"createdAfter": "2026-01-01T00:00:00Z", "pageSize": 21, "asins": ["short"]}),
    ("get_service_jobs", (), {"createdAfter": "2026-01-01T00:00:00Z", "serviceJobStatus": ["DONE"]}),
    ("get_service_jobs", (), {"createdAfter": "2026-01-01T00:00:00Z", "storeIds": ["s"] * 51}),
    ("get_service_jobs", (), {"createdAfter": "2026-01-01T00:00:00Z", "marketplaceIds": ["A", "B"]}),
    ("add_appointment_for_service_job_by_service_job_id", ("J",), {}),
    ("add_appointment_for_service_job_by_service_job_id", ("J",), {"appointmentTime": {}}),
    ("add_appointment_for_service_job_by_service_job_id", ("J",), {"appointmentTime": {"startTime": "soon"}}),
    (
        "add_appointment_for_service_job_by_service_job_id",
        ("J",),
        {"appointmentTime": {"startTime": "2030-01-01T10:00:00+01:00"}},
    ),
    (
        "add_appointment_for_service_job_by_service_job_id",
        ("J",),
        {"appointmentTime": {**TIME, "durationInMinutes": "sixty"}},
    ),
    (
        "add_appointment_for_service_job_by_service_job_id",
        ("J",),
        {"appointmentTime": {**TIME, "durationInMinutes": 0}},
    ),
    ("reschedule_appointment_for_service_job_by_service_job_id", ("J", "A"), {"appointmentTime": TIME}),
    ("reschedule_appointment_for_service_job_by_service_job_id", ("J", "A"), {}),
    ("assign_appointment_resources", ("J", "A"), {}),
    ("assign_appointment_resources", ("J", "A"), {"resources": []}),
    ("assign_appointment_resources", ("J", "A"), {"resources": [{"resourceId": 5}]}),
    ("set_appointment_fulfillment_data", ("J", "A"), {}),
    ("set_appointment_fulfillment_data", ("J", "A"), {"fulfillmentTime": {}}),
    ("set_appointment_fulfillment_data", ("J", "A"), {"fulfillmentTime": {"startTime": "2026-01-01T10:00:00Z"}}),
    (
        "set_appointment_fulfillment_data",
        ("J", "A"),
        {
            "fulfillmentTime": {"startTime": "2026-01-01T10:00:00Z", "endTime": "2026-01-01T09:00:00Z"},
            "estimatedArrivalTime": {"startTime": "2026-01-01T10:00:00Z", "endTime": "later"},
        },
    ),
    (
        "set_appointment_fulfillment_data",
        ("J", "A"),
        {"fulfillmentTime": {"startTime": "2026-01-01T10:00:00+01", "endTime": "2026-01-01T11:00:00Z"}},
    ),
    ("get_range_slot_capacity", (STORE,), {}),
    ("get_range_slot_capacity", (STORE,), {**WINDOW, "capacityTypes": ["ALL"]}),
    ("get_range_slot_capacity", (STORE,), {**WINDOW, "nextPageToken": "nonsense"}),
    ("get_range_slot_capacity", (STORE,), {**WINDOW, "endDateTime": "2029-01-01T00:00:00Z"}),
    ("get_fixed_slot_capacity", (STORE,), {**WINDOW, "slotDuration": 7}),
    ("update_schedule", (STORE,), {}),
    ("update_schedule", (STORE,), {"schedules": []}),
    ("update_schedule", (STORE,), {"schedules": [BREAK["availability"]] * 1001}),
    ("create_reservation", (), {"reservation": BREAK}),
    ("create_reservation", (), {"resourceId": ANN}),
    ("create_reservation", (), {"resourceId": ANN, "reservation": {**BREAK, "type": "NAP"}}),
    ("update_reservation", ("r",), {"resourceId": ANN, "reservation": {"type": "BREAK", "availability": {}}}),
    ("cancel_reservation", ("r" * 101,), {}),
    ("get_appointment_slots", (), {"asin": "", "storeId": STORE}),
    ("get_appointment_slots", (), {"asin": ASIN, "storeId": STORE, "startTime": "2030-01-01T00:00:00Z"}),
    ("get_appointmment_slots_by_job_id", ("J",), {"endTime": "x"}),
    (
        "get_appointmment_slots_by_job_id",
        ("J",),
        {"startTime": "2030-01-01T00:00:00Z", "endTime": "2030-06-01T00:00:00Z"},
    ),
    ("create_service_document_upload_destination", (), {"contentLength": 5}),
    ("create_service_document_upload_destination", (), {"contentType": "DOCX", "contentLength": 5}),
    ("create_service_document_upload_destination", (), {"contentType": "PDF", "contentLength": 9e9, "contentMD5": "x"}),
]


class TestRefusedHere:
    """What the client refuses is what the server would, in the same words."""

    async def test_every_operation(self) -> None:
        """There is a case for each but completing, which has nothing but an id."""
        tested = {method for method, _, _ in REFUSED}
        assert {one.name for one in OPERATIONS} - tested == {"complete_service_job_by_service_job_id"}

    async def test_same_words(self, services: Any, server: RunningServer, hours: Iterator[datetime]) -> None:
        """Status, codes, messages and details of each, from here and from there."""
        job_id, appointment_id = await booked(services, server, next(hours))
        known = {"J": job_id, "A": appointment_id}
        for method, ids, given in REFUSED:
            told = []
            for validate in (True, False):
                services.validate = validate
                services._account._buckets.clear()
                with pytest.raises(SellingApiException) as refused:
                    await settle(getattr(services, method)(*(known.get(one, one) for one in ids), **given))
                assert refused.value.is_local == validate, (method, given)
                assert (refused.value.request_id is None) == validate
                told.append((type(refused.value), refused.value.status, refused.value.error))
            assert told[0] == told[1], (method, given)

    async def test_missing_ids(self, services: Any) -> None:
        """An empty id would be another path."""
        for id in ("", None):
            with pytest.raises(SellingApiException, match="serviceJobId"):
                await settle(services.get_service_job_by_service_job_id(id))


class TestRefusedThere:
    """What only the server can know."""

    async def test_exceptions(self, services: Any, server: RunningServer) -> None:
        """Status, code, message, details and request id."""
        with pytest.raises(SellingApiNotFoundException) as unknown:
            await settle(services.get_service_job_by_service_job_id("no thing?"))
        assert (unknown.value.status, unknown.value.code, unknown.value.amzn_code) == (404, 404, "NotFound")
        assert unknown.value.message == "No job exists with jobId : no thing?"
        assert unknown.value.headers is not None
        assert unknown.value.request_id == unknown.value.headers["x-amzn-RequestId"]
        with pytest.raises(SellingApiUnprocessableException):
            await settle(services.complete_service_job_by_service_job_id(server.order()))
        with pytest.raises(SellingApiForbiddenException) as denied:
            await settle(
                services.get_service_jobs(createdAfter="2026-01-01T00:00:00Z", marketplaceIds="A2EUQ1WTGCTBG2")
            )
        assert denied.value.amzn_code == "UnauthorizedAction"

    async def test_bare_errors(self, services: Any, server: RunningServer, hours: Iterator[datetime]) -> None:
        """setAppointmentFulfillmentData answers errors as a bare array: they are raised like all others."""
        job_id, appointment_id = await booked(services, server, next(hours))
        documents = [{"uploadDestinationId": "none", "contentSha256": "x="}]
        with pytest.raises(SellingApiUnprocessableException) as refused:
            await settle(
                services.set_appointment_fulfillment_data(
                    job_id, appointment_id, fulfillmentDocuments=documents, appointmentResources=[{"resourceId": "zoe"}]
                )
            )
        assert len(refused.value.error) == 2
        assert "does not exist or is deleted" in str(refused.value.message)

    async def test_errors_in_a_success(self, services: Any) -> None:
        """An unknown resource is a 200 with errors, and an exception."""
        with pytest.raises(SellingApiException) as refused:
            await settle(services.update_schedule("nothing", schedules=[BREAK["availability"]]))
        assert (refused.value.status, refused.value.code) == (200, 999)
        assert refused.value.message == "Invalid request parameters: [resourceId]"

    async def test_errors_in_a_record(self, services: Any) -> None:
        """A record with errors inside a success is an answer: the others were applied."""
        told = await settle(services.update_schedule(STORE, schedules=[{"startTime": "2030-01-01T10:00:00Z"}]))
        assert [one.code for one in told.typed[0].errors] == ["InvalidInput"]


class TestInProcess:
    """The same application without a socket, on a day of last spring."""

    @pytest.fixture
    async def small(self, migrated_sqlite: Path, tmp_path: Path) -> Any:
        import shutil

        from fieldserve.store import engine

        path = shutil.copyfile(migrated_sqlite, tmp_path / "f.db")
        database = await engine.connect(f"sqlite:///{path}", durable=False)
        async with a_world(database, tmp_path / "data") as world:
            yield world
        await database.close()

    async def test_booking(self, small: World) -> None:
        """A token, a slot, an appointment; nothing of it depends on the clock of the caller."""
        operator = Caller("", actor="test")
        made = await create_application(small.context, operator, name="App", redirect_uris=[], scopes=[])
        granted = await authorize_application(
            small.context, operator, made.application.application_id, seller_id=SELLER
        )
        secret = {
            "lwa_app_id": made.application.client_id,
            "lwa_client_secret": made.client_secret,
            "refresh_token": granted.refresh_token,
        }
        base = "http://127.0.0.1"
        services = AsyncServices(credentials=secret, endpoint=base, token_endpoint=f"{base}/auth/o2/token")
        transport = httpx2.ASGITransport(app=create_app(small.context))
        services._http.open = lambda proxy: transport  # type: ignore[method-assign]
        job_id = await small.order()
        slots = (await services.get_appointment_slots_by_job_id(job_id)).typed
        free = next(slot for slot in slots.appointment_slots if slot.capacity)
        booked = await services.add_appointment_for_service_job_by_service_job_id(
            job_id, appointmentTime={"startTime": free.start_time}
        )
        found = await services.get_service_job_by_service_job_id(job_id)
        appointments = found.typed.appointments or []
        assert [one.appointment_id for one in appointments] == [booked.typed.appointment_id]

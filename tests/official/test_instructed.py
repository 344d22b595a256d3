"""What the suites that official SDKs bring for this API do, against the sandbox: tell it how to answer, call, and look.

Each operation is called through the official SDK as its suite calls it, once for every status that the API has: the
answer must arrive as the model's type, or as the SDK's exception with the model's errors.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from spapi import SPAPIClient, SPAPIConfig
from spapi.api.services_v1.service_api import ServiceApi
from spapi.models import services_v1 as models
from spapi.rest import ApiException

from fieldserve.testing import ServicesApi, running_services_api
from fieldserve.wire.operations import OPERATIONS

STATUSES = (400, 403, 404, 413, 415, 422, 429, 500, 503)
NOW, LATER = datetime(2027, 3, 1, 17, tzinfo=UTC), datetime(2027, 3, 1, 18, tzinfo=UTC)
US = ["ATVPDKIKX0DER"]
RECORD = models.AvailabilityRecord(NOW, LATER)
TIME = models.AppointmentTimeInput(start_time=NOW)
RESERVATION = models.Reservation(type="BREAK", availability=RECORD)

# Arguments of each operation, by its name in the SDK: ones that pass what the SDK checks before it sends.
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "get_service_job_by_service_job_id": ("job",),
    "cancel_service_job_by_service_job_id": ("job", "V1"),
    "complete_service_job_by_service_job_id": ("job",),
    "get_service_jobs": (US,),
    "add_appointment_for_service_job_by_service_job_id": ("job", models.AddAppointmentRequest(TIME)),
    "reschedule_appointment_for_service_job_by_service_job_id": (
        "job",
        "appointment",
        models.RescheduleAppointmentRequest(TIME, "R1"),
    ),
    "assign_appointment_resources": ("job", "appointment", models.AssignAppointmentResourcesRequest([])),
    "set_appointment_fulfillment_data": ("job", "appointment", models.SetAppointmentFulfillmentDataRequest()),
    "get_range_slot_capacity": ("resource", US, models.RangeSlotCapacityQuery(None, NOW, LATER)),
    "get_fixed_slot_capacity": ("resource", US, models.FixedSlotCapacityQuery(None, None, NOW, LATER)),
    "update_schedule": ("resource", US, models.UpdateScheduleRequest([RECORD])),
    "create_reservation": (US, models.CreateReservationRequest("resource", RESERVATION)),
    "update_reservation": ("reservation", US, models.UpdateReservationRequest("resource", RESERVATION)),
    "cancel_reservation": ("reservation", US),
    "get_appointmment_slots_by_job_id": ("job", US),
    "get_appointment_slots": ("B0MOUNTING", "store", US),
    "create_service_document_upload_destination": (models.ServiceUploadDocument("PDF", 1024, "0" * 22 + "=="),),
}


@pytest.fixture(scope="module")
def backend() -> Iterator[ServicesApi]:
    with running_services_api(socket=True) as api:
        yield api


@pytest.fixture(scope="module")
def api(backend: ServicesApi) -> ServiceApi:
    account = backend.accounts[0]
    config = SPAPIConfig(account.client_id, account.client_secret, account.refresh_token, region="NA")
    client = SPAPIClient(config, oauth_endpoint=backend.token_endpoint, endpoint=backend.endpoint)
    return ServiceApi(client.api_client)


def instruct(backend: ServicesApi, operation: str, status: int) -> None:
    """What the suites do before each call."""
    answer = httpx2.post(f"{backend.endpoint}/response/services-{operation}/code/{status}")
    assert answer.status_code == 204, answer.text


def call_of(api: ServiceApi, name: str) -> Callable[[], Any]:
    """The call that tells status and headers, too."""
    call = getattr(api, f"{name}_with_http_info")
    return lambda: call(*ARGUMENTS[name])


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.id)
def test_success(api: ServiceApi, backend: ServicesApi, operation: Any) -> None:
    """The published example arrives as the model's type."""
    instruct(backend, operation.id, operation.success)
    told = call_of(api, operation.name)()
    assert told[1] == operation.success
    if operation.success != 204:
        assert told[0].to_dict()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.id)
def test_refusals(api: ServiceApi, backend: ServicesApi, operation: Any) -> None:
    """Each refusal arrives as the SDK's exception, whatever was sent, and only once."""
    for status in STATUSES:
        instruct(backend, operation.id, status)
        with pytest.raises(ApiException) as refused:
            call_of(api, operation.name)()
        assert refused.value.status == status
        assert refused.value.body
    assert backend._sandbox.faults.waiting == []

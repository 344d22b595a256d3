"""Service jobs on the wire: the job's document, its listing, and the requests that read, cancel and complete one."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from fieldserve.wire.appointments import Appointment, AppointmentTime
from fieldserve.wire.errors import Fault, Says
from fieldserve.wire.parameters import Parameter, ParameterFault
from fieldserve.wire.parts import Part
from fieldserve.wire.times import Instant, TimeFault, parse

JobStatus = Literal[
    "NOT_SERVICED",
    "CANCELLED",
    "COMPLETED",
    "PENDING_SCHEDULE",
    "NOT_FULFILLABLE",
    "HOLD",
    "PAYMENT_DECLINED",
]
JOB_STATUSES: tuple[JobStatus, ...] = (
    "NOT_SERVICED",
    "CANCELLED",
    "COMPLETED",
    "PENDING_SCHEDULE",
    "NOT_FULFILLABLE",
    "HOLD",
    "PAYMENT_DECLINED",
)
ServiceLocationType = Literal["IN_HOME", "IN_STORE", "ONLINE"]
ItemStatus = Literal["ACTIVE", "CANCELLED", "SHIPPED", "DELIVERED"]


class ScopeOfWork(Part):
    asin: str | None = None
    title: str | None = None
    quantity: int | None = None
    required_skills: list[str] | None = None


class Seller(Part):
    seller_id: str | None = None


class ServiceJobProvider(Part):
    service_job_provider_id: str | None = None


class Buyer(Part):
    buyer_id: str | None = None
    name: str | None = None
    phone: str | None = None
    is_prime_member: bool | None = None


class Address(Part):
    name: str
    address_line1: str
    address_line2: str | None = None
    address_line3: str | None = None
    city: str | None = None
    county: str | None = None
    district: str | None = None
    state_or_region: str | None = None
    postal_code: str | None = None
    country_code: str | None = None
    phone: str | None = None


class ServiceLocation(Part):
    service_location_type: ServiceLocationType | None = None
    address: Address | None = None


class ItemDeliveryPromise(Part):
    start_time: str | None = None
    end_time: str | None = None


class ItemDelivery(Part):
    estimated_delivery_date: str | None = None
    item_delivery_promise: ItemDeliveryPromise | None = None


class LinkedAsset(Part):
    asset_type: str | None = None
    asset_name: str | None = None
    additional_attributes: dict[str, str] | None = None


class AssociatedItem(Part):
    asin: str | None = None
    title: str | None = None
    quantity: int | None = None
    order_id: str | None = None
    item_status: ItemStatus | None = None
    brand_name: str | None = None
    item_delivery: ItemDelivery | None = None
    linked_assets: list[LinkedAsset] | None = None


class MoneyAmount(Part):
    """An amount in major units of an ISO 4217 currency: a JSON number, read and written digit for digit."""

    value: Decimal
    currency: str


class Payment(Part):
    amount: MoneyAmount | None = None
    instrument: str | None = None


class ServiceJob(Part):
    """The document of a job, as getServiceJob answers it."""

    create_time: str | None = None
    service_job_id: str | None = None
    service_job_status: JobStatus | None = None
    scope_of_work: ScopeOfWork | None = None
    seller: Seller | None = None
    service_job_provider: ServiceJobProvider | None = None
    preferred_appointment_times: list[AppointmentTime] | None = None
    appointments: list[Appointment] | None = None
    service_order_id: str | None = None
    product_order_ids: list[str] | None = None
    tracking_ids: list[str] | None = None
    marketplace_id: str | None = None
    store_id: str | None = None
    buyer: Buyer | None = None
    associated_items: list[AssociatedItem] | None = None
    service_location: ServiceLocation | None = None
    payments: list[Payment] | None = None


class JobListing(Part):
    total_result_size: int | None = None
    next_page_token: str | None = None
    previous_page_token: str | None = None
    jobs: list[ServiceJob] | None = None


class GetServiceJobByServiceJobIdResponse(Part):
    payload: ServiceJob | None = None
    errors: list[Fault] | None = None


class GetServiceJobsResponse(Part):
    payload: JobListing | None = None
    errors: list[Fault] | None = None


class CancelServiceJobByServiceJobIdResponse(Part):
    errors: list[Fault] | None = None


class CompleteServiceJobByServiceJobIdResponse(Part):
    errors: list[Fault] | None = None


# ---- what the operations answer when they refuse

JOB_NOT_FOUND = Says(404, "NotFound", "No job exists with jobId : {job_id}", "the seller has no such job")
JOBS_INVALID_INPUT = Says(
    400, "InvalidInput", "Invalid Input", "a parameter is missing or malformed; details say which and why"
)
CANCEL_JOB_NOT_FOUND = Says(422, "InvalidInput", "Job not found for jobId {job_id}", "the seller has no such job")
CANCEL_NOT_ALLOWED = Says(
    422,
    "InvalidInput",
    "Job with jobId {job_id} and jobStatus {status} cannot be cancelled",
    "the job is in a state that cannot be cancelled",
)
CANCEL_REASON = Says(
    422,
    "InvalidInput",
    "Received invalid input reason code {reason_code} for jobId {job_id}",
    "the reason code is none of the configured ones",
)
COMPLETE_JOB_NOT_FOUND = CANCEL_JOB_NOT_FOUND
OPERATION_NOT_ALLOWED = Says(
    422,
    "InvalidInput",
    "Operation not allowed on job with jobId : {job_id} and jobState : {status}",
    "the job's state does not allow it",
)

# ---- requests

SERVICE_JOB_ID = Parameter("serviceJobId", "path", required=True, min_length=1, max_length=100, says="the job")
MARKETPLACE_IDS = Parameter(
    "marketplaceIds", "query", "array", required=True, max_items=1, says="the marketplace, exactly one"
)

_IDS = r"^[0-9\-]+$"
LISTING_PARAMETERS = (
    Parameter("serviceOrderIds", "query", "array", pattern=_IDS, min_items=1, max_items=20, says="service orders"),
    Parameter("productOrderIds", "query", "array", pattern=_IDS, min_items=1, max_items=20, says="product orders"),
    Parameter(
        "trackingIds",
        "query",
        "array",
        pattern=r"^[A-Za-z0-9\-]+$",
        min_items=1,
        max_items=20,
        says="tracking ids",
    ),
    Parameter("serviceJobStatus", "query", "array", choices=JOB_STATUSES, says="states of the job"),
    Parameter("pageToken", "query", says="nextPageToken or previousPageToken of an earlier answer"),
    Parameter("pageSize", "query", "integer", minimum=1, maximum=20, default=20, says="jobs per page"),
    Parameter("sortField", "query", choices=("JOB_DATE", "JOB_STATUS"), says="what to sort by; JOB_DATE if absent"),
    Parameter("sortOrder", "query", choices=("ASC", "DESC"), says="ASC if absent"),
    Parameter("createdAfter", "query", says="created at or after this time"),
    Parameter("createdBefore", "query", says="created at or before this time"),
    Parameter("lastUpdatedAfter", "query", says="changed at or after this time"),
    Parameter("lastUpdatedBefore", "query", says="changed at or before this time"),
    Parameter("scheduleStartDate", "query", says="with an appointment at or after this time"),
    Parameter("scheduleEndDate", "query", says="with an appointment at or before this time"),
    MARKETPLACE_IDS,
    Parameter(
        "asins",
        "query",
        "array",
        min_length=10,
        max_length=10,
        min_items=1,
        max_items=20,
        says="ASINs of the service",
    ),
    Parameter(
        "requiredSkills",
        "query",
        "array",
        min_length=1,
        max_length=50,
        min_items=1,
        max_items=20,
        says="any of these",
    ),
    Parameter("storeIds", "query", "array", min_length=1, max_length=100, min_items=1, max_items=50, says="stores"),
)
CANCELLATION_REASON_CODE = Parameter(
    "cancellationReasonCode",
    "query",
    required=True,
    min_length=1,
    max_length=100,
    pattern="^[A-Z0-9_]*$",
    says="why, one of the configured codes",
)


@dataclass(frozen=True, slots=True)
class GetServiceJobs:
    """The listing's filters, times as instants. Absent filters are empty or None."""

    marketplace_id: str
    service_order_ids: tuple[str, ...] = ()
    product_order_ids: tuple[str, ...] = ()
    tracking_ids: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    asins: tuple[str, ...] = ()
    required_skills: tuple[str, ...] = ()
    store_ids: tuple[str, ...] = ()
    created_after: Instant | None = None
    created_before: Instant | None = None
    last_updated_after: Instant | None = None
    last_updated_before: Instant | None = None
    schedule_start: Instant | None = None
    schedule_end: Instant | None = None
    sort_field: str = "JOB_DATE"
    sort_order: str = "ASC"
    page_size: int = 20
    page_token: str | None = None


_TIMES = (
    "createdAfter",
    "createdBefore",
    "lastUpdatedAfter",
    "lastUpdatedBefore",
    "scheduleStartDate",
    "scheduleEndDate",
)


def read_listing(values: dict[str, Any]) -> tuple[GetServiceJobs | None, list[ParameterFault]]:
    """The listing's request from its parameters' values; the faults are those of times and of their combination."""
    times, faults = _times(values)
    if not faults:
        faults = _combination_faults(values, times)
    if faults:
        return None, faults
    return (
        GetServiceJobs(
            marketplace_id=values["marketplaceIds"][0],
            service_order_ids=values.get("serviceOrderIds", ()),
            product_order_ids=values.get("productOrderIds", ()),
            tracking_ids=values.get("trackingIds", ()),
            statuses=values.get("serviceJobStatus", ()),
            asins=values.get("asins", ()),
            required_skills=values.get("requiredSkills", ()),
            store_ids=values.get("storeIds", ()),
            created_after=times.get("createdAfter"),
            created_before=times.get("createdBefore"),
            last_updated_after=times.get("lastUpdatedAfter"),
            last_updated_before=times.get("lastUpdatedBefore"),
            schedule_start=times.get("scheduleStartDate"),
            schedule_end=times.get("scheduleEndDate"),
            sort_field=values.get("sortField", "JOB_DATE"),
            sort_order=values.get("sortOrder", "ASC"),
            page_size=values["pageSize"],
            page_token=values.get("pageToken"),
        ),
        [],
    )


def _times(values: dict[str, Any]) -> tuple[dict[str, Instant], list[ParameterFault]]:
    times: dict[str, Instant] = {}
    faults: list[ParameterFault] = []
    for name in _TIMES:
        if name not in values:
            continue
        try:
            times[name] = parse(values[name])
        except TimeFault:
            faults.append(ParameterFault(name, f"{name} is not a valid ISO 8601 date and time"))
    return times, faults


def _combination_faults(values: dict[str, Any], times: dict[str, Instant]) -> list[ParameterFault]:
    faults = []
    if ("createdAfter" in times) == ("lastUpdatedAfter" in times):
        faults.append(ParameterFault("createdAfter", "exactly one of createdAfter and lastUpdatedAfter is required"))
    for after, before in zip(_TIMES[::2], _TIMES[1::2], strict=True):
        if after in times and before in times and times[before] < times[after]:
            faults.append(ParameterFault(before, f"{before} is earlier than {after}"))
    return faults

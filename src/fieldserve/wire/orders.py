"""Orders on the wire: what a buyer wants done, from which a service job is made."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from msgspec import Meta

from fieldserve.wire import jobs
from fieldserve.wire.appointments import LONGEST_APPOINTMENT_MINUTES, AppointmentTime
from fieldserve.wire.errors import Says
from fieldserve.wire.jobs import JobStatus, ServiceLocationType
from fieldserve.wire.limits import Asin, Ask, Id, JobId, Latitude, Longitude, Name, Reason, position_faults
from fieldserve.wire.parameters import Parameter, ParameterFault
from fieldserve.wire.parts import Part
from fieldserve.wire.times import TimeFault, parse, render

_END = r"$(?!\n)"
ProductOrderId = Annotated[str, Meta(min_length=5, max_length=20, pattern=r"^[0-9-]+" + _END)]
TrackingId = Annotated[str, Meta(min_length=1, max_length=50, pattern=r"^[A-Za-z0-9-]+" + _END)]
BuyerId = Annotated[str, Meta(min_length=1, max_length=50, pattern=r"^[A-Z0-9]+" + _END)]
ProviderId = Annotated[str, Meta(min_length=1, max_length=50, pattern=r"^[A-Z0-9]+" + _END)]
Text = Annotated[str, Meta(min_length=1, max_length=200)]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}" + _END)]

_LARGEST_AMOUNT = Decimal(10) ** 12
_MOST_DECIMALS = 4


class OrderBuyer(Ask):
    name: Name
    buyer_id: BuyerId | None = None
    phone: Annotated[str, Meta(min_length=1, max_length=50)] | None = None
    is_prime_member: bool = False


class OrderAddress(Ask):
    name: Text
    address_line1: Text
    address_line2: Text | None = None
    address_line3: Text | None = None
    city: Text | None = None
    county: Text | None = None
    district: Text | None = None
    state_or_region: Text | None = None
    postal_code: Text | None = None
    country_code: Annotated[str, Meta(pattern=r"^[A-Z]{2}" + _END)] | None = None
    phone: Annotated[str, Meta(min_length=1, max_length=50)] | None = None


class OrderLocation(Ask):
    """Where the work is to be done; its type is the service's if absent."""

    service_location_type: ServiceLocationType | None = None
    address: OrderAddress | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None


class PreferredTime(Ask):
    start_time: str
    duration_in_minutes: Annotated[int, Meta(ge=1, le=LONGEST_APPOINTMENT_MINUTES)]


class OrderAmount(Ask):
    """An amount in major units of an ISO 4217 currency, at most four decimals."""

    value: Decimal
    currency: Currency


class OrderPayment(Ask):
    amount: OrderAmount
    instrument: Annotated[str, Meta(min_length=1, max_length=50)] | None = None


class PlaceOrder(Ask):
    """An order for one service job. The same `serviceJobId` twice is refused, so that an order can be sent again."""

    store_id: Id
    asin: Asin
    buyer: OrderBuyer
    service_job_id: JobId | None = None
    service_order_id: ProductOrderId | None = None
    service_job_provider_id: ProviderId | None = None
    quantity: Annotated[int, Meta(ge=1, le=1000)] = 1
    service_location: OrderLocation | None = None
    preferred_appointment_times: Annotated[tuple[PreferredTime, ...], Meta(max_length=10)] = ()
    associated_items: Annotated[tuple[jobs.AssociatedItem, ...], Meta(max_length=100)] = ()
    payments: Annotated[tuple[OrderPayment, ...], Meta(max_length=20)] = ()
    product_order_ids: Annotated[tuple[ProductOrderId, ...], Meta(max_length=100)] = ()
    tracking_ids: Annotated[tuple[TrackingId, ...], Meta(max_length=100)] = ()


class PlacedOrder(Part):
    service_job_id: str
    service_order_id: str
    service_job_status: JobStatus


class JobDeed(Ask):
    """Why an operator changes a job. `causedBy` is who wanted it, in the event log."""

    reason: Reason | None = None
    caused_by: Literal["BUYER", "SELLER", "OPERATOR"] | None = None


class JobChange(Part):
    """A job after an operator's deed, and the appointment that it cost."""

    service_job_id: str
    service_job_status: JobStatus
    cancelled_appointment_id: str | None = None


class OperatorJobListing(Part):
    """A page, oldest jobs first; `next` is there where more follow."""

    jobs: list[jobs.ServiceJob]
    next: str | None = None


SERVICE_JOB_ID = Parameter("serviceJobId", "path", required=True, min_length=1, max_length=63, says="the job")
STATUSES = Parameter("status", "query", "array", choices=jobs.JOB_STATUSES, says="states of the job")
OF_STORE = Parameter("storeId", "query", min_length=1, max_length=100, says="jobs of this store only")

JOB_EXISTS = Says(409, "Conflict", "There is already a job {job_id}.", "the id is taken")
DEED_NOT_ALLOWED = Says(
    409,
    "Conflict",
    "Operation {deed} is not allowed on job {job_id} in state {status}; it is allowed in {allowed}.",
    "the job is in another state",
)


def order_faults(order: PlaceOrder) -> list[ParameterFault]:
    """What types alone do not tell about an order."""
    faults: list[ParameterFault] = []
    if order.service_location is not None:
        for fault in position_faults(order.service_location.latitude, order.service_location.longitude):
            faults.append(ParameterFault(f"serviceLocation.{fault.name}", fault.reason))
    for rank, preferred in enumerate(order.preferred_appointment_times):
        name = f"preferredAppointmentTimes[{rank}].startTime"
        try:
            parse(preferred.start_time)
        except TimeFault:
            faults.append(ParameterFault(name, f"{name} is not a valid ISO 8601 date and time"))
    for rank, payment in enumerate(order.payments):
        name = f"payments[{rank}].amount.value"
        if not _is_amount(payment.amount.value):
            faults.append(
                ParameterFault(
                    name, f"{name} must be from 0 to {_LARGEST_AMOUNT:f} with at most {_MOST_DECIMALS} decimals"
                )
            )
    return faults


def _is_amount(value: Decimal) -> bool:
    if not value.is_finite() or not 0 <= value <= _LARGEST_AMOUNT:
        return False
    exponent = value.as_tuple().exponent
    return not value.is_signed() and isinstance(exponent, int) and -_MOST_DECIMALS <= exponent <= 12


def job_details(
    order: PlaceOrder,
    *,
    seller_id: str,
    title: str,
    skills: list[str],
    location_type: ServiceLocationType,
    buyer_id: str,
) -> jobs.ServiceJob:
    """What of the job's document the order alone decides."""
    location = order.service_location or OrderLocation()
    buyer = order.buyer
    return jobs.ServiceJob(
        scope_of_work=jobs.ScopeOfWork(order.asin, title, order.quantity, skills or None),
        seller=jobs.Seller(seller_id),
        service_job_provider=jobs.ServiceJobProvider(order.service_job_provider_id or seller_id),
        preferred_appointment_times=preferred_times(order) or None,
        product_order_ids=list(order.product_order_ids) or None,
        tracking_ids=list(order.tracking_ids) or None,
        buyer=jobs.Buyer(buyer_id, buyer.name, buyer.phone, buyer.is_prime_member),
        associated_items=list(order.associated_items) or None,
        service_location=jobs.ServiceLocation(
            location.service_location_type or location_type,
            None if location.address is None else _address(location.address),
        ),
        payments=[
            jobs.Payment(jobs.MoneyAmount(one.amount.value, one.amount.currency), one.instrument)
            for one in order.payments
        ]
        or None,
    )


def preferred_times(order: PlaceOrder) -> list[AppointmentTime]:
    """The preferred times, in UTC."""
    return [
        AppointmentTime(render(parse(one.start_time)), one.duration_in_minutes)
        for one in order.preferred_appointment_times
    ]


def _address(address: OrderAddress) -> jobs.Address:
    members: dict[str, Any] = {name: getattr(address, name) for name in address.__struct_fields__}
    return jobs.Address(**members)

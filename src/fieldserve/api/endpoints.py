"""Which function answers which operation."""

from fieldserve.api import appointments, capacity, documents, fulfillment, jobs, reservations, schedules, slots
from fieldserve.api.edge import Endpoint
from fieldserve.wire.operations import OPERATIONS

ENDPOINTS: dict[str, Endpoint] = {
    **jobs.ENDPOINTS,
    **appointments.ENDPOINTS,
    **fulfillment.ENDPOINTS,
    **capacity.ENDPOINTS,
    **schedules.ENDPOINTS,
    **reservations.ENDPOINTS,
    **slots.ENDPOINTS,
    **documents.ENDPOINTS,
}

if missing := {operation.id for operation in OPERATIONS} - ENDPOINTS.keys():
    raise RuntimeError(f"no endpoint answers {', '.join(sorted(missing))}")

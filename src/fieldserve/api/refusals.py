"""What a caller is told when something goes wrong, in one place for every edge; and what only the log is told."""

import logging

from starlette.requests import ClientDisconnect

from fieldserve.store.engine import Unavailable
from fieldserve.wire import errors
from fieldserve.wire.errors import ApiError

log = logging.getLogger("fieldserve.requests")


def refusal_of(fault: Exception, request_id: str) -> ApiError | None:
    """The refusal that an exception ends in; None where nobody is there to read one.

    What a database says names hosts and users, and a defect is nobody's business: both go to the log under the
    request's id."""
    match fault:
        case ApiError():
            return fault
        case ClientDisconnect():
            return None
        case Unavailable():
            log.error("database away: %s (request %s)", fault, request_id)
            return errors.SERVICE_UNAVAILABLE.error()
        case _:
            log.error("a defect (request %s)", request_id, exc_info=fault)
            return errors.INTERNAL_FAILURE.error()

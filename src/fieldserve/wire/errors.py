"""Errors as the API says them.

    ApiError(status, faults)        what an operation raises and the edge answers
      made by Says.error(...)       one entry of the catalogue: status, code, message, and when it is said

Every text that the API can answer is a `Says` below or in the file of its resource, and every operation lists its own
in `operations.py`; the documentation and the tests read those lists, so no error is answered that nobody listed.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec


class Fault(msgspec.Struct, omit_defaults=True, frozen=True, rename="camel"):
    """One error of an answer."""

    code: str
    message: str
    details: str | None = None


class Warn(msgspec.Struct, omit_defaults=True, rename="camel", frozen=True):
    """One warning of an answer that succeeded."""

    code: str
    message: str
    details: str | None = None


class ApiError(Exception):
    """An answer that is no success: its HTTP status and its errors, in order; `says` is its entry, if one alone."""

    def __init__(self, status: int, faults: Iterable[Fault], says: "Says | None" = None):
        self.status = status
        self.faults = tuple(faults)
        self.says = says
        super().__init__(f"{status}: " + "; ".join(f"{fault.code}: {fault.message}" for fault in self.faults))


@dataclass(frozen=True, slots=True)
class Says:
    """An entry of the catalogue. `message` is a template of `str.format`; `when` is for the documentation."""

    status: int
    code: str
    message: str
    when: str

    def fault(self, details: str | None = None, /, **values: object) -> Fault:
        return Fault(self.code, self.message.format(**values), details)

    def error(self, details: str | None = None, /, **values: object) -> ApiError:
        return ApiError(self.status, (self.fault(details, **values),), self)


# Said by every operation.
UNAUTHORIZED = Says(
    403,
    "Unauthorized",
    "Access to requested resource is denied.",
    "the access token is missing, malformed, expired or revoked, or its application lacks the role",
)
UNAUTHORIZED_ACTION = Says(
    403,
    "UnauthorizedAction",
    "Not authorized to access this resource. Please check your input again.",
    "the seller's own, but outside what this authorization was granted: a marketplace or a store",
)
MISSING_OR_INVALID = Says(
    400,
    "InvalidInput",
    "Missing or invalid request parameters: [{names}]",
    "a parameter or a field of the body is missing or malformed; details say which and why",
)
BODY_TOO_LARGE = Says(413, "RequestTooLarge", "The request body is larger than {limit} bytes.", "the body is too large")
WRONG_CONTENT_TYPE = Says(
    415,
    "UnsupportedMediaType",
    "Content-Type must be application/json.",
    "an operation with a body got another type",
)
QUOTA_EXCEEDED = Says(
    429,
    "QuotaExceeded",
    "You exceeded your quota for the requested resource.",
    "the usage plan's bucket of this application, seller and operation is empty",
)
INTERNAL_FAILURE = Says(
    500, "InternalFailure", "We encountered an internal error. Please try again.", "a defect of the server"
)
SERVICE_UNAVAILABLE = Says(
    503,
    "ServiceUnavailable",
    "The service is temporarily unavailable. Please try again.",
    "the database is away",
)
NO_SUCH_PATH = Says(404, "NotFound", "No operation answers {method} {path}.", "the path is none of the API's")
METHOD_NOT_ALLOWED = Says(
    405,
    "MethodNotAllowed",
    "{path} does not answer {method}; it answers {allowed}.",
    "the path takes other methods",
)

# Said before anybody looks which operation a request is for.
AMBIGUOUS_LENGTH = Says(
    400,
    "InvalidInput",
    "A request has either Content-Length or Transfer-Encoding, once.",
    "the length of the body is told twice",
)
BODY_TOO_SLOW = Says(408, "RequestTimeout", "The request body came too slowly.", "the body trickles in")
ENCODED_BODY = Says(
    415, "UnsupportedMediaType", "Content-Encoding is not supported; send the body as it is.", "the body is compressed"
)
HEADERS_TOO_LARGE = Says(
    431, "RequestHeaderFieldsTooLarge", "The request headers are too large.", "the headers have more than 32 KiB"
)
OF_ANY_REQUEST = (AMBIGUOUS_LENGTH, BODY_TOO_SLOW, ENCODED_BODY, HEADERS_TOO_LARGE)

EVERYWHERE = (
    UNAUTHORIZED,
    UNAUTHORIZED_ACTION,
    MISSING_OR_INVALID,
    QUOTA_EXCEEDED,
    INTERNAL_FAILURE,
    SERVICE_UNAVAILABLE,
)
WITH_BODY = (BODY_TOO_LARGE, WRONG_CONTENT_TYPE)

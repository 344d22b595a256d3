"""What the client raises, under the names that python-amazon-sp-api uses.

SellingApiException                          any refusal, and what has no class of its own
  SellingApiBadRequestException              400
  SellingApiForbiddenException               403
  SellingApiNotFoundException                404
  SellingApiStateConflictException           409
  SellingApiTooLargeException                413
  SellingApiUnsupportedFormatException       415
  SellingApiUnprocessableException           422, which python-amazon-sp-api does not tell apart
  SellingApiRequestThrottledException        429
  SellingApiServerException                  500
  SellingApiTemporarilyUnavailableException  503
  SellingApiGatewayTimeoutException          504
  SellingApiConnectionException              no answer came
    SellingApiTimeoutException               … in time
AuthorizationError                           the token endpoint refused
MissingCredentials, MissingScopeException    nothing was sent
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fieldserve.wire.errors import Fault


class SellingApiException(Exception):
    """A request that was refused.

    `status` is the answer's HTTP status, 0 where no answer came. `code` is the class's HTTP status, as
    python-amazon-sp-api has it (999 for this class); the API's own code is `amzn_code`. `message` and `details` are
    those of the first error, `error` is the list of all, `request_id` what the server's log knows it by. Where the
    client itself refused the request, `is_local` is true, and there is no request id."""

    code: int = 999
    is_local = False

    def __init__(
        self, error: Sequence[Mapping[str, Any]], headers: Mapping[str, str] | None = None, status: int | None = None
    ):
        self.error = list(error)
        self.headers = headers
        self.status = self.code if status is None else status
        first: Mapping[str, Any] = self.error[0] if self.error else {}
        self.amzn_code: str | None = first.get("code")
        self.message: str | None = first.get("message")
        self.details: str | None = first.get("details")
        self.request_id: str | None = (headers or {}).get("x-amzn-RequestId")
        super().__init__(self.error, headers)

    def __str__(self) -> str:
        told = "; ".join(_told(one) for one in self.error) or "no reason was given"
        request = f" (request {self.request_id})" if self.request_id else ""
        return f"{self.status or 'no answer'}: {told}{request}"

    def __reduce__(self) -> Any:
        headers = None if self.headers is None else dict(self.headers)
        return type(self), (self.error, headers, self.status)


def _told(error: Mapping[str, Any]) -> str:
    details = error.get("details")
    return f"{error.get('code')}: {error.get('message')}" + (f" {details}" if details else "")


class SellingApiBadRequestException(SellingApiException):
    """400: a parameter is missing or malformed."""

    code = 400


class SellingApiForbiddenException(SellingApiException):
    """403: the token, the role or the authorization does not allow it."""

    code = 403


class SellingApiNotFoundException(SellingApiException):
    """404: there is no such thing."""

    code = 404


class SellingApiStateConflictException(SellingApiException):
    """409: it does not go with the state of the thing."""

    code = 409


class SellingApiTooLargeException(SellingApiException):
    """413: the request is too large."""

    code = 413


class SellingApiUnsupportedFormatException(SellingApiException):
    """415: the request is in a format that is not taken."""

    code = 415


class SellingApiUnprocessableException(SellingApiException):
    """422: well formed, and against a rule: most refusals of this API."""

    code = 422


class SellingApiRequestThrottledException(SellingApiException):
    """429: more requests than the usage plan allows."""

    code = 429


class SellingApiServerException(SellingApiException):
    """500: a defect of the server."""

    code = 500


class SellingApiTemporarilyUnavailableException(SellingApiException):
    """503: overloaded, or away for a while."""

    code = 503


class SellingApiGatewayTimeoutException(SellingApiException):
    """504: what stands before the server got no answer from it."""

    code = 504


class SellingApiConnectionException(SellingApiException):
    """No answer came. Of a write nobody knows whether it was carried out; `__cause__` says what went wrong."""

    code = 0


class SellingApiTimeoutException(SellingApiConnectionException):
    """No answer came in time."""


class AuthorizationError(Exception):
    """The token endpoint refused: its `error_code`, `message` and `status_code`."""

    def __init__(self, error_code: str | None, error_msg: str | None, status_code: int):
        self.error_code = error_code
        self.message = error_msg
        self.status_code = status_code
        super().__init__(error_code, error_msg, status_code)

    def __str__(self) -> str:
        return f"{self.status_code} {self.error_code}: {self.message}"


class MissingCredentials(Exception):
    """No provider of credentials had a client id and a client secret."""


class MissingScopeException(Exception):
    """A token without a seller was asked for, and no scope to ask it for."""


_BY_STATUS: dict[int, type[SellingApiException]] = {
    one.code: one
    for one in (
        SellingApiBadRequestException,
        SellingApiForbiddenException,
        SellingApiNotFoundException,
        SellingApiStateConflictException,
        SellingApiTooLargeException,
        SellingApiUnsupportedFormatException,
        SellingApiUnprocessableException,
        SellingApiRequestThrottledException,
        SellingApiServerException,
        SellingApiTemporarilyUnavailableException,
        SellingApiGatewayTimeoutException,
    )
}


def get_exception_for_code(code: int) -> type[SellingApiException]:
    """The class of an HTTP status."""
    return _BY_STATUS.get(code, SellingApiException)


def refused(status: int, errors: Sequence[Mapping[str, Any]], headers: Mapping[str, str] | None) -> SellingApiException:
    """The exception of an answer."""
    return get_exception_for_code(status)(errors, headers, status)


def refused_here(status: int, faults: Sequence[Fault]) -> SellingApiException:
    """The exception of a request that is not sent, since the server would answer it so."""
    errors: list[dict[str, Any]] = []
    for fault in faults:
        error = {"code": fault.code, "message": fault.message}
        errors.append(error | ({"details": fault.details} if fault.details else {}))
    exception = refused(status, errors, None)
    exception.is_local = True
    return exception


def no_answer(fault: Exception, timed_out: bool) -> SellingApiConnectionException:
    """The exception of a request that got no answer. The fault's own words name no header and no body."""
    kind = SellingApiTimeoutException if timed_out else SellingApiConnectionException
    return kind([{"code": type(fault).__name__, "message": str(fault) or "no answer came"}])

"""What an operation answered: as python-amazon-sp-api gives it, and typed.

An answer is decoded when somebody looks at it: whoever reads typed values does not pay for dictionaries as well.
"""

import pprint
from collections.abc import Mapping
from functools import cache
from typing import Any, Generic, TypeVar, cast

import msgspec

from fieldserve.client.exceptions import refused
from fieldserve.wire.appointments import AssignmentWarnings
from fieldserve.wire.errors import Fault, Warn
from fieldserve.wire.operations import Operation
from fieldserve.wire.parts import Part

T = TypeVar("T")

_NOT_YET: Any = object()


class UpdatedScheduleRecord(Part):
    """A record that updateSchedule has something to say about; `availability` is as it was sent."""

    availability: dict[str, Any] | None = None
    warnings: list[Warn] | None = None
    errors: list[Fault] | None = None


class _UpdateScheduleAnswer(Part):
    payload: list[UpdatedScheduleRecord] | None = None


class ApiResponse(Generic[T]):
    """An answer.

    payload      what it holds, as plain dicts and lists; without an envelope, all its members
    typed        the same as msgspec structs. Raises msgspec.ValidationError where it is not of the model's shape
    content      its bytes
    headers      of the answer, looked up without regard to case
    rate_limit   x-amzn-RateLimit-Limit, as the text that it is
    next_token   the token of the next page
    pagination, errors, kwargs    members beside the payload

    `response("jobs")` and `response.jobs` are members of the payload, None where it has no such member."""

    def __init__(
        self,
        payload: Any = None,
        errors: Any = None,
        pagination: Any = None,
        headers: Mapping[str, str] | None = None,
        nextToken: str | None = None,
        **kwargs: Any,
    ):
        self._content = b""
        self._operation: Operation | None = None
        self._typed: Any = _NOT_YET
        self.headers: Mapping[str, str] = {} if headers is None else headers
        members = {"payload": payload, "errors": errors, "pagination": pagination, "nextToken": nextToken}
        self._members: Any = {name: value for name, value in members.items() if value is not None} | kwargs

    @classmethod
    def of(cls, operation: Operation, status: int, headers: Mapping[str, str], content: bytes) -> "ApiResponse[Any]":
        """The answer of an operation. Raises SellingApiException if it is a refusal."""
        # Where the name of the member is not found there is no such member; from the end it is found missing sooner.
        if status >= 300 or content.rfind(b'"errors"') >= 0:
            errors = errors_of(content)
            if status >= 300 or errors:
                raise refused(status, errors, headers)
        response = cls(headers=headers)
        response._content = content
        response._operation = operation
        response._members = _NOT_YET
        return response

    def _all(self) -> dict[str, Any]:
        if self._members is _NOT_YET:
            found = msgspec.json.decode(self._content) if self._content else {}
            if isinstance(found, list):
                found = {"payload": found}
            if not self._content and self._operation is not None and self._operation.method == "DELETE":
                found = {"status_code": self._operation.success}
            self._members = found
        return cast(dict[str, Any], self._members)

    @property
    def content(self) -> bytes:
        """The bytes that came, for whoever keeps an answer as it is."""
        return self._content

    @property
    def kwargs(self) -> dict[str, Any]:
        """The members of the answer that are none of the named ones."""
        apart = ("payload", "errors", "pagination", "nextToken")
        return {name: value for name, value in self._all().items() if name not in apart}

    @property
    def payload(self) -> Any:
        """What the answer holds, as plain dicts and lists."""
        return self._all().get("payload") or self.kwargs

    @property
    def errors(self) -> Any:
        """None: an answer with errors is raised."""
        return self._all().get("errors")

    @property
    def pagination(self) -> Any:
        """The member `pagination`."""
        return self._all().get("pagination")

    @property
    def next_token(self) -> str | None:
        """The token of the next page, None on the last."""
        # Looked for in the typed values where those are there, so that turning pages decodes an answer once.
        if self._typed is not _NOT_YET:
            return getattr(self._typed, "next_page_token", None)
        payload, members = self.payload, self._all()
        if not isinstance(payload, Mapping):
            payload = {}
        for held in (payload.get("pagination"), members.get("pagination")):
            if isinstance(held, Mapping) and held.get("nextToken"):
                return str(held["nextToken"])
        named = (payload.get(name) for name in ("nextPageToken", "NextToken", "nextToken"))
        token = members.get("nextToken") or next(filter(None, named), None)
        return None if token is None else str(token)

    @property
    def rate_limit(self) -> str | None:
        """The rate that the caller has for this operation, in requests a second."""
        return self.headers.get("x-amzn-RateLimit-Limit")

    @property
    def request_id(self) -> str | None:
        """What the server's log knows the request by."""
        return self.headers.get("x-amzn-RequestId")

    @property
    def typed(self) -> T:
        """The payload as msgspec structs; None where the operation answers no content."""
        if self._typed is _NOT_YET:
            if self._operation is None:
                raise TypeError("an ApiResponse that was not answered by an operation has no type")
            self._typed = _typed(self._operation, self._content)
        return cast(T, self._typed)

    def __call__(self, item: str | None = None, **kwargs: Any) -> Any:
        return self.payload.get(item) if item else self.payload

    def __getattr__(self, item: str) -> Any:
        if item.startswith("_"):  # what copying and pickling look for is no member of a payload
            raise AttributeError(item)
        payload = self.payload
        if not isinstance(payload, Mapping):
            raise AttributeError(f"the payload is a list, and has no member {item!r}")
        return payload.get(item)

    def __str__(self) -> str:
        payload = self.payload
        if isinstance(payload, dict) and "encryptionDetails" in payload:
            payload = payload | {"url": "…", "encryptionDetails": "…"}
        return pprint.pformat({"payload": payload, "headers": dict(self.headers)})

    def __repr__(self) -> str:  # payloads hold people's names
        return f"<ApiResponse {self._operation.id if self._operation else 'of no operation'}>"


def _typed(operation: Operation, content: bytes) -> Any:
    if operation.answer is None:
        return None
    answer = _decoder(operation.id, operation.answer).decode(content or b"{}")
    if not hasattr(answer, "payload"):
        return answer
    if answer.payload is not None:
        return answer.payload
    if operation.id in _WHERE_EMPTY:
        return _WHERE_EMPTY[operation.id]()
    raise msgspec.ValidationError(f"the answer of {operation.id} has no payload")


# Success without a warning is an answer without a payload.
_WHERE_EMPTY: dict[str, Any] = {"updateSchedule": list, "assignAppointmentResources": AssignmentWarnings}


@cache
def _decoder(operation_id: str, shape: Any) -> msgspec.json.Decoder[Any]:
    # The server's own shape also takes a record that it made, which would make two readings of one object.
    return msgspec.json.Decoder(_UpdateScheduleAnswer if operation_id == "updateSchedule" else shape)


def errors_of(content: bytes) -> list[dict[str, Any]]:
    """The errors that an answer tells, under `errors` or bare; empty where there are none or it is no JSON."""
    try:
        found = msgspec.json.decode(content) if content else {}
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []
    if isinstance(found, dict):
        found = found.get("errors") or []
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []

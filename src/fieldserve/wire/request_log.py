"""The request log on the wire: what is kept of a request and its answer, and what is masked before anything is.

Only what the table of operations knows is kept as it was sent: values under unknown names may be anything, a buyer's
address or a token, and are masked. Of answers everything is kept but secrets and what tells who somebody is, so that
nothing in the log has to be erased later.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Literal, get_args
from urllib.parse import unquote_plus

import msgspec

from fieldserve.wire.errors import Says
from fieldserve.wire.operations import OPERATIONS, Operation
from fieldserve.wire.parameters import Parameter
from fieldserve.wire.parts import Part

MASK = "…"
TOKEN = "token"  # noqa: S105 (the name of the endpoint)
RESTRICTED = "createRestrictedDataToken"
UNKNOWN_PATH = "unknown-path"

LARGEST_BODY = 65_536
"""Bytes of a body or an answer that are kept; of a larger one nothing is."""

Severity = Literal["error", "warning", "note"]


class Finding(Part):
    """Something that a request should do otherwise. `place` is `path/…`, `query/…`, `header/…`, `body/…` (a JSON
    pointer), or `request` where it is about the whole; `requestIds` are those that show it together."""

    code: str
    severity: Severity
    place: str
    message: str
    send: str | None = None
    request_ids: list[str] | None = None


class RequestRecord(Part):
    """A request and its answer, masked. `query`, `headers`, `body` and `answer` are absent where only the metadata was
    kept; `bodyFault` says why a body is absent that there was. `rate` and `burst` are the caller's usage plan."""

    sequence: int
    request_id: str
    at: str
    operation_id: str
    method: str
    path: str
    status: int
    milliseconds: float
    seller_id: str | None = None
    application_id: str | None = None
    service_job_id: str | None = None
    rate: float | None = None
    burst: int | None = None
    query: str | None = None
    headers: dict[str, str] | None = None
    body: Any = None
    body_fault: str | None = None
    answer: Any = None
    findings: list[Finding] | None = None


class RequestListing(Part):
    """A page, newest first. `next` is there where older ones follow: give it as `before`."""

    requests: list[RequestRecord]
    next: int | None = None


class LintReport(Part):
    """What was found in so many requests; `codes` counts the findings by code."""

    requests: int
    codes: dict[str, int]
    findings: list[Finding]


class Replay(Part):
    """The request again, as a command and as a program; secrets come from environment variables."""

    curl: str
    python: str


NO_REQUEST = Says(404, "NotFound", "No request {request_id} is in the request log.", "the log has no such request")

REQUEST_ID = Parameter(
    "requestId", "path", required=True, min_length=1, max_length=100, says="the `x-amzn-RequestId` of its answer"
)
_FILTERS = (
    Parameter("sellerId", "query", max_length=20, says="requests for this seller only"),
    Parameter("applicationId", "query", max_length=100, says="requests of this application only"),
    Parameter("operationId", "query", max_length=100, says="of this operation only, or `token`"),
    Parameter("status", "query", pattern="^[1-5][0-9x]{2}$", says="answered with this status, such as `429` or `4xx`"),
    Parameter("serviceJobId", "query", max_length=100, says="about this job only"),
    Parameter("since", "query", says="answered at or after this time"),
    Parameter("until", "query", says="answered before this time"),
    Parameter("text", "query", min_length=1, max_length=200, says="with this text in path, query, body or answer"),
    Parameter("findings", "query", choices=("true", "false"), says="only with findings of lint, or only without"),
)
REQUEST_FILTERS = (
    *_FILTERS,
    Parameter("requestId", "query", max_length=100, says="the request with this id only"),
    Parameter("before", "query", "integer", minimum=1, maximum=10**18 - 1, says="`next` of the page before"),
    Parameter("limit", "query", "integer", minimum=1, maximum=500, default=50, says="requests per page"),
)
LINT_FILTERS = (
    *_FILTERS,
    Parameter("limit", "query", "integer", minimum=1, maximum=5000, default=1000, says="how many requests to look at"),
)

# ---- what is known of an operation


def normal(name: str) -> str:
    """The name without case, separators, indexes and brackets: `marketplace_ids`, `MarketplaceIds[0]` are one."""
    return re.sub(r"[^a-z]", "", name.lower().replace("[", ".").split(".")[0])


def meant(operation: Operation, name: str) -> Parameter | None:
    """The parameter that a name stands for, be it spelt another way."""
    wanted = normal(name)
    for one in operation.parameters:
        known = normal(one.name)
        if wanted in (known, known.removesuffix("s"), known + "list", known.removesuffix("s") + "list"):
            return one
    return None


@lru_cache(maxsize=64)
def member_names(shape: Any) -> frozenset[str]:
    """Every member that a body of that shape may have, at any depth."""
    found: set[str] = set()
    for struct in structs(shape):
        for field in msgspec.structs.fields(struct):
            found.add(field.encode_name)
            found |= member_names(field.type)
    return frozenset(found)


def structs(shape: Any) -> list[type[msgspec.Struct]]:
    """The structs in a type: itself, of its list, of its union."""
    if isinstance(shape, type) and issubclass(shape, msgspec.Struct):
        return [shape]
    return [struct for one in get_args(shape) for struct in structs(one)]


def path_values(operation: Operation, path: str) -> dict[str, str]:
    """The values of the path's parameters, as they were sent."""
    names, texts = operation.path.split("/"), path.split("/")
    return {
        name[1:-1]: unquote_plus(text.replace("+", "%2B"))
        for name, text in zip(names, texts, strict=False)
        if name.startswith("{")
    }


# ---- masking

HEADERS_KEPT = ("user-agent", "content-type", "accept", "content-length", "transfer-encoding", "x-amz-date")
"""Headers that are kept as they are; of those that authorize only how."""
_AUTHORIZES = ("authorization", "x-amz-access-token")

# Members of answers. Names are those of people: nothing else of this API has one.
PERSONAL = frozenset(
    {
        "name",
        "phone",
        "addressLine1",
        "addressLine2",
        "addressLine3",
        "city",
        "county",
        "district",
        "stateOrRegion",
        "postalCode",
        "countryCode",
        "linkedAssets",
    }
)
SECRET = frozenset(
    {
        "access_token",
        "refresh_token",
        "client_secret",
        "code",
        "assertion",
        "restrictedDataToken",
        "url",
        "key",
        "initializationVector",
        "encryptionDetails",
    }
)
# In errors `code` is no secret, and the token endpoint's form has no errors.
_ANSWER = PERSONAL | (SECRET - {"code"})

_FORM = frozenset({"grant_type", "client_id", "scope", "redirect_uri"})
_NAME = re.compile(r"[A-Za-z0-9_.\[\]-]{1,64}")
_WORDS = frozenset(part for one in OPERATIONS for part in one.path.split("/") if part and not part.startswith("{"))


def mask_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers that say how a request was made, and none that says who by."""
    kept: dict[str, str] = {}
    for raw, value in headers:
        name, text = raw.decode("latin-1").lower(), value.decode("latin-1")
        if name in HEADERS_KEPT:
            kept[name] = text[:500]
        elif name in _AUTHORIZES:
            scheme, space, _ = text.partition(" ")
            kept[name] = f"{scheme} {MASK}" if space and re.fullmatch(r"[A-Za-z0-9-]{1,20}", scheme) else MASK
    return kept


def mask_query(operation: Operation | None, query: str) -> str:
    """The query with only those values that the operation knows."""
    if operation is None or not query:
        return ""
    known = member_names(operation.body) if operation.body is not None else frozenset()
    parts = []
    for pair in query.split("&"):
        raw, _, value = pair.partition("=")
        name = unquote_plus(raw)
        kept = name if _NAME.fullmatch(name) else MASK
        is_known = meant(operation, name) is not None or name in known
        parts.append(f"{kept}={value[:2000] if is_known else MASK}")
    return "&".join(parts)


def mask_path(path: str) -> str:
    """A path that is none of the API's: with the words that it shares with those that are."""
    return "/".join(part if part in _WORDS or not part else "{…}" for part in path.split("/")[:12])


def mask_body(operation: Operation | None, body: Any) -> Any:
    """The body with only those values that the operation knows."""
    shape = None if operation is None else operation.body
    return _masked(operation, member_names(shape) if shape is not None else frozenset(), body)


def _masked(operation: Operation | None, known: frozenset[str], value: Any) -> Any:
    if isinstance(value, list):
        return [_masked(operation, known, one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for name, one in value.items():
        if name in known or any(normal(name) == normal(other) for other in known):
            kept[name] = _masked(operation, known, one)
        elif operation is not None and meant(operation, name) is not None and not isinstance(one, dict):
            kept[name] = one
        else:
            kept[name if _NAME.fullmatch(name) else MASK] = MASK
    return kept


def mask_form(fields: Mapping[str, str]) -> dict[str, str]:
    """The form of the token endpoint: what it asks by, and no secret."""
    return {name if _NAME.fullmatch(name) else MASK: value if name in _FORM else MASK for name, value in fields.items()}


def mask_answer(value: Any) -> Any:
    """The answer without secrets, and without what tells who somebody is."""
    if isinstance(value, list):
        return [mask_answer(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {name: MASK if name in _ANSWER and one is not None else mask_answer(one) for name, one in value.items()}

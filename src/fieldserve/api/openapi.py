"""The OpenAPI document of all that the server answers, made from the tables that the server itself runs on.

`document()` is a plain JSON value; GET /openapi.json answers it. Its words are the tables' own.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fieldserve import __version__
from fieldserve.wire import documents, tokens
from fieldserve.wire.encoding import encode
from fieldserve.wire.errors import NO_SUCH_PATH, QUOTA_EXCEEDED, SERVICE_UNAVAILABLE, Fault, Says, Warn
from fieldserve.wire.operations import OPERATIONS, Operation
from fieldserve.wire.operator import KEY_HEADER, OPERATOR_ROUTES, OperatorRoute
from fieldserve.wire.parameters import Parameter
from fieldserve.wire.restricted_data import CREATE_RESTRICTED_DATA_TOKEN
from fieldserve.wire.retries import HEADER, KEPT_HOURS, KEY_REUSED
from fieldserve.wire.schedules import AvailabilityRecord, UpdateScheduleResponse

Json = dict[str, Any]

_COMPONENTS = "#/components/schemas/"
_TEXT: Json = {"type": "string"}
_ACCESS_TOKEN: list[Json] = [{"accessToken": []}]
_OPERATOR_KEY: list[Json] = [{"operatorKey": []}, {"operatorKeyHeader": []}]

# The first part of an operation's path after /service/v1 decides where it is listed.
_TAGS_OF_PATHS = {
    "serviceJobs": "Service jobs",
    "serviceResources": "Capacity and schedules",
    "reservation": "Reservations",
    "appointmentSlots": "Appointment slots",
    "documents": "Documents",
}


@lru_cache(maxsize=1)
def document() -> Json:
    """The document. Built once; not to be changed."""
    operations = [*OPERATIONS, CREATE_RESTRICTED_DATA_TOKEN]
    paths: dict[str, Json] = {}
    for path, method, item in (
        *(_operation(one) for one in operations),
        ("/auth/o2/token", "post", _token()),
        *_consent(),
        ("/uploads/{upload_destination_id}", "put", _upload()),
        ("/calendars/{token}.ics", "get", _calendar()),
        *(_operator_route(one) for one in OPERATOR_ROUTES),
        *_server(),
    ):
        paths.setdefault(path, {})[method] = item
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "fieldserve",
            "version": __version__,
            "summary": "An open Services API.",
            "description": (
                "The Services API v1 with state behind it, the token endpoint that admits callers, and the operator API"
                " for what the marketplace's side does. Times are ISO 8601; answers are in UTC."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "this server"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(_tags_in(paths))],
        "paths": paths,
        "components": {
            "responses": _shared(paths),
            "schemas": _schemas([*operations, *OPERATOR_ROUTES]),
            "headers": _HEADERS,
            "securitySchemes": _SECURITY,
        },
    }


# Not http.HTTPStatus's phrases, which differ between versions of Python.
_NAMES = {
    "400": "BadRequest",
    "401": "Unauthorized",
    "403": "Forbidden",
    "404": "NotFound",
    "409": "Conflict",
    "413": "TooLarge",
    "415": "UnsupportedMediaType",
    "422": "Unprocessable",
    "429": "TooManyRequests",
    "500": "InternalFailure",
    "501": "NotImplemented",
    "503": "Unavailable",
}


def _shared(paths: Mapping[str, Json]) -> Json:
    """Move the refusals that several operations answer alike out of their paths, and name them."""
    places: dict[bytes, list[tuple[Json, str]]] = {}
    for items in paths.values():
        for item in items.values():
            for status, response in item["responses"].items():
                if status >= "4":
                    places.setdefault(encode(response), []).append((item["responses"], status))
    shared: Json = {}
    for found in places.values():
        responses, status = found[0]
        if len(found) > 1:
            phrase = _NAMES.get(status, f"Status{status}")
            rank = sum(name.startswith(phrase) for name in shared)
            name = f"{phrase}{rank + 1}" if rank else phrase
            shared[name] = responses[status]
            for responses, status in found:
                responses[status] = {"$ref": f"#/components/responses/{name}"}
    return shared


def _tags_in(paths: Mapping[str, Json]) -> Iterable[str]:
    return (tag for items in paths.values() for item in items.values() for tag in item["tags"])


_SECURITY: Json = {
    "accessToken": {
        "type": "apiKey",
        "in": "header",
        "name": "x-amz-access-token",
        "description": "An access token from /auth/o2/token, good for an hour, or a restricted data token.",
    },
    "operatorKey": {
        "type": "http",
        "scheme": "bearer",
        "description": "An operator's key, made by `fieldserve` on the command line or by another operator.",
    },
    "operatorKeyHeader": {
        "type": "apiKey",
        "in": "header",
        "name": KEY_HEADER,
        "description": "The same key, where Authorization is taken.",
    },
    "clientCredentials": {
        "type": "http",
        "scheme": "basic",
        "description": "client_id and client_secret, instead of the fields of the form.",
    },
}

_HEADERS: Json = {
    "RequestId": {"description": "The id of this request, as the log and the events have it.", "schema": _TEXT},
    "RateLimit": {"description": "Requests a second that the usage plan allows.", "schema": {"type": "number"}},
}
_REQUEST_ID = {"x-amzn-RequestId": {"$ref": "#/components/headers/RequestId"}}
_RATE_LIMIT = {"x-amzn-RateLimit-Limit": {"$ref": "#/components/headers/RateLimit"}}


# ---- schemas


def _schemas(operations: Iterable[Operation | OperatorRoute]) -> Json:
    types = dict.fromkeys(kind for one in operations for kind in (one.body, one.answer) if kind is not None)
    # Its records are echoed as they came, which is a union that has no schema; see _RECORDS_ECHOED.
    types.pop(UpdateScheduleResponse, None)
    extra = (Fault, Warn, AvailabilityRecord, tokens.TokenAnswer, tokens.TokenFault)
    _, schemas = msgspec.json.schema_components([*types, *extra], ref_template=_COMPONENTS + "{name}")
    schemas |= _RECORDS_ECHOED
    schemas["Errors"] = _object({"errors": _array(_ref("Fault"))}, ["errors"])
    # Their records are read one by one, so that one at fault does not spoil the others.
    schemas["UpdateScheduleRequest"]["properties"]["schedules"] = _array(_ref("AvailabilityRecord"))
    schemas["ReservationInput"]["properties"]["availability"] = _ref("AvailabilityRecord")
    return {name: _tidy(schema) for name, schema in sorted(schemas.items())}


def _ref(name: str) -> Json:
    return {"$ref": _COMPONENTS + name}


def _array(items: Json) -> Json:
    return {"type": "array", "items": items}


def _object(properties: Json, required: list[str]) -> Json:
    return {"type": "object", "properties": properties, "required": required}


_RECORDS_ECHOED: Json = {
    "UpdateScheduleRecord": _object(
        {
            "availability": {
                "description": "The record as it was applied; one with errors as it was sent.",
                "anyOf": [_ref("AvailabilityRecord"), {"type": "object"}],
            },
            "warnings": _array(_ref("Warn")),
            "errors": _array(_ref("Fault")),
        },
        [],
    ),
    "UpdateScheduleResponse": _object(
        {"payload": _array(_ref("UpdateScheduleRecord")), "errors": _array(_ref("Fault"))}, []
    ),
}


def _tidy(schema: Any) -> Any:
    """Decimals are numbers on our wire; `null` for an absent member is taken but nothing to advertise."""
    if isinstance(schema, list):
        return [_tidy(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("format") == "decimal":
        return {**schema, "type": "number"}
    kept = {name: _tidy(value) for name, value in schema.items() if not (name == "default" and value is None)}
    choices = [one for one in kept.get("anyOf", ()) if one != {"type": "null"}]
    if len(choices) == 1 and "default" in schema:
        del kept["anyOf"]
        kept |= choices[0]
    return kept


def _parameter(parameter: Parameter) -> Json:
    described: Json = {"name": parameter.name, "in": parameter.where, "schema": _schema_of(parameter)}
    if parameter.says:
        described["description"] = f"{parameter.says[0].upper()}{parameter.says[1:]}."
    if parameter.required or parameter.where == "path":
        described["required"] = True
    if parameter.kind == "array":
        described |= {"style": "form", "explode": False}
    return described


def _schema_of(parameter: Parameter) -> Json:
    text: Json = {"type": "string"}
    limits = {
        "minLength": parameter.min_length or None,
        "maxLength": parameter.max_length,
        "pattern": parameter.pattern,
        "enum": list(parameter.choices) or None,
    }
    text |= {name: value for name, value in limits.items() if value is not None}
    match parameter.kind:
        case "integer":
            limits = {"minimum": parameter.minimum, "maximum": parameter.maximum, "default": parameter.default}
            return {"type": "integer"} | {name: value for name, value in limits.items() if value is not None}
        case "array":
            counts = {"minItems": parameter.min_items or None, "maxItems": parameter.max_items}
            return _array(text) | {name: value for name, value in counts.items() if value is not None}
    return text


# ---- operations

_IDEMPOTENCY_KEY: Json = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": f"Within {KEPT_HOURS} hours the same request with the same key is done once and answered the same.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}


def _operation(operation: Operation) -> tuple[str, str, Json]:
    noun = operation.path.removeprefix("/service/v1/").split("/")[0]
    faults = _array(_ref("Fault")) if operation.bare_errors else _ref("Errors")
    return (
        operation.path,
        operation.method.lower(),
        {
            "operationId": operation.id,
            "tags": [_TAGS_OF_PATHS.get(noun, "Tokens")],
            "summary": operation.summary,
            "description": f"Usage plan: {operation.rate:g} a second, {operation.burst} at once.",
            "security": _ACCESS_TOKEN,
            **_taken(operation.parameters, operation.body, again=KEY_REUSED in operation.errors),
            "responses": _responses(operation, faults, limited=True),
        },
    )


def _operator_route(route: OperatorRoute) -> tuple[str, str, Json]:
    return (
        route.path,
        route.method.lower(),
        {
            "operationId": route.id,
            "tags": [f"Operator: {route.tag.lower()}"],
            "summary": route.summary,
            "security": _OPERATOR_KEY,
            **_taken(route.parameters, route.body, again=route.changes),
            "responses": _responses(route, _ref("Errors"), limited=False),
        },
    )


def _taken(parameters: tuple[Parameter, ...], body: type[msgspec.Struct] | None, *, again: bool) -> Json:
    taken: Json = {}
    if asked := [*map(_parameter, parameters), *([_IDEMPOTENCY_KEY] if again else [])]:
        taken["parameters"] = asked
    if body is not None:
        taken["requestBody"] = {
            "required": bool(msgspec.json.schema(body)["$defs"][body.__name__].get("required")),
            "content": _json(_ref(body.__name__)),
        }
    return taken


def _responses(one: Operation | OperatorRoute, faults: Json, *, limited: bool) -> Json:
    success = one.success if isinstance(one, Operation) else one.status
    by_status: dict[int, list[Says]] = {}
    for says in one.errors:
        by_status.setdefault(says.status, []).append(says)
    carried = by_status.pop(success, [])
    rate = _RATE_LIMIT if limited else {}
    answered: Json = {"description": _success_text(success, carried), "headers": _REQUEST_ID | rate}
    if one.answer is not None:
        answered["content"] = _json(_ref(one.answer.__name__))
    elif success != 204:
        answered["content"] = _json({"type": "object"})
    responses = {str(success): answered}
    for status, texts in sorted(by_status.items()):
        headers = _REQUEST_ID | (rate if status in (400, 404) else {})
        responses[str(status)] = _error(status, texts, faults, headers)
    return responses


def _success_text(status: int, carried: list[Says]) -> str:
    text = HTTPStatus(status).phrase + "."
    if carried:
        text += " It may carry errors:\n\n" + "\n".join(_line(says) for says in carried)
    return text


def _line(says: Says) -> str:
    return f"- `{says.code}`: {says.message} — {says.when}"


def _error(status: int, texts: list[Says], faults: Json, headers: Json) -> Json:
    bare = faults.get("type") == "array"
    examples = {}
    for number, says in enumerate(texts, 1):
        fault = {"code": says.code, "message": says.message}
        examples[f"{says.code}{number}"] = {"summary": says.when, "value": [fault] if bare else {"errors": [fault]}}
    return {
        "description": "\n".join(_line(says) for says in texts),
        "headers": headers,
        "content": {"application/json": {"schema": faults, "examples": examples}},
    }


def _json(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}


# ---- what is in no table


def _token() -> Json:
    by_status: dict[int, list[tokens.Refuses]] = {}
    for refuses in tokens.CATALOGUE:
        by_status.setdefault(refuses.status, []).append(refuses)
    responses: Json = {
        "200": {"description": "OK.", "headers": _REQUEST_ID, "content": _json(_ref("TokenAnswer"))},
    }
    for status, texts in sorted(by_status.items()):
        responses[str(status)] = {
            "description": "\n".join(f"- `{one.code}`: {one.description} — {one.when}" for one in texts),
            "headers": _REQUEST_ID,
            "content": _json(_ref("TokenFault")),
        }
    fields = {
        "grant_type": {"type": "string", "enum": ["refresh_token", "authorization_code", "client_credentials"]},
        "refresh_token": _TEXT | {"description": "With grant_type refresh_token."},
        "code": _TEXT | {"description": "With grant_type authorization_code: what the consent page handed back."},
        "redirect_uri": _TEXT | {"description": "With grant_type authorization_code: the one that consent led to."},
        "scope": _TEXT | {"description": "With grant_type client_credentials."},
        "client_id": _TEXT,
        "client_secret": _TEXT | {"format": "password"},
    }
    schema = _object(fields, ["grant_type"])
    return {
        "operationId": "getToken",
        "tags": ["Tokens"],
        "summary": "Get an access token.",
        "security": [{"clientCredentials": []}, {}],
        "requestBody": {
            "required": True,
            "content": {
                "application/x-www-form-urlencoded": {"schema": schema},
                "application/json": {"schema": schema},
            },
        },
        "responses": responses,
    }


def _consent() -> list[tuple[str, str, Json]]:
    path, html = "/apps/authorize/consent", {"text/html": {"schema": _TEXT}}
    asked: list[Json] = [
        {"name": name, "in": "query", "required": required, "description": says, "schema": _TEXT}
        for name, required, says in (
            ("application_id", True, "The application that asks."),
            ("state", True, "Handed back as it is."),
            (
                "redirect_uri",
                False,
                "Where the browser is sent back to; may be absent if the application has only one.",
            ),
        )
    ]
    shown = {
        "200": {"description": "The page.", "content": html},
        "400": {"description": "The page says what is wrong; nobody is sent anywhere.", "content": html},
        "503": {"description": "The database is away.", "content": html},
    }
    sent_back = {"303": {"description": "The browser goes on, with a code or an error in the query."}}
    refused = {"403": {"description": "The sign-in code is not good, or the sign-in has ended.", "content": html}}
    form = _object(
        dict.fromkeys(("application_id", "redirect_uri", "state", "form_token", "code"), _TEXT)
        | {"action": {"type": "string", "enum": ["sign_in", "approve", "deny"]}},
        ["application_id", "state", "form_token", "action"],
    )
    body = {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": form}}}
    common = {"tags": ["Tokens"], "security": []}
    return [
        (
            path,
            "get",
            common
            | {"operationId": "showConsent", "summary": "The page on which a seller lets an application act for it."}
            | {"parameters": asked, "responses": shown | sent_back},
        ),
        (
            path,
            "post",
            common
            | {"operationId": "answerConsent", "summary": "What the seller answers on that page."}
            | {"requestBody": body, "responses": sent_back | shown | refused},
        ),
    ]


def _upload() -> Json:
    by_status: dict[int, list[Says]] = {}
    for says in documents.UPLOAD_ERRORS:
        by_status.setdefault(says.status, []).append(says)
    query = [
        {"name": name, "in": "query", "required": True, "schema": _TEXT} for name in ("seller", "expires", "signature")
    ]
    place = {"name": "upload_destination_id", "in": "path", "required": True, "schema": _TEXT}
    etag = {"ETag": {"description": "The MD5 of the bytes.", "schema": _TEXT}}
    return {
        "operationId": "uploadDocument",
        "tags": ["Documents"],
        "summary": "Upload an encrypted document to the URL of createServiceDocumentUploadDestination.",
        "description": "The signed URL is all the authorization there is. Send the headers that came with it.",
        "security": [],
        "parameters": [place, *query],
        "requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {}}}},
        "responses": {
            "200": {"description": "Stored.", "headers": _REQUEST_ID | etag},
            **{
                str(status): _error(status, texts, _ref("Errors"), _REQUEST_ID)
                for status, texts in sorted(by_status.items())
            },
        },
    }


def _calendar() -> Json:
    secret = {"type": "string", "pattern": "^fsc_[A-Za-z0-9_-]{43}$"}
    place = {"name": "token", "in": "path", "required": True, "schema": secret}
    refusals = {404: NO_SUCH_PATH, 429: QUOTA_EXCEEDED, 503: SERVICE_UNAVAILABLE}
    return {
        "operationId": "getCalendar",
        "tags": ["Plans"],
        "summary": "Read a technician's calendar by the secret address of createCalendarFeed.",
        "description": "iCalendar. The address is all the authorization there is.",
        "security": [],
        "parameters": [place],
        "responses": {
            "200": {
                "description": "The calendar.",
                "headers": _REQUEST_ID,
                "content": {"text/calendar": {"schema": _TEXT}},
            },
            **{str(status): _error(status, [says], _ref("Errors"), _REQUEST_ID) for status, says in refusals.items()},
        },
    }


def _server() -> list[tuple[str, str, Json]]:
    status = _object({"status": _TEXT, "reason": _TEXT}, ["status"])
    told: dict[str, tuple[str, str, Json]] = {
        "/healthz": ("getHealth", "Whether the process is up.", _json(status)),
        "/readyz": (
            "getReadiness",
            "Whether the server can serve: its database answers and is migrated.",
            _json(status),
        ),
        "/openapi.json": ("getOpenApi", "This document.", _json({"type": "object"})),
        "/docs": ("getDocs", "A page to read this document on, and to try it.", {"text/html": {"schema": _TEXT}}),
    }
    items: list[tuple[str, str, Json]] = []
    for path, (name, summary, content) in told.items():
        responses = {"200": {"description": "OK.", "content": content}}
        if path == "/readyz":
            responses["503"] = {"description": "Not now; the reason says why.", "content": content}
        item = {"operationId": name, "tags": ["Server"], "summary": summary, "security": [], "responses": responses}
        items.append((path, "get", item))
    return items


def resolved(response: Json) -> Json:
    """A response, or the shared one that it refers to."""
    if "$ref" not in response:
        return response
    shared: Json = document()["components"]["responses"][response["$ref"].rpartition("/")[2]]
    return shared


# What a member of that name may hold, where its schema does not say it.
_EXAMPLES: Json = {
    "addressLine1": "1 Main Street",
    "amount": {"value": 89.90, "currency": "USD"},
    "asin": "B000000001",
    "closes": "17:00",
    "countryCode": "US",
    "currency": "USD",
    "endTime": "2026-01-05T17:00:00Z",
    "latitude": 40.7128,
    "longitude": -74.006,
    "marketplaceId": "ATVPDKIKX0DER",
    "marketplaceIds": ["ATVPDKIKX0DER"],
    "opens": "09:00",
    "roles": ["Professional Services"],
    "startTime": "2026-01-05T09:00:00Z",
    "timeZone": "America/New_York",
    "usagePlan": {"getServiceJobs": {"rate": 5, "burst": 20}},
}


def sample(schema: Json, name: str = "", depth: int = 0) -> Any:
    """A value of that shape to start from: every member once."""
    if name in _EXAMPLES:
        return _EXAMPLES[name]
    if "$ref" in schema:
        return sample(document()["components"]["schemas"][schema["$ref"].removeprefix(_COMPONENTS)], "", depth)
    if schema.get("default"):
        return schema["default"]
    if schema.get("enum"):
        return schema["enum"][0]
    if schema.get("anyOf"):
        return sample(schema["anyOf"][0], "", depth)
    match schema.get("type"):
        case "object":
            members = schema.get("properties", {})
            return {name: sample(member, name, depth + 1) for name, member in members.items()} if depth < 8 else {}
        case "array":
            return [sample(schema["items"], "", depth + 1)] if "items" in schema else []
        case "integer":
            return max(schema.get("minimum", 1), 1)
        case "number":
            return 1.0
        case "boolean":
            return True
    return "string"


async def openapi_json(request: Request) -> Response:
    """GET /openapi.json."""
    return Response(_encoded(), headers={"cache-control": "no-cache"}, media_type="application/json")


@lru_cache(maxsize=1)
def _encoded() -> bytes:
    return encode(document())


ROUTES = [Route("/openapi.json", openapi_json, methods=["GET"])]

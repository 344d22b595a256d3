"""The OpenAPI document: valid, complete, and true."""

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR
from starlette.routing import Route

from fieldserve.api import calendars, consent, explorer, health, openapi, operator, tokens, uploads
from fieldserve.api.openapi import document, resolved, sample
from fieldserve.wire.encoding import encode
from fieldserve.wire.errors import Says
from fieldserve.wire.operations import OPERATIONS
from fieldserve.wire.operator import OPERATOR_ROUTES, OperatorRoute
from tests.desk import ON_ONE_DATABASE, Desk

# Not for callers: what answers paths that are none, and the assets of the page.
UNDOCUMENTED = {"/operator/{path}", "/docs/{name}"}


def as_sent() -> dict[str, Any]:
    """The document as it goes over the wire."""
    value: dict[str, Any] = json.loads(encode(document()))
    return value


def items() -> dict[str, dict[str, Any]]:
    """Every operation by its id."""
    return {item["operationId"]: item for path in document()["paths"].values() for item in path.values()}


def refs(value: Any) -> set[str]:
    """All references inside a value."""
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(refs(one) for one in value.values()))
    return set[str]().union(*(refs(one) for one in value)) if isinstance(value, list) else set()


def test_valid() -> None:
    """It is what OpenAPI 3.1 says a document is; a broken one would be told."""
    value = as_sent()
    OPENAPI_31_VALIDATOR.validate(value)
    value["paths"]["/healthz"]["get"]["responses"] = []
    assert not OPENAPI_31_VALIDATOR.is_valid(value)


def test_schemas_are_schemas() -> None:
    """Every schema is one of JSON Schema, and its patterns are regular expressions."""
    for schema in as_sent()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def test_references_lead_somewhere() -> None:
    """Every reference names a component, and every schema and response is referred to."""
    value = as_sent()
    parts = value["components"]
    known = {f"#/components/{kind}/{name}" for kind in ("schemas", "responses", "headers") for name in parts[kind]}
    assert refs(value) - known == set()
    assert {one for one in known - refs(value) if "/headers/" not in one} == set()


def test_ids_are_unique() -> None:
    """No two operations share an id."""
    assert len(items()) == sum(len(path) for path in document()["paths"].values())


def test_path_parameters() -> None:
    """Each path's parameters are those in its braces, and required."""
    for path, methods in document()["paths"].items():
        for method, item in methods.items():
            declared = [one for one in item.get("parameters", ()) if one["in"] == "path"]
            assert {one["name"] for one in declared} == set(re.findall(r"\{(\w+)\}", path)), (method, path)
            assert all(one["required"] for one in declared)


def test_every_route_is_documented() -> None:
    """What the server answers outside the 17 operations is in the document, and what is in it is answered."""
    modules = (calendars, consent, explorer, health, openapi, operator, tokens, uploads)
    answered: set[tuple[str, str]] = set()
    for route in (route for module in modules for route in module.ROUTES):
        assert isinstance(route, Route)
        path = re.sub(r":\w+\}", "}", route.path)
        if path in UNDOCUMENTED:
            continue
        if path.startswith("/operator/"):
            answered |= {(path, one.method) for one in OPERATOR_ROUTES if one.path == path}
        else:
            answered |= {(path, method) for method in (route.methods or set()) - {"HEAD"}}
    answered |= {(one.path, one.method) for one in OPERATIONS}
    documented = {(path, method.upper()) for path, methods in document()["paths"].items() for method in methods}
    assert documented == answered


@pytest.mark.parametrize("one", [*OPERATIONS, *OPERATOR_ROUTES], ids=lambda one: one.id)
def test_every_text_is_told(one: Any) -> None:
    """Each text that an operation can answer stands under its status, with the case in which it is said."""
    responses = items()[one.id]["responses"]
    for says in one.errors:
        assert isinstance(says, Says)
        description = resolved(responses[str(says.status)])["description"]
        assert says.message in description
        assert says.when in description


@pytest.mark.parametrize("route", [one for one in OPERATOR_ROUTES if one.body], ids=lambda route: route.id)
def test_samples_fit(route: OperatorRoute) -> None:
    """The sample of each body has every member, and fits its schema but for the form of texts."""
    assert route.body is not None
    value = json.loads(encode(sample({"$ref": f"#/components/schemas/{route.body.__name__}"})))
    assert set(value) == set(route.body.__struct_encode_fields__)
    schema = {"$ref": f"#/components/schemas/{route.body.__name__}", "components": as_sent()["components"]}
    faults = Draft202012Validator(schema).iter_errors(value)
    assert [fault.message for fault in faults if fault.validator not in ("pattern", "minLength")] == []


def test_decimals_are_numbers() -> None:
    """Amounts are written as JSON numbers, and so says the document."""
    assert document()["components"]["schemas"]["MoneyAmount"]["properties"]["value"]["type"] == "number"


@ON_ONE_DATABASE
class TestHttp:
    async def test_served(self, desk: Desk) -> None:
        """Anybody may read it, as JSON."""
        answer = await desk.client.get("/openapi.json")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.json() == as_sent()

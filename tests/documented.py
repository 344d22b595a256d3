"""Holds answers against the OpenAPI document: every status is declared, every body is of its schema."""

import re
from functools import lru_cache
from typing import Any

import httpx2
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from fieldserve.api.openapi import document, resolved

_URI = "urn:document"


@lru_cache(maxsize=1)
def _registry() -> Registry[Any]:
    empty: Registry[Any] = Registry()
    registry: Registry[Any] = empty.with_resource(_URI, DRAFT202012.create_resource(document()))
    return registry


@lru_cache(maxsize=1)
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    return [(re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), path) for path in document()["paths"]]


def _absolute(schema: Any) -> Any:
    """The schema with references that lead to the document from wherever it stands."""
    if isinstance(schema, dict):
        return {
            name: _URI + value if name == "$ref" and value.startswith("#") else _absolute(value)
            for name, value in schema.items()
        }
    return [_absolute(one) for one in schema] if isinstance(schema, list) else schema


def check(method: str, url: str, answer: httpx2.Response) -> None:
    """Fail where the document does not know the answer. Paths and methods that are none of the document's pass."""
    path = next((path for pattern, path in _patterns() if pattern.fullmatch(url.partition("?")[0])), None)
    item = document()["paths"].get(path, {}).get(method.lower())
    if item is None:
        assert answer.status_code in (401, 404, 405)
        return
    told = item["responses"].get(str(answer.status_code))
    assert told is not None, f"{item['operationId']} answers an undeclared {answer.status_code}: {answer.text}"
    content = resolved(told).get("content", {}).get("application/json")
    if content is None:
        assert answer.content == b""
    else:
        Draft202012Validator(_absolute(content["schema"]), registry=_registry()).validate(answer.json())

"""The page to read the OpenAPI document on, and to try the operations: /docs.

It is written on the server from the document. What a user pastes into it (tokens, keys) stays in the page's memory; its
one script is our own and sends requests to this server only, which its content security policy enforces.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jinja2
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fieldserve import __version__
from fieldserve.api.openapi import Json, document, resolved, sample
from fieldserve.wire.encoding import encode
from fieldserve.wire.errors import NO_SUCH_PATH

PATH = "/docs"
_ASSETS = {"style.css": "text/css", "script.js": "text/javascript"}
_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"

_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'self'; require-trusted-types-for 'script'",
    "x-content-type-options": "nosniff",
    # The console shows the page within one of its own.
    "x-frame-options": "SAMEORIGIN",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One input of an operation's form."""

    name: str
    where: str
    required: bool
    says: str
    kind: str = "text"
    choices: tuple[str, ...] = ()
    several: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """One status that an operation answers, its texts, and a sample of the content."""

    status: str
    lines: tuple[str, ...]
    content: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """One operation as the page shows it. `can_be_tried` where the page can send it and show what comes back."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    credential: str
    fields: tuple[Field, ...]
    media_type: str
    body: str
    answers: tuple[Told, ...]
    can_be_tried: bool


@lru_cache(maxsize=1)
def groups() -> dict[str, list[Shown]]:
    """The operations by tag, in the document's order."""
    found: dict[str, list[Shown]] = {}
    for path, items in document()["paths"].items():
        for method, item in items.items():
            found.setdefault(item["tags"][0], []).append(_shown(path, method.upper(), item))
    return found


def _shown(path: str, method: str, item: Json) -> Shown:
    content: Json = item.get("requestBody", {}).get("content", {})
    media_type = next(iter(content), "")
    fields = [_field(one, one["in"], one.get("required", False)) for one in item.get("parameters", ())]
    body = ""
    if media_type == _FORM:
        schema = content[_FORM]["schema"]
        for name, member in schema["properties"].items():
            described = {"name": name, "schema": member, "description": member.get("description", "")}
            fields.append(_field(described, "form", name in schema["required"]))
    elif media_type == _JSON:
        body = _pretty(sample(content[_JSON]["schema"]))
    answers = tuple(_told(status, resolved(answer)) for status, answer in item["responses"].items())
    contents = [resolved(answer).get("content", {_JSON: {}}) for answer in item["responses"].values()]
    return Shown(
        item["operationId"],
        method,
        path,
        item["summary"],
        item.get("description", ""),
        _credential(item["security"]),
        tuple(fields),
        media_type,
        body,
        answers,
        all(_JSON in one for one in contents) and media_type in ("", _JSON, _FORM),
    )


def _credential(security: list[Json]) -> str:
    names = {name for one in security for name in one}
    return "access" if "accessToken" in names else "operator" if "operatorKey" in names else ""


def _field(parameter: Json, where: str, required: bool) -> Field:
    schema = parameter["schema"]
    several = schema.get("type") == "array"
    one = schema["items"] if several else schema
    kind = "password" if one.get("format") == "password" else "number" if one.get("type") == "integer" else "text"
    says = parameter.get("description", "")
    choices = tuple(one.get("enum", ()))
    if several:
        says += f" Several are separated by commas{', of ' + ', '.join(choices) if choices else ''}."
    return Field(parameter["name"], where, required, says.strip(), kind, () if several else choices, several)


def _told(status: str, answer: Json) -> Told:
    lines = tuple(line.removeprefix("- ").replace("`", "") for line in answer["description"].splitlines() if line)
    schema = answer.get("content", {}).get(_JSON, {}).get("schema")
    return Told(status, lines, _pretty(sample(schema)) if schema and status < "4" else "")


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


async def show(request: Request) -> Response:
    """GET /docs."""
    return Response(_page(), headers=_HEADERS, media_type="text/html")


async def asset(request: Request) -> Response:
    """GET /docs/style.css and /docs/script.js, and nothing else."""
    name = request.path_params["name"]
    if name not in _ASSETS:
        fault = NO_SUCH_PATH.fault(method="GET", path=request.url.path)
        return Response(encode({"errors": [fault]}), 404, _HEADERS, media_type=_JSON)
    return Response(_source(name), headers=_HEADERS, media_type=_ASSETS[name])


@lru_cache(maxsize=1)
def _page() -> str:
    return _templates().get_template("explorer/page.html").render(groups=groups(), version=__version__, path=PATH)


@lru_cache
def _source(name: str) -> str:
    loader = _templates().loader
    assert loader is not None
    return loader.get_source(_templates(), f"explorer/{name}")[0]


@lru_cache(maxsize=1)
def _templates() -> jinja2.Environment:
    loader = jinja2.PackageLoader("fieldserve.api")
    return jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


ROUTES = [Route(PATH, show, methods=["GET"]), Route(PATH + "/{name}", asset, methods=["GET"])]

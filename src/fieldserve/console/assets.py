"""What the front end was built to: scripts and styles whose names carry a digest, so that browsers keep them for good.

`frontend/` is built when the package is (see hatch_build.py); `static/names.json` says what each file is called now.
"""

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PATH = "/console/static"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2"}


class NotBuilt(Exception):
    """The front end is missing from the package."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent, and compressed where that is worth it."""

    content: bytes
    brotli: bytes | None
    media_type: str


@lru_cache(maxsize=1)
def names() -> dict[str, str]:
    """Source name → the name that it is served by. Raises NotBuilt."""
    index = files("fieldserve.console") / "static" / "names.json"
    if not index.is_file():
        raise NotBuilt("the console's scripts and styles are not built; run `make console`")
    return msgspec.json.decode(index.read_bytes(), type=dict[str, str])


def address(name: str) -> str:
    """The path of an asset, such as `console.css`. Raises NotBuilt, KeyError."""
    return f"{PATH}/{names()[name]}"


@lru_cache(maxsize=100)
def _asset(name: str) -> Asset | None:
    if name not in names().values():
        return None
    folder = files("fieldserve.console") / "static"
    compressed = folder / f"{name}.br"
    suffix = name[name.rindex(".") :]
    return Asset(
        (folder / name).read_bytes(),
        compressed.read_bytes() if compressed.is_file() else None,
        _TYPES.get(suffix, "application/octet-stream"),
    )


def answer(request: Request, name: str, headers: dict[str, str]) -> Response:
    """The asset of that name, compressed for whom that suits; 404 where there is none."""
    asset = _asset(name)
    if asset is None:
        return Response(status_code=404)
    headers = {"x-content-type-options": "nosniff", "vary": "accept-encoding"} | headers
    accepted = {part.partition(";")[0].strip() for part in request.headers.get("accept-encoding", "").split(",")}
    if asset.brotli is not None and "br" in accepted:
        return Response(asset.brotli, headers=headers | {"content-encoding": "br"}, media_type=asset.media_type)
    return Response(asset.content, headers=headers, media_type=asset.media_type)


async def serve(request: Request) -> Response:
    """GET an asset by the name that carries its digest."""
    kept = {"cache-control": "public, max-age=31536000, immutable"}
    return answer(request, request.path_params["name"], kept)


ROUTES = [Route(PATH + "/{name}", serve, methods=["GET"])]

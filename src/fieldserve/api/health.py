"""Whether the process is up, and whether it can serve."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fieldserve.operations.run import Context, read
from fieldserve.store.engine import Unavailable
from fieldserve.store.migrate import current, head
from fieldserve.wire.encoding import encode

_NOT_STORED = {"cache-control": "no-store"}


async def healthz(request: Request) -> Response:
    """GET /healthz: the process answers."""
    return _answer(200, {"status": "ok"})


async def readyz(request: Request) -> Response:
    """GET /readyz: the database answers and has this version's schema, or that of a newer one which is taking over;
    otherwise 503 with the reason."""
    context: Context = request.app.state.context
    try:
        revision = await read(context, current)
    except Unavailable:
        # What the driver says names hosts and users; it is for the log, not for whoever asks.
        return _answer(503, {"status": "unavailable", "reason": "the database does not answer"})
    if revision is None or revision < head():
        reason = f"the database is at revision {revision or 'none'}, this version needs {head()}"
        return _answer(503, {"status": "unavailable", "reason": reason})
    return _answer(200, {"status": "ready"})


def _answer(status: int, value: dict[str, str]) -> Response:
    return Response(encode(value), status, _NOT_STORED, media_type="application/json")


ROUTES = [Route("/healthz", healthz, methods=["GET"]), Route("/readyz", readyz, methods=["GET"])]

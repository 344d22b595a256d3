"""Technicians' calendars: GET /calendars/{secret}.ics. The secret is all that is asked for, and is in no log."""

import logging
import time
import uuid

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fieldserve.api import request_log
from fieldserve.operations.feeds import PATH, calendar_of, known_feed
from fieldserve.operations.run import Context
from fieldserve.store.engine import Unavailable
from fieldserve.wire.encoding import encode
from fieldserve.wire.errors import NO_SUCH_PATH, QUOTA_EXCEEDED, SERVICE_UNAVAILABLE, Says

log = logging.getLogger("fieldserve.requests")

RATE, BURST = 1 / 30, 20
"""Requests a second and at once, for each calendar: those who show it look every few minutes."""


async def calendar(request: Request) -> Response:
    """The calendar; 404 for a secret that is none, or revoked."""
    request_id, started = str(uuid.uuid4()), time.perf_counter()
    whose = "-"
    try:
        context: Context = request.app.state.context
        feed = await known_feed(context, request.path_params["token"])
        if feed is None:
            response = _refusal(NO_SUCH_PATH, method="GET", path=f"{PATH}…")
        else:
            whose = f"calendar:{feed.feed_id}"
            plans = request.app.state.usage_plans
            if await plans.take(whose, feed.seller_id, "getCalendar", RATE, BURST):
                response = Response(await calendar_of(context, feed), media_type="text/calendar; charset=utf-8")
            else:
                response = _refusal(QUOTA_EXCEEDED)
    except Unavailable as fault:
        log.error("database away: %s (request %s)", fault, request_id)
        response = _refusal(SERVICE_UNAVAILABLE)
    response.headers["x-amzn-RequestId"] = request_id
    response.headers["cache-control"] = "private, no-store"
    response.headers["referrer-policy"] = "no-referrer"
    response.headers["x-robots-tag"] = "noindex"
    request_log.note(request_id, whose, "getCalendar", response.status_code, time.perf_counter() - started)
    return response


def _refusal(says: Says, **values: str) -> Response:
    fault = says.fault(**values)
    return Response(encode({"errors": [fault]}), says.status, media_type="application/json")


ROUTES = [Route(PATH + "{token}.ics", calendar, methods=["GET"])]

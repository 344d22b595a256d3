"""What programs asked for this seller: the request log, what lint finds in it, and each request to be sent again.
/console/{seller}/developers/requests

The log is the whole server's; every question put to it here names the seller, so that nothing of others shows.
"""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from starlette.responses import Response

from fieldserve.console.pages import Refused, Visit, page
from fieldserve.console.sheets import MOST_ROWS, sheet
from fieldserve.operations import applications
from fieldserve.operations import request_log as requests
from fieldserve.wire.errors import ApiError
from fieldserve.wire.operations import BY_ID
from fieldserve.wire.replay import replay
from fieldserve.wire.request_log import RESTRICTED, TOKEN, RequestRecord

PAGE = 50
LINTED = 1000
STATUSES = ("2xx", "4xx", "429", "5xx")
OPERATIONS = (*sorted(BY_ID), RESTRICTED, TOKEN)
TABS = (
    ("requests", "Requests"),
    ("lint", "Lint"),
    ("webhooks", "Webhooks"),
    ("applications", "Applications"),
    ("try", "Try the API"),
    ("sandbox", "Sandbox"),
)
TEXTS = (*(title for _, title in TABS), "error", "warning", "note")


def tabs(visit: Visit, here: str) -> list[tuple[str, str, bool]]:
    """The parts of the section: name, address, whether it is the one that is shown."""
    return [(visit.words.text(title), visit.path("developers", path), path == here) for path, title in TABS]


async def home(visit: Visit) -> Response:
    """GET: where the section begins."""
    return visit.go(visit.path("developers", TABS[0][0]))


def _asked(visit: Visit) -> dict[str, str]:
    names = ("q", "operation", "status", "application", "job", "findings", "since", "until")
    return {name: visit.request.query_params.get(name, "").strip() for name in names}


def _wanted(visit: Visit, asked: dict[str, str], limit: int) -> dict[str, Any]:
    """The values of the operation's parameters; what is nothing that can be looked for is left out."""
    given: dict[str, Any] = {
        "text": asked["q"][:200],
        "operationId": asked["operation"] if asked["operation"] in OPERATIONS else "",
        "status": asked["status"] if asked["status"] in STATUSES else "",
        "applicationId": asked["application"],
        "serviceJobId": asked["job"],
        "findings": "true" if asked["findings"] else "",
        "since": f"{asked['since']}Z" if asked["since"] else "",
        "until": f"{asked['until']}Z" if asked["until"] else "",
    }
    before = visit.request.query_params.get("before", "")
    if before.isdecimal() and len(before) < 19:
        given["before"] = int(before)
    return {name: value for name, value in given.items() if value} | {
        "sellerId": visit.caller.seller_id,
        "limit": limit,
    }


async def _programs(visit: Visit) -> dict[str, str]:
    """The names of the programs that may, or once might, act for the seller."""
    found = await applications.applications_of(visit.context, visit.caller.seller_id)
    return {one.application_id: one.name for one in found}


async def show_requests(visit: Visit) -> Response:
    """GET: the newest requests that match; filters stand in the address."""
    asked = _asked(visit)
    fault, found, more = "", [], None
    try:
        listing = await requests.list_requests(visit.context, _wanted(visit, asked, PAGE))
        found, more = listing.requests, listing.next
        # The id of an answer is no text of it; whoever pastes one wants that request.
        if asked["q"] and not found and (one := await _find(visit, asked["q"])) is not None:
            found = [one]
    except ApiError:
        fault = visit.words.text("A time is not one that can be read.")
    return visit.show(
        "requests.html",
        tabs=tabs(visit, "requests"),
        rows=[(one, _worst(one)) for one in found],
        stamp=stamp,
        asked=asked,
        operations=OPERATIONS,
        statuses=STATUSES,
        programs=await _programs(visit),
        next=visit.path("developers", "requests", **asked, before=more) if more else "",
        lint=visit.path("developers", "lint", **asked),
        sheet=visit.path("developers", "requests.csv", **asked),
        fault=fault,
        kept=visit.context.settings.records_requests,
    )


async def download(visit: Visit) -> Response:
    """GET: the requests that match as CSV, the newest first; times in UTC."""
    return sheet("requests", _rows(visit, await _programs(visit)))


async def _rows(visit: Visit, programs: dict[str, str]) -> AsyncIterator[Sequence[str]]:
    yield ("at", "requestId", "operationId", "method", "path", "query", "status", "milliseconds", "application", "lint")
    asked, before = _asked(visit), None
    for _ in range(MOST_ROWS // LINTED):
        wanted = _wanted(visit, asked, LINTED) | ({"before": before} if before else {})
        try:
            listing = await requests.list_requests(visit.context, wanted)
        except ApiError:
            return  # a time that cannot be read, which the page tells
        for one in listing.requests:
            yield (
                one.at,
                one.request_id,
                one.operation_id,
                one.method,
                one.path,
                one.query or "",
                str(one.status),
                str(one.milliseconds),
                programs.get(one.application_id or "", one.application_id or ""),
                " ".join(sorted({finding.code for finding in one.findings or ()})),
            )
        before = listing.next
        if before is None:
            return


def _worst(one: RequestRecord) -> str:
    found = {finding.severity for finding in one.findings or ()}
    return next((severity for severity in ("error", "warning", "note") if severity in found), "")


async def _find(visit: Visit, request_id: str) -> RequestRecord | None:
    """The seller's request with that id."""
    wanted = {"sellerId": visit.caller.seller_id, "requestId": request_id, "limit": 1}
    found = (await requests.list_requests(visit.context, wanted)).requests
    return found[0] if found else None


async def show_request(visit: Visit) -> Response:
    """GET: one request with its answer, what lint finds, and how to send it again."""
    one = await _find(visit, visit.request.path_params["id"])
    if one is None:
        raise Refused(404, "There is no such page.")
    return visit.show(
        "request.html",
        tabs=tabs(visit, "requests"),
        one=one,
        stamp=stamp,
        program=(await _programs(visit)).get(one.application_id or "", one.application_id),
        body=one.body_fault or _pretty(one.body),
        answer=_pretty(one.answer),
        again=replay(one),
    )


def stamp(at: str) -> str:
    """A time of the log, in UTC and to the second, as logs elsewhere write it."""
    return at[:19].replace("T", " ")


def _pretty(value: Any) -> str:
    return "" if value is None else json.dumps(value, indent=2, ensure_ascii=False)


async def show_lint(visit: Visit) -> Response:
    """GET: what is to be mended in the newest requests that match."""
    asked, fault, report = _asked(visit), "", None
    try:
        report = await requests.lint_requests(visit.context, _wanted(visit, asked, LINTED))
    except ApiError:
        fault = visit.words.text("A time is not one that can be read.")
    return visit.show(
        "lint.html",
        tabs=tabs(visit, "lint"),
        report=report,
        asked=asked,
        operations=OPERATIONS,
        programs=await _programs(visit),
        fault=fault,
        kept=visit.context.settings.records_requests,
    )


ROUTES = [
    page("/{seller}/developers", home, "develop"),
    page("/{seller}/developers/requests", show_requests, "develop"),
    page("/{seller}/developers/requests.csv", download, "develop"),
    page("/{seller}/developers/requests/{id}", show_request, "develop"),
    page("/{seller}/developers/lint", show_lint, "develop"),
]

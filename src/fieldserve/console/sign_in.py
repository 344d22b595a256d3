"""Signing in: /console/sign-in, and out of it again."""

import logging
import secrets

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fieldserve.console.pages import (
    PREFIX,
    Refused,
    Visit,
    carried,
    carry,
    clear_session,
    csrf_token,
    is_csrf_token,
    is_same_site,
    landing,
    open_page,
    page,
    read_form,
    redirect,
    refused,
    session_token,
    set_session,
)
from fieldserve.operations import sessions, single_sign_on
from fieldserve.operations.run import Context, read
from fieldserve.store import sellers
from fieldserve.store.engine import Unavailable

log = logging.getLogger("fieldserve.console")

PATH = f"{PREFIX}/sign-in"
TEXTS = single_sign_on.TEXTS
_SAYS = {
    "wrong": "Name, password or code is wrong.",
    "wait": "Too many attempts. Wait a little, then try again.",
    "code": "",
}
_AWAY = "The service is temporarily unavailable. Please try again."
_OUT_OF_DATE = "This page is out of date. Load it again, and repeat what you did."


async def show(request: Request) -> Response:
    """GET: the form, or the page wanted, for who is signed in already."""
    context: Context = request.app.state.context
    wanted = landing(request.query_params.get("next", ""))
    token = session_token(request)
    try:
        if token and await sessions.find_session(context, token) is not None:
            return redirect(wanted)
    except Unavailable:
        return refused(request, 503, _AWAY)
    return _form(request, token or secrets.token_urlsafe(32), wanted)


async def answer(request: Request) -> Response:
    """POST: name and password, and the second factor's code where one is set up."""
    context: Context = request.app.state.context
    try:
        fields = await read_form(request)
        token, wanted = session_token(request), landing(fields.get("next", ""))
        if not token or not is_same_site(request) or not is_csrf_token(token, fields.get("csrf", "")):
            return _form(request, token or secrets.token_urlsafe(32), wanted, _OUT_OF_DATE, status=403)
        login, password, code = (fields.get(name, "") for name in ("login", "password", "code"))
        agent = request.headers.get("user-agent", "")
        outcome = await sessions.sign_in(context, login, password, code, agent)
    except Refused as refusal:
        return refused(request, refusal.status, refusal.says)
    except Unavailable as fault:
        log.error("database away: %s", fault)
        return refused(request, 503, _AWAY)
    if outcome in _SAYS:
        status = 200 if outcome == "code" else 429 if outcome == "wait" else 403
        return _form(
            request, token, wanted, _SAYS[outcome], login, asks_code=bool(code) or outcome == "code", status=status
        )
    response = redirect(wanted)
    set_session(request, response, outcome)  # new at each sign-in, so that none can be planted
    return response


def _company(request: Request) -> str:
    context: Context = request.app.state.context
    return context.settings.oidc_name if context.settings.oidc_issuer else ""


def _form(
    request: Request,
    token: str,
    wanted: str,
    fault: str = "",
    login: str = "",
    *,
    asks_code: bool = False,
    status: int = 200,
) -> Response:
    response = open_page(
        request,
        "sign_in.html",
        status,
        csrf=csrf_token(token),
        next=wanted,
        fault=fault,
        login=login,
        asks_code=asks_code,
        company=_company(request),
    )
    set_session(request, response, token)
    return response


# ---- by a company's own sign-in


def _callback(request: Request) -> str:
    """Where the company's page sends the browser back to, which is registered there."""
    context: Context = request.app.state.context
    base = context.settings.public_url or f"{request.url.scheme}://{request.url.netloc}"
    return f"{base.rstrip('/')}{PATH}/company/back"


async def leave(request: Request) -> Response:
    """GET: to the company's page."""
    context: Context = request.app.state.context
    if not context.settings.oidc_issuer:
        return redirect(PATH)
    try:
        wanted = landing(request.query_params.get("next", ""))
        address, sealed = await single_sign_on.begin(context, _callback(request), wanted)
    except single_sign_on.NotSignedIn as fault:
        return _not_signed_in(request, fault)
    response = redirect(address)
    carry(request, response, sealed)
    return response


async def come_back(request: Request) -> Response:
    """GET: from there, with a code, or with the reason why there is none."""
    context: Context = request.app.state.context
    if not context.settings.oidc_issuer:
        return redirect(PATH)
    try:
        token, wanted = await single_sign_on.complete(
            context,
            _callback(request),
            carried(request),
            dict(request.query_params),
            request.headers.get("user-agent", ""),
        )
    except single_sign_on.NotSignedIn as fault:
        response = _not_signed_in(request, fault)
    except Unavailable as fault:
        log.error("database away: %s", fault)
        response = refused(request, 503, _AWAY)
    else:
        response = redirect(landing(wanted))
        set_session(request, response, token)
    carry(request, response, "")
    return response


def _not_signed_in(request: Request, fault: single_sign_on.NotSignedIn) -> Response:
    if fault.log:
        log.warning("nobody signed in by the company's sign-in: %s", fault.log)
    return _form(request, session_token(request) or secrets.token_urlsafe(32), PREFIX, fault.says, status=403)


async def sign_out(visit: Visit) -> Response:
    """POST: end this session."""
    await sessions.sign_out(visit.context, visit.signed_in)
    response = visit.go(PATH)
    clear_session(visit.request, response)
    return response


async def home(visit: Visit) -> Response:
    """GET /console: where this user's day begins; people of the operator's house choose a seller first."""
    user = visit.signed_in.user
    start = "today" if visit.may("see") else "my-day"
    if user.seller_id:
        return redirect(f"{PREFIX}/{user.seller_id}/{start}")
    found = await read(visit.context, lambda c: sellers.page(c, "", 500))
    if len(found) == 1:
        return redirect(f"{PREFIX}/{found[0].seller_id}/{start}")
    return visit.show("sellers.html", sellers=[(one.name, f"{PREFIX}/{one.seller_id}/{start}") for one in found])


async def missing(visit: Visit) -> Response:
    """GET anything else."""
    raise Refused(404, "There is no such page.")


MISSING = page("/{rest:path}", missing, None)
ROUTES = [
    Route(PATH, show, methods=["GET"]),
    Route(PATH, answer, methods=["POST"]),
    Route(f"{PATH}/company", leave, methods=["GET"]),
    Route(f"{PATH}/company/back", come_back, methods=["GET"]),
    page("/sign-out", sign_out, None, "POST"),
    page("", home, None),
]

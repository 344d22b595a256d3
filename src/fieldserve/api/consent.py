"""The page on which a seller lets an application act for it: /apps/authorize/consent.

A seller signs in with a one-time code from the operator, sees who asks and for what, and approves or denies; the
browser is then sent back to the application. There are no scripts. Every form carries a token that only this browser's
cookie can have led to, bound to what the page showed; the cookie is new after the sign-in, so that none can be planted.
"""

import base64
import hashlib
import hmac
import logging
import re
import secrets
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode, urlsplit

import jinja2
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fieldserve.api.forms import read_fields
from fieldserve.operations import consent
from fieldserve.operations.consent import ConsentRefused
from fieldserve.operations.run import Context
from fieldserve.store.applications import Application
from fieldserve.store.engine import Unavailable
from fieldserve.store.sellers import Seller
from fieldserve.wire.marketplaces import BY_ID, OF_REGION, region_of_host
from fieldserve.wire.operations import ROLE
from fieldserve.wire.tokens import TokenError

log = logging.getLogger("fieldserve.consent")

PATH = "/apps/authorize/consent"
_LONGEST_STATE = 2_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What the application asks, checked: where the answer goes is one of its registered URIs."""

    application: Application
    redirect_uri: str
    state: str

    def bound(self) -> bytes:
        """What a form's token is bound to. Line feeds cannot stand in an id or a URI."""
        return "\n".join((self.application.application_id, self.redirect_uri, self.state)).encode()

    def back(self, **parameters: str) -> Response:
        """Send the browser back to the application."""
        joint = "&" if urlsplit(self.redirect_uri).query else "?"
        query = urlencode(parameters | {"state": self.state})
        return RedirectResponse(f"{self.redirect_uri.removesuffix('?')}{joint}{query}", 303, _headers())


async def show(request: Request) -> Response:
    """GET: the sign-in, or, for a seller who has signed in, what is asked."""
    try:
        asked = await _read(request, request.query_params)
        if ROLE not in asked.application.roles:
            return _told_to_lack_the_role(asked)
        cookie = _cookie(request)
        seller = await consent.find_signed_in(_context(request), cookie) if cookie else None
        if seller is not None:
            return _decision_page(request, asked, cookie, seller)
        return _sign_in_page(request, asked, cookie or secrets.token_urlsafe(32))
    except ConsentRefused as refusal:
        return _page("refused.html", 400, reason=str(refusal))
    except Unavailable as fault:
        return _away(fault)


async def answer(request: Request) -> Response:
    """POST: the sign-in's code, an approval or a denial."""
    try:
        fields = await read_fields(request)
        asked = await _read(request, fields)
        if ROLE not in asked.application.roles:
            return _told_to_lack_the_role(asked)
        cookie = _cookie(request)
        given = fields.get("form_token", "").encode()
        if not cookie or not hmac.compare_digest(_form_token(cookie, asked).encode(), given):
            raise ConsentRefused("This form is out of date. Go back to the application and start again.")
        match fields.get("action"):
            case "sign_in":
                return await _sign_in(request, asked, cookie, fields.get("code", ""))
            case "approve":
                return await _approve(request, asked, cookie)
            case "deny":
                return await _deny(request, asked, cookie)
        raise ConsentRefused("This form has no such button.")
    except TokenError as refusal:
        return _page("refused.html", 400, reason=refusal.fault.error_description)
    except ConsentRefused as refusal:
        return _page("refused.html", 400, reason=str(refusal))
    except Unavailable as fault:
        return _away(fault)


async def _read(request: Request, fields: Any) -> Asked:
    state = fields.get("state", "")
    if not state.isascii() or not state.isprintable() or not 1 <= len(state) <= _LONGEST_STATE:
        raise ConsentRefused(f"The application must send a state of 1 to {_LONGEST_STATE} printable ASCII characters.")
    application, redirect_uri = await consent.find_application(
        _context(request), fields.get("application_id", ""), fields.get("redirect_uri", "")
    )
    return Asked(application, redirect_uri, state)


async def _sign_in(request: Request, asked: Asked, cookie: str, code: str) -> Response:
    session = await consent.sign_in(_context(request), code)
    if session is None:
        return _sign_in_page(request, asked, cookie, "This code is not good: it may be mistyped, used or expired.")
    query = urlencode(
        {
            "application_id": asked.application.application_id,
            "redirect_uri": asked.redirect_uri,
            "state": asked.state,
        }
    )
    response = RedirectResponse(f"{PATH}?{query}", 303, _headers())
    _set_cookie(request, response, session)
    return response


async def _approve(request: Request, asked: Asked, session: str) -> Response:
    approved = await consent.approve(
        _context(request), session, asked.application, asked.redirect_uri, _marketplaces_here(request)
    )
    if approved is None:
        return _sign_in_page(request, asked, session, "Your sign-in has ended. Sign in again with a new code.")
    return asked.back(spapi_oauth_code=approved.code, selling_partner_id=approved.seller_id)


async def _deny(request: Request, asked: Asked, session: str) -> Response:
    # Without a session there is nobody who could deny in a seller's name, but nothing is granted either way.
    await consent.deny(_context(request), session, asked.application)
    return asked.back(error="access_denied", error_description="The seller denied the authorization.")


def _told_to_lack_the_role(asked: Asked) -> Response:
    return asked.back(error="unauthorized_client", error_description=f"The application lacks the role {ROLE}.")


def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


def _marketplaces_here(request: Request) -> frozenset[str]:
    """Those of the host's region, or of all that the server is configured for."""
    region, _ = region_of_host(request.headers.get("host", ""))
    served = _context(request).settings.regions
    regions = [one for one in served if region in (None, one)]
    return frozenset[str]().union(*(OF_REGION[one] for one in regions))


# ------------------------------------------------------------------------------------------------ cookie and form token


def _is_secure(request: Request) -> bool:
    return request.url.scheme == "https" or _context(request).settings.public_url.startswith("https:")


def _cookie_name(request: Request) -> str:
    # With this prefix browsers take the cookie from this very host only. It needs https.
    return "__Host-consent" if _is_secure(request) else "consent"


def _cookie(request: Request) -> str:
    value = request.cookies.get(_cookie_name(request), "")
    return value if re.fullmatch(r"[\w-]{43}", value, re.ASCII) else ""


def _set_cookie(request: Request, response: Response, value: str) -> None:
    response.set_cookie(
        _cookie_name(request),
        value,
        max_age=600,
        path="/",
        secure=_is_secure(request),
        httponly=True,
        samesite="strict",
    )


def _form_token(cookie: str, asked: Asked) -> str:
    return hmac.new(cookie.encode(), asked.bound(), hashlib.sha256).hexdigest()


# ---------------------------------------------------------------------------------------------------------------- pages


def _sign_in_page(request: Request, asked: Asked, cookie: str, fault: str = "") -> Response:
    status = 403 if fault else 200
    token = _form_token(cookie, asked)
    response = _page("sign_in.html", status, asked.redirect_uri, asked=asked, form_token=token, fault=fault)
    _set_cookie(request, response, cookie)
    return response


def _decision_page(request: Request, asked: Asked, session: str, seller: Seller) -> Response:
    marketplaces = sorted(BY_ID[one].name for one in seller.marketplaces & _marketplaces_here(request) if one in BY_ID)
    return _page(
        "decision.html",
        200,
        asked.redirect_uri,
        asked=asked,
        form_token=_form_token(session, asked),
        seller=seller,
        marketplaces=marketplaces,
        destination=urlsplit(asked.redirect_uri).netloc,
    )


def _away(fault: Unavailable) -> Response:
    log.error("database away: %s", fault)
    return _page("refused.html", 503, reason="The service is temporarily unavailable. Please try again.")


def _page(template: str, status: int, leads_to: str = "", **values: Any) -> Response:
    content = _templates().get_template(f"consent/{template}").render(path=PATH, style=_style(), **values)
    return Response(content, status, _headers(leads_to), media_type="text/html")


def _headers(leads_to: str = "") -> dict[str, str]:
    # Browsers hold a form's redirect against form-action, too, so the application's origin must be in it.
    parts = urlsplit(leads_to)
    origin = f" {parts.scheme}://{parts.netloc}" if leads_to else ""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return {
        "content-security-policy": f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'{origin};"
        " frame-ancestors 'none'; base-uri 'none'",
        "x-frame-options": "DENY",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
    }


@lru_cache
def _templates() -> jinja2.Environment:
    loader = jinja2.PackageLoader("fieldserve.api")
    return jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)


@lru_cache
def _style() -> str:
    loader = _templates().loader
    assert loader is not None
    return loader.get_source(_templates(), "consent/style.css")[0]


ROUTES = [Route(PATH, show, methods=["GET"]), Route(PATH, answer, methods=["POST"])]

"""What every page stands on.

A request passes these stages, and the first that refuses it answers: session, seller, right, CSRF, then the page. A
seller that is not the user's is answered as one that does not exist.
"""

import gzip
import hashlib
import hmac
import logging
import re
import secrets
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from zoneinfo import ZoneInfo

import jinja2
import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fieldserve.console import assets
from fieldserve.console.assets import NotBuilt
from fieldserve.console.words import Words, negotiate, translations
from fieldserve.domain.users import Right, Role, may
from fieldserve.operations.run import Caller, Context, read
from fieldserve.operations.sessions import SignedIn, find_session
from fieldserve.store import sellers
from fieldserve.store.engine import Unavailable
from fieldserve.store.sellers import Seller
from fieldserve.wire.encoding import encode
from fieldserve.wire.errors import ApiError
from fieldserve.wire.parameters import is_storable

log = logging.getLogger("fieldserve.console")

PREFIX = "/console"
_BODY_LIMIT = 1_048_576
_MOST_FIELDS = 500
_UTC = ZoneInfo("UTC")

# The pages of the side bar, in its order: name, key that follows `g`, template of the path, right.
SECTIONS: tuple[tuple[str, str, str, Right], ...] = (
    ("My day", "m", "my-day", "work"),
    ("Today", "t", "today", "see"),
    ("Board", "b", "board", "see"),
    ("Jobs", "j", "jobs", "see"),
    ("Routes", "r", "plans", "see"),
    ("Capacity", "c", "capacity", "see"),
    ("Performance", "p", "performance", "measure"),
    ("Payments", "y", "payments", "measure"),
    ("Demand", "d", "demand", "measure"),
    ("Developers", "v", "developers", "develop"),
    ("Settings", "s", "settings", "set_up"),
)


class Refused(Exception):
    """A page that cannot be shown: its status and what to say."""

    def __init__(self, status: int, says: str):
        super().__init__(says)
        self.status, self.says = status, says


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of somebody who is signed in, to a page of a seller (`seller` is None on their own pages)."""

    request: Request
    context: Context
    token: str
    signed_in: SignedIn
    seller: Seller | None
    words: Words
    request_id: str
    fields: dict[str, str]

    @property
    def caller(self) -> Caller:
        """The user as the caller of operations on the seller's things."""
        assert self.seller is not None
        return self.signed_in.caller(self.seller.seller_id, self.seller.marketplaces, self.request_id)

    @property
    def role(self) -> Role:
        return self.signed_in.user.role

    def may(self, right: Right) -> bool:
        """Whether the user has the right."""
        return may(self.role, right)

    def path(self, *parts: str, **query: object) -> str:
        """The address of a page of this seller."""
        assert self.seller is not None
        path = "/".join([PREFIX, self.seller.seller_id, *(quote(one, safe="") for one in parts)])
        asked = {name: value for name, value in query.items() if value not in (None, "", ())}
        return f"{path}?{urlencode(asked, doseq=True)}" if asked else path

    def now(self) -> int:
        """The present, by the server's clock."""
        return self.context.clock.now()

    def show(self, template: str, status: int = 200, **view: Any) -> Response:
        """A page rendered from its view."""
        return _html(self.request, _render(template, self._standing() | view, self.words), status)

    def answer(self, value: object, status: int = 200) -> Response:
        """An answer to a script."""
        return Response(encode(value), status, _headers(), media_type="application/json")

    def go(self, address: str) -> Response:
        """Send the browser to another page after a deed."""
        if self.request.headers.get("hx-request"):
            return Response(status_code=204, headers=_headers() | {"hx-redirect": address})
        return RedirectResponse(address, 303, _headers())

    def _standing(self) -> dict[str, Any]:
        return {
            "visit": self,
            "csrf": csrf_token(self.token),
            "sections": [
                (self.words.text(name), key, self.path(path), self.request.url.path.startswith(self.path(path)))
                for name, key, path, right in SECTIONS
                if self.seller is not None and self.may(right)
            ],
        }


Handler = Callable[[Visit], Awaitable[Response]]


def page(path: str, handler: Handler, right: Right | None = "see", method: str = "GET") -> Route:
    """A route of one method under the console's prefix. `right` None: whoever is signed in; no seller in the path."""

    async def answer(request: Request) -> Response:
        request_id = str(uuid.uuid4())
        try:
            visit = await _admit(request, right, request_id)
            return await handler(visit) if isinstance(visit, Visit) else visit
        except Refused as refusal:
            return _refusal(request, refusal.status, refusal.says)
        except ApiError as fault:
            return _refusal(request, fault.status, told(fault))
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        except Unavailable as fault:
            log.error("database away: %s (request %s)", fault, request_id)
            return _refusal(request, 503, "The service is temporarily unavailable. Please try again.")
        except NotBuilt as fault:
            return Response(str(fault), 503, _headers(), media_type="text/plain")
        except Exception:
            log.exception("a defect (request %s)", request_id)
            return _refusal(request, 500, f"Something went wrong here. The log has it under {request_id}.")

    return Route(PREFIX + path, answer, methods=[method])


def told(fault: ApiError) -> str:
    """What an operation refused, in its words."""
    return " ".join(one.message + (f" {one.details}" if one.details else "") for one in fault.faults)


async def _admit(request: Request, right: Right | None, request_id: str) -> Visit | Response:
    context: Context = request.app.state.context
    token = session_token(request)
    signed_in = await find_session(context, token) if token else None
    if signed_in is None:
        return _to_sign_in(request)
    seller = await _seller(context, request, signed_in)
    if right is not None and not may(signed_in.user.role, right):
        raise Refused(403, "Your role does not include this page. An admin can change that.")
    locale = negotiate(signed_in.user.language, request.headers.get("accept-language", ""))
    fields: dict[str, str] = {}
    if request.method == "POST":
        fields = {} if _is_file(request) else await read_form(request)
        given = request.headers.get("x-csrf-token") or fields.get("csrf", "")
        if not is_same_site(request) or not is_csrf_token(token, given):
            raise Refused(403, "This page is out of date. Load it again, and repeat what you did.")
    return Visit(request, context, token, signed_in, seller, Words(locale, _UTC), request_id, fields)


async def _seller(context: Context, request: Request, signed_in: SignedIn) -> Seller | None:
    seller_id = request.path_params.get("seller")
    if seller_id is None:
        return None
    of_user = signed_in.user.seller_id
    unknown = Refused(404, "There is no such page.")
    if (of_user and of_user != seller_id) or not is_storable(seller_id):
        raise unknown
    found = await read(context, lambda c: sellers.find(c, seller_id), snapshot=False)
    if found is None:
        raise unknown
    return found


def _to_sign_in(request: Request) -> Response:
    if request.method != "GET" or request.headers.get("accept", "").startswith(("application/json", "text/event")):
        return _refusal(request, 401, "Your session has ended. Sign in again.")
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    address = f"{PREFIX}/sign-in?{urlencode({'next': wanted})}"
    if request.headers.get("hx-request"):
        return Response(status_code=204, headers=_headers() | {"hx-redirect": address})
    return RedirectResponse(address, 303, _headers())


def landing(wanted: str) -> str:
    """Where to go after signing in: a path of the console, whatever the address says."""
    parts = urlsplit(wanted)
    return wanted if not parts.netloc and not parts.scheme and re.match(r"/console/[A-Za-z0-9]", wanted) else PREFIX


# ------------------------------------------------------------------------------------------- session, cookie, and CSRF


def _is_secure(request: Request) -> bool:
    context: Context = request.app.state.context
    return request.url.scheme == "https" or context.settings.public_url.startswith("https:")


def _cookie_name(request: Request) -> str:
    # With this prefix browsers take the cookie from this very host only. It needs https.
    return "__Host-fieldserve" if _is_secure(request) else "fieldserve"


def session_token(request: Request) -> str:
    """The session's token, or what stands for one before signing in; empty where the cookie is none of ours."""
    value = request.cookies.get(_cookie_name(request), "")
    return value if re.fullmatch(r"[\w-]{43}", value, re.ASCII) else ""


def set_session(request: Request, response: Response, token: str) -> None:
    """Keep the token in the browser. Lax: a link from elsewhere opens the page; forms from elsewhere are refused."""
    response.set_cookie(
        _cookie_name(request), token, path="/", secure=_is_secure(request), httponly=True, samesite="lax"
    )


def _carried_name(request: Request) -> str:
    return "__Host-fieldserve-oidc" if _is_secure(request) else "fieldserve-oidc"


def carried(request: Request) -> str:
    """What the browser carries through a company's own sign-in."""
    return request.cookies.get(_carried_name(request), "")


def carry(request: Request, response: Response, sealed: str) -> None:
    """Have the browser carry it, for ten minutes; an empty text is no longer carried."""
    name, secure = _carried_name(request), _is_secure(request)
    if sealed:
        response.set_cookie(name, sealed, max_age=600, path="/", secure=secure, httponly=True, samesite="lax")
    else:
        response.delete_cookie(name, "/", secure=secure, httponly=True, samesite="lax")


def clear_session(request: Request, response: Response) -> None:
    """Forget the token."""
    response.delete_cookie(_cookie_name(request), "/", secure=_is_secure(request), httponly=True, samesite="lax")


def csrf_token(session: str) -> str:
    """A token for this session's forms. It differs each time, so that compressed pages tell nothing about it."""
    salt = secrets.token_urlsafe(12)
    return f"{salt}.{_csrf_digest(session, salt)}"


def is_csrf_token(session: str, given: str) -> bool:
    """Whether the token was made for this session."""
    salt, _, digest = given.partition(".")
    return hmac.compare_digest(_csrf_digest(session, salt).encode(), digest.encode("utf-8", "replace"))


def _csrf_digest(session: str, salt: str) -> str:
    return hmac.new(session.encode(), f"csrf {salt}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def is_same_site(request: Request) -> bool:
    """Whether the browser says that one of our own pages sent the request; old ones that say nothing have the token."""
    return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form, or the body of a script's request under the name `json`. Raises Refused."""
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > _BODY_LIMIT:
            raise Refused(413, "That is more than this page takes.")
        chunks.append(chunk)
    body = b"".join(chunks)
    try:
        text = body.decode()
        if request.headers.get("content-type", "").startswith("application/json"):
            return {"json": text}
        fields = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise Refused(400, "The form cannot be read.") from None
    if not all(is_storable(one) for pair in fields.items() for one in pair):
        raise Refused(400, "The form holds a character that no text may hold.")
    return fields


def _is_file(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith("image/")


async def read_file(request: Request, limit: int) -> bytes:
    """The bytes of a file that a script sent as it is. Raises Refused."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > limit:
            raise Refused(413, "That is more than this page takes.")
    return bytes(content)


def body_of(visit: Visit, shape: type[Any]) -> Any:
    """What a script sent, read as the shape. Raises Refused."""
    try:
        return msgspec.json.decode(visit.fields.get("json", ""), type=shape)
    except msgspec.DecodeError:
        raise Refused(400, "The request cannot be read.") from None


# ------------------------------------------------------------------------------------------------------------ rendering


_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self';"
    " font-src 'self'; frame-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)


def allow_tiles(response: Response, origins: Sequence[str]) -> Response:
    """The page, allowed to ask these for what its maps lie on, by a worker of our own. They hear which console asks, as
    many servers of tiles want to. Without any, nothing is allowed that other pages are not."""
    if origins:
        policy = _POLICY.replace("connect-src 'self'", f"connect-src 'self' {' '.join(origins)}")
        response.headers["content-security-policy"] = f"{policy}; worker-src 'self'"
        response.headers["referrer-policy"] = "strict-origin-when-cross-origin"
    return response


def _headers() -> dict[str, str]:
    return {
        "content-security-policy": _POLICY,
        "x-frame-options": "DENY",
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cache-control": "no-store",
        "vary": "accept-language, accept-encoding, hx-request",
    }


@lru_cache
def _templates(language: str) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("fieldserve.console"),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = assets.address
    environment.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]
    return environment


def _render(template: str, view: dict[str, Any], words: Words) -> str:
    return _templates(words.language).get_template(template).render(words=words, **view)


def open_page(request: Request, template: str, status: int = 200, **view: Any) -> Response:
    """A page for whoever is not signed in."""
    words = Words(negotiate("", request.headers.get("accept-language", "")), _UTC)
    return _html(request, _render(template, {"visit": None, "sections": (), **view}, words), status)


def refused(request: Request, status: int, says: str) -> Response:
    """The page that says what did not work."""
    return open_page(request, "refused.html", status, says=says, number=status)


def redirect(address: str) -> Response:
    """Send the browser to another page."""
    return RedirectResponse(address, 303, _headers())


def _html(request: Request, text: str, status: int) -> Response:
    content, headers = text.encode(), _headers()
    if len(content) > 2_000 and "gzip" in request.headers.get("accept-encoding", ""):
        content = gzip.compress(content, 5)
        headers["content-encoding"] = "gzip"
    return Response(content, status, headers, media_type="text/html")


def _refusal(request: Request, status: int, says: str) -> Response:
    words = Words(negotiate("", request.headers.get("accept-language", "")), _UTC)
    said = words.text(says)
    if request.headers.get("accept", "").startswith("application/json"):
        return Response(encode({"says": said}), status, _headers(), media_type="application/json")
    return refused(request, status, said)

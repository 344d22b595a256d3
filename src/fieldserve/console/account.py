"""One's own account: password, second factor, language, sessions. /console/account"""

import segno
from starlette.responses import Response

from fieldserve.console.pages import PREFIX, Visit, clear_session, page, set_session
from fieldserve.console.words import LANGUAGES
from fieldserve.operations import sessions, users

PATH = f"{PREFIX}/account"


async def show(visit: Visit) -> Response:
    """GET: what is set up, and where one is signed in."""
    return await _show(visit)


async def _show(visit: Visit, status: int = 200, **view: object) -> Response:
    found = await sessions.list_sessions(visit.context, visit.signed_in)
    here = visit.signed_in.session.session_hash
    now = visit.now()
    told = [(one.agent, visit.words.ago(one.seen_at, now), one.session_hash == here) for one in found]
    given = {"fault": "", "done": "", "secret": "", "qr": "", **view}
    return visit.show("account.html", status, sessions=told, languages=LANGUAGES, **given)


async def change_password(visit: Visit) -> Response:
    """POST: another password, by who knows the old one."""
    old, new, again = (visit.fields.get(name, "") for name in ("old", "new", "again"))
    if new != again:
        return await _show(visit, 422, fault=visit.words.text("The two new passwords differ."))
    try:
        token = await sessions.change_password(visit.context, visit.signed_in, old, new)
    except ValueError:
        return await _show(visit, 422, fault=visit.words.text("A password has 12 to 200 characters."))
    if token is None:
        return await _show(visit, 422, fault=visit.words.text("The old password is wrong."))
    return _anew(visit, token)


async def offer_second_factor(visit: Visit) -> Response:
    """POST: a new secret for an authenticator app; it counts once a code of it was given."""
    return await _offer(visit, sessions.new_totp_secret())


async def _offer(visit: Visit, secret: str, status: int = 200, fault: str = "") -> Response:
    # A picture within the page, so that the secret is in no address and no log.
    code = segno.make(sessions.totp_address(visit.signed_in, secret), error="m")
    return await _show(visit, status, secret=secret, qr=code.svg_data_uri(scale=4, border=4, light="#fff"), fault=fault)


async def set_up_second_factor(visit: Visit) -> Response:
    """POST: the first code proves that the app has the secret."""
    secret, code = visit.fields.get("secret", ""), visit.fields.get("code", "")
    try:
        token = await sessions.set_up_totp(visit.context, visit.signed_in, secret, code)
    except ValueError:  # no base32: not what the form held
        token = None
    if token is None:
        told = visit.words.text("That code is not the one that the app shows now.")
        return await _offer(visit, sessions.new_totp_secret(), 422, told)
    return _anew(visit, token)


async def choose_language(visit: Visit) -> Response:
    """POST: the language of all pages; empty stands for the browser's."""
    await users.choose_language(visit.context, visit.signed_in.user.user_id, visit.fields.get("language", ""))
    return visit.go(PATH)


async def sign_out_everywhere(visit: Visit) -> Response:
    """POST: end all sessions."""
    await sessions.sign_out_everywhere(visit.context, visit.signed_in)
    response = visit.go(f"{PREFIX}/sign-in")
    clear_session(visit.request, response)
    return response


def _anew(visit: Visit, token: str) -> Response:
    response = visit.go(PATH)
    set_session(visit.request, response, token)
    return response


ROUTES = [
    page("/account", show, None),
    page("/account/password", change_password, None, "POST"),
    page("/account/second-factor/new", offer_second_factor, None, "POST"),
    page("/account/second-factor", set_up_second_factor, None, "POST"),
    page("/account/language", choose_language, None, "POST"),
    page("/account/sign-out-everywhere", sign_out_everywhere, None, "POST"),
]

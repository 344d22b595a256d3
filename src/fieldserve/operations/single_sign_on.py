"""Signing in by a company's own sign-in: OpenID Connect, authorization code flow with PKCE.

begin ──▶ the company's page ──code──▶ complete ──ID token──▶ user, made at first ──▶ session

What the browser carries meanwhile is sealed, and good for ten minutes. Users are known by issuer and subject, which the
company gives to nobody else; names and addresses may change hands. Their role is what the token says each time.
"""

import base64
import secrets
import time
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec

from fieldserve.config import Settings
from fieldserve.domain.intervals import MINUTE, SECOND, Instant
from fieldserve.domain.users import Role
from fieldserve.operations.run import Caller, Context, aside, read, transact
from fieldserve.operations.sellers import log
from fieldserve.operations.sessions import open_session
from fieldserve.operations.users import add_user, find, new_password, update_role
from fieldserve.store import identities, sellers
from fieldserve.store.engine import Connection
from fieldserve.store.keys import KeyFault
from fieldserve.store.users import User

SCOPE = "openid profile email"
LASTS = 10 * MINUTE
WITHIN = 10.0
"""Seconds that the company's server has for an answer."""
KNOWN_FOR = 3600.0
"""Seconds for which its addresses and keys are kept."""
LEEWAY = 60
"""Seconds by which its clock and ours may differ."""
LARGEST_ANSWER = 1_000_000
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
_ABOUT = "single sign-on"


class NotSignedIn(Exception):
    """Why they are not signed in, in words for them; `log` has what an operator needs beside it."""

    def __init__(self, says: str, log: str = ""):
        super().__init__(says)
        self.says, self.log = says, log


AWAY = "Your company's sign-in does not answer. Try again, or ask whoever runs it."
STALE = "That took too long, or began in another window. Try again."
DENIED = "Your company's sign-in did not let you in."
NO_ROLE = "Your company's sign-in gives you no role here. Ask whoever gives out access."
SHUT_OUT = "You are not let in here any more. An admin can change that."
TEXTS = (AWAY, STALE, DENIED, NO_ROLE, SHUT_OUT)


class Pending(msgspec.Struct, frozen=True):
    """What one attempt is known by until its answer comes, and where to go then."""

    state: str
    nonce: str
    verifier: str
    wanted: str
    until: Instant


@dataclass(frozen=True, slots=True)
class Provider:
    """The company's server as it describes itself. `posts_secret`: it does not take the secret in a header."""

    issuer: str
    authorize: str
    token: str
    keys: str
    posts_secret: bool


async def begin(context: Context, redirect_uri: str, wanted: str) -> tuple[str, str]:
    """Where to send the browser, and what it is to carry until it comes back. Raises NotSignedIn."""
    from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
    from authlib.oauth2.rfc7636 import create_s256_code_challenge

    provider = await _provider(context.settings)
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    pending = Pending(state, nonce, verifier, wanted, context.clock.now() + LASTS)
    address: str = prepare_grant_uri(
        provider.authorize,
        context.settings.oidc_client_id,
        "code",
        redirect_uri,
        SCOPE,
        state,
        nonce=nonce,
        code_challenge=create_s256_code_challenge(verifier),
        code_challenge_method="S256",
    )
    sealed = context.seal.seal(msgspec.json.encode(pending), _ABOUT)
    return address, base64.urlsafe_b64encode(sealed).decode()


async def complete(
    context: Context, redirect_uri: str, carried: str, answer: dict[str, str], agent: str
) -> tuple[str, str]:
    """The token of a new session, and where to go. `answer` is what came back with the browser. Raises NotSignedIn."""
    pending = _opened(context, carried)
    if not secrets.compare_digest(answer.get("state", "").encode(), pending.state.encode()):
        raise NotSignedIn(STALE)
    if "code" not in answer:
        raise NotSignedIn(DENIED, f"the answer is {answer.get('error', 'no code')[:100]}")
    claims = await _claims(context, redirect_uri, answer["code"], pending)
    return await _let_in(context, claims, agent), pending.wanted


def _opened(context: Context, carried: str) -> Pending:
    try:
        sealed = base64.urlsafe_b64decode(carried.encode())
        pending = msgspec.json.decode(context.seal.open(sealed, _ABOUT), type=Pending)
    except (ValueError, KeyFault, msgspec.DecodeError):
        raise NotSignedIn(STALE) from None
    if context.clock.now() >= pending.until:
        raise NotSignedIn(STALE)
    return pending


# ---- the company's server


_known: dict[str, tuple[float, Any]] = {}


async def _kept(url: str, *, anew: bool = False) -> Any:
    """The JSON at an address, which is asked for once an hour."""
    at, value = _known.get(url, (0.0, None))
    if anew or value is None or time.monotonic() - at > KNOWN_FOR:
        value = await _ask(url)
        _known[url] = (time.monotonic(), value)
    return value


async def _ask(url: str, form: dict[str, str] | None = None, login: tuple[str, str] | None = None) -> Any:
    """The JSON of an answer: to GET, or to the form. Raises NotSignedIn."""
    import httpx2

    host = urlsplit(url).hostname
    headers = {"accept": "application/json", "user-agent": "fieldserve"}
    request = httpx2.Request("GET" if form is None else "POST", url, headers=headers, data=form)
    auth = httpx2.BasicAuth(*login) if login else None
    try:
        async with httpx2.AsyncClient(timeout=WITHIN, follow_redirects=False) as client:
            answer = await client.send(request, auth=auth)
    except httpx2.HTTPError as fault:
        raise NotSignedIn(AWAY, f"{host} cannot be reached: {type(fault).__name__}") from None
    if answer.status_code == 400 and form is not None:
        raise NotSignedIn(STALE, f"{host} refused the code: {answer.text[:200]}")
    if answer.status_code != 200 or len(answer.content) > LARGEST_ANSWER:
        raise NotSignedIn(AWAY, f"{host} answered {answer.status_code}")
    try:
        return msgspec.json.decode(answer.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NotSignedIn(AWAY, f"{host} answered something that is no JSON") from None


async def _provider(settings: Settings) -> Provider:
    issuer = settings.oidc_issuer
    told = await _kept(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    try:
        found = Provider(
            told["issuer"],
            told["authorization_endpoint"],
            told["token_endpoint"],
            told["jwks_uri"],
            "client_secret_basic" not in told.get("token_endpoint_auth_methods_supported", ["client_secret_basic"]),
        )
    except (KeyError, TypeError):
        raise NotSignedIn(AWAY, f"{issuer} does not describe itself as OpenID Connect asks for") from None
    addresses = (found.authorize, found.token, found.keys)
    scheme = urlsplit(issuer).scheme
    if found.issuer != issuer or any(urlsplit(str(one)).scheme not in ("https", scheme) for one in addresses):
        raise NotSignedIn(AWAY, f"{issuer} says that it is {found.issuer}, or has addresses without https")
    return found


async def _claims(context: Context, redirect_uri: str, code: str, pending: Pending) -> dict[str, Any]:
    """What the ID token says, which the code is good for."""
    settings = context.settings
    provider = await _provider(settings)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": pending.verifier,
        "client_id": settings.oidc_client_id,
    }
    login = None
    if settings.oidc_client_secret and provider.posts_secret:
        form["client_secret"] = settings.oidc_client_secret
    elif settings.oidc_client_secret:
        login = (settings.oidc_client_id, settings.oidc_client_secret)
    told = await _ask(provider.token, form, login)
    if not isinstance(told, dict) or not isinstance(told.get("id_token"), str):
        raise NotSignedIn(AWAY, "the answer to the code has no ID token")
    return await _verified(context, provider, told["id_token"], pending.nonce)


async def _verified(context: Context, provider: Provider, token: str, nonce: str) -> dict[str, Any]:
    from authlib.oidc.core import CodeIDToken
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    client_id = context.settings.oidc_client_id
    options: Any = {
        "iss": {"essential": True, "value": provider.issuer},
        "aud": {"essential": True, "value": client_id},
    }
    reason = ""
    for anew in (False, True):  # keys are changed now and then: an unknown one is looked for once more
        try:
            keys = KeySet.import_key_set(await _kept(provider.keys, anew=anew))
            found = jwt.decode(token, keys, algorithms=list(_ALGORITHMS))
            claims = CodeIDToken(found.claims, found.header, options, {"nonce": nonce, "client_id": client_id})
            claims.validate(now=context.clock.now() // SECOND, leeway=LEEWAY)
            return dict(claims)
        except (JoseError, ValueError, TypeError, KeyError) as fault:
            reason = f"the ID token is not good: {type(fault).__name__} {fault}"[:200]
    raise NotSignedIn(DENIED, reason)


# ---- who it is


def _role(settings: Settings, claims: dict[str, Any]) -> Role:
    told = claims.get(settings.oidc_role_claim)
    values = {told} if isinstance(told, str) else {one for one in told or () if isinstance(one, str)}
    for text in settings.oidc_roles:
        value, _, role = text.rpartition("=")
        if value in values:
            return cast(Role, role)
    raise NotSignedIn(NO_ROLE, f"{settings.oidc_role_claim} of the token has none of the values in oidc_roles")


async def _let_in(context: Context, claims: dict[str, Any], agent: str) -> str:
    settings, role = context.settings, _role(context.settings, claims)
    issuer, subject = settings.oidc_issuer, str(claims["sub"])
    known = await read(context, lambda c: identities.find(c, issuer, subject))
    # Nobody knows the password of who signs in elsewhere; it is made before the transaction, since it takes a while.
    unused = await aside(context, lambda outer: outer.client_secrets.hash(new_password())) if known is None else ""

    async def sign_in(c: Connection) -> str:
        user_id = await identities.find(c, issuer, subject)
        if user_id is None:
            user = _new(context, claims, role, unused)
            if user.seller_id and await sellers.find(c, user.seller_id) is None:
                raise NotSignedIn(DENIED, f"oidc_seller {user.seller_id} is no seller")
            await add_user(context, c, Caller(user.seller_id, actor=f"user:{user.user_id}"), user)
            await identities.add(c, issuer, subject, user.user_id)
        else:
            user = await find(c, user_id, lock=True)
            if user.disabled_at is not None:
                raise NotSignedIn(SHUT_OUT)
            if user.role not in (role, "technician"):  # whom an admin made one, together with whom they drive as
                user = await update_role(context, c, Caller(user.seller_id, actor=f"user:{user_id}"), user, role)
        of_user = Caller(user.seller_id, actor=f"user:{user.user_id}")
        await log(context, c, of_user, "user.signed_in", user.user_id, None, None)
        return await open_session(c, user.user_id, context.clock.now(), agent)

    return await transact(context, sign_in)


def _new(context: Context, claims: dict[str, Any], role: Role, password_hash: str) -> User:
    """The user that a token tells of. They never type their login, so it may be one that nobody else can have."""
    name = next((str(claims[one]) for one in ("name", "email", "preferred_username") if claims.get(one)), "")
    subject = "".join(char for char in str(claims["sub"]) if char.isalnum() or char in "-_.")[:80]
    login = f"{subject or 'user'}-{secrets.token_hex(4)}@{urlsplit(context.settings.oidc_issuer).hostname}".lower()
    of = context.settings.oidc_seller
    return User(context.ids.uuid(), login, (name or login)[:100], of, role, password_hash, context.clock.now())

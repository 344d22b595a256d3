"""What an operator does with applications: create, give a new secret, disable, authorize for a seller, revoke.

The `caller` of these is an operator: its `actor` and `request_id` go to the event log, its seller is not looked at.
A seller's own people do the same with `of_seller` given: what is not that seller's is for them as if it were not there.
An application that a seller registered for itself acts for that seller alone.
"""

import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from fieldserve.operations.client_secrets import new_secret
from fieldserve.operations.run import Caller, Context, aside, read, transact
from fieldserve.store import applications, authorizations, events, sellers, tokens
from fieldserve.store.applications import Application
from fieldserve.store.authorizations import Authorization
from fieldserve.store.engine import Connection
from fieldserve.store.events import Event
from fieldserve.store.tokens import Token, hash_of
from fieldserve.wire import applications as words
from fieldserve.wire.errors import ApiError
from fieldserve.wire.operations import BY_ID, ROLE
from fieldserve.wire.tokens import REFRESH_PREFIX

# Events about an application of the operator's house concern no seller; authorizations concern theirs.
_NO_SELLER = ""


@dataclass(frozen=True, slots=True)
class WithSecret:
    """An application and its secret, which is told this once."""

    application: Application
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class WithRefreshToken:
    """An authorization and its refresh token, which is told this once."""

    authorization: Authorization
    refresh_token: str = field(repr=False)


async def create_application(
    context: Context,
    caller: Caller,
    name: str,
    roles: Collection[str] = (ROLE,),
    redirect_uris: Collection[str] = (),
    scopes: Collection[str] = (),
    of_seller: str | None = None,
) -> WithSecret:
    """Register an application; its secret is in the answer and nowhere else. Raises ApiError 400."""
    _refuse_registration(name, redirect_uris, scopes)
    secret, secret_hash = await aside(context, _new_secret)
    application = Application(
        application_id=f"amzn1.sp.solution.{context.ids.uuid()}",
        # From the system's entropy even where ids are seeded: throttling relies on nobody guessing it.
        client_id=f"amzn1.application-oa2-client.{secrets.token_hex(16)}",
        secret_hash=secret_hash,
        name=name,
        roles=frozenset(roles),
        redirect_uris=tuple(redirect_uris),
        scopes=frozenset(scopes),
        created_at=context.clock.now(),
        seller_id=of_seller,
    )

    async def use(c: Connection) -> None:
        await applications.add(c, application)
        await events.append(c, _event(context, caller, "application.created", application, after=_public(application)))

    await transact(context, use)
    return WithSecret(application, secret)


async def rotate_secret(
    context: Context, caller: Caller, application_id: str, of_seller: str | None = None
) -> WithSecret:
    """Give the application another secret; the old one fails from the moment this returns. Raises ApiError 404, 409."""
    secret, secret_hash = await aside(context, _new_secret)

    async def use(c: Connection) -> Application:
        application = await _enabled(c, application_id, of_seller)
        await applications.set_secret_hash(c, application_id, secret_hash)
        await events.append(c, _event(context, caller, "application.secret_rotated", application))
        return replace(application, secret_hash=secret_hash)

    return WithSecret(await transact(context, use), secret)


async def disable_application(
    context: Context, caller: Caller, application_id: str, of_seller: str | None = None
) -> None:
    """Refuse the application and all of its tokens from now on. Doing it twice is fine. Raises ApiError 404."""

    async def use(c: Connection) -> None:
        application = await _find(c, application_id, of_seller)
        if application.disabled_at is None:
            await applications.disable(c, application_id, context.clock.now())
            await events.append(c, _event(context, caller, "application.disabled", application))

    await transact(context, use)


async def list_applications(context: Context) -> list[Application]:
    """Every application, the oldest first."""
    return list(await read(context, applications.list_all))


async def applications_of(context: Context, seller_id: str) -> list[Application]:
    """Those that the seller registered, or ever let act for it, the oldest first: all that its people may know of."""
    return list(await read(context, lambda c: applications.known_to(c, seller_id)))


async def authorize_application(
    context: Context,
    caller: Caller,
    application_id: str,
    seller_id: str,
    marketplaces: Collection[str] | None = None,
    stores: Collection[str] | None = None,
    roles: Collection[str] | None = None,
    usage_plan: Mapping[str, tuple[float, int]] | None = None,
    of_seller: str | None = None,
) -> WithRefreshToken:
    """Let an application act for a seller, without the seller's consent page.

    None stands for all: the seller's marketplaces, its stores, the application's roles. `usage_plan` overrides
    (requests a second, burst) by operation id. Raises ApiError 400, 404, 409."""
    refresh_token = REFRESH_PREFIX + secrets.token_urlsafe(32)
    now = context.clock.now()

    async def use(c: Connection) -> Authorization:
        application = await _enabled(c, application_id, of_seller)
        seller = await sellers.find(c, seller_id)
        if seller is None:
            raise words.NO_SELLER.error(seller_id=seller_id)
        if application.seller_id not in (None, seller_id):
            raise words.NO_APPLICATION.error(application_id=application_id)
        authorization = Authorization(
            authorization_id=context.ids.uuid(),
            application_id=application_id,
            seller_id=seller_id,
            marketplaces=_within("marketplaces", marketplaces, seller.marketplaces),
            stores=None if stores is None else frozenset(stores),
            roles=_within("roles", roles, application.roles),
            usage_plan=_usage_plan(usage_plan or {}),
            created_at=now,
        )
        await authorizations.add(c, authorization)
        await tokens.add(
            c, Token(hash_of(refresh_token), "REFRESH", application_id, authorization.authorization_id, now, None)
        )
        await events.append(c, granted(caller, authorization))
        return authorization

    return WithRefreshToken(await transact(context, use), refresh_token)


async def revoke_authorization(
    context: Context, caller: Caller, authorization_id: str, of_seller: str | None = None
) -> None:
    """Refuse every token of the authorization from now on. Doing it twice is fine. Raises ApiError 404."""

    async def use(c: Connection) -> None:
        authorization = await authorizations.find(c, authorization_id, lock=True)
        if authorization is None or of_seller not in (None, authorization.seller_id):
            raise words.NO_AUTHORIZATION.error(authorization_id=authorization_id)
        await revoke_within(c, authorization, context.clock.now(), caller)

    await transact(context, use)


async def list_authorizations(context: Context, seller_id: str) -> list[Authorization]:
    """All that a seller ever granted, the oldest first."""
    return list(await read(context, lambda c: authorizations.of_seller(c, seller_id)))


async def revoke_within(c: Connection, authorization: Authorization, now: int, caller: Caller) -> None:
    """Revoke in a transaction that is under way."""
    if authorization.revoked_at is None:
        await authorizations.revoke(c, authorization.authorization_id, now)
        await events.append(
            c,
            Event(
                now,
                authorization.seller_id,
                caller.actor,
                "authorization.revoked",
                authorization.authorization_id,
                caller.request_id,
            ),
        )


def granted(caller: Caller, authorization: Authorization) -> Event:
    """The event that tells of a new authorization."""
    after = {
        "applicationId": authorization.application_id,
        "marketplaces": sorted(authorization.marketplaces),
        "stores": None if authorization.stores is None else sorted(authorization.stores),
        "roles": sorted(authorization.roles),
        "usagePlan": dict(authorization.usage_plan),
    }
    return Event(
        authorization.created_at,
        authorization.seller_id,
        caller.actor,
        "authorization.created",
        authorization.authorization_id,
        caller.request_id,
        None,
        after,
    )


async def _new_secret(context: Context) -> tuple[str, str]:
    secret = new_secret()
    return secret, await context.client_secrets.hash(secret)


async def _find(c: Connection, application_id: str, of_seller: str | None) -> Application:
    application = await applications.find(c, application_id, lock=True)
    if application is None or of_seller not in (None, application.seller_id):
        raise words.NO_APPLICATION.error(application_id=application_id)
    return application


async def _enabled(c: Connection, application_id: str, of_seller: str | None) -> Application:
    application = await _find(c, application_id, of_seller)
    if application.disabled_at is not None:
        raise words.DISABLED.error(application_id=application_id)
    return application


def _event(context: Context, caller: Caller, kind: str, application: Application, after: object = None) -> Event:
    return Event(
        context.clock.now(),
        application.seller_id or _NO_SELLER,
        caller.actor,
        kind,
        application.application_id,
        caller.request_id,
        None,
        after,
    )


def _public(application: Application) -> dict[str, object]:
    return {
        "name": application.name,
        "clientId": application.client_id,
        "roles": sorted(application.roles),
        "redirectUris": list(application.redirect_uris),
        "scopes": sorted(application.scopes),
    }


def _within(name: str, asked: Collection[str] | None, available: frozenset[str]) -> frozenset[str]:
    if asked is None:
        return available
    if beyond := sorted(set(asked) - available):
        raise _invalid(name, f"{name}: {', '.join(beyond)} cannot be granted here")
    return frozenset(asked)


def _usage_plan(plan: Mapping[str, tuple[float, int]]) -> dict[str, tuple[float, int]]:
    for operation_id, (rate, burst) in plan.items():
        if operation_id not in BY_ID:
            raise _invalid("usagePlan", f"usagePlan: {operation_id} is no operation")
        if not (0 < rate <= 1_000_000 and 1 <= burst <= 1_000_000):
            raise _invalid("usagePlan", f"usagePlan: {operation_id} takes a rate above 0 and a burst of 1 or more")
    return dict(plan)


def _refuse_registration(name: str, redirect_uris: Collection[str], scopes: Collection[str]) -> None:
    if not 1 <= len(name.strip()) <= 100 or not name.isprintable():
        raise _invalid("name", "name must have 1 to 100 printable characters")
    for uri in redirect_uris:
        if not is_redirect_uri(uri):
            raise _invalid("redirectUris", f"redirectUris: {uri} is no https URI (or http to this machine)")
    for scope in scopes:
        if not re.fullmatch(r"[\x21\x23-\x5B\x5D-\x7E]+", scope):
            raise _invalid("scopes", f"scopes: {scope!r} has a character that no scope may have")


def is_redirect_uri(uri: str) -> bool:
    """Whether a consent may lead there: absolute, https (http on loopback), no fragment, no user, visible ASCII."""
    if not re.fullmatch(r"[\x21-\x7E]{1,2000}", uri) or any(mark in uri for mark in "#\\\"<>'`"):
        return False
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if "@" in parts.netloc or host is None or not re.fullmatch(r"[a-z0-9.:-]+", host):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in ("localhost", "127.0.0.1", "::1"))


def _invalid(name: str, reason: str) -> ApiError:
    return words.INVALID.error(reason, names=name)

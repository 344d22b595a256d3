"""Tokens: issued, revoked, and what stands behind one that is presented."""

import secrets
from collections.abc import Sequence
from dataclasses import replace

from fieldserve.domain.intervals import DAY
from fieldserve.operations.applications import revoke_within
from fieldserve.operations.run import Caller, Context, read, transact, until_no_conflict
from fieldserve.operations.sellers import log
from fieldserve.store import applications, authorizations, tokens
from fieldserve.store.applications import Application
from fieldserve.store.engine import Connection
from fieldserve.store.tokens import Access, Token, hash_of
from fieldserve.wire import tokens as words
from fieldserve.wire.applications import DISABLED, NO_AUTHORIZATION
from fieldserve.wire.times import Instant
from fieldserve.wire.tokens import ClientGrant, CodeGrant, Grant, RefreshGrant, TokenAnswer, TokenError

# How long an expired token is still told "expired" instead of "unknown".
KEEP_EXPIRED = 7 * DAY


def new_token(prefix: str) -> str:
    """A token of 256 bits from the system's entropy."""
    return prefix + secrets.token_urlsafe(32)


async def authenticate(context: Context, token: str, now: Instant) -> Access | None:
    """All that stands behind an access token or a restricted one; None if there is none such.

    Revoked and expired ones are answered, too (`is_revoked`; from `expires_at` on it is worth nothing), with the same
    one statement, so that the time it takes tells nothing. What `accesses` remembers takes none."""
    token_hash = hash_of(token)
    return await until_no_conflict(lambda: context.accesses.find(context.database, token_hash))


async def authenticate_client(context: Context, client_id: str, client_secret: str) -> Application:
    """The application that proves to be itself. Raises TokenError: INVALID_CLIENT, TOO_MANY_FAILURES.

    An unknown client id is refused at once: ids are 128 random bits, so nothing is to be learnt by trying them."""
    application = await read(context, lambda c: applications.find_by_client_id(c, client_id))
    if application is None or application.disabled_at is not None:
        raise words.INVALID_CLIENT.error()
    match await context.client_secrets.verify(client_id, application.secret_hash, client_secret, context.clock.now()):
        case "right":
            return application
        case "throttled":
            raise words.TOO_MANY_FAILURES.error()
        case "wrong":
            raise words.INVALID_CLIENT.error()


async def issue(context: Context, client_id: str, client_secret: str, grant: Grant) -> TokenAnswer:
    """Answer a request of the token endpoint. Raises TokenError."""
    application = await authenticate_client(context, client_id, client_secret)
    match grant:
        case RefreshGrant():
            return await _refresh(context, application, grant)
        case CodeGrant():
            return await _exchange(context, application, grant)
        case ClientGrant():
            return await _grantless(context, application, grant)


async def _refresh(context: Context, application: Application, grant: RefreshGrant) -> TokenAnswer:
    refused = words.INVALID_GRANT.error(name="refresh_token")

    async def use(c: Connection) -> TokenAnswer:
        token = await tokens.find(c, hash_of(grant.refresh_token), "REFRESH")
        if not _is_good(token, application, context.clock.now()):
            raise refused
        assert token is not None
        await _refuse_revoked(c, token, refused)
        access_token = await _add_access(c, token, context.clock.now())
        return TokenAnswer(access_token, "bearer", words.EXPIRES_IN, grant.refresh_token)

    return await transact(context, use)


async def _exchange(context: Context, application: Application, grant: CodeGrant) -> TokenAnswer:
    """A code for a refresh token, once. Presented again it has leaked, so what it gave is revoked (RFC 6749, 4.1.2)."""
    refused = words.INVALID_GRANT.error(name="code")

    async def use(c: Connection) -> TokenAnswer | TokenError:
        now = context.clock.now()
        code = await tokens.find(c, hash_of(grant.code), "CODE", lock=True)
        if code is None or code.application_id != application.application_id:
            return refused
        if code.revoked_at is not None:
            authorization = await authorizations.find(c, code.authorization_id or "", lock=True)
            assert authorization is not None  # a foreign key
            await revoke_within(c, authorization, now, _actor(application))
            return refused
        if not _is_good(code, application, now):
            return refused
        if grant.redirect_uri not in (None, code.grants["redirectUri"]):
            return words.INVALID_GRANT.error(name="redirect_uri")
        await _refuse_revoked(c, code, refused)
        await tokens.revoke(c, code.token_hash, now)
        refresh_token = new_token(words.REFRESH_PREFIX)
        await tokens.add(
            c, Token(hash_of(refresh_token), "REFRESH", code.application_id, code.authorization_id, now, None)
        )
        access_token = await _add_access(c, code, now)
        return TokenAnswer(access_token, "bearer", words.EXPIRES_IN, refresh_token)

    # A refusal is answered, not raised, inside: what it revoked must be committed.
    outcome = await transact(context, use)
    if isinstance(outcome, TokenError):
        raise outcome
    return outcome


async def _grantless(context: Context, application: Application, grant: ClientGrant) -> TokenAnswer:
    if not application.scopes.issuperset(grant.scopes):
        raise words.INVALID_SCOPE.error()
    access_token = new_token(words.ACCESS_PREFIX)
    scope = " ".join(grant.scopes)
    now = context.clock.now()
    token = Token(hash_of(access_token), "ACCESS", application.application_id, None, now, now + words.LIFETIME, scope)
    await transact(context, lambda c: tokens.add(c, token))
    return TokenAnswer(access_token, "bearer", words.EXPIRES_IN, scope=scope)


async def try_authorization(context: Context, caller: Caller, authorization_id: str, of_house: bool) -> str:
    """An access token of an authorization of the caller's seller, for whoever tries the API in the browser.

    People of the operator's house get one of every application, a seller's own of those that it registered itself:
    nobody acts in a stranger's name. Raises ApiError: NO_AUTHORIZATION, DISABLED."""
    unknown = NO_AUTHORIZATION.error(authorization_id=authorization_id)

    async def use(c: Connection) -> str:
        authorization = await authorizations.find(c, authorization_id, lock=True)
        if authorization is None or authorization.seller_id != caller.seller_id or authorization.revoked_at is not None:
            raise unknown
        application = await applications.find(c, authorization.application_id)
        if application is None or not (of_house or application.seller_id == caller.seller_id):
            raise unknown
        if application.disabled_at is not None:
            raise DISABLED.error(application_id=application.application_id)
        now = context.clock.now()
        behind = Token("", "ACCESS", application.application_id, authorization_id, now, None)
        await log(context, c, caller, "authorization.tried", authorization_id, None, None)
        return await _add_access(c, behind, now)

    return await transact(context, use)


async def create_restricted_data_token(context: Context, caller: Caller, resources: Sequence[tuple[str, str]]) -> str:
    """A token that is good for these (method, path) only; path segments in braces stand for any value."""
    token = new_token(words.RESTRICTED_PREFIX)
    now = context.clock.now()
    row = Token(
        hash_of(token),
        "RESTRICTED",
        caller.application_id,
        caller.authorization_id,
        now,
        now + words.LIFETIME,
        grants=[list(resource) for resource in resources],
    )
    await transact(context, lambda c: tokens.add(c, row))
    return token


async def revoke_token(context: Context, token: str) -> None:
    """Refuse one token, of whatever kind, from now on. One that there is not is fine."""
    await transact(context, lambda c: tokens.revoke(c, hash_of(token), context.clock.now()))


async def purge_tokens(context: Context) -> None:
    """Forget tokens that expired a week ago."""
    await transact(context, lambda c: tokens.purge(c, context.clock.now() - KEEP_EXPIRED))


def _is_good(token: Token | None, application: Application, now: Instant) -> bool:
    return (
        token is not None
        and token.application_id == application.application_id
        and token.revoked_at is None
        and (token.expires_at is None or now < token.expires_at)
    )


async def _refuse_revoked(c: Connection, token: Token, refusal: TokenError) -> None:
    authorization = await authorizations.find(c, token.authorization_id or "")
    if authorization is None or authorization.revoked_at is not None:
        raise refusal


async def _add_access(c: Connection, behind: Token, now: Instant) -> str:
    access_token = new_token(words.ACCESS_PREFIX)
    await tokens.add(
        c,
        replace(
            behind,
            token_hash=hash_of(access_token),
            kind="ACCESS",
            created_at=now,
            expires_at=now + words.LIFETIME,
            grants=None,
        ),
    )
    return access_token


def _actor(application: Application) -> Caller:
    return Caller("", application.application_id, actor=f"application:{application.application_id}")

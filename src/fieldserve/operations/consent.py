"""A seller's consent: sign in with a one-time code from the operator, look at what is asked, approve or deny.

operator ─ issue_sign_in_code ─▶ seller ─ sign_in ─▶ session ─ approve ─▶ code ─ token endpoint ─▶ refresh token
                                                        └───── deny
"""

import base64
import secrets
from dataclasses import dataclass, field

from fieldserve.domain.intervals import DAY
from fieldserve.operations.applications import granted
from fieldserve.operations.run import Caller, Context, read, transact
from fieldserve.store import applications, authorizations, events, sellers, sign_ins, tokens
from fieldserve.store.applications import Application
from fieldserve.store.authorizations import Authorization
from fieldserve.store.engine import Connection
from fieldserve.store.events import Event
from fieldserve.store.sellers import Seller
from fieldserve.store.sign_ins import SignIn
from fieldserve.store.tokens import Token, hash_of
from fieldserve.wire import applications as words
from fieldserve.wire.parameters import is_storable
from fieldserve.wire.times import MINUTE, Instant
from fieldserve.wire.tokens import CODE_LIFETIME

SIGN_IN_LIFETIME = 15 * MINUTE
SESSION_LIFETIME = 10 * MINUTE
_KEEP_SIGN_INS = DAY


class ConsentRefused(Exception):
    """The page cannot lead anywhere; the text says why, to the seller."""


@dataclass(frozen=True, slots=True)
class Approved:
    """What goes back to the application: the code works once, within five minutes."""

    seller_id: str
    code: str = field(repr=False)


async def issue_sign_in_code(context: Context, caller: Caller, seller_id: str) -> str:
    """A code, 120 random bits, with which the seller signs in once within 15 minutes. Raises ApiError 404.

    The caller is an operator, who hands the code to the seller by a way of their own."""
    letters = base64.b32encode(secrets.token_bytes(15)).decode()
    code = "-".join(letters[start : start + 4] for start in range(0, len(letters), 4))
    now = context.clock.now()

    async def use(c: Connection) -> None:
        if await sellers.find(c, seller_id) is None:
            raise words.NO_SELLER.error(seller_id=seller_id)
        await sign_ins.purge(c, now - _KEEP_SIGN_INS)
        await sign_ins.add(c, _hash_of_code(code), seller_id, now, now + SIGN_IN_LIFETIME)
        await events.append(c, Event(now, seller_id, caller.actor, "sign_in_code.issued", seller_id, caller.request_id))

    await transact(context, use)
    return code


async def find_application(context: Context, application_id: str, redirect_uri: str) -> tuple[Application, str]:
    """The application that asks, and where the answer goes: exactly one of its registered URIs.

    An empty `redirect_uri` will do if the application has only one. Raises ConsentRefused: nobody is sent anywhere."""
    application = None
    if is_storable(application_id):
        application = await read(context, lambda c: applications.find(c, application_id))
    if application is None or application.disabled_at is not None:
        raise ConsentRefused("No application that could ask for your consent goes by this application_id.")
    if not redirect_uri and len(application.redirect_uris) == 1:
        return application, application.redirect_uris[0]
    if redirect_uri not in application.redirect_uris:
        raise ConsentRefused("The redirect_uri is not one that this application has registered.")
    return application, redirect_uri


async def sign_in(context: Context, code: str) -> str | None:
    """A session for a code, which is used up by it; None if the code is not good."""
    code_hash = _hash_of_code(code)
    session = secrets.token_urlsafe(32)
    # A guess costs a read; only a code that there is gets as far as a transaction that writes.
    if await read(context, lambda c: sign_ins.find_by_code(c, code_hash)) is None:
        return None

    async def use(c: Connection) -> str | None:
        now = context.clock.now()
        found = await sign_ins.find_by_code(c, code_hash, lock=True)
        if found is None or found.session_hash is not None or now >= found.expires_at:
            return None
        await sign_ins.open_session(c, code_hash, hash_of(session), now + SESSION_LIFETIME)
        await events.append(
            c, Event(now, found.seller_id, _actor(found.seller_id), "seller.signed_in", found.seller_id)
        )
        return session

    return await transact(context, use)


async def find_signed_in(context: Context, session: str) -> Seller | None:
    """The seller whose session it is, while it lasts."""

    async def use(c: Connection) -> Seller | None:
        found = await sign_ins.find_by_session(c, hash_of(session))
        return await sellers.find(c, found.seller_id) if _is_open(found, context.clock.now()) and found else None

    return await read(context, use)


async def approve(
    context: Context, session: str, application: Application, redirect_uri: str, marketplaces: frozenset[str]
) -> Approved | None:
    """Authorize the application for the seller's part of `marketplaces`; None if the session is over.

    The session ends with it. All that the application's roles allow is granted, in all stores. Raises ConsentRefused
    where the seller takes part in none of the marketplaces, or the application is another seller's own."""
    code = secrets.token_urlsafe(32)

    async def use(c: Connection) -> Approved | None:
        now = context.clock.now()
        found = await sign_ins.find_by_session(c, hash_of(session), lock=True)
        if found is None or not _is_open(found, now):
            return None
        seller = await sellers.find(c, found.seller_id)
        assert seller is not None  # a foreign key
        if not seller.marketplaces & marketplaces:
            raise ConsentRefused("You take part in no marketplace that is served here.")
        if application.seller_id not in (None, seller.seller_id):
            raise ConsentRefused("This application acts for the seller that registered it, and for no other.")
        authorization = Authorization(
            authorization_id=context.ids.uuid(),
            application_id=application.application_id,
            seller_id=seller.seller_id,
            marketplaces=seller.marketplaces & marketplaces,
            stores=None,
            roles=application.roles,
            usage_plan={},
            created_at=now,
        )
        await authorizations.add(c, authorization)
        await tokens.add(c, _code(code, authorization, redirect_uri, now))
        await sign_ins.end_session(c, hash_of(session), now)
        await events.append(c, granted(Caller(seller.seller_id, actor=_actor(seller.seller_id)), authorization))
        return Approved(seller.seller_id, code)

    return await transact(context, use)


async def deny(context: Context, session: str, application: Application) -> bool:
    """End the session without granting anything; False if it was over."""

    async def use(c: Connection) -> bool:
        now = context.clock.now()
        found = await sign_ins.find_by_session(c, hash_of(session), lock=True)
        if found is None or not _is_open(found, now):
            return False
        await sign_ins.end_session(c, hash_of(session), now)
        actor = _actor(found.seller_id)
        await events.append(c, Event(now, found.seller_id, actor, "authorization.denied", application.application_id))
        return True

    return await transact(context, use)


def _code(code: str, authorization: Authorization, redirect_uri: str, now: Instant) -> Token:
    return Token(
        hash_of(code),
        "CODE",
        authorization.application_id,
        authorization.authorization_id,
        now,
        now + CODE_LIFETIME,
        grants={"redirectUri": redirect_uri},
    )


def _hash_of_code(code: str) -> str:
    # Typed by people: case, hyphens and spaces do not matter.
    return hash_of("".join(code.split()).replace("-", "").upper())


def _is_open(found: SignIn | None, now: Instant) -> bool:
    return (
        found is not None
        and found.ended_at is None
        and found.session_expires_at is not None
        and now < found.session_expires_at
    )


def _actor(seller_id: str) -> str:
    return f"seller:{seller_id}"

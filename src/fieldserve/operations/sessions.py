"""Signing in to the console: password, second factor, sessions and their end.

sign_in ──right──▶ session ──find_session on every request──▶ user
   │  └─second factor set up, none given─▶ asked for the code, nothing else learnt
   └─wrong──▶ counted; after five in a row the login is shut for 2, 4, 8 … seconds
"""

import base64
import hmac
import secrets
from dataclasses import dataclass, replace
from typing import Literal

from fieldserve.domain import users as rules
from fieldserve.domain.intervals import MINUTE, SECOND, Instant
from fieldserve.operations.run import Caller, Context, read, transact
from fieldserve.operations.sellers import log
from fieldserve.operations.users import find
from fieldserve.store import users
from fieldserve.store.engine import Connection
from fieldserve.store.tokens import hash_of
from fieldserve.store.users import Session, User
from fieldserve.wire.users import LONGEST_PASSWORD, SHORTEST_PASSWORD

NOTE_USE_EVERY = 5 * MINUTE
"""A session's last use is noted that coarsely, so that looking at pages writes next to nothing."""
_AGENT_LENGTH = 200

Refusal = Literal["wrong", "wait", "code"]


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that is open, and whose it is."""

    session: Session
    user: User

    def caller(self, seller_id: str, marketplaces: frozenset[str], request_id: str | None = None) -> Caller:
        """The user as the caller of operations on a seller's things."""
        return Caller(seller_id, marketplaces=marketplaces, actor=f"user:{self.user.user_id}", request_id=request_id)


async def sign_in(context: Context, login: str, password: str, code: str, agent: str) -> str | Refusal:
    """The token of a new session, or why there is none. `code` is the second factor's; empty if none is given.

    A login that nobody has costs as much time as a wrong password and is answered the same. "code" is answered only to
    the right password."""
    login, now = login.strip().lower(), context.clock.now()
    user = await read(context, lambda c: users.find_by_login(c, login))
    if user is not None and now < user.failed_at + rules.wait_after(user.failures):
        return "wait"
    # Nobody's hash: verified against all the same, so that the time tells nothing.
    stored = user.password_hash if user is not None else await _nobody(context)
    verdict = await context.client_secrets.verify(f"user:{login}", stored, password[:LONGEST_PASSWORD], now)
    if verdict == "throttled":
        return "wait"
    if user is None or user.disabled_at is not None:
        return "wrong"
    user_id = user.user_id

    async def decide(c: Connection) -> str | Refusal:
        known = await find(c, user_id, lock=True)
        right = verdict == "right" and known.password_hash == stored
        step = _accepted_step(context, known, code, now)
        if not right or (known.sealed_totp is not None and code and step is None):
            await users.update(c, replace(known, failures=known.failures + 1, failed_at=now))
            return "wrong"
        if known.sealed_totp is not None and step is None:
            return "code"
        await users.update(c, replace(known, failures=0, totp_step=step or known.totp_step))
        token = await open_session(c, user_id, now, agent)
        of_user = Caller(known.seller_id, actor=f"user:{user_id}")
        await log(context, c, of_user, "user.signed_in", user_id, None, None)
        return token

    return await transact(context, decide)


async def find_session(context: Context, token: str) -> SignedIn | None:
    """Who is signed in by that token, while the session lasts; its use is noted."""
    now, session_hash = context.clock.now(), hash_of(token)
    found = await read(context, lambda c: users.find_session(c, session_hash), snapshot=False)
    if found is None:
        return None
    session, user = found
    if user.disabled_at is not None or now >= rules.ends_at(session.created_at, session.seen_at):
        return None
    if now - session.seen_at > NOTE_USE_EVERY:
        await transact(context, lambda c: users.touch_session(c, session_hash, now))
    return SignedIn(session, user)


async def renew(context: Context, signed_in: SignedIn) -> str:
    """The token of a new session in the place of this one, as if they had signed in now: for who moved the clock."""
    old, now = signed_in.session, context.clock.now()

    async def do(c: Connection) -> str:
        await users.end_session(c, old.session_hash)
        return await open_session(c, signed_in.user.user_id, now, old.agent)

    return await transact(context, do)


async def sign_out(context: Context, signed_in: SignedIn) -> None:
    """End this session."""
    await transact(context, lambda c: users.end_session(c, signed_in.session.session_hash))


async def sign_out_everywhere(context: Context, signed_in: SignedIn) -> None:
    """End all sessions of the user, this one, too."""
    user = signed_in.user

    async def end(c: Connection) -> None:
        await users.end_sessions(c, user.user_id)
        of_user = Caller(user.seller_id, actor=f"user:{user.user_id}")
        await log(context, c, of_user, "user.signed_out_everywhere", user.user_id, None, None)

    await transact(context, end)


async def list_sessions(context: Context, signed_in: SignedIn) -> list[Session]:
    """The user's open sessions, the one used last first."""
    now = context.clock.now()
    found = await read(context, lambda c: users.sessions_of(c, signed_in.user.user_id))
    return [one for one in found if now < rules.ends_at(one.created_at, one.seen_at)]


async def change_password(context: Context, signed_in: SignedIn, old: str, new: str) -> str | None:
    """Give the user another password: a new session's token, all others end; None if the old one is wrong.

    Raises ValueError if the new one is too short or too long."""
    if not SHORTEST_PASSWORD <= len(new) <= LONGEST_PASSWORD:
        raise ValueError(f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    user, now = signed_in.user, context.clock.now()
    if await context.client_secrets.verify(f"user:{user.login}", user.password_hash, old, now) != "right":
        return None
    password_hash = await context.client_secrets.hash(new)

    async def change(c: Connection) -> str | None:
        known = await find(c, user.user_id, lock=True)
        if known.password_hash != user.password_hash:
            return None  # changed meanwhile: the old password is not the old one any more
        await users.update(c, replace(known, password_hash=password_hash, failures=0))
        return await _begin_anew(context, c, signed_in, "user.password_changed")

    return await transact(context, change)


# ---- the second factor: time-based one-time codes (RFC 6238), as authenticator apps make them


def new_totp_secret() -> str:
    """160 random bits in base32, for an authenticator app; nothing is set up yet."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def totp_address(signed_in: SignedIn, secret: str) -> str:
    """What the QR code says: the otpauth:// address of the secret."""
    from pyotp import TOTP

    return TOTP(secret).provisioning_uri(name=signed_in.user.login, issuer_name="fieldserve")


async def set_up_totp(context: Context, signed_in: SignedIn, secret: str, code: str) -> str | None:
    """Ask for codes of this secret from now on: a new session's token, all others end; None if the code is wrong."""
    now, user_id = context.clock.now(), signed_in.user.user_id
    step = _step_of(secret, code, now)
    if step is None:
        return None
    sealed = base64.b64encode(context.seal.seal(secret.encode(), _about(user_id))).decode()

    async def set_up(c: Connection) -> str:
        known = await find(c, user_id, lock=True)
        await users.update(c, replace(known, sealed_totp=sealed, totp_step=step))
        return await _begin_anew(context, c, signed_in, "user.second_factor_set_up")

    return await transact(context, set_up)


def _accepted_step(context: Context, user: User, code: str, now: Instant) -> int | None:
    """The time step of the code, if it is right and newer than the last one that was used."""
    if user.sealed_totp is None or not code:
        return None
    secret = context.seal.open(base64.b64decode(user.sealed_totp), _about(user.user_id)).decode()
    step = _step_of(secret, code, now)
    return step if step is not None and step > user.totp_step else None


def _step_of(secret: str, code: str, now: Instant) -> int | None:
    """The step of 30 seconds that a code is of: the present one, or a neighbour for clocks that differ a little."""
    from pyotp import TOTP

    totp, digits = TOTP(secret), "".join(code.split()).encode()
    present = now // SECOND // 30
    near = (present, present - 1, present + 1)
    return next((step for step in near if hmac.compare_digest(totp.at(step * 30).encode(), digits)), None)


def _about(user_id: str) -> str:
    return f"second factor of {user_id}"


async def _begin_anew(context: Context, c: Connection, signed_in: SignedIn, kind: str) -> str:
    user = signed_in.user
    await users.end_sessions(c, user.user_id)
    await log(context, c, Caller(user.seller_id, actor=f"user:{user.user_id}"), kind, user.user_id, None, None)
    return await open_session(c, user.user_id, context.clock.now(), signed_in.session.agent)


async def open_session(c: Connection, user_id: str, now: Instant, agent: str) -> str:
    """The token of a new session, in the transaction that lets the user in; ended ones are dropped."""
    token = secrets.token_urlsafe(32)
    await users.purge_sessions(c, now - rules.LASTS_FOR, now - rules.IDLE_FOR)
    await users.open_session(c, Session(hash_of(token), user_id, now, now, agent[:_AGENT_LENGTH]))
    return token


_NOBODY: list[str] = []


async def _nobody(context: Context) -> str:
    if not _NOBODY:
        _NOBODY.append(await context.client_secrets.hash(secrets.token_hex(16)))
    return _NOBODY[0]

"""Sellers' sign-ins at the consent page: a code that works once, then a session that lasts minutes. Both as SHA-256."""

from dataclasses import dataclass

from fieldserve.store.engine import LOCK, Connection
from fieldserve.wire.times import Instant


@dataclass(frozen=True, slots=True)
class SignIn:
    """A code and, once it is used, the session that it opened."""

    code_hash: str
    seller_id: str
    created_at: Instant
    expires_at: Instant
    session_hash: str | None = None
    session_expires_at: Instant | None = None
    ended_at: Instant | None = None


_COLUMNS = "code_hash, seller_id, created_at, expires_at, session_hash, session_expires_at, ended_at"


async def add(c: Connection, code_hash: str, seller_id: str, created_at: Instant, expires_at: Instant) -> None:
    """Store a new code."""
    await c.execute(
        "INSERT INTO sign_ins (code_hash, seller_id, created_at, expires_at) VALUES ($1, $2, $3, $4)",
        code_hash,
        seller_id,
        created_at,
        expires_at,
    )


async def find_by_code(c: Connection, code_hash: str, lock: bool = False) -> SignIn | None:
    """The sign-in of that code, or None; with `lock` nobody else uses it until the transaction ends."""
    row = await c.fetch_one(f"SELECT {_COLUMNS} FROM sign_ins WHERE code_hash = $1 {LOCK if lock else ''}", code_hash)
    return None if row is None else SignIn(*row)


async def find_by_session(c: Connection, session_hash: str, lock: bool = False) -> SignIn | None:
    """The sign-in that opened that session, or None."""
    row = await c.fetch_one(
        f"SELECT {_COLUMNS} FROM sign_ins WHERE session_hash = $1 {LOCK if lock else ''}",
        session_hash,
    )
    return None if row is None else SignIn(*row)


async def open_session(c: Connection, code_hash: str, session_hash: str, expires_at: Instant) -> None:
    """Use the code up for a session."""
    await c.execute(
        "UPDATE sign_ins SET session_hash = $2, session_expires_at = $3 WHERE code_hash = $1",
        code_hash,
        session_hash,
        expires_at,
    )


async def end_session(c: Connection, session_hash: str, at: Instant) -> None:
    """Let the session be good for nothing more."""
    await c.execute("UPDATE sign_ins SET ended_at = $2 WHERE session_hash = $1", session_hash, at)


async def purge(c: Connection, expired_before: Instant) -> None:
    """Delete the codes that expired before that, with their sessions."""
    await c.execute("DELETE FROM sign_ins WHERE expires_at < $1", expired_before)

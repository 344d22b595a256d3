"""People who use the console, and their sessions; tokens of sessions as SHA-256, passwords as Argon2id."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from fieldserve.domain.users import Role
from fieldserve.store.engine import LOCK, Connection, Row
from fieldserve.wire.times import Instant


@dataclass(frozen=True, slots=True)
class User:
    """A person. `seller_id` is empty for those of the operator's house; `technician_id` for whoever drives.

    `failures` counts wrong passwords since the last right one, the last of them at `failed_at`. `totp_step` is the time
    step of the last code that was used, so that none works twice."""

    user_id: str
    login: str
    name: str
    seller_id: str
    role: Role
    password_hash: str = field(repr=False)
    created_at: Instant
    technician_id: str | None = None
    sealed_totp: str | None = field(default=None, repr=False)
    totp_step: int = 0
    language: str = ""
    failures: int = 0
    failed_at: Instant = 0
    disabled_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A browser in which somebody signed in."""

    session_hash: str = field(repr=False)
    user_id: str
    created_at: Instant
    seen_at: Instant
    agent: str


_COLUMNS = (
    "user_id, login, name, seller_id, role, password_hash, created_at, technician_id, sealed_totp, totp_step, language,"
    " failures, failed_at, disabled_at"
)


def _user(row: Row) -> User:
    return User(*row)


async def add(c: Connection, user: User) -> None:
    """Store a new one. Raises AlreadyExists where the login is taken."""
    await c.execute(
        f"INSERT INTO users ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        *(getattr(user, name) for name in User.__slots__),
    )


async def find(c: Connection, user_id: str, *, lock: bool = False) -> User | None:
    """The user with that id; with `lock`, nobody else changes them until the transaction ends."""
    row = await c.fetch_one(f"SELECT {_COLUMNS} FROM users WHERE user_id = $1{' ' + LOCK if lock else ''}", user_id)
    return None if row is None else _user(row)


async def find_by_login(c: Connection, login: str) -> User | None:
    """The user who signs in by that name, which is in lower case."""
    row = await c.fetch_one(f"SELECT {_COLUMNS} FROM users WHERE login = $1", login)
    return None if row is None else _user(row)


async def page(c: Connection, seller_id: str | None, after: str, limit: int) -> Sequence[User]:
    """Users by login, those behind `after`: of one seller ('' is the operator's house), or of all (None)."""
    where = "login > $1" if seller_id is None else "login > $1 AND seller_id = $3"
    values = (after, limit) if seller_id is None else (after, limit, seller_id)
    rows = await c.fetch(f"SELECT {_COLUMNS} FROM users WHERE {where} ORDER BY login LIMIT $2", *values)
    return [_user(row) for row in rows]


async def update(c: Connection, user: User) -> None:
    """Store what may change: all but the ids and the seller. Raises AlreadyExists where the login is taken."""
    await c.execute(
        "UPDATE users SET login = $2, name = $3, role = $4, password_hash = $5, technician_id = $6, sealed_totp = $7,"
        " totp_step = $8, language = $9, failures = $10, failed_at = $11, disabled_at = $12 WHERE user_id = $1",
        user.user_id,
        user.login,
        user.name,
        user.role,
        user.password_hash,
        user.technician_id,
        user.sealed_totp,
        user.totp_step,
        user.language,
        user.failures,
        user.failed_at,
        user.disabled_at,
    )


# ---- sessions


async def open_session(c: Connection, session: Session) -> None:
    """Store a new session."""
    await c.execute(
        "INSERT INTO user_sessions (session_hash, user_id, created_at, seen_at, agent) VALUES ($1, $2, $3, $4, $5)",
        session.session_hash,
        session.user_id,
        session.created_at,
        session.seen_at,
        session.agent,
    )


async def find_session(c: Connection, session_hash: str) -> tuple[Session, User] | None:
    """The session and whose it is, ended or not."""
    row = await c.fetch_one(
        "SELECT s.created_at, s.seen_at, s.agent,"
        f" {', '.join('u.' + name for name in _COLUMNS.split(', '))}"
        " FROM user_sessions s JOIN users u ON u.user_id = s.user_id WHERE s.session_hash = $1",
        session_hash,
    )
    if row is None:
        return None
    user = _user(row[3:])
    return Session(session_hash, user.user_id, row[0], row[1], row[2]), user


async def sessions_of(c: Connection, user_id: str) -> Sequence[Session]:
    """The user's sessions, the one used last first."""
    rows = await c.fetch(
        "SELECT session_hash, user_id, created_at, seen_at, agent FROM user_sessions WHERE user_id = $1"
        " ORDER BY seen_at DESC, session_hash",
        user_id,
    )
    return [Session(*row) for row in rows]


async def touch_session(c: Connection, session_hash: str, seen_at: Instant) -> None:
    """Note that the session was used."""
    await c.execute("UPDATE user_sessions SET seen_at = $2 WHERE session_hash = $1", session_hash, seen_at)


async def end_session(c: Connection, session_hash: str) -> None:
    """End one session. None with that hash is fine."""
    await c.execute("DELETE FROM user_sessions WHERE session_hash = $1", session_hash)


async def end_sessions(c: Connection, user_id: str) -> None:
    """End all sessions of a user."""
    await c.execute("DELETE FROM user_sessions WHERE user_id = $1", user_id)


async def purge_sessions(c: Connection, created_before: Instant, seen_before: Instant) -> None:
    """Drop sessions that have ended by age or by lack of use."""
    await c.execute("DELETE FROM user_sessions WHERE created_at < $1 OR seen_at < $2", created_before, seen_before)

"""Applications: the programs that call, and what each may ask for."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from fieldserve.store.engine import LOCK, Connection, Row
from fieldserve.wire.times import Instant


@dataclass(frozen=True, slots=True)
class Application:
    """An application. `secret_hash` is Argon2id's encoded form; the secret itself is stored nowhere.

    `redirect_uris` are where a seller's consent may lead back to; `scopes` what it may ask for without a seller.
    `seller_id` is the seller that registered it for itself; None where it is of the operator's house."""

    application_id: str
    client_id: str
    secret_hash: str = field(repr=False)
    name: str
    roles: frozenset[str]
    redirect_uris: tuple[str, ...]
    scopes: frozenset[str]
    created_at: Instant
    disabled_at: Instant | None = None
    seller_id: str | None = None


_COLUMNS = (
    "application_id, client_id, secret_hash, name, roles, redirect_uris, scopes, created_at, disabled_at, seller_id"
)


def _application(row: Row) -> Application:
    decode = msgspec.json.decode
    return Application(
        row[0],
        row[1],
        row[2],
        row[3],
        frozenset(decode(row[4])),
        tuple(decode(row[5])),
        frozenset(decode(row[6])),
        row[7],
        row[8],
        row[9],
    )


async def add(c: Connection, one: Application) -> None:
    """Store a new application."""
    await c.execute(
        f"INSERT INTO applications ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        one.application_id,
        one.client_id,
        one.secret_hash,
        one.name,
        msgspec.json.encode(sorted(one.roles)).decode(),
        msgspec.json.encode(one.redirect_uris).decode(),
        msgspec.json.encode(sorted(one.scopes)).decode(),
        one.created_at,
        one.disabled_at,
        one.seller_id,
    )


async def find(c: Connection, application_id: str, lock: bool = False) -> Application | None:
    """The application, or None."""
    row = await c.fetch_one(
        f"SELECT {_COLUMNS} FROM applications WHERE application_id = $1 {LOCK if lock else ''}",
        application_id,
    )
    return None if row is None else _application(row)


async def find_by_client_id(c: Connection, client_id: str) -> Application | None:
    """The application that calls itself so at the token endpoint, or None."""
    row = await c.fetch_one(f"SELECT {_COLUMNS} FROM applications WHERE client_id = $1", client_id)
    return None if row is None else _application(row)


async def list_all(c: Connection) -> Sequence[Application]:
    """Every application, the oldest first."""
    rows = await c.fetch(f"SELECT {_COLUMNS} FROM applications ORDER BY created_at, application_id")
    return [_application(row) for row in rows]


async def known_to(c: Connection, seller_id: str) -> Sequence[Application]:
    """The applications that the seller registered, or ever let act for it, the oldest first."""
    rows = await c.fetch(
        f"SELECT {_COLUMNS} FROM applications WHERE seller_id = $1 OR application_id IN"
        " (SELECT application_id FROM authorizations WHERE seller_id = $1) ORDER BY created_at, application_id",
        seller_id,
    )
    return [_application(row) for row in rows]


async def set_secret_hash(c: Connection, application_id: str, secret_hash: str) -> None:
    """Give it another secret; the old one is worth nothing from then on."""
    await c.execute("UPDATE applications SET secret_hash = $2 WHERE application_id = $1", application_id, secret_hash)


async def disable(c: Connection, application_id: str, at: Instant) -> None:
    """Refuse it, and all of its tokens, from then on."""
    await c.execute(
        "UPDATE applications SET disabled_at = $2 WHERE application_id = $1 AND disabled_at IS NULL",
        application_id,
        at,
    )

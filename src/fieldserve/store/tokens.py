"""Tokens of every kind, by the SHA-256 of what their holder presents. The tokens themselves are stored nowhere."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import msgspec

from fieldserve.store.engine import LOCK, Connection
from fieldserve.wire.times import Instant

Kind = Literal["ACCESS", "REFRESH", "CODE", "RESTRICTED"]


def hash_of(token: str) -> str:
    """What a token is stored as. Tokens are random enough (256 bits) that no salt or slow hash adds anything."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Token:
    """A token. `authorization_id` is None where no seller stands behind it (then `scope` says what it is for).

    `grants` narrows it: the redirect URI of a CODE, the methods and paths of a RESTRICTED one."""

    token_hash: str
    kind: Kind
    application_id: str
    authorization_id: str | None
    created_at: Instant
    expires_at: Instant | None
    scope: str | None = None
    grants: Any = None
    revoked_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """All that stands behind an access token or a restricted one, in one row."""

    application_id: str
    application_roles: frozenset[str]
    is_revoked: bool
    expires_at: Instant
    grants: list[list[str]] | None
    authorization_id: str | None
    seller_id: str | None
    authorized_marketplaces: frozenset[str]
    seller_marketplaces: frozenset[str]
    stores: frozenset[str] | None
    roles: frozenset[str]
    usage_plan: Mapping[str, tuple[float, int]]


# The same few lists come with every request; decoding each once is ten times as fast as each time.
@lru_cache(maxsize=4096)
def _names(text: str) -> frozenset[str]:
    return frozenset(msgspec.json.decode(text))


@lru_cache(maxsize=4096)
def _usage_plan(text: str) -> Mapping[str, tuple[float, int]]:
    return msgspec.json.decode(text, type=dict[str, tuple[float, int]])


_ACCESS = """
SELECT a.application_id, a.roles, t.revoked_at, g.revoked_at, a.disabled_at, t.expires_at, t.grants,
    g.authorization_id, g.seller_id, g.marketplaces, s.marketplaces, g.stores, g.roles, g.usage_plan
FROM tokens t
JOIN applications a ON a.application_id = t.application_id
LEFT JOIN authorizations g ON g.authorization_id = t.authorization_id
LEFT JOIN sellers s ON s.seller_id = g.seller_id
WHERE t.token_hash = $1 AND t.kind IN ('ACCESS', 'RESTRICTED')"""


async def find_access(c: Connection, token_hash: str) -> Access | None:
    """What stands behind the token, or None if there is no such token. Revoked and expired ones are found, too."""
    row = await c.fetch_one(_ACCESS, token_hash)
    if row is None:
        return None
    return Access(
        application_id=row[0],
        application_roles=_names(row[1]),
        is_revoked=any(at is not None for at in row[2:5]),
        expires_at=row[5],
        grants=None if row[6] is None else msgspec.json.decode(row[6]),
        authorization_id=row[7],
        seller_id=row[8],
        authorized_marketplaces=_names(row[9] or "[]"),
        seller_marketplaces=_names(row[10] or "[]"),
        stores=None if row[11] is None else _names(row[11]),
        roles=_names(row[12] or "[]"),
        usage_plan=_usage_plan(row[13] or "{}"),
    )


_COLUMNS = "token_hash, kind, application_id, authorization_id, created_at, expires_at, scope, grants, revoked_at"


async def add(c: Connection, *tokens: Token) -> None:
    """Store new tokens."""
    await c.execute_many(
        f"INSERT INTO tokens ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        [
            (
                one.token_hash,
                one.kind,
                one.application_id,
                one.authorization_id,
                one.created_at,
                one.expires_at,
                one.scope,
                None if one.grants is None else msgspec.json.encode(one.grants).decode(),
                one.revoked_at,
            )
            for one in tokens
        ],
    )


async def find(c: Connection, token_hash: str, kind: Kind, lock: bool = False) -> Token | None:
    """The token of that kind, or None."""
    row = await c.fetch_one(
        f"SELECT {_COLUMNS} FROM tokens WHERE token_hash = $1 AND kind = $2 {LOCK if lock else ''}",
        token_hash,
        kind,
    )
    if row is None:
        return None
    grants = None if row[7] is None else msgspec.json.decode(row[7])
    return Token(row[0], row[1], row[2], row[3], row[4], row[5], row[6], grants, row[8])


async def revoke(c: Connection, token_hash: str, at: Instant) -> None:
    """Refuse it from then on."""
    await c.execute("UPDATE tokens SET revoked_at = $2 WHERE token_hash = $1 AND revoked_at IS NULL", token_hash, at)


async def purge(c: Connection, expired_before: Instant) -> None:
    """Delete the tokens that expired before that; those that do not expire stay."""
    await c.execute("DELETE FROM tokens WHERE expires_at < $1", expired_before)

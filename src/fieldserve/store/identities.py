"""Whom a company's own sign-in says that a user is: issuer and subject of OpenID Connect."""

from fieldserve.store.engine import Connection


async def find(c: Connection, issuer: str, subject: str) -> str | None:
    """The id of the user that it is; None where nobody is yet."""
    row = await c.fetch_one("SELECT user_id FROM identities WHERE issuer = $1 AND subject = $2", issuer, subject)
    return None if row is None else row[0]


async def add(c: Connection, issuer: str, subject: str, user_id: str) -> None:
    """Note that they are that user. Raises AlreadyExists where they are somebody."""
    await c.execute("INSERT INTO identities (issuer, subject, user_id) VALUES ($1, $2, $3)", issuer, subject, user_id)

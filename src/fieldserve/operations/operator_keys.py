"""Keys of the operator API: created, verified, revoked."""

import secrets

from fieldserve.operations.run import Caller, Context, read, transact
from fieldserve.store import events, operator_keys
from fieldserve.store.engine import Connection
from fieldserve.store.events import Event
from fieldserve.store.operator_keys import OperatorKey
from fieldserve.store.tokens import hash_of
from fieldserve.wire import applications as words

PREFIX = "fsk_"


async def create_operator_key(context: Context, caller: Caller, name: str) -> str:
    """A new key, told this once. What it does is logged as `operator:<name>`. Raises ApiError 400."""
    if not 1 <= len(name.strip()) <= 100 or not name.isprintable():
        raise words.INVALID.error("name must have 1 to 100 printable characters", names="name")
    key = PREFIX + secrets.token_urlsafe(32)
    now = context.clock.now()

    async def use(c: Connection) -> None:
        await operator_keys.add(c, OperatorKey(hash_of(key), name, now))
        await events.append(c, Event(now, "", caller.actor, "operator_key.created", name, caller.request_id))

    await transact(context, use)
    return key


async def verify_operator_key(context: Context, key: str) -> Caller | None:
    """The operator that the key stands for, as the `caller` of operators' operations; None if it is not good."""
    if not key.startswith(PREFIX):
        return None
    known = await read(context, lambda c: operator_keys.find(c, hash_of(key)))
    if known is None or known.revoked_at is not None:
        return None
    return Caller(seller_id="", actor=f"operator:{known.name}")


async def revoke_operator_keys(context: Context, caller: Caller, name: str) -> None:
    """Refuse every key of that name from now on. None of that name is fine."""
    now = context.clock.now()

    async def use(c: Connection) -> None:
        await operator_keys.revoke(c, name, now)
        await events.append(c, Event(now, "", caller.actor, "operator_key.revoked", name, caller.request_id))

    await transact(context, use)


async def list_operator_keys(context: Context) -> list[OperatorKey]:
    """Every key, the oldest first; revoked ones, too."""
    return list(await read(context, operator_keys.list_all))

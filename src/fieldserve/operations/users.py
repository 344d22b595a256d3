"""People who use the console, as operators and admins set them up."""

import base64
import secrets
from dataclasses import replace
from typing import Any

from msgspec import UNSET

from fieldserve.domain.users import Role
from fieldserve.operations.run import Caller, Context, aside, read, transact
from fieldserve.operations.sellers import log, refuse
from fieldserve.store import sellers, technicians, users
from fieldserve.store.engine import AlreadyExists, Connection
from fieldserve.store.users import User
from fieldserve.wire.applications import NO_SELLER
from fieldserve.wire.errors import Says
from fieldserve.wire.parameters import ParameterFault
from fieldserve.wire.times import render
from fieldserve.wire.users import (
    NO_USER,
    USER_EXISTS,
    CreateUser,
    UpdateUser,
    UserListing,
    UserRecord,
    UserWithPassword,
    user_faults,
)

# Said to pages of the console alone, so it stands in no table of the API: an operator's key is no user.
OWN_ROLE = Says(
    409,
    "Conflict",
    "You cannot take your own role away, or disable yourself. Ask another admin.",
    "somebody would shut themselves out",
)


async def create_user(context: Context, caller: Caller, ask: CreateUser) -> UserWithPassword:
    """Add a person. Raises ApiError: 400, NO_SELLER, USER_EXISTS."""
    refuse(user_faults(ask.role, ask.technician_id, ask.seller_id))
    password = ask.password or new_password()
    user = User(
        context.ids.uuid(),
        ask.login.lower(),
        ask.name,
        ask.seller_id or "",
        ask.role,
        await aside(context, lambda outer: outer.client_secrets.hash(password)),
        context.clock.now(),
        ask.technician_id,
    )
    caller = caller.of_seller(user.seller_id)

    async def create(c: Connection) -> None:
        if user.seller_id and await sellers.find(c, user.seller_id) is None:
            raise NO_SELLER.error(seller_id=user.seller_id)
        refuse(await _unknown_technician(c, user.seller_id, user.technician_id))
        await add_user(context, c, caller, user)

    try:
        await transact(context, create)
    except AlreadyExists:
        raise USER_EXISTS.error(login=user.login) from None
    return UserWithPassword(record(user), None if ask.password else password)


async def add_user(context: Context, c: Connection, caller: Caller, user: User) -> None:
    """Store a new user, in a transaction that is under way. Raises AlreadyExists where the login is taken."""
    await users.add(c, user)
    await log(context, c, caller, "user.created", user.user_id, None, _logged(user))


async def update_role(context: Context, c: Connection, caller: Caller, user: User, role: Role) -> User:
    """The user with another role, in a transaction that is under way; their sessions end."""
    changed = replace(user, role=role)
    await users.update(c, changed)
    await users.end_sessions(c, user.user_id)
    await log(context, c, caller, "user.updated", user.user_id, _logged(user), _logged(changed))
    return changed


async def list_users(context: Context, seller_id: str | None, after: str, limit: int) -> UserListing:
    """A page of users by login: of one seller, of the operator's house (''), or of all (None)."""
    found = await read(context, lambda c: users.page(c, seller_id, after, limit + 1))
    return UserListing([record(one) for one in found[:limit]], found[limit - 1].login if len(found) > limit else None)


async def get_user(context: Context, seller_id: str, user_id: str) -> UserRecord:
    """One user of the seller, or of the operator's house (''). Raises ApiError NO_USER."""
    user = await read(context, lambda c: find(c, user_id))
    if user.seller_id != seller_id:
        raise NO_USER.error(user_id=user_id)
    return record(user)


async def update_user(context: Context, caller: Caller, user_id: str, ask: UpdateUser) -> UserRecord:
    """Change what is given. Another role, and being disabled, end their sessions. Raises ApiError: 400, NO_USER.

    Nobody takes away what they change users by: an admin's own role, or that they may sign in. ApiError OWN_ROLE."""

    async def update(c: Connection) -> User:
        before = await find(c, user_id, lock=True)
        if caller.actor == f"user:{user_id}" and (ask.role not in (UNSET, before.role) or ask.disabled is True):
            raise OWN_ROLE.error()
        role: Role = before.role if ask.role is UNSET else ask.role
        technician_id = before.technician_id if ask.technician_id is UNSET else ask.technician_id
        refuse(user_faults(role, technician_id, before.seller_id))
        refuse(await _unknown_technician(c, before.seller_id, technician_id))
        after = replace(
            before,
            name=before.name if ask.name is UNSET else ask.name,
            role=role,
            technician_id=technician_id,
            disabled_at=_disabled_at(context, before, ask),
            sealed_totp=None if ask.second_factor is False else before.sealed_totp,
        )
        await users.update(c, after)
        if after.role != before.role or after.disabled_at is not None:
            await users.end_sessions(c, user_id)
        of_seller = caller.of_seller(before.seller_id)
        await log(context, c, of_seller, "user.updated", user_id, _logged(before), _logged(after))
        return after

    return record(await transact(context, update))


async def reset_password(context: Context, caller: Caller, user_id: str) -> UserWithPassword:
    """A new password, made up and told this once; all sessions end. Raises ApiError: NO_USER."""
    password = new_password()
    password_hash = await aside(context, lambda outer: outer.client_secrets.hash(password))

    async def reset(c: Connection) -> User:
        user = await find(c, user_id, lock=True)
        await users.update(c, replace(user, password_hash=password_hash, failures=0))
        await users.end_sessions(c, user_id)
        await log(context, c, caller.of_seller(user.seller_id), "user.password_reset", user_id, None, None)
        return user

    return UserWithPassword(record(await transact(context, reset)), password)


async def choose_language(context: Context, user_id: str, language: str) -> None:
    """The language of the console's pages for a user, such as `de`; empty stands for the browser's."""

    async def choose(c: Connection) -> None:
        await users.update(c, replace(await find(c, user_id, lock=True), language=language[:10]))

    await transact(context, choose)


async def find(c: Connection, user_id: str, *, lock: bool = False) -> User:
    """The user, within a transaction. Raises ApiError: NO_USER."""
    user = await users.find(c, user_id, lock=lock)
    if user is None:
        raise NO_USER.error(user_id=user_id)
    return user


def new_password() -> str:
    """100 random bits in groups that can be read out: `k3vq-8dpa-…`."""
    letters = base64.b32encode(secrets.token_bytes(15)).decode().lower()[:20]
    return "-".join(letters[start : start + 4] for start in range(0, 20, 4))


def record(user: User) -> UserRecord:
    """A user as the operator API tells them."""
    return UserRecord(
        user.user_id,
        user.login,
        user.name,
        user.role,
        render(user.created_at),
        user.sealed_totp is not None,
        user.seller_id or None,
        user.technician_id,
        None if user.disabled_at is None else render(user.disabled_at),
    )


async def _unknown_technician(c: Connection, seller_id: str, technician_id: str | None) -> list[ParameterFault]:
    if technician_id is None or await technicians.find(c, seller_id, technician_id) is not None:
        return []
    return [ParameterFault("technicianId", f"the seller has no technician {technician_id}")]


def _disabled_at(context: Context, before: User, ask: UpdateUser) -> int | None:
    if ask.disabled is UNSET or ask.disabled == (before.disabled_at is not None):
        return before.disabled_at
    return context.clock.now() if ask.disabled else None


def _logged(user: User) -> dict[str, Any]:
    # The log is kept for good, so it names nobody: who an id was, the table of users tells as long as it should.
    return {
        "role": user.role,
        "technicianId": user.technician_id,
        "disabled": user.disabled_at is not None,
        "secondFactor": user.sealed_totp is not None,
    }

"""`fieldserve users`: people who use the console."""

from typing import TYPE_CHECKING, Any

import click

from fieldserve.cli.operate import _ask, _common, _every_page, _plain, _print_all, _print_one, _run, _told_once

if TYPE_CHECKING:
    from fieldserve.operations.run import Caller, Context

ROLES = ("admin", "dispatcher", "analyst", "developer", "technician")


@click.group()
def users() -> None:
    """People who use the console."""


@users.command("add")
@click.argument("login")
@click.option("--name", help="What the console calls them; the login if absent.")
@click.option("--role", type=click.Choice(ROLES), required=True)
@click.option("--seller", help="The seller that they belong to; absent, they are of the operator's house.")
@click.option("--technician", help="For technicians: the technicianId that they drive as.")
@_common
def users_add(
    login: str,
    name: str | None,
    role: str,
    seller: str | None,
    technician: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Let somebody sign in to the console as LOGIN. Their password is made up, and printed this once."""
    from fieldserve.operations.users import create_user
    from fieldserve.wire.users import CreateUser

    async def use(context: "Context", caller: "Caller") -> Any:
        ask = _ask(CreateUser, login=login, name=name or login, role=role, sellerId=seller, technicianId=technician)
        return _flat(await create_user(context, caller, ask))

    _print_one(_run(given, use), as_json)
    _told_once("password")


@users.command("list")
@click.option("--seller", help="Only those of this seller.")
@_common
def users_list(seller: str | None, as_json: bool, **given: Any) -> None:
    """List people by login."""
    from fieldserve.operations.users import list_users

    async def use(context: "Context", _: "Caller") -> Any:
        return await _every_page(lambda after: list_users(context, seller, after, 500), "users")

    columns = ("userId", "login", "name", "role", "sellerId", "secondFactor", "disabledAt")
    _print_all(_run(given, use), as_json, columns)


@users.command("disable")
@click.argument("user")
@_common
def users_disable(user: str, as_json: bool, **given: Any) -> None:
    """Shut a person out and end their sessions. USER is their userId."""
    _update(given, user, as_json, disabled=True)


@users.command("enable")
@click.argument("user")
@_common
def users_enable(user: str, as_json: bool, **given: Any) -> None:
    """Let a person in again. USER is their userId."""
    _update(given, user, as_json, disabled=False)


@users.command("password")
@click.argument("user")
@_common
def users_password(user: str, as_json: bool, **given: Any) -> None:
    """Make up another password and end the person's sessions. USER is their userId."""
    from fieldserve.operations.users import reset_password

    async def use(context: "Context", caller: "Caller") -> Any:
        return _flat(await reset_password(context, caller, user))

    _print_one(_run(given, use), as_json)
    _told_once("password")


@users.command("reset-second-factor")
@click.argument("user")
@_common
def users_reset_second_factor(user: str, as_json: bool, **given: Any) -> None:
    """Take a person's second factor away, so that they can set up another. USER is their userId."""
    _update(given, user, as_json, secondFactor=False)


def _update(given: dict[str, Any], user: str, as_json: bool, **members: Any) -> None:
    from fieldserve.operations.users import update_user
    from fieldserve.wire.users import UpdateUser

    async def use(context: "Context", caller: "Caller") -> Any:
        return await update_user(context, caller, user, _ask(UpdateUser, **members))

    _print_one(_run(given, use), as_json)


def _flat(made: Any) -> dict[str, Any]:
    told: dict[str, Any] = _plain(made)
    return {**told["user"], **{name: value for name, value in told.items() if name != "user"}}

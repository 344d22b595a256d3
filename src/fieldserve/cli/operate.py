"""What operators do, from a shell, on the database itself: `fieldserve sellers`, `stores`, `orders`, `keys` and so on.

Each command makes the request that the operator API takes, and has the same operation carry it out.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from fieldserve.cli import fail
from fieldserve.cli.options import settings, where_data_is

if TYPE_CHECKING:
    from fieldserve.operations.run import Caller, Context

F = TypeVar("F", bound=Callable[..., Any])

ACTOR = "operator:command-line"
PAGE = 500
LOCATIONS = ("IN_HOME", "IN_STORE", "ONLINE")
DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")

Use = Callable[["Context", "Caller"], Awaitable[Any]]


# ---- how every command runs, and what it prints


def _common(command: F) -> F:
    """Options of every command: where the data is, and whether a machine reads the answer."""
    as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    return where_data_is(as_json(command))


def _run(given: dict[str, Any], use: Use, seller_id: str = "") -> Any:
    """Open the database, do it, close. What an operator can mend is told in a line, with exit code 2."""
    from fieldserve.app import opened
    from fieldserve.operations.run import Caller
    from fieldserve.store.engine import Unavailable
    from fieldserve.store.keys import KeyFault
    from fieldserve.wire.bodies import BodyFault
    from fieldserve.wire.errors import ApiError

    async def run() -> Any:
        async with opened(settings(**given)) as context:
            return _plain(await use(context, Caller(seller_id, actor=ACTOR)))

    try:
        return asyncio.run(run())
    except ApiError as refusal:
        fail("; ".join(one.message + (f" ({one.details})" if one.details else "") for one in refusal.faults))
    except BodyFault as fault:
        fail(fault.fault.reason)
    except (Unavailable, KeyFault, ValueError) as fault:
        fail(str(fault))


def _plain(answer: Any) -> Any:
    from fieldserve.wire.encoding import encode

    return json.loads(answer if isinstance(answer, bytes) else encode(answer))


def _ask(shape: type[Any], **members: Any) -> Any:
    """A request of the operator API; what was not given is left out. Raises BodyFault."""
    from fieldserve.wire.bodies import convert

    given = {name: value for name, value in members.items() if value is not None and value != ()}
    return convert(given, shape)


def _print_one(answer: Any, as_json: bool) -> None:
    if as_json or not isinstance(answer, dict):
        click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
        return
    width = max(len(name) for name in answer)
    for name, value in answer.items():
        click.echo(f"{name:<{width}}  {_cell(value)}")


def run_and_print(given: dict[str, Any], use: Use) -> None:
    """Carry out a use as the operator at this machine, and print its answer as JSON."""
    _print_one(_run(given, use), True)


def _print_all(rows: Sequence[dict[str, Any]], as_json: bool, columns: Sequence[str], limit: int | None = None) -> None:
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in columns))
    # A pipe has no width; nothing is cut for it.
    Console(width=None if sys.stdout.isatty() else 240, markup=False, highlight=False).print(table)
    told = f"the first {limit}; --limit shows more" if len(rows) == limit else f"{len(rows)} in all"
    click.echo(told, err=True)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, list):
        return ", ".join(map(_cell, value)) or "–"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)


def _told_once(what: str) -> None:
    click.secho(f"{what} is shown this once and kept nowhere; put it in a safe place.", fg="yellow", err=True)


async def _every_page(listing: Callable[[str], Awaitable[Any]], members: str) -> list[Any]:
    """All pages of a listing of the operator API, behind one another."""
    rows: list[Any] = []
    after = ""
    while True:
        page = _plain(await listing(after))
        rows += page[members]
        after = page.get("next") or ""
        if not after:
            return rows


# ---- sellers


@click.group()
def sellers() -> None:
    """Sellers, and the marketplaces that they take part in."""


@sellers.command("add")
@click.argument("name")
@click.option("--marketplace", "marketplaces", multiple=True, required=True, help="Id; may be given several times.")
@click.option("--id", "seller_id", help="The seller's id.  [default: made up]")
@_common
def sellers_add(name: str, marketplaces: tuple[str, ...], seller_id: str | None, as_json: bool, **given: Any) -> None:
    """Add a seller."""
    from fieldserve.operations.sellers import create_seller
    from fieldserve.wire.sellers import CreateSeller

    async def use(context: "Context", caller: "Caller") -> Any:
        ask = _ask(CreateSeller, name=name, marketplaceIds=marketplaces, sellerId=seller_id)
        return await create_seller(context, caller, ask)

    _print_one(_run(given, use), as_json)


@sellers.command("list")
@_common
def sellers_list(as_json: bool, **given: Any) -> None:
    """List all sellers."""
    from fieldserve.operations.sellers import list_sellers

    async def use(context: "Context", _: "Caller") -> Any:
        return await _every_page(lambda after: list_sellers(context, after, PAGE), "sellers")

    _print_all(_run(given, use), as_json, ("sellerId", "name", "marketplaceIds", "createdAt"))


@sellers.command("show")
@click.argument("seller")
@_common
def sellers_show(seller: str, as_json: bool, **given: Any) -> None:
    """Show a seller."""
    from fieldserve.operations.sellers import get_seller

    _print_one(_run(given, get_seller, seller), as_json)


# ---- stores


def _hours(days: Sequence[str], opens: str | None, closes: str | None, capacity: int | None = None) -> Any:
    """The members of weekly hours, if any are given."""
    if opens is None and closes is None:
        return None
    if opens is None or closes is None:
        raise click.UsageError("--opens and --closes go together")
    hours: dict[str, Any] = {"opens": opens, "closes": closes, "daysOfWeek": list(days)}
    return [hours if capacity is None else {**hours, "capacity": capacity}]


_OPENS = click.option("--opens", metavar="HH:MM", help="Working hours by the local clock: from …")
_CLOSES = click.option("--closes", metavar="HH:MM", help="… until …")
_DAYS = click.option("--day", "days", type=click.Choice(DAYS), multiple=True, help="… on these days.  [default: all]")
_LATITUDE = click.option("--latitude", type=float, help="Degrees, together with --longitude.")
_LONGITUDE = click.option("--longitude", type=float, help="Degrees.")
_ZONE = click.option("--time-zone", required=True, metavar="IANA", help="Such as Europe/Berlin.")
_MARKETPLACE = click.option("--marketplace", required=True, help="Id of the marketplace that it serves.")
_SKILLS = click.option("--skill", "skills", multiple=True, help="May be given several times.")


@click.group()
def stores() -> None:
    """Stores of a seller."""


@stores.command("add")
@click.argument("seller")
@click.argument("name")
@_ZONE
@_MARKETPLACE
@click.option("--id", "store_id", help="The store's id.  [default: made up]")
@click.option(
    "--non-real-time", is_flag=True, help="The seller's own system holds the inventory; hours alone are checked here."
)
@_LATITUDE
@_LONGITUDE
@_OPENS
@_CLOSES
@_DAYS
@click.option("--capacity", type=int, default=1, show_default=True, help="Jobs at a time in those hours.")
@_common
def stores_add(
    seller: str,
    name: str,
    time_zone: str,
    marketplace: str,
    store_id: str | None,
    non_real_time: bool,
    latitude: float | None,
    longitude: float | None,
    opens: str | None,
    closes: str | None,
    days: tuple[str, ...],
    capacity: int,
    as_json: bool,
    **given: Any,
) -> None:
    """Add a store, with its weekly opening hours if you like."""
    from fieldserve.operations.stores import create_store
    from fieldserve.wire.stores import CreateStore

    hours = _hours(days, opens, closes, capacity)

    async def use(context: "Context", caller: "Caller") -> Any:
        ask = _ask(
            CreateStore,
            name=name,
            timeZone=time_zone,
            marketplaceId=marketplace,
            storeId=store_id,
            schedulingType="NON_REAL_TIME_SCHEDULING" if non_real_time else None,
            latitude=latitude,
            longitude=longitude,
            openingHours=hours,
        )
        return await create_store(context, caller, ask)

    _print_one(_run(given, use, seller), as_json)


@stores.command("list")
@click.argument("seller")
@_common
def stores_list(seller: str, as_json: bool, **given: Any) -> None:
    """List a seller's stores."""
    from fieldserve.operations.stores import list_stores

    async def use(context: "Context", caller: "Caller") -> Any:
        return await _every_page(lambda after: list_stores(context, caller, after, PAGE), "stores")

    _print_all(_run(given, use, seller), as_json, ("storeId", "name", "timeZone", "marketplaceId", "schedulingType"))


@stores.command("show")
@click.argument("seller")
@click.argument("store")
@_common
def stores_show(seller: str, store: str, as_json: bool, **given: Any) -> None:
    """Show a store."""
    from fieldserve.operations.stores import get_store

    _print_one(_run(given, lambda context, caller: get_store(context, caller, store), seller), as_json)


# ---- technicians


@click.group()
def technicians() -> None:
    """Technicians of a seller."""


@technicians.command("add")
@click.argument("seller")
@click.argument("name")
@_ZONE
@_MARKETPLACE
@click.option("--store", "store_ids", multiple=True, help="A store to work for; may be given several times.")
@_SKILLS
@click.option("--where", "places", type=click.Choice(LOCATIONS), multiple=True, help="[default: everywhere]")
@click.option("--id", "technician_id", help="The technician's id.  [default: made up]")
@click.option("--unregistered", is_flag=True, help="Not registered: cannot be assigned.")
@click.option("--unchecked", is_flag=True, help="Without a background check: cannot be assigned.")
@_LATITUDE
@_LONGITUDE
@_OPENS
@_CLOSES
@_DAYS
@_common
def technicians_add(
    seller: str,
    name: str,
    time_zone: str,
    marketplace: str,
    store_ids: tuple[str, ...],
    skills: tuple[str, ...],
    places: tuple[str, ...],
    technician_id: str | None,
    unregistered: bool,
    unchecked: bool,
    latitude: float | None,
    longitude: float | None,
    opens: str | None,
    closes: str | None,
    days: tuple[str, ...],
    as_json: bool,
    **given: Any,
) -> None:
    """Add a technician, with weekly working hours if you like; the coordinates are those of the home."""
    from fieldserve.operations.technicians import create_technician
    from fieldserve.wire.technicians import CreateTechnician

    hours = _hours(days, opens, closes)

    async def use(context: "Context", caller: "Caller") -> Any:
        ask = _ask(
            CreateTechnician,
            name=name,
            timeZone=time_zone,
            marketplaceId=marketplace,
            technicianId=technician_id,
            storeIds=store_ids,
            skills=skills,
            serviceLocationTypes=places,
            registered=not unregistered,
            backgroundChecked=not unchecked,
            homeLatitude=latitude,
            homeLongitude=longitude,
            workingHours=hours,
        )
        return await create_technician(context, caller, ask)

    _print_one(_run(given, use, seller), as_json)


@technicians.command("list")
@click.argument("seller")
@_common
def technicians_list(seller: str, as_json: bool, **given: Any) -> None:
    """List a seller's technicians."""
    from fieldserve.operations.technicians import list_technicians

    async def use(context: "Context", caller: "Caller") -> Any:
        return await _every_page(lambda after: list_technicians(context, caller, after, PAGE), "technicians")

    columns = ("technicianId", "name", "storeIds", "skills", "registered", "backgroundChecked")
    _print_all(_run(given, use, seller), as_json, columns)


@technicians.command("show")
@click.argument("seller")
@click.argument("technician")
@_common
def technicians_show(seller: str, technician: str, as_json: bool, **given: Any) -> None:
    """Show a technician."""
    from fieldserve.operations.technicians import get_technician

    _print_one(_run(given, lambda context, caller: get_technician(context, caller, technician), seller), as_json)


# ---- services


@click.group()
def services() -> None:
    """Services that a seller offers."""


@services.command("add")
@click.argument("seller")
@click.argument("asin")
@click.argument("title")
@click.option("--minutes", type=int, required=True, help="How long a visit takes.")
@click.option("--where", type=click.Choice(LOCATIONS), default="IN_HOME", show_default=True)
@click.option("--interval", type=int, default=30, show_default=True, help="Minutes from one start to the next.")
@click.option("--notice", type=int, default=120, show_default=True, help="Minutes that a booking comes before it.")
@click.option("--before", type=int, default=0, show_default=True, help="Minutes to keep free before a visit.")
@click.option("--after", type=int, default=0, show_default=True, help="Minutes to keep free after it.")
@_SKILLS
@_common
def services_add(
    seller: str,
    asin: str,
    title: str,
    minutes: int,
    where: str,
    interval: int,
    notice: int,
    before: int,
    after: int,
    skills: tuple[str, ...],
    as_json: bool,
    **given: Any,
) -> None:
    """Offer a service."""
    from fieldserve.operations.services import create_service
    from fieldserve.wire.services import CreateService

    async def use(context: "Context", caller: "Caller") -> Any:
        ask = _ask(
            CreateService,
            asin=asin,
            title=title,
            durationMinutes=minutes,
            serviceLocationType=where,
            slotIntervalMinutes=interval,
            noticeMinutes=notice,
            bufferBeforeMinutes=before,
            bufferAfterMinutes=after,
            skills=skills,
        )
        return await create_service(context, caller, ask)

    _print_one(_run(given, use, seller), as_json)


@services.command("list")
@click.argument("seller")
@_common
def services_list(seller: str, as_json: bool, **given: Any) -> None:
    """List a seller's services."""
    from fieldserve.operations.services import list_services

    async def use(context: "Context", caller: "Caller") -> Any:
        return await _every_page(lambda after: list_services(context, caller, after, PAGE), "services")

    columns = ("asin", "title", "durationMinutes", "serviceLocationType", "skills")
    _print_all(_run(given, use, seller), as_json, columns)


@services.command("show")
@click.argument("seller")
@click.argument("asin")
@_common
def services_show(seller: str, asin: str, as_json: bool, **given: Any) -> None:
    """Show a service."""
    from fieldserve.operations.services import get_service

    _print_one(_run(given, lambda context, caller: get_service(context, caller, asin), seller), as_json)


# ---- orders


@click.group()
def orders() -> None:
    """Orders, and the jobs that come of them."""


@orders.command("place")
@click.argument("seller")
@click.option("--store", help="The store that is to do it.")
@click.option("--asin", help="The service.")
@click.option("--buyer", help="The buyer's name.")
@click.option("--id", "job_id", help="The job's id.  [default: made up]")
@click.option(
    "--file", "file", type=click.File("rb"), help="The whole order as JSON, as the operator API takes it; - is stdin."
)
@_common
def orders_place(
    seller: str,
    store: str | None,
    asin: str | None,
    buyer: str | None,
    job_id: str | None,
    file: Any,
    as_json: bool,
    **given: Any,
) -> None:
    """Place an order for a service job. Options win over the members of --file."""
    from fieldserve.operations.orders import place_order
    from fieldserve.wire.orders import PlaceOrder

    order = {} if file is None else _object_in(file)
    chosen = {"storeId": store, "asin": asin, "buyer": {"name": buyer} if buyer else None, "serviceJobId": job_id}
    order |= {name: value for name, value in chosen.items() if value is not None}

    async def use(context: "Context", caller: "Caller") -> Any:
        return await place_order(context, caller, _ask(PlaceOrder, **order))

    _print_one(_run(given, use, seller), as_json)


def _object_in(file: Any) -> dict[str, Any]:
    try:
        content: object = json.load(file)
    except ValueError as fault:
        fail(f"{file.name} is not JSON: {fault}")
    if not isinstance(content, dict):
        fail(f"{file.name} holds no order: it must be a JSON object")
    return content


@orders.command("list")
@click.argument("seller")
@click.option("--status", "statuses", multiple=True, help="Only jobs in this state; may be given several times.")
@click.option("--store", help="Only jobs of this store.")
@click.option(
    "--limit", type=click.IntRange(1), default=100, show_default=True, help="At most that many, oldest first."
)
@_common
def orders_list(
    seller: str, statuses: tuple[str, ...], store: str | None, limit: int, as_json: bool, **given: Any
) -> None:
    """List a seller's jobs, the oldest first."""
    from fieldserve.operations.orders import list_ordered_jobs

    async def use(context: "Context", caller: "Caller") -> Any:
        page = await list_ordered_jobs(context, caller, statuses=statuses, store_id=store, limit=limit)
        return json.loads(page)["jobs"]

    jobs = _run(given, use, seller)
    if not as_json:
        jobs = [{**job, "title": job["scopeOfWork"].get("title")} for job in jobs]
    _print_all(jobs, as_json, ("serviceJobId", "serviceJobStatus", "createTime", "storeId", "title"), limit)


@orders.command("show")
@click.argument("seller")
@click.argument("job")
@_common
def orders_show(seller: str, job: str, as_json: bool, **given: Any) -> None:
    """Show a job as the API answers it."""
    from fieldserve.operations.orders import get_ordered_job

    # A job is a tree; there is no table that would show it.
    _print_one(_run(given, lambda context, caller: get_ordered_job(context, caller, job), seller), as_json=True)


_DEEDS = {
    "hold": ("hold_job", "Put a job on HOLD; its appointment is cancelled."),
    "release": ("release_job", "Return a job from HOLD to PENDING_SCHEDULE."),
    "cancel": ("cancel_job_as_buyer", "Cancel a job as its buyer does."),
    "decline-payment": ("decline_job_payment", "End a job whose payment was declined."),
    "not-fulfillable": ("mark_job_not_fulfillable", "End a job that nobody can do."),
}


def _deed(name: str, operation: str, says: str) -> None:
    @orders.command(name, help=says)
    @click.argument("seller")
    @click.argument("job")
    @click.option("--reason", help="Why; it goes to the event log.")
    @_common
    def deed(seller: str, job: str, reason: str | None, as_json: bool, **given: Any) -> None:
        from fieldserve.operations import operator_jobs
        from fieldserve.wire.orders import JobDeed

        async def use(context: "Context", caller: "Caller") -> Any:
            return await getattr(operator_jobs, operation)(context, caller, job, _ask(JobDeed, reason=reason))

        _print_one(_run(given, use, seller), as_json)


for _name, (_operation, _says) in _DEEDS.items():
    _deed(_name, _operation, _says)


# ---- applications


@click.group()
def applications() -> None:
    """Applications that call the API, and what sellers let them do."""


@applications.command("add")
@click.argument("name")
@click.option("--redirect-uri", "redirect_uris", multiple=True, help="Where consent may lead; https.")
@_common
def applications_add(name: str, redirect_uris: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Register an application. Its client secret is printed this once."""
    from fieldserve.operations.applications import create_application

    async def use(context: "Context", caller: "Caller") -> Any:
        made = await create_application(context, caller, name, redirect_uris=redirect_uris)
        return {**_application(made.application), "clientSecret": made.client_secret}

    _print_one(_run(given, use), as_json)
    _told_once("clientSecret")


@applications.command("list")
@_common
def applications_list(as_json: bool, **given: Any) -> None:
    """List all applications."""
    from fieldserve.operations.applications import list_applications

    async def use(context: "Context", _: "Caller") -> Any:
        return [_application(one) for one in await list_applications(context)]

    _print_all(_run(given, use), as_json, ("applicationId", "clientId", "name", "disabled"))


@applications.command("rotate-secret")
@click.argument("application")
@_common
def applications_rotate(application: str, as_json: bool, **given: Any) -> None:
    """Give an application a new client secret; the old one fails at once."""
    from fieldserve.operations.applications import rotate_secret

    async def use(context: "Context", caller: "Caller") -> Any:
        made = await rotate_secret(context, caller, application)
        return {**_application(made.application), "clientSecret": made.client_secret}

    _print_one(_run(given, use), as_json)
    _told_once("clientSecret")


@applications.command("disable")
@click.argument("application")
@_common
def applications_disable(application: str, as_json: bool, **given: Any) -> None:
    """Refuse an application and all of its tokens from now on."""
    from fieldserve.operations.applications import disable_application

    async def use(context: "Context", caller: "Caller") -> Any:
        await disable_application(context, caller, application)
        return {"applicationId": application, "disabled": True}

    _print_one(_run(given, use), as_json)


@applications.command("authorize")
@click.argument("application")
@click.argument("seller")
@click.option("--marketplace", "marketplaces", multiple=True, help="[default: all of the seller's]")
@click.option("--store", "store_ids", multiple=True, help="[default: all of the seller's]")
@_common
def applications_authorize(
    application: str,
    seller: str,
    marketplaces: tuple[str, ...],
    store_ids: tuple[str, ...],
    as_json: bool,
    **given: Any,
) -> None:
    """Let an application act for a seller. The refresh token is printed this once."""
    from fieldserve.operations.applications import authorize_application

    async def use(context: "Context", caller: "Caller") -> Any:
        made = await authorize_application(
            context, caller, application, seller, marketplaces or None, store_ids or None
        )
        granted = made.authorization
        return {
            "authorizationId": granted.authorization_id,
            "applicationId": granted.application_id,
            "sellerId": granted.seller_id,
            "marketplaceIds": sorted(granted.marketplaces),
            "storeIds": None if granted.stores is None else sorted(granted.stores),
            "refreshToken": made.refresh_token,
        }

    _print_one(_run(given, use), as_json)
    _told_once("refreshToken")


@applications.command("authorizations")
@click.argument("seller")
@_common
def applications_authorizations(seller: str, as_json: bool, **given: Any) -> None:
    """List what a seller granted."""
    from fieldserve.operations.applications import list_authorizations

    async def use(context: "Context", _: "Caller") -> Any:
        return [
            {
                "authorizationId": one.authorization_id,
                "applicationId": one.application_id,
                "marketplaceIds": sorted(one.marketplaces),
                "storeIds": None if one.stores is None else sorted(one.stores),
                "revoked": one.revoked_at is not None,
            }
            for one in await list_authorizations(context, seller)
        ]

    columns = ("authorizationId", "applicationId", "marketplaceIds", "storeIds", "revoked")
    _print_all(_run(given, use), as_json, columns)


@applications.command("revoke")
@click.argument("authorization")
@_common
def applications_revoke(authorization: str, as_json: bool, **given: Any) -> None:
    """Refuse every token of an authorization from now on."""
    from fieldserve.operations.applications import revoke_authorization

    async def use(context: "Context", caller: "Caller") -> Any:
        await revoke_authorization(context, caller, authorization)
        return {"authorizationId": authorization, "revoked": True}

    _print_one(_run(given, use), as_json)


@applications.command("sign-in-code")
@click.argument("seller")
@_common
def applications_sign_in_code(seller: str, as_json: bool, **given: Any) -> None:
    """Issue a code with which a seller signs in to the consent page, once, within 15 minutes."""
    from fieldserve.operations.consent import issue_sign_in_code

    async def use(context: "Context", caller: "Caller") -> Any:
        return {"sellerId": seller, "signInCode": await issue_sign_in_code(context, caller, seller)}

    _print_one(_run(given, use), as_json)
    _told_once("signInCode")


def _application(one: Any) -> dict[str, Any]:
    return {
        "applicationId": one.application_id,
        "clientId": one.client_id,
        "name": one.name,
        "roles": sorted(one.roles),
        "redirectUris": list(one.redirect_uris),
        "disabled": one.disabled_at is not None,
    }


# ---- keys


@click.group()
def keys() -> None:
    """Keys of the operator API."""


@keys.command("add")
@click.argument("name")
@_common
def keys_add(name: str, as_json: bool, **given: Any) -> None:
    """Make a key. It is printed this once; what is done with it is logged under NAME."""
    from fieldserve.operations.operator_keys import create_operator_key

    async def use(context: "Context", caller: "Caller") -> Any:
        return {"name": name, "key": await create_operator_key(context, caller, name)}

    _print_one(_run(given, use), as_json)
    _told_once("key")


@keys.command("list")
@_common
def keys_list(as_json: bool, **given: Any) -> None:
    """List all keys by name, never the keys themselves."""
    from fieldserve.operations.operator_keys import list_operator_keys
    from fieldserve.wire.times import render

    async def use(context: "Context", _: "Caller") -> Any:
        return [
            {"name": one.name, "createdAt": render(one.created_at), "revoked": one.revoked_at is not None}
            for one in await list_operator_keys(context)
        ]

    _print_all(_run(given, use), as_json, ("name", "createdAt", "revoked"))


@keys.command("revoke")
@click.argument("name")
@_common
def keys_revoke(name: str, as_json: bool, **given: Any) -> None:
    """Refuse every key of that name from now on."""
    from fieldserve.operations.operator_keys import revoke_operator_keys

    async def use(context: "Context", caller: "Caller") -> Any:
        await revoke_operator_keys(context, caller, name)
        return {"name": name, "revoked": True}

    _print_one(_run(given, use), as_json)

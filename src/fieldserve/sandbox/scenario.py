"""Scenarios: a world written down, which a sandbox begins with and returns to.

A file in TOML or JSON names sellers with their stores, technicians, services and orders, in the shapes of the operator
API, and applications that may act for them. `small` is one that is there already.
"""

import json
import tomllib
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from fieldserve.operations import appointments, orders, sellers, services, stores, technicians
from fieldserve.operations.run import Caller, Context, transact
from fieldserve.store import applications, authorizations, tokens
from fieldserve.store.applications import Application
from fieldserve.store.authorizations import Authorization
from fieldserve.store.engine import Connection
from fieldserve.store.tokens import Token, hash_of
from fieldserve.wire.applications import Usage
from fieldserve.wire.appointments import AppointmentWindow
from fieldserve.wire.bodies import BodyFault, convert
from fieldserve.wire.errors import ApiError
from fieldserve.wire.limits import Ask, Name, SellerId
from fieldserve.wire.operations import BY_ID, ROLE
from fieldserve.wire.orders import PlaceOrder
from fieldserve.wire.sellers import CreateSeller
from fieldserve.wire.services import CreateService
from fieldserve.wire.stores import CreateStore
from fieldserve.wire.technicians import CreateTechnician
from fieldserve.wire.times import Instant, TimeFault, parse
from fieldserve.wire.tokens import REFRESH_PREFIX

OPERATOR = Caller("", actor="operator:sandbox")
SMALL = "small"

Text = Annotated[str, Meta(min_length=1, max_length=200)]


class ScenarioFault(ValueError):
    """The scenario cannot be read or made. The text says which part, and why."""


class ScenarioOrder(PlaceOrder):
    """An order, and the appointment that it has already, if `startTime` is given, with its technicians."""

    start_time: str | None = None
    technician_ids: tuple[str, ...] = ()


class ScenarioSeller(CreateSeller):
    """A seller with all that it has."""

    stores: tuple[CreateStore, ...] = ()
    technicians: tuple[CreateTechnician, ...] = ()
    services: tuple[CreateService, ...] = ()
    orders: tuple[ScenarioOrder, ...] = ()


class ScenarioApplication(Ask):
    """An application that may act for a seller. What is not given of its credentials is made up.

    `usagePlan` overrides the published one of operations, by their id."""

    name: Name
    seller_id: SellerId
    client_id: Text | None = None
    client_secret: Text | None = None
    refresh_token: Text | None = None
    usage_plan: dict[str, Usage] | None = None

    def __repr__(self) -> str:  # the default one would carry secrets into logs
        return f"ScenarioApplication({self.name!r}, …)"


class Scenario(Ask):
    """A world. `now` is its present when it begins, the machine's if absent; `frozen`: the clock stands there."""

    sellers: Annotated[tuple[ScenarioSeller, ...], Meta(min_length=1)]
    applications: tuple[ScenarioApplication, ...] = ()
    now: str | None = None
    frozen: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """What a client needs to call for a seller."""

    name: str
    seller_id: str
    marketplace_ids: tuple[str, ...]
    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)


def read_scenario(where: str) -> Scenario:
    """A scenario by the path of its file, or `small`. Raises ScenarioFault."""
    try:
        if where == SMALL:
            text = files(__package__).joinpath("small.toml").read_text("utf-8")
            return scenario_of(tomllib.loads(text))
        path = Path(where)
        text = path.read_text("utf-8")
        return scenario_of(json.loads(text) if path.suffix == ".json" else tomllib.loads(text))
    except (OSError, UnicodeDecodeError) as fault:
        raise ScenarioFault(f"the scenario {where} cannot be read: {fault}") from None
    except ValueError as fault:
        raise ScenarioFault(f"the scenario {where}: {fault}") from None


def scenario_of(value: Any) -> Scenario:
    """A scenario from plain values. Raises ScenarioFault."""
    try:
        scenario = convert(value, Scenario)
    except BodyFault as fault:
        raise ScenarioFault(fault.fault.reason) from None
    if scenario.now is not None:
        present(scenario)
    return scenario


def present(scenario: Scenario) -> Instant | None:
    """When the scenario begins; None stands for the machine's present. Raises ScenarioFault."""
    try:
        return None if scenario.now is None else parse(scenario.now)
    except TimeFault:
        raise ScenarioFault(f"now must be an ISO 8601 time, not {scenario.now!r}") from None


async def build(context: Context, scenario: Scenario) -> list[Account]:
    """Make the world, through the ordinary operations. Raises ScenarioFault."""
    try:
        for seller in scenario.sellers:
            await _seller(context, seller)
        return [await _application(context, one, scenario) for one in scenario.applications]
    except ApiError as refusal:
        told = "; ".join(one.message + (f" ({one.details})" if one.details else "") for one in refusal.faults)
        raise ScenarioFault(told) from None


async def _seller(context: Context, seller: ScenarioSeller) -> None:
    ask = CreateSeller(
        name=seller.name,
        marketplace_ids=seller.marketplace_ids,
        seller_id=seller.seller_id,
        settings=seller.settings,
    )
    made = await sellers.create_seller(context, OPERATOR, ask)
    caller = Caller(made.seller_id, marketplaces=frozenset(made.marketplace_ids), actor=OPERATOR.actor)
    for store in seller.stores:
        await stores.create_store(context, caller, store)
    for technician in seller.technicians:
        await technicians.create_technician(context, caller, technician)
    for service in seller.services:
        await services.create_service(context, caller, service)
    for order in seller.orders:
        await _order(context, caller, order)


async def _order(context: Context, caller: Caller, order: ScenarioOrder) -> None:
    own = {name: getattr(order, name) for name in PlaceOrder.__struct_fields__}
    placed = await orders.place_order(context, caller, PlaceOrder(**own))
    if order.start_time is None:
        return
    try:
        window = AppointmentWindow(parse(order.start_time), None)
    except TimeFault:
        raise ScenarioFault(f"startTime must be an ISO 8601 time, not {order.start_time!r}") from None
    job_id = placed.service_job_id
    booked = await appointments.add_appointment_for_service_job_by_service_job_id(context, caller, job_id, window)
    if order.technician_ids:
        assert booked.appointment_id is not None
        await appointments.assign_appointment_resources(
            context, caller, job_id, booked.appointment_id, list(order.technician_ids)
        )


async def _application(context: Context, ask: ScenarioApplication, scenario: Scenario) -> Account:
    seller = next((one for one in scenario.sellers if one.seller_id == ask.seller_id), None)
    if seller is None:
        raise ScenarioFault(f"the application {ask.name} acts for {ask.seller_id}, who is no seller of the scenario")
    if unknown := set(ask.usage_plan or ()) - set(BY_ID):
        raise ScenarioFault(f"the application {ask.name}: usagePlan names {sorted(unknown)[0]}, which is no operation")
    made_up = context.ids.uuid().replace("-", "")
    account = Account(
        ask.name,
        ask.seller_id,
        tuple(seller.marketplace_ids),
        ask.client_id or f"amzn1.application-oa2-client.{made_up}",
        ask.client_secret or f"amzn1.oa2-cs.v1.{context.ids.uuid().replace('-', '')}",
        ask.refresh_token or f"{REFRESH_PREFIX}{context.ids.uuid()}",
    )
    now = context.clock.now()
    application = Application(
        f"amzn1.sp.solution.{context.ids.uuid()}",
        account.client_id,
        await context.client_secrets.hash(account.client_secret),
        ask.name,
        frozenset({ROLE}),
        (),
        frozenset(),
        now,
    )
    authorization = Authorization(
        context.ids.uuid(),
        application.application_id,
        ask.seller_id,
        frozenset(seller.marketplace_ids),
        None,
        frozenset({ROLE}),
        {name: (one.rate, one.burst) for name, one in (ask.usage_plan or {}).items()},
        now,
    )
    token = Token(
        hash_of(account.refresh_token),
        "REFRESH",
        application.application_id,
        authorization.authorization_id,
        now,
        None,
    )

    async def use(c: Connection) -> None:
        await applications.add(c, application)
        await authorizations.add(c, authorization)
        await tokens.add(c, token)

    await transact(context, use)
    return account

"""Makes the demo world, through the ordinary operations, under a clock that walks up to the present day.

Same seed and day, same world, down to ids and times; secrets alone differ.
"""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import NamedTuple

from obstore.store import LocalStore

from fieldserve.domain.intervals import DAY, HOUR, MINUTE, Instant
from fieldserve.domain.schedules import instant_of, local
from fieldserve.operations.applications import authorize_application, create_application
from fieldserve.operations.feedback import import_feedback
from fieldserve.operations.operator_keys import create_operator_key
from fieldserve.operations.reservations import create_reservation
from fieldserve.operations.run import Caller, Context, Identifiers, write_observations
from fieldserve.operations.sellers import create_seller
from fieldserve.operations.services import create_service
from fieldserve.operations.stores import create_store
from fieldserve.operations.technicians import create_technician
from fieldserve.operations.users import create_user
from fieldserve.sandbox.demo.cast import SELLERS, SHIFTS, SellerCast, ServiceCast, StoreCast, TechnicianCast
from fieldserve.sandbox.demo.lives import Account, JobLife, World
from fieldserve.sandbox.demo.plan import PAST_DAYS, midnight, wishes
from fieldserve.sandbox.demo.roster import Member, Roster
from fieldserve.sandbox.demo.walk import Life, WalkingClock, walk
from fieldserve.store.blobs import StoredBlobs
from fieldserve.store.building import Building
from fieldserve.wire.feedback import ImportFeedback
from fieldserve.wire.operations import ROLE
from fieldserve.wire.reservations import CreateReservationRequest, ReservationInput, ReservationType, read_reservation
from fieldserve.wire.schedules import DAYS_OF_WEEK, Recurrence
from fieldserve.wire.sellers import CreateSeller
from fieldserve.wire.services import CreateService
from fieldserve.wire.stores import CreateStore
from fieldserve.wire.technicians import CreateTechnician
from fieldserve.wire.times import render
from fieldserve.wire.users import CreateUser, Role

SEED = 7
OPENING_DAYS = PAST_DAYS + 10
"""The sellers set up shop that many days before the world's present."""

OPERATOR = Caller("", actor="operator:demo")
# Absences are known three weeks ahead, before anybody can book that far.
_KNOWN_AHEAD = 21 * DAY


@dataclass(frozen=True, slots=True)
class Access:
    """What a seller's application needs to call. The secrets are nowhere else."""

    seller: SellerCast
    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may use the console."""

    login: str
    password: str = field(repr=False)
    role: Role
    seller_id: str | None


@dataclass(frozen=True, slots=True)
class Made:
    """The world's keys."""

    operator_key: str = field(repr=False)
    accesses: tuple[Access, ...]
    technicians: dict[str, tuple[str, ...]]
    """Ids of technicians, each with its stores."""
    people: tuple[Person, ...] = ()


def clock_of(today: date) -> WalkingClock:
    """The clock to open the context with: it stands at the world's first moment."""
    return WalkingClock(midnight(today) - OPENING_DAYS * DAY)


def identifiers(seed: int, today: date) -> Identifiers:
    """The ids to open the context with."""
    return Identifiers(seed * 1_000_000 + today.toordinal())


async def build(
    context: Context, clock: WalkingClock, seed: int, today: date, progress: Callable[[int, int], None]
) -> Made:
    """Make the world in an empty database. `progress` is told the days done, and of how many."""
    if context.database.dialect != "sqlite":
        return await _build(context, clock, seed, today, progress)
    # Nobody else is there yet, and a world that is cut short is made anew: no writer's thread, few commits, and
    # documents that reach the disk when all do. It takes a third of the time.
    database = Building(Path(context.settings.database_url.removeprefix("sqlite:///")))
    blobs = StoredBlobs(LocalStore(context.settings.documents_location))
    try:
        return await _build(replace(context, database=database, blobs=blobs), clock, seed, today, progress)
    finally:
        await database.close()


async def _build(
    context: Context, clock: WalkingClock, seed: int, today: date, progress: Callable[[int, int], None]
) -> Made:
    chance = random.Random(f"{seed} {today.isoformat()} people")  # noqa: S311 (a story, not a secret)
    world = World(context, Roster(), {})
    operator_key = await create_operator_key(context, OPERATOR, "demo")
    accesses = []
    absences: list[Life] = []
    technicians: dict[str, tuple[str, ...]] = {}
    for seller in SELLERS:
        accesses.append(await _set_up(world, seller))
        for member in await _hire(world, seller):
            technicians[member.technician_id] = _stores_of(seller, member.cast)
            absences.extend(_absences(world, seller, member, midnight(today), chance))
    people = tuple([await _let_in(context, *one) for one in _people(next(iter(technicians)))])
    imports = [_imports(world, seller, midnight(today)) for seller in SELLERS]
    jobs = [JobLife(world, wish, wish.chance()).live() for wish in wishes(seed, today)]
    first = clock.now()

    def day_begins(day: Instant) -> None:
        progress((day - first) // DAY, OPENING_DAYS)

    await walk(clock, [*absences, *imports, *jobs], midnight(today), _observing(context), day_begins)
    progress(OPENING_DAYS, OPENING_DAYS)
    return Made(operator_key, tuple(accesses), technicians, people)


def _people(driver: str) -> list[tuple[str, Role, str | None, str | None]]:
    """Who may use the console: a dispatcher of each seller, an admin of the operator's house, and the first seller's
    technician with that id."""
    desks = [f"@{seller.name.split()[0].lower()}.example" for seller in SELLERS]
    people: list[tuple[str, Role, str | None, str | None]] = [
        (f"dispatcher{desk}", "dispatcher", seller.seller_id, None) for desk, seller in zip(desks, SELLERS, strict=True)
    ]
    people.append(("admin@marketplace.example", "admin", None, None))
    return [*people, (f"technician{desks[0]}", "technician", SELLERS[0].seller_id, driver)]


async def _let_in(context: Context, login: str, role: Role, seller_id: str | None, technician_id: str | None) -> Person:
    name = login.partition("@")[0].capitalize()
    ask = CreateUser(login=login, name=name, role=role, seller_id=seller_id, technician_id=technician_id)
    told = await create_user(context, OPERATOR, ask)
    assert told.password is not None
    return Person(login, told.password, role, seller_id)


async def _imports(world: World, seller: SellerCast, until: Instant) -> Life:
    """Each night the marketplace's file of what buyers said is imported, if they said anything."""
    for night in range(world.context.clock.now() // DAY * DAY + 4 * HOUR, until, DAY):
        yield night
        if entries := world.said.pop(seller.seller_id, None):
            operator = world.accounts[seller.seller_id].operator
            await import_feedback(world.context, operator, ImportFeedback(entries=tuple(entries)))


def _observing(context: Context) -> Callable[[], Awaitable[None]]:
    """Searches and refusals enter the log before anything that comes after them."""

    async def leaving() -> None:
        await write_observations(context)

    return leaving


# ---- setting up shop


async def _set_up(world: World, seller: SellerCast) -> Access:
    """The seller, its services and stores, its application and the authorization of it."""
    context = world.context
    operator = Caller(seller.seller_id, actor=OPERATOR.actor)
    await create_seller(
        context,
        operator,
        CreateSeller(name=seller.name, marketplace_ids=(seller.marketplace_id,), seller_id=seller.seller_id),
    )
    for service in seller.services:
        await create_service(context, operator, _service(service))
    for store in seller.stores:
        await create_store(context, operator, _store(seller, store))
    registered = await create_application(context, operator, f"{seller.name}: dispatch")
    application = registered.application
    granted = await authorize_application(context, operator, application.application_id, seller.seller_id)
    provider = Caller(
        seller.seller_id,
        application.application_id,
        granted.authorization.authorization_id,
        frozenset({seller.marketplace_id}),
        None,
        frozenset({ROLE}),
        actor=f"application:{application.application_id}",
    )
    world.accounts[seller.seller_id] = Account(seller, provider, operator)
    return Access(seller, application.client_id, registered.client_secret, granted.refresh_token)


def _service(service: ServiceCast) -> CreateService:
    return CreateService(
        asin=service.asin,
        title=service.title,
        duration_minutes=service.minutes,
        service_location_type=service.where,
        slot_interval_minutes=service.interval,
        notice_minutes=service.notice,
        buffer_before_minutes=service.before,
        buffer_after_minutes=service.after,
        skills=service.skills,
    )


def _store(seller: SellerCast, store: StoreCast) -> CreateStore:
    return CreateStore(
        name=store.name,
        time_zone=store.time_zone,
        marketplace_id=seller.marketplace_id,
        store_id=store.store_id,
        scheduling_type=store.type,
        latitude=store.latitude,
        longitude=store.longitude,
        opening_hours=store.hours,
    )


async def _hire(world: World, seller: SellerCast) -> list[Member]:
    hired = []
    for store in seller.stores:
        for number, cast in enumerate(store.technicians, 1):
            technician_id = f"tech-{store.store_id.removeprefix('store-')}-{number}"
            member = world.roster.add(technician_id, store, cast)
            await create_technician(
                world.context,
                world.accounts[seller.seller_id].operator,
                CreateTechnician(
                    name=cast.name,
                    time_zone=store.time_zone,
                    marketplace_id=seller.marketplace_id,
                    technician_id=technician_id,
                    store_ids=_stores_of(seller, cast),
                    skills=cast.skills,
                    service_location_types=("IN_HOME", "IN_STORE"),
                    registered=cast.registered,
                    background_checked=cast.checked,
                    home_latitude=round(member.home[0], 6),
                    home_longitude=round(member.home[1], 6),
                    working_hours=SHIFTS[cast.shift].hours,
                ),
            )
            hired.append(member)
    return hired


def _stores_of(seller: SellerCast, cast: TechnicianCast) -> tuple[str, ...]:
    home = next(store for store in seller.stores if cast in store.technicians)
    return (home.store_id, *cast.also)


# ---- absences


class _Absence(NamedTuple):
    kind: ReservationType
    begins: Instant
    ends: Instant
    recurrence: Recurrence | None = None


def _absences(world: World, seller: SellerCast, member: Member, now: Instant, chance: random.Random) -> list[Life]:
    """Lunch breaks that are reservations, a week off or two, a training, an errand."""
    shift = SHIFTS[member.cast.shift]
    planned: list[_Absence] = []
    today = local(member.zone, now)[0]
    first = today - OPENING_DAYS + 1
    if shift.reserved:
        days = [day for day in DAYS_OF_WEEK if day in shift.days]
        begins, ends = (instant_of(member.zone, first, _time_of_day(text)) for text in shift.lunch)
        planned.append(_Absence("BREAK", begins, ends, Recurrence(render(now + 365 * DAY), days)))
    for earliest, latest in ((-PAST_DAYS, -25), (-24, 10)):
        if chance.random() < 0.45:
            monday = today + chance.randrange(earliest, latest)
            monday -= (monday + 6) % 7
            ends = instant_of(member.zone, monday + chance.choice((3, 5, 7)), 0)
            planned.append(_Absence("VACATION", instant_of(member.zone, monday, 0), ends))
    errands: tuple[tuple[ReservationType, float, int], ...] = (("TRAINING", 0.7, 4), ("TRAVEL", 0.3, 2))
    for kind, likely, hours in errands:
        if chance.random() < likely:
            begins = instant_of(member.zone, today + chance.randrange(-PAST_DAYS, 13), chance.choice((9, 13)) * HOUR)
            planned.append(_Absence(kind, begins, begins + hours * HOUR))
    lives = []
    for absence in planned:
        at = now - OPENING_DAYS * DAY + chance.randrange(60) * MINUTE
        if absence.recurrence is None:
            at = max(at, absence.begins - _KNOWN_AHEAD)
            member.away.append((absence.begins, absence.ends))
        lives.append(_reserve(world, seller, member, at, absence))
    return lives


async def _reserve(world: World, seller: SellerCast, member: Member, at: Instant, absence: _Absence) -> Life:
    yield at
    provider = world.accounts[seller.seller_id].provider
    record: dict[str, object] = {"startTime": render(absence.begins), "endTime": render(absence.ends)}
    if absence.recurrence is not None:
        repeats = absence.recurrence
        record["recurrence"] = {"endTime": repeats.end_time, "daysOfWeek": repeats.days_of_week}
    request = CreateReservationRequest(member.technician_id, ReservationInput(absence.kind, record))
    value, faults = read_reservation(request)
    assert value is not None, faults
    await create_reservation(world.context, provider, seller.marketplace_id, value)


def _time_of_day(text: str) -> Instant:
    return (int(text[:2]) * 60 + int(text[3:])) * MINUTE

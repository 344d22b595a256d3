"""Settings: who and what a seller works with, listed, added and changed. /console/{seller}/settings

KINDS is the table of what can be set up; lists and forms come from it, the operations keep the rules.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

import msgspec
from babel.dates import get_day_names
from starlette.responses import Response

from fieldserve.console.fields import Field, Form, defaults, meet, seen, sent, shown, typed
from fieldserve.console.pages import Refused, Visit, page
from fieldserve.console.pages import told as said_by
from fieldserve.console.sheets import sheet
from fieldserve.console.words import Words
from fieldserve.domain.users import ROLES
from fieldserve.operations import sellers, services, stores, technicians, users
from fieldserve.operations.as_seen import ChangedMeanwhile, as_seen
from fieldserve.operations.run import Caller, Context
from fieldserve.wire import marketplaces
from fieldserve.wire.bodies import BodyFault, convert
from fieldserve.wire.errors import ApiError
from fieldserve.wire.schedules import DAYS_OF_WEEK
from fieldserve.wire.sellers import CreateSeller, UpdateSeller
from fieldserve.wire.services import CreateService, UpdateService
from fieldserve.wire.stores import CreateStore, UpdateStore
from fieldserve.wire.technicians import CreateTechnician, UpdateTechnician
from fieldserve.wire.users import CreateUser, UpdateUser

MOST = 500
_PLACES = ("IN_HOME", "IN_STORE", "ONLINE")

Record = Mapping[str, Any]
Page = tuple[Sequence[Any], str | None]


@dataclass(frozen=True, slots=True)
class Kind:
    """Something that is set up: where its pages are, its texts, its fields, and the operations that do the work.

    `columns` are the fields that a list shows behind the name; `add` answers the record's id, and a secret to tell."""

    path: str
    title: str
    one: str
    new: str
    about: str
    id: str
    name: str
    columns: tuple[str, ...]
    fields: tuple[Field, ...]
    shapes: tuple[type[Any], type[Any]]
    list: Callable[["House", str], Awaitable[Page]]
    get: Callable[["House", str], Awaitable[Any]]
    add: Callable[["House", Any], Awaitable[tuple[str, str | None]]]
    change: Callable[["House", str, Any], Awaitable[Any]]
    only_house_adds: bool = False


@dataclass(frozen=True, slots=True)
class House:
    """Who changes settings, and where: of the seller's people, or of the operator's house."""

    context: Context
    caller: Caller
    is_operator: bool

    def within(self, context: Context) -> "House":
        """The same in a transaction."""
        return House(context, self.caller, self.is_operator)


# ---- the operations


async def _stores(house: House, after: str) -> Page:
    found = await stores.list_stores(house.context, house.caller, after, MOST)
    return found.stores, found.next


async def _add_store(house: House, ask: CreateStore) -> tuple[str, None]:
    return (await stores.create_store(house.context, house.caller, ask)).store_id, None


async def _technicians(house: House, after: str) -> Page:
    found = await technicians.list_technicians(house.context, house.caller, after, MOST)
    return found.technicians, found.next


async def _add_technician(house: House, ask: CreateTechnician) -> tuple[str, None]:
    return (await technicians.create_technician(house.context, house.caller, ask)).technician_id, None


async def _services(house: House, after: str) -> Page:
    found = await services.list_services(house.context, house.caller, after, MOST)
    return found.services, found.next


async def _add_service(house: House, ask: CreateService) -> tuple[str, None]:
    return (await services.create_service(house.context, house.caller, ask)).asin, None


async def _users(house: House, after: str) -> Page:
    """The seller's; before them, for the operator's people, those of the house."""
    found = await users.list_users(house.context, house.caller.seller_id, after, MOST)
    own = [] if after or not house.is_operator else (await users.list_users(house.context, "", "", MOST)).users
    return [*own, *found.users], found.next


async def _user(house: House, user_id: str) -> Any:
    try:
        return await users.get_user(house.context, house.caller.seller_id, user_id)
    except ApiError:
        if not house.is_operator:
            raise
        return await users.get_user(house.context, "", user_id)


async def _add_user(house: House, ask: CreateUser) -> tuple[str, str | None]:
    # Whoever is not of the house adds people of their own seller, whatever they send.
    of_house = house.is_operator and ask.seller_id == ""
    ask = msgspec.structs.replace(ask, seller_id=None if of_house else house.caller.seller_id)
    made = await users.create_user(house.context, house.caller, ask)
    return made.user.user_id, made.password


async def _sellers(house: House, after: str) -> Page:
    if not house.is_operator:
        return [await sellers.get_seller(house.context, house.caller)], None
    found = await sellers.list_sellers(house.context, after, MOST)
    return found.sellers, found.next


def _of(house: House, seller_id: str) -> Caller:
    """The caller for another seller, where they may; for one that is not theirs there is none."""
    if not house.is_operator and seller_id != house.caller.seller_id:
        raise Refused(404, "There is no such page.")
    return house.caller.of_seller(seller_id)


async def _add_seller(house: House, ask: CreateSeller) -> tuple[str, None]:
    return (await sellers.create_seller(house.context, house.caller, ask)).seller_id, None


# ---- the table

_ZONE = Field("timeZone", "Time zone", "zone", hint="IANA, such as America/Denver", required=True)
_MARKETPLACE = Field("marketplaceId", "Marketplace", "choice", "marketplaces", on="new", required=True)
_SKILLS = Field("skills", "Skills", "words", hint="separated by commas")
_ID_HINT = "made up where it is empty"

KINDS: tuple[Kind, ...] = (
    Kind(
        "stores",
        "Stores",
        "Store",
        "Add a store",
        "Where jobs are taken up and capacity is counted; its clock is that of its jobs.",
        "storeId",
        "name",
        ("timeZone", "schedulingType", "travelAwareSlots"),
        (
            Field("name", "Name", required=True),
            Field("storeId", "Id", hint=_ID_HINT, on="new"),
            _ZONE,
            _MARKETPLACE,
            Field(
                "schedulingType",
                "Scheduling",
                "choice",
                ("REAL_TIME_SCHEDULING", "NON_REAL_TIME_SCHEDULING"),
                required=True,
            ),
            Field("latitude", "Latitude", "decimal", hint="degrees, both or neither", may_be_empty=True),
            Field("longitude", "Longitude", "decimal", hint="degrees, both or neither", may_be_empty=True),
            Field("travelAwareSlots", "Slots leave time to get there", "check"),
            Field("smartSlots", "Slots with the least driving come first", "check"),
            Field("openingHours", "Opening hours", "hours", ("capacity",), on="new"),
        ),
        (CreateStore, UpdateStore),
        _stores,
        lambda house, id: stores.get_store(house.context, house.caller, id),
        _add_store,
        lambda house, id, ask: stores.update_store(house.context, house.caller, id, ask),
    ),
    Kind(
        "technicians",
        "Technicians",
        "Technician",
        "Add a technician",
        "Who drives to customers. Whoever is not registered, or has no background check, is assigned to no visit.",
        "technicianId",
        "name",
        ("storeIds", "skills", "timeZone", "registered", "backgroundChecked"),
        (
            Field("name", "Name", required=True),
            Field("technicianId", "Id", hint=_ID_HINT, on="new"),
            _ZONE,
            _MARKETPLACE,
            Field("homeLatitude", "Home, latitude", "decimal", hint="degrees, both or neither", may_be_empty=True),
            Field("homeLongitude", "Home, longitude", "decimal", hint="degrees, both or neither", may_be_empty=True),
            _SKILLS,
            Field("storeIds", "Stores", "several", "stores"),
            Field("serviceLocationTypes", "Works", "several", _PLACES, default="on"),
            Field("registered", "Registered", "check", default="on"),
            Field("backgroundChecked", "Background checked", "check", default="on"),
            Field("workingHours", "Working hours", "hours", on="new"),
        ),
        (CreateTechnician, UpdateTechnician),
        _technicians,
        lambda house, id: technicians.get_technician(house.context, house.caller, id),
        _add_technician,
        lambda house, id, ask: technicians.update_technician(house.context, house.caller, id, ask),
    ),
    Kind(
        "services",
        "Services",
        "Service",
        "Add a service",
        "What is offered, and by which rules its times are found. Appointments that are booked keep theirs.",
        "asin",
        "title",
        ("asin", "durationMinutes", "skills", "serviceLocationType"),
        (
            Field("title", "Title", required=True),
            Field("asin", "ASIN", hint="ten capitals and digits", on="new", required=True),
            Field("durationMinutes", "Duration", "number", hint="minutes", required=True, default="60"),
            Field("serviceLocationType", "Where it is done", "choice", _PLACES, required=True),
            _SKILLS,
            Field("slotIntervalMinutes", "Slots begin every", "number", hint="minutes", required=True, default="30"),
            Field("noticeMinutes", "Notice", "number", hint="minutes before it begins", required=True, default="120"),
            Field("bufferBeforeMinutes", "Buffer before", "number", hint="minutes", required=True, default="0"),
            Field("bufferAfterMinutes", "Buffer after", "number", hint="minutes", required=True, default="0"),
        ),
        (CreateService, UpdateService),
        _services,
        lambda house, id: services.get_service(house.context, house.caller, id),
        _add_service,
        lambda house, id, ask: services.update_service(house.context, house.caller, id, ask),
    ),
    Kind(
        "users",
        "Users",
        "User",
        "Add a user",
        "Who signs in here, and what their role lets them do.",
        "userId",
        "name",
        ("login", "role", "secondFactor", "disabled"),
        (
            Field("login", "Login", hint="such as an e-mail address", on="new", required=True),
            Field("name", "Name", required=True),
            Field("role", "Role", "choice", ROLES, required=True, default="dispatcher"),
            Field(
                "technicianId",
                "Technician",
                "choice",
                "technicians",
                hint="with the role technician, and only with it",
                may_be_empty=True,
            ),
            Field("sellerId", "Of the operator's house: opens every seller's pages", "check", on="new", house=True),
            Field("secondFactor", "Second factor", "check", hint="can only be taken away here", on="change"),
            Field("disabled", "Disabled: cannot sign in", "check", on="change"),
        ),
        (CreateUser, UpdateUser),
        _users,
        _user,
        _add_user,
        lambda house, id, ask: users.update_user(house.context, house.caller, id, ask),
    ),
    Kind(
        "sellers",
        "Seller",
        "Seller",
        "Add a seller",
        "Whose all of this is.",
        "sellerId",
        "name",
        ("sellerId", "marketplaceIds"),
        (
            Field("name", "Name", required=True),
            Field("sellerId", "Id", hint=_ID_HINT, on="new"),
            Field("marketplaceIds", "Marketplaces", "several", "all_marketplaces", house=True),
        ),
        (CreateSeller, UpdateSeller),
        _sellers,
        lambda house, id: sellers.get_seller(house.context, _of(house, id)),
        _add_seller,
        lambda house, id, ask: sellers.update_seller(house.context, _of(house, id), ask),
        only_house_adds=True,
    ),
)
BY_PATH = {one.path: one for one in KINDS}
TABS = (
    *((one.path, one.title) for one in KINDS[:3]),
    ("skills", "Skills"),
    *((one.path, one.title) for one in KINDS[3:]),
    ("reasons", "Reason codes"),
    ("retention", "Retention"),
)
CHOICES = (*_PLACES, "REAL_TIME_SCHEDULING", "NON_REAL_TIME_SCHEDULING")
TEXTS = (
    *(text for one in KINDS for text in (one.title, one.one, one.new, one.about)),
    *(text for one in KINDS for field in one.fields for text in (field.label, field.hint) if text),
    *(title for _, title in TABS),
    *(one.replace("_", " ").capitalize() for one in CHOICES),
)


# ---- lists


def _house(visit: Visit) -> House:
    return House(visit.context, visit.caller, not visit.signed_in.user.seller_id)


def _kind(visit: Visit) -> Kind:
    found = BY_PATH.get(visit.request.path_params["kind"])
    if found is None:
        raise Refused(404, "There is no such page.")
    return found


def _record(kind: Kind, value: Any) -> Record:
    record: dict[str, Any] = msgspec.to_builtins(value)
    return record | {"disabled": "disabledAt" in record} if kind.path == "users" else record


async def _all(house: House, kind: Kind) -> list[Record]:
    found: list[Record] = []
    after: str | None = ""
    while after is not None and len(found) < 10 * MOST:
        some, after = await kind.list(house, after)
        found += [_record(kind, one) for one in some]
    return found


def _fields(house: House, kind: Kind, on: str) -> list[Field]:
    return [one for one in kind.fields if one.on in ("both", on) and (house.is_operator or not one.house)]


async def _options(house: House, fields: Sequence[Field], record: Record | None = None) -> dict[str, dict[str, str]]:
    """The values of each field that has some, and what they are called."""
    found: dict[str, dict[str, str]] = {}
    for field in fields:
        if field.choices == "marketplaces":
            known = house.caller.marketplaces
            found[field.member] = {one: _country(one) for one in sorted(known, key=_country)}
        elif field.choices == "all_marketplaces":
            found[field.member] = {one.marketplace_id: one.name for one in marketplaces.MARKETPLACES}
        elif field.choices in ("stores", "technicians"):
            kind = BY_PATH[field.choices]
            found[field.member] = {one[kind.id]: one["name"] for one in await _all(house, kind)}
            # A user of the house, or of a technician who is gone, keeps what they have.
            if record is not None and field.kind == "choice" and (held := record.get(field.member)):
                found[field.member].setdefault(held, held)
        elif field.kind in ("choice", "several"):
            found[field.member] = {one: one.replace("_", " ").capitalize() for one in field.choices}
        else:
            found[field.member] = {}
    if "role" in found:
        found["role"] = {one: one for one in ROLES}
    return found


def _country(marketplace_id: str) -> str:
    known = marketplaces.BY_ID.get(marketplace_id)
    return known.name if known is not None else marketplace_id


async def home(visit: Visit) -> Response:
    """GET: where settings begin."""
    return visit.go(visit.path("settings", KINDS[0].path))


async def show_all(visit: Visit) -> Response:
    """GET: all of a kind; what is looked for stands in the address."""
    kind, house = _kind(visit), _house(visit)
    wanted = visit.request.query_params.get("q", "").strip()
    columns, rows = await _found(visit, house, kind, wanted)
    return visit.show(
        "settings.html",
        tabs=tabs(visit, kind.path),
        kind=kind,
        columns=columns,
        rows=rows[:MOST],
        count=len(rows),
        asked=wanted,
        may_add=house.is_operator or not kind.only_house_adds,
    )


async def _found(
    visit: Visit, house: House, kind: Kind, wanted: str
) -> tuple[list[Field], list[tuple[Record, list[str]]]]:
    """The columns of a kind, and the records in which the words stand, with their cells."""
    fields = {one.member: one for one in kind.fields}
    columns = [fields.get(one) or Field(one, _ID_LABELS.get(one, one)) for one in kind.columns]
    options = await _options(house, [one for one in columns if one.choices])
    rows = []
    for record in await _all(house, kind):
        cells = [_cell(visit.words, one, record, options.get(one.member, {})) for one in columns]
        told = " ".join((record[kind.name], *cells)).casefold()
        if wanted.casefold() in told or record[kind.id].casefold().startswith(wanted.casefold()):
            rows.append((record, cells))
    return columns, rows


async def download(visit: Visit) -> Response:
    """GET: the same list as CSV."""
    kind, house = _kind(visit), _house(visit)
    columns, rows = await _found(visit, house, kind, visit.request.query_params.get("q", "").strip())

    async def lines() -> AsyncIterator[Sequence[str]]:
        yield (kind.id, kind.name, *(one.member for one in columns))
        for record, cells in rows:
            yield (record[kind.id], record[kind.name], *cells)

    return sheet(kind.path, lines())


_ID_LABELS = {"asin": "ASIN", "sellerId": "Id", "login": "Login"}


def _cell(words: Words, field: Field, record: Record, options: Mapping[str, str]) -> str:
    value = record.get(field.member)
    if field.kind == "check":
        return words.text("yes") if value else words.text("no")
    if isinstance(value, list):
        return ", ".join(words.text(options[one]) if one in options else one for one in value) or "–"
    return "–" if value is None else words.text(options[value]) if value in options else str(value)


def tabs(visit: Visit, here: str) -> list[tuple[str, str, bool]]:
    """The bar over the settings: title, address, and whether it is here."""
    return [(visit.words.text(title), visit.path("settings", path), path == here) for path, title in TABS]


# ---- one


async def show(visit: Visit) -> Response:
    """GET: one of them, to be changed."""
    kind, house, id = _kind(visit), _house(visit), visit.request.path_params["id"]
    record = _record(kind, await kind.get(house, id))
    return await _form(visit, kind, record)


async def show_new(visit: Visit) -> Response:
    """GET: an empty form."""
    kind = _kind(visit)
    _refuse_addition(_house(visit), kind)
    return await _form(visit, kind, None)


def _refuse_addition(house: House, kind: Kind) -> None:
    if kind.only_house_adds and not house.is_operator:
        raise Refused(404, "There is no such page.")


async def _form(
    visit: Visit,
    kind: Kind,
    record: Record | None,
    status: int = 200,
    form: Form | None = None,
    **view: Any,
) -> Response:
    house = _house(visit)
    fields = _fields(house, kind, "new" if record is None else "change")
    options = await _options(house, fields, record)
    if form is None:
        values = defaults(fields, options) if record is None else shown(fields, record, options)
        form = Form(values, values)
    return visit.show(
        "setting.html",
        status,
        tabs=tabs(visit, kind.path),
        kind=kind,
        record=record,
        fields=fields,
        options=options,
        form=form,
        week=[*zip(DAYS_OF_WEEK, get_day_names("abbreviated", locale=visit.words.locale).values(), strict=True)],
        zones=_zones() if any(one.kind == "zone" for one in fields) else (),
        is_own=record is not None and record.get("userId") == visit.signed_in.user.user_id,
        **{"fault": "", "at_fault": "", "secret": "", "done": "", "before": None, **view},
    )


@lru_cache(maxsize=1)
def _zones() -> Sequence[str]:
    return sorted(one for one in available_timezones() if "/" in one and not one.startswith(("Etc/", "posix", "right")))


async def create(visit: Visit) -> Response:
    """POST: add one."""
    kind, house = _kind(visit), _house(visit)
    _refuse_addition(house, kind)
    fields = _fields(house, kind, "new")
    options = await _options(house, fields)
    values = typed(visit, fields, options)
    form = Form(values, values)
    given = sent(fields, values, options)
    if "sellerId" in given and isinstance(given["sellerId"], bool):
        given["sellerId"] = "" if given["sellerId"] else None
    try:
        ask = convert({name: value for name, value in given.items() if value is not None}, kind.shapes[0])
        id, secret = await kind.add(house, ask)
    except BodyFault as fault:
        return await _form(visit, kind, None, 422, form, fault=fault.fault.reason, at_fault=fault.fault.name)
    except ApiError as fault:
        return await _form(visit, kind, None, fault.status, form, fault=said_by(fault))
    if secret is None:
        return visit.go(visit.path("settings", kind.path, id))
    return await _form(visit, kind, _record(kind, await kind.get(house, id)), secret=secret)


async def change(visit: Visit) -> Response:
    """POST: change what differs from what was seen; who comes second is shown both."""
    kind, house, id = _kind(visit), _house(visit), visit.request.path_params["id"]
    record = _record(kind, await kind.get(house, id))
    fields = _fields(house, kind, "change")
    options = await _options(house, fields, record)
    values, before = typed(visit, fields, options), seen(visit)
    given = sent(fields, values, options, before)
    form = Form(values, before)
    try:
        ask = convert(given, kind.shapes[1])
        after = await as_seen(
            visit.context,
            house.caller,
            lambda context: kind.get(house.within(context), id),
            lambda value: shown(fields, _record(kind, value), options) == before,
            lambda context: kind.change(house.within(context), id, ask),
        )
    except ChangedMeanwhile as fault:
        now = shown(fields, _record(kind, fault.now), options)
        met = meet(before, values, now)
        said = visit.words.text("Somebody changed this meanwhile. Look at what is new, and save again.")
        return await _form(visit, kind, record, 409, Form(met.values, now, met.theirs), fault=said)
    except BodyFault as fault:
        return await _form(visit, kind, record, 422, form, fault=fault.fault.reason, at_fault=fault.fault.name)
    except ApiError as fault:
        return await _form(visit, kind, record, fault.status, form, fault=said_by(fault))
    saved = _record(kind, after)
    # What was saved may be written otherwise than it was typed; going back shows what was there before.
    return await _form(visit, kind, saved, done=visit.words.text("Saved."), before=before if given else None)


async def reset_password(visit: Visit) -> Response:
    """POST: a new password for a user, told this once; their sessions end."""
    house, kind, id = _house(visit), BY_PATH["users"], visit.request.path_params["id"]
    await kind.get(house, id)  # of this seller, or there is none
    made = await users.reset_password(visit.context, visit.caller, id)
    return await _form(visit, kind, _record(kind, made.user), secret=made.password or "")


# ---- what is looked at


async def show_skills(visit: Visit) -> Response:
    """GET: every skill, who has it and what asks for it."""
    house = _house(visit)
    people, offers = await _all(house, BY_PATH["technicians"]), await _all(house, BY_PATH["services"])
    names = sorted({skill for one in (*people, *offers) for skill in one["skills"]})
    return visit.show(
        "skills.html",
        tabs=tabs(visit, "skills"),
        skills=[
            (name, [one for one in offers if name in one["skills"]], [one for one in people if name in one["skills"]])
            for name in names
        ],
    )


async def show_reasons(visit: Visit) -> Response:
    """GET: the codes by which jobs are cancelled and appointments moved."""
    settings = visit.context.settings
    return visit.show(
        "reasons.html",
        tabs=tabs(visit, "reasons"),
        cancel=settings.cancellation_reason_codes,
        move=settings.reschedule_reason_codes,
    )


ROUTES = [
    page("/{seller}/settings", home, "set_up"),
    page("/{seller}/settings/skills", show_skills, "set_up"),
    page("/{seller}/settings/reasons", show_reasons, "set_up"),
    page("/{seller}/settings/{kind}.csv", download, "set_up"),
    page("/{seller}/settings/{kind}", show_all, "set_up"),
    page("/{seller}/settings/{kind}/new", show_new, "set_up"),
    page("/{seller}/settings/{kind}/new", create, "set_up", "POST"),
    page("/{seller}/settings/{kind}/{id}", show, "set_up"),
    page("/{seller}/settings/{kind}/{id}", change, "set_up", "POST"),
    page("/{seller}/settings/users/{id}/password", reset_password, "set_up", "POST"),
]

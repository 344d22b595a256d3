"""A seller's things are nobody else's: another seller's id is answered as one that never was, and nothing happens.

For each operation and each id in its request the same request is sent three times: with the id of the other seller's
thing, with an id that nobody has, and (so that the test cannot pass by accident) with one's own. The first two must
get the same answer, and the same statements must have been run for it.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2
import pytest

from fieldserve.api.edge import Edge
from fieldserve.api.endpoints import ENDPOINTS
from fieldserve.api.usage_plans import UsagePlans
from fieldserve.operations.accesses import Accesses
from fieldserve.store.engine import Connection, Database, Row, Use
from fieldserve.wire.operations import BY_ID
from tests.promises import faults_of
from tests.scene import IDS, Ask, Scene
from tests.uploads import attached, document
from tests.world import (
    ANN,
    BOB,
    OTHER_SELLER,
    OTHER_STORE,
    OTHER_TECHNICIAN,
    SELLER,
    STORE,
    World,
    client_of,
)


@dataclass(frozen=True)
class Place:
    """Where in a request an id stands: `put` makes the same request with another id there."""

    operation_id: str
    name: str
    put: Callable[[Ask, str], Ask]


def _in_path(name: str) -> Callable[[Ask, str], Ask]:
    return lambda ask, id: ask.but(path={name: id})


def _in_query(name: str) -> Callable[[Ask, str], Ask]:
    return lambda ask, id: ask.but(query={name: id})


def _in_body(make: Callable[[Any, str], Any]) -> Callable[[Ask, str], Ask]:
    return lambda ask, id: ask.saying(make(ask.body, id))


def _technician(body: Any, id: str) -> Any:
    return {"appointmentResources": [{"resourceId": id}]}


IDS_IN_BODIES: dict[str, dict[str, Callable[[Any, str], Any]]] = {
    "assignAppointmentResources": {"technician": lambda body, id: {"resources": [{"resourceId": id}]}},
    "setAppointmentFulfillmentData": {"technician": _technician, "document": lambda body, id: attached(id)},
    "createReservation": {"resourceId": lambda body, id: {**body, "resourceId": id}},
    "updateReservation": {"resourceId": lambda body, id: {**body, "resourceId": id}},
}

# getServiceJobs takes ids as filters.
FILTERS = ("serviceOrderIds", "productOrderIds", "trackingIds", "storeIds")
# An ASIN is a catalogue's, not a seller's; a marketplace is the authorization's.
NOBODYS = {"asin", "marketplaceIds", "asins"}


def _places() -> list[Place]:
    places = []
    for id in IDS:
        for parameter in BY_ID[id].parameters:
            if parameter.where == "path":
                places.append(Place(id, parameter.name, _in_path(parameter.name)))
            elif parameter.name == "storeId" or parameter.name in FILTERS:
                places.append(Place(id, parameter.name, _in_query(parameter.name)))
        for name, make in IDS_IN_BODIES.get(id, {}).items():
            places.append(Place(id, name, _in_body(make)))
    return places


PLACES = [pytest.param(place, id=f"{place.operation_id}-{place.name}") for place in _places()]


@dataclass
class ToldDatabase:
    """A database that notes the statements run on it."""

    database: Database
    statements: list[str] = field(default_factory=list)
    looks: int = 0

    def __post_init__(self) -> None:
        self.dialect = self.database.dialect

    @property
    def commits(self) -> int:
        """Never the same: no token is remembered, so every request asks for its own."""
        self.looks += 1
        return self.looks

    async def read(self, use: Use[Any], *, snapshot: bool = True) -> Any:
        return await self.database.read(lambda c: use(ToldConnection(c, self.statements)), snapshot=snapshot)

    async def write(self, use: Use[Any]) -> Any:
        return await self.database.write(lambda c: use(ToldConnection(c, self.statements)))

    async def close(self) -> None: ...

    def take(self) -> list[str]:
        """The statements since the last time."""
        taken = self.statements[:]
        self.statements.clear()
        return taken


@dataclass
class ToldConnection:
    """A connection of such a database."""

    c: Connection
    statements: list[str]

    def __post_init__(self) -> None:
        self.dialect = self.c.dialect

    async def fetch(self, sql: str, *values: Any) -> Any:
        self.statements.append(sql)
        return await self.c.fetch(sql, *values)

    async def fetch_one(self, sql: str, *values: Any) -> Any:
        self.statements.append(sql)
        return await self.c.fetch_one(sql, *values)

    async def execute(self, sql: str, *values: Any) -> None:
        self.statements.append(sql)
        await self.c.execute(sql, *values)

    async def execute_many(self, sql: str, rows: Iterable[Row]) -> None:
        self.statements.append(sql)
        await self.c.execute_many(sql, rows)

    async def run_script(self, sql: str) -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class Sellers:
    """Both sellers' scenes in one world."""

    a: Scene
    b: Scene
    database: ToldDatabase

    async def dump(self) -> dict[str, list[str]]:
        """All rows of all tables, sorted."""
        return await self.database.database.read(_dump)


async def _dump(c: Connection) -> dict[str, list[str]]:
    names = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
        "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()",
    }
    tables = [str(name) for (name,) in await c.fetch(names[c.dialect])]
    rows = {table: await c.fetch(f'SELECT * FROM "{table}"') for table in tables}  # noqa: S608 (names of our own)
    return {table: sorted(repr([*row]) for row in found) for table, found in rows.items()}


@pytest.fixture(scope="module")
async def sellers(shared_world: World) -> AsyncIterator[Sellers]:
    database = ToldDatabase(shared_world.context.database)
    context = replace(shared_world.context, database=database, accesses=Accesses())
    async with client_of(Edge(context, ENDPOINTS, UsagePlans(shared_world.clock))) as client:
        world = replace(shared_world, context=context, client=client)
        yield Sellers(
            Scene(world, SELLER, STORE, (ANN, BOB)),
            Scene(world, OTHER_SELLER, OTHER_STORE, (OTHER_TECHNICIAN, OTHER_TECHNICIAN)),
            database,
        )


async def _id_of(scene: Scene, place: Place) -> str:
    """An id of the scene's seller that would do in that place."""
    match place.name:
        case "document":
            return await document(scene.world, seller=scene.seller)
        case "technician":
            return scene.technicians[0]
        case "resourceId" | "storeId" | "storeIds":
            return scene.store
        case "serviceOrderIds" | "productOrderIds" | "trackingIds":
            number = f"{scene.world.orders:03d}-0000000-0000000"
            names = {"productOrderIds": "product_order_ids", "trackingIds": "tracking_ids"}
            one = {names[place.name]: [number]} if place.name in names else {"service_order_id": number}
            await scene.pending(**one)
            return number
        case _:
            return (await scene.ask(place.operation_id)).path[place.name]


def _seen(answer: httpx2.Response, id: str) -> tuple[int, str, dict[str, str]]:
    """The answer without what may differ: the id asked for, and the request's own."""
    headers = {name: value for name, value in answer.headers.items() if name != "x-amzn-requestid"}
    return answer.status_code, answer.text.replace(id, "<id>"), headers


class TestOtherSellersIds:
    @pytest.mark.parametrize("place", PLACES)
    @pytest.mark.parametrize("back", [False, True], ids=["a-asks", "b-asks"])
    async def test_as_unknown(self, sellers: Sellers, place: Place, back: bool) -> None:
        """Answer and work are those of an unknown id, and nothing is changed or logged; one's own id succeeds."""
        mine, other = (sellers.b, sellers.a) if back else (sellers.a, sellers.b)
        ask = await mine.ask(place.operation_id)
        foreign, own = await _id_of(other, place), await _id_of(mine, place)
        await _expect_as_unknown(sellers, mine, place.put(ask, foreign), place.put(ask, _unknown(foreign)), foreign)
        # The ids in the path are one's own to begin with.
        in_order = ask if place.name in ask.path else place.put(ask, own)
        answer = await mine.send(in_order)
        assert answer.status_code == BY_ID[place.operation_id].success, answer.text
        assert answer.content == b"" or faults_of(answer.json()) == []

    @pytest.mark.parametrize("id", [id for id in IDS if "{appointmentId}" in BY_ID[id].path])
    async def test_job_and_appointment(self, sellers: Sellers, id: str) -> None:
        """Neither does another seller's job let one in together with its own appointment."""
        ask = await sellers.a.ask(id)
        job_id, appointment_id = await sellers.b.booked()
        foreign = ask.but(path={"serviceJobId": job_id, "appointmentId": appointment_id})
        unknown = ask.but(path={"serviceJobId": _unknown(job_id), "appointmentId": appointment_id})
        await _expect_as_unknown(sellers, sellers.a, foreign, unknown, job_id)


async def _expect_as_unknown(sellers: Sellers, mine: Scene, foreign: Ask, unknown: Ask, id: str) -> None:
    before = await sellers.dump()
    mine.world.context.observations.take()
    sellers.database.take()
    told_of_foreign = _seen(await mine.send(foreign), id), sellers.database.take()
    told_of_unknown = _seen(await mine.send(unknown), _unknown(id)), sellers.database.take()
    assert told_of_foreign == told_of_unknown
    assert await sellers.dump() == before
    assert mine.world.context.observations.take() == []


def _unknown(id: str) -> str:
    """An id of the same form that nobody has."""
    changed = id.translate(str.maketrans("0123456789", "5678901234"))
    return changed if changed != id else id[::-1]


class TestListing:
    async def test_only_ones_own(self, sellers: Sellers) -> None:
        """A listing without filters holds one's own jobs only, and counts only them."""
        for scene, other in ((sellers.a, sellers.b), (sellers.b, sellers.a)):
            await scene.pending()
            await other.pending()
            found, token, total = set(), None, -1
            while token != "":
                ask = (await scene.ask("getServiceJobs")).but(query={"pageToken": token})
                payload = (await scene.send(ask)).json()["payload"]
                found |= {job["serviceJobId"] for job in payload["jobs"]}
                total, token = payload["totalResultSize"], payload.get("nextPageToken", "")
            assert len(found) == total > 0
            assert all(id.startswith(scene.seller) for id in found)

    async def test_page_token_of_another(self, sellers: Sellers) -> None:
        """A page token that another seller was given leads into one's own jobs, never into theirs."""
        ask = (await sellers.a.ask("getServiceJobs")).but(query={"pageSize": "1"})
        for scene in (sellers.a, sellers.b):
            for _ in range(2):
                await scene.pending()
        token = (await sellers.a.send(ask)).json()["payload"]["nextPageToken"]
        answer = await sellers.b.send(ask.but(query={"pageToken": token}))
        jobs = answer.json()["payload"]["jobs"] if answer.status_code == 200 else []
        assert all(job["serviceJobId"].startswith(OTHER_SELLER) for job in jobs)


class TestSameIds:
    async def test_same_job_id(self, sellers: Sellers) -> None:
        """Two sellers' jobs of one id are two jobs: cancelling the one leaves the other."""
        for scene in (sellers.a, sellers.b):
            await scene.world.order("twin", seller=scene.seller, store=scene.store)
        cancel = await sellers.a.ask("cancelServiceJobByServiceJobId")
        assert (await sellers.a.send(cancel.but(path={"serviceJobId": "twin"}))).status_code == 200
        states = [(await one.world.job("twin", one.seller))["serviceJobStatus"] for one in (sellers.a, sellers.b)]
        assert states == ["CANCELLED", "PENDING_SCHEDULE"]


def test_every_id_is_asked() -> None:
    """A new path parameter or filter without a place here fails, and so does one that is nobody's id but looks like."""
    asked = {(place.operation_id, place.name) for place in _places()}
    for id in IDS:
        for parameter in BY_ID[id].parameters:
            if parameter.name.endswith(("Id", "Ids")) and parameter.name not in NOBODYS:
                assert (id, parameter.name) in asked

"""Personal data goes, wholly, and the job stays."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fieldserve.domain.intervals import DAY
from fieldserve.operations import orders, privacy
from fieldserve.operations.documents import read_document
from fieldserve.operations.run import Caller
from fieldserve.store import privacy as stored
from fieldserve.store.engine import Database
from fieldserve.wire.bodies import decode
from fieldserve.wire.encoding import encode
from fieldserve.wire.orders import PlaceOrder
from fieldserve.wire.times import SECOND
from tests.access import dump
from tests.uploads import attached, document
from tests.world import ASIN, OTHER_SELLER, OTHER_STORE, SELLER, STORE, World, a_world

OPERATOR = Caller("", actor="operator:ann")
PERSON = ("Zebulon Quux", "555-7777", "13 Elm Yard", "Nowhereville", "98765", "PLATE-1", "44.12345", "-73.98765")


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(database, tmp_path / "data") as world:
        yield world


async def order(world: World, buyer_id: str = "B1BUYER", seller: str = SELLER, store: str = STORE) -> str:
    """Place an order that holds everything personal that an order can."""
    asked = {
        "storeId": store,
        "asin": ASIN,
        "buyer": {"name": PERSON[0], "phone": PERSON[1], "buyerId": buyer_id, "isPrimeMember": True},
        "serviceLocation": {
            "address": {"name": PERSON[0], "addressLine1": PERSON[2], "city": PERSON[3], "postalCode": PERSON[4]},
            "latitude": float(PERSON[6]),
            "longitude": float(PERSON[7]),
        },
        "associatedItems": [
            {
                "asin": ASIN,
                "title": "Tyre",
                "linkedAssets": [{"assetName": "car", "additionalAttributes": {"p": PERSON[5]}}],
            }
        ],
    }
    caller = Caller(seller, actor="operator:ann")
    placed = await orders.place_order(world.context, caller, decode(json.dumps(asked).encode(), PlaceOrder))
    return placed.service_job_id


async def close(world: World, job_id: str) -> None:
    """Cancel the job through the API."""
    path = f"/service/v1/serviceJobs/{job_id}/cancellations"
    answer = await world.call("PUT", path, params={"cancellationReasonCode": "V1"})
    assert answer.status_code == 200, answer.text


class TestPurge:
    async def test_nothing_personal_is_left(self, world: World) -> None:
        """Thirty days after its end the database holds nothing of the buyer but the id; the rest of the job stays."""
        job_id = await order(world)
        appointment_id = await world.book(job_id, "2026-03-03T15:00:00Z")
        await world.assign(job_id, appointment_id, "ann")
        await close(world, job_id)
        before = await world.job(job_id)
        world.clock.advance(30 * DAY + SECOND)
        everything = await dump(world.context.database)
        assert all(one in everything for one in PERSON)
        erased = await privacy.purge(world.context, OPERATOR, 30)
        assert (erased.jobs, erased.documents) == (1, 0)
        everything = await dump(world.context.database)
        assert [one for one in PERSON if one in everything] == []
        after = await world.job(job_id)
        assert after["buyer"] == {"buyerId": "B1BUYER", "isPrimeMember": True}
        assert after["serviceLocation"] == {"serviceLocationType": "IN_HOME"}
        for changed in ("buyer", "serviceLocation", "associatedItems"):
            del before[changed], after[changed]
        assert after == before
        assert (await world.kinds(job_id))[-1] == "job.erased"

    async def test_whose_time_has_not_come(self, world: World) -> None:
        """Open jobs stay as they are, and closed ones until the day; once erased, nothing happens again."""
        still_open, closed = await order(world), await order(world)
        await close(world, closed)
        world.clock.advance(30 * DAY)
        assert (await privacy.purge(world.context, OPERATOR, 30)).jobs == 0
        world.clock.advance(SECOND)
        assert (await privacy.purge(world.context, OPERATOR, 30)).jobs == 1
        assert (await privacy.purge(world.context, OPERATOR, 30)).jobs == 0
        assert (await world.job(still_open))["buyer"]["name"] == PERSON[0]

    async def test_many(self, world: World) -> None:
        """More jobs than a batch holds, of two sellers, go in one call."""
        for _ in range(privacy.BATCH + 1):
            await close(world, await world.order())
        world.clock.advance(DAY)
        assert (await privacy.purge(world.context, OPERATOR, 0)).jobs == privacy.BATCH + 1

    async def test_documents(self, world: World) -> None:
        """Proof documents stay, unless they are asked for; then the files go and the record of them stays."""
        job_id, document_id = await proved(world)
        world.clock.advance(DAY)
        await privacy.purge(world.context, OPERATOR, 0)
        assert await read_document(world.context, SELLER, document_id) is not None
        erased = await privacy.erase_buyer(world.context, OPERATOR, "A1BUYER")
        assert (erased.jobs, erased.documents) == (0, 1)
        assert await read_document(world.context, SELLER, document_id) is None
        assert await world.context.blobs.keys(document_id) == []
        proofs = await world.read(lambda c: stored.proofs_of(c, SELLER, job_id))
        assert [one.blob_key for one in proofs] == [None]


async def proved(world: World) -> tuple[str, str]:
    """A job with an attached document, which is then closed."""
    job_id = await world.order()
    appointment_id = await world.book(job_id, "2026-03-03T15:00:00Z")
    document_id = await document(world)
    path = f"/service/v1/serviceJobs/{job_id}/appointments/{appointment_id}/fulfillment"
    answer = await world.call("PUT", path, json=attached(document_id))
    assert answer.status_code in (200, 204), answer.text
    await close(world, job_id)
    return job_id, document_id


class TestBuyer:
    async def test_of_one_seller(self, world: World) -> None:
        """Whoever acts for a seller reads, and erases, what that seller holds alone."""
        mine = await order(world)
        theirs = await order(world, seller=OTHER_SELLER, store=OTHER_STORE)
        await close(world, mine)
        admin = Caller(SELLER, actor="user:ada")
        listed = await privacy.list_buyer_jobs(world.context, admin, "B1BUYER")
        assert [(one.seller_id, one.service_job_id, one.is_closed) for one in listed] == [(SELLER, mine, True)]
        assert [one.seller_id for one in (await privacy.export_buyer(world.context, admin, "B1BUYER")).jobs] == [SELLER]
        assert (await privacy.erase_buyer(world.context, admin, "B1BUYER")).jobs == 1
        left = await privacy.list_buyer_jobs(world.context, OPERATOR, "B1BUYER")
        assert [(one.service_job_id, one.erased) for one in left] == [(mine, True), (theirs, False)]

    async def test_export(self, world: World) -> None:
        """All jobs of the buyer at every seller, with place and log; nobody else's."""
        first = await order(world)
        other = await order(world, seller=OTHER_SELLER, store=OTHER_STORE)
        await order(world, buyer_id="B2BUYER")
        export = json.loads(encode(await privacy.export_buyer(world.context, OPERATOR, "B1BUYER")))
        assert [(one["sellerId"], one["job"]["serviceJobId"]) for one in export["jobs"]] == [
            (SELLER, first),
            (OTHER_SELLER, other),
        ]
        held = export["jobs"][0]
        assert held["job"]["buyer"]["name"] == PERSON[0]
        assert (held["latitude"], held["longitude"]) == (44.12345, -73.98765)
        assert [one["kind"] for one in held["events"]] == ["job.ordered"]
        assert await world.kinds(first) == ["job.ordered", "job.exported"]

    async def test_erase(self, world: World) -> None:
        """Closed jobs lose the person, open ones are named and keep what the visit needs."""
        closed, still_open = await order(world), await order(world)
        await close(world, closed)
        erased = await privacy.erase_buyer(world.context, OPERATOR, "B1BUYER")
        assert (erased.jobs, erased.open_job_ids) == (1, [still_open])
        assert "name" not in (await world.job(closed))["buyer"]
        assert (await world.job(still_open))["buyer"]["name"] == PERSON[0]

    async def test_unknown(self, world: World) -> None:
        """A buyer whom nobody knows has nothing held and nothing erased."""
        assert (await privacy.export_buyer(world.context, OPERATOR, "NOBODY")).jobs == []
        assert (await privacy.erase_buyer(world.context, OPERATOR, "NOBODY")).jobs == 0

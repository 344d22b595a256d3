"""Shared buckets as they are stored."""

from fieldserve.domain.usage_plans import Bucket, Held, SharedBucket
from fieldserve.store import usage_plans
from fieldserve.store.engine import Connection, Database

KEY = ("S1", "A1", "getServiceJobs")


async def test_round_trip(database: Database) -> None:
    """A bucket comes back as it was stored, with numbers of more digits than a column of integers holds."""
    first = SharedBucket(Bucket(7, 1_000_000, 123), {})
    second = SharedBucket(Bucket(10**30, 10**25, 456), {"a": Held(2, 789)})

    async def use(c: Connection) -> list[SharedBucket | None]:
        seen = [await usage_plans.find(c, *KEY)]
        await usage_plans.add(c, *KEY, first)
        await usage_plans.add(c, "S1", "A2", "getServiceJobs", second)
        seen.append(await usage_plans.find(c, *KEY))
        await usage_plans.save(c, *KEY, second)
        return [*seen, await usage_plans.find(c, *KEY)]

    assert await database.write(use) == [None, first, second]

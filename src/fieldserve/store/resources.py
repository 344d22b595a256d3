"""Resources: the stores and technicians of a seller, whose time is scheduled, reserved and booked.

A resource's row is also its lock: whoever decides on its capacity holds the row until the transaction ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

from fieldserve.store.engine import LOCK, Connection, placeholders
from fieldserve.wire.times import Instant

Kind = Literal["STORE", "TECHNICIAN"]


@dataclass(frozen=True)
class Resource:
    """A store or a technician. `time_zone` is an IANA name; its schedule repeats at that zone's wall-clock times."""

    seller_id: str
    resource_id: str
    kind: Kind
    name: str
    time_zone: str
    marketplace_id: str

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def store_id(self) -> str | None:
        """The store whose authorization its caller needs; technicians belong to no single one."""
        return self.resource_id if self.kind == "STORE" else None


_FIND = """
SELECT resource_id, kind, name, time_zone, marketplace_id FROM resources
WHERE seller_id = $1 AND resource_id IN ({ids}) ORDER BY resource_id"""


async def find(c: Connection, seller_id: str, resource_id: str, lock: bool = False) -> Resource | None:
    """The seller's resource with that id; with `lock` nobody else changes or books it until the transaction ends."""
    found = await find_all(c, seller_id, (resource_id,), lock)
    return found[0] if found else None


async def find_all(
    c: Connection, seller_id: str, resource_ids: Sequence[str], lock: bool = False
) -> Sequence[Resource]:
    """Those of the resources that the seller has, by id, locked in that order."""
    sql = _FIND.format(ids=placeholders(resource_ids, after=1)) + (f" {LOCK}" if lock else "")
    return [Resource(seller_id, *row) for row in await c.fetch(sql, seller_id, *resource_ids)]


async def add(c: Connection, resource: Resource, created_at: Instant) -> None:
    """The row that a store or technician stands on. Raises AlreadyExists where one of the two has that id."""
    await c.execute(
        "INSERT INTO resources (seller_id, resource_id, kind, name, time_zone, marketplace_id, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        resource.seller_id,
        resource.resource_id,
        resource.kind,
        resource.name,
        resource.time_zone,
        resource.marketplace_id,
        created_at,
    )


async def update(c: Connection, resource: Resource) -> None:
    """Another name or time zone; from now on it is set up, and no longer made up. The caller holds its lock."""
    await c.execute(
        "UPDATE resources SET name = $3, time_zone = $4, mirrored_from = NULL"
        " WHERE seller_id = $1 AND resource_id = $2",
        resource.seller_id,
        resource.resource_id,
        resource.name,
        resource.time_zone,
    )


async def any_in(c: Connection, seller_id: str, marketplace_id: str) -> bool:
    """Whether the seller has a store or technician in that marketplace."""
    row = await c.fetch_one(
        "SELECT 1 FROM resources WHERE seller_id = $1 AND marketplace_id = $2 LIMIT 1", seller_id, marketplace_id
    )
    return row is not None

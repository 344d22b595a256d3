"""Technicians as candidates for an appointment."""

from collections.abc import Sequence

import msgspec

from fieldserve.domain.appointments import Candidate
from fieldserve.domain.intervals import Interval
from fieldserve.store import slots
from fieldserve.store.engine import Connection, placeholders
from fieldserve.store.resources import find_all

_TECHNICIANS = """
SELECT technician_id, skills, service_location_types, registered, background_checked
FROM technicians WHERE seller_id = $1 AND technician_id IN ({ids})"""

_STORES = """
SELECT technician_id, store_id FROM store_technicians WHERE seller_id = $1 AND technician_id IN ({ids})"""


async def candidates(
    c: Connection, seller_id: str, technician_ids: Sequence[str], window: Interval, *, lock: bool = True
) -> dict[str, Candidate]:
    """Those of the technicians that the seller has, by id, with their days around the window."""
    found_all = await find_all(c, seller_id, technician_ids, lock=lock)
    resources = [one for one in found_all if one.kind == "TECHNICIAN"]
    if not resources:
        return {}
    ids = placeholders(technician_ids, after=1)
    traits = {row[0]: row for row in await c.fetch(_TECHNICIANS.format(ids=ids), seller_id, *technician_ids)}
    stores: dict[str, set[str]] = {}
    for technician_id, store_id in await c.fetch(_STORES.format(ids=ids), seller_id, *technician_ids):
        stores.setdefault(technician_id, set()).add(store_id)
    found = {}
    for resource in resources:
        _, skills, location_types, registered, background_checked = traits[resource.resource_id]
        day = await slots.load_resource(c, resource, window)
        found[resource.resource_id] = Candidate(
            resource.resource_id,
            resource.name,
            frozenset(msgspec.json.decode(skills, type=list[str])),
            frozenset(msgspec.json.decode(location_types, type=list[str])),
            frozenset(stores.get(resource.resource_id, ())),
            bool(registered),
            bool(background_checked),
            day.zone,
            day.records,
            day.reservations,
            day.visits,
        )
    return found

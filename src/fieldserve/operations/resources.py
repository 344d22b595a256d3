"""Which resource a caller means, and whether it may touch it: where every operation on a resource begins."""

from collections.abc import Sequence

from fieldserve.operations.run import Caller
from fieldserve.store import resources, slots
from fieldserve.store.engine import Connection
from fieldserve.store.resources import Resource
from fieldserve.wire import errors


async def visible_resource(
    c: Connection, caller: Caller, resource_id: str, marketplace_id: str, lock: bool = False
) -> Resource | None:
    """The seller's resource of that marketplace; None is what an id that never existed gets.

    Raises ApiError: UNAUTHORIZED_ACTION for one that lies outside the stores of the authorization."""
    found = await resources.find(c, caller.seller_id, resource_id, lock)
    return await only_visible(c, caller, [found] if found else [], resource_id, marketplace_id)


async def only_visible(
    c: Connection, caller: Caller, found: Sequence[Resource], resource_id: str, marketplace_id: str
) -> Resource | None:
    """The one with that id of resources that were found before; answers and raises as `visible_resource`."""
    for resource in found:
        if resource.resource_id == resource_id and resource.marketplace_id == marketplace_id:
            if not await _may_touch(c, caller, resource):
                raise errors.UNAUTHORIZED_ACTION.error()
            return resource
    return None


async def _may_touch(c: Connection, caller: Caller, resource: Resource) -> bool:
    if not caller.may_see(resource.marketplace_id, resource.store_id):
        return False
    if resource.kind == "STORE" or caller.stores is None:
        return True
    # A technician is within the authorization if any of the stores that it works at is.
    return await slots.works_at(c, caller.seller_id, resource.resource_id, caller.stores)

"""Sellers, as operators set them up."""

from dataclasses import replace
from typing import Any

from msgspec import UNSET

from fieldserve.operations.run import Caller, Context, read, transact
from fieldserve.store import events, resources, sellers
from fieldserve.store.engine import AlreadyExists, Connection
from fieldserve.store.events import Event
from fieldserve.store.sellers import Seller
from fieldserve.wire.applications import NO_SELLER
from fieldserve.wire.operations import missing_or_invalid
from fieldserve.wire.parameters import ParameterFault
from fieldserve.wire.sellers import (
    MARKETPLACE_IN_USE,
    SELLER_EXISTS,
    CreateSeller,
    SellerListing,
    SellerRecord,
    UpdateSeller,
    marketplace_faults,
)
from fieldserve.wire.times import render


async def create_seller(context: Context, caller: Caller, ask: CreateSeller) -> SellerRecord:
    """Add a seller; its id is made up where none is given. Raises ApiError: 400, SELLER_EXISTS."""
    refuse(marketplace_faults(ask.marketplace_ids))
    seller = Seller(
        ask.seller_id or "A" + context.ids.letters(13),
        ask.name,
        frozenset(ask.marketplace_ids),
        context.clock.now(),
        ask.settings,
    )

    async def create(c: Connection) -> None:
        await sellers.add(c, seller)
        await log(
            context,
            c,
            caller.of_seller(seller.seller_id),
            "seller.created",
            seller.seller_id,
            None,
            _logged(seller),
        )

    try:
        await transact(context, create)
    except AlreadyExists:
        raise SELLER_EXISTS.error(seller_id=seller.seller_id) from None
    return _record(seller)


async def list_sellers(context: Context, after: str, limit: int) -> SellerListing:
    """A page of sellers by id, those behind `after`."""
    found = await read(context, lambda c: sellers.page(c, after, limit + 1))
    return SellerListing(
        [_record(one) for one in found[:limit]], found[limit - 1].seller_id if len(found) > limit else None
    )


async def get_seller(context: Context, caller: Caller) -> SellerRecord:
    """The caller's seller. Raises ApiError: NO_SELLER."""
    return _record(await read(context, lambda c: find_seller(c, caller)))


async def update_seller(context: Context, caller: Caller, ask: UpdateSeller) -> SellerRecord:
    """Change what is given. Raises ApiError: 400, NO_SELLER, MARKETPLACE_IN_USE."""
    if ask.marketplace_ids is not UNSET:
        refuse(marketplace_faults(ask.marketplace_ids))

    async def update(c: Connection) -> Seller:
        before = await find_seller(c, caller, lock=True)
        after = replace(
            before,
            name=before.name if ask.name is UNSET else ask.name,
            marketplaces=before.marketplaces if ask.marketplace_ids is UNSET else frozenset(ask.marketplace_ids),
            settings=before.settings if ask.settings is UNSET else ask.settings,
        )
        for marketplace_id in sorted(before.marketplaces - after.marketplaces):
            if await resources.any_in(c, caller.seller_id, marketplace_id):
                raise MARKETPLACE_IN_USE.error(seller_id=caller.seller_id, marketplace_id=marketplace_id)
        await sellers.update(c, after)
        await log(context, c, caller, "seller.updated", caller.seller_id, _logged(before), _logged(after))
        return after

    return _record(await transact(context, update))


async def sellers_with(context: Context, store_id: str | None = None, plan_id: str | None = None) -> list[str]:
    """The ids of the sellers that have the store or the plan; of all where neither is named."""
    return list(await read(context, lambda c: sellers.ids_with(c, store_id, plan_id)))


async def find_seller(c: Connection, caller: Caller, lock: bool = False) -> Seller:
    """The caller's seller, within a transaction. Raises ApiError: NO_SELLER.

    Whoever adds something in one of its marketplaces locks it, so that the marketplace does not go meanwhile."""
    seller = await sellers.find(c, caller.seller_id, lock)
    if seller is None:
        raise NO_SELLER.error(seller_id=caller.seller_id)
    return seller


async def log(
    context: Context, c: Connection, caller: Caller, kind: str, subject: str, before: Any, after: Any
) -> None:
    """Append what an operator did, in the transaction that does it."""
    event = Event(context.clock.now(), caller.seller_id, caller.actor, kind, subject, caller.request_id, before, after)
    await events.append(c, event)


def refuse(faults: list[ParameterFault]) -> None:
    """Raise the 400 that names what is at fault, if anything is."""
    if faults:
        raise missing_or_invalid(faults)


def not_of_seller(seller: Seller, marketplace_id: str) -> list[ParameterFault]:
    """The fault of a marketplace that the seller takes no part in."""
    if marketplace_id in seller.marketplaces:
        return []
    return [ParameterFault("marketplaceId", f"the seller takes no part in the marketplace {marketplace_id}")]


def _record(seller: Seller) -> SellerRecord:
    return SellerRecord(
        seller.seller_id, seller.name, sorted(seller.marketplaces), seller.settings, render(seller.created_at)
    )


def _logged(seller: Seller) -> dict[str, Any]:
    return {"name": seller.name, "marketplaceIds": sorted(seller.marketplaces), "settings": seller.settings}

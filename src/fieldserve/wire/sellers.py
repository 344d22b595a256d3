"""Sellers on the wire, as operators see them."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from fieldserve.wire.errors import Says
from fieldserve.wire.limits import Ask, MarketplaceId, Name, SellerId, duplicates
from fieldserve.wire.marketplaces import BY_ID
from fieldserve.wire.parameters import Parameter, ParameterFault
from fieldserve.wire.parts import Part

Marketplaces = Annotated[tuple[MarketplaceId, ...], Meta(min_length=1, max_length=50)]
SELLER_ID = Parameter("sellerId", "path", required=True, min_length=1, max_length=20, says="the seller")


class CreateSeller(Ask):
    """`settings` are the operator's own notes about the seller; the server keeps and shows them."""

    name: Name
    marketplace_ids: Marketplaces
    seller_id: SellerId | None = None
    settings: dict[str, Any] = msgspec.field(default_factory=dict)


class UpdateSeller(Ask):
    name: Name | UnsetType = UNSET
    marketplace_ids: Marketplaces | UnsetType = UNSET
    settings: dict[str, Any] | UnsetType = UNSET


class SellerRecord(Part):
    seller_id: str
    name: str
    marketplace_ids: list[str]
    settings: dict[str, Any]
    created_at: str


class SellerListing(Part):
    """A page; `next` is there where more follow."""

    sellers: list[SellerRecord]
    next: str | None = None


SELLER_EXISTS = Says(409, "Conflict", "There is already a seller {seller_id}.", "the id is taken")
MARKETPLACE_IN_USE = Says(
    409,
    "Conflict",
    "The seller {seller_id} still has stores or technicians in {marketplace_id}.",
    "a marketplace that would go still has stores or technicians",
)


def marketplace_faults(marketplace_ids: Sequence[str]) -> list[ParameterFault]:
    """What is wrong with the marketplaces of a seller."""
    for rank, marketplace_id in enumerate(marketplace_ids):
        if marketplace_id not in BY_ID:
            return [ParameterFault(f"marketplaceIds[{rank}]", f"{marketplace_id} is no marketplace")]
    return duplicates("marketplaceIds", marketplace_ids)

"""Where and when in the demo world: time zones, addresses and who lives there."""

import random
from zoneinfo import ZoneInfo

from fieldserve.sandbox.demo.cast import SellerCast, StoreCast
from fieldserve.wire.orders import OrderAddress, OrderBuyer, OrderLocation

_REGULARS = 240
"""Buyers of a store; some of them order again."""


def zone_of(store: StoreCast) -> ZoneInfo:
    """The store's time zone."""
    return ZoneInfo(store.time_zone)


def buyer_of(seller: SellerCast, store: StoreCast, chance: random.Random) -> tuple[OrderBuyer, OrderLocation]:
    """A buyer near the store, always with the same name, home and phone."""
    number = chance.randrange(_REGULARS)
    own = random.Random(f"{store.store_id} {number}")  # noqa: S311 (a story, not a secret)
    name = f"{own.choice(seller.first)} {own.choice(seller.last)}"
    # Numbers that are set aside for stories and never ring: 555-01xx in North America, 030 23125-xxx in Berlin.
    line = own.randrange(100)
    phone = f"+1 212 555 01{line:02d}" if store.country == "US" else f"+49 30 23125 0{line:02d}"
    buyer = OrderBuyer(
        name=name,
        buyer_id="A" + "".join(own.choices("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789", k=13)),
        phone=phone,
        is_prime_member=own.random() < 0.6,
    )
    street, house = own.choice(store.streets), own.randrange(1, 400)
    address = OrderAddress(
        name=name,
        address_line1=f"{house} {street}" if store.country == "US" else f"{street} {house}",
        city=store.city,
        state_or_region=store.region,
        postal_code=store.postal.format(own.randrange(1, 24)),
        country_code=store.country,
        phone=phone,
    )
    # A tenth of a degree is about 11 km of latitude.
    return buyer, OrderLocation(
        address=address,
        latitude=round(store.latitude + own.gauss(0, 0.05), 6),
        longitude=round(store.longitude + own.gauss(0, 0.06), 6),
    )

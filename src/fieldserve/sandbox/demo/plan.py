"""What is going to be wished for in the demo world: a pure function of the seed and the day.

A plan says who orders what, when and for when, and what fate has in store for the job. What becomes of it is up to the
operations: whether a slot is free, who is there to be sent.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Literal

from fieldserve.domain.intervals import DAY, MINUTE, Instant
from fieldserve.domain.schedules import EPOCH_ORDINAL, instant_of
from fieldserve.sandbox.demo.cast import SELLERS, SHIFTS, SellerCast, ServiceCast, StoreCast, TechnicianCast
from fieldserve.sandbox.demo.places import zone_of
from fieldserve.wire.schedules import DAYS_OF_WEEK

PAST_DAYS = 60
COMING_DAYS = 14
PENDING_PER_SELLER = 36
ORDERS_A_DAY = 32

Fate = Literal[
    "DONE",
    "MOVED_BY_PROVIDER",
    "MOVED_BY_BUYER",
    "MOVED_TWICE",
    "MISSED_THEN_MOVED",
    "MISSED_THEN_CANCELLED",
    "MISSED",
    "SECOND_VISIT",
    "CANCELLED_UNBOOKED",
    "CANCELLED_BY_BUYER",
    "CANCELLED_BY_PROVIDER",
    "HELD",
    "HELD_WHEN_BOOKED",
    "HELD_THEN_RELEASED",
    "PAYMENT_DECLINED",
    "NOT_FULFILLABLE",
    "PENDING",
]

# How many of a thousand orders. PENDING is planned apart.
FATES: dict[Fate, int] = {
    "DONE": 703,
    "MOVED_BY_PROVIDER": 45,
    "MOVED_BY_BUYER": 60,
    "MOVED_TWICE": 10,
    "MISSED_THEN_MOVED": 24,
    "MISSED_THEN_CANCELLED": 12,
    "MISSED": 6,
    "SECOND_VISIT": 10,
    "CANCELLED_UNBOOKED": 16,
    "CANCELLED_BY_BUYER": 32,
    "CANCELLED_BY_PROVIDER": 26,
    "HELD": 8,
    "HELD_WHEN_BOOKED": 5,
    "HELD_THEN_RELEASED": 18,
    "PAYMENT_DECLINED": 13,
    "NOT_FULFILLABLE": 12,
}

# Days from the order to the day that is wished for; the demand of 20 orders.
_LEADS = (0, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 6, 7, 8, 10, 12, 14)
_WISHES = 3


@dataclass(frozen=True, slots=True)
class Wish:
    """An order that somebody is going to place. `wished` are the starts they would like, the best first."""

    number: int
    seller: SellerCast
    store: StoreCast
    service: ServiceCast
    ordered_at: Instant
    wished: tuple[Instant, ...]
    fate: Fate
    luck: int

    def chance(self) -> random.Random:
        """Everything else that chance decides about the job, always in the same order."""
        return random.Random(self.luck)  # noqa: S311 (a story, not a secret)


def midnight(today: date) -> Instant:
    """The present of a world of that day: when it begins, UTC."""
    return (today.toordinal() - EPOCH_ORDINAL) * DAY


def wishes(seed: int, today: date) -> list[Wish]:
    """All orders up to the day, in the order in which they are placed."""
    chance = random.Random(f"{seed} {today.isoformat()}")  # noqa: S311 (a story, not a secret)
    now = midnight(today)
    drawn = [*_ordinary(chance, today, now), *_pending(chance, today, now)]
    drawn.sort(key=lambda wish: (wish.ordered_at, wish.number))
    return drawn


def _ordinary(chance: random.Random, today: date, now: Instant) -> Iterator[Wish]:
    places = [(seller, store) for seller in SELLERS for store in seller.stores]
    demand = [store.demand for _, store in places]
    fates, weights = list(FATES), list(FATES.values())
    number = 0
    for ordinal in range(today.toordinal() - PAST_DAYS - 2, today.toordinal()):
        for seller, store in chance.choices(places, demand, k=ORDERS_A_DAY + chance.randint(-4, 4)):
            number += 1
            at = _moment(chance, store, ordinal)
            lead = chance.choice(_LEADS)
            fate = chance.choices(fates, weights)[0]
            wish = _wish(chance, number, seller, store, at, ordinal + lead, fate)
            if at < now:
                yield wish


def _pending(chance: random.Random, today: date, now: Instant) -> Iterator[Wish]:
    """Orders of the last days that wait to be scheduled, every store in turn; the oldest is of a REAL_TIME store."""
    for seller in SELLERS:
        for rank in range(PENDING_PER_SELLER):
            store = seller.stores[rank % len(seller.stores)]
            at = now - 3 * DAY + rank * (3 * DAY // PENDING_PER_SELLER) + chance.randrange(90 * MINUTE)
            ordinal = today.toordinal() + chance.randint(2, 9)
            yield _wish(chance, 1_000_000 + rank, seller, store, at // 1_000_000 * 1_000_000, ordinal, "PENDING")


def _wish(
    chance: random.Random, number: int, seller: SellerCast, store: StoreCast, at: Instant, ordinal: int, fate: Fate
) -> Wish:
    offered = [one for one in seller.services if _teams()[store.store_id, one.asin]]
    service = chance.choices(offered, [one.popularity for one in offered])[0]
    team = _teams()[store.store_id, service.asin]
    zone = zone_of(store)
    starts = []
    for _ in range(_WISHES):
        days, shift = ordinal, SHIFTS[chance.choice(team).shift]
        # Most buyers know when such work is done; some wish for a Sunday all the same.
        if chance.random() < 0.97:
            while DAYS_OF_WEEK[(days + 6) % 7] not in shift.days:
                days += 1
        starts.append(instant_of(zone, days, chance.randrange(18, 32) * 30 * MINUTE))
        ordinal = days + chance.choice((1, 1, 2, 3))
    return Wish(number, seller, store, service, at, tuple(starts), fate, chance.getrandbits(64))


def _moment(chance: random.Random, store: StoreCast, ordinal: int) -> Instant:
    """A moment of the store's local day, most likely in the afternoon or evening."""
    second = int(chance.triangular(6 * 3600, 23.5 * 3600, 18 * 3600))
    return instant_of(zone_of(store), ordinal, second * 1_000_000)


@cache
def _teams() -> dict[tuple[str, str], list[TechnicianCast]]:
    """Who of a store can do what, by store and service."""
    return {
        (store.store_id, service.asin): [
            one
            for home in seller.stores
            for one in home.technicians
            if (home is store or store.store_id in one.also)
            and set(service.skills) <= set(one.skills)
            and one.registered
            and one.checked
        ]
        for seller in SELLERS
        for store in seller.stores
        for service in seller.services
    }

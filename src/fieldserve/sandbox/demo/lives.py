"""The life of a service job in the demo world, from the order to its end, told through the ordinary operations."""

import random
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import msgspec

from fieldserve.domain.intervals import DAY, HOUR, MINUTE, Instant
from fieldserve.domain.schedules import instant_of, local
from fieldserve.domain.slots import Visit
from fieldserve.operations.appointments import (
    add_appointment_for_service_job_by_service_job_id,
    assign_appointment_resources,
    reschedule_appointment_for_service_job_by_service_job_id,
)
from fieldserve.operations.documents import UploadTicket, create_service_document_upload_destination, upload
from fieldserve.operations.fulfillment import set_appointment_fulfillment_data
from fieldserve.operations.jobs import cancel_service_job_by_service_job_id, complete_service_job_by_service_job_id
from fieldserve.operations.operator_jobs import (
    cancel_job_as_buyer,
    decline_job_payment,
    hold_job,
    mark_job_not_fulfillable,
    release_job,
)
from fieldserve.operations.orders import place_order
from fieldserve.operations.run import Caller, Context
from fieldserve.operations.slots import get_appointment_slots, get_appointmment_slots_by_job_id
from fieldserve.sandbox.demo import proofs
from fieldserve.sandbox.demo.cast import SellerCast
from fieldserve.sandbox.demo.places import buyer_of, zone_of
from fieldserve.sandbox.demo.plan import Wish
from fieldserve.sandbox.demo.roster import Roster, slot_of
from fieldserve.wire.appointments import SLOT_NOT_AVAILABLE, AppointmentResource, AppointmentWindow
from fieldserve.wire.documents import ContentType, UploadValue
from fieldserve.wire.errors import ApiError
from fieldserve.wire.feedback import FeedbackEntry
from fieldserve.wire.fulfillment import (
    DateTimeRange,
    FulfillmentDocument,
    FulfillmentTime,
    SetAppointmentFulfillmentDataRequest,
)
from fieldserve.wire.jobs import AssociatedItem, ItemDelivery
from fieldserve.wire.orders import JobDeed, OrderAmount, OrderLocation, OrderPayment, PlaceOrder, PreferredTime
from fieldserve.wire.slots import GetAppointmentSlotsResponse, Window
from fieldserve.wire.times import parse, render

BASE_URL = "http://127.0.0.1"
"""Where documents go while the world is made; nobody but the world itself sees it."""

_SLOTS = msgspec.json.Decoder(GetAppointmentSlotsResponse)
_GRID = 30 * MINUTE

Steps = AsyncGenerator[Instant, None]


@dataclass(frozen=True, slots=True)
class Account:
    """A seller of the world, and who acts for it: its own application, and the marketplace's operators."""

    seller: SellerCast
    provider: Caller
    operator: Caller


@dataclass(slots=True)
class World:
    """What all lives share."""

    context: Context
    roster: Roster
    accounts: dict[str, Account]
    proved: int = 0
    said: dict[str, list[FeedbackEntry]] = field(default_factory=dict)
    """What buyers said of each seller's jobs since it was last imported."""


@dataclass(slots=True)
class JobLife:
    """One job. `visit` and `team` are those of its active appointment, as the seller's dispatcher knows them."""

    world: World
    wish: Wish
    chance: random.Random
    job_id: str = ""
    appointment_id: str = ""
    visit: Visit | None = None
    team: tuple[str, ...] = ()
    place: tuple[float, float] = (0.0, 0.0)
    recorded: bool = False
    went_well: bool = True

    # ---- what everything below stands on

    @property
    def context(self) -> Context:
        return self.world.context

    def now(self) -> Instant:
        return self.world.context.clock.now()

    def is_booked(self) -> bool:
        """Whether there is an active appointment."""
        return self.visit is not None

    def after(self, least: int, most: int) -> Instant:
        """From `least` to `most` minutes from now."""
        return self.now() + self.chance.randrange(least * 60, most * 60) * 1_000_000

    def seller(self) -> Caller:
        """A request of the seller's application."""
        return self._request(self.world.accounts[self.wish.seller.seller_id].provider)

    def operator(self) -> Caller:
        """A request of the marketplace's operator."""
        return self._request(self.world.accounts[self.wish.seller.seller_id].operator)

    def _request(self, caller: Caller) -> Caller:
        return Caller(
            caller.seller_id,
            caller.application_id,
            caller.authorization_id,
            caller.marketplaces,
            None,
            caller.roles,
            actor=caller.actor,
            request_id=str(UUID(int=self.chance.getrandbits(128), version=4)),
        )

    # ---- the whole life

    async def live(self) -> Steps:
        """From the order on."""
        wish = self.wish
        yield wish.ordered_at
        if self.chance.random() < 0.08:
            await self._browse()
            yield self.after(2, 9)
        await self._order()
        if wish.fate == "PENDING":
            return
        async for at in self._before_booking():
            yield at
        if wish.fate in ("CANCELLED_UNBOOKED", "HELD"):
            return
        yield self.after(2, 25) if self.chance.random() < 0.8 else self.after(60, 600)
        async for at in self._book():
            yield at
        if not self.is_booked():
            yield self.after(600, 2400)
            await self._give_up()
            return
        async for at in self._staff():
            yield at
        if wish.fate in _ENDINGS:
            async for at in self._end_early():
                yield at
            return
        async for at in self._moves():
            yield at
        if not self.is_booked():
            return
        async for at in self._visit_day():
            yield at
        if wish.fate == "SECOND_VISIT" and self.recorded:
            async for at in self._second_visit():
                yield at
        if wish.fate != "MISSED" and self.chance.random() >= 0.008:  # else nobody ever told that the job is done
            yield self.after(3, 40) if self.chance.random() < 0.85 else self.after(300, 2000)
            await complete_service_job_by_service_job_id(self.context, self.seller(), self.job_id)
        if self.chance.random() < 0.45:
            assert self.visit is not None
            yield max(self.after(60, 3000), self.visit.start + 4 * HOUR)
            self._say()

    # ---- ordering

    async def _browse(self) -> None:
        """Look for slots before there is an order."""
        store = self.wish.store
        day = self._day_of(self.wish.wished[0])
        await get_appointment_slots(
            self.context, self.seller(), self.wish.service.asin, store.store_id, self.wish.seller.marketplace_id, day
        )

    async def _order(self) -> None:
        wish, chance = self.wish, self.chance
        service, store = wish.service, wish.store
        buyer, home = buyer_of(wish.seller, store, chance)
        here = OrderLocation(latitude=store.latitude, longitude=store.longitude)
        location = home if service.where == "IN_HOME" else here
        assert location.latitude is not None
        assert location.longitude is not None
        self.place = location.latitude, location.longitude
        quantity = 2 if chance.random() < 0.06 else 1
        product_order = f"{chance.randrange(111, 115)}-{chance.randrange(10**7):07d}-{chance.randrange(10**7):07d}"
        placed = await place_order(
            self.context,
            self.operator(),
            PlaceOrder(
                store_id=store.store_id,
                asin=service.asin,
                buyer=buyer,
                quantity=quantity,
                service_location=location,
                preferred_appointment_times=tuple(
                    PreferredTime(start_time=render(start), duration_in_minutes=service.minutes)
                    for start in wish.wished[: chance.choice((1, 1, 2, 3))]
                ),
                associated_items=self._items(product_order, quantity),
                payments=self._payments(quantity),
                product_order_ids=(product_order,),
                tracking_ids=(f"TBA{chance.randrange(10**12):012d}",) if chance.random() < 0.7 else (),
            ),
        )
        self.job_id = placed.service_job_id

    def _items(self, product_order: str, quantity: int) -> tuple[AssociatedItem, ...]:
        if self.chance.random() < 0.25:
            return ()
        delivered = self.chance.random() < 0.6
        return (
            AssociatedItem(
                asin=f"B0{self.chance.randrange(10**8):08d}",
                title=self.wish.service.item,
                quantity=quantity,
                order_id=product_order,
                item_status="DELIVERED" if delivered else "SHIPPED",
                item_delivery=ItemDelivery(render(self.now() + (-1 if delivered else 1) * 2 * DAY)),
            ),
        )

    def _payments(self, quantity: int) -> tuple[OrderPayment, ...]:
        price = self.wish.service.price * quantity
        tip = self.chance.choice((Decimal("0.00"), Decimal("0.00"), Decimal("5.00"), Decimal("12.50")))
        currency = self.wish.seller.currency
        instrument = self.chance.choice(self.wish.seller.instruments)
        amounts = [price, tip] if tip else [price]
        return tuple(
            OrderPayment(amount=OrderAmount(value=amount, currency=currency), instrument=instrument)
            for amount in amounts
        )

    async def _before_booking(self) -> Steps:
        fate = self.wish.fate
        if fate == "CANCELLED_UNBOOKED":
            yield self.after(20, 900)
            await cancel_job_as_buyer(self.context, self.operator(), self.job_id, JobDeed(reason="Ordered by mistake"))
        elif fate in ("HELD", "HELD_THEN_RELEASED"):
            yield self.after(5, 90)
            deed = JobDeed(reason="The item is late", caused_by="OPERATOR")
            await hold_job(self.context, self.operator(), self.job_id, deed)
            if fate == "HELD_THEN_RELEASED":
                yield self.after(600, 3000)
                await release_job(self.context, self.operator(), self.job_id, JobDeed(reason="The item has arrived"))

    async def _give_up(self) -> None:
        """Nothing was free on any day that would do."""
        if self.chance.random() < 0.5:
            deed = JobDeed(reason="No technician is free on the days that the buyer wants")
            await mark_job_not_fulfillable(self.context, self.operator(), self.job_id, deed)
        else:
            await cancel_service_job_by_service_job_id(self.context, self.seller(), self.job_id, "NO_TECHNICIAN")

    # ---- booking

    async def _book(self) -> Steps:
        """Search the days that are wished for, one after the other, until something is free."""
        if self.chance.random() < 0.03:
            await self._book_unseen()
            yield self.after(1, 4)
        for wished in self.wish.wished:
            if wished < self.now():
                wished += 3 * DAY
            start = await self._search(wished)
            if start is None:
                yield self.after(1, 9)
                continue
            yield self.now() + self.chance.randrange(20, 180) * 1_000_000
            if await self._take(start):
                return

    def _day_of(self, instant: Instant) -> Window:
        zone = zone_of(self.wish.store)
        ordinal = local(zone, instant)[0]
        return Window(instant_of(zone, ordinal, 0), instant_of(zone, ordinal + 1, 0))

    async def _search(self, wished: Instant) -> Instant | None:
        """The free start nearest to the one wished for, on the same day."""
        answer = await get_appointmment_slots_by_job_id(
            self.context, self.seller(), self.job_id, self.wish.seller.marketplace_id, self._day_of(wished)
        )
        report = _SLOTS.decode(answer).payload
        assert report is not None
        if report.scheduling_type == "REAL_TIME_SCHEDULING":
            starts = [parse(one.start_time) for one in report.appointment_slots if one.capacity > 0]
        else:
            hours = [(parse(one.start_time), parse(one.end_time)) for one in report.appointment_slots]
            starts = [one for opens, closes in hours for one in self._own_inventory(opens, closes)]
        return min(starts, key=lambda start: (abs(start - wished), start), default=None)

    def _own_inventory(self, opens: Instant, closes: Instant) -> list[Instant]:
        """What the seller's own system has free where the server tells working hours only."""
        roster, service, store = self.world.roster, self.wish.service, self.wish.store
        first = -(-max(opens, self.now() + service.notice * MINUTE) // _GRID) * _GRID
        starts = []
        for start in range(first, closes - service.minutes * MINUTE + 1, _GRID):
            visit = slot_of(start, service)
            if any(one.is_free(visit) for one in roster.on_duty(store, service, visit)):
                starts.append(start)
        return starts

    async def _book_unseen(self) -> None:
        """Someone books a start from an old page; it is before the doors open, and refused."""
        early = self._day_of(self.wish.wished[0]).start + 6 * HOUR
        if early > self.now():
            await self._take(early)

    async def _take(self, start: Instant) -> bool:
        window = AppointmentWindow(start, None)
        try:
            booked = await add_appointment_for_service_job_by_service_job_id(
                self.context, self.seller(), self.job_id, window
            )
        except ApiError as refusal:
            if refusal.says is not SLOT_NOT_AVAILABLE:
                raise
            return False
        assert booked.appointment_id is not None
        self._now_at(booked.appointment_id, start)
        return True

    def _now_at(self, appointment_id: str, start: Instant) -> None:
        self.appointment_id = appointment_id
        self.visit = slot_of(start, self.wish.service)

    # ---- staffing

    async def _staff(self) -> Steps:
        """Send somebody, some time before the visit; a few visits nobody thinks of until the day itself."""
        if self.visit is None or self.team or self.chance.random() < 0.02:
            return
        latest = self.visit.start - 30 * MINUTE
        at = self.after(5, 90) if self.chance.random() < 0.7 else self.after(90, 1200)
        yield min(at, max(latest, self.now()))
        await self._assign()

    async def _assign(self) -> None:
        assert self.visit is not None
        roster = self.world.roster
        able = roster.on_duty(self.wish.store, self.wish.service, self.visit)
        chosen = roster.best(able, self.visit, self.place)
        if able and (chosen is None or self.chance.random() < 0.006):
            # All are busy, or the dispatcher did not look: somebody gets two visits at once.
            busy = [one for one in able if not one.is_free(self.visit)]
            chosen = self.chance.choice(busy) if busy else chosen
        if chosen is None:
            return
        await assign_appointment_resources(
            self.context, self.seller(), self.job_id, self.appointment_id, [chosen.technician_id]
        )
        self._stand_down()
        chosen.take(self.visit)
        self.team = (chosen.technician_id,)

    def _stand_down(self) -> None:
        if self.visit is not None:
            for technician_id in self.team:
                self.world.roster[technician_id].drop(self.visit)
        self.team = ()

    # ---- plans change

    async def _end_early(self) -> Steps:
        """The visit does not come about."""
        assert self.visit is not None
        fate, ahead = self.wish.fate, self.visit.start - self.now()
        yield self.now() + max(MINUTE, int(ahead * self.chance.uniform(0.1, 0.9)))
        if fate == "CANCELLED_BY_BUYER":
            deed = JobDeed(reason=self.chance.choice(("Found somebody else", "Not needed any more", "Bad time")))
            await cancel_job_as_buyer(self.context, self.operator(), self.job_id, deed)
        elif fate == "CANCELLED_BY_PROVIDER":
            reason = self.chance.choice(("NO_TECHNICIAN", "ITEM_NOT_DELIVERED", "V1"))
            await cancel_service_job_by_service_job_id(self.context, self.seller(), self.job_id, reason)
        elif fate == "PAYMENT_DECLINED":
            deed = JobDeed(reason="The card was declined")
            await decline_job_payment(self.context, self.operator(), self.job_id, deed)
        elif fate == "NOT_FULFILLABLE":
            deed = JobDeed(reason="The place cannot be reached", caused_by="SELLER")
            await mark_job_not_fulfillable(self.context, self.operator(), self.job_id, deed)
        else:
            deed = JobDeed(reason="The buyer disputes the order", caused_by="BUYER")
            await hold_job(self.context, self.operator(), self.job_id, deed)
        self._stand_down()
        self.visit = None

    async def _moves(self) -> Steps:
        """The visit is moved, perhaps twice, before it begins or after nobody came."""
        fate = self.wish.fate
        if fate in ("MOVED_BY_PROVIDER", "MOVED_BY_BUYER", "MOVED_TWICE"):
            reasons = {"MOVED_BY_BUYER": ("CUSTOMER_REQUEST",), "MOVED_TWICE": ("CUSTOMER_REQUEST", "WEATHER")}
            for reason in reasons.get(fate, (self.chance.choice(("TECHNICIAN_UNAVAILABLE", "WEATHER", "R1")),)):
                assert self.visit is not None
                ahead = self.visit.start - self.now()
                yield self.now() + max(MINUTE, int(ahead * self.chance.uniform(0.2, 0.95)))
                async for at in self._move(reason):
                    yield at
        elif fate in ("MISSED_THEN_MOVED", "MISSED_THEN_CANCELLED"):
            assert self.visit is not None
            yield self.visit.start + self.chance.randrange(30, 300) * MINUTE
            if fate == "MISSED_THEN_MOVED":
                reason = self.chance.choice(("CUSTOMER_REQUEST", "CUSTOMER_REQUEST", "TECHNICIAN_UNAVAILABLE"))
                async for at in self._move(reason):
                    yield at
            else:
                deed = JobDeed(reason="Nobody came", caused_by="BUYER")
                await cancel_job_as_buyer(self.context, self.operator(), self.job_id, deed)
                self._stand_down()
                self.visit = None

    async def _move(self, reason: str) -> Steps:
        """Move the visit by a few days; where nothing is free it stays where it is."""
        assert self.visit is not None
        for days in (self.chance.randint(1, 4), 6, 8):
            wished = max(self.visit.start, self.now()) + days * DAY
            start = await self._search(wished)
            if start is not None and start != self.visit.start:
                break
            yield self.after(1, 6)
        else:
            return
        yield self.now() + self.chance.randrange(20, 120) * 1_000_000
        window = AppointmentWindow(start, None)
        try:
            moved = await reschedule_appointment_for_service_job_by_service_job_id(
                self.context, self.seller(), self.job_id, self.appointment_id, window, reason
            )
        except ApiError as refusal:
            if refusal.says is not SLOT_NOT_AVAILABLE:
                raise
            return  # somebody else was faster
        assert moved.appointment_id is not None
        stays = () if moved.warnings else self.team
        self._stand_down()
        self._now_at(moved.appointment_id, start)
        self.team = stays
        for technician_id in stays:
            self.world.roster[technician_id].take(self.visit)
        async for at in self._staff():
            yield at

    # ---- the visit

    async def _visit_day(self) -> Steps:
        assert self.visit is not None
        if self.wish.fate == "MISSED":
            return
        arrival = self.visit.start
        if self.team and self.chance.random() < 0.25:
            eta = max(self.visit.start - self.chance.randrange(20, 120) * MINUTE, self.now())
            yield eta
            arrival = self.visit.start + self.chance.randrange(0, 3) * 5 * MINUTE
            expected = DateTimeRange(render(arrival), render(arrival + 30 * MINUTE))
            await self._record(SetAppointmentFulfillmentDataRequest(estimated_arrival_time=expected))
        start, end = self._worked(arrival)
        yield end + self.chance.randrange(60, 1500) * 1_000_000
        if self.chance.random() < 0.02:
            return  # completed without a record of the visit
        resources = None
        if not self.team:
            able = self.world.roster.on_duty(self.wish.store, self.wish.service, self.visit)
            resources = [AppointmentResource(self.chance.choice(able).technician_id)] if able else None
        # They began to ask for a photo two months ago, and more and more bring one: a trend to look at in reports.
        asked = 0.3 + 0.6 * min(1.0, self.wish.number / 2_000)
        documents = [await self._prove()] if self.chance.random() < asked else None
        worked = FulfillmentTime(render(start), render(end))
        await self._record(SetAppointmentFulfillmentDataRequest(None, worked, resources, documents))
        self.recorded = True

    def _worked(self, arrival: Instant) -> tuple[Instant, Instant]:
        """Most begin soon after they said, and take less than planned; some are early or late, and some overrun.

        A few technicians do so far more often than others: that is what a scorecard is there to show."""
        assert self.visit is not None
        who = self.world.roster[self.team[0]].cast if self.team else None
        often_late, often_over = (who.late, who.over) if who else (0.06, 0.07)
        dice = self.chance.random()
        late = self.chance.randrange(-4, 0) if dice < 0.05 else self.chance.randrange(0, 9)
        late = self.chance.randrange(31, 90) if dice > 1 - often_late else late
        share = self.chance.uniform(1.05, 1.6) if self.chance.random() < often_over else self.chance.uniform(0.6, 0.82)
        self.went_well = late <= 30 and share <= 1
        start = arrival + late * MINUTE + self.chance.randrange(60) * 1_000_000
        minutes = max(12, int(self.wish.service.minutes * share))
        return start, start + minutes * MINUTE

    def _say(self) -> None:
        """What the buyer says of it to the marketplace: they are as glad as the visit was on time, by and large."""
        if self.wish.fate == "MISSED":
            stars, claim = 1, self.chance.choice(("FILED", "GRANTED"))
        else:
            weights = (1, 1, 3, 15, 80) if self.went_well else (9, 11, 20, 30, 30)
            stars = self.chance.choices((1, 2, 3, 4, 5), weights)[0]
            claim = self.chance.choice(("NONE", "FILED", "GRANTED")) if stars == 1 else "NONE"
        entry = FeedbackEntry(service_job_id=self.job_id, date=render(self.now()), stars=stars, claim=claim)
        self.world.said.setdefault(self.wish.seller.seller_id, []).append(entry)

    async def _record(self, request: SetAppointmentFulfillmentDataRequest) -> None:
        await set_appointment_fulfillment_data(self.context, self.seller(), self.job_id, self.appointment_id, request)

    async def _prove(self) -> FulfillmentDocument:
        """Announce, encrypt and upload a document."""
        self.world.proved += 1
        number = self.world.proved
        kind: ContentType = "PNG" if number % 3 else "PDF"
        plain = proofs.picture(number) if number % 3 else proofs.receipt(f"Work done, signed for: job {self.job_id}")
        value = UploadValue(kind, len(plain), None)
        to = (await create_service_document_upload_destination(self.context, self.seller(), value, BASE_URL)).payload
        assert to is not None
        content = proofs.encrypt(plain, to.encryption_details.key, to.encryption_details.initialization_vector)
        query = parse_qs(urlsplit(to.url).query)
        ticket = UploadTicket(query["seller"][0], to.upload_destination_id, query["expires"][0], query["signature"][0])
        headers = {name.lower(): text for name, text in to.headers.items()} | {"content-length": str(len(content))}
        await upload(self.context, ticket, headers, proofs.whole(content))
        return FulfillmentDocument(to.upload_destination_id, proofs.sha256(plain))

    async def _second_visit(self) -> Steps:
        """Something was missing: the same job gets another appointment."""
        assert self.visit is not None
        self.team = ()
        wished = self.visit.start + 3 * DAY
        for days in range(4):
            yield self.after(30, 200)
            start = await self._search(wished + days * DAY)
            if start is not None and await self._take(start):
                async for at in self._staff():
                    yield at
                async for at in self._visit_day():
                    yield at
                return


_ENDINGS = frozenset(
    {"CANCELLED_BY_BUYER", "CANCELLED_BY_PROVIDER", "PAYMENT_DECLINED", "NOT_FULFILLABLE", "HELD_WHEN_BOOKED"}
)

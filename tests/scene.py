"""A request that is in order for each of the 17 operations, on things made for it alone.

Tests of all operations alike take these and spoil one thing. Every job gets slots that nobody else asks for, so many
tests can share one world.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2

from fieldserve.domain.intervals import DAY, HOUR
from fieldserve.wire.operations import BY_ID, OPERATIONS, Operation
from fieldserve.wire.times import parse, render
from tests.world import ANN, ASIN, BOB, SELLER, STORE, US, World

# Tuesday 3 March 2026, 10:00 in New York. The full hours from here to 20:00Z lie within opening hours all year.
FIRST_SLOT = parse("2026-03-03T15:00:00Z")
SLOTS_A_DAY = 6

IDS = [operation.id for operation in OPERATIONS]


@dataclass(frozen=True)
class Ask:
    """A request: path and query parameters by name, and the body (None sends none)."""

    operation: Operation
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None

    def but(self, *, path: Mapping[str, str] | None = None, query: Mapping[str, Any] | None = None) -> "Ask":
        """The same with other parameters; a query parameter of None is left out."""
        changed = {**self.query, **(query or {})}
        kept = {name: value for name, value in changed.items() if value is not None}
        return replace(self, path={**self.path, **(path or {})}, query=kept)

    def saying(self, body: Any) -> "Ask":
        """The same with another body."""
        return replace(self, body=body)

    @property
    def url(self) -> str:
        """The path with its parameters filled in."""
        return self.operation.path.format(**self.path)


@dataclass
class Scene:
    """Things in a world to ask about; `send` asks."""

    world: World
    seller: str = SELLER
    store: str = STORE
    technicians: tuple[str, str] = (ANN, BOB)
    slots: int = 0

    async def send(self, ask: Ask, **kwargs: Any) -> httpx2.Response:
        """The answer to a request, by default as the seller's application; `kwargs` are those of `World.call`."""
        more: dict[str, Any] = {"seller": self.seller, "params": ask.query, **kwargs}
        if ask.body is not None and "content" not in more:
            more["json"] = ask.body
        return await self.world.call(ask.operation.method, ask.url, **more)

    def slot(self) -> str:
        """The start of a slot that nobody else of this scene gets."""
        day, hour = divmod(self.slots, SLOTS_A_DAY)
        self.slots += 1
        return render(FIRST_SLOT + day * DAY + hour * HOUR)

    async def pending(self, **changes: Any) -> str:
        """A new job; answers its id."""
        return await self.world.order(f"{self.seller}-{self.world.orders}", **self._place(changes))

    async def booked(self) -> tuple[str, str]:
        """A new job with an appointment; answers both ids."""
        job_id = await self.pending()
        return job_id, await self.world.book(job_id, self.slot(), seller=self.seller)

    async def reserved(self) -> str:
        """A new reservation; answers its id."""
        answer = await self.send(await self.ask("createReservation"))
        reservation_id: str = answer.json()["payload"]["reservation"]["reservationId"]
        return reservation_id

    async def ask(self, operation_id: str) -> Ask:
        """A request that succeeds, and reaches the database on its way."""
        operation = BY_ID[operation_id]
        path, query = await self._parameters(operation)
        return Ask(operation, path, query, self._body(operation_id) if operation.body else None)

    def _place(self, changes: dict[str, Any]) -> dict[str, Any]:
        return {"seller": self.seller, "store": self.store, **changes}

    async def _parameters(self, operation: Operation) -> tuple[dict[str, str], dict[str, str]]:
        names = {parameter.name for parameter in operation.parameters}
        path, query = {"resourceId": self.store}, {"marketplaceIds": US, "cancellationReasonCode": "V1"}
        query |= {"asin": ASIN, "storeId": self.store, "createdAfter": "2026-01-01T00:00:00Z"}
        if operation.id in ("addAppointmentForServiceJobByServiceJobId", "getAppointmmentSlotsByJobId"):
            path["serviceJobId"] = await self.pending()
        elif "serviceJobId" in names:
            path["serviceJobId"], path["appointmentId"] = await self.booked()
        if "reservationId" in names:
            path["reservationId"] = await self.reserved()
        return (
            {name: value for name, value in path.items() if name in names},
            {name: value for name, value in query.items() if name in names},
        )

    def _body(self, operation_id: str) -> dict[str, Any]:
        start = self.slot()
        end = render(parse(start) + HOUR)
        record = {"startTime": start, "endTime": end}
        reservation = {"resourceId": self.store, "reservation": {"type": "BREAK", "availability": record}}
        window = {"startDateTime": start, "endDateTime": end}
        bodies: dict[str, dict[str, Any]] = {
            "addAppointmentForServiceJobByServiceJobId": {"appointmentTime": {"startTime": start}},
            "rescheduleAppointmentForServiceJobByServiceJobId": {
                "appointmentTime": {"startTime": start},
                "rescheduleReasonCode": "R1",
            },
            "assignAppointmentResources": {"resources": [{"resourceId": self.technicians[1]}]},
            "setAppointmentFulfillmentData": {"estimatedArrivalTime": record},
            "getRangeSlotCapacity": window,
            "getFixedSlotCapacity": window,
            "updateSchedule": {"schedules": [record]},
            "createReservation": reservation,
            "updateReservation": reservation,
            "createServiceDocumentUploadDestination": {"contentType": "PNG", "contentLength": 100},
        }
        return bodies[operation_id]

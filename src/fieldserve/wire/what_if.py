"""What-if on the wire: another schedule, and what the demand that there was would have made of it."""

from typing import Annotated, Literal

from msgspec import Meta

from fieldserve.wire.limits import Ask, Id
from fieldserve.wire.orders import Currency
from fieldserve.wire.parameters import ParameterFault
from fieldserve.wire.parts import Part
from fieldserve.wire.plans import read_day
from fieldserve.wire.technicians import Skills

Weekday = Literal["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]
WEEKDAYS: tuple[Weekday, ...] = Weekday.__args__  # type: ignore[attr-defined]
Day = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$(?!\n)")]
TimeOfDay = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$(?!\n)|^24:00$(?!\n)")]
LONGEST_DAYS = 366


class ScheduleChange(Ask):
    """A change of the schedule, on the weekdays `on` (all, if absent), at all stores that are looked at.

    ADD_TECHNICIANS: `technicians` more, from `opens` until `closes` or in the store's hours, with these skills or with
    all that the store's others have. OPEN_LONGER: on days with hours these begin at `opens` at the latest, and last
    until `closes` at least, for the store and everybody who works then. Times are those of the store's clock."""

    kind: Literal["ADD_TECHNICIANS", "OPEN_LONGER"]
    technicians: Annotated[int, Meta(ge=1, le=500)] | None = None
    on: tuple[Weekday, ...] = ()
    opens: TimeOfDay | None = None
    closes: TimeOfDay | None = None
    skills: Skills = ()


class AskWhatIf(Ask):
    """Orders that came on local days from `firstDay` up to but without `pastDay`, against the changes, one after the
    other. `costPerHour` is what an hour of a technician costs, in `costCurrency`, by default that of the stores'
    marketplace."""

    first_day: Day
    past_day: Day
    changes: Annotated[tuple[ScheduleChange, ...], Meta(min_length=1, max_length=20)]
    store_ids: Annotated[tuple[Id, ...], Meta(max_length=100)] = ()
    cost_per_hour: Annotated[str, Meta(pattern=r"^[0-9]{1,7}(\.[0-9]{1,4})?$(?!\n)")] | None = None
    cost_currency: Currency | None = None


class WhatIfFigures(Part):
    """Orders that no longer wait, and how many of them found an appointment: in fact, in the replay of the schedule as
    it is, and with the changes. What the first two differ by is how far the replay errs. `jobsWon` are those that only
    the changes win, `jobsLost` those that they lose. Utilisation is time on visits by technicians' hours, of the days
    asked for as all hours are. `costPerWonJob` is absent where nothing is won, or no cost was told; costs are in
    `costCurrency`."""

    store_id: str | None
    orders: int
    found: int
    replayed: int
    changed: int
    jobs_won: int
    jobs_lost: int
    utilisation: float | None
    changed_utilisation: float | None
    hours: float
    added_hours: float
    added_cost: str | None = None
    cost_per_won_job: str | None = None
    cost_currency: str | None = None


class WhatIf(Part):
    """The figures of each store and of all; the jobs that are won, with the start that they would have had."""

    first_day: str
    past_day: str
    changes: list[ScheduleChange]
    stores: list[WhatIfFigures]
    total: WhatIfFigures
    won: dict[str, str]
    notices: list[str]


def what_if_faults(ask: AskWhatIf) -> list[ParameterFault]:
    """What of the request makes no sense."""
    faults = []
    first, past = read_day(ask.first_day), read_day(ask.past_day)
    faults += [
        ParameterFault(name, f"{name} must be a day such as 2026-03-02")
        for name, day in (("firstDay", first), ("pastDay", past))
        if day is None
    ]
    if first is not None and past is not None and not 1 <= (past - first).days <= LONGEST_DAYS:
        faults.append(ParameterFault("pastDay", f"pastDay must come 1 to {LONGEST_DAYS} days after firstDay"))
    if ask.cost_currency is not None and ask.cost_per_hour is None:
        faults.append(ParameterFault("costCurrency", "costCurrency needs costPerHour, the amount"))
    for rank, change in enumerate(ask.changes):
        place = f"changes[{rank}]"
        if change.kind == "ADD_TECHNICIANS" and change.technicians is None:
            faults.append(ParameterFault(place, f"{place}: ADD_TECHNICIANS needs technicians, how many"))
        if change.kind == "OPEN_LONGER" and change.opens is None and change.closes is None:
            faults.append(ParameterFault(place, f"{place}: OPEN_LONGER needs opens, closes, or both"))
        if change.opens is not None and change.closes is not None and change.opens >= change.closes:
            faults.append(ParameterFault(place, f"{place}: closes must be after opens"))
    return faults


def minutes_of(time: str) -> int:
    """Minutes from midnight of `08:30`."""
    hours, minutes = time.split(":")
    return int(hours) * 60 + int(minutes)

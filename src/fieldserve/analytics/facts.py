"""The facts: tables that say what happened, each column with its unit, its zone, what null means and where it is from.

This table of tables drives the files that are written, the engines that read them and the reference. It imports nothing
heavy. Every time is UTC and has no zone of its own in the files (`timestamp`, microseconds); what a reader wants in
local terms (`local_date`, `weekday`…) is worked out once, in the zone of the store or resource, and stored. Durations
are stored as minutes, so that no engine has to subtract times. Null means *unknown* unless a column says otherwise: a
job mirrored from elsewhere has what its source tells, and nothing is guessed.
"""

from dataclasses import dataclass, replace
from typing import Literal

SCHEMA_VERSION = 3
"""Grows when a table's columns change; an export of another version is built anew."""

Type = Literal["string", "int64", "float64", "boolean", "date", "timestamp", "decimal(18, 4)"]

AMOUNT: Type = "decimal(18, 4)"
"""Amounts in major units; orders have at most four decimals."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `null` says what it means where there is no value; empty where there always is one."""

    name: str
    type: Type
    says: str
    null: str = ""
    unit: str = ""
    zone: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table. `grain` says what one row is, `key` tells rows apart; `partition` is the date it is stored by."""

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    partition: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names in order."""
        return tuple(one.name for one in self.columns)

    def column(self, name: str) -> Column:
        """The column with that name. Raises KeyError."""
        for one in self.columns:
            if one.name == name:
                return one
        raise KeyError(f"{self.name} has no column {name}")


def _text(name: str, says: str, null: str = "", source: str = "") -> Column:
    return Column(name, "string", says, null, source=source)


def _count(name: str, says: str, source: str = "") -> Column:
    return Column(name, "int64", says, unit="count", source=source)


def _time(name: str, says: str, null: str = "", source: str = "") -> Column:
    return Column(name, "timestamp", says, null, unit="µs", zone="UTC", source=source)


def _minutes(name: str, says: str, null: str = "", source: str = "") -> Column:
    return Column(name, "float64", says, null, unit="minutes", source=source)


def _flag(name: str, says: str, null: str = "", source: str = "") -> Column:
    return Column(name, "boolean", says, null, source=source)


def _local(of: str, zone: str, null: str = "") -> tuple[Column, ...]:
    """When `of` was, in local terms."""
    return (
        Column("local_date", "date", f"day of {of}", null, zone=zone),
        Column("week_start", "date", "the Monday of that day's week", null, zone=zone),
        Column("month_start", "date", "the first day of that day's month", null, zone=zone),
        Column("weekday", "int64", "1 is Monday, 7 Sunday", null, zone=zone),
        Column("local_hour", "int64", f"hour of {of}, 0 to 23", null, unit="hour", zone=zone),
    )


_SELLER = _text("seller_id", "the seller")
_JOB = _text("service_job_id", "the job")
_STORE = _text("store_id", "the store", "a search by a job that the log does not know", "job.ordered, job.observed")
_WHERE = (
    _text("marketplace_id", "the marketplace", source="job.ordered, job.observed"),
    _text("store_id", "the store", source="job.ordered, job.observed"),
    _text("asin", "the service", source="job.ordered, job.observed"),
    _text("service_location_type", "IN_HOME, IN_STORE or ONLINE", "not told", "job.ordered, else service.created"),
    _text("time_zone", "the store's zone when the job came", source="store.created, store.updated"),
    _flag("mirrored", "whether the job lives elsewhere", source="job.observed"),
)
_NO_VALUE = "nothing was imported"
_ENDED = "job.cancelled, job.held, job.payment_declined, job.not_fulfillable"

APPOINTMENT_FACTS = Table(
    "appointment_facts",
    "one appointment, also if it was cancelled or rescheduled",
    ("seller_id", "appointment_id"),
    (
        _SELLER,
        _text("appointment_id", "the appointment"),
        _JOB,
        *_WHERE,
        Column("visit_number", "int64", "1 for the job's first appointment", source="appointment.added"),
        *_local("promised_start", "store"),
        _time("booked_at", "when it was booked", "mirrored", "appointment.added, appointment.rescheduled"),
        _time("promised_start", "when the promised window begins", source="appointment.added"),
        _time("promised_end", "when it ends", source="appointment.added"),
        _minutes("promised_minutes", "length of the promised window"),
        _minutes("lead_minutes", "from booked_at to promised_start", "booked_at is"),
        _time(
            "arrival_start", "when the ETA given last begins", "none was given, or mirrored", "appointment.fulfilled"
        ),
        _time("arrival_end", "when it ends", "as arrival_start", "appointment.fulfilled"),
        _time("arrival_told_at", "when that ETA was given", "as arrival_start", "appointment.fulfilled"),
        _time("fulfilment_start", "when work began", "not recorded", "appointment.fulfilled, job.observed"),
        _time("fulfilment_end", "when work ended", "not recorded", "appointment.fulfilled, job.observed"),
        _time("recorded_at", "when that was recorded first", "not recorded, or mirrored", "appointment.fulfilled"),
        _minutes("on_site_minutes", "from fulfilment_start to fulfilment_end", "not recorded"),
        _minutes("start_offset_minutes", "fulfilment_start less promised_start", "not recorded"),
        _minutes("end_offset_minutes", "fulfilment_end less promised_end", "not recorded"),
        _minutes("arrival_offset_minutes", "fulfilment_start less arrival_start", "either is not recorded"),
        _minutes("arrival_minutes", "length of the ETA's window", "none was given"),
        Column("fulfilment_end_date", "date", "day of fulfilment_end", "not recorded", zone="store"),
        _text("status", "ACTIVE, COMPLETED or CANCELLED, as the API says it"),
        _text(
            "outcome",
            "OPEN; FULFILLED, with times of work; CLOSED, completed with its job without them; RESCHEDULED; or what"
            " ended it with its job: CANCELLED, HELD, PAYMENT_DECLINED, NOT_FULFILLABLE",
            source=f"appointment.*, {_ENDED}",
        ),
        _text(
            "broken_by",
            "who ended it before it was fulfilled: BUYER, SELLER (the provider), OPERATOR, or OTHER (nobody's fault)",
            "it was not broken; of a mirrored job also: not known by whom",
            f"causedBy, else the reasonCode of appointment.rescheduled, {_ENDED}",
        ),
        _text("reason_code", "the code given for that", "none was given", "appointment.rescheduled, job.cancelled"),
        _time("ended_at", "when it was closed, cancelled or rescheduled", "it is OPEN, or mirrored"),
        _minutes(
            "notice_minutes", "promised_start less ended_at, where broken; below 0: after its start", "not broken"
        ),
        _text("rescheduled_from", "the appointment that it replaced", "none", "appointment.rescheduled"),
        _text("rescheduled_to", "the appointment that replaced it", "none", "appointment.rescheduled"),
        _time("assigned_at", "when technicians were assigned first", "never, or mirrored", "appointment.assigned"),
        _count("technician_count", "technicians on it last, or who did the work"),
        _flag(
            "overbooked", "a technician had a clashing appointment when assigned", "mirrored", "appointment.assigned"
        ),
        Column("proof_documents", "int64", "documents attached", "mirrored", "count", source="appointment.fulfilled"),
        _flag("proof_attached", "at least one document is attached", "mirrored", "appointment.fulfilled"),
        _flag(
            "concluding", "what is said of its job is said of it: the job's last one that was done, else its last one"
        ),
        Column("stars", "int64", "stars that the buyer gave, if concluding", _NO_VALUE, "stars", source="job.rated"),
        _text("claim", "NONE, FILED or GRANTED, if concluding", _NO_VALUE, "job.claimed"),
        _time("said_at", "when the newest of both was imported, if concluding", _NO_VALUE, "job.rated, job.claimed"),
    ),
    "local_date",
)

OF_APPOINTMENT = (
    *("service_job_id", "store_id", "asin", "local_date", "week_start", "month_start", "weekday"),
    *("promised_end", "promised_minutes", "arrival_start", "arrival_minutes", "arrival_offset_minutes"),
    *("fulfilment_start", "fulfilment_end", "fulfilment_end_date", "on_site_minutes"),
    *("start_offset_minutes", "end_offset_minutes", "status", "outcome", "broken_by", "notice_minutes"),
    *("proof_attached", "concluding", "stars", "claim", "said_at"),
)
"""What stands in `appointment_technicians` again: what an audit by technician asks of appointments, without a join."""

APPOINTMENT_TECHNICIANS = Table(
    "appointment_technicians",
    "one technician of one appointment: who did the work where that is recorded, else who was assigned last",
    ("seller_id", "appointment_id", "technician_id"),
    (
        _SELLER,
        _text("appointment_id", "the appointment"),
        _text("technician_id", "the technician"),
        Column("position", "int64", "1 for the first of the team"),
        _flag("assigned", "assigned to it last", source="appointment.assigned"),
        _flag("worked", "recorded as having done the work", "no work is recorded", "appointment.fulfilled"),
        _flag("overbooked", "had a clashing appointment when assigned", "mirrored", "appointment.assigned"),
        *(replace(APPOINTMENT_FACTS.column(name), says="as in appointment_facts") for name in OF_APPOINTMENT),
    ),
    "local_date",
)

JOB_FACTS = Table(
    "job_facts",
    "one service job",
    ("seller_id", "service_job_id"),
    (
        _SELLER,
        _JOB,
        *_WHERE,
        _text("service_order_id", "the order", "mirrored", "job.ordered"),
        Column("quantity", "int64", "how many were ordered", "not told", "count", source="job.ordered"),
        _time("ordered_at", "when it was ordered", source="job.ordered, job.observed"),
        *_local("ordered_at", "store"),
        _text("status", "as the API says it", source="job.*, appointment.*"),
        _time("scheduled_at", "when its first appointment was booked", "never, or mirrored", "appointment.added"),
        _time("first_promised_start", "when its first appointment was to begin", "none was booked"),
        _minutes("lead_minutes", "from ordered_at to first_promised_start", "none was booked"),
        _time("completed_at", "when it was completed", "it is not, or mirrored", "job.completed"),
        _time("closed_at", "when it ended, however", "it is open, or mirrored", f"job.completed, {_ENDED}"),
        _text("ended_by", "who ended it without completing it, as broken_by", "completed, open, or not known"),
        _text("reason_code", "the code given for that", "none was given", "job.cancelled"),
        _count("appointment_count", "appointments so far"),
        _count("reschedule_count", "how often an appointment was moved", "appointment.rescheduled"),
        _count("hold_count", "how often it was on HOLD", "job.held"),
        Column("waiting_since", "timestamp", "since when it waits for an appointment", "it does not", "µs", "UTC"),
        _minutes("waited_minutes", "time waited for appointments, in waits that ended", "mirrored"),
        _count("preferred_count", "windows that the buyer preferred", "job.ordered"),
        _flag("preferred_met", "its first appointment starts in one of them", "none preferred, or none booked"),
        Column("stars", "int64", "stars that its buyer gave", _NO_VALUE, "stars", source="job.rated"),
        Column("rated_on", "date", "the day of that", _NO_VALUE, zone="store", source="job.rated"),
        _text("claim", "NONE, FILED or GRANTED", _NO_VALUE, "job.claimed"),
        Column("claimed_on", "date", "the day of that", _NO_VALUE, zone="store", source="job.claimed"),
    ),
    "local_date",
)

PAYMENT_FACTS = Table(
    "payment_facts",
    "one payment of one job",
    ("seller_id", "service_job_id", "payment_number"),
    (
        _SELLER,
        _JOB,
        Column("payment_number", "int64", "1 for the first of the order's list", source="job.ordered"),
        *_WHERE,
        _time("ordered_at", "when the job was ordered", source="job.ordered"),
        *_local("ordered_at", "store"),
        _text("currency", "ISO 4217; amounts of two currencies are never added", source="job.ordered"),
        _text("instrument", "how it is paid", "not told", "job.ordered"),
        Column("amount", AMOUNT, "the amount in major units", unit="currency", source="job.ordered"),
        _text(
            "state",
            "PENDING while the job is open; EARNED, it was completed; DECLINED; LOST, cancelled or not fulfillable",
            source=f"job.completed, {_ENDED}",
        ),
        _time("settled_at", "when it left PENDING", "it is PENDING, or mirrored"),
        Column("settled_date", "date", "day of settled_at", "as settled_at", zone="store"),
        _text("job_status", "the job's status"),
        _flag("visited", "an appointment of the job has times of work"),
    ),
    "local_date",
)

_CAPACITY = "schedule.updated, reservation.*, appointment.*, job.*"
CAPACITY_FACTS = Table(
    "capacity_facts",
    "one hour of a resource's own clock, where anything is scheduled or taken in it; up to four weeks ahead",
    ("seller_id", "resource_id", "hour_start"),
    (
        _SELLER,
        _text("resource_id", "the store or technician"),
        _text("resource_type", "STORE or TECHNICIAN: never add up the two", source="store.created, technician.created"),
        _text("time_zone", "the resource's zone", source="store.created, technician.created"),
        _time("hour_start", "when the hour begins"),
        Column("local_date", "date", "its day", zone="resource"),
        Column("week_start", "date", "the Monday of that day's week", zone="resource"),
        Column("month_start", "date", "the first day of that day's month", zone="resource"),
        Column("weekday", "int64", "1 is Monday, 7 Sunday", zone="resource"),
        Column("local_hour", "int64", "0 to 23; twice where the clock is set back", unit="hour", zone="resource"),
        Column("minutes", "float64", "length of the hour: 60 but where clocks change by a part of one", unit="minutes"),
        Column(
            "scheduled_minutes", "float64", "capacity × time of its schedule", unit="unit-minutes", source=_CAPACITY
        ),
        Column("reserved_minutes", "float64", "of travel, vacation, break, training", unit="unit-minutes"),
        Column("travel_minutes", "float64", "the part of reserved that is travel", unit="unit-minutes"),
        Column("encumbered_minutes", "float64", "of appointments and for appointments", unit="unit-minutes"),
        Column("available_minutes", "float64", "the rest, at each instant at least 0", unit="unit-minutes"),
    ),
    "local_date",
)

DEMAND_FACTS = Table(
    "demand_facts",
    "one thing that says what buyers want: a search, an order, a preferred window, a refusal, a hold, a wait",
    ("seller_id", "demand_id"),
    (
        _SELLER,
        _text("demand_id", "the sequence of its event, with a number behind where one event makes several"),
        _text(
            "kind",
            "SEARCH; ORDER; PREFERENCE, a window that the order prefers; REFUSAL, no slot for a booking; HOLD, a job on"
            " HOLD; WAIT, a job without appointment",
            source="slots.searched, job.ordered, booking.refused, job.held, job.*",
        ),
        _STORE,
        _text("asin", "the service", "as store_id"),
        _text("service_job_id", "the job", "a search by store"),
        _text("time_zone", "the store's zone", "as store_id"),
        _time("at", "when it happened; of HOLD and WAIT: when it began"),
        *_local("at", "store; UTC where that is not known"),
        _time("wanted_start", "when the wanted window begins; of HOLD and WAIT: at", "an order"),
        _time("wanted_end", "when it ends; of HOLD and WAIT: when that ended", "an order; HOLD and WAIT: not yet"),
        Column("wanted_date", "date", "day of wanted_start", "an order", zone="store"),
        Column("wanted_weekday", "int64", "1 is Monday, 7 Sunday", "an order", zone="store"),
        Column("wanted_hour", "int64", "hour of wanted_start", "an order", unit="hour", zone="store"),
        _minutes("wanted_minutes", "length of the window, or duration", "an order; HOLD and WAIT: not yet ended"),
        _minutes("ahead_minutes", "from at to wanted_start", "an order; HOLD and WAIT"),
        Column("slots", "int64", "slots that were listed", "no search", "count", source="slots.searched"),
        Column("free_slots", "int64", "of them with a capacity above 0", "no search", "count", source="slots.searched"),
        _flag(
            "found",
            "SEARCH: a slot was free. ORDER, PREFERENCE: an appointment was booked (PREFERENCE: within the window)."
            " REFUSAL: false",
            "HOLD, WAIT; ORDER and PREFERENCE of a job that still waits",
        ),
    ),
    "local_date",
)

_SINCE = _time("since", "since when it is so", source="the newest event of its kind")
DIMENSIONS = (
    Table(
        "sellers",
        "one seller, as it is now",
        ("seller_id",),
        (_SELLER, _text("name", "its name", source="seller.created, seller.updated"), _SINCE),
    ),
    Table(
        "stores",
        "one store, as it is now",
        ("seller_id", "store_id"),
        (
            _SELLER,
            _text("store_id", "the store"),
            _text("name", "its name", source="store.created, store.updated"),
            _text("marketplace_id", "its marketplace"),
            _text("time_zone", "its zone"),
            _text("scheduling_type", "REAL_TIME_SCHEDULING or NON_REAL_TIME_SCHEDULING"),
            _SINCE,
        ),
    ),
    Table(
        "technicians",
        "one technician, as they are now; names stay in the database",
        ("seller_id", "technician_id"),
        (
            _SELLER,
            _text("technician_id", "the technician"),
            _text("marketplace_id", "their marketplace", source="technician.created, technician.updated"),
            _text("time_zone", "their zone"),
            _flag("registered", "whether they are registered"),
            _flag("background_checked", "whether their background was checked"),
            _SINCE,
        ),
    ),
    Table(
        "store_technicians",
        "one store of one technician",
        ("seller_id", "store_id", "technician_id"),
        (_SELLER, _text("store_id", "the store"), _text("technician_id", "the technician")),
    ),
    Table(
        "technician_skills",
        "one skill of one technician",
        ("seller_id", "technician_id", "skill"),
        (_SELLER, _text("technician_id", "the technician"), _text("skill", "the skill")),
    ),
    Table(
        "services",
        "one service, as it is now",
        ("seller_id", "asin"),
        (
            _SELLER,
            _text("asin", "the service"),
            _text("title", "its title", source="service.created, service.updated"),
            _minutes("duration_minutes", "how long it takes"),
            _minutes("notice_minutes", "the notice that it needs"),
            _text("service_location_type", "IN_HOME, IN_STORE or ONLINE"),
            _SINCE,
        ),
    ),
    Table(
        "service_skills",
        "one skill that one service needs",
        ("seller_id", "asin", "skill"),
        (_SELLER, _text("asin", "the service"), _text("skill", "the skill")),
    ),
    Table(
        "calendar",
        "one day, from the first to the last that the facts know",
        ("date",),
        (
            Column("date", "date", "the day"),
            Column("week_start", "date", "the Monday of its week"),
            Column("month_start", "date", "the first of its month"),
            Column("weekday", "int64", "1 is Monday, 7 Sunday"),
        ),
    ),
)

FACTS = (
    APPOINTMENT_FACTS,
    APPOINTMENT_TECHNICIANS,
    JOB_FACTS,
    PAYMENT_FACTS,
    CAPACITY_FACTS,
    DEMAND_FACTS,
)
TABLES = {one.name: one for one in (*FACTS, *DIMENSIONS)}

"""What each kind of event holds: the table behind reference/events.md. A test holds it against the code and a world."""

from dataclasses import dataclass

_JOB = ("status", "appointments")
_JOB_AFTER = ("status", "storeId", "appointments")
_DEED = (*_JOB_AFTER, "causedBy", "cancelledAppointmentId", "reason")
_RESERVATION = ("reservationId", "resourceId", "type", "availability")
_ENTRY = ("sequence", "operationId", "said")
_SELLER = ("name", "marketplaceIds", "settings")
_STORE = (
    "name",
    "timeZone",
    "marketplaceId",
    "schedulingType",
    "latitude",
    "longitude",
    "travelAwareSlots",
    "smartSlots",
)
_TECHNICIAN = (
    "timeZone",
    "marketplaceId",
    "storeIds",
    "skills",
    "serviceLocationTypes",
    "registered",
    "backgroundChecked",
)
_USER = ("role", "technicianId", "disabled", "secondFactor")
_WEBHOOK = ("host", "applicationId", "eventTypes", "payload", "enabled")
_SERVICE = (
    "asin",
    "title",
    "durationMinutes",
    "slotIntervalMinutes",
    "noticeMinutes",
    "bufferBeforeMinutes",
    "bufferAfterMinutes",
    "serviceLocationType",
    "skills",
    "mirroredFrom",
)


@dataclass(frozen=True, slots=True)
class EventKind:
    """A kind of event; None stands for a before or after that there is not. `observed` ones are written behind;
    `said_again` ones have a before only where they replace one."""

    kind: str
    when: str
    subject: str
    before: tuple[str, ...] | None = None
    after: tuple[str, ...] | None = None
    observed: bool = False
    said_again: bool = False


EVENTS = (
    EventKind(
        "job.ordered",
        "an order made a job",
        "the job",
        after=(
            "status",
            "marketplaceId",
            "storeId",
            "asin",
            "serviceOrderId",
            "quantity",
            "serviceLocationType",
            "latitude",
            "longitude",
            "preferredAppointmentTimes",
            "payments",
            "buyerId",
        ),
    ),
    EventKind(
        "job.cancelled",
        "the seller, or an operator in the buyer's stead, cancelled it",
        "the job",
        _JOB,
        (*_JOB_AFTER, "reasonCode", "causedBy", "cancelledAppointmentId", "reason"),
    ),
    EventKind("job.completed", "it was completed", "the job", _JOB, _JOB_AFTER),
    EventKind("job.held", "an operator put it on HOLD", "the job", _JOB, _DEED),
    EventKind("job.released", "an operator took it off HOLD", "the job", _JOB, _DEED),
    EventKind("job.payment_declined", "its payment was declined", "the job", _JOB, _DEED),
    EventKind("job.not_fulfillable", "nobody can do it", "the job", _JOB, _DEED),
    EventKind("job.located", "its place was told or found", "the job", after=("source",)),
    EventKind(
        "job.observed",
        "the source of a mirrored job told something new; what happened between is not known, nor when",
        "the job",
        _JOB,
        (*_JOB_AFTER, "marketplaceId", "asin", "createdAt", "asOf"),
    ),
    EventKind("job.erased", "what is personal of it was erased", "the job", after=("why", "documents")),
    EventKind(
        "job.rated",
        "stars that its buyer gave were imported",
        "the job",
        ("stars", "date"),
        ("stars", "date"),
        said_again=True,
    ),
    EventKind(
        "job.claimed",
        "it was imported whether its buyer claims something",
        "the job",
        ("claim", "date"),
        ("claim", "date"),
        said_again=True,
    ),
    EventKind("job.exported", "an operator read all that is held about its buyer", "the job"),
    EventKind("appointment.added", "an appointment was booked", "the job", _JOB, _JOB_AFTER),
    EventKind("appointment.rescheduled", "it moved, under a new id", "the job", _JOB, (*_JOB_AFTER, "reasonCode")),
    EventKind("appointment.assigned", "its technicians were replaced", "the job", _JOB, (*_JOB_AFTER, "overbooked")),
    EventKind(
        "appointment.pinned", "plans leave it with its technicians from now on", "the job", after=("appointmentId",)
    ),
    EventKind("appointment.unpinned", "plans may move it again", "the job", after=("appointmentId",)),
    EventKind(
        "appointment.started",
        "a technician said that work began; a visit's start and end are recorded together, when it ends",
        "the job",
        after=("appointmentId", "technicianId", "startTime"),
    ),
    EventKind(
        "appointment.fulfilled",
        "arrival, work, technicians or documents were recorded",
        "the job",
        _JOB,
        (*_JOB_AFTER, "documents"),
    ),
    EventKind(
        "booking.refused",
        "no slot was available for a booking or a move",
        "the job",
        after=("start", "durationInMinutes"),
        observed=True,
    ),
    EventKind(
        "slots.searched",
        "slots were listed",
        "the store, or the job searched by",
        after=("asin", "storeId", "serviceJobId", "start", "end", "slots", "free"),
        observed=True,
    ),
    EventKind("reservation.created", "time of a resource was reserved", "the reservation", after=_RESERVATION),
    EventKind("reservation.updated", "a reservation was replaced", "the new reservation", _RESERVATION, _RESERVATION),
    EventKind("reservation.cancelled", "the time was given back", "the reservation", before=_RESERVATION),
    EventKind(
        "plan.made",
        "a plan of routes was made; nothing else changed",
        "the plan",
        after=("firstDay", "storeIds", "visits", "unassigned", "travelSeconds", "basePlanId"),
    ),
    EventKind("plan.applied", "all that it says was done", "the plan", after=("assigned", "told", "booked")),
    EventKind("plan.superseded", "another plan of the same days was applied", "the plan", after=("byPlanId",)),
    EventKind(
        "plan.undone", "what applying it changed was put back", "the plan", after=("assigned", "told", "booked", "kept")
    ),
    EventKind("calendar_feed.created", "a calendar got a secret address", "the feed", after=("technicianId",)),
    EventKind("calendar_feed.revoked", "its address was refused from then on", "the feed"),
    EventKind("schedule.updated", "records were put above a schedule", "the resource", after=("records",)),
    EventKind(
        "document.announced",
        "an upload destination was made",
        "the upload destination",
        after=("contentType", "contentLength"),
    ),
    EventKind("document.uploaded", "its bytes came", "the upload destination", after=("length",)),
    EventKind(
        "document.attached",
        "it became proof of an appointment",
        "the upload destination",
        after=("appointmentId", "contentSha256"),
    ),
    EventKind("document.purged", "no appointment came for it in time", "the upload destination"),
    EventKind("outbox.sent", "the source carried out a write that was made here", "the job", after=_ENTRY),
    EventKind("outbox.refused", "it refused it; the job is again as it tells it", "the job", after=_ENTRY),
    EventKind("outbox.retried", "an operator had it sent again", "the job", after=_ENTRY),
    EventKind("outbox.dropped", "an operator gave it up", "the job", after=_ENTRY),
    EventKind("seller.created", "an operator added a seller", "the seller", after=_SELLER),
    EventKind("seller.updated", "an operator changed a seller", "the seller", _SELLER, _SELLER),
    EventKind("seller.signed_in", "a sign-in code was used on the consent page", "the seller"),
    EventKind("sign_in_code.issued", "an operator made a sign-in code", "the seller"),
    EventKind("store.created", "an operator added a store", "the store", after=_STORE),
    EventKind("store.updated", "an operator changed a store", "the store", _STORE, _STORE),
    EventKind("technician.created", "an operator added a technician", "the technician", after=_TECHNICIAN),
    EventKind("technician.updated", "an operator changed a technician", "the technician", _TECHNICIAN, _TECHNICIAN),
    EventKind("service.created", "an operator added a service", "the ASIN", after=_SERVICE),
    EventKind("service.updated", "an operator changed a service", "the ASIN", _SERVICE, _SERVICE),
    EventKind(
        "application.created",
        "an operator, or a seller for itself, registered an application",
        "the application",
        after=("name", "clientId", "roles", "redirectUris", "scopes"),
    ),
    EventKind("application.secret_rotated", "it got another secret", "the application"),
    EventKind("application.disabled", "it was shut out", "the application"),
    EventKind(
        "authorization.created",
        "an operator or the seller let an application act for the seller",
        "the authorization",
        after=("applicationId", "marketplaces", "stores", "roles", "usagePlan"),
    ),
    EventKind(
        "authorization.revoked",
        "an operator or the seller ended it, or its code was presented twice",
        "the authorization",
    ),
    EventKind(
        "authorization.tried",
        "somebody got an access token of it, good for an hour, to try the API in the browser",
        "the authorization",
    ),
    EventKind("authorization.denied", "the seller said no on the consent page", "the application"),
    EventKind("view.saved", "somebody kept a page's filters, or changed that", "the view", after=("page", "shared")),
    EventKind("view.deleted", "somebody forgot them", "the view"),
    EventKind("user.created", "a person was let use the console", "the user", after=_USER),
    EventKind("user.updated", "an operator or admin changed them", "the user", before=_USER, after=_USER),
    EventKind("user.password_reset", "they got another password, and their sessions ended", "the user"),
    EventKind("user.password_changed", "they chose another password", "the user"),
    EventKind("user.second_factor_set_up", "codes of their authenticator are asked for from now on", "the user"),
    EventKind("user.signed_in", "they signed in to the console", "the user"),
    EventKind("user.signed_out_everywhere", "they ended all their sessions", "the user"),
    EventKind("webhook.created", "an operator had events sent to a URL", "the webhook", after=_WEBHOOK),
    EventKind("webhook.updated", "an operator changed a webhook", "the webhook", _WEBHOOK, _WEBHOOK),
    EventKind("webhook.secret_rotated", "it got another secret", "the webhook"),
    EventKind(
        "webhook.disabled",
        "an operator, the receiver's 410 or long failing ended it",
        "the webhook",
        after=("reason",),
    ),
    EventKind("webhook.deleted", "an operator removed it", "the webhook", before=_WEBHOOK),
    EventKind("operator_key.created", "a key of the operator API was made", "the key's name"),
    EventKind("operator_key.revoked", "all keys of a name were revoked", "the key's name"),
)

BY_KIND = {one.kind: one for one in EVENTS}

MEMBERS = {
    "appointments": "those that changed: `appointmentId`, `status`, `start`, `end`, `technicians` (ids), and where"
    " there are any `rescheduledTo`, `arrival` and `worked` (pairs of instants), `workedBy` (ids)",
    "asOf": "the moment before the source was asked, by our clock",
    "availability": "as the API answers an AvailabilityRecord: times are texts",
    "assigned": "how many appointments got other technicians",
    "basePlanId": "the plan that was planned anew, or null",
    "booked": "how many waiting jobs got an appointment, or lost it again",
    "kept": "jobs that had changed since, and stayed as they were",
    "told": "of how many appointments the window in which the technician is expected changed",
    "cancelledAppointmentId": "the appointment that the deed cost, or null",
    "causedBy": "BUYER, SELLER or OPERATOR: who wanted it",
    "claim": "NONE, FILED or GRANTED",
    "createdAt": "when the job was made, as its source tells it",
    "date": "the day on which the buyer said so, in the store's zone",
    "documents": "upload destinations attached by this call; absent where none were",
    "host": "where it goes, without path and query, which may be secret",
    "free": "how many of the slots had a capacity above 0",
    "mirroredFrom": "the account whose jobs it was made up from; absent where somebody set it up",
    "overbooked": "ids of technicians who have another appointment then",
    "payments": "amounts as the order gave them",
    "preferredAppointmentTimes": "windows with `startTime` (text) and `durationInMinutes`",
    "reason": "the operator's words; absent where none were given",
    "reasonCode": "the code that the seller gave",
    "records": "the records that were applied, as the API answers them: times are texts",
    "source": "OPERATOR, SERVICE (a geocoder) or POSTAL_CODE: who said where it is",
    "said": "what the source last answered, where that was no success; else null",
    "sequence": "the entry's number in the outbox",
    "slots": "how many slots were listed",
    "stars": "from 1 to 5",
    "stores": "ids, or null for all stores of the seller",
    "usagePlan": "overrides: pairs of rate and burst by operation",
}

_THINGS = (
    ("Jobs", ("job",)),
    ("Appointments and demand", ("appointment", "booking", "slots")),
    ("Schedules and reservations", ("schedule", "reservation")),
    ("Plans and calendars", ("plan", "calendar_feed")),
    ("Documents", ("document",)),
    ("What goes out to where mirrored jobs live", ("outbox",)),
    ("What operators set up", ("seller", "store", "technician", "service")),
    ("Access", ("application", "authorization", "sign_in_code", "user", "view", "operator_key", "webhook")),
)


def by_thing() -> dict[str, list[EventKind]]:
    """The kinds under the headings of the page."""
    found: dict[str, list[EventKind]] = {heading: [] for heading, _ in _THINGS}
    headings = {thing: heading for heading, things in _THINGS for thing in things}
    for one in EVENTS:
        found[headings[one.kind.partition(".")[0]]].append(one)
    return found

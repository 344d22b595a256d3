"""Webhooks on the wire: what is sent, how it is signed (Standard Webhooks), and how operators manage where it goes.

webhook-id           the message's id, the same each time it is sent
webhook-timestamp    seconds since 1970 at which it was sent
webhook-signature    `v1,` and the base64 of HMAC-SHA256(secret, id.timestamp.body); two while two secrets are valid
"""

import base64
import hmac
import ipaddress
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from msgspec import UNSET, Meta, UnsetType, field

from fieldserve.wire.errors import Says
from fieldserve.wire.limits import Ask, Id
from fieldserve.wire.parameters import Parameter, ParameterFault
from fieldserve.wire.parts import Part

EVENT_TYPES = (
    "job.ordered",
    "job.cancelled",
    "job.completed",
    "job.held",
    "job.released",
    "job.payment_declined",
    "job.not_fulfillable",
    "job.observed",
    "job.erased",
    "job.rated",
    "job.claimed",
    "appointment.added",
    "appointment.rescheduled",
    "appointment.assigned",
    "appointment.fulfilled",
)
"""Kinds of events that are sent."""
PING = "webhook.ping"

Payload = Literal["THIN", "JOB", "JOB_WITH_PERSON"]
DeliveryState = Literal["WAITING", "DELIVERED", "DEAD", "DROPPED"]
EventType = Annotated[str, Meta(max_length=100)]
Url = Annotated[str, Meta(min_length=1, max_length=2000)]
Description = Annotated[str, Meta(max_length=200)]

SECRET_PREFIX = "whsec_"  # noqa: S105
SECRET_BYTES = 32


class CreateWebhook(Ask):
    """Where to send what. No eventTypes are all of them; THIN says what changed and leaves the job to be read, JOB
    adds the job's document without its buyer, JOB_WITH_PERSON the whole. Of an application it gets only what the
    application may see."""

    url: Url
    application_id: Id | None = None
    event_types: list[EventType] = field(default_factory=list)
    payload: Payload = "THIN"
    description: Description = ""


class UpdateWebhook(Ask):
    """`enabled` false stops it, and what waits becomes dead letters; true starts it again."""

    url: Url | UnsetType = UNSET
    event_types: list[EventType] | UnsetType = UNSET
    payload: Payload | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class RotateWebhookSecret(Ask):
    """For so many hours messages carry the signatures of both secrets."""

    overlap_hours: Annotated[int, Meta(ge=0, le=168)] = 24


class WebhookRecord(Part):
    """A webhook; `disabledReason` is there where nothing is sent to it."""

    webhook_id: str
    seller_id: str
    url: str
    event_types: list[str]
    payload: Payload
    description: str
    enabled: bool
    created_at: str
    application_id: str | None = None
    failing_since: str | None = None
    disabled_reason: str | None = None


class WebhookWithSecret(Part):
    """A webhook and its secret, told this once."""

    webhook: WebhookRecord
    secret: str

    def __repr__(self) -> str:  # the default one would carry the secret into logs and tracebacks
        return "WebhookWithSecret(…)"


class WebhookListing(Part):
    webhooks: list[WebhookRecord]


class DeliveryRecord(Part):
    """A message and what became of it. `status` and `said` are of the last try."""

    sequence: int
    message_id: str
    type: str
    state: DeliveryState
    tries: int
    at: str
    service_job_id: str | None = None
    next_at: str | None = None
    ended_at: str | None = None
    status: int | None = None
    said: str | None = None


class DeliveryListing(Part):
    """A page, newest first. `next` is there where older ones follow: give it as `before`."""

    deliveries: list[DeliveryRecord]
    next: int | None = None


class Redelivered(Part):
    """How many dead letters wait again."""

    deliveries: int


NO_WEBHOOK = Says(404, "NotFound", "No webhook exists with webhookId : {webhook_id}", "the seller has no such webhook")
NO_DELIVERY = Says(404, "NotFound", "No delivery exists with sequence : {sequence}", "the webhook has no such delivery")
DISABLED = Says(
    422, "InvalidInput", "Webhook {webhook_id} is disabled: {reason}", "nothing is sent to a webhook that is disabled"
)
NOT_AUTHORIZED = Says(
    422,
    "InvalidInput",
    "Application {application_id} has no authorization of this seller.",
    "a webhook of an application needs an authorization that is in force",
)

WEBHOOK_ID = Parameter("webhookId", "path", required=True, min_length=1, max_length=100, says="the webhook")
SEQUENCE = Parameter("sequence", "path", "integer", required=True, minimum=1, maximum=10**18 - 1, says="the delivery")
DELIVERY_PARAMETERS = (
    Parameter(
        "state", "query", choices=("WAITING", "DELIVERED", "DEAD", "DROPPED"), says="deliveries in this state only"
    ),
    Parameter("before", "query", "integer", minimum=1, maximum=10**18 - 1, says="`next` of the page before"),
    Parameter("limit", "query", "integer", minimum=1, maximum=500, default=50, says="deliveries per page"),
)


def url_faults(url: str, anywhere: bool) -> list[ParameterFault]:
    """What is wrong with a URL to send to; `anywhere` allows http and private addresses.

    A name is looked up anew each time something is sent, and refused then where it leads to a private address."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return [ParameterFault("url", "url is no URL")]
    if parts.scheme not in (("https", "http") if anywhere else ("https",)):
        return [ParameterFault("url", "url must begin with https://")]
    if not host or parts.username is not None or parts.password is not None or parts.fragment:
        return [ParameterFault("url", "url must name a host, and neither user, password nor fragment")]
    if any(character <= " " or character > "~" for character in url):
        return [ParameterFault("url", "url must be of visible ASCII characters")]
    if not anywhere and (host == "localhost" or not is_public(host, name=True)):
        return [ParameterFault("url", "url leads to an address that is not public")]
    return []


def is_public(address: str, *, name: bool = False) -> bool:
    """Whether everybody may be sent to that IP address; `name` also lets through what is none."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return name
    if isinstance(ip, ipaddress.IPv6Address):
        # An IPv4 address may hide in one of version 6: mapped, of 6to4, or behind NAT64.
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            ip = inner
        elif ip.teredo is not None:
            return False
    return ip.is_global and not ip.is_multicast


def type_faults(types: Sequence[str]) -> list[ParameterFault]:
    """What is wrong with a list of types."""
    unknown = [one for one in types if one not in EVENT_TYPES]
    if unknown:
        reason = f"eventTypes must be of {', '.join(EVENT_TYPES)}, not {', '.join(unknown)}"
        return [ParameterFault("eventTypes", reason)]
    return []


def new_secret(random: bytes) -> str:
    """The text of a secret."""
    return SECRET_PREFIX + base64.b64encode(random).decode()


def sign(secrets: Iterable[str], message_id: str, timestamp: int, body: bytes) -> str:
    """The header webhook-signature."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    keys = [base64.b64decode(one.removeprefix(SECRET_PREFIX)) for one in secrets]
    return " ".join("v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys)


def message(type_: str, at: str, data: dict[str, Any]) -> dict[str, Any]:
    """The body: its type, when it happened, and what."""
    return {"type": type_, "timestamp": at, "data": data}

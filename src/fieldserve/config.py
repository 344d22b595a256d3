"""Settings, read once at start: from `FIELDSERVE_…` environment variables, overridden by the command line."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

Sandbox = Literal["off", "static", "dynamic"]
Controls = Literal["local", "open"]
Compat = Literal["strict", "tolerant"]
LogFormat = Literal["text", "json"]
Metrics = Literal["key", "open", "off"]
RequestLog = Literal["auto", "off", "metadata", "full"]
WebhookTargets = Literal["public", "any"]
TravelSource = Literal["great-circle", "osrm", "valhalla", "http"]
GeocoderKind = Literal["off", "nominatim", "pelias"]


class SettingFault(ValueError):
    """A setting that will not do; the text names it and says what it takes."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting, with its default. In the environment names are in upper case and lists comma-separated."""

    data: Path = Path("fieldserve-data")
    """Folder for the database, documents and keys."""
    database: str = ""
    """URL: sqlite:///FILE or postgresql://…; empty stands for fieldserve.db in the data folder."""
    host: str = "127.0.0.1"
    """Address to listen on; loopback unless asked."""
    port: int = 8080
    """Port to listen on; 0 picks a free one."""
    public_url: str = ""
    """What callers reach the server by, for links in answers; empty stands for the request's own host."""
    documents: str = ""
    """Where documents are kept: a folder or s3://bucket/prefix; empty stands for documents in the data folder."""
    sandbox: Sandbox = "off"
    """static: answer the published cases, without state; dynamic: the real server on its own data, with a clock, faults
    and states that can be set from outside; off: the real server."""
    sandbox_scenario: str = ""
    """What a dynamic sandbox on an empty database begins with: a scenario's file, or `small`; empty makes nothing."""
    sandbox_seed: int = 7
    """What a sandbox's ids and faults are drawn from: the same seed, the same ids."""
    sandbox_controls: Controls = "local"
    """Who may use a sandbox's control routes. local: everybody while it listens on loopback alone, else who shows an
    operator's key; open: everybody."""
    compat: Compat = "strict"
    """tolerant: accept parameters that well-known clients put in the wrong place, and log a warning."""
    regions: tuple[str, ...] = ("NA", "EU", "FE")
    """Regions served, of NA, EU and FE."""
    cancellation_reason_codes: tuple[str, ...] = ("V1", "CUSTOMER_REQUEST", "NO_TECHNICIAN", "ITEM_NOT_DELIVERED")
    """Codes that cancelServiceJobByServiceJobId takes."""
    reschedule_reason_codes: tuple[str, ...] = ("R1", "CUSTOMER_REQUEST", "TECHNICIAN_UNAVAILABLE", "WEATHER")
    """Codes that rescheduleAppointmentForServiceJobByServiceJobId takes."""
    malware_command: str = ""
    """Program that reads a document on standard input and exits with 1 if it is malware; empty checks nothing."""
    privacy_purge_after: str = ""
    """Days after which what is personal of a closed job is erased, such as 30d; empty erases nothing by itself."""
    sync_every: int = 0
    """Seconds between readings of the accounts that `fieldserve sync` mirrored once; 0 leaves them to that command."""
    facts: str = ""
    """Folder of the facts that reports are worked out from; empty stands for facts in the data folder."""
    facts_every: int = 0
    """Seconds between refreshes of the facts by the server, such as 3600; 0 leaves them to reports and exports."""
    body_limit: int = 1_048_576
    """Bytes that a request body may have (documents are uploaded elsewhere)."""
    request_timeout: int = 10
    """Seconds for a request's headers to come, and again for its body (more while a large one keeps coming)."""
    log_level: str = "info"
    """debug, info, warning or error."""
    log_format: LogFormat = "text"
    """text: lines for people; json: an object a line."""
    request_log: RequestLog = "auto"
    """What is kept of each request, to search and to lint. full: all of it, masked; metadata: who asked what, and how
    that ended; off: nothing; auto: full in a sandbox, off otherwise."""
    request_log_days: int = 7
    """Days for which requests are kept."""
    request_log_most: int = 100_000
    """How many requests are kept, the newest."""
    webhook_targets: WebhookTargets = "public"
    """Where webhooks may go. public: https to public addresses; any: http and private addresses, too, to develop."""
    webhook_timeout: int = 15
    """Seconds that a receiver of webhooks has to answer."""
    metrics: Metrics = "key"
    """Who may read /metrics. key: whoever shows an operator's key; open: everybody; off: nothing is counted."""
    travel_source: TravelSource = "great-circle"
    """Where plans get travel times from: the distance alone, or a service at `travel_url`."""
    travel_url: str = ""
    """Where the service of travel times is; for an embedded Valhalla file: and its configuration, file:/etc/v.json."""
    travel_profile: str = ""
    """The service's name for how one travels; empty stands for a car (OSRM driving, Valhalla auto)."""
    travel_timeout: int = 10
    """Seconds for each request to the service of travel times or to the geocoder."""
    travel_cache_days: int = 30
    """Days for which the service's answers are kept."""
    travel_road_factor: str = "1.3"
    """Without a service: how many times the distance of the great circle a road is long."""
    travel_speeds: tuple[str, ...] = ()
    """Without a service: km/h, one for the whole day or 24 by hour of departure; empty stands for a town's day."""
    planning_cores: int = 1
    """Processes that search for a plan together, each on a core of its own; 1 searches in the server's own."""
    geocoder: GeocoderKind = "off"
    """Who finds the places of addresses; off: no address leaves the server."""
    geocoder_url: str = ""
    """Where that service is. Addresses of buyers are sent there, without name and telephone."""
    navigation_url: str = "https://www.google.com/maps/dir/?api=1&destination={place}"
    """Where a technician's tap on an address leads: {place} is coordinates or an address; empty shows no link."""
    map_style: str = ""
    """What maps of routes lie on: the URL of a MapLibre style, or of picture tiles with {z}, {x} and {y} in it.
    Browsers ask it for the parts that they show. Empty draws routes alone, and asks nobody."""
    map_attribution: str = ""
    """Who made the tiles, as their terms want it told on the map; a style tells it by itself."""
    map_hosts: tuple[str, ...] = ()
    """Where else the style takes its tiles, fonts and pictures from, such as https://tiles.example."""

    oidc_issuer: str = ""
    """A company's own sign-in to the console (OpenID Connect): its issuer, such as https://login.example.com."""
    oidc_client_id: str = ""
    """What this server is called there."""
    oidc_client_secret: str = field(default="", repr=False)
    """What it proves that by; empty for a public client."""
    oidc_name: str = "your company"
    """What the button on the sign-in page calls it."""
    oidc_seller: str = ""
    """The seller whose people sign in so; empty stands for the operator's house."""
    oidc_role_claim: str = "groups"
    """The claim of the ID token that roles come from: a text, or a list of them."""
    oidc_roles: tuple[str, ...] = ()
    """Which value of that claim gives which role, such as dispatch=dispatcher; the first that fits counts, and whoever
    has none is refused."""

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.data.absolute() / 'fieldserve.db'}"

    @property
    def records_requests(self) -> Literal["off", "metadata", "full"]:
        if self.request_log == "auto":
            return "off" if self.sandbox == "off" else "full"
        return self.request_log

    @property
    def facts_folder(self) -> Path:
        return Path(self.facts) if self.facts else self.data / "facts"

    @property
    def map_origins(self) -> tuple[str, ...]:
        """Where browsers may ask for what maps lie on."""
        own = _origin_of(self.map_style)
        return tuple(dict.fromkeys((own, *self.map_hosts))) if own else ()

    @property
    def documents_location(self) -> str:
        return self.documents or str(self.data.absolute() / "documents")


OIDC_ROLES = ("admin", "dispatcher", "analyst", "developer")
"""A technician is also told which one they are, so an admin sets them up."""

_CHOICES = {
    "sandbox": ("off", "static", "dynamic"),
    "sandbox_controls": ("local", "open"),
    "compat": ("strict", "tolerant"),
    "log_format": ("text", "json"),
    "metrics": ("key", "open", "off"),
    "request_log": ("auto", "off", "metadata", "full"),
    "webhook_targets": ("public", "any"),
    "log_level": ("debug", "info", "warning", "error"),
    "travel_source": ("great-circle", "osrm", "valhalla", "http"),
    "geocoder": ("off", "nominatim", "pelias"),
}


def load(environment: Mapping[str, str] = os.environ, **given: Any) -> Settings:
    """Settings from the environment; what is `given` and not None wins. Raises SettingFault."""
    settings = Settings()
    for one in fields(Settings):
        text = environment.get(f"FIELDSERVE_{one.name.upper()}")
        value = given.get(one.name)
        if value is None and text is not None:
            value = _read(one.name, text, getattr(settings, one.name))
        if value is not None:
            settings = replace(settings, **{one.name: value})
    for name, choices in _CHOICES.items():
        if getattr(settings, name) not in choices:
            raise SettingFault(f"{name} must be one of {', '.join(choices)}, not {getattr(settings, name)!r}")
    if unknown := set(settings.regions) - {"NA", "EU", "FE"}:
        raise SettingFault(f"regions must be of NA, EU and FE, not {', '.join(sorted(unknown))}")
    if settings.sync_every < 0:
        raise SettingFault(f"sync_every must be a number of seconds, or 0, not {settings.sync_every}")
    if settings.privacy_purge_after:
        read_days(settings.privacy_purge_after, "privacy_purge_after")
    for name in ("request_log_days", "request_log_most", "webhook_timeout"):
        if getattr(settings, name) < 1:
            raise SettingFault(f"{name} must be at least 1")
    _check_travel(settings)
    _check_map(settings)
    _check_oidc(settings)
    return settings


def _check_oidc(settings: Settings) -> None:
    if not settings.oidc_issuer:
        return
    parts = urlsplit(settings.oidc_issuer)
    is_local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")
    if not (parts.scheme == "https" or is_local) or not parts.hostname or parts.query or parts.fragment:
        raise SettingFault("oidc_issuer must start with https:// and name a host, without ? and #")
    if not settings.oidc_client_id:
        raise SettingFault("oidc_issuer needs oidc_client_id, what this server is called there")
    if not settings.oidc_roles:
        raise SettingFault("oidc_issuer needs oidc_roles, or nobody could sign in so")
    for text in settings.oidc_roles:
        value, _, role = text.rpartition("=")
        if not value or role not in OIDC_ROLES:
            raise SettingFault(
                f"oidc_roles must be like dispatch=dispatcher with {', '.join(OIDC_ROLES)}, not {text!r}"
            )


def _check_map(settings: Settings) -> None:
    if settings.map_style and _origin_of(settings.map_style) is None:
        raise SettingFault("map_style must start with http:// or https:// and name a host")
    if "{z}" in settings.map_style and not ("{x}" in settings.map_style and "{y}" in settings.map_style):
        raise SettingFault("map_style with {z} needs {x} and {y}, too")
    if "{z}" in settings.map_style and not settings.map_attribution:
        raise SettingFault("map_style with {z} needs map_attribution, the words that the tiles' terms ask for")
    for host in settings.map_hosts:
        if _origin_of(host) != host:
            raise SettingFault(f"map_hosts must be like https://tiles.example, without a path, not {host!r}")


def _origin_of(url: str) -> str | None:
    """Scheme, host and port, with nothing in it that a policy would read as its own; None where it is none."""
    found = re.match(r"https?://[a-zA-Z0-9.-]+(:\d{1,5})?(?=[/?#]|$)", url, re.ASCII)
    return found[0] if found else None


def _check_travel(settings: Settings) -> None:
    if settings.travel_source != "great-circle" and not settings.travel_url:
        raise SettingFault(f"travel_source {settings.travel_source} needs travel_url, the service's address")
    if settings.geocoder != "off" and not settings.geocoder_url:
        raise SettingFault(f"geocoder {settings.geocoder} needs geocoder_url, the service's address")
    for name in ("travel_url", "geocoder_url"):
        schemes = ("http://", "https://", "file:") if name == "travel_url" else ("http://", "https://")
        if getattr(settings, name) and not getattr(settings, name).startswith(schemes):
            raise SettingFault(f"{name} must start with http:// or https://")
    for name in ("travel_timeout", "travel_cache_days", "planning_cores"):
        if getattr(settings, name) < 1:
            raise SettingFault(f"{name} must be at least 1")
    read_number(settings.travel_road_factor, "travel_road_factor", 1, 5)
    if len(settings.travel_speeds) not in (0, 1, 24):
        raise SettingFault("travel_speeds must be one number of km/h, or 24 of them")
    for text in settings.travel_speeds:
        read_number(text, "travel_speeds", 1, 200)


def read_number(text: str, name: str, least: float, most: float) -> float:
    """The number within its bounds. Raises SettingFault, which names what it is of."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not least <= number <= most:
        raise SettingFault(f"{name} must be a number from {least} to {most}, not {text!r}")
    return number


def read_days(text: str, name: str) -> int:
    """The number of `30d`, at least 0. Raises SettingFault, which names what it is of."""
    digits = text.removesuffix("d")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 6):
        raise SettingFault(f"{name} must be a number of days such as 30d, not {text!r}")
    return int(digits)


def _read(name: str, text: str, default: Any) -> Any:
    if isinstance(default, tuple):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if isinstance(default, int):
        try:
            return int(text)
        except ValueError:
            raise SettingFault(f"FIELDSERVE_{name.upper()} must be a whole number, not {text!r}") from None
    return Path(text) if isinstance(default, Path) else text

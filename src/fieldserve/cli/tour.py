"""`fieldserve tour`"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import click

from fieldserve.cli import fail

if TYPE_CHECKING:
    import httpx2
    from rich.console import Console

SERVICE = "/service/v1"
# A usage plan refills at once a second or faster; the tour asks again that often when it was too fast.
PATIENCE = 10


class Astray(Exception):
    """Something is not as it should be; the text says what."""


@click.command()
@click.option(
    "--credentials",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("fieldserve-demo/credentials.json"),
    show_default=True,
    help="The file that `fieldserve demo` wrote.",
)
def tour(credentials: Path) -> None:
    """Walk one service job through its life, step by step, on a demo that is running.

    Ends with 1 if anything is not as it should be.
    """
    import httpx2
    from rich.console import Console

    known = _read(credentials)
    console = Console(highlight=False, markup=False)
    with httpx2.Client(base_url=known["endpoint"], timeout=30, trust_env=False) as client:
        guide = Guide(client, console, known)
        try:
            walk(guide)
        except Astray as fault:
            console.print(f"\n✗ {fault}", style="bold red")
            raise SystemExit(1) from None
        except httpx2.TransportError as fault:
            fail(f"no answer from {known['endpoint']}: {fault}; start it with `fieldserve demo` in another terminal")
    console.print(f"\n✓ {guide.step} steps, and everything is as it should be.", style="bold green")


def _read(file: Path) -> dict[str, Any]:
    try:
        known: object = json.loads(file.read_text("utf-8"))
    except OSError as fault:
        fail(f"cannot read {file}: {fault.strerror}; `fieldserve demo` writes it, --credentials says where")
    except ValueError:
        fail(f"{file} is not a credentials file")
    if not isinstance(known, dict) or not known.get("endpoint") or not known.get("accounts"):
        fail(f"{file} is not the credentials file of a demo that has been served")
    return known


@dataclass(slots=True)
class Guide:
    """Makes the requests and says what happens."""

    client: "httpx2.Client"
    console: "Console"
    known: dict[str, Any]
    token: str = ""
    step: int = 0
    account: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.account = self.known["accounts"][0]

    @property
    def marketplace(self) -> dict[str, str]:
        return {"marketplaceIds": self.account["marketplace_id"]}

    def begin(self, title: str, words: str) -> None:
        """The heading of a step, and what it is about."""
        self.step += 1
        self.console.print(f"\n{self.step:2}. {title}", style="bold cyan")
        self.console.print(f"    {words}", soft_wrap=True)

    def tell(self, text: str) -> None:
        """What the answer said."""
        self.console.print(f"    → {text}", style="green", soft_wrap=True)

    def expect(self, right: bool, what: str) -> None:
        """Raise Astray unless it is as it should be."""
        if not right:
            raise Astray(what)

    def call(self, method: str, path: str, query: dict[str, str] | None = None, body: Any = None) -> Any:
        """A request of the seller's application; its answer's JSON."""
        return self._send(method, path, query, body, {"x-amz-access-token": self.token})

    def operate(self, method: str, path: str, body: Any = None) -> Any:
        """A request of the operator."""
        seller = f"/operator/v1/sellers/{self.account['seller_id']}"
        return self._send(method, seller + path, None, body, {"authorization": f"Bearer {self.known['operator_key']}"})

    def _send(self, method: str, path: str, query: Any, body: Any, headers: dict[str, str]) -> Any:
        import time

        target = path + (f"?{urlencode(query)}" if query else "")
        self.console.print(f"    {method} {target}", style="dim", soft_wrap=True)
        answer = self.client.request(method, target, json=body, headers=headers)
        for _ in range(PATIENCE):
            if answer.status_code != 429:
                break
            time.sleep(1)
            answer = self.client.request(method, target, json=body, headers=headers)
        if answer.status_code >= 400:
            raise Astray(f"{method} {target} was answered with {answer.status_code}: {answer.text}")
        return answer.json() if answer.content else None


@dataclass(slots=True)
class Visit:
    """The job on its way through the tour."""

    store: str
    asin: str
    starts: list[tuple[str, str]]
    """Free slots: start and end."""
    job: str = ""
    appointment: str = ""


def walk(guide: Guide) -> None:
    """All steps, one after the other. Raises Astray."""
    _token(guide)
    visit = _choose(guide)
    _order(guide, visit)
    _read_job(guide, visit, "PENDING_SCHEDULE")
    free = _capacity(guide, visit, 0, "Before booking, this much of the store is free in that slot.")
    _book(guide, visit)
    left = _capacity(guide, visit, 0, "The booking has taken one.")
    guide.expect(left == free - 1, f"available capacity should be {free - 1} now, not {left}")
    _reschedule(guide, visit)
    again = _capacity(guide, visit, 0, "The first slot is free again.")
    guide.expect(again == free, f"available capacity should be {free} again, not {again}")
    technician = _assign(guide, visit)
    _announce(guide, visit)
    document = _upload(guide)
    _fulfil(guide, visit, technician, document)
    _complete(guide, visit)
    _look_back(guide, visit, technician)


def _token(guide: Guide) -> None:
    account = guide.account
    guide.begin(
        "Get an access token", "The application shows its secret and the seller's refresh token, as with Amazon."
    )
    guide.console.print(f"    POST {guide.known['token_endpoint']}", style="dim", soft_wrap=True)
    form = {"grant_type": "refresh_token"}
    form |= {name: account[name] for name in ("refresh_token", "client_id", "client_secret")}
    answer = guide.client.post(guide.known["token_endpoint"], data=form)
    guide.expect(answer.status_code == 200, f"the token endpoint answered {answer.status_code}: {answer.text}")
    granted = answer.json()
    guide.token = granted["access_token"]
    guide.tell(f"a token that begins with {guide.token[:5]} and lasts {granted['expires_in']} seconds")


def _choose(guide: Guide) -> Visit:
    guide.begin("Look where something is free", "A store that schedules in real time, a service, and its slots.")
    for store in guide.account["stores"]:
        for service in guide.account["services"]:
            query = {"asin": service["asin"], "storeId": store["store_id"], **guide.marketplace}
            report = guide.call("GET", f"{SERVICE}/appointmentSlots", query)["payload"]
            if report["schedulingType"] != "REAL_TIME_SCHEDULING":
                break
            starts = [(one["startTime"], one["endTime"]) for one in report["appointmentSlots"] if one["capacity"] > 0]
            if len(starts) >= 2:
                guide.tell(f"{len(starts)} free slots for {service['asin']} in {store['store_id']}")
                return Visit(store["store_id"], service["asin"], starts)
    raise Astray("no store that schedules in real time has anything free in the next days; `fieldserve demo --reset`?")


def _order(guide: Guide, visit: Visit) -> None:
    guide.begin("Place an order", "A buyer orders the service. Amazon does this; here the operator API does it.")
    order = {
        "storeId": visit.store,
        "asin": visit.asin,
        "buyer": {"name": "Tour Guest", "isPrimeMember": True},
        "serviceLocation": {"address": {"name": "Tour Guest", "addressLine1": "1 Tour Lane", "city": "Townsville"}},
        "preferredAppointmentTimes": [{"startTime": visit.starts[0][0], "durationInMinutes": 60}],
    }
    placed = guide.operate("POST", "/orders", order)
    visit.job = placed["serviceJobId"]
    guide.tell(f"job {visit.job}, {placed['serviceJobStatus']}")


def _job(guide: Guide, visit: Visit) -> dict[str, Any]:
    job: dict[str, Any] = guide.call("GET", f"{SERVICE}/serviceJobs/{visit.job}")["payload"]
    return job


def _read_job(guide: Guide, visit: Visit, status: str) -> None:
    guide.begin("Read the job", "The seller sees what was ordered, and that it waits for an appointment.")
    job = _job(guide, visit)
    guide.tell(f"{job['scopeOfWork']['title']}: {job['serviceJobStatus']}")
    guide.expect(job["serviceJobStatus"] == status, f"the job should be {status}")
    query = {"startTime": visit.starts[0][0], "endTime": visit.starts[1][1], **guide.marketplace}
    report = guide.call("GET", f"{SERVICE}/serviceJobs/{visit.job}/appointmentSlots", query)["payload"]
    guide.tell(f"{len(report['appointmentSlots'])} slots from {report['startTime']} on")


def _capacity(guide: Guide, visit: Visit, slot: int, words: str) -> int:
    start, end = visit.starts[slot]
    guide.begin("Ask for the store's capacity", words)
    least = _available(guide, visit.store, start, end)
    guide.tell(f"available from {start} to {end}: {least}")
    return least


def _available(guide: Guide, resource: str, start: str, end: str) -> int:
    """The least that is available in that time."""
    body = {"capacityTypes": ["AVAILABLE_CAPACITY"], "startDateTime": start, "endDateTime": end}
    path = f"{SERVICE}/serviceResources/{resource}/capacity/range"
    answer = guide.call("POST", path, guide.marketplace, body)
    least: int = min(one["capacity"] for one in answer["capacities"][0]["slots"])
    return least


def _book(guide: Guide, visit: Visit) -> None:
    guide.begin("Book a slot", "Checked by the rule that listed it, under a lock: nobody else can get the same one.")
    body = {"appointmentTime": {"startTime": visit.starts[0][0]}}
    visit.appointment = guide.call("POST", f"{SERVICE}/serviceJobs/{visit.job}/appointments", None, body)[
        "appointmentId"
    ]
    guide.tell(f"appointment {visit.appointment}")


def _reschedule(guide: Guide, visit: Visit) -> None:
    # The last of the day's free slots does not overlap the first, wherever it lies.
    apart = [one for one in visit.starts if one[0] >= visit.starts[0][1]]
    guide.expect(bool(apart), "there should be another free slot behind the first")
    guide.begin("Move it", "The old appointment is cancelled and points to the new one.")
    body = {
        "appointmentTime": {"startTime": apart[0][0]},
        "rescheduleReasonCode": guide.known["reschedule_reason_code"],
    }
    path = f"{SERVICE}/serviceJobs/{visit.job}/appointments/{visit.appointment}"
    moved = guide.call("POST", path, None, body)["appointmentId"]
    old = next(one for one in _job(guide, visit)["appointments"] if one["appointmentId"] == visit.appointment)
    guide.expect(old["appointmentStatus"] == "CANCELLED", "the old appointment should be CANCELLED")
    guide.expect(old.get("rescheduledAppointmentId") == moved, "the old appointment should point to the new one")
    guide.tell(f"now at {apart[0][0]}, as {moved}")
    visit.appointment = moved
    visit.starts = [visit.starts[0], apart[0]]


def _assign(guide: Guide, visit: Visit) -> str:
    guide.begin("Send a technician", "Somebody of the store with the skills for it who is free at that time.")
    needed = set(_job(guide, visit)["scopeOfWork"].get("requiredSkills", ()))
    team = guide.operate("GET", "/technicians?limit=500")["technicians"]
    for one in team:
        fit = visit.store in one["storeIds"] and needed <= set(one["skills"])
        able = one["registered"] and one["backgroundChecked"]
        if fit and able and _available(guide, one["technicianId"], *visit.starts[1]) > 0:
            body = {"resources": [{"resourceId": one["technicianId"]}]}
            path = f"{SERVICE}/serviceJobs/{visit.job}/appointments/{visit.appointment}/resources"
            answer = guide.call("PUT", path, None, body)
            if not answer.get("payload"):
                guide.tell(f"{one['name']} ({one['technicianId']})")
                return str(one["technicianId"])
            guide.tell(f"{one['name']} has another visit too close to it; somebody else, then")
    raise Astray("the slot was free, so somebody of the store should be, too")


def _fulfillment(guide: Guide, visit: Visit, body: dict[str, Any]) -> None:
    path = f"{SERVICE}/serviceJobs/{visit.job}/appointments/{visit.appointment}/fulfillment"
    guide.call("PUT", path, None, body)


def _announce(guide: Guide, visit: Visit) -> None:
    guide.begin("Say when the technician arrives", "An expected time of arrival for the buyer.")
    start = datetime.fromisoformat(visit.starts[1][0])
    arrival = {"startTime": _utc(start), "endTime": _utc(start + timedelta(minutes=30))}
    _fulfillment(guide, visit, {"estimatedArrivalTime": arrival})
    guide.tell(f"between {arrival['startTime']} and {arrival['endTime']}")


def _upload(guide: Guide) -> dict[str, str]:
    from fieldserve.sandbox.demo import proofs

    guide.begin("Upload a proof", "A receipt, encrypted here with the key that the server names, goes to a signed URL.")
    plain = proofs.receipt("Work done, signed for: the guided tour")
    body = {"contentType": "PDF", "contentLength": len(plain)}
    to = guide.call("POST", f"{SERVICE}/documents", None, body)["payload"]
    encryption = to["encryptionDetails"]
    content = proofs.encrypt(plain, encryption["key"], encryption["initializationVector"])
    guide.console.print(f"    PUT {to['url'].partition('?')[0]}?…", style="dim", soft_wrap=True)
    answer = guide.client.put(to["url"], content=content, headers=to["headers"])
    guide.expect(answer.is_success, f"the upload was answered with {answer.status_code}: {answer.text}")
    guide.tell(f"{len(plain)} bytes, as {to['uploadDestinationId']}")
    return {"uploadDestinationId": to["uploadDestinationId"], "contentSha256": proofs.sha256(plain)}


def _fulfil(guide: Guide, visit: Visit, technician: str, document: dict[str, str]) -> None:
    guide.begin(
        "Record the work", "Start and end, who did it, and the proof. We do not wait for the day: it was just now."
    )
    end = datetime.now(UTC) - timedelta(minutes=1)
    body = {
        "fulfillmentTime": {"startTime": _utc(end - timedelta(minutes=45)), "endTime": _utc(end)},
        "appointmentResources": [{"resourceId": technician}],
        "fulfillmentDocuments": [document],
    }
    _fulfillment(guide, visit, body)
    guide.tell("decrypted, checked and attached; the appointment is done")


def _complete(guide: Guide, visit: Visit) -> None:
    guide.begin("Complete the job", "Nothing more is to be done.")
    answer = guide.call("PUT", f"{SERVICE}/serviceJobs/{visit.job}/completions")
    guide.expect(answer == {}, f"the answer should be empty, not {answer}")
    guide.tell("done")


def _look_back(guide: Guide, visit: Visit, technician: str) -> None:
    guide.begin("Read it once more", "All of it stands in the job: both appointments, and the proof.")
    job = _job(guide, visit)
    last = job["appointments"][-1]
    proof = last.get("poa") or {}
    guide.expect(job["serviceJobStatus"] == "COMPLETED", "the job should be COMPLETED")
    guide.expect(last["appointmentStatus"] == "COMPLETED", "its last appointment should be COMPLETED")
    guide.expect(proof.get("poaType") == "POA_RECEIPT", "the proof should be a POA_RECEIPT")
    guide.expect(proof["technicians"][0]["technicianId"] == technician, "the proof should name the technician")
    guide.tell(f"{job['serviceJobStatus']}; proof {proof['poaType']} of {proof['uploadTime']}")


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

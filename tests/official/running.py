"""The server as it is deployed: a process of its own, reached through a socket, set up through the operator API."""

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2

from fieldserve.app import opened
from fieldserve.client import Services
from fieldserve.config import Settings
from fieldserve.operations.operator_keys import create_operator_key
from fieldserve.operations.run import Caller

US = "ATVPDKIKX0DER"
SELLER, STORE, ASIN = "A1SELLER", "store-1", "B0MOUNTING"
ANN, BOB = "A1ANN", "A1BOB"


@dataclass
class RunningServer:
    """A server with one seller (SELLER, in the US), a store of capacity 2 that never closes, two technicians and a
    service of an hour on the full hour. `client_id` and the rest are those of an application that the seller
    authorized."""

    base: str
    log: Path
    operator: httpx2.Client
    client_id: str = ""
    client_secret: str = ""
    refresh_token: str = ""
    orders: int = 0
    sessions: dict[str, Any] = field(default_factory=dict)
    """Cookies of those who signed in to the console, by login."""

    def operate(self, method: str, path: str, body: Any = None) -> Any:
        """Call the operator API below /operator/v1/."""
        answer = self.operator.request(method, f"{self.base}/operator/v1/{path}", json=body)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def order(self, **changes: Any) -> str:
        """Place an order, with members of its body changed; answers the id of its job."""
        self.orders += 1
        order = {
            "storeId": STORE,
            "asin": ASIN,
            "serviceJobId": f"job-{self.orders}",
            "buyer": {"name": "Pat Doe", "buyerId": "A1BUYER", "phone": "555-0100", "isPrimeMember": True},
            "serviceLocation": {"address": {"name": "Pat Doe", "addressLine1": "1 Main St", "countryCode": "US"}},
            "preferredAppointmentTimes": [{"startTime": "2030-01-01T10:00:00Z", "durationInMinutes": 60}],
            "associatedItems": [{"asin": "B0TELEVIS1", "title": "A TV", "quantity": 1, "itemStatus": "SHIPPED"}],
            "payments": [{"amount": {"value": 89.90, "currency": "USD"}}],
        }
        placed: str = self.operate("POST", f"sellers/{SELLER}/orders", order | changes)["serviceJobId"]
        return placed

    def services(self) -> Services:
        """Our own client, as the application that the seller authorized."""
        who = {
            "lwa_app_id": self.client_id,
            "lwa_client_secret": self.client_secret,
            "refresh_token": self.refresh_token,
        }
        return Services(credentials=who, endpoint=self.base, token_endpoint=f"{self.base}/auth/o2/token")

    def hour(self, number: int) -> datetime:
        """A full hour, counted from the midnight (UTC) after the next: that one may be too close to be booked."""
        midnight = datetime.combine(datetime.now(UTC).date() + timedelta(days=2), datetime.min.time(), UTC)
        return midnight + timedelta(hours=number)


@contextmanager
def running(folder: Path, *options: str, **settings: str) -> Iterator[RunningServer]:
    """Start `fieldserve serve` with options and settings on a folder that is new, set it up, and stop it at the end."""
    key = asyncio.run(_prepare(folder))
    command = [sys.executable, "-c", "from fieldserve.cli import main; main()", "serve"]
    where = ["--data", str(folder), "--port", "0"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FIELDSERVE_")}
    environment |= {f"FIELDSERVE_{name.upper()}": value for name, value in settings.items()}
    with (
        folder.with_suffix(".log").open("w+") as log,
        subprocess.Popen([*command, *where, *options], stdout=log, stderr=log, env=environment) as process,
        httpx2.Client(headers={"authorization": f"Bearer {key}"}) as operator,
    ):
        try:
            server = RunningServer(_base(process, Path(log.name)), Path(log.name), operator)
            _set_up(server)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                raise RuntimeError(f"the server did not end: {Path(log.name).read_text()}") from None


def _base(process: "subprocess.Popen[bytes]", log: Path) -> str:
    """The URL that the server tells when it is ready."""
    while process.poll() is None:
        if told := re.search(r"^fieldserve serves (\S+)$", log.read_text(), re.MULTILINE):
            return told[1]
        time.sleep(0.02)
    raise RuntimeError(f"the server did not start: {log.read_text()}")


async def _prepare(folder: Path) -> str:
    async with opened(Settings(data=folder), durable=False) as context:
        return await create_operator_key(context, Caller("", actor="test"), "test")


def _set_up(server: RunningServer) -> None:
    always = [{"opens": "00:00", "closes": "24:00", "capacity": 2}]
    here = {"timeZone": "UTC", "marketplaceId": US}
    server.operate("POST", "sellers", {"sellerId": SELLER, "name": "Seller", "marketplaceIds": [US]})
    mine = f"sellers/{SELLER}"
    server.operate("POST", f"{mine}/stores", {"storeId": STORE, "name": "Store", **here, "openingHours": always})
    for name in (ANN, BOB):
        technician = {"technicianId": name, "name": name.title(), "storeIds": [STORE], "skills": ["TV"], **here}
        hours = [{"opens": "00:00", "closes": "24:00"}]
        server.operate("POST", f"{mine}/technicians", {**technician, "workingHours": hours})
    service = {"asin": ASIN, "title": "TV mounting", "durationMinutes": 60, "slotIntervalMinutes": 60, "skills": ["TV"]}
    server.operate("POST", f"{mine}/services", {**service, "serviceLocationType": "IN_HOME"})
    made = server.operate("POST", "applications", {"name": "Planner"})
    application_id = made["application"]["applicationId"]
    # The published plan lets an assignment through each second; tests wait for nothing.
    plan = {"assignAppointmentResources": {"rate": 1000, "burst": 1000}}
    granted = server.operate("POST", f"{mine}/authorizations", {"applicationId": application_id, "usagePlan": plan})
    server.client_id, server.client_secret = made["application"]["clientId"], made["clientSecret"]
    server.refresh_token = granted["refreshToken"]

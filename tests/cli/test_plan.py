"""`fieldserve plan` on a database of its own, for the day after tomorrow."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fieldserve.app import opened
from fieldserve.cli import main
from fieldserve.config import Settings
from fieldserve.operations.appointments import add_appointment_for_service_job_by_service_job_id
from fieldserve.operations.orders import place_order
from fieldserve.operations.run import Caller, Context
from fieldserve.operations.sellers import create_seller
from fieldserve.operations.services import create_service
from fieldserve.operations.stores import create_store
from fieldserve.operations.technicians import create_technician
from fieldserve.wire.appointments import AppointmentWindow
from fieldserve.wire.bodies import convert
from fieldserve.wire.orders import PlaceOrder
from fieldserve.wire.sellers import CreateSeller
from fieldserve.wire.services import CreateService
from fieldserve.wire.stores import CreateStore
from fieldserve.wire.technicians import CreateTechnician
from fieldserve.wire.times import SECOND, to_datetime

SELLER, US = "APLAN00000001", "ATVPDKIKX0DER"
DAY = 86_400 * SECOND

Run = Callable[..., str]


async def _set_up(data: Path) -> str:
    """A store with two technicians, and two jobs booked the day after tomorrow; answers that day."""
    async with opened(Settings(data=data), durable=False) as context:
        operator = Caller(SELLER, marketplaces=frozenset({US}), actor="operator:test")
        seller = {"name": "S", "marketplaceIds": [US], "sellerId": SELLER}
        await create_seller(context, operator, convert(seller, CreateSeller))
        hours = [{"opens": "08:00", "closes": "18:00"}]
        where = {"timeZone": "America/New_York", "marketplaceId": US}
        store = {"name": "Main", "storeId": "s1", "latitude": 40, "longitude": -73}
        opening = [{**hours[0], "capacity": 2}]
        await create_store(context, operator, convert({**where, **store, "openingHours": opening}, CreateStore))
        for name, latitude in (("t1", 40.0), ("t2", 40.3)):
            one = {"name": name, "technicianId": name, "storeIds": ["s1"], "workingHours": hours}
            home = {"homeLatitude": latitude, "homeLongitude": -73}
            await create_technician(context, operator, convert({**where, **one, **home}, CreateTechnician))
        service = {"asin": "B000000001", "title": "A thing", "durationMinutes": 60, "serviceLocationType": "IN_HOME"}
        await create_service(context, operator, convert(service, CreateService))
        return await _book(context, operator)


async def _book(context: Context, operator: Caller) -> str:
    # 15:00Z is within the store's hours in summer and in winter.
    start = context.clock.now() // DAY * DAY + 2 * DAY + 15 * 3600 * SECOND
    for number, (latitude, hours) in enumerate(((40.3, 0), (40.0, 2)), 1):
        location = {"latitude": latitude, "longitude": -73}
        order = {"storeId": "s1", "asin": "B000000001", "buyer": {"name": "Pat"}, "serviceJobId": f"j{number}"}
        await place_order(context, operator, convert({**order, "serviceLocation": location}, PlaceOrder))
        window = AppointmentWindow(start + hours * 3600 * SECOND, None)
        await add_appointment_for_service_job_by_service_job_id(context, operator, f"j{number}", window)
    return to_datetime(start).date().isoformat()


@pytest.fixture
def day(tmp_path: Path) -> str:
    return asyncio.run(_set_up(tmp_path / "data"))


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """`fieldserve plan …`; what it prints."""

    def run(*arguments: str, code: int = 0) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["plan", *_with_data(arguments, tmp_path / "data")])
        told = capsys.readouterr()
        assert (ended.value.code or 0) == code, told.err
        return told.out if code == 0 else told.err

    return run


def _with_data(arguments: tuple[str, ...], data: Path) -> list[str]:
    return [*arguments, "--data", str(data)]


def test_from_plan_to_undo(run: Run, day: str) -> None:
    """Made, shown, applied, compared, undone: each technician goes where they live."""
    made = json.loads(run("--store", "s1", "--date", day, "--iterations", "20", "--json"))
    plan_id = made["planId"]
    assert {one["serviceJobId"]: one["technicians"] for one in made["changes"]} == {"j1": ["t2"], "j2": ["t1"]}
    shown = run("show", plan_id)
    assert "assigned now" in shown
    assert "t2: " in shown
    assert json.loads(run("apply", plan_id, "--json"))["assigned"] == 2
    assert "APPLIED" in run("list", "--seller", SELLER)
    assert "driving" in run("compare", plan_id, plan_id)
    assert json.loads(run("undo", plan_id, "--json"))["status"] == "UNDONE"


def test_at_once(run: Run, day: str) -> None:
    """--apply applies what was made; without stores and sellers named, the only seller's are planned."""
    out = run("--date", day, "--iterations", "20", "--apply")
    assert "APPLIED" in out
    assert "j1" in out


def test_replan_and_explain(run: Run, day: str) -> None:
    """Who is ill is replaced; each visit says why it is where it is."""
    plan_id = json.loads(run("--date", day, "--iterations", "20", "--apply", "--json"))["planId"]
    ill = ("--event", "ILLNESS", "--technician", "t2", "--at", f"{day}T05:00:00Z")
    told = run("replan", plan_id, *ill, "--iterations", "20")
    assert "Changes:" in told
    assert "t2 →" in told
    assert "j1: " in run("explain", plan_id, "--job", "j1")


def test_exports(run: Run, day: str, tmp_path: Path) -> None:
    """A sheet into a file, the others to standard output."""
    plan_id = json.loads(run("--date", day, "--iterations", "20", "--json"))["planId"]
    run("export", plan_id, "--out", str(tmp_path / "sheet.html"))
    assert "<svg" in (tmp_path / "sheet.html").read_text("utf-8")
    assert run("export", plan_id, "--format", "csv").count("\n") == 3
    assert json.loads(run("export", plan_id, "--format", "geojson"))["type"] == "FeatureCollection"
    assert "cannot write" in run("export", plan_id, "--out", str(tmp_path / "no" / "folder"), code=2)


def test_feeds(run: Run, day: str) -> None:
    """A calendar is made, listed and revoked."""
    made = json.loads(run("feeds", "add", "t1", "--url", "https://api.example.com", "--json"))
    assert made["url"].startswith("https://api.example.com/calendars/fsc_")
    run("feeds", "revoke", made["feed"]["feedId"])
    (listed,) = json.loads(run("feeds", "list", "--json"))
    assert listed["revokedAt"] is not None


def test_places(run: Run, day: str, tmp_path: Path) -> None:
    """A pin on the map, centres of postal codes, and how slots are offered."""
    told = json.loads(run("place", "j1", "--latitude", "40.1", "--longitude", "-73", "--json"))
    assert told["source"] == "OPERATOR"
    codes = tmp_path / "codes.csv"
    codes.write_text("postal_code,latitude,longitude\n10001,40.75,-73.99\n")
    assert json.loads(run("postal-codes", str(codes), "--country", "US", "--json"))["postalCodes"] == 1
    codes.write_text("nothing\n")
    assert "first line" in run("postal-codes", str(codes), code=2)
    changed: dict[str, Any] = json.loads(run("slots", "s1", "--travel-aware", "--smart", "--json"))
    assert (changed["travelAwareSlots"], changed["smartSlots"]) == (True, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--store", "s1"), "--date"),
        (("--store", "nothing", "--date", "2030-01-01"), "no store nothing"),
        (("--date", "2030-13-01"), "firstDay"),
        (("show", "nothing"), "no plan nothing"),
        (("replan", "nothing", "--event", "ILLNESS"), "no plan nothing"),
    ],
)
def test_refused(run: Run, day: str, arguments: tuple[str, ...], words: str) -> None:
    """What will not do ends with 2 and a line that says why."""
    assert words in run(*arguments, code=2)

"""The console in a real browser: a board of 60 technicians and 600 visits, and lists over 100,000 jobs.

A server of its own process serves a world that is made for it. Printed are, each the median of the rounds (and p95
where it says so): how long until the board's first paint and until its visits stand there, the longest task while a
visit is dragged, how long a change takes until another board shows it, and how long pages take with 100,000 jobs and
how large they are without what pages share.

    python -m benchmarks.console [--jobs 100000] [--rounds 20]
"""

import argparse
import asyncio
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from fieldserve.app import opened
from fieldserve.config import Settings
from fieldserve.operations import appointments, orders, sellers, services, stores, technicians
from fieldserve.operations.facts import refresh_facts
from fieldserve.operations.run import Caller, Context
from fieldserve.operations.users import create_user
from fieldserve.store.engine import Connection
from fieldserve.wire.appointments import AppointmentWindow
from fieldserve.wire.orders import OrderBuyer, PlaceOrder
from fieldserve.wire.sellers import CreateSeller
from fieldserve.wire.services import CreateService
from fieldserve.wire.stores import CreateStore, WeeklyHours
from fieldserve.wire.technicians import CreateTechnician
from fieldserve.wire.times import MINUTE, parse
from fieldserve.wire.users import CreateUser
from tests.console import browser as chromium

SELLER, STORE, ASIN, US = "A1BENCH", "store-1", "B0BENCHING", "ATVPDKIKX0DER"
TECHNICIANS, VISITS = 60, 10
PASSWORD = "a password for a benchmark"


async def _make(folder: Path, day: str, jobs: int) -> None:
    async with opened(Settings(data=folder), durable=False) as context:
        caller = Caller(SELLER, marketplaces=frozenset({US}), actor="operator:bench")
        await sellers.create_seller(
            context, caller, CreateSeller(name="Bench", marketplace_ids=(US,), seller_id=SELLER)
        )
        always = (WeeklyHours(opens="00:00", closes="24:00", capacity=TECHNICIANS),)
        where: dict[str, Any] = {"time_zone": "UTC", "marketplace_id": US}
        store = CreateStore(name="Store", store_id=STORE, opening_hours=always, **where)
        await stores.create_store(context, caller, store)
        service = CreateService(
            asin=ASIN,
            title="TV mounting",
            duration_minutes=45,
            slot_interval_minutes=15,
            notice_minutes=0,
            service_location_type="IN_HOME",
        )
        await services.create_service(context, caller, service)
        hours = (WeeklyHours(opens="07:00", closes="19:00"),)
        for number in range(TECHNICIANS):
            ask = CreateTechnician(
                name=f"Technician {number:02d}",
                technician_id=f"A{number:02d}",
                store_ids=(STORE,),
                service_location_types=("IN_HOME",),
                working_hours=hours,
                **where,
            )
            await technicians.create_technician(context, caller, ask)
        for number in range(TECHNICIANS):
            for visit in range(VISITS):
                await _visit(context, caller, number, parse(f"{day}T07:30:00Z") + visit * 65 * MINUTE)
        for _ in range(30):
            await orders.place_order(context, caller, _order())
        await create_user(
            context, caller, CreateUser(login="bench", name="Bench", role="admin", seller_id=SELLER, password=PASSWORD)
        )
        await context.database.write(lambda c: _copies(c, jobs))
        await refresh_facts(context)  # as a server that runs has them


def _order() -> PlaceOrder:
    return PlaceOrder(store_id=STORE, asin=ASIN, buyer=OrderBuyer(name="Pat Doe", buyer_id="A1BUYER"))


async def _visit(context: Context, caller: Caller, technician: int, start: int) -> None:
    placed = await orders.place_order(context, caller, _order())
    window = AppointmentWindow(start // (15 * MINUTE) * 15 * MINUTE, None)
    job_id = placed.service_job_id
    booked = await appointments.add_appointment_for_service_job_by_service_job_id(context, caller, job_id, window)
    assert booked.appointment_id is not None
    await appointments.assign_appointment_resources(
        context, caller, job_id, booked.appointment_id, [f"A{technician:02d}"]
    )


async def _copies(c: Connection, jobs: int) -> None:
    """Closed jobs of the past: copies of one, a minute apart, each with its order in the log."""
    await c.execute(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < $1)"
        " INSERT INTO jobs (seller_id, service_job_id, marketplace_id, store_id, asin, status, service_order_id,"
        " created_at, updated_at, details, document) SELECT seller_id, 'old-' || n, marketplace_id, store_id, asin,"
        " 'COMPLETED', service_order_id, created_at - 60000000 * n, updated_at - 60000000 * n, details,"
        " replace(document, 'PENDING_SCHEDULE', 'COMPLETED')"
        " FROM (SELECT * FROM jobs WHERE status = 'PENDING_SCHEDULE' LIMIT 1), numbers",
        jobs,
    )
    await c.execute(
        "WITH RECURSIVE numbers (n) AS (SELECT $1 UNION ALL SELECT n - 1 FROM numbers WHERE n > 1)"
        " INSERT INTO events (at, seller_id, actor, kind, subject, after)"
        " SELECT at - 60000000 * n, seller_id, actor, kind, 'old-' || n, after"
        " FROM (SELECT * FROM events WHERE kind = 'job.ordered' LIMIT 1), numbers",
        jobs,
    )


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    command = [
        sys.executable,
        "-c",
        "from fieldserve.cli import main; main()",
        "serve",
        "--data",
        str(folder),
        "--port",
        "0",
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FIELDSERVE_")}
    log = folder.with_suffix(".log")
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out, env=environment) as process:
        try:
            while (told := re.search(r"^fieldserve serves (\S+)$", log.read_text(), re.MULTILINE)) is None:
                if process.poll() is not None:
                    raise RuntimeError(log.read_text())
                time.sleep(0.05)
            yield told[1]
        finally:
            process.terminate()


def _signed_in(browser: Browser, base: str) -> Page:
    page = browser.new_context(viewport={"width": 1600, "height": 1000}).new_page()
    page.goto(f"{base}/console")
    page.fill("#login", "bench")
    page.fill("#password", PASSWORD)
    page.click("button.main")
    page.wait_for_url("**/today")
    return page


def _board(page: Page, address: str, rounds: int) -> list[tuple[str, str]]:
    paints, drawn = [], []
    for _ in range(rounds):
        page.goto(address)
        page.wait_for_selector(".visit")
        drawn.append(page.evaluate("performance.now()"))
        page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
        paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
    size = page.evaluate("performance.getEntriesByType('navigation')[0].transferSize")
    longest = max(_drag(page) for _ in range(rounds))
    return [
        (f"board of {TECHNICIANS} × {VISITS}: first paint", f"{statistics.median(paints):.0f} ms"),
        ("the same until its visits stand there", f"{statistics.median(drawn):.0f} ms"),
        ("the same, sent", f"{size / 1000:.0f} KB"),
        ("longest task while a visit is dragged", f"{longest:.0f} ms" if longest else "none of 50 ms"),
    ]


def _drag(page: Page) -> float:
    """Drag a visit over twenty rows and back, and let go where it was taken up."""
    page.evaluate(
        "() => { window.longest = 0; new PerformanceObserver(list => { for (const one of list.getEntries())"
        " window.longest = Math.max(window.longest, one.duration); }).observe({ type: 'longtask' }); }"
    )
    box = page.locator(".visit").first.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(120):
        page.mouse.move(x + 4 * step, y + 6 * (step if step < 60 else 120 - step))
    page.mouse.move(x, 5)  # beside every row: nothing happens
    page.mouse.up()
    page.wait_for_timeout(300)
    return float(page.evaluate("window.longest"))


def _updates(one: Page, other: Page, address: str, rounds: int) -> list[tuple[str, str]]:
    """A visit goes from one technician to the next and back; until when does the other board show it?"""
    for page in (one, other):
        page.goto(address)
        page.wait_for_selector(".visit")
    other.wait_for_timeout(500)
    took = []
    for _ in range(rounds):
        told = one.evaluate(_REASSIGN)
        begun = time.perf_counter()
        other.wait_for_selector(f'.lane[data-technician="{told["to"]}"] .visit[data-visit="{told["visit"]}"]')
        took.append(time.perf_counter() - begun)
        one.reload()
        one.wait_for_selector(".visit")
    took.sort()
    p95 = took[max(0, round(0.95 * len(took)) - 1)]
    told = f"{1000 * statistics.median(took):.0f} ms (p95 {1000 * p95:.0f} ms)"
    return [("a change, until another board shows it", told)]


_REASSIGN = """async () => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const visit = data.visits.find(one => one.status === 'ACTIVE' && one.technicians.length);
  const here = data.technicians.findIndex(one => one.id === visit.technicians[0]);
  const to = data.technicians[(here + 1) % data.technicians.length].id;
  const answer = await fetch(data.paths.place, { method: 'POST', headers: { 'content-type': 'application/json',
    'x-csrf-token': document.body.dataset.csrf }, body: JSON.stringify({ job: visit.job, version: visit.version,
    start: null, technicians: [to] }) });
  if (!answer.ok) throw new Error(await answer.text());
  return { visit: visit.id, to };
}"""


PAGES = (
    ("Today", "today"),
    ("Board, a week", "board?days=7"),
    ("Jobs", "jobs"),
    ("Jobs, by a name", "jobs?q=doe"),
    ("Jobs, by a name that nobody has", "jobs?q=nobody+such"),
    ("Jobs, completed", "jobs?status=COMPLETED"),
    ("a job", "jobs/old-77777"),
    ("Routes", "plans"),
    ("Capacity", f"capacity?resource={STORE}&asin={ASIN}"),
    ("Performance", "performance"),
    ("Payments", "payments"),
    ("Demand", "demand"),
    ("Developers", "developers/requests"),
    ("Settings", "settings/technicians"),
)


def _pages(page: Page, base: str, rounds: int) -> list[tuple[str, str, str, str]]:
    """Of each page: how long the first time, the median of the others, and its compressed size."""
    found = []
    for name, path in PAGES:
        took = []
        for _ in range(rounds + 1):
            answer = page.goto(f"{base}/console/{SELLER}/{path}")
            assert answer is not None and answer.ok, path  # noqa: PT018
            took.append(page.evaluate("performance.getEntriesByType('navigation')[0].responseEnd"))
        size = page.evaluate("performance.getEntriesByType('navigation')[0].encodedBodySize")
        found.append((name, f"{took[0]:.0f} ms", f"{statistics.median(took[1:]):.0f} ms", f"{size / 1000:.1f} KB"))
    return found


def main() -> None:
    """Make the world, serve it, look at it, print the table."""
    options = argparse.ArgumentParser(prog="benchmarks.console")
    options.add_argument("--jobs", type=int, default=100_000)
    options.add_argument("--rounds", type=int, default=20)
    given = options.parse_args()
    day = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "data"
        asyncio.run(_make(folder, day, given.jobs))
        with _served(folder) as base, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium.find(), args=chromium.OPTIONS)
            one, other = _signed_in(browser, base), _signed_in(browser, base)
            board = f"{base}/console/{SELLER}/board?date={day}"
            rows = _board(one, board, max(3, given.rounds // 4))
            rows += _updates(one, other, board, given.rounds)
            pages = _pages(one, base, max(3, given.rounds // 4))
            browser.close()
    print("| what | took |\n|---|---|")
    for name, took in rows:
        print(f"| {name} | {took} |")
    print(f"\n| page, {given.jobs:,} jobs | first | then | compressed |\n|---|---|---|---|")
    for row in pages:
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()

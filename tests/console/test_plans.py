"""Routes on tiles, which a server of the tests' own hands out."""

import base64
import gzip
import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from threading import Thread
from typing import ClassVar

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.console.conftest import OTHER_SELLER, Console, examine, let_people_in
from tests.console.test_pages import ROUTED, place
from tests.official.running import SELLER, STORE, RunningServer, running

# One grey pixel, which any tile may be.
_TILE = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGOoBwAAgQCAlx5Y8AAAAABJRU5ErkJggg==")

# Land as red as can be, which is worked out by the worker.
_WORLD = {"type": "Polygon", "coordinates": [[[-179, -80], [179, -80], [179, 80], [-179, 80], [-179, -80]]]}
_STYLE = {
    "version": 8,
    "sources": {"land": {"type": "geojson", "data": _WORLD, "attribution": "Land of ours"}},
    "layers": [{"id": "land", "type": "fill", "source": "land", "paint": {"fill-color": "#ff0000"}}],
}


class Tiles(BaseHTTPRequestHandler):
    """Hands out the same tile for all the world, and remembers who asked for which."""

    asked: ClassVar[list[tuple[str, str]]] = []

    def do_GET(self) -> None:
        Tiles.asked.append((self.path, self.headers.get("referer", "")))
        self.send_response(200)
        self.send_header("content-type", "application/json" if self.path == "/style.json" else "image/png")
        self.send_header("access-control-allow-origin", "*")
        self.end_headers()
        self.wfile.write(json.dumps(_STYLE).encode() if self.path == "/style.json" else _TILE)

    def log_message(self, *_: object) -> None:
        """Nothing on standard error."""


@pytest.fixture(scope="module")
def tiles() -> Iterator[str]:
    """Where the tiles are, as the setting takes it."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Tiles) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/{{z}}/{{x}}/{{y}}.png"
        server.shutdown()


@pytest.fixture(scope="module")
def console_server(tmp_path_factory: pytest.TempPathFactory, tiles: str) -> Iterator[RunningServer]:
    """A server that was told of tiles, with the same people as elsewhere."""
    folder = tmp_path_factory.mktemp("routes") / "data"
    with running(folder, map_style=tiles, map_attribution="Tiles <of> ours") as server:
        let_people_in(server)
        yield server


def planned(console: Console) -> str:
    """A plan of the day with the jobs that wait; answers its id."""
    ask = {"firstDay": ROUTED.isoformat(), "storeIds": [STORE], "iterations": 10, "waiting": True}
    plan_id: str = console.server.operate("POST", f"sellers/{SELLER}/plans", ask)["planId"]
    return plan_id


class TestTiles:
    def test_laid_on_tiles(self, console: Console, tiles: str) -> None:
        """Tiles are asked for under the strict policy, the drawing follows the map, and keys move it."""
        job_id = place(console)
        page = console.sign_in(at=f"plans/{planned(console)}")
        page.wait_for_selector(".map[data-laid]")
        host = tiles.partition("/{z}")[0]
        assert [path for path, _ in Tiles.asked if re.fullmatch(r"/\d+/\d+/\d+\.png", path)]
        assert {referrer for _, referrer in Tiles.asked} == {f"{console.server.base}/"}
        expect(page.locator(".maplibregl-ctrl-attrib")).to_contain_text("Tiles <of> ours")
        dot = page.locator(f'.map [data-stop="{job_id}"]')
        drawn = dot.get_attribute("transform")
        page.get_by_role("button", name="Zoom in").focus()
        page.keyboard.press("Enter")
        expect(dot).not_to_have_attribute("transform", str(drawn))
        zoomed = dot.get_attribute("transform")
        page.locator("canvas").focus()
        page.keyboard.press("ArrowRight")
        expect(dot).not_to_have_attribute("transform", str(zoomed))
        answer = page.goto(page.url)
        assert answer is not None
        policy = answer.headers["content-security-policy"]
        assert f"connect-src 'self' {host};" in policy
        assert "script-src 'self';" in policy
        listed = page.goto(console.address("plans"))
        assert listed is not None
        assert host not in listed.headers["content-security-policy"]

    def test_axe_finds_nothing(self, console: Console) -> None:
        """The map's own controls can be read and told apart."""
        place(console)
        page = console.sign_in(bypass_csp=True, at=f"plans/{planned(console)}")
        page.wait_for_selector(".map[data-laid]")
        examine(page)

    def test_style(self, console: Console, tiles: str) -> None:
        """The map may lie on a style, too, whose shapes our own worker draws."""
        place(console)
        page = console.sign_in()
        style = tiles.replace("/{z}/{x}/{y}.png", "/style.json")

        change = "for (const one of document.querySelectorAll('[data-style]')) one.dataset.style = "
        page.add_init_script(f"document.addEventListener('readystatechange', () => {{ {change}{json.dumps(style)} }})")
        page.goto(console.address(f"plans/{planned(console)}"))
        page.wait_for_selector(".map[data-laid]")
        expect(page.locator(".maplibregl-ctrl-attrib")).to_contain_text("Land of ours")
        with Image.open(BytesIO(page.locator(".drawn").screenshot())) as picture:
            red = sum(count for count, colour in picture.convert("RGB").getcolors(10**6) or () if colour == (255, 0, 0))
            assert red > picture.width * picture.height / 2

    def test_out_of_reach(self, console: Console, tiles: str) -> None:
        """Where the tiles cannot be had that is told, and the routes are there all the same."""
        place(console)
        page = console.sign_in()
        page.route(re.compile(re.escape(tiles.partition("/{z}")[0])), lambda route: route.abort())
        page.goto(console.address(f"plans/{planned(console)}"))
        expect(page.get_by_role("status").filter(has_text="cannot be reached")).to_be_visible()
        expect(page.locator(".map .stop").first).to_be_visible()
        console.complaints.clear()  # what was aborted

    def test_what_it_weighs(self, console: Console) -> None:
        """All that a page with tiles loads beyond what pages share is at most 300 KB compressed, tiles aside."""
        place(console)
        page = console.sign_in(at=f"plans/{planned(console)}")
        page.context.new_cdp_session(page).send("Network.setCacheDisabled", {"cacheDisabled": True})
        asked: set[str] = set()
        page.on("request", lambda request: asked.add(request.url))
        page.reload()
        page.wait_for_selector(".map[data-laid]")
        own = {url: 0 for url in asked if "/static/" in url and "/console." not in url}
        for url in own:
            own[url] = int(console.by_hand().get(url, headers={"accept-encoding": "br"}).headers["content-length"])
        assert len(own) > 4
        assert 200_000 < sum(own.values()) + len(gzip.compress(page.content().encode())) <= 300_000, own


class TestCompare:
    def test_two_plans_by_mouse(self, console: Console) -> None:
        """Two plans of the list stand beside each other, the older one first, and their maps move together."""
        job_id = place(console)
        planned(console)
        place(console)
        planned(console)
        page = console.sign_in(at="plans")
        for rank in (0, 1):
            page.locator("main li input").nth(rank).check()
        page.get_by_role("button", name="Compare").click()
        page.wait_for_url("**/plans/compare?*")
        rows = page.locator("table.figured tbody tr")
        expect(rows).to_have_count(3)
        # The newer plan serves the job that was ordered in between, too.
        expect(rows.nth(2).locator("td").first).to_have_text("+1")
        expect(page.locator(f'.pair [data-stop="{job_id}"]')).to_have_count(2)
        for rank in (0, 1):
            page.locator(".map").nth(rank).scroll_into_view_if_needed()
            expect(page.locator(".map").nth(rank)).to_have_attribute("data-laid", "true")
        home = page.locator(".map .home").last
        drawn = str(home.get_attribute("transform"))
        page.get_by_role("button", name="Zoom in").first.click()
        expect(home).not_to_have_attribute("transform", drawn)
        page.wait_for_function(
            "() => new Set([...document.querySelectorAll('.map svg')].map(one =>"
            " one.querySelector('.home').getAttribute('transform'))).size == 1"
        )

    def test_with_the_board_by_keyboard(self, console: Console) -> None:
        """`c` compares a plan with the board; a visit that is reached is shown on the map, and prices give a cost."""
        job_id = place(console)
        page = console.sign_in(at=f"plans/{planned(console)}")
        page.wait_for_selector(".map[data-laid]")
        page.keyboard.press("c")
        page.wait_for_url("**/plans/compare?*")
        row = page.locator(f'tr[data-stop="{job_id}"]')
        expect(row.locator("td").first).to_contain_text("Left out")
        row.get_by_role("link").focus()
        expect(page.locator(f'.map .moved[data-stop="{job_id}"]')).to_have_class(re.compile(r"\bon\b"))
        expect(page.get_by_role("columnheader", name="Cost")).to_have_count(0)
        page.get_by_label("An hour costs").fill("38.50")
        page.keyboard.press("Enter")
        page.wait_for_url("**hour=38.50**")
        expect(page.get_by_role("columnheader", name="Cost")).to_be_visible()

    def test_axe_finds_nothing(self, console: Console) -> None:
        """An analyst, too, can read and use the comparison."""
        place(console)
        page = console.sign_in("anne", bypass_csp=True, at=f"plans/compare?plan={planned(console)}&hour=40")
        page.wait_for_selector(".pair .map[data-laid]")
        examine(page)

    def test_refused(self, console: Console) -> None:
        """Nothing chosen, a price that is none, a plan of others: each is told."""
        place(console)
        page = console.sign_in()
        plan_id = planned(console)
        for path, status in (("", 422), (f"?plan={plan_id}&hour=much", 422), ("?plan=nothing", 404)):
            answer = page.goto(console.address(f"plans/compare{path}"))
            assert answer is not None
            assert answer.status == status
        zoe = console.open()
        console.give(zoe, "zoe")
        zoe.wait_for_url("**/today")
        answer = zoe.goto(console.address(f"plans/compare?plan={plan_id}", OTHER_SELLER))
        assert answer is not None
        assert answer.status == 404
        console.complaints.clear()  # what was refused

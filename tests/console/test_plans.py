"""Routes on tiles, which a server of the tests' own hands out."""

import base64
import gzip
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar

import pytest
from playwright.sync_api import Page, expect

from tests.console.conftest import Console, let_people_in
from tests.console.test_pages import ROUTED, place
from tests.official.running import STORE, RunningServer, running

# One grey pixel, which any tile may be.
_TILE = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGOoBwAAgQCAlx5Y8AAAAABJRU5ErkJggg==")


class Tiles(BaseHTTPRequestHandler):
    """Hands out the same tile for all the world, and remembers who asked for which."""

    asked: ClassVar[list[tuple[str, str]]] = []

    def do_GET(self) -> None:
        Tiles.asked.append((self.path, self.headers.get("referer", "")))
        self.send_response(200)
        self.send_header("content-type", "image/png")
        self.send_header("access-control-allow-origin", "*")
        self.end_headers()
        self.wfile.write(_TILE)

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


def planned(console: Console, page: Page) -> None:
    """Plan the day, with the jobs that wait for it."""
    page.goto(console.address("plans"))
    page.fill("[name=day]", ROUTED.isoformat())
    page.select_option("[name=store]", STORE)
    page.fill("[name=seconds]", "1")
    page.check("[name=waiting]")
    page.get_by_role("button", name="Plan").click()
    page.wait_for_url("**/plans/*-*")


class TestTiles:
    def test_laid_on_tiles(self, console: Console, tiles: str) -> None:
        """Tiles are asked for under the strict policy, the drawing follows the map, and keys move it."""
        job_id = place(console)
        page = console.sign_in()
        planned(console, page)
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

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_axe_finds_nothing(self, console: Console, axe: str, scheme: Any) -> None:
        """The map's own controls can be read and told apart, in light and in dark."""
        place(console)
        page = console.sign_in(color_scheme=scheme, bypass_csp=True)
        planned(console, page)
        page.wait_for_selector(".map[data-laid]")
        page.evaluate(axe)
        found = page.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})")
        assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []

    def test_out_of_reach(self, console: Console, tiles: str) -> None:
        """Where the tiles cannot be had that is told, and the routes are there all the same."""
        place(console)
        page = console.sign_in()
        page.route(re.compile(re.escape(tiles.partition("/{z}")[0])), lambda route: route.abort())
        planned(console, page)
        expect(page.get_by_role("status").filter(has_text="cannot be reached")).to_be_visible()
        expect(page.locator(".map .stop").first).to_be_visible()
        console.complaints.clear()  # what was aborted

    def test_what_it_weighs(self, console: Console) -> None:
        """All that a page with tiles loads beyond what pages share is at most 300 KB compressed, tiles aside."""
        place(console)
        page = console.sign_in()
        planned(console, page)
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

"""The page to read the API on and to try it."""

import re
from html.parser import HTMLParser

import httpx2
import pytest
from starlette.applications import Starlette

from fieldserve.api import explorer
from fieldserve.api.openapi import document


async def get(path: str) -> httpx2.Response:
    """The answer to anybody; the page needs no context."""
    transport = httpx2.ASGITransport(app=Starlette(routes=explorer.ROUTES))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.get(path)


class Page(HTMLParser):
    """What a browser would make of the page, as far as the tests ask."""

    def __init__(self, text: str):
        super().__init__()
        self.ids: list[str] = []
        self.labels: list[str] = []
        self.inputs: list[dict[str, str | None]] = []
        self.forms: list[dict[str, str | None]] = []
        self.inline: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if one := found.get("id"):
            self.ids.append(one)
        if tag == "label":
            self.labels.append(found.get("for") or "")
        if tag in ("input", "select", "textarea"):
            self.inputs.append(found)
        if tag == "form":
            self.forms.append(found)
        if tag == "style" or (tag == "script" and "src" not in found):
            self.inline.append(tag)
        self.inline += [name for name in found if name == "style" or name.startswith("on")]
        if tag in ("script", "img", "iframe") or (tag == "link" and found.get("rel") == "stylesheet"):
            self.loaded.append(found.get("src") or found.get("href") or "")


async def test_every_operation_is_on_it() -> None:
    """Each operation of the document has its place, and a form if the page can send it."""
    page = Page((await get("/docs")).text)
    operations = {
        (item["operationId"], method.upper(), path)
        for path, items in document()["paths"].items()
        for method, item in items.items()
    }
    assert {name for name, _, _ in operations} <= set(page.ids)
    forms = {(one["aria-label"], one["data-method"], one["data-path"]) for one in page.forms if "data-path" in one}
    assert forms == operations


async def test_labelled() -> None:
    """Every input has a label of its own, and no id is there twice."""
    page = Page((await get("/docs")).text)
    assert len(set(page.ids)) == len(page.ids)
    assert [one["id"] for one in page.inputs if one["id"] not in page.labels] == []


async def test_policy() -> None:
    """Only this server's own script and style run, requests go to this server only, and nothing is inline."""
    answer = await get("/docs")
    page = Page(answer.text)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "connect-src 'self'" in policy
    # A field of it may hold a token: of this server's own pages, the console's, alone it may be a part.
    assert "frame-ancestors 'self'" in policy
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert page.inline == []
    assert page.loaded == ["/docs/style.css", "/docs/script.js"]


async def test_secrets_stay_in_the_page() -> None:
    """No browser is asked to remember a token, and the script stores nothing and writes no markup."""
    page = Page((await get("/docs")).text)
    secrets = [one for one in page.inputs if one.get("type") == "password"]
    assert {one["id"] for one in secrets} >= {"access-token", "operator-key", "getToken-client_secret"}
    assert all(one["autocomplete"] == "off" for one in secrets)
    script = (await get("/docs/script.js")).text
    assert not re.search(r"localStorage|sessionStorage|indexedDB|document\.cookie|innerHTML|outerHTML|eval\(", script)


@pytest.mark.parametrize(("name", "kind"), [("style.css", "text/css"), ("script.js", "text/javascript")])
async def test_assets(name: str, kind: str) -> None:
    """The page's assets are served with their types."""
    answer = await get(f"/docs/{name}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(kind)
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["page.html", "..%2Fconsent%2Fstyle.css", "%2e%2e", "explorer.py", ""])
async def test_nothing_else(name: str) -> None:
    """No other file is served, whatever the path says."""
    assert (await get(f"/docs/{name}")).status_code in (307, 404)

"""The seller's consent page, as a browser without scripts uses it."""

import re
import shutil
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from fieldserve.operations.applications import WithSecret, disable_application, list_authorizations
from fieldserve.operations.consent import issue_sign_in_code
from fieldserve.operations.run import Context
from fieldserve.operations.tokens import issue
from fieldserve.store.engine import Database
from fieldserve.wire.tokens import CodeGrant
from tests.access import CA, CALLBACK, DE, NOW, OPERATOR, US, SetClock, an_application, client, opened

PATH = "/apps/authorize/consent"
STATE = "s-1 &=+%"


@pytest.fixture
def database_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """SQLite only: the statements run on both databases in tests/store, and whole flows in test_secrets.py."""
    return f"sqlite:///{shutil.copyfile(migrated_sqlite, tmp_path / 'fieldserve.db')}"


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
async def context(database: Database, clock: SetClock) -> AsyncIterator[Context]:
    async with opened(database, clock) as context:
        yield context


@pytest.fixture
async def application(context: Context) -> WithSecret:
    return await an_application(context)


@pytest.fixture
async def http(context: Context) -> AsyncIterator[httpx2.AsyncClient]:
    async with client(context) as http:
        yield http


class _Form(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.actions: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = dict(attrs)
        if given.get("type") == "hidden":
            self.fields[given["name"] or ""] = given["value"] or ""
        if tag == "button":
            self.actions.append(given["value"] or "")


def form(page: httpx2.Response) -> _Form:
    parsed = _Form()
    parsed.feed(page.text)
    return parsed


def asks(application: WithSecret, **changes: str) -> dict[str, str]:
    """The query with which the application sends the seller here."""
    wanted = {
        "application_id": application.application.application_id,
        "redirect_uri": CALLBACK,
        "state": STATE,
        "version": "beta",
    }
    return wanted | changes


async def submit(http: httpx2.AsyncClient, page: httpx2.Response, action: str, **fields: str) -> httpx2.Response:
    """Press a button of the page."""
    return await http.post(PATH, data=form(page).fields | {"action": action} | fields)


async def signed_in(
    http: httpx2.AsyncClient, context: Context, application: WithSecret, seller_id: str = "S1"
) -> httpx2.Response:
    """The page that a seller sees after the sign-in."""
    code = await issue_sign_in_code(context, OPERATOR, seller_id)
    answer = await submit(http, await http.get(PATH, params=asks(application)), "sign_in", code=code)
    assert answer.status_code == 303
    return await http.get(answer.headers["location"])


def parameters(answer: httpx2.Response) -> dict[str, str]:
    """What the application is told, once it is sure that it is the application who is told."""
    assert answer.status_code == 303
    location = answer.headers["location"]
    assert location.startswith(CALLBACK + "?")
    assert answer.headers["referrer-policy"] == "no-referrer"
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


class TestShow:
    async def test_anonymous(self, http: httpx2.AsyncClient, application: WithSecret) -> None:
        """A stranger sees who asks, and a field for the code; nothing about any seller."""
        page = await http.get(PATH, params=asks(application))
        assert page.status_code == 200
        assert "Planner asks to act for you" in page.text
        assert form(page).actions == ["sign_in", "deny"]
        assert "Seller" not in page.text

    async def test_headers(self, http: httpx2.AsyncClient, application: WithSecret) -> None:
        """No scripts, no frames, nothing kept; one style; forms lead here and to the application only."""
        page = await http.get(PATH, params=asks(application))
        policy = page.headers["content-security-policy"]
        assert re.fullmatch(
            r"default-src 'none'; style-src 'sha256-[\w+/=]{44}'; form-action 'self' https://app\.example;"
            r" frame-ancestors 'none'; base-uri 'none'",
            policy,
        )
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["cache-control"] == "no-store"
        assert "script" not in form(page).tags
        cookie = page.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie

    async def test_style_is_the_one_allowed(self, http: httpx2.AsyncClient, application: WithSecret) -> None:
        """The browser's hash of the page's style is that of the policy."""
        import base64
        import hashlib

        page = await http.get(PATH, params=asks(application))
        found = re.search(r"<style>(.*)</style>", page.text, re.DOTALL)
        assert found is not None
        digest = base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()
        assert f"'sha256-{digest}'" in page.headers["content-security-policy"]

    async def test_cookie_over_https(self, context: Context, application: WithSecret) -> None:
        """Over https the cookie is bound to this very host."""
        async with client(context, "https://fieldserve-na.example.com") as http:
            cookie = (await http.get(PATH, params=asks(application))).headers["set-cookie"]
        assert cookie.startswith("__Host-consent=")
        assert "secure" in cookie.lower()
        assert "path=/" in cookie.lower()
        assert "domain" not in cookie.lower()

    @pytest.mark.parametrize(
        "changes",
        [
            {"application_id": "amzn1.sp.solution.unknown"},
            {"application_id": "a\x00b"},
            {"redirect_uri": CALLBACK + "/"},
            {"redirect_uri": CALLBACK + "?a=1"},
            {"redirect_uri": CALLBACK.upper()},
            {"redirect_uri": "https://app.example.evil.example/callback"},
            {"redirect_uri": "javascript:alert(1)"},
            {"state": ""},
            {"state": "x" * 2_001},
            {"state": "a\r\nb"},
            {"state": "<é>"},
        ],
    )
    async def test_leads_nowhere(
        self, http: httpx2.AsyncClient, application: WithSecret, changes: dict[str, str]
    ) -> None:
        """Whoever asks wrongly is told so on a page; the browser is not sent to where they say."""
        page = await http.get(PATH, params=asks(application, **changes))
        assert page.status_code == 400
        assert form(page).actions == []
        assert "location" not in page.headers
        assert "evil" not in page.text + page.headers["content-security-policy"]

    async def test_disabled_application(
        self, http: httpx2.AsyncClient, context: Context, application: WithSecret
    ) -> None:
        """A disabled application cannot ask."""
        await disable_application(context, OPERATOR, application.application.application_id)
        assert (await http.get(PATH, params=asks(application))).status_code == 400

    async def test_only_redirect_uri_by_default(
        self, http: httpx2.AsyncClient, context: Context, application: WithSecret
    ) -> None:
        """With one registered URI it may be left out; with two it must be named."""
        page = await http.get(PATH, params=asks(application, redirect_uri=""))
        assert form(page).fields["redirect_uri"] == CALLBACK
        two = await an_application(context, redirect_uris=[CALLBACK, "https://app.example/other"])
        assert (await http.get(PATH, params=asks(two, redirect_uri=""))).status_code == 400

    async def test_role(self, http: httpx2.AsyncClient, context: Context) -> None:
        """An application without the role is told so itself; no seller is bothered."""
        other = await an_application(context, roles=["Pricing"])
        told = parameters(await http.get(PATH, params=asks(other)))
        assert told["error"] == "unauthorized_client"
        assert "Professional Services" in told["error_description"]
        assert told["state"] == STATE

    async def test_names_are_escaped(self, http: httpx2.AsyncClient, context: Context) -> None:
        """An application's name cannot bring markup."""
        odd = await an_application(context, name="<script>alert(1)</script>")
        page = await http.get(PATH, params=asks(odd, state='"><script>'))
        assert "script" not in form(page).tags
        assert form(page).fields["state"] == '"><script>'


class TestSignIn:
    async def test_success(self, http: httpx2.AsyncClient, context: Context, application: WithSecret) -> None:
        """The seller sees the application, the role and the marketplaces by name."""
        page = await signed_in(http, context, application)
        for words in ("Planner", "Seller One", "Professional Services", "Canada", "Germany", "United States"):
            assert words in page.text
        assert "app.example" in page.text
        assert form(page).actions == ["approve", "deny"]

    async def test_as_people_type(self, http: httpx2.AsyncClient, context: Context, application: WithSecret) -> None:
        """Case, spaces and hyphens of the code do not matter."""
        code = await issue_sign_in_code(context, OPERATOR, "S1")
        assert re.fullmatch(r"([A-Z2-7]{4}-){5}[A-Z2-7]{4}", code)
        page = await http.get(PATH, params=asks(application))
        typed = f" {code.lower().replace('-', ' ')} "
        assert (await submit(http, page, "sign_in", code=typed)).status_code == 303

    async def test_cookie_changes(self, http: httpx2.AsyncClient, context: Context, application: WithSecret) -> None:
        """The cookie from before the sign-in is worth nothing after it."""
        await http.get(PATH, params=asks(application))
        before = http.cookies["consent"]
        await signed_in(http, context, application)
        assert http.cookies["consent"] != before

    @pytest.mark.parametrize("case", ["wrong", "used", "late", "empty"])
    async def test_not_good(
        self, http: httpx2.AsyncClient, context: Context, application: WithSecret, clock: SetClock, case: str
    ) -> None:
        """A code works once, within 15 minutes; otherwise the page asks again."""
        code = await issue_sign_in_code(context, OPERATOR, "S1")
        page = await http.get(PATH, params=asks(application))
        match case:
            case "wrong":
                code = "AAAA-" * 5 + "AAAA"
            case "used":
                async with client(context) as other:
                    their_page = await other.get(PATH, params=asks(application))
                    assert (await submit(other, their_page, "sign_in", code=code)).status_code == 303
            case "late":
                clock.pass_seconds(15 * 60)
            case "empty":
                code = ""
        answer = await submit(http, page, "sign_in", code=code)
        assert answer.status_code == 403
        assert "not good" in answer.text
        assert form(answer).actions == ["sign_in", "deny"]


class TestApprove:
    async def test_success(self, http: httpx2.AsyncClient, context: Context, application: WithSecret) -> None:
        """The application gets a code that gives tokens for all that the page showed; the log tells who did it."""
        told = parameters(await submit(http, await signed_in(http, context, application), "approve"))
        code = told.pop("spapi_oauth_code")
        assert told == {"state": STATE, "selling_partner_id": "S1"}
        (authorization,) = await list_authorizations(context, "S1")
        assert authorization.marketplaces == frozenset({US, CA, DE})
        assert (authorization.stores, authorization.roles) == (None, application.application.roles)
        identity = application.application.client_id, application.client_secret
        assert (await issue(context, *identity, CodeGrant(code, CALLBACK))).refresh_token is not None
        kinds = await context.database.read(
            lambda c: c.fetch("SELECT kind, actor FROM events WHERE seller_id = 'S1' ORDER BY sequence")
        )
        assert [tuple(row) for row in kinds] == [
            ("sign_in_code.issued", "operator:test"),
            ("seller.signed_in", "seller:S1"),
            ("authorization.created", "seller:S1"),
        ]

    async def test_on_a_regions_host(self, context: Context, application: WithSecret) -> None:
        """On a host of North America its marketplaces are shown, and granted, only."""
        async with client(context, "http://fieldserve-na.example.com") as http:
            page = await signed_in(http, context, application)
            assert "Germany" not in page.text
            parameters(await submit(http, page, "approve"))
        (authorization,) = await list_authorizations(context, "S1")
        assert authorization.marketplaces == {US, CA}

    async def test_nothing_to_grant(self, context: Context, application: WithSecret) -> None:
        """A seller without a marketplace there is offered no approval, and a forged one is refused."""
        async with client(context, "http://fieldserve-na.example.com") as http:
            page = await signed_in(http, context, application, "S2")
            assert form(page).actions == ["deny"]
            assert (await submit(http, page, "approve")).status_code == 400
        assert await list_authorizations(context, "S2") == []

    async def test_another_sellers_own(self, http: httpx2.AsyncClient, context: Context) -> None:
        """An application that a seller registered for itself gets that seller's consent, and nobody else's."""
        application = await an_application(context, of_seller="S2")
        page = await signed_in(http, context, application)
        refused = await submit(http, page, "approve")
        assert refused.status_code == 400
        assert "acts for the seller that registered it" in refused.text
        assert await list_authorizations(context, "S1") == []
        parameters(await submit(http, await signed_in(http, context, application, "S2"), "approve"))
        assert len(await list_authorizations(context, "S2")) == 1

    async def test_by_many_sellers(self, http: httpx2.AsyncClient, context: Context, application: WithSecret) -> None:
        """An integrator's application, which the operator registered, is let act by each seller for itself."""
        for seller_id in ("S1", "S2"):
            parameters(await submit(http, await signed_in(http, context, application, seller_id), "approve"))
            (authorization,) = await list_authorizations(context, seller_id)
            assert authorization.application_id == application.application.application_id

    async def test_once(self, http: httpx2.AsyncClient, context: Context, application: WithSecret) -> None:
        """The sign-in ends with the answer: the same form sent again grants nothing."""
        page = await signed_in(http, context, application)
        parameters(await submit(http, page, "approve"))
        again = await submit(http, page, "approve")
        assert again.status_code == 403
        assert "sign-in has ended" in again.text
        assert len(await list_authorizations(context, "S1")) == 1

    async def test_late(
        self, http: httpx2.AsyncClient, context: Context, application: WithSecret, clock: SetClock
    ) -> None:
        """A sign-in lasts ten minutes."""
        page = await signed_in(http, context, application)
        clock.instant = NOW + 600_000_000
        assert (await submit(http, page, "approve")).status_code == 403
        assert await list_authorizations(context, "S1") == []

    async def test_without_signing_in(
        self, http: httpx2.AsyncClient, context: Context, application: WithSecret
    ) -> None:
        """The button of a page that shows none is of no use."""
        page = await http.get(PATH, params=asks(application))
        assert (await submit(http, page, "approve")).status_code == 403

    @pytest.mark.parametrize("forged", ["token", "no token", "odd token", "redirect", "application", "state", "cookie"])
    async def test_forged(
        self, http: httpx2.AsyncClient, context: Context, application: WithSecret, forged: str
    ) -> None:
        """A form that this page did not show to this browser, or that was changed, grants nothing."""
        application = await an_application(context, redirect_uris=[CALLBACK, "https://app.example/other"])
        page = await signed_in(http, context, application)
        fields = form(page).fields | {"action": "approve"}
        match forged:
            case "token":
                fields["form_token"] = "0" * 64
            case "no token":
                del fields["form_token"]
            case "odd token":
                fields["form_token"] = "é"
            case "redirect":
                fields["redirect_uri"] = "https://app.example/other"
            case "application":
                other = await an_application(context)
                fields["application_id"] = other.application.application_id
            case "state":
                fields["state"] += "x"
            case "cookie":
                http.cookies.clear()
        answer = await http.post(PATH, data=fields)
        assert answer.status_code == 400
        assert "out of date" in answer.text
        assert await list_authorizations(context, "S1") == []

    async def test_redirect_uri_with_a_query(self, http: httpx2.AsyncClient, context: Context) -> None:
        """A registered query stays in front of what is added."""
        uri = CALLBACK + "?tenant=7"
        application = await an_application(context, redirect_uris=[uri])
        code = await issue_sign_in_code(context, OPERATOR, "S1")
        page = await http.get(PATH, params=asks(application, redirect_uri=uri))
        page = await http.get((await submit(http, page, "sign_in", code=code)).headers["location"])
        location = (await submit(http, page, "approve")).headers["location"]
        assert location.startswith(uri + "&spapi_oauth_code=")


class TestDeny:
    async def test_signed_in(self, http: httpx2.AsyncClient, context: Context, application: WithSecret) -> None:
        """The application is told that access was denied; the sign-in is over."""
        page = await signed_in(http, context, application)
        told = parameters(await submit(http, page, "deny"))
        assert (told["error"], told["state"]) == ("access_denied", STATE)
        assert "spapi_oauth_code" not in told
        assert (await submit(http, page, "approve")).status_code == 403
        assert await list_authorizations(context, "S1") == []

    async def test_before_signing_in(self, http: httpx2.AsyncClient, application: WithSecret) -> None:
        """Who does not want to sign in at all can go back, too."""
        page = await http.get(PATH, params=asks(application))
        assert parameters(await submit(http, page, "deny"))["error"] == "access_denied"


class TestPost:
    @pytest.mark.parametrize("action", ["", "explode"])
    async def test_no_such_button(self, http: httpx2.AsyncClient, application: WithSecret, action: str) -> None:
        """A form with another action is refused."""
        page = await http.get(PATH, params=asks(application))
        assert (await submit(http, page, action)).status_code == 400

    async def test_malformed(self, http: httpx2.AsyncClient) -> None:
        """What is no form is refused on a page."""
        answer = await http.post(PATH, content=b"x", headers={"content-type": "text/plain"})
        assert answer.status_code == 400
        assert answer.headers["content-type"].startswith("text/html")

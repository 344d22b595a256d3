"""A company's own sign-in, against a small one of the tests' own that speaks OpenID Connect over a socket."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from playwright.sync_api import Browser, expect

from tests.console.conftest import PASSWORD, Console, let_people_in
from tests.official.running import SELLER, RunningServer, running

CLIENT, SECRET = "fieldserve", "what nobody guesses"


def encoded(content: bytes) -> str:
    """As tokens have it."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class Company:
    """The company's server, and whom it lets in. `says` changes the claims of the next tokens, `signs` how they are
    signed, `breaks` what the token endpoint answers."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "first"})
        self.says: dict[str, Any] = {}
        self.signs = "RS256"
        self.breaks = 0
        self.denies = False
        self.codes: dict[str, dict[str, str]] = {}
        self.issuer = ""

    def forget(self) -> None:
        """As it was at first."""
        self.says, self.signs, self.breaks, self.denies = {}, "RS256", 0, False

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser is sent back to: this company asks nobody for a password."""
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        told = {"error": "access_denied"} if self.denies else {"code": code}
        return f"{asked['redirect_uri']}?{urlencode(told | {'state': asked['state']})}"

    def token(self, form: dict[str, str], login: str) -> tuple[int, dict[str, Any]]:
        """The answer to a code, which is good once, for whoever began with its challenge."""
        asked = self.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        proof = encoded(digest)
        if asked is None or asked["code_challenge"] != proof or asked["redirect_uri"] != form["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        if login != f"{CLIENT}:{SECRET}":
            return 401, {"error": "invalid_client"}
        now = int(time.time())
        claims = {"iss": self.issuer, "sub": "1001", "aud": CLIENT, "iat": now, "exp": now + 300}
        claims |= {"nonce": asked["nonce"], "name": "Dana Scott", "groups": ["staff", "dispatch"]} | self.says
        claims = {name: value for name, value in claims.items() if value is not None}
        return 200, {"access_token": "x", "token_type": "Bearer", "id_token": self.signed(claims)}

    def signed(self, claims: dict[str, Any]) -> str:
        if self.signs == "HS256":  # with what everybody knows: the public key, as a secret
            parts = [{"alg": "HS256", "kid": self.key.kid}, claims]
            signed = ".".join(encoded(json.dumps(one).encode()) for one in parts)
            return f"{signed}.{encoded(hmac.digest(self.key.as_pem(private=False), signed.encode(), 'sha256'))}"
        key = RSAKey.generate_key(2048, {"kid": "first"}) if self.signs == "stranger" else self.key
        return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)


@pytest.fixture(scope="module")
def company() -> Iterator[Company]:
    made = Company()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/authorize":
                self.send_response(302)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                self.send_header("location", made.authorize(query))
                self.end_headers()
            elif parts.path == "/keys":
                self._tell(200, {"keys": [made.key.as_dict(private=False)]})
            elif parts.path == "/.well-known/openid-configuration":
                issuer = made.issuer
                ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
                self._tell(200, {"issuer": issuer} | {name: f"{issuer}/{path}" for name, path in ends.items()})
            else:
                self._tell(404, {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            scheme, _, login = self.headers.get("authorization", "").partition(" ")
            assert scheme == "Basic"
            form = {name: values[0] for name, values in parse_qs(body).items()}
            status, told = made.token(form, base64.b64decode(login).decode())
            self._tell(made.breaks or status, told)

        def _tell(self, status: int, value: object) -> None:
            content = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    made.issuer = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def their_server(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server whose seller's people sign in at the company."""
    settings = {
        "oidc_issuer": company.issuer,
        "oidc_client_id": CLIENT,
        "oidc_client_secret": SECRET,
        "oidc_name": "Example",
        "oidc_seller": SELLER,
        "oidc_roles": "admins=admin,dispatch=dispatcher",
    }
    with running(tmp_path_factory.mktemp("company") / "data", **settings) as server:
        let_people_in(server)
        yield server


@pytest.fixture(autouse=True)
def as_at_first(company: Company) -> None:
    company.forget()


@pytest.fixture
def at_end() -> Iterator[ExitStack]:
    """What is closed when the test is over."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def hand(their_server: RunningServer, at_end: ExitStack) -> httpx2.Client:
    """Somebody who sends requests without a browser."""
    return at_end.enter_context(httpx2.Client(base_url=their_server.base, follow_redirects=False))


def come(hand: httpx2.Client, wanted: str = "", **changes: str) -> httpx2.Response:
    """What is answered to who goes through it by hand, when they are back. `changes` are made to what they bring."""
    sent = hand.get(f"/console/sign-in/company?{urlencode({'next': wanted})}")
    assert sent.status_code in (303, 307), sent.text
    back = urlsplit(httpx2.get(sent.headers["location"]).headers["location"])
    query = {name: values[0] for name, values in parse_qs(back.query).items()} | changes
    return hand.get(f"{back.path}?{urlencode(query)}")


def people(server: RunningServer) -> dict[str, dict[str, Any]]:
    """The seller's users by name."""
    found = server.operate("GET", f"users?sellerId={SELLER}&limit=100")["users"]
    return {one["name"]: one for one in found}


class TestIn:
    def test_in_the_browser(
        self, company: Company, their_server: RunningServer, browser: Browser, at_end: ExitStack
    ) -> None:
        """The button leads to the company and back to the page that was wanted; the user is there once, with the role
        that the company says each time."""
        console = Console(their_server, browser, at_end)
        page = console.open()
        page.goto(console.address("jobs?q=alpha"))
        page.get_by_role("link", name="Sign in with Example").click()
        page.wait_for_url("**/jobs?q=alpha")
        expect(page.locator(".me")).to_contain_text("Dana Scott")
        expect(page.get_by_role("link", name="Settings")).to_have_count(0)
        known = people(their_server)["Dana Scott"]
        assert (known["role"], known["sellerId"]) == ("dispatcher", SELLER)
        company.says = {"groups": ["admins"]}
        again = console.open()
        again.goto(f"{their_server.base}/console/sign-in")
        again.get_by_role("link", name="Sign in with Example").focus()
        again.keyboard.press("Enter")
        again.wait_for_url("**/today")
        expect(again.get_by_role("link", name="Settings")).to_have_count(1)
        assert people(their_server)["Dana Scott"]["userId"] == known["userId"]
        page.goto(console.address("today"))
        assert "/sign-in" in page.url  # another role ends what was open
        assert console.complaints == []

    def test_a_key_that_is_new(self, company: Company, hand: httpx2.Client) -> None:
        """The company changes its keys: they are looked for anew."""
        company.key = RSAKey.generate_key(2048, {"kid": "second"})
        answer = come(hand)
        assert answer.status_code == 303, answer.text

    def test_leads_nowhere_else(self, hand: httpx2.Client) -> None:
        """Whatever page is wanted, it is one of ours."""
        answer = come(hand, "https://evil.example/")
        assert answer.headers["location"] == "/console"


class TestOut:
    @pytest.mark.parametrize(
        ("says", "reason"),
        [
            ({"groups": ["staff"]}, "no role here"),
            ({"groups": None}, "no role here"),
            ({"nonce": "another"}, "did not let you in"),
            ({"nonce": None}, "did not let you in"),
            ({"aud": "somebody"}, "did not let you in"),
            ({"iss": "https://elsewhere.example"}, "did not let you in"),
            ({"exp": 1_700_000_000}, "did not let you in"),
            ({"sub": None}, "did not let you in"),
        ],
    )
    def test_what_it_says(
        self, company: Company, their_server: RunningServer, hand: httpx2.Client, says: dict[str, Any], reason: str
    ) -> None:
        """A token that is not for us, not for now, or gives nothing: nobody is let in, and no user is made."""
        before = people(their_server)
        company.says = {"sub": "2002", "name": "Eve"} | says
        answer = come(hand)
        assert answer.status_code == 403
        assert reason in answer.text
        assert hand.get("/console").headers["location"].startswith("/console/sign-in")
        assert people(their_server) == before

    @pytest.mark.parametrize("signs", ["stranger", "HS256"])
    def test_who_signed_it(self, company: Company, hand: httpx2.Client, signs: str) -> None:
        """A token of another key, and one that is signed with what everybody knows."""
        company.signs = signs
        answer = come(hand)
        assert answer.status_code == 403
        assert "did not let you in" in answer.text

    def test_denied(self, company: Company, hand: httpx2.Client) -> None:
        """The company says no."""
        company.denies = True
        answer = come(hand)
        assert "did not let you in" in answer.text

    def test_away(self, company: Company, hand: httpx2.Client) -> None:
        """The company's server fails."""
        company.breaks = 503
        answer = come(hand)
        assert "does not answer" in answer.text

    def test_another_state(self, hand: httpx2.Client) -> None:
        """An answer to what somebody else began, and one without what the browser carried."""
        answer = come(hand, state="forged")
        assert "Try again" in answer.text
        hand.cookies.clear()
        answer = hand.get("/console/sign-in/company/back?code=code-1&state=x")
        assert answer.status_code == 403
        assert "Try again" in answer.text

    def test_a_code_twice(self, hand: httpx2.Client) -> None:
        """What came back once is good once."""
        answer = come(hand)
        again = hand.get(f"/console/sign-in/company/back?{urlencode({'code': 'code-0', 'state': 'x'})}")
        assert answer.status_code == 303
        assert again.status_code == 403

    def test_disabled(self, company: Company, their_server: RunningServer, hand: httpx2.Client) -> None:
        """Whom an admin shut out stays out, whatever the company says."""
        company.says = {"sub": "3003", "name": "Finn"}
        assert come(hand).status_code == 303
        user_id = people(their_server)["Finn"]["userId"]
        their_server.operate("PATCH", f"users/{user_id}", {"disabled": True})
        answer = come(hand)
        assert "not let in here any more" in answer.text

    def test_passwords_work_still(self, browser: Browser, their_server: RunningServer, at_end: ExitStack) -> None:
        """Whoever has a password signs in by it."""
        console = Console(their_server, browser, at_end)
        assert PASSWORD
        console.sign_in("dora")

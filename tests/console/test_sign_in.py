"""Signing in, sessions, and whose pages are whose, in a real browser and by hand-made requests."""

import re

import httpx2
import pytest

from tests.console.conftest import OTHER_SELLER, PASSWORD, Console, examine
from tests.official.running import SELLER

COOKIE = "fieldserve"


def signed_in(console: Console, login: str = "dora") -> httpx2.Client:
    """Somebody who signed in by hand."""
    hand = console.by_hand()
    page = hand.get("/console/sign-in")
    form = {"csrf": csrf_of(page.text), "login": login, "password": PASSWORD, "next": ""}
    answer = hand.post("/console/sign-in", data=form)
    assert answer.status_code == 303, answer.text
    return hand


def csrf_of(html: str) -> str:
    """The token of the page's forms."""
    found = re.search(r'name="csrf" value="([^"]+)"', html)
    assert found is not None
    return found[1]


class TestSignIn:
    def test_anonymous(self, console: Console) -> None:
        """Without a session every page leads to the sign-in, and from there back to itself."""
        page = console.open()
        page.goto(console.address("jobs?q=alpha"))
        assert page.url.startswith(f"{console.server.base}/console/sign-in?next=")
        page.fill("#login", "dora")
        page.fill("#password", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/jobs?q=alpha")
        assert page.input_value("input[name=q]") == "alpha"

    def test_wrong_password(self, console: Console) -> None:
        """What is wrong is told without saying which, to everybody; the name stays in its field."""
        page = console.open(bypass_csp=True)
        page.goto(f"{console.server.base}/console/sign-in")
        page.fill("#login", "carl")
        page.fill("#password", "wrong wrong wrong")
        page.click("button.main")
        assert "wrong" in page.inner_text("[role=alert]")
        assert page.input_value("#login") == "carl"
        examine(page, narrow=True)
        console.complaints.clear()  # the browser's own word on the 403

    def test_sign_out(self, console: Console) -> None:
        """After signing out the pages are shut."""
        page = console.sign_in()
        page.click("text=Sign out")
        page.wait_for_url("**/sign-in")
        page.goto(console.address("today"))
        assert "/sign-in" in page.url

    @pytest.mark.parametrize(
        "wanted", ["https://evil.example/", "//evil.example/", "/operator/v1/events", "/console//evil"]
    )
    def test_leads_nowhere_else(self, console: Console, wanted: str) -> None:
        """Whatever the address says, signing in leads to a page of the console."""
        hand = console.by_hand()
        page = hand.get("/console/sign-in", params={"next": wanted})
        form = {"csrf": csrf_of(page.text), "login": "dora", "password": PASSWORD, "next": wanted}
        assert hand.post("/console/sign-in", data=form).headers["location"] == "/console"

    def test_session_is_new(self, console: Console) -> None:
        """The cookie that somebody had before signing in is not the session's."""
        hand = console.by_hand()
        page = hand.get("/console/sign-in")
        planted = hand.cookies[COOKIE]
        form = {"csrf": csrf_of(page.text), "login": "dora", "password": PASSWORD, "next": ""}
        answer = hand.post("/console/sign-in", data=form)
        assert hand.cookies[COOKIE] != planted
        told = answer.headers["set-cookie"].lower()
        assert "httponly" in told
        assert "samesite=lax" in told


class TestTenancy:
    @pytest.mark.parametrize("path", ["today", "board", "board.json", "jobs", "jobs.csv", "jobs/job-1", "live"])
    def test_other_seller(self, console: Console, path: str) -> None:
        """Another seller's pages are answered exactly as those of one that does not exist."""
        hand = signed_in(console, "zoe")
        mine, none = (hand.get(f"/console/{seller}/{path}") for seller in (SELLER, "A0NONE"))
        assert (mine.status_code, mine.content) == (none.status_code, none.content) == (404, mine.content)

    def test_other_sellers_job(self, console: Console) -> None:
        """A job of another seller is none."""
        job_id = console.server.order()
        hand = signed_in(console, "zoe")
        assert hand.get(f"/console/{OTHER_SELLER}/jobs/{job_id}").status_code == 404

    def test_rights(self, console: Console) -> None:
        """An analyst looks, and changes nothing; the page offers no deed."""
        job_id = console.server.order()
        hand = signed_in(console, "anne")
        shown = hand.get(f"/console/{SELLER}/jobs/{job_id}")
        assert shown.status_code == 200
        assert "Book a time" not in shown.text
        token = csrf_of(hand.get("/console/account").text)
        answer = hand.post(
            f"/console/{SELLER}/jobs/{job_id}/act", data={"csrf": token, "deed": "cancel", "version": "1"}
        )
        assert answer.status_code == 403


class TestForgery:
    def test_without_token(self, console: Console) -> None:
        """A form without its token, with another session's, or from another site is refused, and nothing is done."""
        job_id = console.server.order()
        hand, other = signed_in(console), signed_in(console)
        path = f"/console/{SELLER}/jobs/{job_id}/act"
        deed = {"deed": "cancel", "reason": "V1", "version": "1"}
        right, foreign = csrf_of(hand.get("/console/account").text), csrf_of(other.get("/console/account").text)
        assert hand.post(path, data=deed).status_code == 403
        assert hand.post(path, data={**deed, "csrf": foreign}).status_code == 403
        cross = {"sec-fetch-site": "cross-site"}
        assert hand.post(path, data={**deed, "csrf": right}, headers=cross).status_code == 403
        assert (
            console.server.operate("GET", f"sellers/{SELLER}/jobs/{job_id}")["serviceJobStatus"] == "PENDING_SCHEDULE"
        )

    def test_headers(self, console: Console) -> None:
        """Pages run our scripts alone, stand in nobody's frame, and are kept by no cache."""
        answer = signed_in(console).get(f"/console/{SELLER}/today")
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"


class TestAccount:
    def test_password_and_sessions(self, console: Console) -> None:
        """A new password ends the other sessions; the page says what is wrong with one that will not do."""
        console.server.operate(
            "POST",
            "users",
            {"login": "peter", "name": "Peter", "role": "dispatcher", "sellerId": SELLER, "password": PASSWORD},
        )
        page, other = console.sign_in("peter"), console.sign_in("peter")
        page.click("text=Peter")
        page.fill("#old", PASSWORD)
        page.fill("#new", "another long password")
        page.fill("#again", "a different password")
        page.click("text=Change password")
        assert "differ" in page.inner_text("[role=alert]")
        page.fill("#old", PASSWORD)
        page.fill("#new", "another long password")
        page.fill("#again", "another long password")
        page.click("text=Change password")
        page.wait_for_selector("text=this browser")
        other.reload()
        assert "/sign-in" in other.url
        console.complaints.clear()  # the browser's own word on the 422

    def test_language(self, console: Console) -> None:
        """A reader who prefers German reads German, and can choose."""
        page = console.sign_in(locale="de-DE")
        assert page.get_attribute("html", "lang") == "de"
        page.goto(f"{console.server.base}/console/account")
        page.select_option("#language", "en")
        page.click("#language + button")
        page.wait_for_selector("html[lang=en]")
        page.select_option("#language", "")
        page.click("#language + button")
        page.wait_for_selector("html[lang=de]")

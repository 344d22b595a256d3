"""Applications and what they may do, by mouse and by keyboard; and the API tried in the browser."""

from typing import Any

import httpx2
import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.console.conftest import OTHER_SELLER, Console, examine
from tests.official.running import SELLER, STORE, US

PAGE = "developers/applications"


def add(page: Page, name: str) -> tuple[str, str]:
    """Register an application by mouse; answers its client id and its secret."""
    page.locator("summary", has_text="Add an application").click()
    page.locator("details[open]").get_by_label("Name").fill(name)
    page.locator("details[open] button.main").click()
    expect(page.locator(".once")).to_contain_text(name)
    return page.inner_text("#client"), page.inner_text("#secret")


def let_act(page: Page, name: str) -> str:
    """Let it act for the seller by keyboard; answers its refresh token."""
    page.locator("summary", has_text="Let an application act").focus()
    page.keyboard.press("Enter")
    page.locator("details[open] select").select_option(label=name)
    page.locator("details[open] button.main").focus()
    page.keyboard.press("Enter")
    return page.inner_text("#refresh")


def token(console: Console, client_id: str, secret: str, refresh: str) -> httpx2.Response:
    """What the token endpoint answers."""
    form = {"grant_type": "refresh_token", "client_id": client_id, "client_secret": secret, "refresh_token": refresh}
    return httpx2.post(f"{console.server.base}/auth/o2/token", data=form)


def open_page(console: Console, login: str = "dev", path: str = PAGE) -> Page:
    page = console.sign_in(login, at=path)
    return page


def row(page: Page, table: str, name: str) -> Any:
    """The row of that name in a table."""
    return page.get_by_role("region", name=table).locator("tbody tr", has_text=name)


def test_from_registration_to_the_end(console: Console) -> None:
    """Registered, let act, given another secret, its grant revoked, and disabled: each shows at the token endpoint."""
    page = open_page(console)
    client_id, secret = add(page, "Our planner")
    refresh = let_act(page, "Our planner")
    answer = token(console, client_id, secret, refresh)
    assert answer.status_code == 200
    headers = {"x-amz-access-token": answer.json()["access_token"]}
    jobs = httpx2.get(f"{console.server.base}/service/v1/serviceJobs", params={"marketplaceIds": US}, headers=headers)
    assert jobs.status_code == 400  # let in, and told that dates are missing
    page.goto(console.address(PAGE))
    assert secret not in page.content()  # shown once
    assert refresh not in page.content()
    page.on("dialog", lambda dialog: dialog.accept())
    row(page, "Applications", "Our planner").get_by_role("button", name="New secret").click()
    other = page.inner_text("#secret")
    assert token(console, client_id, secret, refresh).status_code == 401
    assert token(console, client_id, other, refresh).status_code == 200
    page.goto(console.address(PAGE))
    row(page, "What acts for this seller", "Our planner").get_by_role("button", name="Revoke").click()
    expect(row(page, "What acts for this seller", "Our planner")).to_contain_text("revoked")
    assert token(console, client_id, other, refresh).status_code == 400
    row(page, "Applications", "Our planner").get_by_role("button", name="Disable").click()
    expect(row(page, "Applications", "Our planner")).to_contain_text("disabled")
    assert token(console, client_id, other, refresh).status_code == 401


def test_within_its_bounds(console: Console) -> None:
    """Granted for one store of a seller, it is told so in the list."""
    page = open_page(console)
    add(page, "Store planner")
    page.locator("summary", has_text="Let an application act").click()
    page.locator("details[open] select").select_option(label="Store planner")
    page.locator(f'details[open] input[name="storeIds/{STORE}"]').check()
    page.locator("details[open] button.main").click()
    expect(row(page, "What acts for this seller", "Store planner").locator("td").nth(1)).to_have_text("Store")


def test_a_mistake_is_told(console: Console) -> None:
    """An address that a consent must not lead to: said, and what was typed stays."""
    page = open_page(console)
    page.locator("summary", has_text="Add an application").click()
    page.locator("details[open]").get_by_label("Name").fill("Careless")
    page.locator("details[open]").get_by_label("Redirect URIs").fill("http://example.com/back")
    page.locator("details[open] button.main").click()
    expect(page.get_by_role("alert")).to_contain_text("no https URI")
    expect(page.locator("details[open]").get_by_label("Name")).to_have_value("Careless")
    console.complaints.clear()  # the 400


def test_own_alone(console: Console) -> None:
    """A seller's people neither see another seller's applications nor change the operator's, which act for many."""
    mine = open_page(console)
    add(mine, "Ours alone")
    planner = row(mine, "Applications", "Planner").first
    expect(planner).to_contain_text("the operator")
    expect(planner.get_by_role("button")).to_have_count(0)
    theirs = console.open()
    console.give(theirs, "zoe")
    theirs.wait_for_url("**/today")
    theirs.goto(console.address(PAGE, OTHER_SELLER))
    expect(theirs.locator("main")).not_to_contain_text("Ours alone")
    listed = console.server.operate("GET", "applications")["applications"]
    one = next(one for one in listed if one["name"] == "Ours alone")
    assert one["sellerId"] == SELLER
    for deed in ("rotate", "disable"):
        answer = theirs.request.post(
            console.address(f"{PAGE}/{one['applicationId']}/act", OTHER_SELLER),
            form={"deed": deed, "csrf": theirs.get_attribute("body", "data-csrf") or ""},
        )
        assert answer.status == 404
    # Nor does the operator let it act for somebody else.
    refused = console.server.operator.post(
        f"{console.server.base}/operator/v1/sellers/{OTHER_SELLER}/authorizations",
        json={"applicationId": one["applicationId"]},
    )
    assert refused.status_code == 404


def test_the_operator_is_warned(console: Console) -> None:
    """To disable an application of the operator's ends it for every seller: that is said first, and a no is one."""
    page = console.open()
    console.give(page, "ops")
    page.wait_for_load_state()
    page.goto(console.address(PAGE))
    asked: list[str] = []

    def refuse(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", refuse)
    row(page, "Applications", "Planner").first.get_by_role("button", name="Disable").click()
    (warning,) = asked
    assert "for every seller" in warning
    listed = console.server.operate("GET", "applications")["applications"]
    assert all("disabledAt" not in one for one in listed if one["name"] == "Planner")


def test_try_the_api(console: Console) -> None:
    """A token of an own application is put into the explorer, where an operation is carried out with it."""
    page = open_page(console)
    add(page, "Trying")
    let_act(page, "Trying")
    page.goto(console.address("developers/try"))
    page.locator("select[name=authorization]").select_option(
        index=page.locator("option", has_text="Trying").count() - 1
    )
    page.keyboard.press("t")
    expect(page.locator("main")).to_contain_text("good for an hour")
    frame = page.frame_locator("iframe")
    expect(frame.locator("#access-token")).not_to_have_value("")
    value = frame.locator("#access-token").input_value()
    job_id = console.server.order()
    answer = httpx2.get(f"{console.server.base}/service/v1/serviceJobs/{job_id}", headers={"x-amz-access-token": value})
    assert answer.status_code == 200
    assert value not in page.url
    events = console.server.operate("GET", f"events?sellerId={SELLER}&limit=1000")["events"]
    assert "authorization.tried" in {one["kind"] for one in events}


def test_not_in_a_strangers_name(console: Console) -> None:
    """Of the operator's applications, which a seller only let act, its people get no token."""
    page = open_page(console, path="developers/try")
    granted = console.server.operate("GET", f"sellers/{SELLER}/authorizations")["authorizations"]
    planner = granted[0]["authorizationId"]
    assert planner not in page.content()
    csrf = page.get_attribute("body", "data-csrf") or ""
    answer = page.request.post(console.address("developers/try"), form={"authorization": planner, "csrf": csrf})
    assert answer.status == 404


@pytest.mark.parametrize("path", [PAGE, "developers/try"])
def test_who_may(console: Console, path: str) -> None:
    """Neither dispatchers, nor another seller's developers."""
    assert console.sign_in("dora").request.get(console.address(path)).status == 403
    assert console.sign_in("dev").request.get(console.address(path, OTHER_SELLER)).status == 404


@pytest.mark.parametrize("path", [PAGE, "developers/try"])
def test_axe(console: Console, path: str) -> None:
    """Nothing keeps anybody from using it, nor from reading it on a phone."""
    page = console.sign_in("dev", bypass_csp=True, at=path)
    examine(page, narrow=True)

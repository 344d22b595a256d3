"""What all calls of the operator API have in common, and that each is there and guarded."""

from typing import Any

import pytest

from fieldserve.api.operator import CALLS
from fieldserve.store.engine import Unavailable
from fieldserve.wire.operator import OPERATOR_ROUTES
from tests.desk import ON_ONE_DATABASE, Desk, refused
from tests.world import SELLER, US

pytestmark = ON_ONE_DATABASE

SELLERS = "/operator/v1/sellers"


async def test_anonymous(desk: Desk) -> None:
    """Without a key no call says anything but that it needs one, not even whether its path's ids exist."""
    for route in OPERATOR_ROUTES:
        path = route.path.replace("{sellerId}", SELLER)
        refused(await desk.client.request(route.method, path), 401, "operator key is needed")


async def test_too_much_body(desk: Desk) -> None:
    """No call reads a body beyond the limit."""
    content = b"[" * (desk.world.context.settings.body_limit + 1)
    for route in OPERATOR_ROUTES:
        refused(await desk.call(route.method, route.path, content=content), 413, "larger than")


async def test_every_route_does_something(database_url: str) -> None:
    """The table and the calls know the same ids."""
    assert {route.id for route in OPERATOR_ROUTES} == CALLS.keys()


class TestKey:
    async def test_wrong_key(self, desk: Desk) -> None:
        """A key that was never made is refused, and says so in the header that clients look at."""
        answer = await desk.call("GET", SELLERS, headers={"authorization": "Bearer fsk_wrong"})
        refused(answer, 401, "unknown or was revoked")
        assert answer.headers["www-authenticate"] == "Bearer"

    async def test_header(self, desk: Desk) -> None:
        """The key is taken from x-operator-key as well."""
        answer = await desk.client.get(SELLERS, headers={"x-operator-key": desk.key})
        assert answer.status_code == 200

    async def test_access_token(self, desk: Desk) -> None:
        """An application's access token opens nothing here."""
        token = desk.world.tokens[SELLER]
        headers = {"authorization": f"Bearer {token}", "x-amz-access-token": token}
        refused(await desk.client.get(SELLERS, headers=headers), 401, "unknown")

    async def test_revoked(self, desk: Desk) -> None:
        """A revoked key opens nothing any more."""
        assert (await desk.call("DELETE", "/operator/v1/keys/desk")).status_code == 204
        refused(await desk.call("GET", SELLERS), 401, "revoked")


class TestEdge:
    async def test_no_such_path(self, desk: Desk) -> None:
        """An unknown path is 404 in the API's own form, once the key is good."""
        refused(await desk.call("GET", "/operator/v1/nothing"), 404, "GET /operator/v1/nothing")
        refused(await desk.client.get("/operator/v1/nothing"), 401, "needed")

    async def test_no_such_method(self, desk: Desk) -> None:
        """A method that the path does not take is 405 and told which it takes."""
        answer = await desk.call("PUT", SELLERS)
        refused(answer, 405, "it answers GET, POST")
        assert answer.headers["allow"] == "GET, POST"

    async def test_not_json(self, desk: Desk) -> None:
        """Another media type is 415, malformed JSON 400."""
        headers = {"content-type": "text/plain"}
        refused(await desk.call("POST", SELLERS, content=b"{}", headers=headers), 415, "text/plain")
        headers = {"content-type": "application/json"}
        refused(await desk.call("POST", SELLERS, content=b"{", headers=headers), 400, "not valid JSON")

    @pytest.mark.parametrize(
        ("body", "name"),
        [
            ({}, "[name]"),
            ({"name": "S", "marketplaceIds": [US], "nmae": 1}, "[nmae]"),
            ({"name": "S", "marketplaceIds": "x"}, "[marketplaceIds]"),
            ({"name": "S", "marketplaceIds": [1]}, "[marketplaceIds[0]]"),
        ],
    )
    async def test_names_the_field(self, desk: Desk, body: Any, name: str) -> None:
        """A 400 names the field at fault: missing, unknown, or of another type."""
        refused(await desk.call("POST", SELLERS, body), 400, f"Missing or invalid request parameters: {name}")

    async def test_several_parameters(self, desk: Desk) -> None:
        """Faults of parameters are told together; an unknown one is a fault, since it may be a misspelt filter."""
        answer = await desk.call("GET", SELLERS, params={"limit": "0", "stauts": "HOLD"})
        refused(answer, 400, "[limit, stauts]")

    async def test_nothing_is_kept(self, desk: Desk) -> None:
        """Answers carry secrets and personal data; nobody on their way may keep them."""
        assert (await desk.call("GET", SELLERS)).headers["cache-control"] == "no-store"

    async def test_request_id_is_in_the_event(self, desk: Desk) -> None:
        """An event tells which request caused it, and under whose key."""
        answer = await desk.call("PATCH", f"{SELLERS}/{SELLER}", {"name": "Renamed"})
        event = (await desk.events(SELLER))[-1]
        assert event.request_id == answer.headers["x-amzn-requestid"]
        assert event.actor == "operator:desk"

    async def test_database_away(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """A database that is away is 503 and says no more."""

        async def away(*_: Any, **more: Any) -> Any:
            raise Unavailable("connection to db.internal refused")

        monkeypatch.setattr(type(desk.world.context.database), "read", away)
        answer = await desk.call("GET", SELLERS)
        refused(answer, 503, "temporarily unavailable")
        assert "db.internal" not in answer.text

    async def test_defect(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """A defect of the server is 500 and shows nothing of itself."""

        async def broken(_: Any) -> Any:
            raise RuntimeError("a secret detail")

        monkeypatch.setitem(CALLS, "listSellers", broken)
        answer = await desk.call("GET", SELLERS)
        refused(answer, 500, "internal error")
        assert "secret detail" not in answer.text

"""People who use the console, as operators set them up."""

from typing import Any

import pytest

from tests.desk import ON_ONE_DATABASE, Desk, refused
from tests.world import ANN, SELLER

USERS = "/operator/v1/users"


async def made(desk: Desk, **changes: Any) -> dict[str, Any]:
    """A new dispatcher of SELLER, unless the changes say otherwise."""
    body = {"login": "dora@example.com", "name": "Dora", "role": "dispatcher", "sellerId": SELLER, **changes}
    answer = await desk.call("POST", USERS, body)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


class TestCreate:
    async def test_anonymous(self, desk: Desk) -> None:
        """Without a key nobody is added."""
        answer = await desk.client.post(USERS, json={"login": "dora", "name": "Dora", "role": "admin"})
        assert answer.status_code == 401

    async def test_password_is_made_up(self, desk: Desk) -> None:
        """Without a password one of five groups is made up and told once; the log names nobody."""
        told = await made(desk)
        assert [len(part) for part in told["password"].split("-")] == [4] * 5
        assert told["user"]["secondFactor"] is False
        listed = (await desk.call("GET", USERS)).json()["users"]
        assert listed == [told["user"]]
        (event,) = await desk.events(told["user"]["userId"])
        assert (event.kind, event.seller_id) == ("user.created", SELLER)
        assert "dora" not in str(event.after).lower()

    async def test_login_is_taken(self, desk: Desk) -> None:
        """Capitals make no other login."""
        await made(desk)
        body = {"login": "DORA@example.com", "name": "Else", "role": "admin"}
        refused(await desk.call("POST", USERS, body), 409, "dora@example.com")

    async def test_technician(self, desk: Desk) -> None:
        """A technician is one of the seller's."""
        told = await made(desk, role="technician", technicianId=ANN)
        assert told["user"]["technicianId"] == ANN

    @ON_ONE_DATABASE
    @pytest.mark.parametrize(
        ("changes", "name"),
        [
            ({"login": "a b"}, "login"),
            ({"login": "x"}, "login"),
            ({"role": "king"}, "role"),
            ({"password": "short"}, "password"),
            ({"role": "technician"}, "technicianId"),
            ({"technicianId": ANN}, "technicianId"),
            ({"role": "technician", "technicianId": "nobody"}, "technicianId"),
        ],
    )
    async def test_refused(self, desk: Desk, changes: dict[str, Any], name: str) -> None:
        """What a user cannot be is refused with the name of the field."""
        body = {"login": "dora", "name": "Dora", "role": "dispatcher", "sellerId": SELLER, **changes}
        refused(await desk.call("POST", USERS, body), 400, name)

    async def test_no_seller(self, desk: Desk) -> None:
        """Nobody belongs to a seller that does not exist."""
        body = {"login": "dora", "name": "Dora", "role": "dispatcher", "sellerId": "A0NONE"}
        refused(await desk.call("POST", USERS, body), 404, "A0NONE")


class TestUpdate:
    async def test_disable_and_enable(self, desk: Desk) -> None:
        """Who is disabled says when; enabled again, nothing says so."""
        user_id = (await made(desk))["user"]["userId"]
        path = f"{USERS}/{user_id}"
        assert "disabledAt" in (await desk.call("PATCH", path, {"disabled": True})).json()
        assert "disabledAt" not in (await desk.call("PATCH", path, {"disabled": False})).json()

    async def test_role(self, desk: Desk) -> None:
        """Another role is told, and what does not go with it is refused."""
        user_id = (await made(desk))["user"]["userId"]
        path = f"{USERS}/{user_id}"
        assert (await desk.call("PATCH", path, {"role": "analyst", "name": "D."})).json()["role"] == "analyst"
        refused(await desk.call("PATCH", path, {"role": "technician"}), 400, "technicianId")

    async def test_unknown(self, desk: Desk) -> None:
        """Nobody is changed who is not there."""
        refused(await desk.call("PATCH", f"{USERS}/nobody", {"name": "N."}), 404, "nobody")
        refused(await desk.call("POST", f"{USERS}/nobody/password"), 404, "nobody")


class TestList:
    async def test_pages_of_a_seller(self, desk: Desk) -> None:
        """Pages go by login; people of the operator's house belong to no seller."""
        for login in ("b@x", "a@x"):
            await made(desk, login=login)
        first = (await desk.call("GET", USERS, params={"sellerId": SELLER, "limit": 1})).json()
        assert [one["login"] for one in first["users"]] == ["a@x"]
        rest = (await desk.call("GET", USERS, params={"sellerId": SELLER, "after": first["next"]})).json()
        assert [one["login"] for one in rest["users"]] == ["b@x"]
        assert "next" not in rest


class TestPassword:
    async def test_reset(self, desk: Desk) -> None:
        """Each reset makes up another one."""
        told = await made(desk)
        path = f"{USERS}/{told['user']['userId']}/password"
        first, second = [(await desk.call("POST", path)).json()["password"] for _ in range(2)]
        assert len({told["password"], first, second}) == 3

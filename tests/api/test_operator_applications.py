"""Applications, what sellers let them do, sign-in codes and operators' keys, through HTTP."""

from typing import Any

import pytest

from tests.desk import ON_ONE_DATABASE, Desk, refused
from tests.world import CANADA, SELLER, STORE, US

APPLICATIONS = "/operator/v1/applications"


async def application(desk: Desk) -> dict[str, Any]:
    """A new application, with its secret."""
    answer = await desk.call("POST", APPLICATIONS, {"name": "Planner", "redirectUris": ["https://app.example/back"]})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def authorization(desk: Desk, application_id: str, **more: Any) -> dict[str, Any]:
    """A new authorization of SELLER's, with its refresh token."""
    answer = await desk.call("POST", "authorizations", {"applicationId": application_id, **more})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def access_token(desk: Desk, made: dict[str, Any], refresh_token: str) -> Any:
    """What the token endpoint answers to the refresh token."""
    data = {
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
        "client_id": made["application"]["clientId"],
        "client_secret": made["clientSecret"],
    }
    return (await desk.client.post("/auth/o2/token", data=data)).json()


class TestApplications:
    async def test_from_nothing_to_a_job(self, desk: Desk) -> None:
        """What the operator hands out lets the application read its seller's job."""
        job_id = await desk.world.order()
        made = await application(desk)
        granted = await authorization(desk, made["application"]["applicationId"])
        token = (await access_token(desk, made, granted["refreshToken"]))["access_token"]
        answer = await desk.client.get(f"/service/v1/serviceJobs/{job_id}", headers={"x-amz-access-token": token})
        assert answer.json()["payload"]["serviceJobId"] == job_id

    async def test_secret_is_told_once(self, desk: Desk) -> None:
        """The list has the application, and nothing of its secret."""
        made = await application(desk)
        listing = await desk.call("GET", APPLICATIONS)
        assert made["application"] in listing.json()["applications"]
        assert made["clientSecret"] not in listing.text

    async def test_rotate(self, desk: Desk) -> None:
        """After rotation the old secret fails and the new one is good."""
        made = await application(desk)
        application_id = made["application"]["applicationId"]
        granted = await authorization(desk, application_id)
        other = (await desk.call("POST", f"{APPLICATIONS}/{application_id}/secret")).json()
        assert (await access_token(desk, made, granted["refreshToken"]))["error"] == "invalid_client"
        assert "access_token" in await access_token(desk, other, granted["refreshToken"])

    async def test_disable(self, desk: Desk) -> None:
        """A disabled application gets nothing more, and the list tells since when."""
        made = await application(desk)
        application_id = made["application"]["applicationId"]
        assert (await desk.call("POST", f"{APPLICATIONS}/{application_id}/disable")).status_code == 204
        listed = {one["applicationId"]: one for one in (await desk.call("GET", APPLICATIONS)).json()["applications"]}
        assert listed[application_id]["disabledAt"] == "2026-03-02T08:00:00Z"
        refused(await desk.call("POST", f"{APPLICATIONS}/{application_id}/secret"), 409, "is disabled")
        refused(await desk.call("POST", "authorizations", {"applicationId": application_id}), 409, "is disabled")

    async def test_unknown(self, desk: Desk) -> None:
        """An unknown application is 404."""
        for path in ("secret", "disable"):
            refused(await desk.call("POST", f"{APPLICATIONS}/nothing/{path}"), 404, "no application nothing")

    @ON_ONE_DATABASE
    @pytest.mark.parametrize(
        ("changes", "name"),
        [({"name": ""}, "name"), ({"redirectUris": ["http://evil.example"]}, "redirectUris"), ({"x": 1}, "x")],
    )
    async def test_refused(self, desk: Desk, changes: dict[str, Any], name: str) -> None:
        """What an application cannot be is refused with the name of the field."""
        refused(await desk.call("POST", APPLICATIONS, {"name": "App", **changes}), 400, f"[{name}]")


class TestAuthorizations:
    async def test_limits(self, desk: Desk) -> None:
        """Stores and usage plans of an authorization are kept, listed, and told back."""
        made = await application(desk)
        plan = {"getServiceJobs": {"rate": 0.5, "burst": 3}}
        granted = await authorization(
            desk, made["application"]["applicationId"], marketplaceIds=[US], storeIds=[STORE], usagePlan=plan
        )
        told = granted["authorization"]
        assert (told["sellerId"], told["storeIds"], told["usagePlan"]) == (SELLER, [STORE], plan)
        assert told in (await desk.call("GET", "authorizations")).json()["authorizations"]

    async def test_revoke(self, desk: Desk) -> None:
        """A revoked authorization's refresh token is worth nothing."""
        made = await application(desk)
        granted = await authorization(desk, made["application"]["applicationId"])
        path = f"/operator/v1/authorizations/{granted['authorization']['authorizationId']}"
        assert (await desk.call("DELETE", path)).status_code == 204
        assert (await access_token(desk, made, granted["refreshToken"]))["error"] == "invalid_grant"

    async def test_unknown(self, desk: Desk) -> None:
        """Unknown applications, sellers and authorizations are 404."""
        made = await application(desk)
        body = {"applicationId": made["application"]["applicationId"]}
        refused(await desk.call("POST", "authorizations", {"applicationId": "nothing"}), 404, "no application nothing")
        nobody = "/operator/v1/sellers/A0NOBODY/authorizations"
        refused(await desk.call("POST", nobody, body), 404, "no seller A0NOBODY")
        refused(await desk.call("GET", nobody), 404, "no seller A0NOBODY")
        refused(await desk.call("DELETE", "/operator/v1/authorizations/nothing"), 404, "no authorization nothing")

    @ON_ONE_DATABASE
    @pytest.mark.parametrize(
        ("changes", "name"),
        [
            ({"marketplaceIds": [CANADA]}, "marketplaces"),
            ({"roles": ["Pricing"]}, "roles"),
            ({"usagePlan": {"nothing": {"rate": 1, "burst": 1}}}, "usagePlan"),
            ({"usagePlan": {"getServiceJobs": {"rate": 0, "burst": 1}}}, "usagePlan[...].rate"),
        ],
    )
    async def test_refused(self, desk: Desk, changes: dict[str, Any], name: str) -> None:
        """What cannot be granted is refused with its name."""
        made = await application(desk)
        body = {"applicationId": made["application"]["applicationId"], **changes}
        refused(await desk.call("POST", "authorizations", body), 400, f"[{name}]")


class TestSignInCodes:
    async def test_issue(self, desk: Desk) -> None:
        """A seller gets a code that lasts a quarter of an hour; no event has it."""
        answer = await desk.call("POST", "sign-in-codes")
        assert (answer.status_code, answer.json()["expiresIn"]) == (201, 900)
        assert answer.json()["signInCode"] not in str(await desk.events(SELLER))

    async def test_unknown_seller(self, desk: Desk) -> None:
        """Nobody else gets one."""
        refused(await desk.call("POST", "/operator/v1/sellers/A0NOBODY/sign-in-codes"), 404, "no seller A0NOBODY")


class TestKeys:
    async def test_life(self, desk: Desk) -> None:
        """A new key opens the API until it is revoked; the list has its name and never the key."""
        made = await desk.call("POST", "/operator/v1/keys", {"name": "second"})
        assert made.status_code == 201
        key = {"authorization": f"Bearer {made.json()['key']}"}
        listing = await desk.call("GET", "/operator/v1/keys", headers=key)
        assert [one["name"] for one in listing.json()["keys"]] == ["desk", "second"]
        assert made.json()["key"] not in listing.text
        assert (await desk.call("DELETE", "/operator/v1/keys/second")).status_code == 204
        refused(await desk.call("GET", "/operator/v1/keys", headers=key), 401, "revoked")
        listing = await desk.call("GET", "/operator/v1/keys")
        assert [one.get("revokedAt") for one in listing.json()["keys"]] == [None, "2026-03-02T08:00:00Z"]

    @ON_ONE_DATABASE
    async def test_refused(self, desk: Desk) -> None:
        """A name that could not stand in a path is refused."""
        refused(await desk.call("POST", "/operator/v1/keys", {"name": "a/b"}), 400, "[name]")

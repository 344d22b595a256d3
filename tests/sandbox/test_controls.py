"""A dynamic sandbox: its clock, faults, snapshots and beginnings, on both databases."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from fieldserve.app import create_app, opened
from fieldserve.config import Settings
from fieldserve.operations.operator_keys import create_operator_key
from fieldserve.operations.run import Caller, Context
from fieldserve.sandbox.faults import KINDS
from fieldserve.sandbox.scenario import ScenarioFault, read_scenario, scenario_of
from fieldserve.wire.operations import OPERATIONS
from fieldserve.wire.times import parse

US = "ATVPDKIKX0DER"
MONDAY = "2027-03-01T15:00:00Z"  # ten in New York; opening hours repeat from the day on which the sandbox begins


@dataclass
class Place:
    """A sandbox with the small scenario, and somebody who calls it."""

    context: Context
    client: httpx2.AsyncClient

    async def control(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """What a control route answers."""
        answer = await self.client.request(method, f"/sandbox/v1{path}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def token(self) -> str:
        """An access token of the scenario's application."""
        form = {
            "grant_type": "refresh_token",
            "refresh_token": "refreshToken",
            "client_id": "clientId",
            "client_secret": "clientSecret",
        }
        answer = await self.client.post("/auth/o2/token", data=form)
        assert answer.status_code == 200, answer.text
        told: str = answer.json()["access_token"]
        return told

    async def job(self, token: str, job_id: str = "job-1") -> httpx2.Response:
        """The job, as the API answers it."""
        return await self.client.get(f"/service/v1/serviceJobs/{job_id}", headers={"x-amz-access-token": token})

    async def book(self, token: str, start: str, job_id: str = "job-1") -> httpx2.Response:
        """Book the job."""
        path = f"/service/v1/serviceJobs/{job_id}/appointments"
        body = {"appointmentTime": {"startTime": start}}
        return await self.client.post(path, json=body, headers={"x-amz-access-token": token})


@pytest.fixture
async def place(database_url: str, tmp_path: Path) -> AsyncIterator[Place]:
    """A sandbox that has just begun."""
    settings = Settings(
        data=tmp_path / "data", database=database_url, sandbox="dynamic", sandbox_scenario="small", request_log="off"
    )
    async with opened(settings, durable=False) as context:
        app = create_app(context)
        assert app.sandbox is not None
        await app.sandbox.begin()
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=True)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield Place(context, client)
            for name in await app.sandbox.switch.names():
                await app.sandbox.switch.drop(name)


class TestClock:
    async def test_frozen(self, place: Place) -> None:
        """A clock that stands at a time stands there for slots, jobs and all."""
        state = await place.control("POST", "/clock/freeze", {"at": MONDAY})
        assert state["clock"] == {"now": MONDAY, "frozen": True}
        token = await place.token()
        assert (await place.book(token, "2027-03-01T16:00:00Z")).status_code == 422  # two hours' notice
        assert (await place.book(token, "2027-03-01T17:00:00Z")).status_code == 200

    async def test_advance_ends_tokens(self, place: Place) -> None:
        """An hour later the token has expired, though it was made a moment ago."""
        await place.control("POST", "/clock/freeze", {"at": MONDAY})
        token = await place.token()
        await place.control("POST", "/clock/advance", {"minutes": 59, "seconds": 59})
        assert (await place.job(token)).status_code == 200
        await place.control("POST", "/clock/advance", {"seconds": 1})
        assert (await place.job(token)).status_code == 403

    async def test_running(self, place: Place) -> None:
        """A clock that is set goes on; thawed it goes on from where it stood."""
        first = await place.control("POST", "/clock/set", {"at": MONDAY})
        assert not first["clock"]["frozen"]
        await place.control("POST", "/clock/freeze", {"at": "2030-01-01T00:00:00Z"})
        thawed = await place.control("POST", "/clock/thaw")
        assert 0 <= parse(thawed["clock"]["now"]) - parse("2030-01-01T00:00:00Z") < 60_000_000
        assert not thawed["clock"]["frozen"]

    async def test_plans_run_on(self, place: Place) -> None:
        """A clock that stands stops nobody: buckets fill by the machine's clock."""
        await place.control("POST", "/clock/freeze", {"at": MONDAY})
        token = await place.token()
        statuses = {(await place.job(token)).status_code for _ in range(45)}
        assert statuses <= {200, 429}
        await place.control("POST", "/reset", {})
        assert (await place.job(await place.token())).status_code == 200

    @pytest.mark.parametrize(
        ("path", "body"), [("/clock/set", {}), ("/clock/freeze", {"at": "noon"}), ("/clock/advance", {"years": 1})]
    )
    async def test_refused(self, place: Place, path: str, body: Any) -> None:
        """What is no time is refused, and the clock goes as before."""
        told = await place.control("POST", path, body, 400)
        assert told["errors"][0]["code"] == "InvalidInput"


class TestFaults:
    @pytest.mark.parametrize(("kind", "status"), [("429", 429), ("500", 500), ("503", 503), ("expired_token", 403)])
    async def test_answers(self, place: Place, kind: str, status: int) -> None:
        """As many times as asked for, of that operation alone; then all is well."""
        token = await place.token()
        body = {"kind": kind, "operation": "getServiceJobByServiceJobId", "times": 2}
        state = await place.control("POST", "/faults", body)
        assert [one["left"] for one in state["faults"]] == [2]
        assert [(await place.job(token)).status_code for _ in range(3)] == [status, status, 200]
        assert (await place.control("GET", ""))["faults"] == []

    async def test_what_happened(self, place: Place) -> None:
        """The requests that met a fault are told, the newest first, by the sandbox's clock; a return begins anew."""
        token = await place.token()
        await place.control("POST", "/clock/freeze", {"at": MONDAY})
        assert (await place.control("GET", ""))["happened"] == []
        await place.control("POST", "/faults", {"kind": "503", "operation": "getServiceJobByServiceJobId"})
        await place.job(token)
        await place.job(token)  # spared
        await place.control("POST", "/faults", {"kind": "429", "operation": "token"})
        await place.client.post("/auth/o2/token", data={})
        state = await place.control("DELETE", "/faults")
        assert state["happened"] == [
            {"at": MONDAY, "kind": "429", "operation": "token"},
            {"at": MONDAY, "kind": "503", "operation": "getServiceJobByServiceJobId", "sellerId": "A1SELLER"},
        ]
        assert (await place.control("POST", "/reset", {}))["happened"] == []

    async def test_no_more_than_a_hundred(self, place: Place) -> None:
        """A fault that stays for days fills no memory."""
        await place.control("POST", "/faults", {"kind": "503", "operation": "token", "times": None})
        for _ in range(101):
            await place.client.post("/auth/o2/token", data={})
        assert len((await place.control("GET", ""))["happened"]) == 100

    async def test_bare_errors(self, place: Place) -> None:
        """The one operation that answers errors as a bare array does so here, too."""
        await place.control("POST", "/faults", {"kind": "503"})
        path = "/service/v1/serviceJobs/j/appointments/a/fulfillment"
        answer = await place.client.put(path, json={}, headers={"x-amz-access-token": "x"})
        assert answer.json()[0]["code"] == "ServiceUnavailable"

    async def test_token_endpoint(self, place: Place) -> None:
        """The token endpoint fails in its own form."""
        await place.control("POST", "/faults", {"kind": "503", "operation": "token"})
        answer = await place.client.post("/auth/o2/token", data={})
        assert (answer.status_code, answer.json()["error"]) == (503, "server_error")
        await place.token()

    async def test_of_a_seller(self, place: Place) -> None:
        """A fault of one seller spares the others."""
        token = await place.token()
        await place.control("POST", "/faults", {"kind": "503", "sellerId": "A2OTHER", "times": None})
        assert (await place.job(token)).status_code == 200
        await place.control("POST", "/faults", {"kind": "503", "sellerId": "A1SELLER"})
        assert (await place.job(token)).status_code == 503

    async def test_by_chance(self, place: Place) -> None:
        """The same seed draws the same faults: half of thirty, more or less, twice alike."""
        drawn = []
        for _ in range(2):
            await place.control("POST", "/reset", {"seed": 5})
            token = await place.token()
            ask = {"kind": "503", "operation": "getServiceJobByServiceJobId", "times": None, "probability": 0.5}
            await place.control("POST", "/faults", ask)
            drawn.append([(await place.job(token)).status_code for _ in range(30)])
        assert drawn[0] == drawn[1]
        assert 5 < drawn[0].count(503) < 25

    async def test_malformed_and_slow(self, place: Place) -> None:
        """Broken JSON is as long as the answer; a slow request is carried out."""
        token = await place.token()
        await place.control("POST", "/faults", {"kind": "malformed"})
        answer = await place.job(token)
        with pytest.raises(ValueError, match=r"JSON|char|delimiter|Expecting"):
            answer.json()
        await place.control("POST", "/faults", {"kind": "slow", "seconds": 0})
        assert (await place.job(token)).status_code == 200

    async def test_taken_back(self, place: Place) -> None:
        """One fault, or all, are taken back; one that is gone is none."""
        await place.control("POST", "/faults", {"kind": "503"})
        state = await place.control("POST", "/faults", {"kind": "429"})
        first = state["faults"][0]["id"]
        assert len((await place.control("DELETE", f"/faults/{first}"))["faults"]) == 1
        await place.control("DELETE", f"/faults/{first}", status=404)
        assert (await place.control("DELETE", "/faults"))["faults"] == []

    async def test_unknown(self, place: Place) -> None:
        """Kinds and operations that there are not are refused."""
        await place.control("POST", "/faults", {"kind": "fire"}, 400)
        await place.control("POST", "/faults", {"kind": "503", "operation": "getJob"}, 400)
        assert set(KINDS) >= {"429", "503", "timeout", "slow", "expired_token"}


class TestStates:
    async def test_snapshot(self, place: Place) -> None:
        """A state that was kept comes back with its clock; what happened since has not happened."""
        await place.control("POST", "/clock/freeze", {"at": MONDAY})
        token = await place.token()
        await place.control("POST", "/snapshots", {"name": "before"})
        assert (await place.book(token, "2027-03-01T20:00:00Z")).status_code == 200
        await place.control("POST", "/clock/advance", {"days": 1})
        state = await place.control("POST", "/snapshots/before/restore")
        assert state["clock"]["now"] == MONDAY
        assert (await place.job(token)).json()["payload"]["serviceJobStatus"] == "PENDING_SCHEDULE"
        assert (await place.control("DELETE", "/snapshots/before"))["snapshots"] == []

    async def test_unknown(self, place: Place) -> None:
        """A state that was never kept cannot come back, nor go."""
        await place.control("POST", "/snapshots/never/restore", status=404)
        await place.control("DELETE", "/snapshots/never", status=404)
        await place.control("POST", "/snapshots", {"name": "../x"}, 400)

    async def test_same_ids(self, place: Place) -> None:
        """From the same seed the same requests get the same ids; from another seed others."""
        ids = []
        for seed in (5, 5, 6):
            await place.control("POST", "/reset", {"seed": seed})
            await place.control("POST", "/clock/freeze", {"at": MONDAY})
            answer = await place.book(await place.token(), "2027-03-01T20:00:00Z")
            ids.append(answer.json()["appointmentId"])
        assert ids[0] == ids[1] != ids[2]


class TestInstructed:
    async def test_every_operation(self, place: Place) -> None:
        """The next call of an operation answers what the mock of the official tests would, whatever is sent."""
        for operation in OPERATIONS:
            for name in (operation.id, f"services-{operation.id}"):
                told = await place.client.post(f"/response/{name}/code/{operation.success}")
                assert told.status_code == 204
                path = operation.path.replace("{", "").replace("}", "")
                answer = await place.client.request(operation.method, path)
                assert answer.status_code == operation.success
                assert bool(answer.content) == (operation.success != 204)

    async def test_unknown(self, place: Place) -> None:
        """What is no operation, or no status, is refused."""
        assert (await place.client.post("/response/services-getJob/code/200")).status_code == 400
        assert (await place.client.post("/response/getServiceJobs/code/99")).status_code == 400


class TestWhoMay:
    async def test_beyond_loopback(self, tmp_path: Path, migrated_sqlite: Path) -> None:
        """A sandbox that listens everywhere asks for an operator's key, unless it is told to be open."""
        for controls, key_needed in (("local", True), ("open", False)):
            settings = Settings(
                data=tmp_path / controls,
                sandbox="dynamic",
                host="0.0.0.0",  # noqa: S104
                sandbox_controls=controls,  # type: ignore[arg-type]
            )
            async with opened(settings, durable=False) as context:
                key = await create_operator_key(context, Caller("", actor="test"), "desk")
                app = create_app(context)
                transport = httpx2.ASGITransport(app=app, raise_app_exceptions=True)
                async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                    bare = await client.get("/sandbox/v1")
                    shown = await client.get("/sandbox/v1", headers={"authorization": f"Bearer {key}"})
                    reset = await client.post("/sandbox/v1/reset", headers={"authorization": f"Bearer {key}"})
            assert (bare.status_code, shown.status_code) == (403 if key_needed else 200, 200)
            assert reset.status_code == 409  # it began on nothing, and has nothing to return to

    async def test_none_elsewhere(self, tmp_path: Path) -> None:
        """A server that is no sandbox has no such routes."""
        async with opened(Settings(data=tmp_path / "data"), durable=False) as context:
            transport = httpx2.ASGITransport(app=create_app(context), raise_app_exceptions=True)
            async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                assert (await client.get("/sandbox/v1")).status_code == 404
                assert (await client.post("/response/getServiceJobs/code/200")).status_code == 404


class TestScenario:
    def test_small(self) -> None:
        """The one that is there already."""
        scenario = read_scenario("small")
        assert [len(one.orders) for one in scenario.sellers] == [3]

    def test_json(self, tmp_path: Path) -> None:
        """JSON does as well as TOML."""
        path = tmp_path / "world.json"
        path.write_text(
            '{"sellers": [{"name": "S", "marketplaceIds": ["ATVPDKIKX0DER"]}], "now": "2027-03-01T15:00:00Z"}'
        )
        assert read_scenario(str(path)).now == MONDAY

    @pytest.mark.parametrize(
        ("value", "words"),
        [
            ({}, "sellers is required"),
            ({"sellers": []}, "sellers"),
            ({"sellers": [{"name": "S", "marketplaceIds": [US], "shops": []}]}, "shops is no member"),
            ({"sellers": [{"name": "S", "marketplaceIds": [US]}], "now": "today"}, "ISO 8601"),
        ],
    )
    def test_refused(self, value: Any, words: str) -> None:
        """What is wrong is named."""
        with pytest.raises(ScenarioFault, match=words):
            scenario_of(value)

    def test_unreadable(self, tmp_path: Path) -> None:
        """A file that is missing or no TOML says so."""
        with pytest.raises(ScenarioFault, match="cannot be read"):
            read_scenario(str(tmp_path / "none.toml"))
        (tmp_path / "bad.toml").write_text("= 1")
        with pytest.raises(ScenarioFault, match=r"bad\.toml"):
            read_scenario(str(tmp_path / "bad.toml"))

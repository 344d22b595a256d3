"""Operators' commands on a database of their own."""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fieldserve.app import opened
from fieldserve.cli import main
from fieldserve.config import Settings
from fieldserve.operations.recording import Exchange
from tests.world import NOW

SELLER = "APROBE0000001"
US = "ATVPDKIKX0DER"

Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """A command with --json; its answer."""

    def run(*arguments: str) -> Any:
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "--json", "--data", str(tmp_path / "data")])
        told = capsys.readouterr()
        assert not ended.value.code, told.err
        return json.loads(told.out)

    return run


@pytest.fixture
def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """A command that ends with 2; the line that says why."""

    def refused(*arguments: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "--data", str(tmp_path / "data")])
        told = capsys.readouterr()
        assert ended.value.code == 2
        assert "Traceback" not in told.err
        return told.err

    return refused


@pytest.fixture
def shop(run: Run) -> str:
    """A seller with a store, a technician and a service."""
    run("sellers", "add", "Probe Ltd", "--marketplace", US, "--id", SELLER)
    place = ("--time-zone", "America/New_York", "--marketplace", US, "--opens", "08:00", "--closes", "18:00")
    run(
        "stores",
        "add",
        SELLER,
        "Main",
        *place,
        "--id",
        "s1",
        "--capacity",
        "2",
        "--latitude",
        "40",
        "--longitude",
        "-74",
    )
    run("technicians", "add", SELLER, "Jo", *place, "--id", "t1", "--store", "s1", "--skill", "TV", "--day", "MONDAY")
    run("services", "add", SELLER, "B000000001", "A thing", "--minutes", "60", "--skill", "TV")
    return SELLER


class TestSetUp:
    """Sellers, stores, technicians, services."""

    def test_seller(self, run: Run) -> None:
        """A seller is added under a made-up id, listed and shown."""
        added = run("sellers", "add", "Probe Ltd", "--marketplace", US)
        assert added["sellerId"].startswith("A")
        assert run("sellers", "list") == [added]
        assert run("sellers", "show", added["sellerId"]) == added

    def test_store(self, run: Run, shop: str) -> None:
        """A store is listed and shown."""
        store = run("stores", "show", shop, "s1")
        assert (store["schedulingType"], store["latitude"]) == ("REAL_TIME_SCHEDULING", 40.0)
        assert run("stores", "list", shop) == [store]

    def test_technician(self, run: Run, shop: str) -> None:
        """A technician is listed and shown."""
        technician = run("technicians", "show", shop, "t1")
        assert (technician["storeIds"], technician["skills"], technician["registered"]) == (["s1"], ["TV"], True)
        assert run("technicians", "list", shop) == [technician]

    def test_service(self, run: Run, shop: str) -> None:
        """A service is listed and shown."""
        service = run("services", "show", shop, "B000000001")
        assert (service["durationMinutes"], service["noticeMinutes"]) == (60, 120)
        assert run("services", "list", shop) == [service]

    def test_table(self, shop: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """For people a list is a table; how many there are goes to standard error."""
        with pytest.raises(SystemExit) as ended:
            main(["stores", "list", shop, "--data", str(tmp_path / "data")])
        assert not ended.value.code
        told = capsys.readouterr()
        assert told.out.split()[:2] == ["storeId", "name"]
        assert "America/New_York" in told.out
        assert told.err == "1 in all\n"

    def test_table_that_is_cut(self, run: Run, shop: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Where there may be more than is listed, it is not said that it is all."""
        for _ in range(2):
            run("orders", "place", shop, "--store", "s1", "--asin", "B000000001", "--buyer", "Paula")
        with pytest.raises(SystemExit):
            main(["orders", "list", shop, "--limit", "1", "--data", str(tmp_path / "data")])
        assert capsys.readouterr().err == "the first 1; --limit shows more\n"

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (("sellers", "add", "X", "--marketplace", "NOWHERE"), "NOWHERE is no marketplace"),
            (("sellers", "add", "X", "--marketplace", US, "--id", SELLER), f"already a seller {SELLER}"),
            (("sellers", "show", "ANOBODY"), "no seller ANOBODY"),
            (("stores", "list", "ANOBODY"), "no seller ANOBODY"),
            (("stores", "show", SELLER, "s9"), "no store s9"),
            (("stores", "add", SELLER, "X", "--time-zone", "Mars/Base", "--marketplace", US), "Mars/Base"),
            (("stores", "add", SELLER, "X", "--time-zone", "UTC", "--marketplace", US, "--opens", "08:00"), "--closes"),
            (("technicians", "show", SELLER, "t9"), "no technician t9"),
            (("services", "add", SELLER, "B0", "X", "--minutes", "60"), "asin"),
            (("services", "add", SELLER, "B000000002", "X", "--minutes", "0"), "durationMinutes"),
            (("orders", "place", SELLER, "--store", "s9", "--asin", "B000000001", "--buyer", "B"), "no store s9"),
            (("orders", "place", SELLER, "--store", "s1"), "asin"),
            (("orders", "hold", SELLER, "j9"), "j9"),
            (("orders", "list", SELLER, "--limit", "0"), "--limit"),
            (("applications", "authorize", "nothing", SELLER), "nothing"),
            (("applications", "sign-in-code", "ANOBODY"), "ANOBODY"),
            (("keys", "add", ""), "name must have"),
        ],
    )
    def test_refused(self, shop: str, refused: Run, arguments: tuple[str, ...], says: str) -> None:
        """What will not do is told in a line that names it."""
        assert says in refused(*arguments)


class TestOrders:
    """Orders, and what operators do to jobs."""

    def test_life(self, run: Run, refused: Run, shop: str) -> None:
        """An order becomes a job that is held, released and cancelled; not twice."""
        placed = run("orders", "place", shop, "--store", "s1", "--asin", "B000000001", "--buyer", "A B", "--id", "j1")
        assert placed["serviceJobStatus"] == "PENDING_SCHEDULE"
        assert run("orders", "hold", shop, "j1", "--reason", "late")["serviceJobStatus"] == "HOLD"
        assert "HOLD" in refused("orders", "hold", shop, "j1")
        assert run("orders", "release", shop, "j1")["serviceJobStatus"] == "PENDING_SCHEDULE"
        assert run("orders", "cancel", shop, "j1")["serviceJobStatus"] == "CANCELLED"
        assert run("orders", "show", shop, "j1")["serviceJobStatus"] == "CANCELLED"

    @pytest.mark.parametrize(
        ("deed", "status"), [("decline-payment", "PAYMENT_DECLINED"), ("not-fulfillable", "NOT_FULFILLABLE")]
    )
    def test_endings(self, run: Run, shop: str, deed: str, status: str) -> None:
        """The other two ways in which an operator ends a job."""
        run("orders", "place", shop, "--store", "s1", "--asin", "B000000001", "--buyer", "A B", "--id", "j1")
        assert run("orders", deed, shop, "j1")["serviceJobStatus"] == status
        assert [job["serviceJobId"] for job in run("orders", "list", shop, "--status", status)] == ["j1"]
        assert run("orders", "list", shop, "--status", "HOLD") == []

    def test_file(self, run: Run, refused: Run, shop: str, tmp_path: Path) -> None:
        """A whole order comes from a file; options win; what is no order is refused."""
        file = tmp_path / "order.json"
        order = {"storeId": "elsewhere", "asin": "B000000001", "buyer": {"name": "A B"}, "quantity": 3}
        file.write_text(json.dumps(order))
        job_id = run("orders", "place", shop, "--file", str(file), "--store", "s1")["serviceJobId"]
        assert run("orders", "show", shop, job_id)["scopeOfWork"]["quantity"] == 3
        for content, says in (("{", "is not JSON"), ("[]", "no order"), ('{"asin": 1}', "asin"), ('{"x": 1}', "x")):
            file.write_text(content)
            assert says in refused("orders", "place", shop, "--file", str(file))


class TestAccess:
    """Applications and keys: secrets are told once."""

    def test_application(self, run: Run, shop: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Registered, authorized, given a new secret, revoked and disabled; no listing shows a secret."""
        made = run("applications", "add", "App", "--redirect-uri", "https://app.example/done")
        application = made["applicationId"]
        assert made["clientSecret"].startswith("amzn1.oa2-cs.v1.")
        granted = run("applications", "authorize", application, shop, "--store", "s1")
        assert granted["refreshToken"].startswith("Atzr|")
        assert (granted["marketplaceIds"], granted["storeIds"]) == ([US], ["s1"])
        assert run("applications", "rotate-secret", application)["clientSecret"] != made["clientSecret"]
        listed = run("applications", "authorizations", shop)
        assert [(one["authorizationId"], one["revoked"]) for one in listed] == [(granted["authorizationId"], False)]
        run("applications", "revoke", granted["authorizationId"])
        assert run("applications", "authorizations", shop)[0]["revoked"]
        run("applications", "disable", application)
        (shown,) = run("applications", "list")
        assert shown["disabled"]
        assert not shown.keys() & {"clientSecret", "secretHash"}
        assert len(run("applications", "sign-in-code", shop)["signInCode"]) > 20

    def test_key(self, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A key goes to standard output, the advice about it to standard error; it can be revoked."""
        with pytest.raises(SystemExit) as ended:
            main(["keys", "add", "night shift", "--data", str(tmp_path / "data")])
        assert not ended.value.code
        told = capsys.readouterr()
        key = told.out.split()[-1]
        assert key.startswith("fsk_")
        assert "once" in told.err
        assert key not in told.err
        assert [(one["name"], one["revoked"]) for one in run("keys", "list")] == [("night shift", False)]
        run("keys", "revoke", "night shift")
        assert run("keys", "list")[0]["revoked"]
        for file in filter(Path.is_file, (tmp_path / "data").rglob("*")):
            assert key.encode() not in file.read_bytes(), file.name

    def test_data_is_private(self, run: Run, tmp_path: Path) -> None:
        """The master key that a first command makes is for its owner only."""
        run("keys", "list")
        assert os.stat(tmp_path / "data" / "master.key").st_mode & 0o777 == 0o600


class TestWebhooks:
    """Where events go."""

    def test_life(self, run: Run, shop: str, refused: Run) -> None:
        """A webhook is added, shown, changed, stopped, started, given another secret, tried and removed."""
        url = "https://example.com/hook"
        added = run("webhooks", "add", shop, url, "--event", "job.cancelled", "--payload", "JOB")
        one = added["webhookId"]
        assert added["secret"].startswith("whsec_")
        (listed,) = run("webhooks", "list", shop)
        assert (listed["url"], listed["eventTypes"], listed["payload"]) == (url, ["job.cancelled"], "JOB")
        assert run("webhooks", "show", shop, one) == listed
        assert run("webhooks", "update", shop, one, "--disable")["disabledReason"] == "an operator disabled it"
        assert "is disabled" in refused("webhooks", "ping", shop, one)
        assert run("webhooks", "update", shop, one, "--enable", "--description", "x")["enabled"] is True
        assert run("webhooks", "rotate", shop, one)["secret"] != added["secret"]
        ping = run("webhooks", "ping", shop, one)
        assert (ping["type"], ping["state"]) == ("webhook.ping", "WAITING")
        run("webhooks", "update", shop, one, "--disable")
        (dead,) = run("webhooks", "deliveries", shop, one, "--state", "DEAD")
        run("webhooks", "update", shop, one, "--enable")
        assert run("webhooks", "redeliver", shop, one) == {"deliveries": 1}
        assert run("webhooks", "redeliver", shop, one, str(dead["sequence"]))["state"] == "WAITING"
        assert run("webhooks", "remove", shop, one)["removed"] is True
        assert run("webhooks", "list", shop) == []
        assert "No webhook exists" in refused("webhooks", "show", shop, one)


class TestRequests:
    """The request log, of a server that has answered nothing yet."""

    def test_empty(self, run: Run, refused: Run) -> None:
        """There is nothing to list and nothing to find; a filter that will not do is told in a line."""
        assert run("requests", "list", "--status", "4xx", "--findings") == []
        assert run("requests", "lint", "--fail") == {"requests": 0, "codes": {}, "findings": []}
        assert "No request none" in refused("requests", "show", "none")
        assert "No request none" in refused("requests", "replay", "none")
        assert "status must match" in refused("requests", "list", "--status", "many")

    def test_text(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A request is listed, shown with its findings, linted and replayed as text."""
        query = b"createdAfter=2026-01-01T00:00:00"
        path = "/service/v1/serviceJobs"
        exchange = Exchange(NOW, "id-1", "getServiceJobs", "GET", path, query, (), b"", 400, b"{}", 0.001)

        async def keep() -> None:
            async with opened(Settings(data=tmp_path / "data", request_log="full"), durable=False) as context:
                context.recording.add(exchange)

        asyncio.run(keep())

        def say(*arguments: str) -> str:
            with pytest.raises(SystemExit) as ended:
                main(["requests", *arguments, "--data", str(tmp_path / "data")])
            assert ended.value.code == int("--fail" in arguments)
            return capsys.readouterr().out

        assert "getServiceJobs" in say("list")
        assert "error   missing  query/marketplaceIds: marketplaceIds is required" in say("show", "id-1")
        told = say("lint", "--fail")
        assert "warning no-zone  query/createdAfter" in told
        assert "send 2026-01-01T00:00:00Z" in told
        assert say("replay", "id-1").startswith("curl ")
        assert "api.get_service_jobs(" in say("replay", "id-1", "--as", "python")

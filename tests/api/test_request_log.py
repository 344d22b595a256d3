"""The request log: what is kept, what never is, and how it is found again."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from fieldserve.operations.recording import Exchange
from fieldserve.operations.request_log import purge_requests, record, write_requests
from fieldserve.store.engine import Database
from fieldserve.wire.jobs import (
    Address,
    AssociatedItem,
    Buyer,
    GetServiceJobByServiceJobIdResponse,
    LinkedAsset,
    ServiceJob,
    ServiceLocation,
)
from fieldserve.wire.request_log import UNKNOWN_PATH
from tests.desk import ON_ONE_DATABASE, Desk, a_desk, refused
from tests.world import NOW, SELLER, US, a_world

DAY = 86_400_000_000
REQUESTS = "/operator/v1/requests"


@pytest.fixture(params=["full"])
async def log(database: Database, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    """A desk in a world whose requests are recorded; parametrized by the setting."""
    async with a_world(database, tmp_path / "data", request_log=request.param) as world, a_desk(world) as desk:
        yield desk


async def ask(desk: Desk, method: str, path: str, **more: Any) -> httpx2.Response:
    """A request of the seller's application, written into the log."""
    headers = {"x-amz-access-token": desk.world.tokens[SELLER], "user-agent": "Probe/1 (Language=Python)"}
    answer = await desk.client.request(method, path, headers=headers | more.pop("headers", {}), **more)
    await write_requests(desk.world.context)
    return answer


async def found(desk: Desk, **asked: Any) -> list[dict[str, Any]]:
    """The requests that the operator API lists."""
    answer = await desk.call("GET", REQUESTS, params=asked)
    assert answer.status_code == 200, answer.text
    requests: list[dict[str, Any]] = answer.json()["requests"]
    return requests


class TestKept:
    """What is in the log."""

    async def test_a_read(self, log: Desk) -> None:
        """Who asked what, how it was answered, and by which plan; without the token and the buyer."""
        job = await log.world.order("job-1")
        answer = await ask(log, "GET", f"/service/v1/serviceJobs/{job}", headers={"authorization": "Bearer Atza|x"})
        (one,) = await found(log)
        assert one["requestId"] == answer.headers["x-amzn-requestid"]
        assert (one["operationId"], one["status"], one["sellerId"]) == ("getServiceJobByServiceJobId", 200, SELLER)
        assert (one["serviceJobId"], one["rate"], one["burst"]) == (job, 1000, 10000)
        assert one["headers"]["x-amz-access-token"] == "…"
        assert one["headers"]["authorization"] == "Bearer …"
        payload = one["answer"]["payload"]
        assert payload["buyer"] == {"buyerId": "A1BUYER", "name": "…", "phone": "…", "isPrimeMember": True}
        assert payload["serviceLocation"]["address"]["addressLine1"] == "…"
        shown = await log.call("GET", f"{REQUESTS}/{one['requestId']}")
        assert shown.json() == one

    async def test_a_write(self, log: Desk) -> None:
        """Its body is kept as far as the operation knows its members, and lint says what of it is wrong."""
        job = await log.world.order("job-1")
        body = {"appointmentTime": {"startTime": "2026-03-03T09:00:00-05:00"}, "note": "Pat Doe, 1 Main St"}
        answer = await ask(log, "POST", f"/service/v1/serviceJobs/{job}/appointments", json=body)
        assert answer.status_code == 422
        (one,) = await found(log)
        assert one["body"] == {"appointmentTime": {"startTime": "2026-03-03T09:00:00-05:00"}, "note": "…"}
        assert [finding["code"] for finding in one["findings"]] == ["unknown-member", "not-utc"]

    async def test_a_token(self, log: Desk) -> None:
        """Of the token endpoint's form and answer no secret is kept."""
        form = {"grant_type": "refresh_token", "client_id": "c", "client_secret": "s3cret", "refresh_token": "Atzr|abc"}
        await ask(log, "POST", "/auth/o2/token", data=form)
        (one,) = await found(log, operationId="token")
        assert one["status"] == 401
        assert one["body"] == form | {"client_secret": "…", "refresh_token": "…"}

    async def test_an_upload_destination(self, log: Desk) -> None:
        """The signed URL, the key and its vector are secrets."""
        body = {"contentType": "PNG", "contentLength": 5, "contentMD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}
        answer = await ask(log, "POST", "/service/v1/documents", json=body)
        told = answer.json()["payload"]
        (one,) = await found(log)
        assert one["answer"]["payload"]["uploadDestinationId"] == told["uploadDestinationId"]
        text = msgspec.json.encode(one).decode()
        for secret in (
            told["url"],
            told["encryptionDetails"]["key"],
            told["encryptionDetails"]["initializationVector"],
        ):
            assert secret not in text

    @ON_ONE_DATABASE
    async def test_an_unknown_path(self, log: Desk) -> None:
        """A path that is none of the API's is kept by the words that it shares with those that are."""
        await ask(log, "GET", "/service/v1/serviceJob/Atza|secret/appointments")
        (one,) = await found(log, operationId=UNKNOWN_PATH)
        assert one["path"] == "/service/v1/{…}/{…}/appointments"
        assert one["findings"][0]["code"] == "unknown-path"

    @ON_ONE_DATABASE
    async def test_what_is_no_json(self, log: Desk) -> None:
        """A body that cannot be masked is not kept; that there was one, and why it is not there, is."""
        job = await log.world.order("job-1")
        path = f"/service/v1/serviceJobs/{job}/appointments"
        await ask(log, "POST", path, content=b"Pat Doe {", headers={"content-type": "application/json"})
        (one,) = await found(log)
        assert one["bodyFault"] == "it is not valid JSON: DecodeError"
        assert "Pat" not in msgspec.json.encode(one).decode().replace("Path", "")

    @ON_ONE_DATABASE
    @pytest.mark.parametrize("log", ["metadata"], indirect=True)
    async def test_metadata(self, log: Desk) -> None:
        """Metadata are who asked what and how that ended, and nothing of what was said."""
        job = await log.world.order("job-1")
        await ask(log, "GET", f"/service/v1/serviceJobs/{job}")
        (one,) = await found(log)
        assert one.keys() == {
            *("sequence", "requestId", "at", "operationId", "method", "path", "status", "milliseconds"),
            *("sellerId", "applicationId", "serviceJobId", "rate", "burst"),
        }

    @ON_ONE_DATABASE
    @pytest.mark.parametrize("log", ["off", "auto"], indirect=True)
    async def test_off(self, log: Desk) -> None:
        """Off, and by default outside of a sandbox, nothing is kept."""
        job = await log.world.order("job-1")
        await ask(log, "GET", f"/service/v1/serviceJobs/{job}")
        assert await found(log) == []

    def test_nobody_is_named(self) -> None:
        """Whatever a job tells of its buyer is gone: what the privacy purge would erase is never there."""
        job = ServiceJob(
            buyer=Buyer("A1", "secret-1", "secret-2"),
            service_location=ServiceLocation("IN_HOME", Address(*[f"secret-{n}" for n in range(3, 13)])),
            associated_items=[AssociatedItem(linked_assets=[LinkedAsset("CAR", "secret-13", {"plate": "secret-14"})])],
        )
        answer = msgspec.json.encode(GetServiceJobByServiceJobIdResponse(job))
        path = "/service/v1/serviceJobs/j"
        exchange = Exchange(NOW, "id", "getServiceJobByServiceJobId", "GET", path, b"", (), b"", 200, answer, 0.001)
        kept = msgspec.json.encode(record(exchange)).decode()
        assert "A1" in kept
        assert "secret" not in kept
        assert "secret" not in repr(exchange)


class TestFound:
    """Searching, and what is forgotten."""

    async def test_filters(self, log: Desk) -> None:
        """Each filter finds what it is for, alone and together; pages lead to all, each once."""
        job = await log.world.order("job-1")
        await ask(log, "GET", f"/service/v1/serviceJobs/{job}")
        await ask(log, "GET", "/service/v1/serviceJobs/job-2")
        await ask(log, "GET", "/service/v1/serviceJobs", params={"marketplaceIds": US, "pageSize": "100%_!"})
        log.world.clock.advance(DAY)
        await ask(log, "GET", f"/service/v1/serviceJobs/{job}", headers={"x-amz-access-token": "Atza|none"})
        application = (await found(log, status="200"))[0]["applicationId"]
        for asked, statuses in (
            ({"sellerId": SELLER}, [400, 404, 200]),
            ({"applicationId": application}, [400, 404, 200]),
            ({"operationId": "getServiceJobs"}, [400]),
            ({"serviceJobId": job}, [403, 200]),
            ({"status": "4xx"}, [403, 400, 404]),
            ({"status": "403"}, [403]),
            ({"text": "JOB-2"}, [404]),
            ({"text": "100%_!"}, []),  # in the query it is percent-encoded
            ({"text": "%"}, [400]),
            ({"text": "e_v1"}, []),  # which matches e/v1 where _ stands for any character
            ({"findings": "false"}, [200]),
            ({"findings": "true", "status": "404"}, [404]),
            ({"since": "2026-03-03T00:00:00Z"}, [403]),
            ({"until": "2026-03-03T00:00:00Z", "serviceJobId": job}, [200]),
        ):
            assert [one["status"] for one in await found(log, **asked)] == statuses, asked
        first = (await log.call("GET", REQUESTS, params={"limit": 3})).json()
        second = (await log.call("GET", REQUESTS, params={"limit": 3, "before": first["next"]})).json()
        assert [one["status"] for one in (*first["requests"], *second["requests"])] == [403, 400, 404, 200]
        assert "next" not in second

    async def test_forgotten(self, log: Desk) -> None:
        """Requests go when they are older than seven days."""
        await ask(log, "GET", "/service/v1/serviceJobs/job-1")
        log.world.clock.advance(7 * DAY)
        await purge_requests(log.world.context)
        assert len(await found(log)) == 1
        log.world.clock.advance(1)
        await purge_requests(log.world.context)
        assert await found(log) == []

    async def test_the_most(self, database: Database, tmp_path: Path) -> None:
        """No more are kept than the setting says, and those are the newest."""
        settings = {"request_log": "full", "request_log_most": 2}
        async with a_world(database, tmp_path / "data", **settings) as world, a_desk(world) as desk:
            for number in range(4):
                await ask(desk, "GET", f"/service/v1/serviceJobs/job-{number}")
            assert [one["serviceJobId"] for one in await found(desk)] == ["job-3", "job-2"]

    @ON_ONE_DATABASE
    async def test_refused(self, log: Desk) -> None:
        """A filter that will not do is refused, and so is a request that the log does not have."""
        refused(await log.call("GET", REQUESTS, params={"since": "yesterday"}), 400, "since is not a valid")
        refused(await log.call("GET", REQUESTS, params={"operationId": "getJob"}), 400, "must be one of")
        refused(await log.call("GET", REQUESTS, params={"status": "4x"}), 400, "status must match")
        refused(await log.call("GET", f"{REQUESTS}/none"), 404, "No request none")
        refused(await log.call("GET", f"{REQUESTS}/none/replay"), 404, "No request none")


class TestLint:
    """Findings over many requests."""

    async def test_report(self, log: Desk) -> None:
        """The same finding of several requests is told once, with all of them; errors come first."""
        for number in range(2):
            await ask(log, "GET", "/service/v1/serviceJobs", params={"marketplaceIds": US, "pageSize": number + 1})
        report = (await log.call("GET", "/operator/v1/lint")).json()
        assert report["requests"] == 2
        assert report["codes"] == {"created-or-updated": 2}
        (one,) = report["findings"]
        assert (one["severity"], one["place"], len(one["requestIds"])) == ("error", "query/createdAfter", 2)

    @ON_ONE_DATABASE
    async def test_tolerated(self, database: Database, tmp_path: Path) -> None:
        """What `compat = tolerant` takes as it is meant is a finding in the same words as its warning."""
        settings = {"request_log": "full", "compat": "tolerant"}
        async with a_world(database, tmp_path / "data", **settings) as world, a_desk(world) as desk:
            job = await world.order("job-1")
            body = {"cancellationReasonCode": "V1"}
            answer = await ask(desk, "PUT", f"/service/v1/serviceJobs/{job}/cancellations", json=body)
            assert answer.status_code == 200
            (one,) = (await found(desk))[0]["findings"]
            assert (one["code"], one["place"]) == ("parameter-in-body", "body/cancellationReasonCode")
            advice = "as the query parameter cancellationReasonCode, not as cancellationReasonCode in the body"
            assert one["message"] == f"send cancellationReasonCode {advice}"

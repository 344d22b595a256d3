"""What the edge promises whatever the operation: headers, unknown paths and methods, and the whole server's answers."""

import logging
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from fieldserve.api.edge import Edge
from fieldserve.api.endpoints import ENDPOINTS
from fieldserve.api.usage_plans import UsagePlans
from fieldserve.app import create_app
from fieldserve.wire.operations import BY_ID, OPERATIONS, Operation
from tests.promises import RATE_LIMIT
from tests.scene import IDS, Scene
from tests.world import SELLER, World, client_of

EACH = [pytest.param(operation, id=operation.id) for operation in OPERATIONS]


@pytest.fixture(scope="module")
def scene(shared_world: World) -> Scene:
    return Scene(shared_world)


@pytest.fixture
async def server(shared_world: World) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the whole server, not of the 17 operations alone. It sends nobody's token."""
    transport = httpx2.ASGITransport(app=create_app(shared_world.context), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


class TestRateLimit:
    @pytest.mark.parametrize("operation", EACH)
    async def test_of_the_table(self, scene: Scene, operation: Operation) -> None:
        """A success and a 400 tell the rate of the table; a 403 and a 429 tell none."""
        ask = await scene.ask(operation.id)
        token = await scene.world.token()
        ok = await scene.send(ask, headers={"x-amz-access-token": token})
        assert (ok.status_code, ok.headers[RATE_LIMIT]) == (operation.success, str(float(operation.rate)))
        if operation.body is not None:
            wrong = await scene.send(ask, content=b"{", headers={"x-amz-access-token": token})
            assert (wrong.status_code, wrong.headers[RATE_LIMIT]) == (400, str(float(operation.rate)))
        refused = await scene.send(ask, headers={"x-amz-access-token": "Atza|nobody"})
        assert (refused.status_code, RATE_LIMIT in refused.headers) == (403, False)

    @pytest.mark.parametrize("operation", EACH)
    async def test_burst_of_the_table(self, scene: Scene, operation: Operation) -> None:
        """Exactly the burst passes at once; then a 429 without a rate; after 1 / rate seconds one more passes."""
        world = scene.world
        token = await world.token()
        path = operation.path.replace("{", "").replace("}", "")

        async def call() -> httpx2.Response:
            # What is at fault counts, too, and costs no time here.
            headers = {"x-amz-access-token": token}
            return await world.client.request(operation.method, path, headers=headers, content=b"{")

        statuses = [(await call()).status_code for _ in range(operation.burst)]
        assert 429 not in statuses
        refused = await call()
        assert (refused.status_code, RATE_LIMIT in refused.headers) == (429, False)
        now = world.clock.instant
        world.clock.advance(round(1_000_000 / operation.rate))
        assert [(await call()).status_code == 429 for _ in range(2)] == [False, True]
        world.clock.instant = now

    async def test_of_the_authorization(self, scene: Scene) -> None:
        """An authorization with a plan of its own is told that one, on refusals as well."""
        headers = {"x-amz-access-token": await scene.world.token(usage_plan={"getServiceJobs": (2.5, 10)})}
        ask = await scene.ask("getServiceJobs")
        assert (await scene.send(ask, headers=headers)).headers[RATE_LIMIT] == "2.5"
        refused = await scene.send(ask.but(query={"createdAfter": None}), headers=headers)
        assert (refused.status_code, refused.headers[RATE_LIMIT]) == (400, "2.5")


class TestPaths:
    @pytest.mark.parametrize(
        "path",
        [
            "/service/",
            "/service/v1",
            "/service/v1/nothing",
            "/service/v2/serviceJobs",
            "/service/v1/serviceJobs/j/",
            "/service/v1/serviceJobs/j/appointments/a/b",
            "/service/v1/serviceJobs/a%2Fb",
        ],
    )
    async def test_unknown(self, server: httpx2.AsyncClient, path: str) -> None:
        """A path that is none is a 404 that names it."""
        answer = await server.get(path)
        (fault,) = answer.json()["errors"]
        assert (answer.status_code, fault["code"]) == (404, "NotFound")
        assert fault["message"] == f"No operation answers GET {path.replace('%2F', '/')}."

    @pytest.mark.parametrize("operation", EACH)
    @pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
    async def test_other_methods(self, server: httpx2.AsyncClient, operation: Operation, method: str) -> None:
        """A method that the path does not take is a 405 that names those it does, without asking who calls."""
        path = operation.path.replace("{", "").replace("}", "")
        taken = {one.method for one in OPERATIONS if one.path == operation.path}
        answer = await server.request(method, path)
        if method in taken:
            assert answer.status_code == 403
            return
        assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (405, taken)
        assert method == "HEAD" or answer.json()["errors"][0]["code"] == "MethodNotAllowed"

    @pytest.mark.parametrize(
        ("method", "path"), [("GET", "/"), ("GET", "/favicon.ico"), ("POST", "/auth"), ("GET", "/x/y")]
    )
    async def test_unknown_elsewhere(self, server: httpx2.AsyncClient, method: str, path: str) -> None:
        """Outside the operations a path that is none is answered in the same words."""
        answer = await server.request(method, path)
        assert answer.status_code == 404
        message = f"No operation answers {method} {path}."
        assert answer.json() == {"errors": [{"code": "NotFound", "message": message}]}
        uuid.UUID(answer.headers["x-amzn-requestid"])

    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [
            ("GET", "/auth/o2/token", {"POST"}),
            ("POST", "/openapi.json", {"GET", "HEAD"}),
            ("GET", "/uploads/x", {"PUT"}),
        ],
    )
    async def test_other_methods_elsewhere(
        self, server: httpx2.AsyncClient, method: str, path: str, allowed: set[str]
    ) -> None:
        """So is a method that a path does not take."""
        answer = await server.request(method, path)
        assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (405, allowed)
        assert answer.json()["errors"][0]["code"] == "MethodNotAllowed"
        uuid.UUID(answer.headers["x-amzn-requestid"])

    async def test_defect_elsewhere(self, server: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
        """A defect outside the operations is a 500 in JSON that tells nothing of it."""

        async def fail(*args: Any) -> Any:
            raise ZeroDivisionError("a secret")

        monkeypatch.setattr("fieldserve.api.health.read", fail)
        answer = await server.get("/readyz")
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (500, "InternalFailure")
        assert "secret" not in answer.text


class TestRequestId:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/healthz"),
            ("GET", "/readyz"),
            ("GET", "/openapi.json"),
            ("GET", "/docs"),
            ("POST", "/auth/o2/token"),
            ("POST", "/tokens/2021-03-01/restrictedDataToken"),
            ("GET", "/apps/authorize/consent"),
            ("PUT", "/uploads/x"),
            ("GET", "/operator/v1/sellers"),
            ("GET", "/service/v1/serviceJobs"),
        ],
    )
    async def test_everywhere(self, server: httpx2.AsyncClient, method: str, path: str) -> None:
        """Every answer of the server has a request id, a new one each time, and exactly one."""
        ids = []
        for _ in range(2):
            answer = await server.request(method, path)
            (request_id,) = answer.headers.get_list("x-amzn-requestid")
            ids.append(uuid.UUID(request_id))
        assert ids[0] != ids[1]


class TestBareErrors:
    @pytest.mark.parametrize("id", IDS)
    async def test_bare(self, scene: Scene, id: str) -> None:
        """setAppointmentFulfillmentData alone answers its errors as a bare array."""
        answer = await scene.send(await scene.ask(id), headers={"x-amz-access-token": ""})
        assert isinstance(answer.json(), list) == (id == "setAppointmentFulfillmentData")


class TestBody:
    async def test_broken_off(self, scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
        """A caller who hangs up while sending is no defect of the server."""
        ask = await scene.ask("createReservation")
        edge = Edge(scene.world.context, ENDPOINTS, UsagePlans(scene.world.clock))
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        token = scene.world.tokens[SELLER].encode()
        headers = [(b"x-amz-access-token", token), (b"content-length", b"100")]
        scope = {"type": "http", "method": "POST", "path": ask.url, "query_string": b"", "headers": headers}
        with caplog.at_level(logging.ERROR):
            await edge(scope, receive, send)
        assert [one.message for one in caplog.records] == []
        assert sent[0]["status"] == 400

    @pytest.mark.parametrize("length", ["-1", "x", "1e3", "²", "99999999999999999999"])
    async def test_length_that_is_none(self, scene: Scene, length: str) -> None:
        """A Content-Length that is no number, or a huge one, is refused before a byte is read."""
        ask = await scene.ask("getServiceJobs")
        headers = {"content-length": length.encode(), "x-amz-access-token": scene.world.tokens[SELLER].encode()}
        assert (await scene.send(ask, headers=headers)).status_code == 413

    async def test_limit(self, scene: Scene) -> None:
        """A body of exactly the limit is read, announced or not; one byte more is not."""
        settings = replace(scene.world.context.settings, body_limit=1_000)
        context = replace(scene.world.context, settings=settings)
        ask = await scene.ask("createServiceDocumentUploadDestination")
        headers = {"x-amz-access-token": scene.world.tokens[SELLER], "content-type": "application/json"}

        async def stream(size: int) -> AsyncIterator[bytes]:
            for _ in range(size):
                yield b" "

        async with client_of(Edge(context, ENDPOINTS, UsagePlans(scene.world.clock))) as client:
            for size, status in ((1_000, 400), (1_001, 413)):
                assert (await client.post(ask.url, content=b" " * size, headers=headers)).status_code == status
                assert (await client.post(ask.url, content=stream(size), headers=headers)).status_code == status


def test_table() -> None:
    """Every operation of the table has an endpoint, and nothing else has."""
    assert set(ENDPOINTS) == set(BY_ID) == set(IDS)
    assert len(OPERATIONS) == 17

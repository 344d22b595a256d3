"""Tokens: fetched once for everybody, renewed in time, and never asked for in vain."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from fieldserve.client import (
    AsyncServices,
    AuthorizationError,
    SellingApiConnectionException,
    SellingApiForbiddenException,
    Services,
)
from tests.client.calling import TOKENS, FakeClock, Recorder, connect, credentials, settle, token_answer


class TestOnce:
    """64 threads and 64 tasks, one call."""

    async def test_threads_and_tasks(self) -> None:
        """All that share credentials wait for one fetch, whatever client they use."""
        calls, shared = [], credentials()

        def slowly(request: httpx2.Request) -> httpx2.Response:
            if str(request.url) == TOKENS:
                calls.append(threading.get_ident())
                time.sleep(0.3)
                return token_answer()
            return httpx2.Response(200, json={"payload": {}})

        def in_thread() -> str:
            return connect(Services, slowly, credentials=shared)._auth.get_auth().access_token  # type: ignore[no-any-return]

        async def in_task() -> str:
            return (await connect(AsyncServices, slowly, credentials=shared)._auth.get_auth()).access_token  # type: ignore[no-any-return]

        with ThreadPoolExecutor(64) as pool:
            loop = asyncio.get_running_loop()
            threads = [loop.run_in_executor(pool, in_thread) for _ in range(64)]
            tokens = await asyncio.gather(*threads, *(in_task() for _ in range(64)))
        assert tokens == ["Atza|token"] * 128
        assert len(calls) == 1

    async def test_expired(self, kind: Any) -> None:
        """The same once a token has expired: the next 64 bring one more call."""
        clock, recorder = FakeClock(), Recorder(lambda _: httpx2.Response(200, json={"payload": {}}))
        services = connect(kind, recorder, clock)
        await settle(services.get_service_job_by_service_job_id("j"))
        clock.time += 3601
        for _ in range(8):
            await settle(services.get_service_job_by_service_job_id("j"))
        assert recorder.tokens == 2
        assert [one.headers["x-amz-access-token"] for one in recorder.requests] == [
            "Atza|token-1",
            *["Atza|token-2"] * 8,
        ]

    async def test_others(self, kind: Any) -> None:
        """Other credentials, and other token endpoints, have tokens of their own."""
        recorder = Recorder(lambda _: httpx2.Response(200, json={"payload": {}}))
        shared = credentials()
        for whose in (shared, shared, credentials()):
            await settle(connect(kind, recorder, credentials=whose).get_service_job_by_service_job_id("j"))
        assert recorder.tokens == 2

    async def test_a_task_that_is_cancelled(self) -> None:
        """Who waited for a task that was cancelled while it fetched takes over."""
        calls = 0

        async def slowly(request: httpx2.Request) -> httpx2.Response:
            nonlocal calls
            calls += 1
            await asyncio.sleep(0.2)
            return token_answer(f"Atza|{calls}")

        services = connect(AsyncServices, slowly)  # type: ignore[arg-type]
        first = asyncio.create_task(services._auth.get_auth())
        await asyncio.sleep(0.05)
        second = asyncio.create_task(services._auth.get_auth())
        await asyncio.sleep(0.05)
        first.cancel()
        assert (await second).access_token == "Atza|2"
        assert first.cancelled()

    async def test_who_waits_is_cancelled(self) -> None:
        """A task that no longer waits takes nothing from the others."""

        async def slowly(request: httpx2.Request) -> httpx2.Response:
            await asyncio.sleep(0.2)
            return token_answer()

        services = connect(AsyncServices, slowly)  # type: ignore[arg-type]
        tasks = [asyncio.create_task(services._auth.get_auth()) for _ in range(3)]
        await asyncio.sleep(0.05)
        tasks[1].cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert [getattr(one, "access_token", None) for one in done] == ["Atza|token", None, "Atza|token"]


class TestRenewal:
    """Before the end, and after a refusal."""

    async def test_before_it_expires(self, kind: Any) -> None:
        """Of 3,600 s the last 300 are for renewing: a token of 3,301 s is replaced, one of 3,299 s is not."""
        clock, recorder = FakeClock(), Recorder(lambda _: httpx2.Response(200, json={"payload": {}}))
        services = connect(kind, recorder, clock)
        await settle(services.get_service_job_by_service_job_id("j"))
        clock.time += 3299
        await settle(services.get_service_job_by_service_job_id("j"))
        assert recorder.tokens == 1
        clock.time += 2
        await settle(services.get_service_job_by_service_job_id("j"))
        assert recorder.tokens == 2

    async def test_endpoint_is_away(self, kind: Any) -> None:
        """While a token is good, requests go on with it though no other can be had."""
        clock = FakeClock()
        recorder = Recorder(lambda _: httpx2.Response(200, json={"payload": {}}))
        away = False

        def handler(request: httpx2.Request) -> httpx2.Response:
            if away and str(request.url) == TOKENS:
                raise httpx2.ConnectError("away")
            return recorder(request)

        services = connect(kind, handler, clock)
        await settle(services.get_service_job_by_service_job_id("j"))
        clock.time += 3400
        away = True
        await settle(services.get_service_job_by_service_job_id("j"))
        clock.time += 195  # 3,595 s: it ends within the next ten seconds
        with pytest.raises(SellingApiConnectionException, match="away"):
            await settle(services.get_service_job_by_service_job_id("j"))
        assert len(recorder.requests) == 2

    async def test_refused_as_expired(self, kind: Any) -> None:
        """A token that ended before its time is replaced, and the request, which was refused, sent again."""

        def answer(request: httpx2.Request) -> httpx2.Response:
            if request.headers["x-amz-access-token"] == "Atza|token-1":
                details = "The access token you provided has expired."
                return httpx2.Response(
                    403, json={"errors": [{"code": "Unauthorized", "message": "No", "details": details}]}
                )
            return httpx2.Response(200, json={"appointmentId": "a"})

        recorder = Recorder(answer)
        services = connect(kind, recorder)
        time_ = {"startTime": "2026-03-02T14:00:00Z"}
        booked = await settle(services.add_appointment_for_service_job_by_service_job_id("j", appointmentTime=time_))
        assert (booked.payload, recorder.tokens, len(recorder.requests)) == ({"appointmentId": "a"}, 2, 2)

    async def test_refused_for_another_reason(self, kind: Any) -> None:
        """A role that is missing is missing with the next token as well: it is not asked for."""
        errors = [{"code": "Unauthorized", "message": "No", "details": "The role is missing."}]
        recorder = Recorder(lambda _: httpx2.Response(403, json={"errors": errors}))
        services = connect(kind, recorder)
        for _ in range(3):
            with pytest.raises(SellingApiForbiddenException):
                await settle(services.get_service_job_by_service_job_id("j"))
        assert (recorder.tokens, len(recorder.requests)) == (1, 3)

    async def test_the_endpoint_refuses(self, kind: Any) -> None:
        """AuthorizationError, with what the endpoint says; it is not asked twice."""
        calls = []

        def refuse(request: httpx2.Request) -> httpx2.Response:
            calls.append(request)
            return httpx2.Response(
                401, json={"error": "invalid_client", "error_description": "Client authentication failed."}
            )

        with pytest.raises(AuthorizationError) as refused:
            await settle(connect(kind, refuse).get_service_jobs(createdAfter="2026-01-01T00:00:00Z"))
        assert (refused.value.error_code, refused.value.status_code) == ("invalid_client", 401)
        assert refused.value.message == "Client authentication failed."
        assert len(calls) == 1

    @pytest.mark.parametrize("content", [b"<html>", b"[]", b"{}", b""])
    async def test_no_token_in_the_answer(self, kind: Any, content: bytes) -> None:
        """An answer that is no token is an AuthorizationError, too."""
        with pytest.raises(AuthorizationError, match="answered no token"):
            await settle(connect(kind, lambda _: httpx2.Response(200, content=content))._auth.get_auth())


class TestGrants:
    """What the token endpoint is asked."""

    async def test_forms(self, kind: Any) -> None:
        """Refresh token, scope and code, form encoded."""
        forms = []

        def record(request: httpx2.Request) -> httpx2.Response:
            forms.append(dict(httpx2.QueryParams(request.content.decode())))
            return token_answer()

        shared = credentials()
        services = connect(kind, record, credentials=shared)
        services.grantless_scope = "sellingpartnerapi::notifications"
        await settle(services.auth)
        await settle(services.grantless_auth)
        await settle(services._auth.authorize_auth_code("code"))
        who = {"client_id": shared["lwa_app_id"], "client_secret": shared["lwa_client_secret"]}
        assert forms == [
            {"grant_type": "refresh_token", "refresh_token": shared["refresh_token"], **who},
            {"grant_type": "client_credentials", "scope": "sellingpartnerapi::notifications", **who},
            {"grant_type": "authorization_code", "code": "code", **who},
        ]

    async def test_a_class_of_ones_own(self) -> None:
        """`auth_token_client_class` is called as python-amazon-sp-api calls it."""
        seen = {}

        class Fixed:
            def __init__(self, **given: Any):
                seen.update(given)

            def get_auth(self) -> Any:
                return type("Token", (), {"access_token": "Atza|fixed"})

        recorder = Recorder(lambda _: httpx2.Response(200, json={"payload": {}}))
        services = connect(Services, recorder, auth_token_client_class=Fixed, refresh_token="Atzr|given")
        services.get_service_job_by_service_job_id("j")
        assert set(seen) == {"refresh_token", "credentials", "proxies", "verify"}
        assert recorder.requests[0].headers["x-amz-access-token"] == "Atza|fixed"

"""What the client costs the process that calls: CPU of one page of 20 jobs, import, memory of 1,000 jobs.

A server of canned answers runs in a process of its own; each client reads the same page (20 jobs, 33 KB) over one
connection, and the CPU of its own process is what counts. In each round every client reads 25 pages, in another order;
printed are the median and the least of the rounds, and the median of what a client took of the bare library's time in
the same round. amzn-sp-api reads one page a round, and each costs more than the one before: every value that it makes
adds a handler to two loggers, which are walked for the next. So its last line tells the first page and the last one.
"""

import argparse
import asyncio
import gc
import logging
import multiprocessing
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from random import Random
from typing import Any

import httpx
import httpx2
import msgspec
from sp_api.api import Services as Theirs
from sp_api.auth import AccessTokenResponse
from sp_api.base import Marketplaces as TheirMarketplaces

from fieldserve.client import AsyncServices, Services
from fieldserve.wire.jobs import GetServiceJobsResponse

JOBS = 20
BYTES = 33_000
SINCE = "2026-01-01T00:00:00Z"
WHO = {"lwa_app_id": "client", "lwa_client_secret": "secret", "refresh_token": "token"}


def job(number: int) -> dict[str, Any]:
    """A job with an appointment, its proof and an item: what a seller has after a year."""
    visit = {
        "appointmentStatus": "COMPLETED",
        "appointmentTime": {"startTime": "2026-03-02T14:00:00Z", "durationInMinutes": 60},
        "assignedTechnicians": [{"technicianId": "A1TECHNICIAN", "name": "Ann Example"}],
        "poa": {
            "appointmentTime": {"startTime": "2026-03-02T14:05:00Z", "durationInMinutes": 55},
            "technicians": [{"technicianId": "A1TECHNICIAN", "name": "Ann Example"}],
            "uploadingTechnician": "A1TECHNICIAN",
            "uploadTime": "2026-03-02T15:10:00Z",
            "poaType": "POA_RECEIPT",
        },
    }
    id = f"7b1f1bb7-4f45-4d9a-9d3f-{number:012d}"
    return {
        "createTime": "2026-02-01T10:00:00Z",
        "serviceJobId": id,
        "serviceJobStatus": "COMPLETED",
        "scopeOfWork": {"asin": "B0MOUNTING", "title": "TV mounting", "quantity": 1, "requiredSkills": ["TV_MOUNTING"]},
        "seller": {"sellerId": "A1SELLER"},
        "serviceJobProvider": {"serviceJobProviderId": "A1PROVIDER"},
        "preferredAppointmentTimes": [visit["appointmentTime"]],
        "appointments": [{"appointmentId": f"{id}_1", **visit}],
        "serviceOrderId": "113-1234567-1234567",
        "productOrderIds": ["113-7654321-7654321"],
        "trackingIds": ["TBA1234567890"],
        "marketplaceId": "ATVPDKIKX0DER",
        "storeId": "store-brooklyn",
        "buyer": {"buyerId": "A1BUYER", "name": "Pat Doe", "phone": "+1 212 555 0100", "isPrimeMember": True},
        "associatedItems": [{"asin": "B0TELEVIS1", "title": "A television", "quantity": 1, "itemStatus": "DELIVERED"}],
        "serviceLocation": {
            "serviceLocationType": "IN_HOME",
            "address": {"name": "Pat Doe", "addressLine1": "1 Main St", "city": "New York", "postalCode": "10001"},
        },
        "payments": [{"amount": {"value": 89.9, "currency": "USD"}, "instrument": "CREDIT_CARD"}],
    }


def page() -> bytes:
    """20 jobs, filled up to 33 KB with what an item is called."""
    payload = {"totalResultSize": JOBS, "jobs": [job(number) for number in range(JOBS)]}
    short = BYTES - len(msgspec.json.encode({"payload": payload}))
    for one in payload["jobs"]:  # type: ignore[attr-defined]
        one["associatedItems"][0]["title"] += "." * max(0, short // JOBS)
    return msgspec.json.encode({"payload": payload})


def serve(port: Any) -> None:
    """Answer everything with the page, and tokens with a token."""
    content, token = page(), b'{"access_token":"Atza|x","expires_in":3600,"token_type":"bearer"}'
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-amzn-requestid: r\r\ncontent-length: %d\r\n\r\n"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while lines := await reader.readuntil(b"\r\n\r\n"):
            length = next((int(one[15:]) for one in lines.lower().split(b"\r\n") if one[:15] == b"content-length:"), 0)
            await reader.readexactly(length)
            body = token if lines.startswith(b"POST") else content
            writer.write(head % len(body) + body)

    async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def run() -> None:
        server = await asyncio.start_server(quietly, "127.0.0.1", 0)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


# ---- clients: each a function that reads the page once


def bare(base: str) -> Callable[[], Any]:
    client, decoder = httpx2.Client(), msgspec.json.Decoder(GetServiceJobsResponse)
    url = f"{base}/service/v1/serviceJobs?marketplaceIds=ATVPDKIKX0DER&createdAfter={SINCE}"
    headers = {"x-amz-access-token": "Atza|x"}
    return lambda: decoder.decode(client.get(url, headers=headers).content).payload


def ours(base: str) -> Callable[[], Any]:
    services = unpaced(Services(credentials=WHO, endpoint=base, token_endpoint=f"{base}/token"))
    return lambda: services.get_service_jobs(createdAfter=SINCE).typed


def ours_plain(base: str) -> Callable[[], Any]:
    services = unpaced(Services(credentials=WHO, endpoint=base, token_endpoint=f"{base}/token"))
    return lambda: services.get_service_jobs(createdAfter=SINCE).payload


def unpaced(services: Any) -> Any:
    # Pacing is measured; only the waiting would make the benchmark long.
    services._http.clock.sleep = lambda seconds: None
    return services


def ours_async(base: str) -> Callable[[], Any]:
    loop = asyncio.new_event_loop()
    services = AsyncServices(credentials=WHO, endpoint=base, token_endpoint=f"{base}/token")

    async def at_once(seconds: float) -> None:
        return None

    services._http.clock.asleep = at_once  # type: ignore[method-assign]

    async def read() -> Any:
        return (await services.get_service_jobs(createdAfter=SINCE)).typed

    return lambda: loop.run_until_complete(read())


def bare_async(base: str) -> Callable[[], Any]:
    loop = asyncio.new_event_loop()
    client, decoder = httpx2.AsyncClient(), msgspec.json.Decoder(GetServiceJobsResponse)
    url = f"{base}/service/v1/serviceJobs?marketplaceIds=ATVPDKIKX0DER&createdAfter={SINCE}"

    async def read() -> Any:
        return decoder.decode((await client.get(url, headers={"x-amz-access-token": "Atza|x"})).content).payload

    return lambda: loop.run_until_complete(read())


def community(base: str) -> Callable[[], Any]:
    services = Theirs(TheirMarketplaces.US, credentials=WHO)
    services.endpoint = base
    services._auth.get_auth = lambda: AccessTokenResponse(access_token="Atza|x")
    services._transport._client.close()
    services._transport._client = httpx.Client()

    def read() -> Any:
        # The header `host` is cut out of an endpoint that begins with https://; here it begins with http://.
        return services._request("/service/v1/serviceJobs", params={"createdAfter": SINCE}, headers=headers).payload

    headers = {"x-amz-access-token": "Atza|x", "content-type": "application/json"}
    return read


def official(base: str) -> Callable[[], Any]:
    from spapi import ServiceApi, SPAPIClient, SPAPIConfig

    config = SPAPIConfig("client", "secret", "token")
    client = SPAPIClient(config, oauth_endpoint=f"{base}/token", endpoint=base)
    service = ServiceApi(client.api_client)
    return lambda: service.get_service_jobs(["ATVPDKIKX0DER"], created_after=SINCE).payload


CLIENTS: dict[str, tuple[Callable[[str], Callable[[], Any]], int]] = {
    "httpx2 + msgspec, bare": (bare, 25),
    "fieldserve, typed": (ours, 25),
    "fieldserve, plain dicts": (ours_plain, 25),
    "python-amazon-sp-api, plain dicts": (community, 25),
    "httpx2 + msgspec, bare, asyncio": (bare_async, 25),
    "fieldserve, typed, asyncio": (ours_async, 25),
    "amzn-sp-api, typed": (official, 1),
}


def cpu(read: Callable[[], Any], times: int) -> float:
    """Milliseconds of this process's CPU for one page."""
    gc.collect()
    started = time.process_time()
    for _ in range(times):
        read()
    return (time.process_time() - started) / times * 1000


def pages(base: str, rounds: int) -> None:
    readers = {name: (open(base), times) for name, (open, times) in CLIENTS.items()}
    for read, _ in readers.values():
        read()
    taken: dict[str, list[float]] = {name: [] for name in readers}
    order = Random(1)
    for _ in range(rounds):
        for name in order.sample(list(readers), len(readers)):
            read, times = readers[name]
            taken[name].append(cpu(read, times))
    ground = taken["httpx2 + msgspec, bare"]
    print(f"{'one page of 20 jobs, ms of CPU':40}{'median':>10}{'least':>10}{'of bare':>10}")
    for name, values in taken.items():
        # Of the same round: a machine that is busy for one is busy for the other.
        ratio = statistics.median(mine / bare for mine, bare in zip(values, ground, strict=True))
        print(f"{name:40}{statistics.median(values):10.3f}{min(values):10.3f}{ratio:10.2f}")
    first, last = taken["amzn-sp-api, typed"][0], taken["amzn-sp-api, typed"][-1]
    print(f"{f'  its first page, and the last of {rounds}':40}{first:10.3f}{last:10.3f}")


IMPORTS = {
    "python alone": "pass",
    "fieldserve.client": "import fieldserve.client",
    "fieldserve.client and httpx2": "import fieldserve.client, httpx2, httpcore2",
    "sp_api.api": "import sp_api.api",
    "spapi (amzn-sp-api)": "import spapi",
}


def imports(rounds: int) -> None:
    print(f"\n{'import, ms':40}{'median':>10}{'least':>10}")
    taken: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for number in range(rounds):
        for name, program in IMPORTS.items():
            if name.startswith("spapi") and number >= 3:
                continue
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", program], check=True)
            taken[name].append((time.perf_counter() - started) * 1000)
    for name, values in taken.items():
        print(f"{name:40}{statistics.median(values):10.0f}{min(values):10.0f}")


def memory(base: str) -> None:
    print(f"\n{'1,000 jobs held, MB':40}{'MB':>10}")
    for name in (
        "fieldserve, typed",
        "fieldserve, plain dicts",
        "python-amazon-sp-api, plain dicts",
        "amzn-sp-api, typed",
    ):
        read = CLIENTS[name][0](base)
        held = [read()]
        number = 4 if name.startswith("amzn") else 50  # 50 pages of 20; of the slow one 4, counted up
        gc.collect()
        tracemalloc.start()
        held = [read() for _ in range(number)]
        gc.collect()
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        print(f"{name:40}{size * 50 / number / 1e6:10.2f}")
        del held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    logging.disable(logging.INFO)  # amzn-sp-api turns everybody's log on as it is imported
    told, port = multiprocessing.Pipe(duplex=False)
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(port,), daemon=True)
    server.start()
    base = f"http://127.0.0.1:{told.recv()}"
    try:
        print(f"python {sys.version.split()[0]}, a page of {len(page()):,} bytes, {rounds} rounds\n")
        pages(base, rounds)
        imports(min(rounds, 9))
        memory(base)
    finally:
        server.terminate()


if __name__ == "__main__":
    main()

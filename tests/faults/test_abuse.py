"""Callers who mean harm, against a server process: turned away, and in time, while honest ones are served."""

import asyncio
import gzip
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.faults.conftest import Row
from tests.faults.sizes import FULL, size

CONNECTIONS = size(60, 300)
TIMEOUT = size(2, 10)
CLOSED_WITHIN = size(10, 30)
# Shared machines stutter; what the full run holds to, the short one only comes near.
SLOWEST_P99 = size(1000, 200) / 1000
MOST_GROWTH = 50 << 20

FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
TOKEN = b"POST /auth/o2/token HTTP/1.1\r\nHost: x\r\n" + FORM
JOBS = b"/service/v1/serviceJobs"


@dataclass
class Target:
    """A server process."""

    port: int
    process: psutil.Process

    def memory(self) -> int:
        """Bytes that it and its workers have in memory."""
        return sum(one.memory_info().rss for one in (self.process, *self.process.children(recursive=True)))

    def ask(self, *parts: bytes) -> tuple[int, bytes]:
        """Send what may be no request at all; status and whole answer (0 if the connection just ends)."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            answer = b""
            # The server may answer and hang up before it has read all.
            with suppress(OSError):
                for part in parts:
                    connection.sendall(part)
            with suppress(ConnectionResetError):
                while not (answer and _whole(answer)) and (chunk := connection.recv(65536)):
                    answer += chunk
        return (int(answer.split()[1]) if answer else 0), answer


def _whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return bool(end) and bool(lengths) and len(body) >= int(lengths[0])


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder: Path = tmp_path_factory.mktemp("abuse")
    environment = os.environ | {
        "FIELDSERVE_REQUEST_TIMEOUT": str(TIMEOUT),
        "FIELDSERVE_LOG_LEVEL": "warning",
        "FIELDSERVE_DATA": str(folder / "data"),
    }
    command = [sys.executable, "-c", "from fieldserve.cli import main; main()", "serve", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        target = Target(port, psutil.Process(process.pid))
        try:
            for _ in range(300):
                with suppress(OSError):
                    if target.ask(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")[0] == 200:
                        break
                time.sleep(0.1)
            yield target
        finally:
            process.terminate()
            process.wait(20)
    assert b"a defect" not in (folder / "log").read_bytes()


async def _slowly(port: int, start: bytes, drop: bytes) -> float:
    """Send the start, then a drop each half second; how long the server had patience."""
    began = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(start)
    gone = asyncio.create_task(reader.read())
    with suppress(OSError):
        while not gone.done() and time.monotonic() - began < 3 * CLOSED_WITHIN:
            writer.write(drop)
            await asyncio.wait([gone], timeout=0.5)
    gone.cancel()
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return time.monotonic() - began


async def _honestly(port: int, stop: asyncio.Event) -> list[float]:
    """Ask again and again, on a connection of its own each time; seconds that each answer took."""
    took = []
    while not stop.is_set():
        began = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b" 200 " in await reader.readline()
        await reader.read()
        writer.close()
        took.append(time.monotonic() - began)
        await asyncio.sleep(0.01)
    return took


async def test_slow_callers(target: Target, row: Row) -> None:
    """Headers and bodies that trickle in are cut off, and hold up nobody."""
    before = target.memory()
    stop = asyncio.Event()
    honest = asyncio.create_task(_honestly(target.port, stop))
    headers = [_slowly(target.port, b"GET /healthz HTTP/1.1\r\nHost: x\r\n", b"X: y\r\n") for _ in range(CONNECTIONS)]
    bodies = [_slowly(target.port, TOKEN + b"Content-Length: 9999\r\n\r\n", b"a") for _ in range(CONNECTIONS)]
    patience = await asyncio.gather(*headers, *bodies)
    stop.set()
    took = await honest
    p99 = statistics.quantiles(took, n=100)[98]
    row(
        f"{CONNECTIONS} slow headers, {CONNECTIONS} slow bodies",
        f"{len(took)} honest calls",
        f"all closed in {max(patience):.1f} s; p99 of the honest {p99 * 1000:.0f} ms",
    )
    assert max(patience) <= CLOSED_WITHIN
    assert p99 < SLOWEST_P99
    assert target.memory() - before < MOST_GROWTH


def chunked(pieces: int) -> list[bytes]:
    """A body of so many pieces of a million bytes."""
    piece = b"%x\r\n" % 1_000_000 + b"a" * 1_000_000 + b"\r\n"
    return [piece] * pieces


HUGE = 100 if FULL else 30
BOMB = gzip.compress(b"a" * 10_000_000)
DEEP = b"[" * 10_000 + b"]" * 10_000
HOSTILE: dict[str, tuple[bytes, ...]] = {
    "a body of 100 MB, announced": (TOKEN + b"Content-Length: 104857600\r\n\r\n", *[b"a" * 1_000_000] * HUGE),
    "a body without end, chunked": (TOKEN + b"Transfer-Encoding: chunked\r\n\r\n", *chunked(HUGE)),
    "the same where none is expected": (
        b"GET " + JOBS + b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        *chunked(HUGE),
    ),
    "a gzip bomb": (TOKEN + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB), BOMB),
    "JSON 10,000 deep": (
        b"POST /auth/o2/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 20000\r\n\r\n",
        DEEP,
    ),
    "64 KB of headers": (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 65_536 + b"\r\n\r\n",),
    "a thousand headers": (b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 1000 + b"\r\n",),
    "two different lengths": (TOKEN + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345",),
    "both kinds of length": (TOKEN + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",),
    "a length that is none": (TOKEN + b"Content-Length: -1\r\n\r\n",),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 how do you do\r\n\r\n",),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile(target: Target, what: str) -> None:
    """Each is refused with a status of its own, at once, and leaves nothing behind in memory."""
    before = target.memory()
    status, answer = target.ask(*HOSTILE[what])
    assert 400 <= status < 500, answer[:300]
    assert target.memory() - before < MOST_GROWTH
    assert target.ask(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")[0] == 200


def test_both_kinds_of_length_end_the_connection(target: Target) -> None:
    """Whatever follows such a request on its connection is not taken for another one."""
    request = TOKEN + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    smuggled = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", target.port), timeout=10) as connection:
        connection.sendall(request + smuggled)
        answers = b""
        with suppress(ConnectionResetError):
            while chunk := connection.recv(65536):
                answers += chunk
    assert answers.count(b"HTTP/1.1 ") == 1

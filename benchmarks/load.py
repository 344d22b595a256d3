"""Servers under load: started, asked over raw sockets as fast as they answer, and stopped."""

import os
import select
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CONNECTIONS = 16
ROOT = Path(__file__).parent.parent
# Modules are compiled once, as where they are installed, whatever this process does with its own.
COMPILED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True)
class Round:
    """How long a round took, seconds, and the size of the last answer, bytes. Latencies only where asked for."""

    seconds: float
    count: int
    size: int
    latencies: Sequence[float] = ()

    @property
    def rate(self) -> float:
        return self.count / self.seconds


class _Asker:
    """One connection that has one request under way at a time."""

    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.wanted = 0
        self.got: list[bytes] = []
        self.size = 0
        self.sent_at = 0.0

    def send(self, request: bytes) -> None:
        self.got, self.size, self.wanted = [], 0, 0
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def is_answered(self) -> bool:
        chunk = self.socket.recv(1 << 20)
        if not chunk:
            raise ConnectionError("the server closed the connection")
        self.size += len(chunk)
        if not self.wanted:
            self.got.append(chunk)
            head = b"".join(self.got)
            body = head.find(b"\r\n\r\n") + 4
            if body < 4:
                return False
            if not head.startswith(b"HTTP/1.1 2"):
                raise RuntimeError(head[:600].decode(errors="replace"))
            told = head.lower().find(b"content-length:", 0, body) + 15
            self.wanted = body + int(head[told : head.find(b"\r", told)])
        return self.size == self.wanted


def ask(port: int, requests: Sequence[bytes], *, connections: int = CONNECTIONS, latencies: bool = False) -> Round:
    """Send the requests over so many connections; each sends its next when its last is answered."""
    askers = [_Asker(port) for _ in range(min(connections, len(requests)))]
    by_number = {one.socket.fileno(): one for one in askers}
    poll = select.epoll()
    for number in by_number:
        poll.register(number, select.EPOLLIN)
    waiting = iter(requests)
    left, size = len(requests), 0
    took: list[float] = []
    begin = time.perf_counter()
    for one in askers:
        one.send(next(waiting))
    while left:
        for number, _ in poll.poll():
            one = by_number[number]
            if one.is_answered():
                if latencies:
                    took.append(time.perf_counter() - one.sent_at)
                left -= 1
                size = one.size
                if (following := next(waiting, None)) is not None:
                    one.send(following)
    seconds = time.perf_counter() - begin
    for one in askers:
        one.socket.close()
    poll.close()
    return Round(seconds, len(requests), size, took)


@dataclass
class Server:
    """A server that is running, and where."""

    port: int
    process: "subprocess.Popen[bytes]"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: Sequence[str], port: int, ready: str, environment: Mapping[str, str]) -> Iterator[Server]:
    """Start a server, wait until it answers `ready`, and stop it and its children at the end."""
    with (Path(environment.get("FIELDSERVE_DATA", ".")) / f"server-{port}.log").open("wb") as log:
        process = subprocess.Popen(
            command, env={**COMPILED, **environment}, stdout=log, stderr=log, cwd=ROOT, start_new_session=True
        )
        try:
            wait_until_ready(port, ready, process)
            yield Server(port, process)
        finally:
            # The whole group: some servers leave workers behind when only the first process is told.
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def wait_until_ready(port: int, path: str, process: "subprocess.Popen[bytes]", seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}; see its log")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.005)
    raise TimeoutError(f"nobody answers on port {port}")


@contextmanager
def our_server(url: str, folder: Path, workers: int = 1) -> Iterator[Server]:
    """`fieldserve serve`, as anybody starts it."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("fieldserve")), "serve", "--port", str(port)]
    command += ["--workers", str(workers)]
    environment = {"FIELDSERVE_DATA": str(folder), "FIELDSERVE_DATABASE": url}
    with running(command, port, "/readyz", environment) as server:
        yield server


@contextmanager
def limit_server(url: str, folder: Path, workers: int = 1) -> Iterator[Server]:
    """The bare application, on the same server with the same settings."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.limit", str(port), str(workers)]
    environment = {"FIELDSERVE_DATA": str(folder), "LIMIT_DATABASE": url}
    with running(command, port, "/readyz", environment) as server:
        yield server


def interleaved(sides: Sequence[tuple[int, Sequence[Sequence[bytes]]]]) -> list[list[Round]]:
    """Rounds of each side, one after the other, so that a moment in which the machine is busy falls on all of them.

    A side is a port and what to send it in each of its rounds; the first round only warms up."""
    found: list[list[Round]] = [[] for _ in sides]
    for number in range(len(sides[0][1])):
        for rounds, (port, requests) in zip(found, sides, strict=True):
            rounds.append(ask(port, requests[number]))
    return [rounds[1:] for rounds in found]


def ratio(ours: Sequence[Round], theirs: Sequence[Round]) -> float:
    """The median over the rounds of how many times the other's rate ours is."""
    return statistics.median(a.rate / b.rate for a, b in zip(ours, theirs, strict=True))


def rate(rounds: Sequence[Round]) -> float:
    return statistics.median(one.rate for one in rounds)

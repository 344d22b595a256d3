"""Proxies, certificates, time-outs, closing: over real sockets where it matters."""

import asyncio
import datetime as dt
import gc
import http.server
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fieldserve.client import AsyncServices, SellingApiConnectionException, SellingApiTimeoutException, Services
from fieldserve.client.connecting import proxy_for, timeouts
from tests.client.calling import credentials, settle


class Answering(http.server.BaseHTTPRequestHandler):
    """Answers tokens and one job, and remembers the request lines."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.seen.append(self.requestline)
        self._answer(b'{"payload":{"serviceJobId":"j"}}')

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self._answer(b'{"access_token":"Atza|x","expires_in":3600}')

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[tuple[str, list[str]]]:
    """A small server: its address and the request lines that it saw."""

    class Handler(Answering):
        seen: ClassVar[list[str]] = []

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{server.server_address[1]}", Handler.seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def client_of(kind: Any, base: str, **given: Any) -> Any:
    given = {"credentials": credentials(), "endpoint": base, "token_endpoint": f"{base}/token", "retries": 0} | given
    return kind(**given)


async def read_job(services: Any) -> Any:
    """One call, and the connections closed."""
    try:
        return (await settle(services.get_service_job_by_service_job_id("j"))).serviceJobId
    finally:
        await settle(services.aclose() if isinstance(services, AsyncServices) else services.close())


class TestProxies:
    """Through what requests go."""

    async def test_given(self, kind: Any) -> None:
        """A proxy is asked for whole URLs, those for tokens included."""
        with serving() as (proxy, seen):
            assert await read_job(client_of(kind, "http://api.example", proxies=proxy)) == "j"
        assert seen == ["GET http://api.example/service/v1/serviceJobs/j HTTP/1.1"]

    async def test_environment(self, kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """The environment's, where none is given."""
        with serving() as (proxy, seen):
            monkeypatch.delenv("no_proxy")
            monkeypatch.setenv("http_proxy", proxy)
            assert await read_job(client_of(kind, "http://api.example")) == "j"
        assert len(seen) == 1

    def test_forms(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """One, several, by scheme; hosts that are excepted."""
        assert proxy_for("http://p", "https", "h") == "http://p"
        assert {proxy_for(["http://p", "http://q"], "https", "h") for _ in range(50)} == {"http://p", "http://q"}
        for given in ({"https": "http://p"}, {"https://": "http://p"}, {"all://": "http://p", "http": "http://q"}):
            assert proxy_for(given, "https", "h") == "http://p"
        assert proxy_for({"http": "http://p"}, "https", "h") is None
        monkeypatch.delenv("no_proxy")
        monkeypatch.setenv("https_proxy", "http://p")
        assert proxy_for(None, "https", "h") == "http://p"
        monkeypatch.setenv("no_proxy", "h")
        assert proxy_for(None, "https", "h") is None


class TestCertificates:
    """`verify`."""

    @pytest.fixture
    def certificate(self, tmp_path: Path) -> Path:
        """A certificate of 127.0.0.1 that signs itself, with its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
        now = dt.datetime.now(dt.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
            )
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        path = tmp_path / "server.pem"
        pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
        path.write_bytes(private + made.public_bytes(pem))
        return path

    async def test_own_authority(self, kind: Any, certificate: Path) -> None:
        """Unknown, refused; with its certificate, as a context or not checked at all, taken."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        with serving(context) as (base, _):
            with pytest.raises(SellingApiConnectionException, match=r"(?i)certificate"):
                await read_job(client_of(kind, base))
            for verify in (ssl.create_default_context(cafile=certificate), False):
                assert await read_job(client_of(kind, base, verify=verify)) == "j"
            assert await read_job(client_of(kind, base, verify=str(certificate))) == "j"


class TestTimeouts:
    """Nothing waits for ever."""

    def test_forms(self) -> None:
        """By default 10 s to connect and 30 for the rest; a number for all; (connect, read); the library's own."""
        assert timeouts(None) == {"connect": 10, "read": 30, "write": 30, "pool": 30}
        assert set(timeouts(3).values()) == {3}
        assert timeouts((1, 2)) == {"connect": 1, "read": 2, "write": 2, "pool": 2}
        assert timeouts(httpx2.Timeout(5, read=6)) == {"connect": 5, "read": 6, "write": 5, "pool": 5}

    async def test_no_answer(self, kind: Any) -> None:
        """A server that takes the connection and says nothing."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            base = f"http://127.0.0.1:{silent.getsockname()[1]}"
            services = client_of(kind, base, timeout=0.2, restricted_data_token="Atz.sprdt|x")
            with pytest.raises(SellingApiTimeoutException):
                await read_job(services)

    async def test_nobody_there(self, kind: Any) -> None:
        """A port that nobody listens on."""
        with socket.create_server(("127.0.0.1", 0)) as closed:
            base = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(SellingApiConnectionException) as fault:
            await read_job(client_of(kind, base))
        assert type(fault.value) is SellingApiConnectionException


class TestClosing:
    """Connections end with their client."""

    def test_forgotten(self) -> None:
        """A client that nobody closed closes its connections as it goes; an unclosed socket would warn, and fail."""
        with serving() as (base, _):
            services = client_of(Services, base)
            assert services.get_service_job_by_service_job_id("j").serviceJobId == "j"
            del services
            gc.collect()

    async def test_context(self, kind: Any) -> None:
        """As a context manager it is closed at the end, and opens again when it is called again."""
        with serving() as (base, seen):
            services = client_of(kind, base)
            for _ in range(2):
                if kind is Services:
                    with services:
                        services.get_service_job_by_service_job_id("j")
                else:
                    async with services:
                        await services.get_service_job_by_service_job_id("j")
                assert not services._http._pools
            assert len(seen) == 2

    def test_several_loops(self) -> None:
        """A client for asyncio that was closed serves another loop."""
        with serving() as (base, seen):
            services = client_of(AsyncServices, base)

            async def once() -> None:
                async with services:
                    await services.get_service_job_by_service_job_id("j")

            asyncio.run(once())
            asyncio.run(once())
            assert len(seen) == 2

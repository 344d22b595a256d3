"""Requests to whoever an operator names, which must not lead into the network that the server stands in.

A name is resolved once, each of its addresses is looked at, and the connection goes to one of those: whoever answers
the look-up otherwise the next time gains nothing. Redirects are not followed, and no more than a little of an answer is
read.
"""

import asyncio
import socket
import ssl
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from fieldserve.wire.webhooks import is_public

if TYPE_CHECKING:
    import httpx2

LARGEST_ANSWER = 16_384


class Answer(NamedTuple):
    """What came back; `text` is the beginning of it."""

    status: int
    retry_after: str | None
    text: str


class NotSent(Exception):
    """There is no answer, or the request was not to be sent; the text says why."""


async def post(url: str, headers: dict[str, str], content: bytes, *, within: float, anywhere: bool) -> Answer:
    """Send it within so many seconds. `anywhere` allows addresses that are not public. Raises NotSent."""
    import httpx2

    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(within):
            address = await _resolve(host, port, anywhere)
            request = httpx2.Request(
                "POST",
                httpx2.URL(url).copy_with(host=address),
                headers={"host": parts.netloc, **headers},
                content=content,
                # The certificate is held against the name, though the connection goes to the address.
                extensions={"sni_hostname": host},
            )
            async with _transport() as transport:
                response = await transport.handle_async_request(request)
                try:
                    text = await _beginning(response)
                finally:
                    await response.aclose()
    except TimeoutError:
        raise NotSent(f"no answer within {within:g} s") from None
    except (httpx2.TransportError, ssl.SSLError, OSError) as fault:
        raise NotSent(f"{type(fault).__name__}: {fault}"[:500]) from None
    return Answer(response.status_code, response.headers.get("retry-after"), text)


async def _resolve(host: str, port: int, anywhere: bool) -> str:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as fault:
        raise NotSent(f"{host} has no address: {fault}") from None
    addresses = [str(one[4][0]) for one in found]
    if not anywhere and (refused := [one for one in addresses if not is_public(one)]):
        raise NotSent(f"{host} leads to {refused[0]}, which is not a public address")
    return addresses[0]


async def _beginning(response: "httpx2.Response") -> str:
    """As much of the answer as is worth showing; the rest is left unread."""
    taken = b""
    async for chunk in response.stream:  # type: ignore[union-attr]
        taken += chunk
        if len(taken) >= LARGEST_ANSWER:
            break
    return taken[:200].decode("utf-8", "replace").replace("\x00", "")


@lru_cache(maxsize=1)
def _certificates() -> ssl.SSLContext:
    return ssl.create_default_context()


def _transport() -> "httpx2.AsyncHTTPTransport":
    import httpx2

    # Never kept alive: connections are told apart by their address, and two names may share one.
    return httpx2.AsyncHTTPTransport(verify=_certificates(), limits=httpx2.Limits(max_keepalive_connections=0))

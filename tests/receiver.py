"""A receiver of webhooks on a port of its own, which answers as it is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from standardwebhooks import Webhook


@dataclass
class Got:
    """One message as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    def verified(self, secret: str) -> Any:
        """What it says, if a signature of that secret is right. Raises WebhookVerificationError."""
        return Webhook(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """`answers` are given in turn, then 204. None hangs up without an answer."""

    url: str = ""
    got: list[Got] = field(default_factory=list)
    answers: list[bytes | None] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        self.got.append(Got(headers, await reader.readexactly(int(headers["content-length"]))))
        self.news.set()
        await self.ready()
        answer = self.answers.pop(0) if self.answers else says(204)
        if answer is not None:
            writer.write(answer)
        try:
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        except OSError:
            pass  # the other side had heard enough

    async def came(self, count: int, within: float = 20.0) -> None:
        """Wait until so many messages came."""
        async with asyncio.timeout(within):
            while len(self.got) < count:
                self.news.clear()
                await self.news.wait()

    async def ready(self) -> None:
        """Answer at once; others may take their time."""


def says(status: int, *headers: str, body: str = "") -> bytes:
    """An answer."""
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}", "connection: close", *headers]
    return ("\r\n".join(lines) + f"\r\n\r\n{body}").encode()


@asynccontextmanager
async def a_receiver() -> AsyncIterator[Receiver]:
    """It listens until the end of the block."""
    receiver = Receiver()
    async with await asyncio.start_server(receiver.serve, "127.0.0.1", 0) as server:
        receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?who=me"
        yield receiver

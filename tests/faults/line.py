"""A caller's line to the server: one HTTP/1.1 connection that tells what was never sent from what got no answer."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.faults.ground import ACCESS_TOKEN


class NotSent(Exception):
    """Nobody was there to connect to: the request was not made."""


class NoAnswer(Exception):
    """The request went out, and no whole answer came back: it may have been carried out or not."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)


@dataclass
class Line:
    """Keeps its connection as long as the server does. Waits at most `within` seconds for a whole answer."""

    port: int
    within: float = 30.0
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = field(default=None, repr=False)

    async def ask(
        self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """The answer. Raises NotSent, NoAnswer."""
        content = b"" if body is None else json.dumps(body).encode()
        sent = {"host": "127.0.0.1", "content-length": str(len(content)), "x-amz-access-token": ACCESS_TOKEN}
        if body is not None:
            sent["content-type"] = "application/json"
        head = "".join(f"{name}: {value}\r\n" for name, value in (sent | dict(headers or {})).items())
        reader, writer = await self._connected()
        try:
            async with asyncio.timeout(self.within):
                writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + content)
                await writer.drain()
                answer = await _read(reader)
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError, ValueError) as fault:
            self.hang_up()
            raise NoAnswer(f"{type(fault).__name__}: {fault}") from fault
        if answer.headers.get("connection") == "close":
            self.hang_up()
        return answer

    def hang_up(self) -> None:
        """Close the connection; the next request opens another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        # A connection that the server has closed while it lay idle is no request's loss.
        if self._streams is not None and self._streams[0].at_eof():
            self.hang_up()
        if self._streams is None:
            try:
                async with asyncio.timeout(self.within):
                    self._streams = await asyncio.open_connection("127.0.0.1", self.port)
            except (OSError, TimeoutError) as fault:
                raise NotSent(str(fault)) from fault
        return self._streams


async def _read(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(head[0].split(" ")[1])
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:]) if name}
    return Answer(status, headers, await reader.readexactly(int(headers.get("content-length", "0"))))

"""A network between two ends that a test can make slow, silent or cut: a TCP proxy on a port of its own."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.faults.cluster import free_port


@dataclass
class Network:
    """Passes bytes on to `target`, a port of 127.0.0.1.

    `delay` is in seconds for each piece, either way. While it is `silent`, connections stay as they are, new ones are
    accepted, and nothing comes through. While it is `down`, new connections are reset."""

    target: int
    port: int = field(default_factory=free_port)
    delay: float = 0.0
    down: bool = False
    _passes: asyncio.Event = field(default_factory=asyncio.Event)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @asynccontextmanager
    async def up(self) -> AsyncIterator["Network"]:
        """The network, until it is left."""
        self._passes.set()
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        try:
            yield self
        finally:
            server.close()
            self.cut()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def be_silent(self) -> None:
        """From now on nothing comes through, and nobody is told."""
        self._passes.clear()

    def cut(self) -> None:
        """Reset every connection that there is."""
        for writer in self._writers:
            _reset(writer)
        self._writers.clear()

    def mend(self) -> None:
        """Let everything through again. What was silent is dead for good, as after a router has forgotten it."""
        self.down, self.delay = False, 0.0
        if not self._passes.is_set():
            self.cut()
            self._passes.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.down:
            _reset(writer)
            return
        self._writers.add(writer)
        with suppress(OSError):
            await self._passes.wait()
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
            self._writers.add(back)
            for one in (self._pass(reader, back), self._pass(there, writer)):
                task = asyncio.create_task(one)
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(65536):
                await self._passes.wait()
                if self.delay:
                    await asyncio.sleep(self.delay)
                writer.write(piece)
                await writer.drain()
        self._writers.discard(writer)
        writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    if connection is not None:
        with suppress(OSError):
            # Closed with nothing lingering, the other end gets RST instead of FIN.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()

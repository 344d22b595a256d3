"""The clock and the waiting of both clients: whatever differs between threads and tasks stands here."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")


class Clock:
    """Seconds that never go back, and sleeping."""

    def now(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Hold the thread."""
        time.sleep(seconds)

    async def asleep(self, seconds: float) -> None:
        """Hold the task."""
        import asyncio

        await asyncio.sleep(seconds)


SYSTEM = Clock()


def wait_for(flight: "Future[T]") -> T:
    """The result of what another thread or task is doing."""
    return flight.result()


async def await_(flight: "Future[T]") -> T:
    """The same for a task, which lets others go on."""
    import asyncio

    return await asyncio.wrap_future(flight)


def apart(function: Callable[..., T], *arguments: Any) -> T:
    """Carry out what takes long."""
    return function(*arguments)


async def await_apart(function: Callable[..., T], *arguments: Any) -> T:
    """The same in a thread, so that the loop goes on."""
    import asyncio

    return await asyncio.to_thread(function, *arguments)


def joined(stream: Any) -> bytes:
    """All bytes of a stream."""
    return b"".join(stream)


async def await_joined(stream: Any) -> bytes:
    """The same for a stream of a loop."""
    return b"".join([part async for part in stream])

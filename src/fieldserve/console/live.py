"""What others change, told to pages that are open: server-sent events. /console/{seller}/live

One reader in each process follows the event log while anybody listens, and wakes those whose seller it concerns. What
is told are ids of things that changed; a page that wants more asks for it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress

import msgspec
from starlette.responses import Response, StreamingResponse

from fieldserve.console.pages import Visit, page
from fieldserve.operations.events import list_events
from fieldserve.operations.run import Context, read
from fieldserve.store.engine import Unavailable
from fieldserve.store.events import last_sequence

log = logging.getLogger("fieldserve.console")

LOOK_EVERY = 0.15
"""Seconds between two looks at the log."""
LASTS = 20.0
"""Seconds that one answer lasts; browsers come again by themselves, and a server that ends waits for none of them."""
_MOST_WAITING = 1_000


class Changes:
    """Follows the event log for all who listen in this process."""

    def __init__(self, context: Context):
        self._context = context
        self._listeners: dict[asyncio.Queue[str], str] = {}
        self._reader: asyncio.Task[None] | None = None

    def listen(self, seller_id: str) -> "asyncio.Queue[str]":
        """A queue on which ids of the seller's things that change are put."""
        queue: asyncio.Queue[str] = asyncio.Queue(_MOST_WAITING)
        self._listeners[queue] = seller_id
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._follow())
        return queue

    def leave(self, queue: "asyncio.Queue[str]") -> None:
        """Nothing more is put on the queue."""
        self._listeners.pop(queue, None)

    async def _follow(self) -> None:
        after = await read(self._context, last_sequence)
        while self._listeners:
            await asyncio.sleep(LOOK_EVERY)
            try:
                listing = await list_events(self._context, after=after, limit=1000)
            except Unavailable as fault:
                log.warning("the event log has to wait: %s", fault)
                continue
            after = listing.next
            for event in listing.events:
                for queue, seller_id in self._listeners.items():
                    # Whoever does not keep up is told little less: the page asks for all that there is anyway.
                    if event.seller_id == seller_id and event.kind != "slots.searched":
                        with suppress(asyncio.QueueFull):
                            queue.put_nowait(event.subject)


async def show(visit: Visit) -> Response:
    """GET: a stream of `changed` events, each with the ids of what changed."""
    changes: Changes = visit.request.app.state.changes
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(_stream(changes, visit.caller.seller_id), headers=headers, media_type="text/event-stream")


async def _stream(changes: Changes, seller_id: str) -> AsyncIterator[bytes]:
    queue = changes.listen(seller_id)
    loop = asyncio.get_running_loop()
    until = loop.time() + LASTS
    try:
        yield b"retry: 200\n\n"
        while (left := until - loop.time()) > 0:
            try:
                subjects = [await asyncio.wait_for(queue.get(), left)]
            except TimeoutError:
                return
            await asyncio.sleep(0.05)  # what one deed changed is told as one
            while not queue.empty():
                subjects.append(queue.get_nowait())
            told = msgspec.json.encode({"subjects": list(dict.fromkeys(subjects))})
            yield b"event: changed\ndata: " + told + b"\n\n"
    finally:
        changes.leave(queue)


ROUTES = [page("/{seller}/live", show)]

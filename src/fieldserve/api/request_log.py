"""The request log: one line a request, no headers, no query and no body, for those hold tokens and personal data.

Lines are handed to `logging` together, many in one record, each with the time at which its request was answered: so a
line costs a request a tenth of what a record would. The server hands over the rest when it stops; one that is killed
loses the last tenth of a second.
"""

import asyncio
import logging
import time

log = logging.getLogger("fieldserve.answers")

EVERY = 0.1
MOST = 1_000

_waiting: list[str] = []


def note(request_id: str, whose: str, asked: str, status: int, seconds: float) -> None:
    """A line for a request that was answered; `whose` is the application and the seller, `-` where nobody is known."""
    if not log.isEnabledFor(logging.INFO):
        return
    if not _waiting:
        asyncio.get_running_loop().call_later(EVERY, hand_over)
    now = time.time()
    milliseconds = int(now % 1 * 1000)
    told = f"{request_id} {whose} {asked} {status} {seconds * 1000:.1f} ms"
    _waiting.append(f"{_second(int(now))},{milliseconds:03d} INFO fieldserve.requests {told}")
    if len(_waiting) >= MOST:
        hand_over()


_last_second = (0, "")


def _second(now: int) -> str:
    """The second as `logging` writes it."""
    global _last_second
    if _last_second[0] != now:
        _last_second = now, time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
    return _last_second[1]


def hand_over() -> None:
    """Let `logging` have the lines that wait."""
    if _waiting:
        lines = "\n".join(_waiting)
        _waiting.clear()
        log.info("%s", lines)


def write_plainly() -> None:
    """Write the lines to standard error as they are, since each says already when it was and what it is."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    log.addHandler(handler)
    log.propagate = False

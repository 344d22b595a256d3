"""The request log on standard error: one line a request, no headers, no query and no body, for those hold tokens and
personal data. What is kept of them, masked, goes to the database (`operations.request_log`) under the same request id.

Lines are handed to `logging` together, many in one record, each with the time at which its request was answered: so a
line costs a request a tenth of what a record would. The server hands over the rest when it stops; one that is killed
loses the last tenth of a second.
"""

import asyncio
import logging
import time

import msgspec

log = logging.getLogger("fieldserve.answers")

EVERY = 0.1
MOST = 1_000

_waiting: list[tuple[float, str, str, str, int, float]] = []
_as_json = False


def note(request_id: str, whose: str, asked: str, status: int, seconds: float) -> None:
    """A line for a request that was answered; `whose` is the application and the seller, `-` where nobody is known."""
    if not log.isEnabledFor(logging.INFO):
        return
    if not _waiting:
        asyncio.get_running_loop().call_later(EVERY, hand_over)
    _waiting.append((time.time(), request_id, whose, asked, status, seconds))
    if len(_waiting) >= MOST:
        hand_over()


def _text(now: float, request_id: str, whose: str, asked: str, status: int, seconds: float) -> str:
    milliseconds = int(now % 1 * 1000)
    told = f"{request_id} {whose} {asked} {status} {seconds * 1000:.1f} ms"
    return f"{_second(int(now))},{milliseconds:03d} INFO fieldserve.requests {told}"


def _json(now: float, request_id: str, whose: str, asked: str, status: int, seconds: float) -> str:
    line: dict[str, object] = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z",
        "level": "info",
        "logger": "fieldserve.requests",
        "requestId": request_id,
        "operation": asked,
        "status": status,
        "milliseconds": round(seconds * 1000, 1),
    }
    application_id, slash, seller_id = whose.partition("/")
    if slash:
        line |= {"applicationId": application_id, "sellerId": seller_id}
    elif whose != "-":
        line["actor"] = whose
    return msgspec.json.encode(line).decode()


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
        line = _json if _as_json else _text
        lines = "\n".join([line(*one) for one in _waiting])
        _waiting.clear()
        log.info("%s", lines)


def write_plainly(as_json: bool = False) -> None:
    """Write the lines to standard error as they are, since each says already when it was and what it is."""
    global _as_json
    _as_json = as_json
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    log.addHandler(handler)
    log.propagate = False

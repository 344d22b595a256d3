"""Makes src/fieldserve/client/_sync.py from _async.py; with --check says whether it is current."""

import re
import sys
from pathlib import Path

CLIENT = Path(__file__).resolve().parent.parent / "src" / "fieldserve" / "client"
SOURCE, TARGET = CLIENT / "_async.py", CLIENT / "_sync.py"

HEAD = '"""The client for threads. Made from `_async.py` by tools/unasync.py: change that one, and run it."""\n'

# In order; each stands for whole words.
REPLACED = (
    (r"AsyncServices", "Services"),
    (r"AsyncAccessTokenClient", "AccessTokenClient"),
    (r"AsyncHttp\b", "Http"),
    (r"AsyncHTTPTransport", "HTTPTransport"),
    (r"AsyncBaseTransport", "BaseTransport"),
    (r"AsyncIterator", "Iterator"),
    (r"Awaitable\[([\w.]+)\]", r"\1"),
    (r"AsyncIterator, Awaitable, Callable", "Callable"),
    (r"__aenter__", "__enter__"),
    (r"__aexit__", "__exit__"),
    (r"handle_async_request", "handle_request"),
    (r"aread", "read"),
    (r"aclose", "close"),
    (r"asleep", "sleep"),
    (r"await_apart", "apart"),
    (r"await_joined", "joined"),
    (r"await_\b", "wait_for"),
    (r"async def", "def"),
    (r"async for", "for"),
    (r"async with", "with"),
    (r"await ", ""),
)


def sync(text: str) -> str:
    """The text of `_sync.py`."""
    _, _, text = text.partition("\n")
    text = text.replace("AsyncIterator, Awaitable, Callable, Iterable", "Callable, Iterable, Iterator")
    for pattern, word in REPLACED:
        text = re.sub(rf"\b{pattern}", word, text)
    return HEAD + _in_order(text)


def _in_order(text: str) -> str:
    """The names of the waiting module, sorted anew."""
    line = re.search(r"^from fieldserve\.client\._clock import (.*)$", text, re.MULTILINE)
    assert line is not None
    names = sorted(line[1].split(", "), key=lambda name: (not name.isupper(), name.islower(), name))
    return text.replace(line[1], ", ".join(names), 1)


def formatted(text: str) -> str:
    """As `make format` leaves it."""
    import subprocess

    ruff = Path(sys.executable).with_name("ruff")
    command = [str(ruff), "format", "--stdin-filename", str(TARGET), "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def main(arguments: list[str]) -> int:
    """Write or check; answers the exit status."""
    made = formatted(sync(SOURCE.read_text("utf-8")))
    if TARGET.exists() and TARGET.read_text("utf-8") == made:
        return 0
    if "--check" in arguments:
        print(f"{TARGET} is not what {SOURCE.name} makes; run {Path(__file__).name}")
        return 1
    TARGET.write_text(made, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

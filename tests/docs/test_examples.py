"""What the pages show is run, and prints what they say. Those that need a server get a demo of their own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from docs.events import BY_KIND
from tests.docs.markdown import PAGES, ROOT, matches, run, runnable

# A demo takes seconds to make, and on a busy machine a minute.
pytestmark = pytest.mark.timeout(300)

MOVE = ROOT / "docs" / "how-to" / "move-from-python-amazon-sp-api.md"
MIRROR = ROOT / "docs" / "how-to" / "mirror-a-seller.md"
WALKTHROUGHS = {ROOT / "README.md", ROOT / "docs" / "tutorial.md", MOVE, MIRROR}
EXAMPLES = [
    (page, language)
    for page in PAGES
    for language in ("bash", "python")
    if page not in WALKTHROUGHS and runnable(page, language)
]


def name(value: object) -> str:
    return str(value.relative_to(ROOT)) if isinstance(value, Path) else str(value)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> None:
    """`fieldserve` is found by its name, as in an environment that is activated."""
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))


@pytest.mark.usefixtures("commands")
@pytest.mark.parametrize(("page", "language"), EXAMPLES, ids=name)
def test_examples(page: Path, language: str, tmp_path: Path) -> None:
    """Pages that need no server."""
    run(page, language, tmp_path)


def test_what_a_page_says_is_compared() -> None:
    """`…` stands for anything, everything else for itself."""
    assert matches("Atza|…\n", "Atza|abc")
    assert not matches("200 …", "404 {}")
    assert not matches("[{}]", "{")


def test_a_page_that_is_wrong_is_told(tmp_path: Path) -> None:
    """A block that prints something else fails with the line of the page, and so does one that raises."""
    page = tmp_path / "page.md"
    page.write_text("# Page\n\n```python run\nprint(1 + 1)\n```\n\n```text output\n3\n```\n")
    with pytest.raises(AssertionError, match=r"page\.md, line 4 printed:\n2"):
        run(page, "python", tmp_path)
    page.write_text("```python run\nprint('fine')\n```\n\n```python run\n1 / 0\n```\n")
    with pytest.raises(AssertionError, match="the block at line 6"):
        run(page, "python", tmp_path)


# ---- against a demo


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder beside which a demo runs, as `make demo` starts it, but on a free port."""
    folder = tmp_path_factory.mktemp("demo")
    command = [str(Path(sys.executable).parent / "fieldserve"), "demo", "--port", "0"]
    with (folder / "demo.log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        _wait_until_ready(folder, process)
        yield folder
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(10)


def _wait_until_ready(folder: Path, process: "subprocess.Popen[bytes]") -> None:
    told = ""
    for _ in range(2000):
        told = (folder / "demo.log").read_text("utf-8")
        if "fieldserve demo: http" in told:
            return
        assert process.poll() is None, told
        time.sleep(0.1)
    raise AssertionError(f"the demo was not ready in time:\n{told}")


def operators(folder: Path, path: str) -> Any:
    """What the operator API of the demo answers."""
    credentials = json.loads((folder / "fieldserve-demo" / "credentials.json").read_text("utf-8"))
    headers = {"authorization": f"Bearer {credentials['operator_key']}"}
    return httpx2.get(f"{credentials['endpoint']}/operator/v1/{path}", headers=headers).json()


def test_readme(demo: Path) -> None:
    """The example of the README books an appointment with the official SDK."""
    run(ROOT / "README.md", "python", demo)


def test_tutorial_in_bash(demo: Path) -> None:
    """The commands of the tutorial."""
    if shutil.which("curl") is None:
        pytest.skip("there is no curl here")
    run(ROOT / "docs" / "tutorial.md", "bash", demo)


def test_tutorial_in_python(demo: Path) -> None:
    """The tutorial's job goes from its order to its end."""
    run(ROOT / "docs" / "tutorial.md", "python", demo)


def test_move(demo: Path) -> None:
    """The client's own page."""
    run(MOVE, "python", demo)


@pytest.mark.usefixtures("commands")
def test_mirror(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mirror of the demo's seller."""
    for name in list(os.environ):
        if name.startswith(("SP_API_", "LWA_")):
            monkeypatch.delenv(name)
    run(MIRROR, "bash", demo)


def test_events_hold_what_is_documented(demo: Path) -> None:
    """Every event of the demo's two months is of a kind on the page, with no member that the page leaves out."""
    after, seen = 0, set()
    while (page := operators(demo, f"events?limit=1000&after={after}"))["events"]:
        after = page["next"]
        for event in page["events"]:
            known = BY_KIND[event["kind"]]
            seen.add(event["kind"])
            before = None if known.said_again and event.get("before") is None else known.before
            for told, documented in ((event.get("before"), before), (event.get("after"), known.after)):
                assert set(told or ()) <= set(documented or ()), event
                assert (told is None) == (documented is None), event
    assert len(seen) > 20

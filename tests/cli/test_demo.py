"""The demo and the tour, as processes over a real socket."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import demo_world

FIELDSERVE = [sys.executable, "-c", "from fieldserve.cli import main; main()"]


@dataclass(frozen=True)
class Running:
    """A demo that answers: its folder, and all that it printed until it was ready."""

    data: Path
    printed: str

    @property
    def credentials(self) -> Path:
        return self.data / "credentials.json"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """`fieldserve demo` on a world that was made before, on a free port."""
    data = demo_world.copy(tmp_path_factory).data
    environment = {**os.environ, "FIELDSERVE_LOG_LEVEL": "warning", "PYTHONUNBUFFERED": "1"}
    command = [*FIELDSERVE, "demo", "--port", "0", "--data", str(data)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        # A demo that does not come up must not hold up the tests: reading ends when it is ended.
        watch = threading.Timer(60, process.kill)
        watch.start()
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "pageSize=1" in line:
                break
        watch.cancel()
        try:
            assert lines, process.stderr.read() if process.stderr else ""
            yield Running(data, "".join(lines))
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)


def fieldserve(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own."""
    return subprocess.run([*FIELDSERVE, *arguments], capture_output=True, text=True, timeout=60, check=False)


class TestDemo:
    """fieldserve demo"""

    def test_reuses(self, running: Running) -> None:
        """A world that is there is served again, and is said to be older than today."""
        assert f"The demo world of {demo_world.DAY} in {running.data} is reused" in running.printed
        assert "It is older than today" in running.printed

    def test_tells_its_address(self, running: Running) -> None:
        """The credentials have the address that it listens on, and only their owner may read them."""
        known = json.loads(running.credentials.read_text())
        assert re.fullmatch(r"http://127\.0\.0\.1:[0-9]+", known["endpoint"])
        assert known["endpoint"] in running.printed
        assert known["token_endpoint"] == f"{known['endpoint']}/auth/o2/token"
        assert running.credentials.stat().st_mode & 0o777 == 0o600

    def test_python_snippet(self, running: Running) -> None:
        """What is printed for Python works when it is pasted."""
        start = running.printed.index("import json")
        snippet = running.printed[start : running.printed.index("From a shell")]
        told = subprocess.run([sys.executable, "-c", snippet], capture_output=True, text=True, timeout=60, check=False)
        assert told.returncode == 0, told.stderr
        assert "jobs wait to be scheduled" in told.stdout
        assert "could begin at" in told.stdout

    @pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
    def test_shell_snippet(self, running: Running) -> None:
        """What is printed for a shell works when it is pasted."""
        snippet = running.printed[running.printed.index("TOKEN=") :]
        told = subprocess.run(["sh", "-c", snippet], capture_output=True, text=True, timeout=60, check=False)
        listing = json.loads(told.stdout)["payload"]
        assert listing["totalResultSize"] >= 30
        assert listing["jobs"][0]["serviceJobStatus"] == "PENDING_SCHEDULE"

    def test_tour_command(self, running: Running) -> None:
        """What is printed for the tour works when it is pasted, also where `fieldserve` is not on the path."""
        (line,) = (one for one in running.printed.splitlines() if "a guided tour" in one)
        command = line.partition("a guided tour ")[2].strip()
        told = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60, check=False)
        assert told.returncode == 0, told.stderr

    def test_port_taken(self, running: Running, tmp_path: Path) -> None:
        """A port that is taken is told before anything is made."""
        port = json.loads(running.credentials.read_text())["endpoint"].rpartition(":")[2]
        told = fieldserve("demo", "--port", port, "--data", str(tmp_path / "other"))
        assert told.returncode == 2
        assert f"cannot listen on 127.0.0.1:{port}" in told.stderr
        assert not (tmp_path / "other").exists()


class TestTour:
    """fieldserve tour"""

    def test_walks(self, running: Running) -> None:
        """All steps are as they should be, twice in a row, and the job is completed in the end."""
        for _ in range(2):
            told = fieldserve("tour", "--credentials", str(running.credentials))
            assert told.returncode == 0, told.stdout + told.stderr
            assert "15 steps, and everything is as it should be" in told.stdout
            assert "COMPLETED; proof POA_RECEIPT" in told.stdout

    def test_goes_astray(self, running: Running, tmp_path: Path) -> None:
        """It ends with 1 where something is not as it should be."""
        known = json.loads(running.credentials.read_text())
        known["accounts"][0]["client_secret"] = "amzn1.oa2-cs.v1.wrong"
        wrong = tmp_path / "credentials.json"
        wrong.write_text(json.dumps(known))
        told = fieldserve("tour", "--credentials", str(wrong))
        assert told.returncode == 1
        assert "the token endpoint answered 401" in told.stdout

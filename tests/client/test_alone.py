"""The client without the server's packages: what `pip install fieldserve` brings, and nothing else."""

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src"
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def needed(name: str, found: set[str]) -> set[str]:
    """The distributions that one needs, without its extras."""
    if name not in found:
        found.add(name)
        for requirement in importlib.metadata.requires(name) or ():
            word, _, marker = requirement.partition(";")
            if "extra ==" in marker or "emscripten" in word or "emscripten' and" in marker:
                continue
            match = _NAME.match(word)
            assert match is not None
            try:
                needed(match[0].lower(), found)
            except importlib.metadata.PackageNotFoundError:
                found.discard(match[0].lower())  # for another platform or Python
    return found


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the client's packages alone, those of the server's extra left out."""
    folder = tmp_path_factory.mktemp("alone")
    for name in needed("fieldserve", set()) - {"fieldserve"}:
        for file in importlib.metadata.files(name) or ():
            top = file.parts[0]
            there = Path(str(file.locate())).resolve() if len(file.parts) == 1 else None
            link = folder / top
            if top in ("..", "__pycache__") or link.exists():
                continue
            link.symlink_to(there or Path(str(importlib.metadata.distribution(name).locate_file(top))))
    (folder / "fieldserve").symlink_to(SOURCE / "fieldserve")
    distribution = importlib.metadata.distribution("fieldserve")
    (folder / "fieldserve-0.dist-info").symlink_to(str(getattr(distribution, "_path")))  # noqa: B009
    return folder


PLUGIN = """
def test_ours():
    import sys
    assert not {"starlette", "fieldserve.client", "fieldserve.testing.running"} & set(sys.modules)

def test_theirs(services_api):
    pass
"""


def run(packages: Path, program: str) -> "subprocess.CompletedProcess[str]":
    """A program with nothing but these packages and the standard library."""
    path = f"import sys; sys.path[:] = [{str(packages)!r}] + [one for one in sys.path if 'site-packages' not in one]; "
    command = [sys.executable, "-I", "-S", "-W", "error", "-c", path + program]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_what_is_needed() -> None:
    """None of the server's packages comes along."""
    found = needed("fieldserve", set())
    assert {"httpx2", "msgspec", "tzdata", "cryptography"} <= found
    assert not found & {
        "click",
        "starlette",
        "granian",
        "asyncpg",
        "apsw",
        "alembic",
        "jinja2",
        "rich",
        "pyyaml",
        "boto3",
    }


def test_calls(packages: Path) -> None:
    """It is imported, encrypts, and calls: here a port that nobody listens on."""
    done = run(
        packages,
        "from fieldserve.client import *; from fieldserve.client import uploads\n"
        "import asyncio, base64\n"
        "from fieldserve.wire.documents import EncryptionDetails\n"
        "key = base64.b64encode(bytes(32)).decode(); vector = base64.b64encode(bytes(16)).decode()\n"
        "print(len(uploads.encrypt(uploads.load(b'%PDF-1', None), EncryptionDetails('AES', vector, key))))\n"
        "who = {'lwa_app_id': 'a', 'lwa_client_secret': 'b'}\n"
        "given = {'credentials': who, 'endpoint': 'http://127.0.0.1:9', 'retries': 0, 'restricted_data_token': 'x'}\n"
        "for kind in (Services, AsyncServices):\n"
        "    try:\n"
        "        answer = kind(**given).get_service_job_by_service_job_id('j')\n"
        "        asyncio.run(answer)\n"
        "    except SellingApiConnectionException as fault:\n"
        "        print(fault.amzn_code)\n",
    )
    assert (done.stdout.split(), done.stderr) == (["16", "ConnectError", "ConnectError"], "")


def test_command(packages: Path) -> None:
    """The command, which comes along, says what is missing in one line."""
    done = run(packages, "from fieldserve.cli import main; main(['--help'])")
    assert done.returncode != 0
    assert done.stderr == (
        "fieldserve: the server is not installed, only the client; pip install 'fieldserve[server]'\n"
    )


def test_pytest(packages: Path, tmp_path: Path) -> None:
    """pytest, where it is there too, runs as ever; the fixture says what is missing, and nothing else is loaded."""
    for name in needed("pytest", set()):
        distribution = importlib.metadata.distribution(name)
        for top in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
            link = packages / top
            if not link.exists():
                link.symlink_to(str(distribution.locate_file(top)))
    (tmp_path / "test_it.py").write_text(PLUGIN)
    program = f"import pytest; raise SystemExit(pytest.main(['-q', '-p', 'no:cacheprovider', {str(tmp_path)!r}]))"
    done = run(packages, program)
    assert "1 passed, 1 error" in done.stdout, done.stdout + done.stderr
    assert "the fixture services_api needs the server: pip install 'fieldserve[server]'" in done.stdout


@pytest.mark.parametrize("late", ["httpx2", "cryptography", "asyncio", "yaml", "boto3", "fieldserve.client._async"])
def test_what_waits(packages: Path, late: str) -> None:
    """Importing the client imports none of what only some use, or only the first request."""
    done = run(packages, f"import fieldserve.client; print({late!r} in sys.modules)")
    assert (done.stdout, done.stderr) == ("False\n", "")

"""Ten scripts written for python-amazon-sp-api run with their imports changed, and with nothing else changed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fieldserve.client import Services
from tests.client.conftest import options
from tests.official.running import ANN, STORE, RunningServer
from tests.proofs import FILES

SCRIPTS = Path(__file__).parent / "scripts"

IMPORTS = (
    (r"^from sp_api\.asyncio\.api import Services$", "from fieldserve.client import AsyncServices as Services"),
    (r"^from sp_api\.[\w.]+ import ", "from fieldserve.client import "),
)

# Of the line that is no import, nothing is said: all others are as they were.
NAMES = sorted(path.stem for path in SCRIPTS.glob("*.py"))


def converted(name: str) -> str:
    """A script with its imports changed."""
    text = (SCRIPTS / f"{name}.py").read_text("utf-8")
    for pattern, words in IMPORTS:
        text = re.sub(pattern, words, text, flags=re.MULTILINE)
    return text


@pytest.fixture
def services(server: RunningServer) -> Services:
    """A client to make ready what a script finds."""
    return Services(**options(server))


@pytest.fixture
def run(server: RunningServer, tmp_path: Path) -> "Runner":
    return Runner(server, tmp_path)


class Runner:
    """Runs scripts with what a user would have set: credentials, and where the API is."""

    def __init__(self, server: RunningServer, folder: Path):
        self._folder = folder
        self.environment = {
            **os.environ,
            "SP_API_ENDPOINT": server.base,
            "SP_API_TOKEN_ENDPOINT": f"{server.base}/auth/o2/token",
            "LWA_APP_ID": server.client_id,
            "LWA_CLIENT_SECRET": server.client_secret,
            "SP_API_REFRESH_TOKEN": server.refresh_token,
        }

    def __call__(self, name: str, *arguments: str) -> list[str]:
        path = self._folder / f"{name}.py"
        path.write_text(converted(name), "utf-8")
        command = [sys.executable, "-W", "error", str(path), *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout.splitlines()


def book(services: Services, server: RunningServer, hour: int) -> tuple[str, str]:
    """A job with an appointment."""
    job_id, start = server.order(), server.hour(hour)
    booked = services.add_appointment_for_service_job_by_service_job_id(job_id, appointmentTime={"startTime": start})
    return job_id, booked.appointmentId


def test_there_are_ten() -> None:
    """Ten, each of which imports python-amazon-sp-api and none of fieldserve."""
    assert len(NAMES) == 10
    for name in NAMES:
        text = (SCRIPTS / f"{name}.py").read_text("utf-8")
        assert "from sp_api." in text
        assert "fieldserve" not in text
        assert "sp_api" not in converted(name)


def test_list_pending(run: Runner, server: RunningServer) -> None:
    """Five orders on pages of two."""
    for _ in range(5):
        server.order()
    *jobs, summary = run("list_pending")
    assert summary == f"{len(jobs)} of {len(jobs)} jobs, rate limit 10.0"
    assert len(set(jobs)) == len(jobs) >= 5


def test_job_details(run: Runner, server: RunningServer) -> None:
    """Credentials of an account by name; attribute, call and payload; a job that there is not."""
    for name in ("LWA_APP_ID", "LWA_CLIENT_SECRET", "SP_API_REFRESH_TOKEN"):
        run.environment[f"{name}_shop"] = run.environment.pop(name)
    job_id = server.order()
    assert run("job_details", job_id, "nothing") == [
        f"{job_id} PENDING_SCHEDULE {STORE} Pat Doe None",
        "errors: None request: True",
        "nothing: NotFound: No job exists with jobId : nothing",
    ]


def test_book_first_slot(run: Runner, server: RunningServer) -> None:
    """The first free slot is booked."""
    job_id = server.order()
    (line,) = run("book_first_slot", job_id)
    assert line.startswith(f"booked {job_id}_")


def test_move_appointment(run: Runner, server: RunningServer, services: Services) -> None:
    """The name that works with python-amazon-sp-api works here."""
    job_id, _ = book(services, server, 40)
    (line,) = run("move_appointment", job_id)
    assert line == f"moved to {server.hour(64):%Y-%m-%d %H:%M:%S} True"


def test_cancel_jobs(run: Runner, server: RunningServer) -> None:
    """A reason as a keyword; a refusal with its status, code and message."""
    job_id = server.order()
    assert run("cancel_jobs", job_id, job_id) == [
        f"{job_id} cancelled",
        f"{job_id} 422 InvalidInput Job with jobId {job_id} and jobStatus CANCELLED cannot be cancelled",
    ]


def test_nightly_capacity(run: Runner) -> None:
    """Seventy days are two pages; twelve slots of two hours in a day. Credentials come from credentials.yml."""
    folder = Path(run.environment["XDG_CONFIG_HOME"]) / "python-sp-api"
    folder.mkdir(parents=True)
    names = {
        "LWA_APP_ID": "lwa_app_id",
        "LWA_CLIENT_SECRET": "lwa_client_secret",
        "SP_API_REFRESH_TOKEN": "refresh_token",
    }
    lines = [f"  {name}: '{run.environment.pop(variable)}'" for variable, name in names.items()]
    (folder / "credentials.yml").write_text("version: '1.0'\n\ndefault:\n" + "\n".join(lines) + "\n", "utf-8")
    pages, slots, first = run("nightly_capacity", STORE)
    assert (pages, slots) == (f"{STORE} 2 pages", "12 slots of 120 minutes")
    assert first.startswith(f"{STORE},SCHEDULED_CAPACITY,")


def test_vacation(run: Runner) -> None:
    """Made, replaced, taken back once."""
    assert run("vacation", ANN) == ["another id: True", "{'status_code': 204}", "Reservation does not exist"]


def test_opening_hours(run: Runner) -> None:
    """Warnings and errors by record; an unknown store is a 200 with errors, which is raised."""
    for name, variable in (("SHOP_CLIENT", "LWA_APP_ID"), ("SHOP_SECRET", "LWA_CLIENT_SECRET")):
        run.environment[name] = run.environment.pop(variable)
    run.environment["SHOP_TOKEN"] = run.environment.pop("SP_API_REFRESH_TOKEN")
    assert run("opening_hours", STORE, "nothing") == [
        f"{STORE} warnings ScheduleOverride",
        f"{STORE} errors InvalidInput",
        "nothing InvalidInput Invalid request parameters: [resourceId]",
    ]


def test_upload_proof(run: Runner, server: RunningServer, services: Services, tmp_path: Path) -> None:
    """The script's own encryption and upload, and a fulfilment."""
    job_id, appointment_id = book(services, server, 44)
    receipt = tmp_path / "receipt.pdf"
    receipt.write_bytes(FILES["PDF"])
    assert run("upload_proof", job_id, appointment_id, str(receipt)) == ["uploaded 200", "recorded {}", "COMPLETED"]


def test_dispatch(run: Runner, server: RunningServer, services: Services) -> None:
    """The client for asyncio: three assignments at once, which the usage plan lets through one by one."""
    jobs = [book(services, server, hour)[0] for hour in (48, 50, 52)]
    assert run("dispatch", ANN, *jobs) == ["REAL_TIME_SCHEDULING", *(f"{job_id} {ANN}" for job_id in jobs)]

"""The pytest plugin, and the same for unittest: as their users have them, in a project of its own."""

import os
import subprocess
import sys
from pathlib import Path

PYTEST = """
import pytest

JOB = "job-1"

def status(services_api, job_id=JOB):
    return services_api.client.get_service_job_by_service_job_id(job_id).payload["serviceJobStatus"]

def hold(services_api):
    services_api.operator("POST", f"sellers/A1SELLER/jobs/{JOB}/hold", {"reason": "rain"})

def test_one(services_api):
    hold(services_api)
    assert status(services_api) == "HOLD"

def test_other(services_api):
    assert status(services_api) == "PENDING_SCHEDULE"

@pytest.mark.services_api(scenario="worlds/one.toml", seed=3)
def test_marked(services_api):
    assert services_api.accounts[0].seller_id == "A1ONE"
    assert (services_api.options.seed, services_api.now.year) == (3, 2031)

@pytest.mark.services_api(socket=True)
def test_environment(services_api, services_api_environment):
    from fieldserve.client import Services
    assert Services().get_service_job_by_service_job_id(JOB).payload["serviceJobId"] == JOB

async def _read(services_api):
    return (await services_api.async_client.get_service_job_by_service_job_id(JOB)).payload

def test_asyncio(services_api):
    import asyncio
    assert asyncio.run(_read(services_api))["serviceJobId"] == JOB
"""

WORLD = """
now = "2031-01-01T00:00:00Z"

[[applications]]
name = "Tests"
sellerId = "A1ONE"

[[sellers]]
sellerId = "A1ONE"
name = "One"
marketplaceIds = ["ATVPDKIKX0DER"]
"""

UNITTEST = """
import unittest
from fieldserve.testing import ServicesApiTestCase

class TestJobs(ServicesApiTestCase):
    def test_one(self):
        self.services_api.operator("POST", "sellers/A1SELLER/jobs/job-1/hold", {"reason": "rain"})
        self.assertEqual(self.status(), "HOLD")

    def test_other(self):
        self.assertEqual(self.status(), "PENDING_SCHEDULE")

    def status(self):
        return self.services_api.client.get_service_job_by_service_job_id("job-1").payload["serviceJobStatus"]

if __name__ == "__main__":
    unittest.main()
"""


def test_pytest(tmp_path: Path) -> None:
    """Each test has a world of its own; settings and markers say which."""
    (tmp_path / "worlds").mkdir()
    (tmp_path / "worlds" / "one.toml").write_text(WORLD)
    (tmp_path / "test_jobs.py").write_text(PYTEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\nservices_api_seed = 11\n")
    (tmp_path / "scratch").mkdir()
    environment = os.environ | {"TMPDIR": str(tmp_path / "scratch")}
    command = [sys.executable, "-m", "pytest", "-q", "--strict-markers", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout
    assert [one.name for one in (tmp_path / "scratch").iterdir() if one.name.startswith("services-api")] == []


def test_unittest(tmp_path: Path) -> None:
    """The same without pytest; the program ends when its tests do."""
    (tmp_path / "test_jobs.py").write_text(UNITTEST)
    (tmp_path / "scratch").mkdir()
    environment = os.environ | {"TMPDIR": str(tmp_path / "scratch")}
    command = [sys.executable, "test_jobs.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "Ran 2 tests" in done.stderr
    assert list((tmp_path / "scratch").iterdir()) == []

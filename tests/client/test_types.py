"""What type checkers know of the client. mypy reads this file in `make check`; run, it only has to import."""

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, assert_type

from fieldserve.client import ApiResponse, AsyncServices, Marketplaces, SellingApiException, Services
from fieldserve.wire.appointments import AssignmentWarnings, SetAppointmentResponse
from fieldserve.wire.capacity import FixedSlotCapacity, RangeSlotCapacity
from fieldserve.wire.documents import ServiceDocumentUploadDestination
from fieldserve.wire.fulfillment import FulfillmentDocument
from fieldserve.wire.jobs import JobListing, JobStatus, ServiceJob
from fieldserve.wire.reservations import ReservationRecord
from fieldserve.wire.slots import AppointmentSlot, AppointmentSlotReport


def for_threads(services: Services, moment: datetime) -> None:
    """Every answer has its type."""
    listed = services.get_service_jobs(createdAfter=moment, serviceJobStatus=["HOLD"], storeIds="a,b")
    assert_type(listed, ApiResponse[JobListing])
    assert_type(listed.typed, JobListing)
    assert_type(listed.payload, Any)
    assert_type(listed.next_token, str | None)
    job = services.get_service_job_by_service_job_id("j").typed
    assert_type(job, ServiceJob)
    assert_type(job.service_job_status, JobStatus | None)
    assert_type(services.iter_service_jobs(createdAfter=moment), Iterator[ServiceJob])
    booked = services.add_appointment_for_service_job_by_service_job_id("j", appointmentTime={"startTime": moment})
    assert_type(booked.typed, SetAppointmentResponse)
    assert_type(services.assign_appointment_resources("j", "a", resources=[{}]).typed, AssignmentWarnings)
    assert_type(services.get_appointment_slots_by_job_id("j").typed, AppointmentSlotReport)
    assert_type(services.iter_appointment_slots(asin="a", storeId="s"), Iterator[AppointmentSlot])
    assert_type(services.get_range_slot_capacity("s").typed, RangeSlotCapacity)
    assert_type(services.get_fixed_slot_capacity("s").typed, FixedSlotCapacity)
    assert_type(services.create_reservation(resourceId="s").typed, ReservationRecord)
    assert_type(services.create_service_document_upload_destination().typed, ServiceDocumentUploadDestination)
    document = services.upload_document(Path("receipt.pdf"))
    assert_type(document, FulfillmentDocument)
    services.set_appointment_fulfillment_data("j", "a", fulfillmentDocuments=[document])


async def for_tasks(services: AsyncServices, moment: datetime) -> None:
    """The same for asyncio."""
    assert_type(await services.get_service_jobs(createdAfter=moment), ApiResponse[JobListing])
    assert_type(services.iter_service_jobs(createdAfter=moment), AsyncIterator[ServiceJob])
    async for job in services.iter_service_jobs(createdAfter=moment):
        assert_type(job, ServiceJob)
    assert_type(await services.upload_document(b"%PDF-"), FulfillmentDocument)
    async with services as entered:
        assert_type(entered, AsyncServices)


def exceptions(fault: SellingApiException) -> None:
    """What an exception carries."""
    assert_type(fault.status, int)
    assert_type(fault.amzn_code, str | None)
    assert_type(fault.request_id, str | None)
    assert_type(Marketplaces.DE.endpoint, str)


MISTAKES = (
    "services.get_service_jobs(marketplace_ids=['A'])",
    "services.get_service_jobs(pageSize='20')",
    "services.get_service_job_by_service_job_id()",
    "services.cancel_service_job_by_service_job_id('j')",
    "services.get_service_jobs().typed.jbos",
    "services.get_appointment_slots(asin='a')",
    "Services('US')",
)


def test_mistakes_are_told(tmp_path: Path) -> None:
    """A misspelt keyword, a wrong type, a missing id: mypy strict tells each in a user's own code, and nothing else."""
    head = "from fieldserve.client import Services\n\nservices = Services()\n"
    path = tmp_path / "mine.py"
    path.write_text(head + "\n".join(MISTAKES) + "\nservices.get_service_jobs(createdAfter='x').typed.jobs\n")
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--no-error-summary",
        "--cache-dir",
        str(tmp_path / "c"),
        str(path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=110)
    lines = sorted({int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line})
    assert lines == [4 + number for number in range(len(MISTAKES))], done.stdout + done.stderr


def test_pyright(tmp_path: Path) -> None:
    """pyright, strict, has nothing to say about the calls above in a user's own code."""
    (tmp_path / "mine.py").write_text(Path(__file__).read_text("utf-8").partition("MISTAKES = ")[0], "utf-8")
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict", "reportUnusedImport": false}', "utf-8")
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr

"""What is personal of a job, and the operator API's ways to read and to erase it."""

from typing import Annotated, Any

from msgspec import Meta

from fieldserve.wire.jobs import ServiceJob
from fieldserve.wire.limits import Ask
from fieldserve.wire.parameters import Parameter
from fieldserve.wire.parts import Part

BUYER_ID = Parameter("buyerId", "path", required=True, min_length=1, max_length=50, says="the buyer")


class Purge(Ask):
    """Which jobs: those that closed at least so many days ago. `documents` erases their proof documents' files, too."""

    older_than_days: Annotated[int, Meta(ge=0, le=36_500)]
    documents: bool = False


class Erased(Part):
    """How many jobs and files were erased; `openJobIds` are those that cannot be, since the work is yet to be done."""

    jobs: int
    documents: int
    open_job_ids: list[str]


class HeldDocument(Part):
    """A proof document of a job. Its file is there unless it was erased."""

    upload_destination_id: str
    appointment_id: str
    content_type: str
    content_length: int
    has_file: bool


class HeldJob(Part):
    """A job of the buyer, with its place as far as that is held, its proof documents and what the log says of it."""

    seller_id: str
    job: dict[str, Any]
    documents: list[HeldDocument]
    events: list[dict[str, Any]]
    latitude: float | None = None
    longitude: float | None = None


class BuyerExport(Part):
    """Everything held about one buyer."""

    buyer_id: str
    jobs: list[HeldJob]


def without_person(job: ServiceJob) -> ServiceJob:
    """The document without what tells who the buyer is and where they live.

    Gone are the name and telephone of the buyer, the address, and what the buyer's own things are called (a car's
    number plate may stand there). The buyer's id stays: without the rest it is a number that means nothing outside."""
    if job.buyer is not None:
        job.buyer.name = job.buyer.phone = None
    if job.service_location is not None:
        job.service_location.address = None
    for item in job.associated_items or ():
        item.linked_assets = None
    return job

"""Where jobs are, on the wire."""

from typing import Literal

from fieldserve.wire.errors import Says
from fieldserve.wire.limits import Ask, Latitude, Longitude
from fieldserve.wire.parts import Part

PlaceSource = Literal["OPERATOR", "SERVICE", "POSTAL_CODE"]


class SetJobPlace(Ask):
    """Where a job is, in degrees: a pin on the map."""

    latitude: Latitude
    longitude: Longitude


class JobPlace(Part):
    """Where a job is, and who said so."""

    service_job_id: str
    latitude: float
    longitude: float
    source: PlaceSource


PLACE_ERASED = Says(
    409, "Conflict", "What is personal of job {job_id} was erased; it has no place any more.", "the job was erased"
)

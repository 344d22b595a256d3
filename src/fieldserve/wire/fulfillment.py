"""What was done, on the wire: expected arrival, times, technicians and proof documents of an appointment."""

from dataclasses import dataclass

import msgspec

from fieldserve.wire.appointments import AppointmentResource
from fieldserve.wire.errors import Fault, Says
from fieldserve.wire.parts import Part
from fieldserve.wire.times import Instant, TimeFault, is_utc, parse


class DateTimeRange(Part):
    start_time: str | None = None
    end_time: str | None = None


class FulfillmentTime(Part):
    start_time: str | None = None
    end_time: str | None = None


class FulfillmentDocument(Part):
    upload_destination_id: str | None = None
    content_sha256: str | None = msgspec.field(default=None, name="contentSha256")


class SetAppointmentFulfillmentDataRequest(Part):
    estimated_arrival_time: DateTimeRange | None = None
    fulfillment_time: FulfillmentTime | None = None
    appointment_resources: list[AppointmentResource] | None = None
    fulfillment_documents: list[FulfillmentDocument] | None = None

    def is_empty(self) -> bool:
        return not (
            self.estimated_arrival_time
            or self.fulfillment_time
            or self.appointment_resources
            or self.fulfillment_documents
        )


# ---- what the operation answers when it refuses


def _says(message: str, when: str, status: int = 422) -> Says:
    return Says(status, "InvalidInput", message, when)


def _proof(reason: str, when: str) -> Says:
    return _says(f"Failed to process proof of appointment input. Reason: {reason}", when)


NO_ARTIFACTS = _says("No fulfillment artifacts provided in JSON payload.", "the body says nothing", 400)
JOB_NOT_UPDATABLE = _says(
    "Job with id {job_id} can not be updated. Please check if the job is in valid status.",
    "the job is not NOT_SERVICED",
)
APPOINTMENT_NOT_IN_JOB = _says(
    "Appointment with id {appointment_id} is not present in the job. Please check the input again.",
    "the job has no such appointment",
)
APPOINTMENT_NOT_UPDATABLE = _says(
    "Appointment with appointment id {appointment_id} is not valid to update. Please check the input again",
    "the appointment is CANCELLED",
)
START_REQUIRED = _says("Appointment start time is required. Please check the input again.", "no startTime")
END_REQUIRED = _says("Appointment end time is required. Please check the input again.", "no endTime")
NOT_A_TIME = _says(
    "Could not parse given time input {time}. Please provide time in ISO8601 format", "a time is not ISO 8601"
)
START_IN_FUTURE = _says(
    "Appointment start time should not be in future. Please check the input again",
    "startTime is after the present",
)
END_IN_FUTURE = _says(
    "Appointment end time should not be in future. Please check the input again",
    "endTime is after the present",
)
END_BEFORE_START = _says(
    "Appointment end time should be after start time. Please check the input again.",
    "endTime is earlier than startTime; the same instant is allowed",
)
NOT_UTC = _says(
    "ISO8601 time {time} is not in UTC format. Please provide time in UTC",
    "a time has an offset other than UTC",
)
ETA_INCOMPLETE = _says(
    "Failed to process input. Reason: ETA start and end time both are mandatory field as part of "
    "estimatedArrivalTime object. Please check the input again",
    "estimatedArrivalTime lacks one of its two times",
)
ETA_END_BEFORE_START = _says(
    "Failed to process input. Reason: ETA end time should be after start time. Please check the input again",
    "estimatedArrivalTime ends before it starts",
)
RESOURCE_INVALID = _says(
    "One or more resources provided is invalid. Please check the input again.",
    "a resource without a proper id, or one that is no technician",
)
RESOURCE_NOT_EXIST = _says(
    "One or more resources provided does not exist or is deleted. Please check the input again.",
    "the seller has no such technician",
)
DOCUMENT_UNKNOWN = _proof(
    "Input document id does not exist. Please check the input", "the seller has no such upload destination"
)
DOCUMENT_PARAMETERS = _proof(
    "Input document parameters are invalid. Please check the input.",
    "the document has expired, belongs to another appointment already, or its contentSha256 is missing",
)
DOCUMENT_NOT_UPLOADED = _proof(
    "Document encrypted not found or exist. Please review document uploaded", "nothing was uploaded"
)
DOCUMENT_LENGTH_UNKNOWN = _proof(
    "Failed to retrieve document content length. Please review document uploaded",
    "the uploaded file is empty",
)
DOCUMENT_LENGTH = _proof(
    "Document failed to meet content length restrictions. Please review document uploaded",
    "the plain file is empty, larger than 5,242,880 bytes, or not of the announced contentLength",
)
DOCUMENT_DECRYPT = _proof(
    "Document failed to decrypt or decipher. Please review the uploaded document",
    "the file was not encrypted with the key and vector of its destination",
)
DOCUMENT_TYPE = _proof(
    "Document failed to meet content type restrictions. Please review document uploaded",
    "the file's first bytes are not those of its contentType",
)
DOCUMENT_SHA256 = _proof(
    "Document failed to meet sanity check. Could not get a Sha256 Message Digest instance. "
    "Please review document uploaded",
    "contentSha256 is not the SHA-256 (base64) of the plain file",
)
DOCUMENT_MALWARE = _proof(
    "Document failed to meet malware check. Please review document uploaded",
    "the malware check refused the file",
)

# ---- reading times


@dataclass(frozen=True, slots=True)
class Span:
    start: Instant
    end: Instant


def read_fulfillment_time(time: FulfillmentTime, now: Instant) -> Span | Fault:
    """The span worked, or the first fault: missing, unparsable, future, end before start, not UTC."""
    if time.start_time is None:
        return START_REQUIRED.fault()
    if time.end_time is None:
        return END_REQUIRED.fault()
    span = _parsed(time.start_time, time.end_time)
    if isinstance(span, Fault):
        return span
    if span.start > now:
        return START_IN_FUTURE.fault()
    if span.end > now:
        return END_IN_FUTURE.fault()
    if span.end < span.start:
        return END_BEFORE_START.fault()
    return _not_utc(time.start_time, time.end_time) or span


def read_arrival(arrival: DateTimeRange) -> Span | Fault:
    """The window in which the technician is expected, or the first fault in the same order."""
    if arrival.start_time is None or arrival.end_time is None:
        return ETA_INCOMPLETE.fault()
    span = _parsed(arrival.start_time, arrival.end_time)
    if isinstance(span, Fault):
        return span
    if span.end < span.start:
        return ETA_END_BEFORE_START.fault()
    return _not_utc(arrival.start_time, arrival.end_time) or span


def _parsed(start: str, end: str) -> Span | Fault:
    instants = []
    for text in (start, end):
        try:
            instants.append(parse(text))
        except TimeFault:
            return NOT_A_TIME.fault(time=text)
    return Span(*instants)


def _not_utc(*texts: str) -> Fault | None:
    return next((NOT_UTC.fault(time=text) for text in texts if not is_utc(text)), None)

"""Proof documents on the wire: where to upload, and how to encrypt."""

import re
from dataclasses import dataclass
from typing import Literal

import msgspec

from fieldserve.wire.errors import BODY_TOO_LARGE, Fault, Says
from fieldserve.wire.parameters import ParameterFault
from fieldserve.wire.parts import Part

ContentType = Literal["TIFF", "JPG", "PNG", "JPEG", "GIF", "PDF"]
CONTENT_TYPES: tuple[ContentType, ...] = ("TIFF", "JPG", "PNG", "JPEG", "GIF", "PDF")
LARGEST_DOCUMENT = 5_242_880

_MD5 = re.compile(r"[A-Za-z0-9\\+/]{22}={2}", re.ASCII)


class ServiceUploadDocument(Part):
    """contentType is held to its list by the operation (422), not by the shape (400)."""

    content_type: str | None = None
    content_length: float | None = None
    content_md5: str | None = msgspec.field(default=None, name="contentMD5")


class EncryptionDetails(Part):
    standard: Literal["AES"]
    initialization_vector: str
    key: str

    def __repr__(self) -> str:  # the default one would carry the key into logs and tracebacks
        return "EncryptionDetails(…)"


class ServiceDocumentUploadDestination(Part):
    upload_destination_id: str
    url: str
    encryption_details: EncryptionDetails
    headers: dict[str, str]

    def __repr__(self) -> str:  # whoever has the URL may upload
        return f"ServiceDocumentUploadDestination({self.upload_destination_id!r}, …)"


class CreateServiceDocumentUploadDestinationResponse(Part):
    payload: ServiceDocumentUploadDestination | None = None
    errors: list[Fault] | None = None


# ---- what the operation answers when it refuses

MISSING = Says(
    400,
    "InvalidInput",
    "Missing or invalid request parameters: [{names}].",
    "contentType or contentLength is missing, or contentLength or contentMD5 is malformed",
)
WRONG_TYPE = Says(
    422,
    "InvalidInput",
    "contentType parameter is invalid. Use one of ['TIFF', 'JPG', 'PNG', 'JPEG', 'GIF', 'PDF']",
    "contentType is none of the six",
)


@dataclass(frozen=True, slots=True)
class UploadValue:
    """What the caller announces: length in bytes, MD5 (base64) of the uploaded bytes or None."""

    content_type: ContentType
    content_length: int
    content_md5: str | None


def upload_faults(document: ServiceUploadDocument) -> list[ParameterFault]:
    """What of the announcement is missing or malformed."""
    faults = []
    if document.content_type is None:
        faults.append(ParameterFault("contentType", "contentType is required in the body"))
    length = document.content_length
    if length is None or length != int(length) or not 1 <= length <= LARGEST_DOCUMENT:
        reason = f"contentLength must be a whole number of bytes from 1 to {LARGEST_DOCUMENT}"
        faults.append(ParameterFault("contentLength", reason))
    if document.content_md5 is not None and not _MD5.fullmatch(document.content_md5):
        faults.append(ParameterFault("contentMD5", "contentMD5 must be the base64 of an MD5 digest, 24 characters"))
    return faults


def read_upload(document: ServiceUploadDocument) -> UploadValue:
    """The announcement without `upload_faults`. Raises ApiError WRONG_TYPE."""
    assert document.content_length is not None
    for content_type in CONTENT_TYPES:
        if content_type == document.content_type:
            return UploadValue(content_type, int(document.content_length), document.content_md5)
    raise WRONG_TYPE.error()


# ---- what uploading answers when it refuses, as {"errors": [...]}

UPLOAD_REFUSED = Says(
    403,
    "Unauthorized",
    "Access to requested resource is denied.",
    "the upload URL is not one that this server signed, or its document is no longer there",
)
UPLOAD_EXPIRED = Says(
    403,
    "Unauthorized",
    "The upload URL has expired. Create another upload destination.",
    "the upload began later than 5 minutes after its URL was made",
)
UPLOAD_HEADERS = Says(
    400,
    "InvalidInput",
    "Missing or invalid request headers: [{names}]",
    "a header of payload.headers was not sent, or with another value",
)
UPLOAD_DIGEST = Says(
    400,
    "InvalidInput",
    "The uploaded bytes do not have the MD5 digest that was announced.",
    "contentMD5, or the header Content-MD5, is not the MD5 (base64) of the uploaded bytes",
)
UPLOAD_TOO_SLOW = Says(
    408,
    "RequestTimeout",
    "The upload was not complete within {seconds} seconds.",
    "the bytes came too slowly",
)
UPLOAD_ATTACHED = Says(
    409,
    "InvalidInput",
    "The document is attached to an appointment and cannot be replaced.",
    "an upload to a document that setAppointmentFulfillmentData has taken",
)
UPLOAD_ERRORS = (
    UPLOAD_REFUSED,
    UPLOAD_EXPIRED,
    UPLOAD_HEADERS,
    UPLOAD_DIGEST,
    UPLOAD_TOO_SLOW,
    UPLOAD_ATTACHED,
    BODY_TOO_LARGE,
)

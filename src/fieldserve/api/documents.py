"""Endpoint of proof documents; `uploads.py` takes their bytes."""

from starlette.requests import Request

from fieldserve.api.edge import Call, Endpoint
from fieldserve.operations import documents
from fieldserve.wire.documents import (
    CreateServiceDocumentUploadDestinationResponse,
    read_upload,
    upload_faults,
)


async def create_service_document_upload_destination(call: Call) -> CreateServiceDocumentUploadDestinationResponse:
    """POST /service/v1/documents"""
    call.refuse(*upload_faults(call.body))
    base_url = call.context.settings.public_url or str(Request(call.scope).base_url)
    return await documents.create_service_document_upload_destination(
        call.context, call.caller, read_upload(call.body), base_url
    )


ENDPOINTS: dict[str, Endpoint] = {"createServiceDocumentUploadDestination": create_service_document_upload_destination}

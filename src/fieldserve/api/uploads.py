"""Where documents are uploaded to: PUT /uploads/{uploadDestinationId}?seller=…&expires=…&signature=….

The URL comes from createServiceDocumentUploadDestination and is all the authorization there is; it takes no access
token. A success is 200 without a body, with the MD5 of the bytes as ETag (as S3 answers); a refusal is JSON,
{"errors": [...]}, with the status and words of `wire.documents.UPLOAD_ERRORS`.
"""

import logging
import uuid

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fieldserve.api.refusals import refusal_of
from fieldserve.operations import documents
from fieldserve.operations.documents import UploadTicket
from fieldserve.wire.encoding import encode
from fieldserve.wire.errors import ApiError

log = logging.getLogger("fieldserve.requests")


async def put_upload(request: Request) -> Response:
    """Take an encrypted document."""
    request_id = str(uuid.uuid4())
    # Neither query nor headers are logged: the signature is as good as a token.
    try:
        md5 = await documents.upload(request.app.state.context, _ticket(request), request.headers, request.stream())
    except Exception as fault:
        refusal = refusal_of(fault, request_id)
        if refusal is None:
            log.info("%s upload broken off by the caller", request_id)
            return Response(status_code=400)
        log.info("%s upload %s", request_id, refusal.status)
        return _refusal(refusal, request_id)
    log.info("%s upload 200", request_id)
    return Response(headers={"x-amzn-RequestId": request_id, "ETag": f'"{md5}"'})


def _ticket(request: Request) -> UploadTicket:
    query = request.query_params
    return UploadTicket(
        query.get("seller", ""),
        request.path_params["upload_destination_id"],
        query.get("expires", ""),
        query.get("signature", ""),
    )


def _refusal(fault: ApiError, request_id: str) -> Response:
    headers = {"x-amzn-RequestId": request_id}
    if fault.status in (408, 413):
        headers["Connection"] = "close"  # the rest of the body is not read
    return Response(encode({"errors": fault.faults}), fault.status, headers, media_type="application/json")


# `:path`, so that whatever stands there is refused in the same words, slashes included.
ROUTES = [Route("/uploads/{upload_destination_id:path}", put_upload, methods=["PUT"])]

"""Proof documents on their way into the small world: announced, encrypted, uploaded, and named in a fulfilment."""

import base64
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fieldserve.operations.documents import UploadTicket, upload
from tests.proofs import FILES, chunks, encrypt, sha256
from tests.world import SELLER, World

PNG = FILES["PNG"]


async def document(
    world: World,
    plain: bytes = PNG,
    content_type: str = "PNG",
    *,
    spoil: str = "",
    length: int | None = None,
    seller: str = SELLER,
) -> str:
    """Announce, encrypt and upload a file; answers its id. `spoil` does one thing wrong."""
    announced = {"contentType": content_type, "contentLength": length or len(plain) or 1}
    answer = await world.call("POST", "/service/v1/documents", json=announced, seller=seller)
    payload = answer.json()["payload"]
    details = payload["encryptionDetails"]
    key, vector = base64.b64decode(details["key"]), base64.b64decode(details["initializationVector"])
    content = b"" if spoil == "empty" else encrypt(plain, key, vector)
    # A wrong key would pass for right once in 256 times, when the padding happens to fit; half a block never does.
    content = content[:-8] if spoil == "half a block" else content
    if spoil != "no upload":
        url = urlsplit(payload["url"])
        query = parse_qs(url.query)
        ticket = UploadTicket(
            query["seller"][0], url.path.rsplit("/", 1)[1], query["expires"][0], query["signature"][0]
        )
        headers = {name.lower(): value for name, value in payload["headers"].items()}
        await upload(world.context, ticket, headers | {"content-length": str(len(content))}, chunks(content))
    destination_id: str = payload["uploadDestinationId"]
    return destination_id


def attached(document_id: str, plain: bytes = PNG) -> dict[str, Any]:
    """The part of a fulfilment that makes the document its proof."""
    return {"fulfillmentDocuments": [{"uploadDestinationId": document_id, "contentSha256": sha256(plain)}]}

"""Upload the signed receipt of a visit, and record the visit."""

import base64
import hashlib
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.request import Request, urlopen

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from sp_api.api import Services
from sp_api.base import Marketplaces

job_id, appointment_id, path = sys.argv[1:]
services = Services(Marketplaces.US)
content = Path(path).read_bytes()

destination = services.create_service_document_upload_destination(contentType="PDF", contentLength=len(content)).payload
details = destination["encryptionDetails"]
padder = padding.PKCS7(128).padder()
padded = padder.update(content) + padder.finalize()
cipher = Cipher(
    algorithms.AES(base64.b64decode(details["key"])), modes.CBC(base64.b64decode(details["initializationVector"]))
).encryptor()
encrypted = cipher.update(padded) + cipher.finalize()
with urlopen(Request(destination["url"], encrypted, destination["headers"], method="PUT")) as answer:
    print("uploaded", answer.status)

end = datetime.now(timezone.utc) - timedelta(minutes=5)
res = services.set_appointment_fulfillment_data(
    job_id,
    appointment_id,
    fulfillmentTime={
        "startTime": (end - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "endTime": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
    },
    fulfillmentDocuments=[
        {
            "uploadDestinationId": destination["uploadDestinationId"],
            "contentSha256": base64.b64encode(hashlib.sha256(content).digest()).decode(),
        }
    ],
)
print("recorded", res.payload)
services.complete_service_job_by_service_job_id(job_id)
print(services.get_service_job_by_service_job_id(job_id).serviceJobStatus)

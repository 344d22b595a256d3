"""Cancel what the shop has cancelled; what cannot be cancelled any more is listed."""

import sys

from sp_api.api import Services
from sp_api.base import Marketplaces
from sp_api.base.exceptions import SellingApiBadRequestException, SellingApiException

client = Services(Marketplaces.US)
for job_id in sys.argv[1:]:
    try:
        client.cancel_service_job_by_service_job_id(job_id, cancellationReasonCode="V1")
        print(job_id, "cancelled")
    except SellingApiBadRequestException as e:
        print(job_id, "bad request", e.error)
    except SellingApiException as e:
        print(job_id, e.code, e.amzn_code, e.message)

"""One job of one of our accounts, as the call centre wants to see it."""

import sys

from sp_api.api import Services
from sp_api.base import Marketplaces, SellingApiNotFoundException

services = Services(Marketplaces.US, account="shop")

for job_id in sys.argv[1:]:
    try:
        response = services.get_service_job_by_service_job_id(job_id)
    except SellingApiNotFoundException as e:
        print(f"{job_id}: {e.amzn_code}: {e.message}")
        continue
    job = response()
    print(job_id, response.serviceJobStatus, response("storeId"), job["buyer"]["name"], response.nothing)
    print("errors:", response.errors, "request:", bool(response.headers["x-amzn-RequestId"]))

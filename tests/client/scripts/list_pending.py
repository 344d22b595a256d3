"""Which jobs wait to be scheduled, oldest first."""

from datetime import datetime, timedelta, timezone

from sp_api.api import Services
from sp_api.base import Marketplaces

client = Services(marketplace=Marketplaces.US)
since = (datetime.now(timezone.utc) - timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ")

token = None
count = 0
while True:
    filters = {"createdAfter": since, "serviceJobStatus": ["PENDING_SCHEDULE"], "pageSize": 2, "sortOrder": "ASC"}
    if token:
        filters["pageToken"] = token
    res = client.get_service_jobs(**filters)
    for job in res.payload["jobs"]:
        count += 1
        print(job["serviceJobId"], job["scopeOfWork"]["title"])
    token = res.next_token
    if not token:
        break
print(f"{count} of {res.payload['totalResultSize']} jobs, rate limit {res.rate_limit}")

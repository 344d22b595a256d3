"""Set the opening hours of stores until the end of next year."""

import os
import sys
from datetime import datetime, timezone

from sp_api.api import Services
from sp_api.base import Marketplaces, SellingApiException

credentials = dict(
    lwa_app_id=os.environ["SHOP_CLIENT"],
    lwa_client_secret=os.environ["SHOP_SECRET"],
    refresh_token=os.environ["SHOP_TOKEN"],
)
services = Services(marketplace=Marketplaces.US, credentials=credentials)
year = datetime.now(timezone.utc).year + 1
record = {
    "startTime": f"{year}-01-05T13:00:00Z",
    "endTime": f"{year}-01-05T21:00:00Z",
    "recurrence": {"endTime": f"{year}-12-31T00:00:00Z", "daysOfWeek": ["MONDAY", "TUESDAY", "WEDNESDAY"]},
    "capacity": 3,
}
wrong = {"startTime": f"{year}-01-05T13:00:00Z"}
for store in sys.argv[1:]:
    try:
        result = services.update_schedule(store, schedules=[record, wrong])
    except SellingApiException as e:
        print(store, e.amzn_code, e.message)
        continue
    for told in result.payload:
        for kind in ("warnings", "errors"):
            for one in told.get(kind, []):
                print(store, kind, one["code"])

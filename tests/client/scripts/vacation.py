"""Enter a technician's vacation, make it a day longer, and take it back."""

import sys
from datetime import datetime, timedelta, timezone

from sp_api.api import Services
from sp_api.base import Marketplaces, SellingApiNotFoundException

technician = sys.argv[1]
api = Services(Marketplaces.US)
first = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=30)


def vacation(days):
    end = first + timedelta(days=days)
    return {"type": "VACATION", "availability": {"startTime": first.isoformat(), "endTime": end.isoformat()}}


made = api.create_reservation(resourceId=technician, reservation=vacation(7))
old = made.payload["reservation"]["reservationId"]
longer = api.update_reservation(old, resourceId=technician, reservation=vacation(8))
new = longer.payload["reservation"]["reservationId"]
print("another id:", new != old)
print(api.cancel_reservation(new).payload)
try:
    api.cancel_reservation(new)
except SellingApiNotFoundException as e:
    print(e.message)

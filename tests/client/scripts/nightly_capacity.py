"""What the stores can still take in the next ten weeks, for the planners' spreadsheet."""

import csv
import sys
from datetime import datetime, timedelta, timezone

from sp_api.api import Services
from sp_api.base import Marketplaces

client = Services(Marketplaces.US)
start = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
query = {
    "capacityTypes": ["SCHEDULED_CAPACITY", "AVAILABLE_CAPACITY"],
    "startDateTime": start.isoformat(),
    "endDateTime": (start + timedelta(weeks=10)).isoformat(),
    "marketplaceIds": "ATVPDKIKX0DER",
}
rows = []
for store in sys.argv[1:]:
    token, pages = None, 0
    while True:
        more = {"nextPageToken": token} if token else {}
        res = client.get_range_slot_capacity(store, **query, **more)
        pages += 1
        for capacity in res.payload["capacities"]:
            for slot in capacity["slots"]:
                rows.append((store, capacity["capacityType"], slot["startDateTime"], slot["capacity"]))
        token = res.next_token
        if token is None:
            break
    print(store, pages, "pages")

tomorrow = {**query, "endDateTime": (start + timedelta(days=1)).isoformat()}
fixed = client.get_fixed_slot_capacity(sys.argv[1], slotDuration=120, **tomorrow)
print(len(fixed.payload["capacities"]), "slots of", fixed.slotDuration, "minutes")
csv.writer(sys.stdout).writerows(rows[:1])

"""The technician is ill: move the visit by a day."""

import sys
from datetime import datetime, timedelta

from sp_api.api import Services
from sp_api.base import Marketplaces, SellingApiException

job_id = sys.argv[1]
client = Services(Marketplaces.US, timeout=20)
job = client.get_service_job_by_service_job_id(serviceJobId=job_id).payload
active = next(a for a in job["appointments"] if a["appointmentStatus"] == "ACTIVE")
start = datetime.strptime(active["appointmentTime"]["startTime"], "%Y-%m-%dT%H:%M:%SZ") + timedelta(days=1)
try:
    moved = client.reschedule_appointment_for_service_job_by_service_job_id_post(
        job_id,
        active["appointmentId"],
        appointmentTime={"startTime": start.strftime("%Y-%m-%dT%H:%M:%SZ")},
        rescheduleReasonCode="R1",
    )
except SellingApiException as ex:
    print("could not move:", ex.message)
    sys.exit(1)
print("moved to", start, moved.payload["appointmentId"] != active["appointmentId"])

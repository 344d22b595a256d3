"""Book a job on the first slot that is free."""

import sys

from sp_api.api import Services
from sp_api.base import Marketplaces

job_id = sys.argv[1]
with Services(Marketplaces.US) as services:
    slots = services.get_appointmment_slots_by_job_id(job_id, marketplaceIds=["ATVPDKIKX0DER"]).payload
    free = [slot for slot in slots["appointmentSlots"] if slot["capacity"] > 0]
    first = free[0]
    booked = services.add_appointment_for_service_job_by_service_job_id(
        job_id, appointmentTime={"startTime": first["startTime"], "durationInMinutes": 60}
    )
    print("booked", booked.appointmentId)
    for warning in booked.payload.get("warnings", []):
        print("warning", warning["code"])

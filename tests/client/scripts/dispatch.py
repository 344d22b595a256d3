"""Give every booked job its technician, all at the same time."""

import asyncio
import sys

from sp_api.asyncio.api import Services
from sp_api.base import Marketplaces, SellingApiException


async def dispatch(services, job_id, technician):
    job = (await services.get_service_job_by_service_job_id(job_id)).payload
    appointment_id = job["appointments"][-1]["appointmentId"]
    try:
        await services.assign_appointment_resources(job_id, appointment_id, resources=[{"resourceId": technician}])
    except SellingApiException as e:
        return f"{job_id} {e.message}"
    return f"{job_id} {technician}"


async def main():
    technician, *jobs = sys.argv[1:]
    async with Services(Marketplaces.US) as services:
        slots = await services.get_appointment_slots(asin="B0MOUNTING", storeId="store-1")
        print(slots.payload["schedulingType"])
        for line in await asyncio.gather(*(dispatch(services, job, technician) for job in jobs)):
            print(line)


asyncio.run(main())

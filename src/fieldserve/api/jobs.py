"""Endpoints of service jobs."""

from fieldserve.api.edge import Call, Endpoint
from fieldserve.operations import jobs
from fieldserve.wire.jobs import read_listing


async def get_service_job(call: Call) -> bytes:
    """getServiceJobByServiceJobId"""
    call.refuse()
    return await jobs.get_service_job_by_service_job_id(call.context, call.caller, call.values["serviceJobId"])


async def get_service_jobs(call: Call) -> bytes:
    """getServiceJobs"""
    call.refuse()
    query, faults = read_listing(call.values)
    call.refuse(*faults)
    call.marketplace()
    assert query is not None
    return await jobs.get_service_jobs(call.context, call.caller, query)


async def cancel_service_job(call: Call) -> None:
    """cancelServiceJobByServiceJobId"""
    call.refuse()
    await jobs.cancel_service_job_by_service_job_id(
        call.context, call.caller, call.values["serviceJobId"], call.values["cancellationReasonCode"]
    )


async def complete_service_job(call: Call) -> None:
    """completeServiceJobByServiceJobId"""
    call.refuse()
    await jobs.complete_service_job_by_service_job_id(call.context, call.caller, call.values["serviceJobId"])


ENDPOINTS: dict[str, Endpoint] = {
    "getServiceJobByServiceJobId": get_service_job,
    "getServiceJobs": get_service_jobs,
    "cancelServiceJobByServiceJobId": cancel_service_job,
    "completeServiceJobByServiceJobId": complete_service_job,
}

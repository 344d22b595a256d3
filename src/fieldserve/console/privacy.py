"""Retention: how long what is kept, and what is held of a buyer, to be given to them or erased.

/console/{seller}/settings/retention"""

import msgspec
from starlette.responses import Response

from fieldserve.console.pages import Refused, Visit, page
from fieldserve.console.settings import tabs
from fieldserve.operations import privacy, webhook_deliveries
from fieldserve.wire.encoding import encode

PATH = "/{seller}/settings/retention"
_LONGEST = 50


async def show(visit: Visit) -> Response:
    """GET: how long what is kept, and the jobs of the buyer whose id is in the address."""
    return await _page(visit, visit.request.query_params.get("buyer", "").strip()[:_LONGEST])


async def _page(visit: Visit, buyer_id: str, done: str = "") -> Response:
    jobs = await privacy.list_buyer_jobs(visit.context, visit.caller, buyer_id) if buyer_id else []
    return visit.show(
        "retention.html",
        tabs=tabs(visit, "retention"),
        settings=visit.context.settings,
        ended=webhook_deliveries.KEEP_ENDED,
        dead=webhook_deliveries.KEEP_DEAD,
        buyer_id=buyer_id,
        jobs=jobs,
        closed=any(one.is_closed for one in jobs),
        done=done,
    )


async def download(visit: Visit) -> Response:
    """GET: everything held of a buyer, as JSON to give to them; the log notes that it was read."""
    buyer_id = visit.request.query_params.get("buyer", "").strip()
    held = await privacy.export_buyer(visit.context, visit.caller, buyer_id)
    if not held.jobs:
        raise Refused(404, visit.words.text("This buyer has no job here."))
    headers = {"content-disposition": 'attachment; filename="buyer.json"', "cache-control": "no-store"}
    return Response(msgspec.json.format(encode(held)), headers=headers, media_type="application/json")


async def erase(visit: Visit) -> Response:
    """POST: erase what is personal of a buyer's closed jobs, and their proof documents."""
    buyer_id = visit.fields.get("buyer", "").strip()
    erased = await privacy.erase_buyer(visit.context, visit.caller, buyer_id)
    done = visit.words.text(
        "Erased: %(jobs)d jobs, %(documents)d proof documents. Open, and left: %(open)d.",
        jobs=erased.jobs,
        documents=erased.documents,
        open=len(erased.open_job_ids),
    )
    return await _page(visit, buyer_id, done)


ROUTES = [
    page(PATH, show, "set_up"),
    page(f"{PATH}/buyer.json", download, "set_up"),
    page(PATH, erase, "set_up", "POST"),
]

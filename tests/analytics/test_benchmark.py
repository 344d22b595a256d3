"""The benchmark of the audit, in a short form: what it compares is equal, and it prints what the docs quote."""

import re

import pytest

from benchmarks import analytics


def test_it_compares_and_prints(capfd: pytest.CaptureFixture[str]) -> None:
    """Engines that differ would end it; here they come to the same, and every table has its line."""
    analytics.main(["--appointments", "3000", "--weeks", "2", "--rounds", "1", "--days", "2", "--a-day", "5"])
    printed = capfd.readouterr().out
    assert re.search(r"^3,000 appointments in .* a file a day", printed, re.M)
    # 2,000 technicians have 3,000 appointments and a fifth more: hardly two of a technician fall into a week.
    found = re.search(r"16 metrics, ([\d,]+) rows, the same from both", printed)
    assert found is not None
    assert 2_000 < int(found[1].replace(",", "")) < 3_600
    figure = r" +\d+\.\d\d"
    for line in (f"DuckDB, limit 2GB{figure * 3} +1.0", f"pandas{figure * 3} +[0-9.]+", f"refresh{figure * 3}"):
        assert re.search(f"^{line}$", printed, re.M), line

"""What the fault tests share: a row for the table at the end, and PostgreSQL servers of their own to be killed."""

from collections.abc import Callable, Iterator
from typing import cast

import pytest

from tests.faults.cluster import Cluster

Row = Callable[[str, object, object], None]


@pytest.fixture
def row(request: pytest.FixtureRequest) -> Row:
    """A function that puts a row (name, size, result) into the table that a run prints at its end."""

    def add(name: str, size: object, result: object) -> None:
        request.node.user_properties.append(("fault", [name, str(size), str(result)]))

    return add


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A PostgreSQL server of the test's own, on a TCP port, which it may stop and start."""
    with Cluster.made() as cluster:
        yield cluster


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table."""
    rows = [
        [*cast(list[str], value), "passed" if report.passed else "FAILED"]
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, value in report.user_properties
        if name == "fault"
    ]
    if not rows:
        return
    rows = [["fault", "size", "result", ""], *sorted(rows)]
    widths = [max(len(line[column]) for line in rows) for column in range(4)]
    terminalreporter.write_sep("=", "faults")
    for line in rows:
        terminalreporter.write_line("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)))

"""`fieldserve feedback import` on a database of its own, as a user runs it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_export import order, run, shop

__all__ = ["run", "shop"]  # fixtures

HEAD = "serviceJobId,date,stars,claim\n"


@pytest.fixture
def give(run: Any, shop: Path, tmp_path: Path) -> Any:
    """Import a text, in which TODAY is the present; what was printed, with the exit code. There are job-1 and job-2."""
    order(run, "job-2")
    today = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")  # the command's clock is the machine's

    def give(text: str | bytes, *more: str) -> tuple[str, str, int]:
        file = tmp_path / "feedback.csv"
        file.write_bytes(text if isinstance(text, bytes) else text.replace("TODAY", today).encode())
        answer: tuple[str, str, int] = run("feedback", "import", str(file), *more)
        return answer

    return give


class TestImport:
    def test_once_and_again(self, give: Any) -> None:
        """Two lines of three figures; the same again changes nothing; others replace them, and that is said."""
        lines = f"{HEAD}job-1,TODAY,4,NONE\n\njob-2,TODAY,5,\n"
        assert give(lines)[::2] == ("3 added, 0 replaced, 0 known already\n", 0)
        assert give(lines)[0] == "0 added, 0 replaced, 3 known already\n"
        out = give("claim,date,serviceJobId\nGRANTED,TODAY,job-1\n")[0]
        assert out.startswith("job-1: claim NONE of 20")
        assert out.endswith("0 added, 1 replaced, 0 known already\n")

    def test_as_spreadsheets_write_it(self, give: Any) -> None:
        """With a mark of the byte order, quotes and line ends of Windows."""
        assert give('\ufeffserviceJobId,date,stars\r\n"job-1","TODAY"," 4 "\r\n')[0].startswith("1 added")

    def test_each_line_that_is_wrong(self, give: Any) -> None:
        """All faults are told at once, each with its line of the file, also behind a row of two lines; what is right is
        not taken either."""
        out, told, code = give(
            f"{HEAD}job-1,TODAY,4,NONE\n"  # line 2
            "job-9,TODAY,4,\n"
            '"job-\n9",TODAY,4,\n'  # lines 4 and 5
            "job-2,TODAY,five,\n"
            "job-2,TODAY\n"
            "job-2,yesterday,6,\n"
        )
        assert (out, code) == ("", 2)
        assert told.splitlines() == [
            "fieldserve: nothing was imported, since",
            "  line 3: the seller has no job job-9",
            "  line 4: serviceJobId is no id of a job: job-\\n9",
            "  line 6: stars must be a whole number from 1 to 5, not five",
            "  line 7: has 2 cells, and there are 4 columns",
            "  line 8: stars must be from 1 to 5, not 6",
            "  line 8: date must be a day or an instant with its offset, not yesterday",
        ]
        assert give(f"{HEAD}job-1,TODAY,4,NONE\n")[0].startswith("2 added")

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "the file has no line with feedback or a claim"),
            (HEAD, "the file has no line with feedback or a claim"),
            ("serviceJobId,stars\n", "line 1: the columns are serviceJobId, date, stars, claim, and date is missing"),
            ("serviceJobId,date\n", "stars or claim is missing"),
            ("serviceJobId,date,stars,stars\n", "stars is there twice"),
            ("serviceJobId,date,stars,comment\n", "comment is none of them"),
            (f'{HEAD}job-1,TODAY,"4\n', "line 2: is no CSV"),
            (b"\xff\xfe\x00", "is not in UTF-8"),
        ],
    )
    def test_no_such_file(self, give: Any, text: str | bytes, words: str) -> None:
        """A file that cannot be read says what it should be."""
        _, told, code = give(text)
        assert code == 2
        assert words in told

    def test_whose(self, give: Any, run: Any) -> None:
        """With a second seller it has to be said whose jobs they are; a job of another seller is unknown."""
        run("sellers", "add", "Other Ltd", "--marketplace", "ATVPDKIKX0DER", "--id", "AOTHER0000001")
        lines = f"{HEAD}job-1,TODAY,4,\n"
        assert "say which with --seller" in give(lines)[1]
        assert "line 2: the seller has no job job-1" in give(lines, "--seller", "AOTHER0000001")[1]
        assert give(lines, "--seller", "APROBE0000001")[0].startswith("1 added")

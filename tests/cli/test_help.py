"""The command line explains itself, and tells what is wrong in a line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from fieldserve.cli import COMMANDS, cli, main

GROUPS = ("sellers", "stores", "technicians", "services", "orders", "applications", "keys")


class TestHelp:
    """--help"""

    def test_lists_every_command(self) -> None:
        """The list has every command of the table, with its line."""
        answer = CliRunner().invoke(cli, ["--help"])
        assert answer.exit_code == 0
        for name, (_, says) in COMMANDS.items():
            assert name in answer.output
            assert says in " ".join(answer.output.split())

    @pytest.mark.parametrize("name", list(COMMANDS))
    def test_of_every_command(self, name: str) -> None:
        """Each command has help of its own."""
        answer = CliRunner().invoke(cli, [name, "--help"])
        assert answer.exit_code == 0
        assert "Usage:" in answer.output

    @pytest.mark.parametrize("name", GROUPS)
    def test_of_every_deed(self, name: str) -> None:
        """Each command within a group has a line in the group's list, and help of its own."""
        listed = CliRunner().invoke(cli, [name, "--help"]).output.partition("Commands:")[2].strip().splitlines()
        assert len(listed) >= 3
        for line in listed:
            deed, _, says = line.strip().partition(" ")
            assert says.strip()
            assert CliRunner().invoke(cli, [name, deed, "--help"]).exit_code == 0

    def test_imports_nothing_heavy(self) -> None:
        """The list is there without the server's packages, so that it comes at once."""
        watch = (
            "import sys; from fieldserve.cli import main\ntry: main(['--help'])\nexcept SystemExit: print(*sys.modules)"
        )
        told = subprocess.run([sys.executable, "-c", watch], capture_output=True, text=True, check=True).stdout
        modules = set(told.split())
        assert "click" in modules
        assert not modules & {
            "apsw",
            "asyncpg",
            "alembic",
            "starlette",
            "granian",
            "rich.table",
            "httpx2",
            "cryptography",
        }


class TestErrors:
    """What a person can mend is told in a line: exit 2, no trace."""

    def test_unknown_command(self) -> None:
        """A command that does not exist."""
        answer = CliRunner().invoke(cli, ["fly"])
        assert answer.exit_code == 2
        assert "fly" in answer.output

    def test_setting(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """A setting in the environment that will not do."""
        monkeypatch.setenv("FIELDSERVE_PORT", "many")
        with pytest.raises(SystemExit) as ended:
            main(["keys", "list", "--data", str(tmp_path)])
        assert ended.value.code == 2
        assert "FIELDSERVE_PORT must be a whole number" in capsys.readouterr().err

    def test_database_that_cannot_be_opened(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        """A data folder that is a file."""
        (tmp_path / "file").write_text("")
        with pytest.raises(SystemExit) as ended:
            main(["keys", "list", "--database", f"sqlite:///{tmp_path}/file/x.db", "--data", str(tmp_path / "data")])
        assert ended.value.code == 2
        told = capsys.readouterr().err
        assert told.startswith("fieldserve: cannot open")
        assert "Traceback" not in told

    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("mysql://host/name", "must start with sqlite:/// or postgresql://"),
            ("sqlite:///{}/file/x.db", "cannot open"),
        ],
    )
    def test_serve_without_database(
        self, url: str, reason: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        """The server does not start on a database that it cannot open."""
        (tmp_path / "file").write_text("")
        with pytest.raises(SystemExit) as ended:
            main(["serve", "--port", "0", "--database", url.format(tmp_path), "--data", str(tmp_path / "data")])
        assert ended.value.code == 2
        told = capsys.readouterr().err
        assert told.startswith("fieldserve: ")
        assert reason in told

    def test_demo_beside_other_data(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        """The demo does not touch a database that it did not make, not even to reset it."""
        precious = tmp_path / "fieldserve.db"
        precious.write_text("precious")
        with pytest.raises(SystemExit) as ended:
            main(["demo", "--reset", "--port", "0", "--data", str(tmp_path)])
        assert ended.value.code == 2
        assert "not a demo's" in capsys.readouterr().err
        assert precious.read_text() == "precious"

    @pytest.mark.parametrize("content", [None, "not JSON", "[]", json.dumps({"endpoint": ""})])
    def test_tour_without_credentials(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path, content: str | None
    ) -> None:
        """The tour says where its credentials come from."""
        file = tmp_path / "credentials.json"
        if content is not None:
            file.write_text(content)
        with pytest.raises(SystemExit) as ended:
            main(["tour", "--credentials", str(file)])
        assert ended.value.code == 2
        assert str(file) in capsys.readouterr().err

    def test_tour_without_server(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        """The tour says that nobody answers, and what to start."""
        account = {"refresh_token": "r", "client_id": "c", "client_secret": "s"}
        file = tmp_path / "credentials.json"
        known = {"endpoint": "http://127.0.0.1:9", "token_endpoint": "http://127.0.0.1:9/auth/o2/token"}
        file.write_text(json.dumps({**known, "accounts": [account]}))
        with pytest.raises(SystemExit) as ended:
            main(["tour", "--credentials", str(file)])
        assert ended.value.code == 2
        assert "fieldserve demo" in capsys.readouterr().err

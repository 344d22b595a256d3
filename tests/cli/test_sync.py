"""`fieldserve sync` and `fieldserve outbox` as somebody types them."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fieldserve.cli import main
from fieldserve.operations import sync
from tests.official.running import SELLER, US, RunningServer, running

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The source, with three jobs."""
    with running(tmp_path_factory.mktemp("source") / "data") as server:
        for _ in range(3):
            server.order()
        yield server


@pytest.fixture
def cli(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """A command on a data folder of the test's own: its status, and what it wrote."""
    for name in list(os.environ):
        if name.startswith(("SP_API_", "LWA_", "AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(sync, "TRIES", 1)

    def cli(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "--data", str(tmp_path / "data")])
        told = capsys.readouterr()
        assert "Traceback" not in told.err
        return int(ended.value.code or 0), told.out, told.err

    return cli


def credentials(server: RunningServer, tmp_path: Path) -> None:
    """credentials.yml with the account `shop`."""
    folder = tmp_path / "config" / "python-sp-api"
    folder.mkdir(parents=True)
    (folder / "credentials.yml").write_text(
        f"shop:\n  lwa_app_id: {server.client_id}\n  lwa_client_secret: {server.client_secret}\n"
        f"  refresh_token: {server.refresh_token}\n"
    )


def test_sync(cli: Cli, server: RunningServer, tmp_path: Path) -> None:
    """The account of credentials.yml; the seller whom the jobs name; the source is remembered."""
    credentials(server, tmp_path)
    where = ("--endpoint", server.base, "--token-endpoint", f"{server.base}/auth/o2/token")
    status, out, _ = cli("sync", "--account", "shop", "--marketplace", US, *where)
    assert (status, out) == (0, f"{US}: 3 new, 0 changed, 0 as before\n")
    status, out, _ = cli("sync", "--account", "shop")
    assert (status, out) == (0, f"{US}: 0 new, 0 changed, 3 as before\n")
    status, out, _ = cli("sync", "--account", "shop", "--full")
    assert (status, out) == (0, f"{US}: 0 new, 0 changed, 3 as before\n")
    status, out, _ = cli("sync", "--account", "shop", "--full", "--since", "2100-01-01")
    assert (status, out) == (0, f"{US}: 0 new, 0 changed, 0 as before\n")
    status, out, _ = cli("sync", "status", "--json")
    (account,) = json.loads(out)["accounts"]
    assert account["mirrors"][0]["sellerId"] == SELLER
    status, out, _ = cli("sync", "status")
    assert "shop, not running" in out
    assert "outbox: empty" in out
    status, out, _ = cli("orders", "list", SELLER, "--json")
    assert len(json.loads(out)) == 3


def test_outbox(cli: Cli) -> None:
    """An empty one, and entries that are not there."""
    assert cli("outbox", "list", "--json")[:2] == (0, "[]\n")
    for deed in ("retry", "drop"):
        status, _, err = cli("outbox", deed, "7")
        assert (status, "no entry 7" in err) == (2, True)


def test_nothing_yet(cli: Cli) -> None:
    """What to do first."""
    status, _, err = cli("sync", "status")
    assert (status, "fieldserve sync --account" in err) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "Credentials are missing"),
        (("--marketplace", "NOWHERE"), "no marketplace"),
    ],
)
def test_refused(cli: Cli, arguments: tuple[str, ...], says: str) -> None:
    """What cannot be is told in a line."""
    status, _, err = cli("sync", "--account", "nobody", *arguments)
    assert (status, says in err) == (2, True)


def test_unreachable(cli: Cli, server: RunningServer, tmp_path: Path) -> None:
    """A source that is away: the run fails, and says that the next one goes on."""
    credentials(server, tmp_path)
    away = "http://127.0.0.1:1"
    status, _, err = cli("sync", "--account", "shop", "--endpoint", away, "--token-endpoint", away)
    assert (status, "goes on from there" in err) == (2, True)


def test_foreign_credentials(cli: Cli, server: RunningServer, tmp_path: Path) -> None:
    """A secret that is wrong is told as the token endpoint tells it, without the secret."""
    credentials(server, tmp_path)
    server = RunningServer(server.base, server.log, server.operator, server.client_id, "wrong", "Atzr|wrong")
    where = ("--endpoint", server.base, "--token-endpoint", f"{server.base}/auth/o2/token")
    path = tmp_path / "config" / "python-sp-api" / "credentials.yml"
    path.write_text(path.read_text().replace("lwa_client_secret: ", "lwa_client_secret: not-"))
    status, _, err = cli("sync", "--account", "shop", *where)
    assert (status, "invalid_client" in err, "not-" in err) == (2, True, False)

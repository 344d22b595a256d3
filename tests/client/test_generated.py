"""The client for threads is what the tool makes of the one for asyncio."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools" / "unasync.py"


@pytest.fixture
def unasync() -> ModuleType:
    spec = importlib.util.spec_from_file_location("unasync", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_current(unasync: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever changes `_async.py` runs the tool."""
    assert unasync.main(["--check"]) == 0, capsys.readouterr().out


def test_stale(
    unasync: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that differs is told, and written when asked."""
    stale = tmp_path / "_sync.py"
    stale.write_text("pass\n")
    monkeypatch.setattr(unasync, "TARGET", stale)
    assert unasync.main(["--check"]) == 1
    assert "run unasync.py" in capsys.readouterr().out
    assert unasync.main([]) == 0
    assert unasync.main(["--check"]) == 0


def test_nothing_is_left(unasync: ModuleType) -> None:
    """No word of asyncio stays behind."""
    text = unasync.TARGET.read_text("utf-8")
    body = text.partition("\n")[2]
    assert "await" not in body
    assert "async" not in body.lower()

"""What the pages refer to is there: other pages, make's targets, commands and their options, files."""

import re
from pathlib import Path

import click
import pytest

from docs import build
from fieldserve.cli import COMMANDS, cli
from tests.docs.markdown import PAGES, ROOT, blocks

HAND_WRITTEN = [page for page in PAGES if "reference" not in page.parts]
_SPAN = re.compile(r"`([^`\n]+)`")
_INDENTED = re.compile(r"^    (\S.*)$", re.MULTILINE)


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def code_of(page: Path) -> list[str]:
    """Everything on a page that is set as code: fenced, indented, or within a line; continued lines are joined."""
    text = page.read_text("utf-8")
    lines = [*_SPAN.findall(text), *_INDENTED.findall(text)]
    for block in blocks(page):
        lines += block.text.replace("\\\n", " ").splitlines()
    return lines


def test_links_lead_somewhere() -> None:
    """Every link between pages leads to a file, and to a heading where it names one."""
    assert build.broken_links() == []


def test_a_link_that_leads_nowhere_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing file and a missing heading are both told; links inside code are none."""
    page = tmp_path / "page.md"
    page.write_text("# One thing\n[a](gone.md) [b](#one-thing) [c](#another)\n\n```text\n[d](nowhere.md)\n```\n")
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "DOCS", tmp_path / "docs")
    assert build.broken_links() == ["page.md: gone.md is no file", "page.md: #another is no heading"]


def test_every_page_is_linked() -> None:
    """From the README every page of the documentation can be reached by links."""
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        for target in re.findall(r"\]\(([^)#\s]+\.md)", page.read_text("utf-8")):
            there = (page.parent / target).resolve()
            waiting += [there] if there.exists() else []
    assert set(PAGES) - reached == set()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_targets_of_make_exist(page: Path) -> None:
    """Every `make …` on a page is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {found for line in code_of(page) for found in re.findall(r"^make ([a-z-]+)", line)}
    assert named <= targets


@pytest.mark.parametrize("page", HAND_WRITTEN, ids=name)
def test_commands_exist(page: Path) -> None:
    """Every `fieldserve …` on a page is a command, and its options are the command's."""
    for line in code_of(page):
        if found := re.match(r"(?:\$ )?fieldserve ([a-z][a-z-]*(?: [a-z][a-z-]*)*)(.*)", line):
            _check_command(found[1].split(), re.findall(r"(?<=\s)--[a-z][a-z-]*", f" {found[2]}"))


def _check_command(words: list[str], options: list[str]) -> None:
    assert words[0] in COMMANDS, f"there is no command {words[0]}"
    command = cli.get_command(click.Context(cli), words[0])
    for word in words[1:]:
        if not isinstance(command, click.Group):
            break
        assert word in command.commands, f"there is no command {words}"
        command = command.commands[word]
    assert command is not None
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert set(options) <= known, f"fieldserve {' '.join(words)} has no {set(options) - known}"


@pytest.mark.parametrize("page", HAND_WRITTEN, ids=name)
def test_files_exist(page: Path) -> None:
    """Every path into the repository that a page names as code is there."""
    for line in _SPAN.findall(page.read_text("utf-8")):
        if re.fullmatch(r"(?:src|tests|docs|tools|benchmarks|requirements)/[\w./-]+", line):
            assert (ROOT / line).exists(), line
        if re.fullmatch(r"(?:wire|domain|store|operations|api|sandbox|cli)/[\w./-]+", line):
            assert (ROOT / "src/fieldserve" / line).exists(), line

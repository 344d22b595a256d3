"""The fenced blocks of a page, and running those that are marked to be run.

A block whose info string is `python run` or `bash run` is run; where a block `text output` follows, that is what it
prints, `…` standing for anything. All blocks of a language on a page are one program, run in order in a process of its
own, so that later ones find what earlier ones made.
"""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]

_FENCE = re.compile(r"^( *)(```+)([^\n`]*)\n(.*?)^\1\2 *$", re.MULTILINE | re.DOTALL)
# Printed before each block, to tell apart what they print.
_MARK = "\x1e"
_PRINT_MARK = {"python": "print('\\x1e', flush=True)\n", "bash": "printf '\\036\\n'\n"}


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its info string, its text, its line on the page, and what it prints if the page says so."""

    info: str
    text: str
    line: int
    output: str | None = None


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page in order; a `text output` becomes part of the block before it."""
    text = page.read_text("utf-8")
    found: list[Block] = []
    for match in _FENCE.finditer(text):
        info, content = match[3].strip(), match[4]
        if info == "text output":
            before = found.pop()
            found.append(Block(before.info, before.text, before.line, content))
        else:
            found.append(Block(info, content, text.count("\n", 0, match.start()) + 2))
    return found


def runnable(page: Path, language: str) -> list[Block]:
    """The blocks of a language that are marked to be run."""
    return [block for block in blocks(page) if block.info == f"{language} run"]


def run(page: Path, language: str, folder: Path) -> None:
    """Run the page's blocks of a language in a folder, and hold what they print to the page."""
    shown = runnable(page, language)
    script = "".join(_PRINT_MARK[language] + block.text for block in shown)
    command = [sys.executable, "-c", script] if language == "python" else ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    printed = done.stdout.split(f"{_MARK}\n")[1:]
    reached = shown[len(printed) - 1].line
    assert done.returncode == 0, f"{page.name}, the block at line {reached}:\n{done.stdout}\n{done.stderr}"
    for block, text in zip(shown, printed, strict=True):
        if block.output is not None:
            assert matches(block.output, text), f"{page.name}, line {block.line} printed:\n{text}"


def matches(expected: str, printed: str) -> bool:
    """Whether what was printed is as the page says."""
    pattern = ".*".join(re.escape(part) for part in expected.strip().split("…"))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None

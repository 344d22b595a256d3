"""Prism, which mocks an API from its description: installed with npm for the measurement, and started.

FIELDSERVE_MODEL names the published model of the API (services.json), which is not ours to pass on; without it, or
without node and npm, nothing is measured.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import load

PACKAGE = "@stoplight/prism-cli@5"


def why_absent() -> str | None:
    """What is missing, if anything."""
    if not os.environ.get("FIELDSERVE_MODEL"):
        return "FIELDSERVE_MODEL does not name the published model"
    return None if shutil.which("npm") and shutil.which("node") else "there is no node and npm"


@contextmanager
def running(folder: Path) -> Iterator[int]:
    """Prism on a port, its answers static, its log off."""
    where = folder / "prism"
    where.mkdir(exist_ok=True)
    install = ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", str(where), PACKAGE]
    subprocess.run(install, check=True, stdout=subprocess.DEVNULL)
    port = load.free_port()
    command = ["node", str(where / "node_modules/.bin/prism"), "mock", "-p", str(port), "--verboseLevel", "silent"]
    model = str(Path(os.environ["FIELDSERVE_MODEL"]).resolve())
    with load.running([*command, model], port, "/", {"FIELDSERVE_DATA": str(folder)}):
        yield port

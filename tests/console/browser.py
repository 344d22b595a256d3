"""A real Chromium: the system's, installed where it is missing and that is allowed."""

import os
import shutil
import subprocess

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")
INSTALL = "apt-get install -y chromium"

# As root Chromium has no sandbox to offer; the rest keeps it from asking anybody for anything.
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find() -> str:
    """The path of a Chromium. Fails the test, with the command to run, where there is none to be had."""
    found = _found()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "update", "-qq"], INSTALL.split()):
            subprocess.run(command, env=environment, capture_output=True, check=False)
        found = _found()
    if found is None:
        pytest.fail(f"the console is tested in Chromium, and there is none; as root: {INSTALL}")
    return found


def _found() -> str | None:
    return next((path for name in _NAMES if (path := shutil.which(name))), None)

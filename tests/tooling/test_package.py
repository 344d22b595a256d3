"""What holds for the package as a whole."""

import importlib.metadata
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

import fieldserve
from fieldserve.config import Settings


class TestVersion:
    """`fieldserve.__version__`."""

    def test_is_the_installed_one(self) -> None:
        """The version is read from the installed metadata, where pyproject.toml put it."""
        assert fieldserve.__version__ == importlib.metadata.version("fieldserve")

    def test_is_read_on_first_use_only(self) -> None:
        """Importing the package does not import the metadata machinery."""
        program = "import sys, fieldserve; sys.exit('importlib.metadata' in sys.modules)"
        subprocess.run(
            [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = {sys.path}; {program}"], check=True
        )

    def test_other_names_do_not_exist(self) -> None:
        """A mistyped attribute of the package is an AttributeError that names it."""
        with pytest.raises(AttributeError, match="'__versoin__'"):
            _ = fieldserve.__versoin__


def test_types_are_published() -> None:
    """The marker that makes type checkers read the package's annotations is shipped."""
    assert files("fieldserve").joinpath("py.typed").is_file()


def test_secrets_are_not_committed() -> None:
    """Git ignores the folders in which a server and a demo keep keys and credentials unless told otherwise."""
    ignored = (Path(__file__).parents[2] / ".gitignore").read_text().split()
    assert {f"/{Settings().data}/", "/fieldserve-demo/"} <= set(ignored)

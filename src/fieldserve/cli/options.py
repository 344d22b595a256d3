"""Options that several commands share, and the settings that they make."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from fieldserve import config
from fieldserve.config import Settings

F = TypeVar("F", bound=Callable[..., Any])

_DATA = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for database, documents and keys.  [default: fieldserve-data]",
)
_DATABASE = click.option("--database", metavar="URL", help="sqlite:///FILE or postgresql://…  [default: in --data]")
_HOST = click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
_PORT = click.option(
    "--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 takes a free one.  [default: 8080]"
)


def where_data_is(command: F) -> F:
    """--data and --database."""
    return _DATA(_DATABASE(command))


def where_to_listen(command: F) -> F:
    """--host and --port."""
    return _HOST(_PORT(command))


def settings(**given: Any) -> Settings:
    """Settings from the environment and from the options that were given. Raises SettingFault."""
    return config.load(**given)

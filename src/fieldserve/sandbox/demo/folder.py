"""The demo's folder: a world is there whole or not at all, and the file with what a caller needs.

It is made in a folder of its own inside, and its parts are then moved into place, the database last: where a database
stands beside the marker, the world is whole. A folder with a database and no marker is somebody's data, and stays.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import msgspec

from fieldserve.sandbox.demo.build import Made
from fieldserve.store.keys import FILE as MASTER_KEY
from fieldserve.store.keys import sync_folder

CREDENTIALS = "credentials.json"
_MARKER = "demo.json"
_DATABASE = "fieldserve.db"
_DRAFTS = ".making-"
# In the order in which they are moved into place; taken away the other way round.
_PARTS = (_MARKER, MASTER_KEY, "documents", CREDENTIALS, _DATABASE)


@dataclass(frozen=True, slots=True)
class Found:
    """What is in a folder: nothing of ours, a whole demo of that day, or data that is not a demo's."""

    state: Literal["nothing", "demo", "foreign"]
    day: date | None = None


def look(folder: Path) -> Found:
    """What is there already."""
    marker = _read(folder / _MARKER)
    if not (folder / _DATABASE).exists():
        return Found("nothing")
    if marker is None:
        return Found("foreign")
    if _read(folder / CREDENTIALS) is None:
        return Found("nothing")
    return Found("demo", date.fromisoformat(marker["day"]))


def draft(folder: Path) -> Path:
    """A new folder inside, to make a world in. What others left unfinished goes."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in folder.glob(f"{_DRAFTS}*"):
        shutil.rmtree(left)
    return Path(tempfile.mkdtemp(prefix=_DRAFTS, dir=folder))


def put_in_place(made_in: Path, folder: Path, seed: int, day: date) -> None:
    """Make a finished draft the folder's world; the one before goes. Nobody may have its database open."""
    _write(made_in / _MARKER, {"seed": seed, "day": day.isoformat()})
    # One call for more than a hundred files: documents were written without waiting for the disk.
    os.sync()
    _take_away(folder)
    for name in _PARTS:
        # The master key may come from the environment, and then is no file.
        if (made_in / name).exists():
            os.rename(made_in / name, folder / name)
    sync_folder(folder)
    shutil.rmtree(made_in)


def _take_away(folder: Path) -> None:
    # The database first: what is left is then taken for nothing, whatever happens in between.
    for name in (*reversed(_PARTS), f"{_DATABASE}-wal", f"{_DATABASE}-shm"):
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


# ---- credentials


def write_credentials(
    folder: Path, made: Made, reschedule_reason_codes: tuple[str, ...], cancellation_reason_codes: tuple[str, ...]
) -> None:
    """Everything that a caller needs, secrets too, for the owner's eyes only; but for the address of the server."""
    accounts = [
        {
            "seller_id": access.seller.seller_id,
            "client_id": access.client_id,
            "client_secret": access.client_secret,
            "refresh_token": access.refresh_token,
            "marketplace_id": access.seller.marketplace_id,
            "stores": [{"store_id": one.store_id, "time_zone": one.time_zone} for one in access.seller.stores],
            "services": [{"asin": one.asin} for one in access.seller.services],
            "technicians": [
                {"technician_id": technician_id, "store_ids": list(stores)}
                for technician_id, stores in made.technicians.items()
                if stores[0] in {one.store_id for one in access.seller.stores}
            ],
        }
        for access in made.accesses
    ]
    _write(
        folder / CREDENTIALS,
        {
            "endpoint": "",
            "token_endpoint": "",
            "operator_key": made.operator_key,
            "reschedule_reason_code": reschedule_reason_codes[0],
            "cancellation_reason_code": cancellation_reason_codes[0],
            "people": [
                {"login": one.login, "password": one.password, "role": one.role, "seller_id": one.seller_id}
                for one in made.people
            ],
            "accounts": accounts,
        },
    )


def tell_address(folder: Path, endpoint: str) -> dict[str, Any]:
    """Put the server's present address into the credentials, and answer them."""
    credentials = _read(folder / CREDENTIALS)
    assert credentials is not None, "a whole demo has them"
    credentials["endpoint"] = endpoint
    credentials["token_endpoint"] = f"{endpoint}/auth/o2/token"
    _write(folder / CREDENTIALS, credentials)
    return credentials


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError):
        return None


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """Replace a file at once; nobody but its owner may read it, at no moment."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)

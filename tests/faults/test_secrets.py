"""Secrets are planted through every flow, and then looked for in the database's file, the documents, log and backup."""

import asyncio
import base64
import logging
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from fieldserve.config import Settings
from fieldserve.operations.backup import back_up
from fieldserve.store import engine
from tests.desk import Desk, a_desk
from tests.faults.conftest import Row
from tests.proofs import encrypt
from tests.world import SELLER, a_world

DOCUMENT = b"\x89PNG\r\n\x1a\n" + b"what the buyer signed " * 40
PHONE = "555-73317"


@pytest.fixture
async def desk(tmp_path: Path, migrated_sqlite: Path) -> AsyncIterator[Desk]:
    data = tmp_path / "data"
    data.mkdir()
    shutil.copyfile(migrated_sqlite, data / "fieldserve.db")
    database = await engine.connect(f"sqlite:///{data / 'fieldserve.db'}")
    async with a_world(database, data) as world, a_desk(world) as desk:
        yield desk
    await database.close()


async def plant(desk: Desk) -> dict[str, str]:
    """Go through every flow that has a secret in it, refusals too; answers the secrets by what they are."""
    planted = {"operator key": desk.key}
    retried = {"headers": {"idempotency-key": "once"}}
    made = (await desk.call("POST", "/operator/v1/applications", {"name": "Planner"}, **retried)).json()
    again = (await desk.call("POST", "/operator/v1/applications", {"name": "Planner"}, **retried)).json()
    assert made == again, "the answer, secret and all, is kept for whoever sends the same again"
    application = made["application"]
    planted["client secret"] = made["clientSecret"]
    path = f"/operator/v1/applications/{application['applicationId']}/secret"
    planted["rotated client secret"] = (await desk.call("POST", path)).json()["clientSecret"]
    planted["second operator key"] = (await desk.call("POST", "/operator/v1/keys", {"name": "bob"})).json()["key"]
    planted["sign-in code"] = (await desk.call("POST", "sign-in-codes")).json()["signInCode"]
    grant = await desk.call("POST", "authorizations", {"applicationId": application["applicationId"]})
    planted["refresh token"] = grant.json()["refreshToken"]
    planted["access token"] = await token(desk, application["clientId"], planted)
    headers = {"x-amz-access-token": planted["access token"]}
    resources = [{"method": "GET", "path": "/service/v1/serviceJobs/{serviceJobId}"}]
    restricted = await desk.client.post(
        "/tokens/2021-03-01/restrictedDataToken", json={"restrictedResources": resources}, headers=headers
    )
    planted["restricted token"] = restricted.json()["restrictedDataToken"]
    planted |= await upload(desk, headers)
    for name in ("unknown access token", "unknown operator key"):
        planted[name] = f"{'Atza|' if 'access' in name else 'fsk_'}never-{name.split()[1]}-issued"
    await desk.client.get("/service/v1/serviceJobs", headers={"x-amz-access-token": planted["unknown access token"]})
    await desk.client.get("/operator/v1/sellers", headers={"x-operator-key": planted["unknown operator key"]})
    # What a caller misplaces is not written down either.
    await desk.client.get("/service/v1/serviceJobs", params={"x-amz-access-token": planted["access token"]})
    return planted


async def token(desk: Desk, client_id: str, planted: dict[str, str]) -> str:
    """An access token for the refresh token; a wrong secret is tried first."""
    planted["wrong client secret"] = "wr0ng-5ecret-0f-a-client"
    given = ""
    form = {"grant_type": "refresh_token", "refresh_token": planted["refresh token"], "client_id": client_id}
    for name in ("wrong client secret", "rotated client secret"):
        answer = await desk.client.post("/auth/o2/token", data=form | {"client_secret": planted[name]})
        given = answer.json().get("access_token", "")
    return given


async def upload(desk: Desk, headers: dict[str, str]) -> dict[str, str]:
    """Upload a document as it is meant to be, encrypted, and one that its sender forgot to encrypt."""
    planted: dict[str, str] = {}
    for encrypted in (True, False):
        announced: dict[str, Any] = {"contentType": "PNG", "contentLength": len(DOCUMENT)}
        payload = (await desk.client.post("/service/v1/documents", json=announced, headers=headers)).json()["payload"]
        details = payload["encryptionDetails"]
        key, vector = base64.b64decode(details["key"]), base64.b64decode(details["initializationVector"])
        content = encrypt(DOCUMENT, key, vector) if encrypted else DOCUMENT
        answer = await desk.client.put(payload["url"], content=content, headers=payload["headers"])
        assert answer.status_code == 200, answer.text
        planted[f"document key {encrypted}"] = details["key"]
        planted[f"upload signature {encrypted}"] = parse_qs(urlsplit(payload["url"]).query)["signature"][0]
    return planted


def read_all(folder: Path) -> dict[str, bytes]:
    """Every file but the master key's, by its name."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "master.key"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


async def test_no_secret_stays(desk: Desk, tmp_path: Path, caplog: pytest.LogCaptureFixture, row: Row) -> None:
    """None of it, nor the master key, nor a document, is in a file that the server wrote or in its log."""
    caplog.set_level(logging.DEBUG)
    planted = await plant(desk)
    order = {"storeId": "store-1", "asin": "B0MOUNTING", "buyer": {"name": "Zebulon Quux", "phone": PHONE}}
    assert (await desk.call("POST", "orders", order)).status_code == 201
    await asyncio.sleep(0.2)  # the request log is written behind
    settings = Settings(data=tmp_path / "data")
    await back_up(settings, tmp_path / "backup.tar")

    held = read_all(tmp_path)
    assert {"backup.tar", "data/fieldserve.db"} <= held.keys()
    assert any(name.startswith("data/documents/") for name in held)
    # The client's library writes down whole URLs; that is the client's affair.
    logged = "\n".join(one.getMessage() for one in caplog.records if one.name.startswith("fieldserve")).encode()
    assert SELLER.encode() in logged, "the log was caught"
    assert PHONE.encode() in held["backup.tar"], "what is in the database is looked through"
    assert PHONE.encode() not in logged

    planted["master key"] = (tmp_path / "data" / "master.key").read_text().strip()
    planted["document"] = DOCUMENT[8:60].decode()
    for name, secret in planted.items():
        # Without the prefix, and a key's bytes as well, so that no other form of it is overlooked.
        forms = {secret.encode(), secret.rpartition("|")[2].encode(), secret.replace("-", "").encode()}
        if "document key" in name:
            forms.add(base64.b64decode(secret))
        for place, content in {**held, "the log": logged}.items():
            assert not any(form in content for form in forms), f"the {name} is in {place}"
    row("secrets planted, then looked for", f"{len(planted)} secrets", f"none in {len(held)} files, none in the log")

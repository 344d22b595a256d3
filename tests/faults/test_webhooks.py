"""A server is killed while it delivers a webhook: the message comes again, and is delivered."""

import asyncio
import os
from pathlib import Path

import pytest

from tests.faults.cluster import Cluster
from tests.faults.ground import OPERATOR_KEY, SELLER, lay
from tests.faults.line import Line
from tests.faults.servers import Server
from tests.receiver import Receiver

_OPERATOR = {"authorization": f"Bearer {OPERATOR_KEY}"}


class Hanging(Receiver):
    """Answers nothing until it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = asyncio.Event()

    async def ready(self) -> None:
        await self.may_answer.wait()


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
async def test_killed_while_delivering(
    dialect: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was claimed is not lost: after the claim has run out the server that rises delivers it."""
    url = f"sqlite:///{tmp_path / 'fieldserve.db'}"
    if dialect == "postgresql":
        cluster: Cluster = request.getfixturevalue("cluster")
        url = cluster.url
    await lay(url, tmp_path, jobs_per_store=1)
    monkeypatch.setitem(os.environ, "FIELDSERVE_WEBHOOK_TARGETS", "any")
    monkeypatch.setitem(os.environ, "FIELDSERVE_WEBHOOK_TIMEOUT", "1")
    receiver = Hanging()
    hooks = f"/operator/v1/sellers/{SELLER}/webhooks"
    server = Server(url, tmp_path)
    async with await asyncio.start_server(receiver.serve, "127.0.0.1", 0) as listening:
        await server.start()
        try:
            line = Line(server.port)
            where = {"url": f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"}
            made = (await line.ask("POST", hooks, where, headers=_OPERATOR)).json()
            await line.ask("POST", f"{hooks}/{made['webhook']['webhookId']}/ping", headers=_OPERATOR)
            await receiver.came(1)
            await server.kill()
            line.hang_up()
            receiver.may_answer.set()
            before = len(receiver.got)
            await server.start()
            await receiver.came(before + 1)
        finally:
            await server.kill()
    assert {one.verified(made["secret"])["type"] for one in receiver.got} == {"webhook.ping"}
    assert len({one.headers["webhook-id"] for one in receiver.got}) == 1

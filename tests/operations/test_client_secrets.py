"""Verifying client secrets: once for many, remembered for a while, throttled when wrong."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from fieldserve.operations.client_secrets import REMEMBERED_FOR, ClientSecrets
from tests.access import NOW, SECOND


class Counted(PasswordHasher):
    """Counts the verifications, and in which threads they ran."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.threads: list[str] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]
        self.threads.append(threading.current_thread().name)
        return super().verify(hash, password)


@pytest.fixture
def hasher() -> Counted:
    return Counted()


@pytest.fixture
def secrets(hasher: Counted) -> Iterator[ClientSecrets]:
    secrets = ClientSecrets(hasher)
    yield secrets
    secrets.close()


class TestVerify:
    async def test_off_the_loop(self, secrets: ClientSecrets, hasher: Counted) -> None:
        """The work is done in threads of its own, not in the event loop's."""
        assert await secrets.verify("c", await secrets.hash("right"), "right", NOW) == "right"
        assert await secrets.verify("c", await secrets.hash("right"), "wrong", NOW) == "wrong"
        assert all(name.startswith("argon2") for name in hasher.threads)

    async def test_remembered_for_a_while(self, secrets: ClientSecrets, hasher: Counted) -> None:
        """A right secret is verified again after ten minutes, a wrong one each time."""
        encoded = await secrets.hash("right")
        for at in (NOW, NOW + 1, NOW + REMEMBERED_FOR - 1):
            assert await secrets.verify("c", encoded, "right", at) == "right"
        assert len(hasher.threads) == 1
        await secrets.verify("c", encoded, "right", NOW + REMEMBERED_FOR)
        assert len(hasher.threads) == 2
        for _ in range(2):
            assert await secrets.verify("c", encoded, "wrong", NOW) == "wrong"
        assert len(hasher.threads) == 4

    async def test_rotation_ends_it(self, secrets: ClientSecrets) -> None:
        """With another hash the old secret is wrong, though it was right a moment ago."""
        assert await secrets.verify("c", await secrets.hash("old"), "old", NOW) == "right"
        assert await secrets.verify("c", await secrets.hash("new"), "old", NOW) == "wrong"

    async def test_once_for_many(self, secrets: ClientSecrets, hasher: Counted) -> None:
        """A hundred at the same time cost one verification, and one who hangs up does not fail the others."""
        encoded = await secrets.hash("right")
        waiting = [asyncio.create_task(secrets.verify("c", encoded, "right", NOW)) for _ in range(100)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        verdicts = await asyncio.gather(*waiting, return_exceptions=True)
        assert verdicts[1:] == ["right"] * 99
        assert isinstance(verdicts[0], asyncio.CancelledError)
        assert len(hasher.threads) == 1

    async def test_attempts_at_once_count(self, secrets: ClientSecrets, hasher: Counted) -> None:
        """Forty guesses at the same time cost ten verifications; another client is not held up."""
        encoded = await secrets.hash("right")
        guesses = (secrets.verify("c", encoded, f"guess{number}", NOW) for number in range(40))
        verdicts = await asyncio.gather(*guesses)
        assert (verdicts.count("wrong"), verdicts.count("throttled")) == (10, 30)
        assert len(hasher.threads) == 10
        assert await secrets.verify("d", encoded, "right", NOW) == "right"

    async def test_right_ones_do_not_count(self, secrets: ClientSecrets) -> None:
        """Twenty rotations within a second throttle nobody."""
        for number in range(20):
            assert await secrets.verify("c", await secrets.hash(f"s{number}"), f"s{number}", NOW) == "right"

    async def test_throttle_wears_off(self, secrets: ClientSecrets) -> None:
        """After ten failures the right secret, not remembered, waits its second like any other."""
        encoded = await secrets.hash("right")
        for number in range(10):
            await secrets.verify("c", encoded, f"guess{number}", NOW)
        assert await secrets.verify("c", encoded, "right", NOW + SECOND - 1) == "throttled"
        assert await secrets.verify("c", encoded, "right", NOW + SECOND) == "right"

    async def test_broken_hash(self, secrets: ClientSecrets) -> None:
        """A hash that is none lets nobody in."""
        assert await secrets.verify("c", "", "", NOW) == "wrong"
        assert await secrets.verify("c", "right", "right", NOW) == "wrong"

"""Client secrets: made, hashed with Argon2id, and verified without holding up anybody else.

One verification takes tens of milliseconds and 64 MiB on purpose. So it runs in a thread, two at a time at most; the
same secret presented by many requests at once is verified once; one that was right is known to be right for a while.
"""

import asyncio
import hashlib
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from argon2.profiles import RFC_9106_LOW_MEMORY

from fieldserve.domain.usage_plans import Bucket, is_full, put_back, take
from fieldserve.wire.times import MINUTE, Instant

PREFIX = "amzn1.oa2-cs.v1."

Verdict = Literal["right", "wrong", "throttled"]

# Wrong secrets that a client may give: ten at once, then one a second. It bounds what guessing costs the server;
# guessing 256 bits is hopeless anyway.
FAILURES_BURST = 10
FAILURES_RATE = 1.0

REMEMBERED_FOR = 10 * MINUTE
_MOST_REMEMBERED = 10_000
_THREADS = 2

# The encoded hash that a secret was held against, and the SHA-256 of the secret: after a rotation it is another key.
_Key = tuple[str, str]


def new_secret() -> str:
    """A secret of 256 bits from the system's entropy."""
    return PREFIX + secrets.token_hex(32)


PARAMETERS = RFC_9106_LOW_MEMORY
"""Argon2's: RFC 9106's second recommended option."""


class ClientSecrets:
    """Hashes and verifies, by PARAMETERS unless it is given another hasher."""

    def __init__(self, hasher: PasswordHasher | None = None):
        self._hasher = hasher or PasswordHasher.from_parameters(PARAMETERS)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="argon2")
        self._right: dict[_Key, Instant] = {}
        self._running: dict[_Key, asyncio.Task[Verdict]] = {}
        self._failures: dict[str, Bucket] = {}

    async def hash(self, secret: str) -> str:
        """Argon2id's encoded form of a secret, with a salt of its own."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._hasher.hash, secret)

    async def verify(self, client_id: str, secret_hash: str, secret: str, now: Instant) -> Verdict:
        """Whether `secret` is the client's. A client that fails too often is told `throttled`, and no work is done.

        `secret_hash` must be read anew each time: whoever rotates it, in whichever process, ends what is remembered."""
        key = (secret_hash, hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest())
        if now < self._right.get(key, now):
            return "right"
        running = self._running.get(key)
        if running is None:
            # It counts as a failure until it has proved right, so that attempts at the same time count, too.
            allowed, bucket = take(self._failures.get(client_id), now, FAILURES_RATE, FAILURES_BURST)
            self._failures[client_id] = bucket
            if not allowed:
                return "throttled"
            running = asyncio.create_task(self._verify(client_id, key, secret, now))
            self._running[key] = running
            running.add_done_callback(lambda _: self._running.pop(key, None))
        # Shielded: a caller who hangs up must not fail the others who wait for the same.
        return await asyncio.shield(running)

    async def _verify(self, client_id: str, key: _Key, secret: str, now: Instant) -> Verdict:
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, self._hasher.verify, key[0], secret)
        except (Argon2Error, InvalidHashError):
            return "wrong"
        if bucket := self._failures.get(client_id):
            self._failures[client_id] = put_back(bucket, FAILURES_BURST)
        self._forget(now)
        self._right[key] = now + REMEMBERED_FOR
        return "right"

    def _forget(self, now: Instant) -> None:
        if len(self._right) >= _MOST_REMEMBERED:
            self._right = {key: until for key, until in self._right.items() if now < until}
        if len(self._right) >= _MOST_REMEMBERED:
            self._right.clear()
        if len(self._failures) >= _MOST_REMEMBERED:
            self._failures = {
                client: bucket
                for client, bucket in self._failures.items()
                if not is_full(bucket, now, FAILURES_RATE, FAILURES_BURST)
            }

    def close(self) -> None:
        """End the threads; what they are at is finished first."""
        self._threads.shutdown()

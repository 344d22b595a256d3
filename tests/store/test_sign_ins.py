"""Sign-ins at the consent page in both databases."""

import pytest

from fieldserve.store import sellers, sign_ins
from fieldserve.store.engine import AlreadyExists, Connection, Database
from fieldserve.store.sellers import Seller
from fieldserve.store.sign_ins import SignIn


@pytest.fixture(autouse=True)
async def codes(database: Database) -> None:
    """Two codes of a seller."""

    async def use(c: Connection) -> None:
        await sellers.add(c, Seller("S1", "One", frozenset(), 0))
        await sign_ins.add(c, "h1", "S1", 10, 100)
        await sign_ins.add(c, "h2", "S1", 20, 200)

    await database.write(use)


class TestSignIn:
    async def test_code_then_session(self, database: Database) -> None:
        """A code is found, opens a session, and the session ends."""

        async def use(c: Connection) -> list[SignIn | None]:
            seen = [await sign_ins.find_by_code(c, "h1")]
            await sign_ins.open_session(c, "h1", "s1", 300)
            seen.append(await sign_ins.find_by_session(c, "s1"))
            await sign_ins.end_session(c, "s1", 40)
            seen += [await sign_ins.find_by_session(c, "s1", lock=True), await sign_ins.find_by_code(c, "h2")]
            return seen

        assert await database.write(use) == [
            SignIn("h1", "S1", 10, 100),
            SignIn("h1", "S1", 10, 100, "s1", 300),
            SignIn("h1", "S1", 10, 100, "s1", 300, 40),
            SignIn("h2", "S1", 20, 200),
        ]

    async def test_unknown(self, database: Database) -> None:
        """Neither an unknown code nor an unknown session is found."""
        assert await database.write(lambda c: sign_ins.find_by_code(c, "s1")) is None
        assert await database.read(lambda c: sign_ins.find_by_session(c, "h1")) is None

    async def test_session_is_one(self, database: Database) -> None:
        """Two codes cannot have opened the same session."""
        await database.write(lambda c: sign_ins.open_session(c, "h1", "s1", 300))
        with pytest.raises(AlreadyExists):
            await database.write(lambda c: sign_ins.open_session(c, "h2", "s1", 300))

    async def test_purge(self, database: Database) -> None:
        """Codes that expired before then go."""
        await database.write(lambda c: sign_ins.purge(c, 200))
        assert await database.write(lambda c: sign_ins.find_by_code(c, "h1")) is None
        assert await database.write(lambda c: sign_ins.find_by_code(c, "h2")) is not None

"""Tokens in both databases."""

from dataclasses import replace

import pytest

from fieldserve.store import applications, authorizations, sellers, tokens
from fieldserve.store.applications import Application
from fieldserve.store.authorizations import Authorization
from fieldserve.store.engine import AlreadyExists, Connection, Database
from fieldserve.store.sellers import Seller
from fieldserve.store.tokens import Access, Token, hash_of

ACCESS = Token(hash_of("Atza|x"), "ACCESS", "a1", "g1", 1, 100)


@pytest.fixture(autouse=True)
async def parties(database: Database) -> None:
    """A seller that lets an application act for it."""

    async def use(c: Connection) -> None:
        await sellers.add(c, Seller("S1", "One", frozenset({"M1", "M3"}), 0))
        await applications.add(c, Application("a1", "c1", "h", "App", frozenset({"R", "Q"}), (), frozenset(), 0))
        grant = Authorization(
            "g1", "a1", "S1", frozenset({"M1", "M2"}), frozenset({"st1"}), frozenset({"R"}), {"o": (2, 3)}, 0
        )
        await authorizations.add(c, grant)

    await database.write(use)


async def find_access(database: Database, token: str = "Atza|x") -> Access | None:
    return await database.read(lambda c: tokens.find_access(c, hash_of(token)))


class TestHashOf:
    async def test_sha256(self) -> None:
        """The hash is SHA-256 in hex, as `printf abc | sha256sum` gives it."""
        assert hash_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

    async def test_odd_characters(self) -> None:
        """Whatever a caller sends as a token can be looked up."""
        assert len(hash_of("Atza|\x00\udce9é")) == 64


class TestFindAccess:
    async def test_all_that_stands_behind_it(self, database: Database) -> None:
        """One row tells application, authorization and seller."""
        await database.write(lambda c: tokens.add(c, ACCESS))
        assert await find_access(database) == Access(
            application_id="a1",
            application_roles=frozenset({"R", "Q"}),
            is_revoked=False,
            expires_at=100,
            grants=None,
            authorization_id="g1",
            seller_id="S1",
            authorized_marketplaces=frozenset({"M1", "M2"}),
            seller_marketplaces=frozenset({"M1", "M3"}),
            stores=frozenset({"st1"}),
            roles=frozenset({"R"}),
            usage_plan={"o": (2.0, 3)},
        )

    async def test_without_a_seller(self, database: Database) -> None:
        """A token for a scope has neither seller nor marketplaces."""
        await database.write(lambda c: tokens.add(c, replace(ACCESS, authorization_id=None, scope="s::t")))
        access = await find_access(database)
        assert access is not None
        assert (access.seller_id, access.authorization_id, access.roles) == (None, None, frozenset())
        assert not access.authorized_marketplaces | access.seller_marketplaces

    async def test_restricted(self, database: Database) -> None:
        """A restricted token comes with what it is restricted to."""
        row = replace(ACCESS, kind="RESTRICTED", grants=[["GET", "/x/{y}"]])
        await database.write(lambda c: tokens.add(c, row))
        access = await find_access(database)
        assert access is not None
        assert access.grants == [["GET", "/x/{y}"]]

    @pytest.mark.parametrize("kind", ["REFRESH", "CODE"])
    async def test_other_kinds(self, database: Database, kind: tokens.Kind) -> None:
        """A refresh token or a code gives no access."""
        await database.write(lambda c: tokens.add(c, replace(ACCESS, kind=kind)))
        assert await find_access(database) is None
        assert await database.read(lambda c: tokens.find(c, ACCESS.token_hash, kind)) is not None

    async def test_unknown(self, database: Database) -> None:
        """A token that nobody issued is None."""
        assert await find_access(database) is None

    @pytest.mark.parametrize("revoked", ["token", "authorization", "application"])
    async def test_revoked(self, database: Database, revoked: str) -> None:
        """It is revoked with its authorization and its application, too."""
        await database.write(lambda c: tokens.add(c, ACCESS))

        async def use(c: Connection) -> None:
            match revoked:
                case "token":
                    await tokens.revoke(c, ACCESS.token_hash, 5)
                case "authorization":
                    await authorizations.revoke(c, "g1", 5)
                case "application":
                    await applications.disable(c, "a1", 5)

        await database.write(use)
        access = await find_access(database)
        assert access is not None
        assert access.is_revoked


class TestFind:
    async def test_as_it_was_stored(self, database: Database) -> None:
        """A code keeps what it is bound to; it is found as a code only."""
        code = replace(ACCESS, kind="CODE", grants={"redirectUri": "https://x"}, expires_at=None)
        await database.write(lambda c: tokens.add(c, code))
        assert await database.write(lambda c: tokens.find(c, code.token_hash, "CODE", lock=True)) == code
        assert await database.read(lambda c: tokens.find(c, code.token_hash, "REFRESH")) is None


class TestAdd:
    async def test_twice(self, database: Database) -> None:
        """The same token is not stored twice."""
        with pytest.raises(AlreadyExists):
            await database.write(lambda c: tokens.add(c, ACCESS, ACCESS))
        assert await find_access(database) is None


class TestPurge:
    async def test_expired_long_ago(self, database: Database) -> None:
        """What expired before then goes; what expired just then, and what never expires, stays."""
        ages = {"old": 99, "edge": 100, "new": 101, "endless": None}
        rows = [replace(ACCESS, token_hash=hash_of(name), expires_at=at) for name, at in ages.items()]
        await database.write(lambda c: tokens.add(c, *rows))
        await database.write(lambda c: tokens.purge(c, 100))

        async def left(c: Connection) -> list[str]:
            return [name for name in ages if await tokens.find(c, hash_of(name), "ACCESS") is not None]

        assert await database.read(left) == ["edge", "new", "endless"]

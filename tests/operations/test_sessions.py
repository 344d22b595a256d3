"""Signing in, second factors and sessions, on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path

import pyotp
import pytest

from fieldserve.domain.intervals import DAY, HOUR, MINUTE, SECOND
from fieldserve.operations import sessions, users
from fieldserve.operations.run import Caller
from fieldserve.operations.sessions import SignedIn
from fieldserve.store.engine import Database
from fieldserve.wire.users import CreateUser, UpdateUser
from tests.world import SELLER, World, a_world

PASSWORD = "correct horse battery"
OPERATOR = Caller("", actor="test")


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    """The small world, in which Dora dispatches."""
    async with a_world(database, tmp_path / "data") as world:
        ask = CreateUser(login="Dora@example.com", name="Dora", role="dispatcher", seller_id=SELLER, password=PASSWORD)
        await users.create_user(world.context, OPERATOR, ask)
        yield world


async def signed_in(world: World, token: str) -> SignedIn:
    """Who is signed in by the token."""
    found = await sessions.find_session(world.context, token)
    assert found is not None
    return found


async def sign_in(world: World, password: str = PASSWORD, code: str = "", login: str = "dora@example.com") -> str:
    """The outcome of an attempt."""
    return await sessions.sign_in(world.context, login, password, code, "a browser")


class TestSignIn:
    async def test_right(self, world: World) -> None:
        """The right password opens a session, whatever the login's capitals; the log says so."""
        found = await signed_in(world, await sign_in(world, login=" DORA@Example.com"))
        assert (found.user.name, found.session.agent) == ("Dora", "a browser")
        assert await world.kinds(found.user.user_id) == ["user.created", "user.signed_in"]

    async def test_wrong(self, world: World) -> None:
        """A wrong password and a login that nobody has are answered the same."""
        assert await sign_in(world, "wrong") == "wrong"
        assert await sign_in(world, login="nobody@example.com") == "wrong"

    async def test_waits_after_five(self, world: World) -> None:
        """After five failures in a row the login is shut for two seconds, for the right password, too."""
        for _ in range(5):
            assert await sign_in(world, "wrong") == "wrong"
        assert await sign_in(world) == "wait"
        world.clock.advance(2 * SECOND)
        await signed_in(world, await sign_in(world))

    async def test_waits_grow(self, world: World) -> None:
        """The sixth failure shuts it for four seconds; one success takes everything back."""
        for _ in range(5):
            await sign_in(world, "wrong")
        world.clock.advance(2 * SECOND)
        await sign_in(world, "wrong")
        world.clock.advance(3 * SECOND)
        assert await sign_in(world) == "wait"
        world.clock.advance(SECOND)
        await signed_in(world, await sign_in(world))
        assert await sign_in(world, "wrong") == "wrong"
        await signed_in(world, await sign_in(world))

    async def test_disabled(self, world: World) -> None:
        """Who is disabled gets no session, and those that were open have ended."""
        token = await sign_in(world)
        user_id = (await signed_in(world, token)).user.user_id
        await users.update_user(world.context, OPERATOR, user_id, UpdateUser(disabled=True))
        assert await sessions.find_session(world.context, token) is None
        assert await sign_in(world) == "wrong"


class TestSessions:
    async def test_idle(self, world: World) -> None:
        """A session that nobody used for twelve hours has ended; one that is used goes on."""
        token = await sign_in(world)
        world.clock.advance(11 * HOUR)
        await signed_in(world, token)
        world.clock.advance(11 * HOUR)
        await signed_in(world, token)
        world.clock.advance(12 * HOUR)
        assert await sessions.find_session(world.context, token) is None

    async def test_week(self, world: World) -> None:
        """After a week it ends, however busy."""
        token = await sign_in(world)
        for _ in range(14):
            await signed_in(world, token)
            world.clock.advance(DAY // 2 - MINUTE)
        await signed_in(world, token)
        world.clock.advance(14 * MINUTE)
        assert await sessions.find_session(world.context, token) is None

    async def test_sign_out(self, world: World) -> None:
        """Signing out ends this session, everywhere ends all."""
        one, two, three = [await sign_in(world) for _ in range(3)]
        await sessions.sign_out(world.context, await signed_in(world, one))
        assert await sessions.find_session(world.context, one) is None
        assert len(await sessions.list_sessions(world.context, await signed_in(world, two))) == 2
        await sessions.sign_out_everywhere(world.context, await signed_in(world, two))
        assert await sessions.find_session(world.context, three) is None

    async def test_unknown(self, world: World) -> None:
        """A token that nobody has is nobody's."""
        assert await sessions.find_session(world.context, "x" * 43) is None


class TestPassword:
    async def test_change(self, world: World) -> None:
        """Another password ends every session but the new one that comes with it."""
        old, other = await sign_in(world), await sign_in(world)
        new = await sessions.change_password(world.context, await signed_in(world, old), PASSWORD, "another long one")
        assert new is not None
        await signed_in(world, new)
        assert await sessions.find_session(world.context, old) is None
        assert await sessions.find_session(world.context, other) is None
        assert await sign_in(world) == "wrong"
        await signed_in(world, await sign_in(world, "another long one"))

    async def test_refused(self, world: World) -> None:
        """Who does not know the old one changes nothing; one that is too short is none."""
        found = await signed_in(world, await sign_in(world))
        assert await sessions.change_password(world.context, found, "wrong", "another long one") is None
        with pytest.raises(ValueError, match="12 to 200"):
            await sessions.change_password(world.context, found, PASSWORD, "short")
        await signed_in(world, await sign_in(world))

    async def test_reset(self, world: World) -> None:
        """An operator's reset ends sessions, and only the new password is good."""
        token = await sign_in(world)
        user_id = (await signed_in(world, token)).user.user_id
        told = await users.reset_password(world.context, OPERATOR, user_id)
        assert await sessions.find_session(world.context, token) is None
        assert await sign_in(world) == "wrong"
        assert told.password is not None
        await signed_in(world, await sign_in(world, told.password))


class TestSecondFactor:
    async def set_up(self, world: World) -> pyotp.TOTP:
        """Set one up, with the code that the app shows now."""
        secret = sessions.new_totp_secret()
        app = pyotp.TOTP(secret)
        found = await signed_in(world, await sign_in(world))
        code = app.at(world.clock.now() // SECOND)
        token = await sessions.set_up_totp(world.context, found, secret, code)
        assert token is not None
        await signed_in(world, token)
        world.clock.advance(30 * SECOND)
        return app

    async def test_asked_for(self, world: World) -> None:
        """The right password alone is asked for the code; a wrong one learns nothing."""
        app = await self.set_up(world)
        assert await sign_in(world) == "code"
        assert await sign_in(world, "wrong") == "wrong"
        await signed_in(world, await sign_in(world, code=app.at(world.clock.now() // SECOND)))

    async def test_used_once(self, world: World) -> None:
        """A code works once, even within its half minute."""
        app = await self.set_up(world)
        code = app.at(world.clock.now() // SECOND)
        await signed_in(world, await sign_in(world, code=code))
        assert await sign_in(world, code=code) == "wrong"

    async def test_wrong_code_counts(self, world: World) -> None:
        """Wrong codes shut the login as wrong passwords do."""
        await self.set_up(world)
        for _ in range(5):
            assert await sign_in(world, code="000000") == "wrong"
        assert await sign_in(world) == "wait"

    async def test_wrong_at_set_up(self, world: World) -> None:
        """Without a right code nothing is set up."""
        found = await signed_in(world, await sign_in(world))
        assert await sessions.set_up_totp(world.context, found, sessions.new_totp_secret(), "000000") is None
        await signed_in(world, await sign_in(world))

    async def test_taken_away(self, world: World) -> None:
        """An operator takes it away from who lost their phone."""
        await self.set_up(world)
        user = (await users.list_users(world.context, SELLER, "", 10)).users[0]
        assert user.second_factor
        await users.update_user(world.context, OPERATOR, user.user_id, UpdateUser(second_factor=False))
        await signed_in(world, await sign_in(world))

"""A company's own sign-in: settings that will not do, and whose a user is."""

from typing import Any

import pytest

from fieldserve.config import SettingFault, load
from fieldserve.store import identities
from fieldserve.store.engine import AlreadyExists, Database
from fieldserve.store.users import User, add

GOOD: dict[str, Any] = {
    "oidc_issuer": "https://login.example.com",
    "oidc_client_id": "fieldserve",
    "oidc_roles": ("dispatch=dispatcher",),
}


def test_settings() -> None:
    """These do; without an issuer the others are nothing; a secret is told by nobody."""
    settings = load({}, **GOOD, oidc_client_secret="hush hush")
    assert settings.oidc_issuer
    assert "hush" not in repr(settings)
    load({}, oidc_roles=("nonsense",))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"oidc_issuer": "http://login.example.com"}, "https://"),
        ({"oidc_issuer": "login.example.com"}, "https://"),
        ({"oidc_issuer": "https://login.example.com/?tenant=1"}, r"without \?"),
        ({"oidc_client_id": ""}, "oidc_client_id"),
        ({"oidc_roles": ()}, "nobody could sign in"),
        ({"oidc_roles": ("dispatch",)}, "dispatch=dispatcher"),
        ({"oidc_roles": ("drivers=technician",)}, "admin, dispatcher, analyst, developer"),
    ],
)
def test_settings_that_will_not_do(changes: dict[str, Any], says: str) -> None:
    """Each is refused in words that say what it takes."""
    with pytest.raises(SettingFault, match=says):
        load({}, **(GOOD | changes))


async def test_identities(database: Database) -> None:
    """An identity is one user's; the same subject of another company is another."""
    for user_id in ("u1", "u2"):
        user = User(user_id, f"{user_id}@example.com", user_id, "", "analyst", "no hash", 1)
        await database.write(lambda c, user=user: add(c, user))  # type: ignore[misc]
    await database.write(lambda c: identities.add(c, "https://a.example", "7", "u1"))
    await database.write(lambda c: identities.add(c, "https://b.example", "7", "u2"))
    assert await database.read(lambda c: identities.find(c, "https://a.example", "7")) == "u1"
    assert await database.read(lambda c: identities.find(c, "https://b.example", "7")) == "u2"
    assert await database.read(lambda c: identities.find(c, "https://a.example", "8")) is None
    with pytest.raises(AlreadyExists):
        await database.write(lambda c: identities.add(c, "https://a.example", "7", "u2"))

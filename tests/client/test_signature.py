"""The client can stand where python-amazon-sp-api stood: constructor, methods, marketplaces, exceptions."""

import inspect
from typing import Any

import pytest
from sp_api import base
from sp_api.api import Services as Theirs
from sp_api.asyncio.api import Services as TheirAsync
from sp_api.base import exceptions as their_exceptions
from sp_api.base.credential_provider import CredentialProvider as TheirProvider

import fieldserve.client as ours
from fieldserve.client import AsyncServices, AwsEnv, Marketplaces, Services
from fieldserve.wire.marketplaces import MARKETPLACES
from tests.client.calling import credentials

PAIRS = pytest.mark.parametrize(("mine", "theirs"), [(Services, Theirs), (AsyncServices, TheirAsync)])
# Their name for "any request" is taken by a class that they do not export.
ADDED = {"endpoint": None, "token_endpoint": None, "retries": None}


@PAIRS
class TestConstructor:
    """Exactly theirs, and three arguments more."""

    def test_arguments(self, mine: Any, theirs: Any) -> None:
        """Names, kinds and order."""
        found = list(inspect.signature(mine).parameters.values())
        expected = list(inspect.signature(theirs).parameters.values())
        assert [(one.name, one.kind) for one in found[: len(expected)]] == [(one.name, one.kind) for one in expected]
        assert {one.name: one.default for one in found[len(expected) :]} == ADDED

    def test_defaults(self, mine: Any, theirs: Any) -> None:
        """The US, the account `default`, certificates checked, everything else unsaid."""
        found, expected = inspect.signature(mine).parameters, inspect.signature(theirs).parameters
        assert found["marketplace"].default is Marketplaces.US
        for name, one in expected.items():
            if name not in ("marketplace", "auth_token_client_class"):
                assert found[name].default == one.default, name

    def test_attributes(self, mine: Any, theirs: Any) -> None:
        """What scripts read of a client."""
        given: dict[str, Any] = {"credentials": credentials(), "version": "v1", "timeout": 3, "verify": True}
        client = mine(Marketplaces.DE, **given)
        other = theirs(base.Marketplaces.DE, **given)
        for name in ("endpoint", "marketplace_id", "region", "version", "timeout", "verify", "proxies"):
            assert getattr(client, name) == getattr(other, name)
        for name in ("lwa_app_id", "lwa_client_secret", "refresh_token"):
            assert getattr(client.credentials, name) == getattr(other.credentials, name)

    def test_methods(self, mine: Any, theirs: Any) -> None:
        """Every method that they have, with their names for ids; only the mistaken path takes an id more."""
        for name, method in vars(theirs).items():
            if name.startswith("_"):
                continue
            positional = [one for one in inspect.signature(method).parameters if one != "kwargs"]
            found = list(inspect.signature(getattr(mine, name)).parameters)
            assert found[: len(positional)] == positional, name


class TestMarketplaces:
    """The table, and the sandbox."""

    @pytest.mark.parametrize("env", ["PRODUCTION", "SANDBOX"])
    def test_same_as_theirs(self, env: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Names, ids, endpoints and regions; the sandbox's hosts with AWS_ENV=SANDBOX."""
        monkeypatch.setenv("AWS_ENV", env)
        assert set(Marketplaces.__members__) == set(base.Marketplaces.__members__)
        for name, other in base.Marketplaces.__members__.items():
            mine = Marketplaces[name]
            endpoint = other.endpoint.replace("https://", "https://sandbox.") if env == "SANDBOX" else other.endpoint
            assert (mine.endpoint, mine.marketplace_id, mine.region) == (endpoint, other.marketplace_id, other.region)

    def test_same_as_the_table(self) -> None:
        """Those of the wire, by country; UK is the other name of GB."""
        assert {one.name: one.value for one in Marketplaces} == {
            one.country: one.marketplace_id for one in MARKETPLACES
        }
        assert Marketplaces["UK"] is Marketplaces["GB"]

    def test_default(self, kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """SP_API_DEFAULT_MARKETPLACE wins over the argument, as theirs does."""
        monkeypatch.setenv("SP_API_DEFAULT_MARKETPLACE", "JP")
        assert kind(Marketplaces.US, credentials=credentials()).marketplace_id == Marketplaces.JP.value

    def test_unknown_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A misspelt AWS_ENV must not end in production."""
        monkeypatch.setenv("AWS_ENV", "SANDBX")
        with pytest.raises(ValueError, match="SANDBX"):
            _ = Marketplaces.US.endpoint
        assert AwsEnv("SANDBOX") is AwsEnv.SANDBOX


class TestEndpoint:
    """Where requests go."""

    def test_argument_and_environment(self, kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """The argument, then SP_API_ENDPOINT, then the marketplace's own."""
        given: dict[str, Any] = {"credentials": credentials()}
        assert kind(**given).endpoint == "https://sellingpartnerapi-na.amazon.com"
        assert kind(**given)._auth.token_endpoint == "https://api.amazon.com/auth/o2/token"
        monkeypatch.setenv("SP_API_ENDPOINT", "http://127.0.0.1:8080/")
        monkeypatch.setenv("SP_API_TOKEN_ENDPOINT", "http://127.0.0.1:8080/auth/o2/token")
        assert kind(**given).endpoint == "http://127.0.0.1:8080"
        assert kind(**given)._auth.token_endpoint == "http://127.0.0.1:8080/auth/o2/token"
        given |= {"endpoint": "https://api.example/", "token_endpoint": "https://tokens.example/"}
        assert kind(**given).endpoint == "https://api.example"
        assert kind(**given)._auth.token_endpoint == "https://tokens.example/"

    def test_no_url(self, kind: Any) -> None:
        """A host alone is refused when the client is made, not when it calls."""
        with pytest.raises(ValueError, match="begins with https://"):
            kind(credentials=credentials(), endpoint="api.example")


class TestNames:
    """What scripts import."""

    def test_exceptions(self) -> None:
        """Each of their exceptions has ours of the same name, status, and base."""
        for name, theirs in vars(their_exceptions).items():
            if isinstance(theirs, type) and issubclass(theirs, Exception):
                mine = getattr(ours, name)
                assert getattr(mine, "code", None) == getattr(theirs, "code", None), name
                assert issubclass(mine, ours.SellingApiException) == issubclass(
                    theirs, their_exceptions.SellingApiException
                )

    def test_providers(self) -> None:
        """Providers of credentials have the same names, and are asked in the same order."""
        mine = [one.__name__ for one in ours.CredentialProvider.CREDENTIAL_PROVIDERS]
        assert mine == [one.__name__ for one in TheirProvider.CREDENTIAL_PROVIDERS]

    def test_all(self) -> None:
        """What the package says it has, it has."""
        assert [name for name in ours.__all__ if not hasattr(ours, name)] == []
        with pytest.raises(AttributeError, match="'Sevices'"):
            _ = ours.Sevices

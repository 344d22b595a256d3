"""Credentials come from where python-amazon-sp-api takes them, in its order."""

import builtins
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import msgspec
import pytest
from moto import mock_aws

from fieldserve.client import (
    BaseCredentialProvider,
    CredentialProvider,
    MissingCredentials,
    Services,
)

GIVEN = {"lwa_app_id": "id", "lwa_client_secret": "secret", "refresh_token": "token"}


def found(account: str = "default", **given: Any) -> tuple[str, str, str | None]:
    """What the providers find: id, secret, refresh token."""
    config = CredentialProvider(account, **given).credentials
    return config.lwa_app_id, config.lwa_client_secret, config.refresh_token


def write(folder: Path, text: str) -> None:
    """A credentials.yml in a folder of configuration."""
    path = folder / "python-sp-api"
    path.mkdir(parents=True)
    (path / "credentials.yml").write_text(text, "utf-8")


def hide(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """As if packages were not installed."""
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] in names:
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)


class TestCode:
    """The argument `credentials`."""

    def test_wins(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Over the environment."""
        monkeypatch.setenv("LWA_APP_ID", "other")
        monkeypatch.setenv("LWA_CLIENT_SECRET", "other")
        assert found(credentials=GIVEN) == ("id", "secret", "token")

    def test_refresh_token_apart(self) -> None:
        """The refresh token may be given apart, and wins."""
        services = Services(credentials=GIVEN, refresh_token="another")
        assert services._auth._refresh_token == "another"

    @pytest.mark.parametrize("given", [None, {}, {"lwa_app_id": "id"}, {**GIVEN, "lwa_client_secret": ""}])
    def test_incomplete(self, given: Any) -> None:
        """Without id and secret there is nothing to call with."""
        with pytest.raises(MissingCredentials, match="lwa_client_secret"):
            found(credentials=given)


class TestEnvironment:
    """LWA_APP_ID, LWA_CLIENT_SECRET, SP_API_REFRESH_TOKEN."""

    def test_by_account(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A variable with the account's name wins over the one without, each for itself."""
        for name, value in (("LWA_APP_ID", "a"), ("LWA_CLIENT_SECRET", "b"), ("SP_API_REFRESH_TOKEN", "c")):
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("SP_API_REFRESH_TOKEN_eu", "d")
        assert found() == ("a", "b", "c")
        assert found("eu") == ("a", "b", "d")


class TestFile:
    """credentials.yml."""

    def test_by_account(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Accounts stand beside each other."""
        write(tmp_path, "default: {lwa_app_id: a, lwa_client_secret: b}\neu: {lwa_app_id: c, lwa_client_secret: d}\n")
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        assert found() == ("a", "b", None)
        assert found("eu") == ("c", "d", None)
        with pytest.raises(MissingCredentials):
            found("fe")

    def test_no_parser(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without PyYAML the exception names the file and what to install."""
        write(tmp_path, "default: {}\n")
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        hide(monkeypatch, "yaml")
        with pytest.raises(MissingCredentials, match=r"credentials\.yml cannot be read.*pip install pyyaml"):
            found()

    def test_not_yaml(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A mistake in the file is told by its line, without what stands there."""
        write(tmp_path, "default:\n  lwa_client_secret: 'hidden\n")
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        with pytest.raises(MissingCredentials, match="not valid YAML, line") as fault:
            found()
        assert "hidden" not in str(fault.value)

    def test_no_file(self) -> None:
        """No file, no credentials, and no word of PyYAML."""
        with pytest.raises(MissingCredentials) as fault:
            found()
        assert str(fault.value) == "Credentials are missing: lwa_app_id, lwa_client_secret"


class TestSecretsManager:
    """SP_API_AWS_SECRET_ID."""

    SECRET = msgspec.json.encode({"LWA_APP_ID": "a", "LWA_CLIENT_SECRET": "b", "SP_API_REFRESH_TOKEN": "c"}).decode()

    def test_boto3(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The secret is read with boto3."""
        for name, value in (
            ("SP_API_AWS_SECRET_ID", "shop"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "x"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
        ):
            monkeypatch.setenv(name, value)
        with mock_aws():
            boto3.client("secretsmanager").create_secret(Name="shop", SecretString=self.SECRET)
            assert found() == ("a", "b", "c")
            monkeypatch.setenv("SP_API_AWS_SECRET_ID", "none")
            with pytest.raises(MissingCredentials):
                found()

    def test_cached(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """aws-secretsmanager-caching is used where it is installed."""
        from fieldserve.client import credentials

        module = types.ModuleType("aws_secretsmanager_caching")
        asked = []

        class SecretCache:
            def get_secret_string(self, secret_id: str) -> str:
                asked.append(secret_id)
                return TestSecretsManager.SECRET

        module.SecretCache = SecretCache  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "aws_secretsmanager_caching", module)
        monkeypatch.setenv("SP_API_AWS_SECRET_ID", "shop")
        credentials._secret_cache.cache_clear()
        assert found() == ("a", "b", "c")
        assert asked == ["shop"]
        credentials._secret_cache.cache_clear()

    def test_no_boto3(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A secret that is named and cannot be read is told, with what to install."""
        monkeypatch.setenv("SP_API_AWS_SECRET_ID", "shop")
        hide(monkeypatch, "boto3", "aws_secretsmanager_caching")
        with pytest.raises(MissingCredentials, match="pip install boto3"):
            found()


class TestOwn:
    """Providers of one's own."""

    def test_in_their_order(self) -> None:
        """The first that has credentials wins; those that have none are passed over."""

        class Nothing(BaseCredentialProvider):
            def load_credentials(self) -> None:
                pass

        class Vault(BaseCredentialProvider):
            def load_credentials(self) -> None:
                self.credentials: Mapping[str, Any] = {**GIVEN, "lwa_app_id": self.account}

        assert found("shop", credential_providers=[Nothing, Vault]) == ("shop", "secret", "token")
        services = Services(account="shop", credential_providers=(Vault,))
        assert services.credentials.lwa_app_id == "shop"
        with pytest.raises(MissingCredentials):
            found(credential_providers=[Nothing])
        with pytest.raises(MissingCredentials, match="lwa_app_id"):
            found(credential_providers=[])

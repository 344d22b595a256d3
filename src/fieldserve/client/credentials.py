"""Who calls: client id, client secret and refresh token, from where python-amazon-sp-api takes them.

In this order, and the first that has a client id and a secret wins: the argument `credentials`; the environment
(LWA_APP_ID, LWA_CLIENT_SECRET, SP_API_REFRESH_TOKEN, each with `_account` appended first); AWS Secrets Manager
(SP_API_AWS_SECRET_ID names the secret; needs boto3); `credentials.yml` in the folder `python-sp-api` of the user's
configuration (needs PyYAML), by account.
"""

import abc
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from fieldserve.client.exceptions import MissingCredentials

required_credentials = ["lwa_app_id", "lwa_client_secret"]

# A provider is called with `account` and `credentials`, and what it makes is called for the credentials.
Provider = Callable[..., Callable[[], Mapping[str, Any]]]


class BaseCredentialProvider(abc.ABC):
    """Where credentials come from: `load_credentials` sets `credentials`, or leaves them as they are."""

    credentials: Mapping[str, Any] | None = None

    def __init__(self, account: str = "default", *args: Any, **kwargs: Any):
        self.account = account

    def __call__(self, *args: Any, **kwargs: Any) -> Mapping[str, Any]:
        """The credentials. Raises MissingCredentials."""
        self.load_credentials()
        return self.check_credentials()

    @abc.abstractmethod
    def load_credentials(self) -> None:
        """Look for them."""

    def check_credentials(self) -> Mapping[str, Any]:
        """Them, if what is required is there."""
        found = self.credentials if isinstance(self.credentials, Mapping) else {}
        if missing := [name for name in required_credentials if not found.get(name)]:
            raise MissingCredentials(f"Credentials are missing: {', '.join(missing)}")
        return found

    def __repr__(self) -> str:
        return f"{type(self).__name__}(account={self.account!r})"


class FromCodeCredentialProvider(BaseCredentialProvider):
    """The argument `credentials`."""

    def __init__(self, credentials: Mapping[str, Any] | None = None, *args: Any, **kwargs: Any):
        super().__init__()
        self.credentials = credentials

    def load_credentials(self) -> None:
        """They are there."""


class FromEnvironmentVariablesCredentialProvider(BaseCredentialProvider):
    """Environment variables; those with `_account` appended win."""

    def load_credentials(self) -> None:
        """Read them."""
        self.credentials = {
            "refresh_token": self._variable("SP_API_REFRESH_TOKEN"),
            "lwa_app_id": self._variable("LWA_APP_ID"),
            "lwa_client_secret": self._variable("LWA_CLIENT_SECRET"),
        }

    def _variable(self, name: str) -> str | None:
        return os.environ.get(f"{name}_{self.account}", os.environ.get(name))


class BaseFromSecretsCredentialProvider(BaseCredentialProvider):
    """The secret that SP_API_AWS_SECRET_ID names: JSON with the names of the environment variables."""

    def load_credentials(self) -> None:
        """Ask for it, where it is named."""
        if not (secret_id := os.environ.get("SP_API_AWS_SECRET_ID")):
            return
        if secret := self.get_secret_content(secret_id):
            self.credentials = {
                "refresh_token": secret.get("SP_API_REFRESH_TOKEN"),
                "lwa_app_id": secret.get("LWA_APP_ID"),
                "lwa_client_secret": secret.get("LWA_CLIENT_SECRET"),
            }

    @abc.abstractmethod
    def get_secret_content(self, secret_id: str) -> dict[str, str]:
        """The secret's content, empty where it cannot be had."""


class FromSecretsCredentialProvider(BaseFromSecretsCredentialProvider):
    """AWS Secrets Manager, through boto3."""

    def get_secret_content(self, secret_id: str) -> dict[str, str]:
        """The secret's content. Raises MissingCredentials where boto3 is not installed: a secret was named."""
        try:
            import boto3
            from botocore.exceptions import ClientError
        except ImportError:
            raise MissingCredentials(
                "SP_API_AWS_SECRET_ID names a secret, and boto3 is not installed: pip install boto3"
            ) from None
        try:
            answer = boto3.client("secretsmanager").get_secret_value(SecretId=secret_id)
        except ClientError:
            return {}
        return _secret(answer.get("SecretString"))


class FromCachedSecretsCredentialProvider(BaseFromSecretsCredentialProvider):
    """AWS Secrets Manager, through aws-secretsmanager-caching where that is installed."""

    def get_secret_content(self, secret_id: str) -> dict[str, str]:
        """The secret's content."""
        if (cache := _secret_cache()) is None:
            return {}
        from botocore.exceptions import ClientError

        try:
            return _secret(cache.get_secret_string(secret_id=secret_id))
        except ClientError:
            return {}


@lru_cache
def _secret_cache() -> Any:
    try:
        from aws_secretsmanager_caching import SecretCache  # type: ignore[import-not-found]
    except ImportError:
        return None
    return SecretCache()


def _secret(text: str | None) -> dict[str, str]:
    found = msgspec.json.decode(text) if text else {}
    return found if isinstance(found, dict) else {}


class FromConfigFileCredentialProvider(BaseCredentialProvider):
    """`credentials.yml`: a mapping of accounts to their credentials."""

    def load_credentials(self) -> None:
        """Read the account's, if there is a file. Raises MissingCredentials where PyYAML is not installed."""
        path = next((path for path in config_files() if path.is_file()), None)
        if path is None:
            return
        try:
            import yaml
        except ImportError:
            raise MissingCredentials(
                f"{path} cannot be read, since PyYAML is not installed: pip install pyyaml"
            ) from None
        try:
            found = yaml.safe_load(path.read_text("utf-8"))
        except yaml.YAMLError as fault:
            # The parser's own message would quote the line, and with it a secret.
            mark = getattr(fault, "problem_mark", None)
            where = f", line {mark.line + 1}" if mark else ""
            raise MissingCredentials(f"{path} is not valid YAML{where}") from None
        if isinstance(found, Mapping):
            self.credentials = found.get(self.account)


def config_files() -> list[Path]:
    """Where credentials.yml may be, the likeliest first."""
    home = Path.home()
    if given := os.environ.get("PYTHON-SP-APIDIR"):
        return [Path(given).expanduser() / "credentials.yml"]
    folders = [Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config").expanduser()]
    if sys.platform == "darwin":
        folders.append(home / "Library" / "Application Support")
    elif sys.platform == "win32":
        folders.insert(0, Path(os.environ.get("APPDATA") or home / "AppData" / "Roaming"))
    else:
        folders += [Path("/etc/xdg"), Path("/etc")]
    return [folder / "python-sp-api" / "credentials.yml" for folder in folders]


class CredentialProvider:
    """Asks the providers in turn; `credentials` is what the first answers. Raises MissingCredentials."""

    CREDENTIAL_PROVIDERS: Iterable[Provider] = (
        FromCodeCredentialProvider,
        FromEnvironmentVariablesCredentialProvider,
        FromCachedSecretsCredentialProvider,
        FromSecretsCredentialProvider,
        FromConfigFileCredentialProvider,
    )

    class Config:
        """Credentials with names; its repr keeps them to itself."""

        def __init__(self, **given: Any):
            self.refresh_token: str | None = given.get("refresh_token")
            self.lwa_app_id: str = given["lwa_app_id"]
            self.lwa_client_secret: str = given["lwa_client_secret"]

        def __repr__(self) -> str:
            return "Config(…)"

    def __init__(
        self,
        account: str = "default",
        credentials: Mapping[str, Any] | None = None,
        credential_providers: Iterable[Provider] | None = None,
    ):
        self.account = account
        reasons = []
        for provider in self.CREDENTIAL_PROVIDERS if credential_providers is None else credential_providers:
            try:
                found = provider(account=account, credentials=credentials)()
            except MissingCredentials as fault:
                reasons.append(str(fault))
                continue
            self.credentials = self.Config(**found)
            return
        told = dict.fromkeys(reasons) or [f"Credentials are missing: {', '.join(required_credentials)}"]
        raise MissingCredentials("; ".join(told))

    def __repr__(self) -> str:
        return f"CredentialProvider(account={self.account!r})"

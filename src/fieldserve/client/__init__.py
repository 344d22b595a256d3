"""The client of the Services API, for threads and for asyncio; write against fieldserve, run against Amazon.

    from fieldserve.client import Marketplaces, Services

    services = Services(Marketplaces.US)
    for job in services.iter_service_jobs(createdAfter="2026-01-01T00:00:00Z"):
        print(job.service_job_id, job.service_job_status)

Constructor, methods, answers and exceptions are those of python-amazon-sp-api: a script written for
`sp_api.api.Services` runs with its import changed.
"""

from typing import TYPE_CHECKING, Any

from fieldserve.client._sync import AccessTokenClient, Services
from fieldserve.client.credentials import (
    BaseCredentialProvider,
    BaseFromSecretsCredentialProvider,
    CredentialProvider,
    FromCachedSecretsCredentialProvider,
    FromCodeCredentialProvider,
    FromConfigFileCredentialProvider,
    FromEnvironmentVariablesCredentialProvider,
    FromSecretsCredentialProvider,
)
from fieldserve.client.exceptions import (
    AuthorizationError,
    MissingCredentials,
    MissingScopeException,
    SellingApiBadRequestException,
    SellingApiConnectionException,
    SellingApiException,
    SellingApiForbiddenException,
    SellingApiGatewayTimeoutException,
    SellingApiNotFoundException,
    SellingApiRequestThrottledException,
    SellingApiServerException,
    SellingApiStateConflictException,
    SellingApiTemporarilyUnavailableException,
    SellingApiTimeoutException,
    SellingApiTooLargeException,
    SellingApiUnprocessableException,
    SellingApiUnsupportedFormatException,
    get_exception_for_code,
)
from fieldserve.client.marketplaces import AwsEnv, Marketplaces
from fieldserve.client.response import ApiResponse, UpdatedScheduleRecord
from fieldserve.client.retries import Retries, idempotency_key
from fieldserve.client.tokens import AccessTokenResponse

if TYPE_CHECKING:
    from fieldserve.client._async import AsyncAccessTokenClient, AsyncServices

__all__ = [
    "AccessTokenClient",
    "AccessTokenResponse",
    "ApiResponse",
    "AsyncAccessTokenClient",
    "AsyncServices",
    "AuthorizationError",
    "AwsEnv",
    "BaseCredentialProvider",
    "BaseFromSecretsCredentialProvider",
    "CredentialProvider",
    "FromCachedSecretsCredentialProvider",
    "FromCodeCredentialProvider",
    "FromConfigFileCredentialProvider",
    "FromEnvironmentVariablesCredentialProvider",
    "FromSecretsCredentialProvider",
    "Marketplaces",
    "MissingCredentials",
    "MissingScopeException",
    "Retries",
    "SellingApiBadRequestException",
    "SellingApiConnectionException",
    "SellingApiException",
    "SellingApiForbiddenException",
    "SellingApiGatewayTimeoutException",
    "SellingApiNotFoundException",
    "SellingApiRequestThrottledException",
    "SellingApiServerException",
    "SellingApiStateConflictException",
    "SellingApiTemporarilyUnavailableException",
    "SellingApiTimeoutException",
    "SellingApiTooLargeException",
    "SellingApiUnprocessableException",
    "SellingApiUnsupportedFormatException",
    "Services",
    "UpdatedScheduleRecord",
    "get_exception_for_code",
    "idempotency_key",
]


def __getattr__(name: str) -> Any:
    """The client for asyncio is imported when it is first named: whoever uses threads does not wait for it."""
    if name in ("AsyncAccessTokenClient", "AsyncServices"):
        from fieldserve.client import _async

        return getattr(_async, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

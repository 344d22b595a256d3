"""Secrets of the client stand in no log, no repr, and no exception's text."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fieldserve.client import AsyncServices, AuthorizationError, CredentialProvider, SellingApiException
from fieldserve.client.pacing import _accounts
from fieldserve.client.tokens import _cells
from tests.client.calling import credentials, settle
from tests.client.conftest import options
from tests.official.running import RunningServer
from tests.proofs import FILES


async def test_logs(kind: Any, server: RunningServer, caplog: pytest.LogCaptureFixture) -> None:
    """Everything at DEBUG, through a token, a booking, an upload and refusals: no secret, no token, no key."""
    given = options(server)
    with caplog.at_level(logging.DEBUG):
        services = kind(**given)
        secrets = [given["credentials"]["lwa_client_secret"], given["credentials"]["refresh_token"]]
        secrets.append((await settle(services.auth)).access_token)
        place = await settle(services.create_service_document_upload_destination(contentType="PDF", contentLength=30))
        details = place.payload["encryptionDetails"]
        secrets += [details["key"], place.payload["url"].partition("signature=")[2].partition("&")[0]]
        await settle(services.upload_document(FILES["PDF"]))
        await settle(services.get_service_jobs(createdAfter=datetime.now(UTC) - timedelta(hours=1)))
        with pytest.raises(SellingApiException) as refused:
            await settle(services.get_service_job_by_service_job_id("nothing"))
        wrong = kind(**given | {"credentials": credentials()})
        with pytest.raises(AuthorizationError) as denied:
            await settle(wrong.auth)
    assert all(len(secret) > 20 for secret in secrets)
    told = [caplog.text, repr(place), str(place), repr(place.typed), str(refused.value), str(denied.value)]
    told += [repr(one) for one in (services, services.credentials, services._auth, services._http, place.headers)]
    told.append(repr(await settle(services.auth)))
    for one in (services, wrong):
        await settle(one.aclose() if isinstance(one, AsyncServices) else one.close())
    assert caplog.records
    assert "signature=" not in caplog.text
    for text in told:
        assert not [secret for secret in secrets if secret in text], text[:200]


def test_providers() -> None:
    """Whoever looks at a provider, or its credentials, sees none."""
    given = credentials()
    provider = CredentialProvider("default", given)
    for text in (repr(provider), repr(provider.credentials), str(provider.credentials)):
        assert given["lwa_client_secret"] not in text
        assert given["refresh_token"] not in text


async def test_what_is_shared(kind: Any) -> None:
    """Tokens and buckets are kept under digests: the process's memory of who called holds no secret as a key."""
    given = credentials()
    services = kind(credentials=given)
    services._auth._cell(given["refresh_token"])
    for key in (*_cells, *_accounts):
        assert len(key) == 32
        assert given["lwa_client_secret"].encode() not in key

"""After every flow of access, no secret is in the database, a log or a repr."""

import logging
from collections.abc import AsyncIterator

import pytest

from fieldserve.api.authorize import authorize
from fieldserve.operations.applications import rotate_secret
from fieldserve.operations.consent import issue_sign_in_code
from fieldserve.operations.operator_keys import create_operator_key
from fieldserve.operations.run import Context
from fieldserve.store.engine import Database
from fieldserve.store.tokens import hash_of
from tests.access import CALLBACK, OPERATOR, SetClock, an_application, authorized, client, dump, opened
from tests.api.test_authorize import request
from tests.api.test_consent import PATH, asks, form, parameters, submit

SCOPE = "sellingpartnerapi::notifications"


@pytest.fixture
async def context(database: Database) -> AsyncIterator[Context]:
    async with opened(database, SetClock()) as context:
        yield context


async def test_no_secret_stays(context: Context, caplog: pytest.LogCaptureFixture) -> None:
    """Every flow is gone through, refusals too; what was secret in it is then looked for everywhere."""
    caplog.set_level(logging.DEBUG)
    planted: dict[str, str] = {}
    shown: list[object] = []
    planted["operator key"] = await create_operator_key(context, OPERATOR, "ann")
    first = await an_application(context)
    planted["first client secret"] = first.client_secret
    application = await rotate_secret(context, OPERATOR, first.application.application_id)
    planted["client secret"] = application.client_secret
    grant = await authorized(context, application)
    planted["refresh token"] = grant.refresh_token
    planted["sign-in code"] = await issue_sign_in_code(context, OPERATOR, "S1")
    shown += [first, application, grant]

    identity = {"client_id": application.application.client_id, "client_secret": application.client_secret}
    async with client(context) as http:

        async def token(**fields: str) -> dict[str, str]:
            return dict((await http.post("/auth/o2/token", data=identity | fields)).json())

        refreshed = await token(grant_type="refresh_token", refresh_token=grant.refresh_token)
        planted["access token"] = refreshed["access_token"]
        planted["scoped token"] = (await token(grant_type="client_credentials", scope=SCOPE))["access_token"]
        resources = [{"method": "GET", "path": "/service/v1/serviceJobs/J1"}]
        headers = {"x-amz-access-token": planted["access token"]}
        body = {"restrictedResources": resources}
        restricted = await http.post("/tokens/2021-03-01/restrictedDataToken", json=body, headers=headers)
        planted["restricted token"] = restricted.json()["restrictedDataToken"]
        shown.append(await authorize(context, request(planted["restricted token"]).scope))

        page = await http.get(PATH, params=asks(application))
        planted["first cookie"] = http.cookies["consent"]
        planted["form token"] = form(page).fields["form_token"]
        page = await http.get((await submit(http, page, "sign_in", code=planted["sign-in code"])).headers["location"])
        planted["session"] = http.cookies["consent"]
        planted["code"] = parameters(await submit(http, page, "approve"))["spapi_oauth_code"]
        exchanged = await token(grant_type="authorization_code", code=planted["code"], redirect_uri=CALLBACK)
        planted["second refresh token"] = exchanged["refresh_token"]

        # And some that go wrong: a used code, a wrong secret, a token that is unknown.
        planted["wrong secret"], planted["unknown token"] = "wr0ng-5ecret", "Atzr|unkn0wn-t0ken"
        await token(grant_type="authorization_code", code=planted["code"])
        await token(grant_type="refresh_token", refresh_token=planted["unknown token"])
        identity["client_secret"] = planted["wrong secret"]
        await token(grant_type="client_credentials", scope=SCOPE)

    assert len(set(planted.values())) == len(planted)
    everything = "\n".join((await dump(context.database), caplog.text, repr(shown)))
    assert hash_of(planted["refresh token"]) in everything  # the dump does hold what is stored
    for name, secret in planted.items():
        # Without the prefix, and the code as it is hashed, so that no other form of it is overlooked.
        for form_of_it in {secret, secret.rpartition("|")[2], secret.replace("-", "")}:
            assert form_of_it not in everything, f"the {name} is there"

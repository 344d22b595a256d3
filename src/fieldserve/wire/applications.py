"""Applications, their authorizations and sellers' sign-in codes, on the wire, as operators see them."""

from typing import Annotated

from msgspec import Meta

from fieldserve.wire.errors import Says
from fieldserve.wire.limits import Ask, Id, MarketplaceId
from fieldserve.wire.parameters import Parameter
from fieldserve.wire.parts import Part

NO_APPLICATION = Says(404, "NotFound", "There is no application {application_id}.", "the id is unknown")
NO_SELLER = Says(404, "NotFound", "There is no seller {seller_id}.", "the id is unknown")
NO_AUTHORIZATION = Says(404, "NotFound", "There is no authorization {authorization_id}.", "the id is unknown")
DISABLED = Says(409, "Conflict", "The application {application_id} is disabled.", "it can be given nothing new")
INVALID = Says(400, "InvalidInput", "Missing or invalid request parameters: [{names}]", "details say what and why")

APPLICATION_ID = Parameter("applicationId", "path", required=True, min_length=1, max_length=100, says="the application")
AUTHORIZATION_ID = Parameter(
    "authorizationId", "path", required=True, min_length=1, max_length=100, says="the authorization"
)

Text = Annotated[str, Meta(min_length=1, max_length=2000)]
Texts = Annotated[tuple[Text, ...], Meta(max_length=100)]


class CreateApplication(Ask):
    """`roles` absent stands for Professional Services; `redirectUris` are where a seller's consent may lead back to."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    roles: Texts | None = None
    redirect_uris: Texts = ()
    scopes: Texts = ()


class ApplicationRecord(Part):
    """`sellerId` is the seller that registered it for itself, and for whom alone it acts; absent for the operator's."""

    application_id: str
    client_id: str
    name: str
    roles: list[str]
    redirect_uris: list[str]
    scopes: list[str]
    created_at: str
    disabled_at: str | None = None
    seller_id: str | None = None


class ApplicationListing(Part):
    applications: list[ApplicationRecord]


class ApplicationWithSecret(Part):
    """An application and its secret, told this once."""

    application: ApplicationRecord
    client_secret: str

    def __repr__(self) -> str:  # the default one would carry the secret into logs and tracebacks
        return "ApplicationWithSecret(…)"


class Usage(Ask):
    """Requests a second, and how many may come at once."""

    rate: Annotated[float, Meta(gt=0, le=1_000_000)]
    burst: Annotated[int, Meta(ge=1, le=1_000_000)]


class Authorize(Ask):
    """What a seller lets an application do. Absent marketplaces, stores or roles stand for all there are.

    `usagePlan` overrides the published one of operations, by their id."""

    application_id: Id
    marketplace_ids: Annotated[tuple[MarketplaceId, ...], Meta(min_length=1, max_length=50)] | None = None
    store_ids: Annotated[tuple[Id, ...], Meta(max_length=500)] | None = None
    roles: Texts | None = None
    usage_plan: dict[str, Usage] | None = None


class UsageRecord(Part):
    rate: float
    burst: int


class AuthorizationRecord(Part):
    """`storeIds` absent stands for all stores of the seller."""

    authorization_id: str
    application_id: str
    seller_id: str
    marketplace_ids: list[str]
    roles: list[str]
    usage_plan: dict[str, UsageRecord]
    created_at: str
    store_ids: list[str] | None = None
    revoked_at: str | None = None


class AuthorizationListing(Part):
    authorizations: list[AuthorizationRecord]


class AuthorizationWithToken(Part):
    """An authorization and its refresh token, told this once."""

    authorization: AuthorizationRecord
    refresh_token: str

    def __repr__(self) -> str:  # the default one would carry the token into logs and tracebacks
        return "AuthorizationWithToken(…)"


class SignInCode(Part):
    """A code with which the seller signs in to the consent page, once, within `expiresIn` seconds."""

    sign_in_code: str
    expires_in: int

    def __repr__(self) -> str:  # the default one would carry the code into logs and tracebacks
        return "SignInCode(…)"

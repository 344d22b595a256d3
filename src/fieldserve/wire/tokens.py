"""The token endpoint's words, as Login with Amazon says them, and those of the restricted data token.

Errors of the token endpoint are `{"error", "error_description"}` (RFC 6749, section 5.2), not the API's own; every text
is an entry of the catalogue below.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from fieldserve.wire.times import SECOND

ACCESS_PREFIX = "Atza|"
REFRESH_PREFIX = "Atzr|"
RESTRICTED_PREFIX = "Atz.sprdt|"

LIFETIME = 3600 * SECOND
EXPIRES_IN = 3600
CODE_LIFETIME = 300 * SECOND


class TokenAnswer(msgspec.Struct, omit_defaults=True, frozen=True):
    """A success. `refresh_token` is absent where no seller stands behind the token, `scope` where one does."""

    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str | None = None
    scope: str | None = None

    def __repr__(self) -> str:  # the default one would carry the tokens into logs and tracebacks
        return "TokenAnswer(…)"


class TokenFault(msgspec.Struct, frozen=True):
    """An answer that is no success."""

    error: str
    error_description: str


class TokenError(Exception):
    """A refusal of the token endpoint. `retry_after` in seconds, where waiting helps."""

    def __init__(self, status: int, fault: TokenFault, retry_after: int | None = None):
        self.status = status
        self.fault = fault
        self.retry_after = retry_after
        super().__init__(f"{status} {fault.error}: {fault.error_description}")


@dataclass(frozen=True, slots=True)
class Refuses:
    """An entry of the catalogue; `when` is for the documentation."""

    status: int
    code: str
    description: str
    when: str
    retry_after: int | None = None

    def error(self, **values: object) -> TokenError:
        return TokenError(self.status, TokenFault(self.code, self.description.format(**values)), self.retry_after)


WRONG_TYPE = Refuses(
    400,
    "invalid_request",
    "The Content-Type must be application/x-www-form-urlencoded.",
    "the body is neither a form nor JSON",
)
MALFORMED = Refuses(400, "invalid_request", "The request body is malformed: {reason}.", "the body cannot be read")
REPEATED = Refuses(
    400, "invalid_request", "The request repeats a parameter: {name}.", "a parameter is given more than once"
)
MISSING = Refuses(
    400, "invalid_request", "The request is missing a required parameter: {name}.", "a parameter is absent or empty"
)
TWO_CREDENTIALS = Refuses(
    400,
    "invalid_request",
    "The client must authenticate in one way only: in the Authorization header or in the body.",
    "credentials come in both places",
)
UNKNOWN_GRANT = Refuses(
    400,
    "unsupported_grant_type",
    "The authorization grant type is not supported by the authorization server.",
    "grant_type is none of refresh_token, authorization_code and client_credentials",
)
INVALID_CLIENT = Refuses(
    401,
    "invalid_client",
    "Client authentication failed.",
    "the client is unknown or disabled, or its secret is wrong; the three are told the same",
)
TOO_MANY_FAILURES = Refuses(
    429,
    "invalid_client",
    "Client authentication failed too often. Wait before trying again.",
    "a client has given ten wrong secrets in a row, and more than one a second after that",
    retry_after=1,
)
INVALID_GRANT = Refuses(
    400,
    "invalid_grant",
    "The request has an invalid grant parameter: {name}.",
    "the refresh token or the code is unknown, revoked, expired, used or another client's; or redirect_uri differs",
)
INVALID_SCOPE = Refuses(
    400, "invalid_scope", "The request has an invalid parameter: scope.", "a scope that the application does not have"
)
SERVER_ERROR = Refuses(500, "server_error", "The server met an internal error.", "a defect of the server")
TEMPORARILY_UNAVAILABLE = Refuses(
    503, "temporarily_unavailable", "The server is temporarily unavailable.", "the database is away", retry_after=1
)

CATALOGUE = (
    WRONG_TYPE,
    MALFORMED,
    REPEATED,
    MISSING,
    TWO_CREDENTIALS,
    UNKNOWN_GRANT,
    INVALID_CLIENT,
    TOO_MANY_FAILURES,
    INVALID_GRANT,
    INVALID_SCOPE,
    SERVER_ERROR,
    TEMPORARILY_UNAVAILABLE,
)


@dataclass(frozen=True, slots=True)
class RefreshGrant:
    """grant_type refresh_token."""

    refresh_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CodeGrant:
    """grant_type authorization_code. Well-known clients leave `redirect_uri` out; given, it must be the consent's."""

    code: str = field(repr=False)
    redirect_uri: str | None = None


@dataclass(frozen=True, slots=True)
class ClientGrant:
    """grant_type client_credentials, for what needs no seller's consent."""

    scopes: tuple[str, ...]


Grant = RefreshGrant | CodeGrant | ClientGrant


def read_grant(fields: Mapping[str, str]) -> Grant:
    """The grant that the parameters ask by; unknown ones are ignored. Raises TokenError."""
    match _required(fields, "grant_type"):
        case "refresh_token":
            return RefreshGrant(_required(fields, "refresh_token"))
        case "authorization_code":
            return CodeGrant(_required(fields, "code"), fields.get("redirect_uri") or None)
        case "client_credentials":
            return ClientGrant(tuple(dict.fromkeys(_required(fields, "scope").split())))
    raise UNKNOWN_GRANT.error()


def _required(fields: Mapping[str, str], name: str) -> str:
    if not (value := fields.get(name, "").strip()):
        raise MISSING.error(name=name)
    return value

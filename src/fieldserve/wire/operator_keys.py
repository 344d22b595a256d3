"""Keys of the operator API, on the wire."""

from fieldserve.wire.errors import Says
from fieldserve.wire.limits import Ask, Id
from fieldserve.wire.parameters import Parameter
from fieldserve.wire.parts import Part

KEY_NAME = Parameter("name", "path", required=True, min_length=1, max_length=100, says="the name of the key")
UNKNOWN_KEY = Says(
    401,
    "Unauthorized",
    "Access to requested resource is denied.",
    "the operator key is missing, unknown or revoked",
)


class CreateOperatorKey(Ask):
    """What is done with the key is logged as `operator:` and this name."""

    name: Id


class OperatorKeyRecord(Part):
    name: str
    created_at: str
    revoked_at: str | None = None


class OperatorKeyWithSecret(Part):
    """A new key, told this once."""

    name: str
    key: str

    def __repr__(self) -> str:  # the default one would carry the key into logs and tracebacks
        return "OperatorKeyWithSecret(…)"


class OperatorKeyListing(Part):
    keys: list[OperatorKeyRecord]

"""Who calls: from the token in the header to the `Caller` that operations act for."""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace
from starlette.types import Scope

from fieldserve.operations.run import Caller, Context
from fieldserve.operations.tokens import authenticate
from fieldserve.store.tokens import Access
from fieldserve.wire.errors import UNAUTHORIZED, ApiError
from fieldserve.wire.marketplaces import OF_REGION, region_of_host
from fieldserve.wire.operations import ROLE
from fieldserve.wire.times import Instant
from fieldserve.wire.tokens import ACCESS_PREFIX, RESTRICTED_PREFIX

HEADER = "x-amz-access-token"
_HEADER = HEADER.encode()
# Ours are 48 and 53 characters long; whatever is much longer is not worth hashing.
_LONGEST = 2048


class _Known(NamedTuple):
    """A caller as far as the token and the host tell; what is left to look at is the present, and what is asked."""

    caller: Caller
    expires_at: Instant
    grants: list[list[str]] | None


async def authorize(context: Context, scope: Scope, request_id: str | None = None) -> Caller:
    """Whose request it is and what it may touch. Raises ApiError: UNAUTHORIZED with the reason in its details.

    The caller's marketplaces are those authorized that the seller takes part in, of the region that the host names, or
    of all regions configured if it names none."""
    headers = first_of_each(scope["headers"])
    token, host = headers.get(_HEADER, b""), headers.get(b"host", b"")
    # Remembered for no longer than what the database says of the token, which is a second.
    callers = context.accesses.fresh(context.database).callers
    known: _Known | None = callers.get((token, host))
    if known is None:
        known = callers[token, host] = await _find(context, token.decode("latin-1").strip(), host.decode("latin-1"))
    elif context.clock.now() >= known.expires_at:
        raise _refused(_EXPIRED)
    if known.grants is not None and not _covers(known.grants, scope):
        raise _refused("The restricted data token you provided does not cover this method and path.")
    return replace(known.caller, request_id=request_id)


def first_of_each(headers: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """A request's headers by name; of those that come twice, the first."""
    return dict(headers[::-1])


_EXPIRED = "The access token you provided has expired."


async def _find(context: Context, token: str, host: str) -> _Known:
    if not token:
        raise _refused(f"Access token is missing in the request header {HEADER}.")
    if not token.startswith((ACCESS_PREFIX, RESTRICTED_PREFIX)) or len(token) > _LONGEST:
        raise _refused("The access token you provided is malformed.")
    now = context.clock.now()
    access = await authenticate(context, token, now)
    if access is None:
        raise _refused("The access token you provided is not known.")
    if access.is_revoked:
        raise _refused("The access token you provided has been revoked.")
    if now >= access.expires_at:
        raise _refused(_EXPIRED)
    if access.authorization_id is None or access.seller_id is None:
        raise _refused("The access token you provided was issued for a scope; no seller stands behind it.")
    roles = access.roles & access.application_roles
    if ROLE not in roles:
        raise _refused(f'The application lacks the role "{ROLE}".')
    caller = Caller(
        seller_id=access.seller_id,
        application_id=access.application_id,
        authorization_id=access.authorization_id,
        marketplaces=_marketplaces(context, host, access),
        stores=access.stores,
        roles=roles,
        usage_plan=access.usage_plan,
        actor=f"application:{access.application_id}",
    )
    return _Known(caller, access.expires_at, access.grants)


def _marketplaces(context: Context, host: str, access: Access) -> frozenset[str]:
    served = context.settings.regions
    region = region_of_host(host)[0]
    if region is not None and region not in served:
        raise _refused(f"This server does not serve the region {region}.")
    regions = served if region is None else (region,)
    here = frozenset[str]().union(*(OF_REGION[one] for one in regions))
    if access.authorized_marketplaces.isdisjoint(here):
        raise _refused(f"The authorization holds for no marketplace of this host's region ({', '.join(regions)}).")
    return access.authorized_marketplaces & access.seller_marketplaces & here


def _covers(resources: list[list[str]], scope: Scope) -> bool:
    # The path as routing sees it, decoded; otherwise an encoded slash could lead to an operation that is not covered.
    path = scope["path"].split("/")
    return any(method == scope["method"] and _matches(given.split("/"), path) for method, given in resources)


def _matches(pattern: list[str], path: list[str]) -> bool:
    return len(pattern) == len(path) and all(
        one == other or (one.startswith("{") and one.endswith("}") and other != "")
        for one, other in zip(pattern, path, strict=True)
    )


def _refused(reason: str) -> ApiError:
    return UNAUTHORIZED.error(reason)

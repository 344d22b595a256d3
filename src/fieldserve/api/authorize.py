"""Who calls: from the token in the header to the `Caller` that operations act for."""

from functools import lru_cache

from starlette.requests import Request

from fieldserve.operations.run import Caller, Context
from fieldserve.operations.tokens import authenticate
from fieldserve.store.tokens import Access
from fieldserve.wire.errors import UNAUTHORIZED, ApiError
from fieldserve.wire.marketplaces import OF_REGION, Region, region_of_host
from fieldserve.wire.operations import ROLE, Operation
from fieldserve.wire.tokens import ACCESS_PREFIX, RESTRICTED_PREFIX

HEADER = "x-amz-access-token"
# Ours are 48 and 53 characters long; whatever is much longer is not worth hashing.
_LONGEST = 2048


async def authorize(context: Context, request: Request, operation: Operation, request_id: str | None = None) -> Caller:
    """Whose request it is and what it may touch. Raises ApiError: UNAUTHORIZED with the reason in its details.

    The caller's marketplaces are those authorized that the seller takes part in, of the region that the host names, or
    of all regions configured if it names none."""
    token = request.headers.get(HEADER, "").strip()
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
        raise _refused("The access token you provided has expired.")
    if access.authorization_id is None or access.seller_id is None:
        raise _refused("The access token you provided was issued for a scope; no seller stands behind it.")
    roles = access.roles & access.application_roles
    if ROLE not in roles:
        raise _refused(f'The application lacks the role "{ROLE}".')
    if access.grants is not None and not _covers(access.grants, request):
        raise _refused("The restricted data token you provided does not cover this method and path.")
    return Caller(
        seller_id=access.seller_id,
        application_id=access.application_id,
        authorization_id=access.authorization_id,
        marketplaces=_marketplaces(context, request, access),
        stores=access.stores,
        roles=roles,
        usage_plan=access.usage_plan,
        actor=f"application:{access.application_id}",
        request_id=request_id,
    )


def _marketplaces(context: Context, request: Request, access: Access) -> frozenset[str]:
    served = context.settings.regions
    region = _region_of_host(request.headers.get("host", ""))
    if region is not None and region not in served:
        raise _refused(f"This server does not serve the region {region}.")
    regions = served if region is None else (region,)
    here = _of_regions(regions)
    if access.authorized_marketplaces.isdisjoint(here):
        raise _refused(f"The authorization holds for no marketplace of this host's region ({', '.join(regions)}).")
    return access.authorized_marketplaces & access.seller_marketplaces & here


@lru_cache(maxsize=256)
def _region_of_host(host: str) -> Region | None:
    return region_of_host(host)[0]


@lru_cache
def _of_regions(regions: tuple[str, ...]) -> frozenset[str]:
    return frozenset[str]().union(*(OF_REGION[one] for one in regions))


def _covers(resources: list[list[str]], request: Request) -> bool:
    # The path as routing sees it, decoded; otherwise an encoded slash could lead to an operation that is not covered.
    path = request.scope["path"].split("/")
    return any(method == request.method and _matches(given.split("/"), path) for method, given in resources)


def _matches(pattern: list[str], path: list[str]) -> bool:
    return len(pattern) == len(path) and all(
        one == other or (one.startswith("{") and one.endswith("}") and other != "")
        for one, other in zip(pattern, path, strict=True)
    )


def _refused(reason: str) -> ApiError:
    return UNAUTHORIZED.error(reason)

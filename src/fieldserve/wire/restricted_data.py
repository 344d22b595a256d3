"""The restricted data token: an access token that is good for a few named resources only."""

import re
from urllib.parse import unquote

import msgspec

from fieldserve.wire.operations import OPERATIONS, Operation, missing_or_invalid
from fieldserve.wire.parameters import ParameterFault
from fieldserve.wire.parts import Part
from fieldserve.wire.retries import KEY_REUSED

MOST_RESOURCES = 50
DATA_ELEMENTS = ("buyerInfo", "buyerTaxInformation", "shippingAddress")


class RestrictedResource(Part):
    """A method and a path, with ids or with the names of the path's parameters in braces for any id."""

    method: str | None = None
    path: str | None = None
    data_elements: list[str] | None = None


class CreateRestrictedDataTokenRequest(Part):
    """The body of createRestrictedDataToken."""

    target_application: str | None = None
    restricted_resources: list[RestrictedResource] | None = None


class CreateRestrictedDataTokenResponse(msgspec.Struct, frozen=True, rename="camel"):
    """The token, and the seconds that it is good for."""

    restricted_data_token: str
    expires_in: int

    def __repr__(self) -> str:  # the default one would carry the token into logs and tracebacks
        return "CreateRestrictedDataTokenResponse(…)"


# Not one of the API's 17, and so not in their table.
CREATE_RESTRICTED_DATA_TOKEN = Operation(
    "createRestrictedDataToken",
    "POST",
    "/tokens/2021-03-01/restrictedDataToken",
    1,
    10,
    200,
    "Get a token that is good for named resources only.",
    body=CreateRestrictedDataTokenRequest,
    unsaid=(KEY_REUSED,),
)


def read_resources(request: CreateRestrictedDataTokenRequest) -> list[tuple[str, str]]:
    """The (method, decoded path) that the token is to be good for. Raises ApiError naming every fault."""
    resources = request.restricted_resources
    if request.target_application is not None:
        raise missing_or_invalid(
            [ParameterFault("targetApplication", "targetApplication: delegation to other applications is not offered")]
        )
    if not resources or len(resources) > MOST_RESOURCES:
        reason = f"restrictedResources must name 1 to {MOST_RESOURCES} resources, got {len(resources or ())}"
        raise missing_or_invalid([ParameterFault("restrictedResources", reason)])
    faults = [fault for number, one in enumerate(resources) for fault in _faults(f"restrictedResources[{number}]", one)]
    if faults:
        raise missing_or_invalid(faults)
    return [(one.method or "", unquote(one.path or "")) for one in resources]


def _faults(name: str, one: RestrictedResource) -> list[ParameterFault]:
    faults = []
    if one.method is None or one.path is None:
        missing = "method" if one.method is None else "path"
        faults.append(ParameterFault(f"{name}.{missing}", f"{name}: {missing} is required"))
    elif not any(_names(operation, one.method, unquote(one.path)) for operation in OPERATIONS):
        faults.append(ParameterFault(f"{name}.path", f"{name}: no operation answers this method and path"))
    if unknown := set(one.data_elements or ()) - set(DATA_ELEMENTS):
        reason = f"{name}: dataElements must be of {', '.join(DATA_ELEMENTS)}, got {len(unknown)} others"
        faults.append(ParameterFault(f"{name}.dataElements", reason))
    return faults


def _names(operation: Operation, method: str, path: str) -> bool:
    """Whether the path is the operation's, each parameter in braces by its own name or given a value."""
    pattern = re.sub(r"\{(\w+)\}", r"(?:\\{\1\\}|[^/{}?#]+)", operation.path)
    return operation.method == method and re.fullmatch(pattern, path) is not None

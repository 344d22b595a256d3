"""What the server would refuse without looking anything up, refused before the network, in the server's own words."""

from collections.abc import Mapping, Sequence

from fieldserve.client.exceptions import SellingApiException, refused_here
from fieldserve.wire import checks
from fieldserve.wire.errors import ApiError
from fieldserve.wire.operations import Operation, missing_or_invalid
from fieldserve.wire.parameters import ParameterFault


def check(
    operation: Operation, path: Mapping[str, str], query: Mapping[str, Sequence[str]], body: bytes | None
) -> None:
    """Raises SellingApiException where the server would refuse the request whatever it holds."""
    try:
        checks.refuse(operation, path, query, body)
    except ApiError as fault:
        raise _here(fault) from None


def refusal(fault: ParameterFault) -> SellingApiException:
    """The refusal of a value that cannot be put into a request at all."""
    return _here(missing_or_invalid([fault]))


def _here(fault: ApiError) -> SellingApiException:
    return refused_here(fault.status, fault.faults)

"""What is wrong with a body, by field."""

import pytest

from fieldserve.wire.bodies import BodyFault, decode
from fieldserve.wire.orders import PlaceOrder

_ORDER = b'{"storeId":"s","asin":"B000000001","buyer":{"name":"P"}'


@pytest.mark.parametrize(
    ("body", "name", "reason"),
    [
        (b"{", "body", "not valid JSON"),
        (b"[]", "body", "body must be an object, not a list"),
        (b'{"asin":"B000000001"}', "storeId", "storeId is required"),
        (b'{"storeId":"s","asin":"B000000001","buyer":{}}', "buyer.name", "buyer.name is required"),
        (_ORDER + b',"x":1}', "x", "x is no member of this request"),
        (_ORDER + b',"quantity":"1"}', "quantity", "quantity must be a whole number, not a text"),
        (_ORDER + b',"payments":[{"amount":{"value":1}}]}', "payments[0].amount.currency", "is required"),
        (_ORDER + b',"trackingIds":["\\ud800"]}', "body", "not valid JSON"),
        (_ORDER + b',"trackingIds":["\\u0000"]}', "body", "U+0000"),
        (b"[" * 100_000, "body", ""),
    ],
)
def test_faults(body: bytes, name: str, reason: str) -> None:
    """The field at fault is named with its path, also where it is missing or unknown."""
    with pytest.raises(BodyFault) as fault:
        decode(body, PlaceOrder)
    assert fault.value.fault.name == name
    assert reason in fault.value.fault.reason


def test_long_names_are_cut() -> None:
    """A caller's own nonsense is not sent back at length."""
    with pytest.raises(BodyFault) as fault:
        decode(b'{"' + b"x" * 10_000 + b'":1}', PlaceOrder)
    assert len(fault.value.fault.name) == 100

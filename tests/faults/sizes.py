"""How large the fault tests run: a few seconds each within `make test`, at full size with FIELDSERVE_FAULTS=full."""

import os

FULL = os.environ.get("FIELDSERVE_FAULTS") == "full"


def size(short: int, full: int) -> int:
    """One of the two."""
    return full if FULL else short

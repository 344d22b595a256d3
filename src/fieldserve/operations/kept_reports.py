"""Reports that were worked out lately: as long as nothing happens, the same question has the same answer."""

from typing import Any

MOST = 256
"""Reports; one more, and all are forgotten."""


class KeptReports:
    """Reports by what was asked, all as of one end of the event log."""

    def __init__(self) -> None:
        self._sequence = -1
        self._kept: dict[Any, Any] = {}

    def as_of(self, sequence: int) -> dict[Any, Any]:
        """What is kept as of that end of the log. To be asked for before anything is worked out that is kept in it."""
        if sequence != self._sequence or len(self._kept) > MOST:
            self._sequence, self._kept = sequence, {}
        return self._kept

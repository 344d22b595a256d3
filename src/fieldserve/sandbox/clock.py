"""A clock that can be set, stopped and moved on: what the server takes the present from in a dynamic sandbox."""

import time

from fieldserve.wire.times import Instant


class SandboxClock:
    """Tells the machine's time, moved by an offset, or the instant at which it was stopped."""

    def __init__(self) -> None:
        self.frozen_at: Instant | None = None
        self.offset = 0

    def now(self) -> Instant:
        """The sandbox's present."""
        return self.frozen_at if self.frozen_at is not None else _real() + self.offset

    def freeze(self, at: Instant | None = None) -> None:
        """Stop at an instant, at the present one if none is given."""
        self.frozen_at = self.now() if at is None else at

    def set(self, at: Instant) -> None:
        """Make an instant the present. A clock that stands goes on standing there; one that runs goes on from there."""
        if self.frozen_at is not None:
            self.frozen_at = at
        else:
            self.offset = at - _real()

    def advance(self, microseconds: int) -> None:
        """Move on; a clock that stands stands later."""
        self.set(self.now() + microseconds)

    def thaw(self) -> None:
        """Go on from where it stands."""
        at, self.frozen_at = self.now(), None
        self.set(at)

    def reset(self) -> None:
        """Tell the machine's time again."""
        self.frozen_at, self.offset = None, 0


def _real() -> Instant:
    return time.time_ns() // 1000

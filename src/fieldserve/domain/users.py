"""People who use the console: what each role may do, and how long a session lasts.

    admin        everything of the seller, users and settings included
    dispatcher   jobs, appointments, capacity, routes
    analyst      looks at everything but settings, changes nothing
    developer    applications, tokens, the request log, the sandbox; sees jobs
    technician   their own visits, and nothing else

A user without a seller is of the operator's house: an admin there may open every seller's pages.
"""

from typing import Literal, get_args

from fieldserve.domain.intervals import DAY, HOUR, SECOND, Instant

Role = Literal["admin", "dispatcher", "analyst", "developer", "technician"]
Right = Literal["see", "dispatch", "measure", "develop", "set_up", "work"]

ROLES: tuple[Role, ...] = get_args(Role)
RIGHTS: dict[Role, frozenset[Right]] = {
    "admin": frozenset({"see", "dispatch", "measure", "develop", "set_up"}),
    "dispatcher": frozenset({"see", "dispatch", "measure"}),
    "analyst": frozenset({"see", "measure"}),
    "developer": frozenset({"see", "develop"}),
    "technician": frozenset({"work"}),
}

IDLE_FOR = 12 * HOUR
"""A session that nobody used for that long has ended: a day's work may have a long pause in it."""
LASTS_FOR = 7 * DAY
"""After that everybody signs in again, however busy."""
FREE_ATTEMPTS = 5
LONGEST_WAIT = 15 * 60 * SECOND


def may(role: Role, right: Right) -> bool:
    """Whether the role has the right."""
    return right in RIGHTS[role]


def ends_at(created_at: Instant, seen_at: Instant) -> Instant:
    """When a session ends that was opened and last used then."""
    return min(created_at + LASTS_FOR, seen_at + IDLE_FOR)


def wait_after(failures: int) -> int:
    """Microseconds that a login stays shut after so many wrong passwords in a row: none up to five, then 2, 4, 8 …
    seconds, 15 minutes at most. A guesser gets about a hundred tries a day; nobody is shut out for good."""
    if failures < FREE_ATTEMPTS:
        return 0
    return min(SECOND << min(failures - FREE_ATTEMPTS + 1, 30), LONGEST_WAIT)

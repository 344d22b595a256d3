"""A change that is made only if the thing is still as it was shown: of two people who change it, the second is told.

For pages of the console, whose readers may have looked at a form for an hour. Jobs have a version of their own, see
`board.on_version`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

from fieldserve.operations.run import Caller, Context, transact
from fieldserve.operations.sellers import find_seller
from fieldserve.store.engine import Connection, Joined

T = TypeVar("T")
R = TypeVar("R")


class ChangedMeanwhile(Exception):
    """It is no longer as it was shown; `now` is how it is."""

    def __init__(self, now: Any):
        super().__init__("changed meanwhile")
        self.now = now


async def as_seen(
    context: Context,
    caller: Caller,
    look: Callable[[Context], Awaitable[R]],
    is_as_seen: Callable[[R], bool],
    do: Callable[[Context], Awaitable[T]],
) -> T:
    """What `do` answers, if what `look` finds is as it was seen; both in one transaction, one at a time of a seller.

    Both get a context whose database is that transaction. Raises ChangedMeanwhile, ApiError NO_SELLER, and what they
    raise."""

    async def use(c: Connection) -> T:
        if caller.seller_id:
            await find_seller(c, caller, lock=True)
        within = replace(context, database=Joined(c))
        now = await look(within)
        if not is_as_seen(now):
            raise ChangedMeanwhile(now)
        return await do(within)

    return await transact(context, use)

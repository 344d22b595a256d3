"""Tokens of a usage plan that all processes of the server share."""

from fieldserve.domain.usage_plans import Leased, lease
from fieldserve.operations.run import Context, transact
from fieldserve.store import usage_plans
from fieldserve.store.engine import Connection


async def lease_tokens(
    context: Context,
    key: tuple[str, str, str],
    rate: float,
    burst: int,
    holder: str,
    *,
    wanted: int,
    unused: int,
    look_ahead: bool,
) -> Leased:
    """Tokens of the bucket of (seller, application, operation), as `domain.usage_plans.lease` tells. Raises
    Unavailable, and then what it took is lost."""

    async def use(c: Connection) -> Leased:
        shared = await usage_plans.find(c, *key)
        leased = lease(
            shared,
            context.clock.now(),
            rate,
            burst,
            holder,
            wanted=wanted,
            unused=unused,
            look_ahead=look_ahead,
        )
        await (usage_plans.add if shared is None else usage_plans.save)(c, *key, leased.shared)
        return leased

    return await transact(context, use)

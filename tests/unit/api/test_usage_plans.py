"""The buckets of a process."""

import asyncio

from fieldserve.api.usage_plans import UsagePlans
from tests.access import SECOND, SetClock


class TestTake:
    async def test_each_has_its_own(self) -> None:
        """Applications, sellers and operations do not use up each other's plan."""
        plans = UsagePlans(SetClock())
        keys = [("A", "S", "o"), ("B", "S", "o"), ("A", "T", "o"), ("A", "S", "p")]
        assert [await plans.take(*key, 1, 1) for key in keys] == [True] * 4
        assert [await plans.take(*key, 1, 1) for key in keys] == [False] * 4

    async def test_the_override_of_now_holds(self) -> None:
        """The rate and burst given with a request are those that decide it."""
        clock = SetClock()
        plans = UsagePlans(clock)
        assert [await plans.take("A", "S", "o", 1, 2) for _ in range(3)] == [True, True, False]
        clock.pass_seconds(1)
        # One second at the new rate of 10 a second gives 10 tokens, of which the new burst holds 5.
        assert [await plans.take("A", "S", "o", 10, 5) for _ in range(6)] == [True] * 5 + [False]

    async def test_exact_under_concurrency(self) -> None:
        """Of 1,000 requests at once exactly the burst passes."""
        plans = UsagePlans(SetClock())

        async def request() -> bool:
            await asyncio.sleep(0)
            return await plans.take("A", "S", "o", 5, 20)

        assert sum(await asyncio.gather(*(request() for _ in range(1_000)))) == 20

    async def test_full_buckets_are_forgotten(self) -> None:
        """Memory holds those that are not full, and few others, however many callers come."""
        clock = SetClock()
        plans = UsagePlans(clock, sweep_from=100)
        for number in range(10_000):
            assert await plans.take(f"A{number}", "S", "o", 1, 1)
            clock.instant += SECOND // 10
        # Ten of them, those of the last second, are not full; the rest go once there are more than 100.
        assert len(plans) <= 101
        assert not await plans.take("A9999", "S", "o", 1, 1)

    async def test_none_that_counts_is_forgotten(self) -> None:
        """Buckets that are not full stay, even above the number from which they are swept."""
        plans = UsagePlans(SetClock(), sweep_from=10)
        assert all([await plans.take(f"A{number}", "S", "o", 1, 1) for number in range(500)])
        assert not any([await plans.take(f"A{number}", "S", "o", 1, 1) for number in range(500)])

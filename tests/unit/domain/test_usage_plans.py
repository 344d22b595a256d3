"""The token bucket, against its promises and against one in fractions."""

from dataclasses import dataclass
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from fieldserve.domain.usage_plans import (
    HOLD,
    SECOND,
    Bucket,
    SharedBucket,
    fill,
    is_full,
    lease,
    put_back,
    take,
)

RATES = st.sampled_from([0.0167, 0.1, 1 / 3, 1, 3, 5, 7.5, 20, 1000.0])
GAPS = st.lists(st.integers(0, 3 * SECOND) | st.integers(0, 100), min_size=1, max_size=60)


def run(gaps: list[int], rate: float, burst: int) -> list[tuple[int, bool]]:
    """Requests after each gap: (when, whether it passed)."""
    bucket: Bucket | None = None
    now, seen = 0, []
    for gap in gaps:
        now += gap
        allowed, bucket = take(bucket, now, rate, burst)
        seen.append((now, allowed))
    return seen


class TestTake:
    def test_burst_then_rate(self) -> None:
        """With 5 a second and burst 2: two at once, the third not, one more exactly 200 ms later."""
        # A token comes every 1,000,000 / 5 = 200,000 µs.
        bucket: Bucket | None = None
        outcomes = []
        for now in (0, 0, 0, 199_999, 200_000, 200_000, 399_999, 400_000):
            allowed, bucket = take(bucket, now, 5, 2)
            outcomes.append(allowed)
        assert outcomes == [True, True, False, False, True, False, False, True]

    def test_thirds_are_exact(self) -> None:
        """A rate of 3 a second gives its third token at the second, not a microsecond later."""
        # Tokens come every 333,333⅓ µs: at 333,334, 666,667 and 1,000,000.
        bucket = fill(None, 0, 3, 3)._replace(level=0)
        for before, at in ((333_333, 333_334), (666_666, 666_667), (999_999, 1_000_000)):
            assert not take(bucket, before, 3, 3)[0]
            allowed, bucket = take(bucket, at, 3, 3)
            assert allowed

    def test_a_float_is_the_decimal_it_prints_as(self) -> None:
        """A rate of 0.1 means a token every 10 s exactly, though no float is 0.1."""
        bucket = fill(None, 0, 0.1, 1)._replace(level=0)
        assert not take(bucket, 10 * SECOND - 1, 0.1, 1)[0]
        assert take(bucket, 10 * SECOND, 0.1, 1)[0]

    def test_refusal_takes_nothing(self) -> None:
        """Who asks all the time is served as often as who waits."""
        served = sum(allowed for _, allowed in run([10_000] * 100, 5, 1))
        # 100 requests in steps of 10 ms: the full bucket's at 10 ms, then one each 200 ms: at 210, 410, 610 and 810.
        assert served == 5

    def test_clock_set_back(self) -> None:
        """A clock that was set back an hour gains nothing, and refills from there on."""
        _, bucket = take(None, 3600 * SECOND, 1, 1)
        allowed, bucket = take(bucket, 0, 1, 1)
        assert not allowed
        assert take(bucket, SECOND, 1, 1)[0]

    def test_plan_changes(self) -> None:
        """Tokens are kept when the plan changes, as many as fit."""
        bucket = fill(None, 0, 3, 10)
        assert take(bucket, 0, 0.5, 4)[1].level == 3 * fill(None, 0, 0.5, 4).unit
        emptied = bucket._replace(level=0)
        assert not take(emptied, 0, 0.5, 100)[0]

    @given(GAPS, RATES, st.integers(1, 10))
    def test_never_more_than_burst_and_rate(self, gaps: list[int], rate: float, burst: int) -> None:
        """In any span of t seconds at most burst + rate · t requests pass."""
        passed = [now for now, allowed in run(gaps, rate, burst) if allowed]
        exact = Fraction(str(rate))
        for first, start in enumerate(passed):
            for last in range(first, len(passed)):
                assert last - first + 1 <= burst + exact * (passed[last] - start) / SECOND

    @given(GAPS, RATES, st.integers(1, 10))
    def test_same_as_in_fractions(self, gaps: list[int], rate: float, burst: int) -> None:
        """Each decision is that of a bucket kept in exact fractions."""
        exact, level, now = Fraction(str(rate)), Fraction(burst), 0
        expected = []
        for gap in gaps:
            now += gap
            level = min(Fraction(burst), level + exact * gap / SECOND)
            expected.append((now, level >= 1))
            level -= 1 if level >= 1 else 0
        assert run(gaps, rate, burst) == expected


class TestPutBack:
    def test_only_what_fits(self) -> None:
        """A token that is put back counts, but the bucket does not overflow."""
        _, bucket = take(None, 0, 1, 2)
        assert is_full(put_back(bucket, 2), 0, 1, 2)
        assert put_back(put_back(bucket, 2), 2) == put_back(bucket, 2)


class TestIsFull:
    def test_full_again(self) -> None:
        """A bucket of burst 2 and 4 a second that gave one is full again after 250 ms."""
        _, bucket = take(None, 0, 4, 2)
        assert not is_full(bucket, 249_999, 4, 2)
        assert is_full(bucket, 250_000, 4, 2)


@dataclass
class Process:
    """One of several processes on a shared bucket, as `api.usage_plans` spends its tokens."""

    name: str
    ahead: int = 0
    since: int = 0

    def request(
        self, shared: SharedBucket | None, now: int, rate: float, burst: int
    ) -> tuple[bool, SharedBucket | None]:
        if self.ahead and now < self.since + HOLD:
            self.ahead -= 1
            return True, shared
        look_ahead = self.ahead == 0 and now < self.since + HOLD
        leased = lease(shared, now, rate, burst, self.name, wanted=1, unused=self.ahead, look_ahead=look_ahead)
        self.ahead, self.since = leased.ahead, now
        return leased.granted == 1, leased.shared


class TestLease:
    @given(
        st.lists(st.tuples(st.integers(0, 3 * SECOND) | st.integers(0, 1_000), st.integers(0, 3)), max_size=150),
        RATES,
        st.integers(1, 40),
    )
    def test_never_more_than_burst_and_rate(self, requests: list[tuple[int, int]], rate: float, burst: int) -> None:
        """Of four processes together, in any span of t seconds at most burst + rate · t requests pass."""
        processes = [Process(name) for name in "abcd"]
        shared: SharedBucket | None = None
        now, passed = 10 * SECOND, []
        for gap, which in requests:
            now += gap
            allowed, shared = processes[which].request(shared, now, rate, burst)
            if allowed:
                passed.append(now)
        exact = Fraction(str(rate))
        for first, start in enumerate(passed):
            for last in range(first, len(passed)):
                assert last - first + 1 <= burst + exact * (passed[last] - start) / SECOND

    def test_what_is_held_leaves_no_room(self) -> None:
        """Two tokens held by one process are not granted to another as well, until their time is over."""
        # Burst 16, rate 1: one token to spend, 16 − 1 = 15 left, 15 // 8 = 1 held.
        first = lease(None, 0, 1, 16, "a", wanted=1, look_ahead=True)
        assert (first.granted, first.ahead) == (1, 1)
        # The bucket has 14 + 1 of the second since; 15 is the most that fits beside the one held.
        second = lease(first.shared, SECOND, 1, 16, "b", wanted=20)
        assert second.granted == 15
        # At 2 s the hold is over; two more came since 1 s: at 3 s the bucket has 2.
        third = lease(second.shared, 3 * SECOND, 1, 16, "b", wanted=5)
        assert (third.granted, third.wait) == (2, SECOND)

    def test_unused_comes_back(self) -> None:
        """What a process did not spend is there for the next."""
        first = lease(None, 0, 0.1, 80, "a", wanted=1, look_ahead=True)
        assert first.ahead == 79 // 8
        back = lease(first.shared, SECOND, 0.1, 80, "a", wanted=0, unused=9)
        # 80 − 1 spent; the tenth of a token gained in the second grants nothing.
        assert lease(back.shared, SECOND, 0.1, 80, "b", wanted=100).granted == 79

    def test_a_steady_caller_passes(self) -> None:
        """Whoever asks no faster than the rate is always served, by whichever process."""
        processes = [Process(name) for name in "abcd"]
        shared: SharedBucket | None = None
        for number in range(400):
            allowed, shared = processes[number % 4].request(shared, 10 * SECOND + number * SECOND // 5, 5, 20)
            assert allowed

    def test_clocks_of_machines(self) -> None:
        """A machine whose clock is a second behind takes nothing twice; one set back an hour goes on from there."""
        ahead = lease(None, 3600 * SECOND, 1, 1, "a", wanted=1)
        behind = lease(ahead.shared, 3599 * SECOND, 1, 1, "b", wanted=1)
        assert behind.granted == 0
        assert lease(behind.shared, 3600 * SECOND, 1, 1, "a", wanted=1).granted == 0
        set_back = lease(behind.shared, SECOND, 1, 1, "a", wanted=1)
        assert set_back.granted == 0
        assert lease(set_back.shared, 2 * SECOND, 1, 1, "a", wanted=1).granted == 1

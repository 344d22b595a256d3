"""Metrics on worlds small enough to count by hand, and what holds of all of them in a lively one."""

import ast
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fieldserve.analytics.engines import Facts, open_facts
from fieldserve.analytics.facts import TABLES
from fieldserve.analytics.metrics import METRICS, Filters
from fieldserve.analytics.metrics.audit import BREAKS
from fieldserve.analytics.reports import REPORTS, make
from fieldserve.domain.intervals import DAY, HOUR, MINUTE
from tests.analytics.log import START, Log, Told, build

DAY_ONE = date(2026, 3, 2)
TEN = START + 2 * HOUR  # 10:00 UTC


def measure(facts: Facts, name: str, group_by: tuple[str, ...] = (), **more: Any) -> list[tuple[Any, ...]]:
    filters = Filters(**{"since": DAY_ONE, "until": DAY_ONE + timedelta(7), "as_of": facts.as_of, **more})
    frame = METRICS[name].expression(facts, filters, group_by).execute()
    columns = [*group_by, "numerator", "denominator"]
    return sorted(tuple(row) for row in frame[columns].itertuples(index=False, name=None))


def opened(folder: Path, log: Log) -> Facts:
    log.at += 2 * DAY
    log.search(log.at + DAY, 1)  # the present is two days later
    build(folder, log.entries)
    return open_facts(folder)


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    """Seven promises of 10:00 to 11:00: ann's are kept, late, overrun and unkept; bob's moved and cancelled."""
    log = Log()
    log.store()
    log.service()
    jobs = {}
    for name, technician in zip("abcdefg", ["ann"] * 4 + ["bob"] * 3, strict=True):
        jobs[name] = log.order(name)
        jobs[name].book(TEN)
        jobs[name].assign(technician)
    jobs["e"].move(TEN + DAY, "TECHNICIAN_UNAVAILABLE")  # the provider's doing
    jobs["f"].move(TEN + DAY, "CUSTOMER_REQUEST")  # the buyer's
    jobs["g"].cancel("TECHNICIAN_UNAVAILABLE")
    log.at = TEN + 16 * HOUR
    jobs["a"].work(TEN + 5 * MINUTE, TEN + 45 * MINUTE, documents=1)  # perfect; 40 minutes on site
    jobs["b"].work(TEN + 70 * MINUTE, TEN + 90 * MINUTE, documents=1)  # late by 10, an overrun; 20 minutes
    jobs["c"].work(TEN + 10 * MINUTE, TEN + 14 * HOUR)  # ended on the next day at 00:00, without proof; 830 minutes
    return opened(tmp_path_factory.mktemp("audited"), log)  # d is a no-show; e and f stay open: two more no-shows


@pytest.mark.parametrize(
    ("name", "numerator", "denominator"),
    [
        ("on_time_start", 2, 6),  # a, c of a b c d and the new visits of e and f; d has no start: not on time
        ("completed_in_window", 1, 6),  # a
        ("break_no_show", 3, 8),  # d, e's and f's second; of nine promises the buyer moved one
        ("break_late_start", 1, 8),  # b
        ("break_overrun", 2, 8),  # b c
        ("break_provider_reschedule", 1, 8),  # e
        ("break_provider_cancellation", 1, 8),  # g
        ("break_missing_proof", 1, 8),  # c
        ("fulfilment_breaks", 7, 8),  # all but a; b and c count once
        ("perfect_orders", 1, 8),  # a
        ("target_cancellation", 1, 9),
        ("target_reschedule", 1, 9),
        ("target_late_start", 1, 3),  # b of a b c
        ("target_late_completion", 1, 3),  # c
        ("time_on_site", (40 + 20 + 830) * 60, 3),
    ],
)
def test_audit(audited: Facts, name: str, numerator: int, denominator: int) -> None:
    """Each metric of the audit is what counting by hand says."""
    assert measure(audited, name) == [(numerator, denominator)]


def test_grace(audited: Facts) -> None:
    """With ten minutes of grace, who comes ten minutes late is on time; with nine, not."""
    assert measure(audited, "on_time_start", grace_minutes=10.0) == [(3, 6)]
    assert measure(audited, "on_time_start", grace_minutes=9.0) == [(2, 6)]


def test_by_technician(audited: Facts) -> None:
    """Grouped or filtered by technician, each answers for their own."""
    assert measure(audited, "on_time_start", ("technician_id",)) == [("ann", 2, 4), ("bob", 0, 2)]
    assert measure(audited, "on_time_start", technician_ids=("ann",)) == [(2, 4)]


def test_a_team_counts_once(tmp_path: Path) -> None:
    """An appointment of two counts for each of them, and once where nobody asks by technician."""
    log = Log()
    log.store()
    job = log.order("a")
    job.book(TEN)
    job.assign("ann", "bob")
    job.work(TEN, TEN + HOUR)
    facts = opened(tmp_path, log)
    assert measure(facts, "on_time_start", ("technician_id",)) == [("ann", 1, 1), ("bob", 1, 1)]
    assert measure(facts, "on_time_start", technician_ids=("ann", "bob")) == [(1, 1)]


def test_eta(tmp_path: Path) -> None:
    """Who begins inside the promised window but before the ETA's is neither on time nor accurate."""
    log = Log()
    log.store()
    for name, at in (("a", 0), ("b", 40)):
        job = log.order(name)
        job.book(TEN, 2 * HOUR)
        job.announce(TEN + 30 * MINUTE, 30 * MINUTE)
        job.work(TEN + at * MINUTE, TEN + HOUR)
    facts = opened(tmp_path, log)
    assert measure(facts, "eta_accuracy") == [(1, 2)]
    assert measure(facts, "on_time_start") == [(1, 2)]


def test_midnight_is_the_stores(tmp_path: Path) -> None:
    """On the day that New York's clocks go forward, work until 23:30 there is not late, though 03:30 UTC of the next
    day; at 00:00 there, 04:00 UTC, it is."""
    log = Log()
    log.store(zone="America/New_York")
    sunday = START + 6 * DAY  # 8 March, 04:00 in New York, where it was 02:00 an hour ago
    for name, end in (("a", 19 * HOUR + 30 * MINUTE), ("b", 20 * HOUR)):
        job = log.order(name)
        job.book(sunday + 12 * HOUR)
        job.work(sunday + 12 * HOUR, sunday + end)
    facts = opened(tmp_path, log)
    assert measure(facts, "target_late_completion", ("local_date",))[0][1:] == (1, 2)


def visited(log: Log, name: str, technician: str, at: int = TEN) -> Told:
    """A job that was done in the hour for which it was promised."""
    job = log.order(name)
    job.book(at)
    job.assign(technician)
    job.work(at, at + HOUR, documents=1)
    job.complete()
    return job


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    """ann's a, b and c got 5, 2 and 3 stars, bob's d none; b's claim was granted, c's is only filed, e's buyer
    called it off; f is after the import, and the seller's other job of February before all that is known."""
    log = Log()
    log.store()
    early = log.order("early")
    early.book(START - 4 * DAY)
    early.work(START - 4 * DAY, START - 4 * DAY + HOUR)
    jobs = {name: visited(log, name, "ann") for name in "abc"}
    visited(log, "d", "bob")
    called_off = log.order("e")
    called_off.book(TEN)
    called_off.cancel()
    log.at = TEN + 2 * HOUR
    for name, stars in (("a", 4), ("b", 2), ("c", 3)):
        jobs[name].rated(stars)
    jobs["a"].rated(5)  # the newest counts
    jobs["b"].claimed("GRANTED")
    jobs["c"].claimed("FILED")
    visited(log, "f", "bob", TEN + DAY)
    return opened(tmp_path_factory.mktemp("told"), log)


class TestFeedback:
    """What buyers say of jobs, each promised for 10:00 to 11:00 on Monday, 2 March, or on a later day."""

    @pytest.mark.parametrize(
        ("name", "numerator", "denominator"),
        [
            ("feedback_rate", 3, 4),  # a b c of a b c d; e is the buyer's doing, f and early are not covered
            ("average_stars", 5 + 2 + 3, 3),  # 3.33
            ("target_negative_feedback", 1, 3),  # b of a b c; three stars are not negative
            ("target_claims", 1, 4),  # b of a b c d; c's is not granted
        ],
    )
    def test_counts(self, told: Facts, name: str, numerator: int, denominator: int) -> None:
        """Each is what counting by hand says; jobs that no import covers are in neither number."""
        since = DAY_ONE - timedelta(7)
        assert measure(told, name, since=since) == [(numerator, denominator)]

    def test_by_technician(self, told: Facts) -> None:
        """Stars belong to those who came: 5 + 2 + 3 to ann, nothing to bob, of whose one job nothing was said."""
        assert measure(told, "average_stars", ("technician_id",)) == [("ann", 10, 3)]
        assert measure(told, "feedback_rate", ("technician_id",)) == [("ann", 3, 3), ("bob", 0, 1)]
        assert measure(told, "target_claims", technician_ids=("bob",)) == [(0, 1)]

    def test_of_the_last_who_did_it(self, tmp_path: Path) -> None:
        """Of two visits that were made the second is rated; one that is still to come changes nothing of that."""
        log = Log()
        log.store()
        job = log.order("a")
        for technician, at in (("ann", TEN), ("bob", TEN + DAY)):
            job.book(at)
            job.assign(technician)
            job.work(at, at + HOUR)
        job.book(TEN + 6 * DAY)
        log.at = TEN + 3 * DAY
        job.rated(4)
        facts = opened(tmp_path, log)
        assert measure(facts, "average_stars", ("technician_id",)) == [("bob", 4, 1)]
        assert measure(facts, "average_stars", ("local_date",))[0][1:] == (4, 1)

    def test_a_visit_that_nobody_made(self, tmp_path: Path) -> None:
        """Nobody came, the buyer gave one star and got the money back: 1 of 1 is negative, 1 of 1 was claimed."""
        log = Log()
        log.store()
        job = log.order("a")
        job.book(TEN)
        log.at = TEN + DAY
        job.rated(1)
        job.claimed("GRANTED")
        facts = opened(tmp_path, log)
        assert measure(facts, "target_negative_feedback") == measure(facts, "target_claims") == [(1, 1)]

    def test_nothing_imported(self, audited: Facts) -> None:
        """Without an import there is no value, and no goal is met or missed; with stars alone none of claims."""
        filters = Filters(DAY_ONE, DAY_ONE + timedelta(7), audited.as_of)
        lines = [
            one for one in make(audited, "scorecard", filters).lines if "appointments" not in one.metric.denominator
        ]
        assert len(lines) == 4
        assert {(one.value, one.denominator, one.in_goal) for one in lines} == {(None, 0, None)}

    def test_stars_say_nothing_of_claims(self, tmp_path: Path) -> None:
        """Two jobs, one rated with five stars: 1 of 2 has feedback, and of claims nothing is known."""
        log = Log()
        log.store()
        visited(log, "a", "ann")
        job = visited(log, "b", "ann")
        log.at = TEN + DAY
        job.rated(5)
        facts = opened(tmp_path, log)
        assert measure(facts, "feedback_rate") == [(1, 2)]
        assert measure(facts, "target_claims") == [(0, 0)]
        made = make(facts, "scorecard", Filters(DAY_ONE, DAY_ONE + timedelta(7), facts.as_of))
        assert {one.metric.name: one.in_goal for one in made.lines}["average_stars"]  # 5 is at least 4.7


class TestPayments:
    def test_currencies_stay_apart(self, tmp_path: Path) -> None:
        """10.10 + 20.20 USD earned, 5 EUR pending, 7 USD lost: by currency, and the states add up to the total."""
        log = Log()
        log.store()
        amounts = {"a": ("10.10", "USD"), "b": ("20.20", "USD"), "c": ("5", "EUR"), "d": ("7", "USD")}
        jobs = {
            name: log.order(name, payments=[{"amount": {"value": value, "currency": currency}}])
            for name, (value, currency) in amounts.items()
        }
        for name in "ab":
            jobs[name].book(TEN)
        jobs["a"].work(TEN, TEN + HOUR)
        for name in "ab":
            jobs[name].complete()
        jobs["d"].cancel()
        facts = opened(tmp_path, log)
        assert measure(facts, "payments_total") == [(Decimal("5.0000"), 1), (Decimal("37.3000"), 3)]
        assert measure(facts, "payments_earned", ("currency",)) == [("USD", Decimal("30.3000"), 2)]
        assert measure(facts, "payments_pending", ("currency",)) == [("EUR", Decimal("5.0000"), 1)]
        assert measure(facts, "payments_lost", ("currency",)) == [("USD", Decimal("7.0000"), 1)]
        total = [("EUR", Decimal("5.0000"), 1), ("USD", Decimal("37.3000"), 3)]
        assert measure(facts, "payments_total", ("currency",)) == total
        assert measure(facts, "payments_reconciled") == [(2, 3)]  # a and d; b was earned without recorded work
        declined = opened(tmp_path / "declined", self.declined())
        assert measure(declined, "payments_declined", ("currency",)) == [("USD", Decimal("3.5000"), 1)]
        later = facts.as_of + timedelta(days=30)
        assert measure(facts, "payments_overdue") == [(0, 1)]
        assert measure(facts, "payments_overdue", as_of=later) == [(1, 1)]

    def declined(self) -> Log:
        """One of 3.50 USD that the bank refused."""
        log = Log()
        log.store()
        job = log.order("a", payments=[{"amount": {"value": "3.50", "currency": "USD"}}])
        job.end("job.payment_declined", "PAYMENT_DECLINED")
        return log

    def test_ages(self, tmp_path: Path) -> None:
        """5 EUR are pending, ordered on 2 March: a week old on the 9th, older from the 10th; a month on 1 April, two on
        1 May. They are in one age at a time, and all ages are what is pending."""
        log = Log()
        log.store()
        log.order("c", payments=[{"amount": {"value": "5", "currency": "EUR"}}])
        facts = opened(tmp_path, log)
        ages = ("payments_pending_week", "payments_pending_month", "payments_pending_two", "payments_pending_older")
        for day, at in (("2026-03-09", 0), ("2026-03-10", 1), ("2026-04-01", 1), ("2026-04-02", 2), ("2026-05-02", 3)):
            as_of = datetime.fromisoformat(f"{day}T12:00:00")
            found = [measure(facts, name, ("currency",), as_of=as_of) for name in ages]
            assert found == [[("EUR", Decimal("5.0000"), 1)] if number == at else [] for number in range(4)], day


class TestDemand:
    def test_counts(self, tmp_path: Path) -> None:
        """Of two orders one is booked and one ends without; of three searches one found nothing; one was refused."""
        log = Log()
        log.store()
        booked, ended = log.order("a"), log.order("b")
        booked.book(START + 5 * HOUR)
        ended.refused(TEN)
        ended.cancel()
        log.search(TEN, 0)
        log.search(TEN, 2)
        facts = opened(tmp_path, log)  # one more search, which found one
        assert measure(facts, "fill_rate") == [(1, 2)]
        assert measure(facts, "lost_demand") == [(3, 6)]
        assert measure(facts, "lead_time") == [(5 * 3600, 1)]
        wanted = measure(facts, "demand_wanted", ("wanted_weekday", "wanted_hour"))
        assert wanted == [(1, 10, 1, 1)]  # Monday 10:00, which was refused

    def test_capacity(self, tmp_path: Path) -> None:
        """Four hours of work, one of them booked and one spent on the road: 1 of 3 is used, 1 of 4 idle hours less."""
        log = Log()
        log.store()
        log.technician("ann")
        log.hours("ann", START, START + 4 * HOUR)
        log.reserve("r", "ann", "TRAVEL", START, START + HOUR)
        job = log.order("a")
        job.book(TEN)
        job.assign("ann")
        facts = opened(tmp_path, log)
        assert measure(facts, "technician_utilisation") == [(3600, 3 * 3600)]
        assert measure(facts, "travel_share") == [(3600, 2 * 3600)]
        assert measure(facts, "technician_hours_full") == [(2, 4)]
        assert measure(facts, "technician_hours_idle") == [(3, 4)]

    def test_by_skill(self, tmp_path: Path) -> None:
        """Demand counts for the skills that its service needs, hours for those that technicians have: both for TV."""
        log = Log()
        log.store()
        log.service()
        log.technician("ann")
        log.hours("ann", START, START + 4 * HOUR)
        job = log.order("a")
        job.book(TEN)
        job.assign("ann")
        facts = opened(tmp_path, log)
        assert measure(facts, "fill_rate", ("skill",)) == [("TV", 1, 1)]
        assert measure(facts, "technician_hours_idle", ("skill",)) == [("TV", 3, 4)]

    def test_capacity_of_stores(self, tmp_path: Path) -> None:
        """Open for four hours with room for one, who comes for one of them: 1 of 4 is used, 1 full, 3 without work."""
        log = Log()
        log.store()
        log.hours("store", START, START + 4 * HOUR)
        log.order("a").book(TEN)
        facts = opened(tmp_path, log)
        assert measure(facts, "store_utilisation") == [(3600, 4 * 3600)]
        assert measure(facts, "store_hours_full") == [(1, 4)]
        assert measure(facts, "store_hours_idle") == [(3, 4)]


class TestAll:
    def filters(self, facts: Facts) -> dict[str, Any]:
        return {"since": date(2026, 1, 1), "until": date(2027, 1, 1), "as_of": facts.as_of}

    @pytest.mark.parametrize("name", [one.name for one in METRICS.values() if one.unit in ("rate", "share of time")])
    def test_rates(self, duckdb_facts: Facts, name: str) -> None:
        """Every rate is between 0 and 1, in every group, and something is counted."""
        rows = measure(duckdb_facts, name, METRICS[name].grain, **self.filters(duckdb_facts))
        assert rows
        assert all(0 <= numerator <= denominator for *_, numerator, denominator in rows)

    @pytest.mark.parametrize("name", list(METRICS))
    def test_days_add_up(self, duckdb_facts: Facts, name: str) -> None:
        """Days add up to the whole: nothing is lost between them, and nothing counts twice."""
        key = ("currency",) if METRICS[name].unit == "currency" else ()
        whole = measure(duckdb_facts, name, key, **self.filters(duckdb_facts))
        days = measure(duckdb_facts, name, (*key, "local_date"), **self.filters(duckdb_facts))
        for *group, numerator, denominator in whole:
            own = [row for row in days if list(row[: len(key)]) == group]
            assert (sum(row[-2] for row in own), sum(row[-1] for row in own)) == (numerator, denominator)

    def test_breaks_hold_together(self, duckdb_facts: Facts) -> None:
        """Broken promises are at least those of each kind, and at most those of all kinds together."""
        kinds = [measure(duckdb_facts, f"break_{kind}", **self.filters(duckdb_facts))[0][0] for kind in BREAKS]
        any_kind = measure(duckdb_facts, "fulfilment_breaks", **self.filters(duckdb_facts))[0][0]
        assert max(kinds) <= any_kind <= sum(kinds)

    @pytest.mark.parametrize("name", list(METRICS))
    def test_empty(self, duckdb_facts: Facts, name: str) -> None:
        """A period without facts has no value, rather than a perfect or a terrible one."""
        empty = {**self.filters(duckdb_facts), "since": date(2031, 1, 1), "until": date(2031, 2, 1)}
        assert all(row == (0, 0) for row in measure(duckdb_facts, name, **empty))
        assert measure(duckdb_facts, name, METRICS[name].grain, **empty) == []

    def test_there_are_metrics(self) -> None:
        """Everything that reports show is registered: what loops over all metrics does not loop over none."""
        assert {one for names in REPORTS.values() for one in names} <= set(METRICS)
        assert len(METRICS) > 30

    def test_each_is_counted_by_hand(self) -> None:
        """Every metric is named in a test of its own kind; what is held for all of them, here, does not count."""
        own = ast.parse(Path(__file__).read_text("utf-8"))
        tests = [one for one in own.body if isinstance(one, ast.ClassDef | ast.FunctionDef) and one.name != "TestAll"]
        cases = [one for test in tests for one in ast.walk(test) if isinstance(one, ast.Call | ast.Tuple | ast.Assign)]
        named = {
            text.value
            for case in cases
            for text in ast.iter_child_nodes(case)
            if isinstance(text, ast.Constant) and isinstance(text.value, str)
        }
        assert not set(METRICS) - named

    def test_words(self) -> None:
        """Every metric is told in words and names tables that there are."""
        for one in METRICS.values():
            assert all((one.title, one.formula, one.numerator, one.denominator, one.exclusions, one.edge_cases))
            assert set(one.source) <= set(TABLES)


def test_peers(audited: Facts) -> None:
    """The rate of all technicians together, though one alone is shown; not the mean of their rates."""
    week = Filters(DAY_ONE, DAY_ONE + timedelta(7), audited.as_of)

    def by_technician(filters: Filters) -> dict[str, tuple[Any, ...]]:
        lines = make(audited, "audit", filters, ("technician_id",)).lines
        return {
            one.group[0]: (one.numerator, one.denominator, one.peers)
            for one in lines
            if one.metric.name == "on_time_start"
        }

    # ann 2 of 4 and bob 0 of 2 are 2 of 6 together, where the mean of 1/2 and 0 would be 1/4.
    assert by_technician(week) == {"ann": (2, 4, 2 / 6), "bob": (0, 2, 2 / 6)}
    assert by_technician(replace(week, technician_ids=("bob",))) == {"bob": (0, 2, 2 / 6)}
    days = make(audited, "audit", week, ("local_date",)).lines
    assert {one.peers for one in days} == {None}  # days are not peers
    # Each day has peers of its own: on the first ann's 2 of 4, on the second bob's 0 of 2.
    both = make(audited, "audit", week, ("technician_id", "local_date")).lines
    on_time = [(*one.group, one.peers) for one in both if one.metric.name == "on_time_start"]
    assert on_time == [("ann", DAY_ONE, 2 / 4), ("bob", DAY_ONE + timedelta(1), 0)]

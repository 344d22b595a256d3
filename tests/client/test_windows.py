"""Questions cut into pieces that the API takes."""

from datetime import UTC, datetime
from itertools import product

import pytest

from fieldserve.client.windows import split_lists, split_window


class TestWindows:
    """At most 90 days each, overlapping by the 7 days of the longest slot."""

    def test_short(self) -> None:
        """90 days are one window, as it was given."""
        assert split_window("2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z") == [
            ("2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z")
        ]

    def test_long(self) -> None:
        """180 days from 1 January: to 1 April, from 25 March to 23 June, from 16 June to 30 June."""
        start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 6, 30, tzinfo=UTC)
        assert split_window(start, end) == [
            ("2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z"),
            ("2026-03-25T00:00:00Z", "2026-06-23T00:00:00Z"),
            ("2026-06-16T00:00:00Z", "2026-06-30T00:00:00Z"),
        ]

    def test_left_to_the_operation(self) -> None:
        """What is missing or no time is passed on, for the operation to refuse."""
        for window in ((None, None), ("2026-01-01T00:00:00Z", None), ("x", "2027-01-01T00:00:00Z")):
            assert split_window(*window) == [window]
        backwards = ("2026-06-01T00:00:00Z", "2026-01-01T00:00:00Z")
        assert split_window(*backwards) == [backwards]

    def test_naive(self) -> None:
        """A datetime without a zone is left to be refused, too."""
        naive = datetime(2026, 1, 1)  # noqa: DTZ001
        assert split_window(naive, "2027-01-01T00:00:00Z") == [(naive, "2027-01-01T00:00:00Z")]


class TestLists:
    """20 ids, 50 stores."""

    @pytest.mark.parametrize(("name", "most"), [("serviceOrderIds", 20), ("asins", 20), ("storeIds", 50)])
    def test_one(self, name: str, most: int) -> None:
        """As many as fit stay together; one more makes a second request."""
        ids = [str(number) for number in range(most + 1)]
        assert split_lists({name: ids[:most]}) == [{name: ids[:most]}]
        assert split_lists({name: ids, "pageSize": 5}) == [
            {name: ids[:most], "pageSize": 5},
            {name: ids[most:], "pageSize": 5},
        ]

    def test_two(self) -> None:
        """Of two long lists every part of one meets every part of the other."""
        orders, stores = [f"o{n}" for n in range(45)], [f"s{n}" for n in range(70)]
        parts = split_lists({"serviceOrderIds": orders, "storeIds": ",".join(stores)})
        pairs = [pair for part in parts for pair in product(part["serviceOrderIds"], part["storeIds"])]
        assert len(parts) == 6
        assert sorted(pairs) == sorted(product(orders, stores))

    def test_repeated(self) -> None:
        """The same id twice is asked for once where a list is cut."""
        assert split_lists({"asins": ["B0MOUNTING"] * 30}) == [{"asins": ["B0MOUNTING"] * 30}]

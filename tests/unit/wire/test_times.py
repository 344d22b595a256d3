"""Times on the wire."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from fieldserve.wire.times import TimeFault, has_local_dates, is_utc, parse, render, to_datetime


class TestRender:
    @pytest.mark.parametrize(
        ("instant", "text"),
        [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (1_617_494_400_000_000, "2021-04-04T00:00:00Z"),
            (1_617_494_400_952_000, "2021-04-04T00:00:00.952Z"),
            (1_617_494_400_952_123, "2021-04-04T00:00:00.952123Z"),
            (86_399_000_001, "1970-01-01T23:59:59.000001Z"),
        ],
    )
    def test_forms(self, instant: int, text: str) -> None:
        """Whole seconds have no decimals, other instants three or six."""
        assert render(instant) == text

    def test_back_and_forth(self) -> None:
        """Whatever is written is read as the same instant, in every year."""
        chance = random.Random(1)
        first, last = parse("0001-01-01T00:00:00Z"), parse("9999-12-31T23:59:59.999999Z")
        for instant in [first, last, *(chance.randint(first, last) for _ in range(2000))]:
            assert parse(render(instant)) == instant
            expected = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant)
            assert render(instant)[:19] == expected.isoformat()[:19]
            assert to_datetime(instant) == expected


class TestParse:
    def test_offsets(self) -> None:
        """Every form that the model's cases use names the same instant."""
        texts = ["2020-01-01T07:00:00.000Z", "2020-01-01T00:00:00.00-07", "2020-01-01T00:00:00-07:00"]
        assert {parse(text) for text in texts} == {1_577_862_000_000_000}
        assert [is_utc(text) for text in texts] == [True, False, False]

    @pytest.mark.parametrize(
        "text",
        ["", "20-21-04-04T01:00:00Z", "2021-02-30T00:00:00Z", "9999-12-31T23:00:00-12:00", "0001-01-01T00:00+01"],
    )
    def test_refused(self, text: str) -> None:
        """No time, no such date, or one in a year that no answer could write."""
        with pytest.raises(TimeFault):
            parse(text)


class TestHasLocalDates:
    def test_ends_of_the_calendar(self) -> None:
        """Two days from the ends of the calendar every zone has a date."""
        assert has_local_dates(parse("9999-12-29T23:59:59Z"))
        assert not has_local_dates(parse("9999-12-30T00:00:00Z"))
        assert has_local_dates(parse("0001-01-03T00:00:00Z"))
        assert not has_local_dates(parse("0001-01-02T23:59:59Z"))

"""Travel times from distances alone."""

import pytest

from fieldserve.travel.great_circle import SPEEDS, GreatCircle
from fieldserve.travel.places import Place, metres_apart

BERLIN, POTSDAM, NOWHERE = Place(52.5200, 13.4050), Place(52.3906, 13.0645), Place(0.0, 0.0)


class TestDistance:
    def test_a_degree_of_the_equator(self) -> None:
        """2 π × 6,371,008.8 m ÷ 360 = 111,195.08 m, in either direction."""
        for other in (Place(0, 1), Place(1, 0), Place(0, -1)):
            assert metres_apart(NOWHERE, other) == pytest.approx(111_195.08, abs=0.01)

    def test_across_the_date_line(self) -> None:
        """From 179.5° to −179.5° is one degree, not 359."""
        assert metres_apart(Place(0, 179.5), Place(0, -179.5)) == pytest.approx(111_195.08, abs=0.01)

    def test_nothing(self) -> None:
        """No distance from a place to itself, and half the earth to the other side."""
        assert metres_apart(BERLIN, BERLIN) == 0
        assert metres_apart(Place(90, 0), Place(-90, 77)) == pytest.approx(20_015_115, abs=2)

    def test_two_towns(self) -> None:
        """Berlin's Alexanderplatz and Potsdam lie some 27 km apart."""
        assert metres_apart(BERLIN, POTSDAM) == pytest.approx(27_200, rel=0.01)


class TestTimes:
    async def test_by_hand(self) -> None:
        """111,195.08 m × 1.5 = 166,793 m; at 60 km/h 10,008 s, and 100 s for the trip itself."""
        source = GreatCircle(1.5, (60.0,) * 24, 100)
        matrix = await source.matrix([NOWHERE], [Place(0, 1), NOWHERE], 8)
        assert matrix.metres == [[166_793, 0]]
        assert matrix.seconds == [[10_108, 0]]

    def test_the_hour_counts(self) -> None:
        """With the crowd it takes longer than at night, in the measure of the speeds."""
        source = GreatCircle(seconds_per_trip=0)
        night, morning = (source.trip(BERLIN, POTSDAM, hour)[0] for hour in (3, 8))
        assert morning / night == pytest.approx(SPEEDS[3] / SPEEDS[8], rel=0.001)
        assert source.slower(8) == pytest.approx(50 / 30)

    async def test_without_an_hour(self) -> None:
        """Who names no hour gets the empty roads of the night."""
        source = GreatCircle()
        assert (await source.matrix([BERLIN], [POTSDAM], None)).seconds == [[source.trip(BERLIN, POTSDAM, 3)[0]]]


def test_keys() -> None:
    """Places within some metres have one key, without a negative zero."""
    assert Place(52.52001, 13.40499).key == "52.5200,13.4050"
    assert Place(-0.00001, 0.00001).key == "0.0000,0.0000"

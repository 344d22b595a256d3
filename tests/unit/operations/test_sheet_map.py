"""The drawn map: to scale, north up, with whatever is near."""

import pytest

from fieldserve.operations.sheet_map import Line, Pin, draw
from fieldserve.travel.places import Place

HOME = Place(50.0, 10.0)


def line(*stops: Place) -> Line:
    return Line("Ann", 0, HOME, [Pin(place, str(rank), "a visit") for rank, place in enumerate(stops, 1)])


def test_north_is_up() -> None:
    """What lies further north has the smaller y, further east the greater x; all of it is on the drawing."""
    drawn = draw([line(Place(50.1, 10.1))], [], 400, 300)
    assert drawn is not None
    (stop,), (home,) = drawn.stops, drawn.homes
    assert stop.y < home.y
    assert stop.x > home.x
    assert all(0 < dot.x < 400 and 0 < dot.y < 300 for dot in (stop, home))


def test_to_scale() -> None:
    """At 60° a degree of longitude is half as long as one of latitude."""
    south, east = Place(60.0, 10.0), Place(60.0, 10.2)
    drawn = draw([Line("Ann", 0, Place(60.1, 10.0), [Pin(south, "1", ""), Pin(east, "2", "")])], [], 500, 500)
    assert drawn is not None
    tall = abs(drawn.stops[0].y - drawn.homes[0].y)
    wide = abs(drawn.stops[1].x - drawn.stops[0].x)
    assert wide == pytest.approx(tall, rel=0.01)
    # The bar is as long as it says: 0.1° of latitude are 11.12 km; 5 km would take more than a quarter of the width.
    assert drawn.bar_text == "2 km"
    assert drawn.bar == pytest.approx(tall * 2 / 11.12, rel=0.01)


def test_there_and_back() -> None:
    """The line begins and ends at home."""
    drawn = draw([line(Place(50.1, 10.1), Place(50.2, 10.0))], [], 400, 300)
    assert drawn is not None
    points = drawn.paths[0].points.split()
    assert len(points) == 4
    assert points[0] == points[-1]


def test_far_stores_are_left_out() -> None:
    """A store of another country would make a dot of the rest."""
    near, far = Pin(Place(50.05, 10.0), "", "near"), Pin(Place(40.0, 10.0), "", "far")
    drawn = draw([line(Place(50.1, 10.1))], [near, far], 400, 300)
    assert drawn is not None
    assert [dot.title for dot in drawn.stores] == ["near"]


def test_nothing_to_draw() -> None:
    """No places, no map; one place alone is a map of its surroundings."""
    assert draw([], [], 400, 300) is None
    assert draw([Line("Ann", 0, HOME, [])], [], 400, 300) is not None

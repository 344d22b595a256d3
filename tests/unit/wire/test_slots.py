"""The JSON of slots, and reading the window of a search."""

import msgspec
import pytest

from fieldserve.wire.encoding import encode
from fieldserve.wire.errors import ApiError
from fieldserve.wire.slots import (
    AppointmentSlot,
    AppointmentSlotReport,
    GetAppointmentSlotsResponse,
    SchedulingType,
    Window,
    read_window,
    write_slots,
)
from fieldserve.wire.times import MINUTE, parse, render

START = parse("2026-03-02T10:00:00.123456Z")


@pytest.mark.parametrize("scheduling_type", ["REAL_TIME_SCHEDULING", "NON_REAL_TIME_SCHEDULING"])
@pytest.mark.parametrize("count", [0, 1, 500])
def test_as_the_typed_encoding(scheduling_type: SchedulingType, count: int) -> None:
    """Byte for byte what the encoder makes of the types."""
    slots = [(START + n * 7 * MINUTE, START + n * 7 * MINUTE + 30 * MINUTE + n, n % 5) for n in range(count)]
    window = (START, START + 90 * 24 * 60 * MINUTE)
    typed = [AppointmentSlot(render(start), render(end), capacity) for start, end, capacity in slots]
    report = AppointmentSlotReport(scheduling_type, render(window[0]), render(window[1]), typed)
    written = write_slots(scheduling_type, window, slots)
    assert written == encode(GetAppointmentSlotsResponse(report))
    assert msgspec.json.decode(written, type=GetAppointmentSlotsResponse).payload == report


class TestReadWindow:
    def test_pairs(self) -> None:
        """Both, none, or the name of the one that is missing."""
        both = {"startTime": "2026-03-02T00:00:00Z", "endTime": "2026-03-03T00:00:00Z"}
        assert read_window(both, "") == Window(parse(both["startTime"]), parse(both["endTime"]))
        assert read_window({}, "") is None
        assert read_window({"startTime": both["startTime"]}, "") == "endTime"
        assert read_window({"endTime": both["endTime"]}, "") == "startTime"

    def test_parsed_before_paired(self) -> None:
        """A time that is none is told even if its partner is missing."""
        with pytest.raises(ApiError, match="Range End Time is not a valid ISO date/time object"):
            read_window({"endTime": "tomorrow"}, "Range ")

    def test_ninety_days(self) -> None:
        """90 days are a window, a microsecond more is not."""
        values = {"startTime": "2026-03-01T00:00:00Z", "endTime": "2026-05-30T00:00:00Z"}  # 31 + 30 + 29 days
        assert isinstance(read_window(values, ""), Window)
        with pytest.raises(ApiError, match="End Time should be at most 90 days after Start Time"):
            read_window(values | {"endTime": "2026-05-30T00:00:00.000001Z"}, "")

"""Lists as CSV, line by line, so that a long one begins at once and fits any memory."""

import csv
from collections.abc import AsyncIterator, Sequence
from io import StringIO

from starlette.responses import Response, StreamingResponse

MOST_ROWS = 100_000
"""A sheet with more rows than that opens in few programs."""
# A cell that begins so is a formula to a spreadsheet; an apostrophe before it keeps it a text.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def sheet(name: str, rows: AsyncIterator[Sequence[str]]) -> Response:
    """The rows as a file of that name; the first is the heading."""
    headers = {"content-disposition": f'attachment; filename="{name}.csv"', "cache-control": "no-store"}
    return StreamingResponse(_lines(rows), headers=headers, media_type="text/csv; charset=utf-8")


async def _lines(rows: AsyncIterator[Sequence[str]]) -> AsyncIterator[str]:
    async for cells in rows:
        text = StringIO()
        csv.writer(text).writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells])
        yield text.getvalue()

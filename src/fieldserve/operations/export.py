"""Facts, published to a folder or bucket from which a warehouse reads: a file for each table and day."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fieldserve.operations.run import Context
from fieldserve.store.blobs import Blobs, open_blobs

if TYPE_CHECKING:
    from fieldserve.analytics.home import File

FORMATS = ("parquet", "csv", "json")
_AT_ONCE = 8


class OtherFormat(ValueError):
    """The place holds an export of another format already."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export did: files written, left as they were, and deleted; rows of all tables; the place in the log."""

    written: int
    same: int
    deleted: int
    rows: int
    watermark: int


def nobody(_: int, __: int) -> None:
    """Progress that nobody watches."""


async def export_facts(
    context: Context, to: str, format: str = "parquet", *, tell: Callable[[int, int], None] = nobody
) -> Exported:
    """Publish the facts as they are in their folder; only files whose content changed are written.

    Readers may read meanwhile: each file is replaced whole, additions come before what goes, and the manifest last.
    Raises NoFacts, OtherFormat, Unavailable, ValueError for a place that is none."""
    from fieldserve.analytics.engines import NoFacts
    from fieldserve.analytics.home import MANIFEST, Manifest, dump_manifest, parse_manifest, read_manifest

    folder = context.settings.facts_folder
    facts = read_manifest(folder)
    if facts is None or facts.as_of is None:
        raise NoFacts(f"there are no facts in {folder} yet")
    blobs = open_blobs(to)
    there = await blobs.get(MANIFEST)
    before = Manifest(format=format) if there is None else parse_manifest(there)
    if before.format != format:
        raise OtherFormat(f"{to} holds an export as {before.format}; export {format} to another place")
    has = before.files
    wanted = [(name, one, _target(name, one, format)) for name, files in facts.tables.items() for one in files]
    # By the sum of the facts' own file, in whatever format it is published.
    missing = [each for each in wanted if each[2].path not in has or has[each[2].path].sha256 != each[1].sha256]
    for first in range(0, len(missing), _AT_ONCE):
        some = missing[first : first + _AT_ONCE]
        await asyncio.gather(*(_put(context, blobs, one.path, target.path, format) for _, one, target in some))
        tell(first + len(some), len(missing))
    tables: dict[str, list[File]] = {name: [] for name in facts.tables}
    for name, _, target in wanted:
        tables[name].append(target)
    manifest = Manifest(
        schema_version=facts.schema_version,
        watermark=facts.watermark,
        as_of=facts.as_of,
        format=format,
        tables=tables,
    )
    gone = has.keys() - manifest.files.keys()
    for path in sorted(gone):
        await blobs.delete(path)
    await blobs.put(MANIFEST, dump_manifest(manifest))
    rows = sum(one.rows for one in manifest.files.values())
    return Exported(len(missing), len(wanted) - len(missing), len(gone), rows, manifest.watermark)


def _target(name: str, file: "File", format: str) -> "File":
    """Where a file is published: under a name that stays, so that `table/*/*` finds each row once."""
    from fieldserve.analytics.home import File

    ending = "jsonl" if format == "json" else format
    place = name if file.day is None else f"{name}/day={file.day}"
    return File(f"{place}/part-0.{ending}", file.day, file.rows, file.sha256)


async def _put(context: Context, blobs: Blobs, source: str, target: str, format: str) -> None:
    content = await asyncio.to_thread(_content, context, source, format)
    await blobs.put(target, content)


def _content(context: Context, source: str, format: str) -> bytes:
    from fieldserve.analytics.home import convert

    path = context.settings.facts_folder / source
    return path.read_bytes() if format == "parquet" else convert(path, format)

"""Mirror the jobs of a seller who lives elsewhere, at Amazon or at another fieldserve.

A job's document does not say when it changed, so that what has been read is known by time alone: a reading asks for all
that changed since the watermark, with no upper end. A job that changes while pages are read changes into the reading,
never out of it, and pages are in the order of creation, which no change touches: it comes late or twice, and is not
missed. When the last page is stored, the watermark is the source's clock at the first, less an overlap for changes that
were stamped before and could be seen after. The first reading asks for everything by creation.

A page, what it makes of jobs, and where the reading stands are stored in one transaction: after a crash it goes on
behind the last page that was stored.
"""

import os
import re
import secrets
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from fieldserve.client import (
    AsyncServices,
    Marketplaces,
    SellingApiBadRequestException,
    SellingApiException,
    SellingApiNotFoundException,
)
from fieldserve.client.marketplaces import chosen
from fieldserve.domain.intervals import SECOND, Instant
from fieldserve.operations.mirrored_jobs import GONE, Taken, Telling, note_gone, take_in
from fieldserve.operations.run import Context, read, transact
from fieldserve.store import jobs, mirrors, sellers
from fieldserve.store.engine import Connection
from fieldserve.store.mirrors import Lease, Mirror, Reading
from fieldserve.store.sellers import Seller
from fieldserve.wire.marketplaces import BY_ID, region_of_host
from fieldserve.wire.times import TimeFault, from_datetime, parse, render

T = TypeVar("T")

FIRST = parse("2000-01-01T00:00:00Z")
"""Before any job was created."""
NEVER = parse("9999-12-31T00:00:00Z")
"""After every job, so that none is in order any more."""
OVERLAP = 120 * SECOND
PAGE = 20
SWEEP = 100
LEASE = 30 * SECOND

_SELLER_ID = re.compile(r"[A-Z0-9]{1,20}")


class MirrorRefused(Exception):
    """A mirror that cannot be: the text says why, and what to do about it."""


class Held(Exception):
    """Somebody else runs the account's mirrors just now."""


@dataclass(frozen=True, slots=True)
class Source:
    """A seller's account at a Services API, and this process as the one that mirrors it.

    `knows_keys` is false at Amazon, where an Idempotency-Key would mean nothing."""

    account: str
    endpoint: str
    token_endpoint: str | None
    services: AsyncServices
    holder: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}")
    lease: Instant = LEASE

    @property
    def knows_keys(self) -> bool:
        """Whether a write may carry an Idempotency-Key."""
        return not (urlsplit(self.endpoint).hostname or "").endswith(".amazon.com")


@dataclass(slots=True)
class Progress:
    """How far a reading is; `total` as the source counted when it began."""

    marketplace_id: str
    jobs: int = 0
    total: int | None = None
    taken: Taken = field(default_factory=Taken)


Tell = Callable[[Progress], None]
Between = Callable[[], Awaitable[object]]


async def open_mirrors(
    context: Context,
    account: str,
    marketplace_ids: Sequence[str] = (),
    endpoint: str | None = None,
    token_endpoint: str | None = None,
) -> tuple[Source, list[str]]:
    """The account of that name, as fieldserve.client knows it, and its marketplaces; what is not given is as it was the
    last time. Raises MirrorRefused, MissingCredentials."""
    known = await read(context, lambda c: mirrors.find_all(c, account))
    ids = list(dict.fromkeys(marketplace_ids or [one.marketplace_id for one in known]))
    if not ids:
        try:
            ids = [chosen(Marketplaces.US).marketplace_id]
        except KeyError as fault:
            raise MirrorRefused(f"SP_API_DEFAULT_MARKETPLACE is {fault}, which is no marketplace") from None
    if unknown := [one for one in ids if one not in BY_ID]:
        raise MirrorRefused(f"{unknown[0]} is no marketplace")
    given = os.environ.get("SP_API_ENDPOINT"), os.environ.get("SP_API_TOKEN_ENDPOINT")
    before = (known[0].endpoint, known[0].token_endpoint) if known else (None, None)
    endpoint = endpoint or given[0] or before[0] or Marketplaces(ids[0]).endpoint
    token_endpoint = token_endpoint or given[1] or before[1]
    region = region_of_host(urlsplit(endpoint).hostname or "")[0]
    for one in ids:
        if region and BY_ID[one].region != region:
            raise MirrorRefused(f"{one} is not in the region of {endpoint}: an account is of one region, name another")
    services = AsyncServices(Marketplaces(ids[0]), account=account, endpoint=endpoint, token_endpoint=token_endpoint)
    return Source(account, services.endpoint, token_endpoint, services), ids


# ---- one process at a time


async def acquire(context: Context, source: Source) -> None:
    """Become the one who mirrors the account. Raises Held, which tells until when somebody else does."""

    async def take(c: Connection) -> None:
        now = context.clock.now()
        lease = await mirrors.lease_of(c, source.account)
        if lease is not None and lease.holder != source.holder and lease.until > now and not _is_dead(lease.holder):
            host, process, _ = lease.holder.rsplit(":", 2)
            raise Held(
                f"{source.account} is mirrored by process {process} on {host}, until {render(lease.until)} or later"
            )
        await mirrors.put_lease(c, source.account, Lease(source.holder, now + source.lease))

    await transact(context, take)


async def keep(context: Context, c: Connection, source: Source) -> None:
    """Stay the one, in the transaction that relies on it. Raises Held where somebody else has come."""
    lease = await mirrors.lease_of(c, source.account)
    if lease is None or lease.holder != source.holder:
        raise Held(f"another process mirrors {source.account} now")
    await mirrors.put_lease(c, source.account, Lease(source.holder, context.clock.now() + source.lease))


async def renew(context: Context, source: Source) -> None:
    """Stay the one while nothing is written. Raises Held."""
    await transact(context, lambda c: keep(context, c, source))


async def release(context: Context, source: Source) -> None:
    """Let others do it."""
    await transact(context, lambda c: mirrors.end_lease(c, source.account, source.holder))


def _is_dead(holder: str) -> bool:
    """Whether the holder was a process of this machine that is no more: nobody needs to wait for its lease to end."""
    host, process, _ = holder.rsplit(":", 2)
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except (OSError, ValueError):
        return False
    return False


# ---- reading


class _Listing(msgspec.Struct, rename="camel"):
    total_result_size: int | None = None
    next_page_token: str | None = None
    jobs: list[msgspec.Raw] = []


class _Answer(msgspec.Struct):
    payload: _Listing = msgspec.field(default_factory=_Listing)


class _OneJob(msgspec.Struct):
    payload: msgspec.Raw


def _read(content: bytes, shape: type[T]) -> T:
    """An answer of the source's. Raises SellingApiException where something else answered in its place."""
    try:
        return msgspec.json.decode(content, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
        error = {"code": "UnexpectedAnswer", "message": f"What answered is not a Services API: {fault}"}
        raise SellingApiException([error], None, 502) from None


async def read_source(
    context: Context,
    source: Source,
    marketplace_id: str,
    seller_id: str | None = None,
    *,
    everything: bool = False,
    since: Instant = FIRST,
    tell: Tell = lambda _: None,
    between: Between | None = None,
) -> Progress:
    """Read what changed since the last time, or go on with what was begun.

    With `everything` read all jobs that were created `since`, and look for those that the source has no longer.
    `seller_id` is whose they become here: the one that they name if not given.

    `between` is awaited after each page. Raises MirrorRefused, Held, SellingApiException, AuthorizationError,
    Unavailable; whoever calls again goes on behind the last page that was stored."""
    mirror = await read(context, lambda c: mirrors.find(c, source.account, marketplace_id))
    seller_id = _whose(mirror, seller_id)
    reading = mirror.reading if mirror else None
    if reading is None or (everything and not reading.everything):
        reading = _begin(context, mirror, everything, since)
    progress = Progress(marketplace_id, reading.jobs, reading.total)
    while not reading.is_read:
        began = context.clock.now()
        try:
            answer = await source.services.get_service_jobs(**_query(reading, marketplace_id))
        except SellingApiBadRequestException:
            if reading.page_token is None:
                raise
            # The token is no longer good for anything: begin again, behind what is known to be read.
            after = reading.after
            if reading.latest is not None and reading.latest != NEVER:
                after = max(after, reading.latest - SECOND)
            reading = msgspec.structs.replace(reading, page_token=None, after=after)
            continue
        listing = _read(answer.content, _Answer).payload
        if reading.page_token is None and reading.jobs == 0:
            there = _clock_of(answer.headers.get("date"), began, context.clock.now())
            reading = msgspec.structs.replace(reading, source_began=there, total=listing.total_result_size)
        if seller_id is None:
            seller_id = _named_in(listing.jobs)
        if seller_id is None:
            if listing.jobs:
                raise MirrorRefused("the jobs do not say whose they are: name the seller with --seller")
            return progress
        if listing.next_page_token is not None and listing.next_page_token == reading.page_token:
            raise MirrorRefused("the source gave the same page token twice")
        reading = _behind(reading, listing)
        page = _Page(source, marketplace_id, seller_id, began, reading, [bytes(one) for one in listing.jobs])
        taken = await transact(context, lambda c, page=page: _store_page(context, c, page))  # type: ignore[misc]
        _count(progress, taken, reading)
        tell(progress)
        if between is not None:
            await between()
    assert seller_id is not None
    if reading.everything:
        progress.taken.faults += await _sweep(context, source, marketplace_id, reading.began)
    await _read_faulty(context, source, marketplace_id, seller_id)
    await transact(context, lambda c: _finish(context, c, source, marketplace_id, reading))
    return progress


def _whose(mirror: Mirror | None, seller_id: str | None) -> str | None:
    if mirror is not None and seller_id not in (None, mirror.seller_id):
        raise MirrorRefused(
            f"{mirror.account} is mirrored as the seller {mirror.seller_id} already, and cannot be {seller_id} as well"
        )
    if seller_id is not None and not _SELLER_ID.fullmatch(seller_id):
        raise MirrorRefused(f"a seller's id has 1 to 20 capitals and digits, not {seller_id!r}")
    return mirror.seller_id if mirror is not None else seller_id


def _begin(context: Context, mirror: Mirror | None, everything: bool, since: Instant) -> Reading:
    now = context.clock.now()
    if everything or mirror is None or mirror.watermark is None:
        return Reading(True, since, now, now)
    return Reading(False, mirror.watermark - OVERLAP, now, now)


def _query(reading: Reading, marketplace_id: str) -> dict[str, Any]:
    return {
        "createdAfter" if reading.everything else "lastUpdatedAfter": render(reading.after),
        "marketplaceIds": [marketplace_id],
        "pageSize": PAGE,
        "pageToken": reading.page_token,
        "sortField": "JOB_DATE",
        "sortOrder": "ASC",
    }


def _clock_of(date: str | None, asked: Instant, answered: Instant) -> Instant:
    """The source's clock when it was asked, or a little before; ours where it does not tell."""
    try:
        there = from_datetime(parsedate_to_datetime(date or ""))
    except ValueError:
        return asked
    return there - SECOND - (answered - asked)


class _Told(msgspec.Struct, rename="camel"):
    create_time: str | None = None
    seller: dict[str, str | None] | None = None


def _named_in(documents: list[msgspec.Raw]) -> str | None:
    """The seller whom jobs name."""
    for one in documents:
        try:
            told = msgspec.json.decode(one, type=_Told)
        except msgspec.MsgspecError:
            continue
        name = (told.seller or {}).get("sellerId") or ""
        if _SELLER_ID.fullmatch(name):
            return name
    return None


def _behind(reading: Reading, listing: _Listing) -> Reading:
    """Where the reading stands when this page is stored."""
    latest = reading.latest
    if reading.everything:
        for one in listing.jobs:
            created = _created(one)
            # A source that has another order is read from the start where it has forgotten its token.
            latest = created if created is not None and created >= (latest or FIRST) else NEVER
    return msgspec.structs.replace(
        reading,
        page_token=listing.next_page_token,
        latest=latest,
        jobs=reading.jobs + len(listing.jobs),
        is_read=listing.next_page_token is None,
    )


def _created(document: msgspec.Raw) -> Instant | None:
    try:
        told = msgspec.json.decode(document, type=_Told).create_time
        return None if told is None else parse(told)
    except (msgspec.MsgspecError, TimeFault):
        return None


def _count(progress: Progress, taken: Taken, reading: Reading) -> None:
    progress.jobs, progress.total = reading.jobs, reading.total
    for name in ("new", "changed", "same", "left", "faults"):
        setattr(progress.taken, name, getattr(progress.taken, name) + getattr(taken, name))


@dataclass(frozen=True, slots=True)
class _Page:
    source: Source
    marketplace_id: str
    seller_id: str
    began: Instant
    reading: Reading
    documents: list[bytes]


async def _store_page(context: Context, c: Connection, page: _Page) -> Taken:
    source = page.source
    await keep(context, c, source)
    now = context.clock.now()
    known = await mirrors.find(c, source.account, page.marketplace_id)
    if known is None:
        await _admit(c, page.seller_id, page.marketplace_id, now)
        known = Mirror(source.account, page.marketplace_id, page.seller_id, source.endpoint, source.token_endpoint)
    telling = Telling(source.account, page.seller_id, page.marketplace_id, page.began, now)
    taken = await take_in(c, telling, page.documents)
    stands = replace(known, reading=page.reading, endpoint=source.endpoint, token_endpoint=source.token_endpoint)
    await mirrors.put(c, stands)
    return taken


async def _admit(c: Connection, seller_id: str, marketplace_id: str, now: Instant) -> None:
    """The seller, who takes part in the marketplace."""
    seller = await sellers.find(c, seller_id, lock=True)
    if seller is None:
        await sellers.add(c, Seller(seller_id, seller_id, frozenset({marketplace_id}), now))
    elif marketplace_id not in seller.marketplaces:
        await sellers.update(c, replace(seller, marketplaces=seller.marketplaces | {marketplace_id}))


async def _finish(context: Context, c: Connection, source: Source, marketplace_id: str, reading: Reading) -> None:
    await keep(context, c, source)
    known = await mirrors.find(c, source.account, marketplace_id)
    if known is not None:
        watermark = max(reading.source_began, known.watermark or 0)
        done = replace(known, watermark=watermark, reading=None, synced_at=reading.began)
        await mirrors.put(c, done)


# ---- jobs one by one


async def read_one(
    context: Context, source: Source, marketplace_id: str, seller_id: str, service_job_id: str
) -> tuple[Telling, bytes | None]:
    """A job as the source tells it now; no document where it has no such job."""
    began = context.clock.now()
    telling = Telling(source.account, seller_id, marketplace_id, began, began)
    try:
        answer = await source.services.get_service_job_by_service_job_id(service_job_id)
    except SellingApiNotFoundException:
        return telling, None
    return telling, bytes(_read(answer.content, _OneJob).payload)


async def _sweep(context: Context, source: Source, marketplace_id: str, began: Instant) -> int:
    """Look at the jobs that a reading of everything did not meet; answers how many the source has no longer."""
    gone, after = 0, ""
    while rows := await read(
        context,
        lambda c, after=after: jobs.not_told_since(c, source.account, marketplace_id, began, after, SWEEP),  # type: ignore[misc]
    ):
        for seller_id, job_id in rows:
            gone += await _look_again(context, source, marketplace_id, seller_id, job_id)
        after = rows[-1][1]
    return gone


async def _read_faulty(context: Context, source: Source, marketplace_id: str, seller_id: str) -> None:
    """Try again with the jobs that could not be taken in."""
    noted = await read(context, lambda c: mirrors.faults(c, source.account))
    for one in [fault for fault in noted if fault.marketplace_id == marketplace_id][:SWEEP]:
        if one.service_job_id and one.reason != GONE:
            await _look_again(context, source, marketplace_id, seller_id, one.service_job_id)


async def _look_again(context: Context, source: Source, marketplace_id: str, seller_id: str, job_id: str) -> bool:
    """Take a job in as it is now; answers whether the source has it no longer."""
    telling, document = await read_one(context, source, marketplace_id, seller_id, job_id)

    async def store(c: Connection) -> None:
        await keep(context, c, source)
        if document is not None:
            await take_in(c, telling, [document])
        else:
            await note_gone(c, telling, job_id)

    await transact(context, store)
    return document is None

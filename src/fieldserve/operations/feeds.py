"""Calendars of technicians, read by a secret URL: whoever has the URL reads it, until it is revoked.

A calendar tells when, what and where: no name and no telephone of a buyer, since it is copied to whatever service shows
the technician's calendar.
"""

import secrets
from dataclasses import dataclass

from fieldserve.domain.intervals import DAY
from fieldserve.operations.run import Caller, Context, read, transact
from fieldserve.operations.sellers import find_seller, log
from fieldserve.store import feeds, plans, technicians
from fieldserve.store.engine import Connection
from fieldserve.store.feeds import Feed
from fieldserve.store.plans import Entry, PlannedJob
from fieldserve.store.tokens import hash_of
from fieldserve.wire import jobs as wire_jobs
from fieldserve.wire.plans import NO_FEED, CreateFeed, FeedListing, FeedRecord, FeedWithUrl
from fieldserve.wire.technicians import NO_TECHNICIAN
from fieldserve.wire.times import render, to_datetime

PREFIX = "fsc_"
PATH = "/calendars/"
BACK, AHEAD = 7 * DAY, 60 * DAY
"""How far around now a calendar tells."""


@dataclass(frozen=True, slots=True)
class KnownFeed:
    """A calendar whose secret was told."""

    feed_id: str
    seller_id: str
    technician_id: str


async def create_feed(context: Context, caller: Caller, ask: CreateFeed, base_url: str) -> FeedWithUrl:
    """A calendar for a technician under a new secret URL. Raises ApiError: NO_SELLER, NO_TECHNICIAN."""
    token = PREFIX + secrets.token_urlsafe(32)
    feed = Feed(hash_of(token), context.ids.uuid(), caller.seller_id, ask.technician_id, context.clock.now())

    async def create(c: Connection) -> None:
        if await technicians.find(c, caller.seller_id, ask.technician_id) is None:
            await find_seller(c, caller)
            raise NO_TECHNICIAN.error(technician_id=ask.technician_id)
        await feeds.add(c, feed)
        after = {"technicianId": ask.technician_id}
        await log(context, c, caller, "calendar_feed.created", feed.feed_id, None, after)

    await transact(context, create)
    return FeedWithUrl(_record(feed), f"{base_url.rstrip('/')}{PATH}{token}.ics")


async def list_feeds(context: Context, caller: Caller) -> FeedListing:
    """All calendars of a seller's technicians, revoked ones, too. Raises ApiError: NO_SELLER."""

    async def load(c: Connection) -> list[Feed]:
        await find_seller(c, caller)
        return await feeds.of_seller(c, caller.seller_id)

    return FeedListing([_record(one) for one in await read(context, load)])


async def revoke_feed(context: Context, caller: Caller, feed_id: str) -> None:
    """Refuse a calendar's URL from now on. Raises ApiError: NO_SELLER, NO_FEED."""

    async def revoke(c: Connection) -> None:
        if not await feeds.revoke(c, caller.seller_id, feed_id, context.clock.now()):
            await find_seller(c, caller)
            raise NO_FEED.error(feed_id=feed_id)
        await log(context, c, caller, "calendar_feed.revoked", feed_id, None, None)

    await transact(context, revoke)


async def known_feed(context: Context, token: str) -> KnownFeed | None:
    """The calendar that a secret stands for; None where there is none, or it is revoked."""
    if not token.startswith(PREFIX):
        return None
    feed = await read(context, lambda c: feeds.find(c, hash_of(token)))
    if feed is None or feed.revoked_at is not None:
        return None
    return KnownFeed(feed.feed_id, feed.seller_id, feed.technician_id)


async def calendar_of(context: Context, feed: KnownFeed) -> bytes:
    """The technician's appointments as iCalendar (RFC 5545), in UTC."""
    now = context.clock.now()

    async def load(c: Connection) -> tuple[str, list[Entry], dict[str, PlannedJob]]:
        technician = await technicians.find(c, feed.seller_id, feed.technician_id)
        entries = await plans.agenda(c, feed.seller_id, feed.technician_id, (now - BACK, now + AHEAD))
        jobs = await plans.planned_jobs(c, feed.seller_id, {one.service_job_id for one in entries})
        return technician.name if technician else feed.technician_id, entries, jobs

    name, entries, jobs = await read(context, load)
    return _calendar(name, entries, jobs)


def _calendar(name: str, entries: list[Entry], jobs: dict[str, PlannedJob]) -> bytes:
    from icalendar import Calendar, Event

    calendar = Calendar()
    calendar.add("prodid", "-//fieldserve//calendar//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", name)
    calendar.add("x-published-ttl", "PT15M")
    for entry in entries:
        job = jobs[entry.service_job_id]
        event = Event()
        event.add("uid", f"{entry.appointment_id}@fieldserve")
        event.add("dtstamp", to_datetime(entry.start))
        event.add("dtstart", to_datetime(entry.start))
        event.add("dtend", to_datetime(entry.end))
        event.add("summary", job.title)
        if address := address_of(job):
            event.add("location", address)
        if job.latitude is not None and job.longitude is not None:
            event.add("geo", (round(job.latitude, 6), round(job.longitude, 6)))
        told = [f"Job {entry.service_job_id}"]
        if entry.arrival_start is not None and entry.arrival_end is not None:
            told.append(f"Expected between {render(entry.arrival_start)} and {render(entry.arrival_end)}")
        event.add("description", "\n".join(told))
        calendar.add_component(event)
    content: bytes = calendar.to_ical()
    return content


def address_of(job: PlannedJob) -> str:
    """Where a job is in words, without whose house it is; empty where that is not known, or is the store."""
    location = job.details.service_location
    return "" if job.in_store or location is None or location.address is None else one_line(location.address)


def one_line(address: wire_jobs.Address) -> str:
    """The address without a name and a telephone."""
    town = " ".join(one for one in (address.postal_code, address.city) if one)
    lines = (address.address_line1, address.address_line2, address.address_line3)
    return ", ".join(one for one in (*lines, town, address.state_or_region, address.country_code) if one)


def _record(feed: Feed) -> FeedRecord:
    revoked = None if feed.revoked_at is None else render(feed.revoked_at)
    return FeedRecord(feed.feed_id, feed.technician_id, render(feed.created_at), revoked)

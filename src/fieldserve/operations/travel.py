"""Travel times for plans: what is known already, what a service has to be asked, and what stands in when it is away.

Answers of services are kept in the database under rounded places, profile, hour and source. A service that does not
answer is not asked again within the same plan; the great circle answers in its stead, and the plan says so.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from fieldserve.config import Settings, read_number
from fieldserve.operations.run import Context, read, transact
from fieldserve.store import travel
from fieldserve.store.engine import Unavailable
from fieldserve.store.travel import ANY_HOUR, TravelKey, Trip
from fieldserve.travel.great_circle import SPEEDS, GreatCircle
from fieldserve.travel.matrix import HOURS, UNREACHABLE, Matrix, Rows, Source, TravelFault, asked_hour
from fieldserve.travel.places import Place
from fieldserve.travel.services import OSRM, EmbeddedValhalla, Service, Valhalla
from fieldserve.wire.times import SECOND

log = logging.getLogger("fieldserve")

DAY = 86_400 * SECOND
_KEPT_AT_ONCE = 5_000
_EMBEDDED = "file:"


@dataclass(slots=True)
class TravelTimes:
    """Travel between places, each known by its rank: `seconds[hour][from][to]`, and metres, which no hour changes.

    `notices` say in words where a service was away, or knows no road."""

    places: list[Place]
    seconds: dict[int, Rows]
    metres: Rows
    source: str
    notices: list[str] = field(default_factory=list)


def great_circle(settings: Settings) -> GreatCircle:
    """The source that needs nobody, as the settings have it."""
    return _great_circle(settings.travel_road_factor, settings.travel_speeds)


@lru_cache(maxsize=16)
def _great_circle(road_factor: str, texts: tuple[str, ...]) -> GreatCircle:
    speeds = tuple(read_number(text, "travel_speeds", 1, 200) for text in texts)
    if len(speeds) == 1:
        speeds *= HOURS
    return GreatCircle(read_number(road_factor, "travel_road_factor", 1, 5), speeds or SPEEDS)


def source_of(settings: Settings) -> Source:
    """The source that the settings name."""
    url, profile, timeout = settings.travel_url, settings.travel_profile, float(settings.travel_timeout)
    if settings.travel_source == "osrm":
        return OSRM(url, profile, timeout)
    if settings.travel_source == "valhalla" and url.startswith(_EMBEDDED):
        return EmbeddedValhalla(url.removeprefix(_EMBEDDED), profile)
    if settings.travel_source == "valhalla":
        return Valhalla(url, profile, timeout)
    if settings.travel_source == "http":
        return Service(url, profile, timeout)
    return great_circle(settings)


async def travel_times(context: Context, places: Sequence[Place], hours: Iterable[int]) -> TravelTimes:
    """Travel between all of the places for departures in those hours of the local day."""
    base = great_circle(context.settings)
    source = source_of(context.settings)
    wanted = sorted(set(hours))
    asked = [place.rounded for place in places]
    unique = list(dict.fromkeys(asked))
    notices: list[str] = []
    by_hour: dict[int, Matrix] = {}
    if source is not base:
        try:
            by_hour = await _of_service(context, source, base, unique, wanted)
        except TravelFault as fault:
            log.warning("no travel times of %s: %s", source.name, fault)
            notices.append(f"Travel times are estimated from distances: {fault}.")
    told_by = source.name if by_hour else base.name
    if by_hour:
        notices += _cut_off(source, by_hour.values())
    else:
        # Many places take a while to work out, in which others want to be served.
        by_hour = await asyncio.to_thread(base.matrices, unique, wanted)
    ranks = {place: rank for rank, place in enumerate(unique)}
    positions = [ranks[place] for place in asked]
    seconds = {hour: _spread(matrix.seconds, positions) for hour, matrix in by_hour.items()}
    metres = next((_spread(matrix.metres, positions) for matrix in by_hour.values()), [])
    return TravelTimes(list(places), seconds, metres, told_by, notices)


async def _of_service(
    context: Context, source: Source, base: GreatCircle, places: list[Place], hours: list[int]
) -> dict[int, Matrix]:
    """What a service says of each hour: all of it, or TravelFault."""
    known: dict[int | None, Matrix] = {}
    found: dict[int, Matrix] = {}
    for hour in hours:
        wanted = asked_hour(source, hour)
        if wanted not in known:
            known[wanted] = await _matrix(context, source, places, wanted)
        matrix = known[wanted]
        found[hour] = matrix
        if not source.asked_hours:
            found[hour] = Matrix(_slowed(matrix.seconds, base.slower(hour)), matrix.metres)
    return found


def _spread(rows: Rows, positions: list[int]) -> Rows:
    """The rows of places that are all different, for places of which some may be the same."""
    if positions == list(range(len(rows))):
        return rows
    return [[rows[one][other] for other in positions] for one in positions]


def _slowed(rows: Rows, factor: float) -> Rows:
    """Times of a source that knows no hours, in the traffic of one: as much slower as the profile of speeds has it."""
    return [[one if one >= UNREACHABLE else round(one * factor) for one in row] for row in rows]


def _cut_off(source: Source, matrices: Iterable[Matrix]) -> list[str]:
    """What is to be said of trips for which there is no road."""
    trips = max((sum(one >= UNREACHABLE for row in matrix.seconds for one in row) for matrix in matrices), default=0)
    return [f"{source.name} knows no road for {trips} trips between places; nobody is sent on them."] if trips else []


async def _matrix(context: Context, source: Source, places: list[Place], hour: int | None) -> Matrix:
    """All pairs, from what is kept as far as it is there. Raises TravelFault."""
    key = TravelKey(source.name, source.profile, ANY_HOUR if hour is None else hour)
    texts = [place.key for place in places]
    since = context.clock.now() - context.settings.travel_cache_days * DAY
    kept = {
        (one.origin, one.target): one
        for one in await read(context, lambda c: travel.trips(c, key, texts, texts, since))
    }
    for text in texts:
        kept[text, text] = Trip(text, text, 0, 0)
    missing = [rank for rank, one in enumerate(texts) if any((one, other) not in kept for other in texts)]
    if missing:
        found = await _asked(source, places, missing, kept, hour)
        kept |= {(one.origin, one.target): one for one in found}
        await _keep(context, key, found)
    cells = [[kept[one, other] for other in texts] for one in texts]
    return Matrix([[one.seconds for one in row] for row in cells], [[one.metres for one in row] for row in cells])


async def _asked(
    source: Source, places: list[Place], missing: list[int], kept: dict[tuple[str, str], Trip], hour: int | None
) -> list[Trip]:
    """What the service says of the pairs that are not known, a few requests at a time. Raises TravelFault."""
    requests: list[tuple[list[Place], list[Place]]] = []
    for first in range(0, len(missing), source.block):
        sources = [places[rank] for rank in missing[first : first + source.block]]
        targets = [one for one in places if any((each.key, one.key) not in kept for each in sources)]
        for second in range(0, len(targets), source.block):
            requests.append((sources, targets[second : second + source.block]))
    gate = asyncio.Semaphore(source.concurrency)

    async def ask(sources: list[Place], targets: list[Place]) -> list[Trip]:
        async with gate:
            matrix = await source.matrix(sources, targets, hour)
        return [
            Trip(one.key, other.key, matrix.seconds[row][column], matrix.metres[row][column])
            for row, one in enumerate(sources)
            for column, other in enumerate(targets)
        ]

    # The first that fails ends the others: whoever is away for one is away for all.
    tasks = [asyncio.create_task(ask(*request)) for request in requests]
    try:
        return [trip for trips in await asyncio.gather(*tasks) for trip in trips]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _keep(context: Context, key: TravelKey, found: list[Trip]) -> None:
    now = context.clock.now()
    try:
        for first in range(0, len(found), _KEPT_AT_ONCE):
            some = found[first : first + _KEPT_AT_ONCE]
            await transact(context, lambda c, some=some: travel.keep(c, key, some, now))  # type: ignore[misc]
    except Unavailable as fault:
        log.warning("travel times are not kept: %s", fault)


async def purge_travel_times(context: Context) -> None:
    """Forget the answers that are too old to be used."""
    before = context.clock.now() - context.settings.travel_cache_days * DAY
    await transact(context, lambda c: travel.forget_before(c, before))

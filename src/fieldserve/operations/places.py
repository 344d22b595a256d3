"""Where jobs are: told by an operator, found by a geocoder, or the centre of a postal code.

What is found stands in the job, beside its address, and is erased with it; nothing else keeps an address.
"""

import asyncio
import csv
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from fieldserve.config import Settings
from fieldserve.operations.run import Caller, Context, read, transact
from fieldserve.operations.sellers import find_seller, log
from fieldserve.store import jobs, travel
from fieldserve.store.engine import Connection
from fieldserve.store.travel import PostalCode
from fieldserve.travel.geocoding import Address, Geocoder, GeocodingFault, Nominatim, Pelias
from fieldserve.travel.places import Place
from fieldserve.wire import jobs as wire_jobs
from fieldserve.wire.jobs import JOB_NOT_FOUND
from fieldserve.wire.places import PLACE_ERASED, JobPlace, PlaceSource, SetJobPlace

warnings = logging.getLogger("fieldserve")

_COUNTRY_COLUMNS = ("country_code", "country", "countrycode")
_CODE_COLUMNS = ("postal_code", "postcode", "postalcode", "zip", "plz")
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Located:
    """Places that were found of jobs, by id, and what kept others from being found, in words."""

    places: dict[str, Place] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


async def set_job_place(context: Context, caller: Caller, service_job_id: str, ask: SetJobPlace) -> JobPlace:
    """Put a job where the operator says it is. Raises ApiError: NO_SELLER, JOB_NOT_FOUND, PLACE_ERASED."""
    place = Place(ask.latitude, ask.longitude)
    if not await _put(context, caller, service_job_id, place, "OPERATOR"):

        async def look(c: Connection) -> bool:
            await find_seller(c, caller)
            return await jobs.document_of(c, caller.seller_id, service_job_id) is not None

        if await read(context, look):
            raise PLACE_ERASED.error(job_id=service_job_id)
        raise JOB_NOT_FOUND.error(job_id=service_job_id)
    return JobPlace(service_job_id, place.latitude, place.longitude, "OPERATOR")


async def locate(context: Context, caller: Caller, wanted: Sequence[tuple[str, wire_jobs.Address | None]]) -> Located:
    """Find the places of jobs by their addresses, and keep them with the jobs. What is not found is left out."""
    found: dict[str, tuple[Place, PlaceSource]] = {}
    notices: list[str] = []
    geocoder = geocoder_of(context.settings)
    if geocoder is not None:
        by_service, notices = await _ask(geocoder, wanted)
        found |= {job_id: (place, "SERVICE") for job_id, place in by_service.items()}
    for job_id, address in wanted:
        if job_id not in found and (centre := await _centre(context, address)) is not None:
            found[job_id] = centre, "POSTAL_CODE"
    for job_id, (place, source) in found.items():
        await _put(context, caller, job_id, place, source)
    return Located({job_id: place for job_id, (place, _) in found.items()}, tuple(notices))


def geocoder_of(settings: Settings) -> Geocoder | None:
    """The service that the settings name; None where no address is to leave the server."""
    timeout = float(settings.travel_timeout)
    if settings.geocoder == "nominatim":
        return Nominatim(settings.geocoder_url, timeout)
    return Pelias(settings.geocoder_url, timeout) if settings.geocoder == "pelias" else None


def address_of(address: wire_jobs.Address | None) -> Address | None:
    """What of a job's address tells where it is; None where that is nothing."""
    if address is None:
        return None
    lines = tuple(one for one in (address.address_line1, address.address_line2, address.address_line3) if one)
    told = Address(
        lines,
        address.city or "",
        address.state_or_region or "",
        address.postal_code or "",
        address.country_code or "",
    )
    return told if lines or told.city or told.postal_code else None


async def _ask(
    geocoder: Geocoder, wanted: Iterable[tuple[str, wire_jobs.Address | None]]
) -> tuple[dict[str, Place], list[str]]:
    """One request for each address, one after the other, as public geocoders ask of their users."""
    places: dict[str, Place] = {}
    known: dict[Address, Place | None] = {}
    for job_id, given in wanted:
        if (address := address_of(given)) is None:
            continue
        try:
            if address not in known:
                known[address] = await geocoder.find(address)
        except GeocodingFault as fault:
            warnings.warning("no places of addresses: %s", fault)
            return places, [f"Places of addresses are not asked for: {fault}."]
        place = known[address]
        if place is not None:
            places[job_id] = place
    return places, []


async def _centre(context: Context, address: wire_jobs.Address | None) -> Place | None:
    if address is None or not address.postal_code or not address.country_code:
        return None
    country, code = address.country_code.upper(), _normal(address.postal_code)
    known = await read(context, partial(travel.postal_code, country_code=country, code=code))
    if known is None and country == "US" and "-" in code:
        known = await read(context, partial(travel.postal_code, country_code=country, code=code.partition("-")[0]))
    return None if known is None else Place(known.latitude, known.longitude)


async def _put(context: Context, caller: Caller, service_job_id: str, place: Place, source: PlaceSource) -> bool:
    """False where there is no such job, or what is personal of it was erased."""

    async def put(c: Connection) -> bool:
        if not await jobs.put_place(c, caller.seller_id, service_job_id, place.latitude, place.longitude):
            return False
        # The log is kept for good: that it was found, and not where.
        await log(context, c, caller, "job.located", service_job_id, None, {"source": source})
        return True

    return await transact(context, put)


# ---- postal codes


class CsvFault(ValueError):
    """A file of postal codes that cannot be read; the text names the line and says what is wrong with it."""


def read_postal_codes(lines: Iterable[str], country_code: str | None = None) -> list[PostalCode]:
    """Codes and their centres from CSV with a header: country_code, postal_code, latitude, longitude.

    Without a column for the country all are of `country_code`. Raises CsvFault."""
    rows = csv.reader(lines)
    head = [name.strip().lower().lstrip("\ufeff") for name in next(rows, [])]
    columns = {
        "country": _column(head, _COUNTRY_COLUMNS),
        "code": _column(head, _CODE_COLUMNS),
        "latitude": _column(head, ("latitude", "lat")),
        "longitude": _column(head, ("longitude", "lon", "lng")),
    }
    missing = [name for name, at in columns.items() if at is None and (name != "country" or country_code is None)]
    if missing:
        raise CsvFault(
            "the first line must name the columns country_code, postal_code, latitude and longitude;"
            f" missing: {', '.join(missing)}"
        )
    found: dict[tuple[str, str], PostalCode] = {}
    for number, row in enumerate(rows, 2):
        if not any(cell.strip() for cell in row):
            continue
        one = _postal_code(row, columns, country_code, number)
        found[one.country_code, one.postal_code] = one
    return list(found.values())


async def import_postal_codes(context: Context, codes: Sequence[PostalCode]) -> int:
    """Keep the centres of postal codes; answers how many."""
    for first in range(0, len(codes), _AT_ONCE):
        some = codes[first : first + _AT_ONCE]
        await transact(context, partial(_keep, some))
        await asyncio.sleep(0)
    return len(codes)


async def _keep(codes: Sequence[PostalCode], c: Connection) -> None:
    await travel.keep_postal_codes(c, codes)


def _column(head: list[str], names: Sequence[str]) -> int | None:
    return next((head.index(name) for name in names if name in head), None)


def _postal_code(row: list[str], columns: dict[str, int | None], country_code: str | None, number: int) -> PostalCode:
    try:
        at = {name: row[column].strip() for name, column in columns.items() if column is not None}
        place = Place(float(at["latitude"]), float(at["longitude"]))
    except (IndexError, ValueError):
        raise CsvFault(f"line {number}: latitude and longitude must be numbers of degrees") from None
    if not (-90 <= place.latitude <= 90 and -180 <= place.longitude <= 180):
        raise CsvFault(f"line {number}: {place.latitude}, {place.longitude} is not on the earth")
    country = (at.get("country") or country_code or "").upper()
    code = _normal(at["code"])
    if len(country) != 2 or not country.isalpha() or not code:
        raise CsvFault(f"line {number}: a country is two letters, and a postal code is not empty")
    return PostalCode(country, code, *place)


def _normal(code: str) -> str:
    return " ".join(code.upper().split())

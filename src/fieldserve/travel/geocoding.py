"""Services that find the place of an address: those that speak as Nominatim does, and as Pelias does."""

from typing import Any, NamedTuple, Protocol

from fieldserve.travel.asking import Asking, NoAnswer
from fieldserve.travel.places import Place


class GeocodingFault(Exception):
    """The service cannot answer; the text says why. That an address is unknown is no fault."""


class Address(NamedTuple):
    """What of an address tells where it is: no name, no telephone."""

    lines: tuple[str, ...]
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country_code: str = ""

    @property
    def text(self) -> str:
        """In one line, from the house to the country."""
        town = " ".join(part for part in (self.postal_code, self.city) if part)
        return ", ".join(part for part in (*self.lines, town, self.region, self.country_code) if part)


class Geocoder(Protocol):
    """Finds places of addresses."""

    name: str

    async def find(self, address: Address) -> Place | None:
        """The place, or None where the service knows none. Raises GeocodingFault."""
        ...


class Nominatim:
    """`GET /search?q=…&format=jsonv2`, as Nominatim answers it."""

    name = "nominatim"

    def __init__(self, url: str, timeout: float = 5.0):
        self._asking = Asking(url, timeout)

    async def find(self, address: Address) -> Place | None:
        """As Geocoder says."""
        query = {"q": address.text, "format": "jsonv2", "limit": "1"}
        if address.country_code:
            query["countrycodes"] = address.country_code.lower()
        found = await _ask(self._asking, "/search", query)
        if not isinstance(found, list):
            raise GeocodingFault(f"{self._asking.host} answered no list of places")
        return _place(self._asking, (found[0].get("lat"), found[0].get("lon"))) if found else None


class Pelias:
    """`GET /v1/search?text=…`, as Pelias answers it: GeoJSON."""

    name = "pelias"

    def __init__(self, url: str, timeout: float = 5.0):
        self._asking = Asking(url, timeout)

    async def find(self, address: Address) -> Place | None:
        """As Geocoder says."""
        query = {"text": address.text, "size": "1"}
        if address.country_code:
            query["boundary.country"] = address.country_code
        found = await _ask(self._asking, "/v1/search", query)
        features = found.get("features") if isinstance(found, dict) else None
        if not isinstance(features, list):
            raise GeocodingFault(f"{self._asking.host} answered no GeoJSON")
        if not features:
            return None
        longitude, latitude = (*features[0].get("geometry", {}).get("coordinates", ()), None, None)[:2]
        return _place(self._asking, (latitude, longitude))


async def _ask(asking: Asking, path: str, query: dict[str, str]) -> Any:
    async with asking.client() as client:
        try:
            return await asking.json(client, path, query)
        except NoAnswer as fault:
            raise GeocodingFault(str(fault)) from None


def _place(asking: Asking, told: tuple[Any, Any]) -> Place:
    try:
        place = Place(float(told[0]), float(told[1]))
    except (TypeError, ValueError):
        raise GeocodingFault(f"{asking.host} answered a place without coordinates") from None
    if not (-90 <= place.latitude <= 90 and -180 <= place.longitude <= 180):
        raise GeocodingFault(f"{asking.host} answered a place that is not on the earth")
    return place

"""The public table of marketplaces, and which region a host name speaks for."""

import re
from dataclasses import dataclass
from typing import Literal

Region = Literal["NA", "EU", "FE"]
REGIONS: tuple[Region, ...] = ("NA", "EU", "FE")


@dataclass(frozen=True, slots=True)
class Marketplace:
    """A country's shop: its ISO 3166 country code, ISO 4217 currency, and the locale that texts default to."""

    marketplace_id: str
    country: str
    name: str
    region: Region
    currency: str
    locale: str


MARKETPLACES: tuple[Marketplace, ...] = (
    Marketplace("ATVPDKIKX0DER", "US", "United States", "NA", "USD", "en_US"),
    Marketplace("A2EUQ1WTGCTBG2", "CA", "Canada", "NA", "CAD", "en_CA"),
    Marketplace("A1AM78C64UM0Y8", "MX", "Mexico", "NA", "MXN", "es_MX"),
    Marketplace("A2Q3Y263D00KWC", "BR", "Brazil", "NA", "BRL", "pt_BR"),
    Marketplace("A28R8C7NBKEWEA", "IE", "Ireland", "EU", "EUR", "en_IE"),
    Marketplace("A1RKKUPIHCS9HS", "ES", "Spain", "EU", "EUR", "es_ES"),
    Marketplace("A1F83G8C2ARO7P", "GB", "United Kingdom", "EU", "GBP", "en_GB"),
    Marketplace("A13V1IB3VIYZZH", "FR", "France", "EU", "EUR", "fr_FR"),
    Marketplace("AMEN7PMS3EDWL", "BE", "Belgium", "EU", "EUR", "fr_BE"),
    Marketplace("A1805IZSGTT6HS", "NL", "Netherlands", "EU", "EUR", "nl_NL"),
    Marketplace("A1PA6795UKMFR9", "DE", "Germany", "EU", "EUR", "de_DE"),
    Marketplace("APJ6JRA9NG5V4", "IT", "Italy", "EU", "EUR", "it_IT"),
    Marketplace("A2NODRKZP88ZB9", "SE", "Sweden", "EU", "SEK", "sv_SE"),
    Marketplace("AE08WJ6YKNBMC", "ZA", "South Africa", "EU", "ZAR", "en_ZA"),
    Marketplace("A1C3SOZRARQ6R3", "PL", "Poland", "EU", "PLN", "pl_PL"),
    Marketplace("ARBP9OOSHTCHU", "EG", "Egypt", "EU", "EGP", "ar_EG"),
    Marketplace("A33AVAJ2PDY3EV", "TR", "Türkiye", "EU", "TRY", "tr_TR"),
    Marketplace("A17E79C6D8DWNP", "SA", "Saudi Arabia", "EU", "SAR", "ar_SA"),
    Marketplace("A2VIGQ35RCS4UG", "AE", "United Arab Emirates", "EU", "AED", "en_AE"),
    Marketplace("A21TJRUUN4KGV", "IN", "India", "EU", "INR", "en_IN"),
    Marketplace("A19VAU5U5O7RUS", "SG", "Singapore", "FE", "SGD", "en_SG"),
    Marketplace("A39IBJ37TRP1C6", "AU", "Australia", "FE", "AUD", "en_AU"),
    Marketplace("A1VC38T7YXB528", "JP", "Japan", "FE", "JPY", "ja_JP"),
)

BY_ID = {marketplace.marketplace_id: marketplace for marketplace in MARKETPLACES}

OF_REGION: dict[str, frozenset[str]] = {
    region: frozenset(one.marketplace_id for one in MARKETPLACES if one.region == region) for region in REGIONS
}

# Prefixes, so that a deployment under its own domain (sellingpartnerapi-eu.example.com) tells regions the same way.
_HOST = re.compile(
    r"(?P<sandbox>sandbox\.)?(?:(?:sellingpartnerapi|fieldserve)-(?P<region>na|eu|fe)\.)?", re.ASCII | re.IGNORECASE
)


def region_of_host(host: str) -> tuple[Region | None, bool]:
    """The region that a Host header names, and whether it names a sandbox.

    A host without a region, such as `127.0.0.1:8080`, speaks for every region that the server is configured for."""
    found = _HOST.match(host)
    assert found is not None  # every part is optional
    region = next((one for one in REGIONS if one == (found["region"] or "").upper()), None)
    return region, found["sandbox"] is not None

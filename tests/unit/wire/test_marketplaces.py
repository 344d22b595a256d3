"""The table of marketplaces and the regions of hosts."""

import pytest
from sp_api.base.marketplaces import Marketplaces

from fieldserve.wire.marketplaces import BY_ID, MARKETPLACES, OF_REGION, REGIONS, region_of_host


class TestTable:
    def test_agrees_with_a_well_known_client(self) -> None:
        """Every marketplace of python-amazon-sp-api is there, in the same country and region, and no other."""
        theirs = {one.marketplace_id: one for one in Marketplaces}
        assert BY_ID.keys() == theirs.keys()
        for marketplace_id, other in theirs.items():
            assert BY_ID[marketplace_id].country == {"UK": "GB"}.get(other.name, other.name)
            assert f"-{BY_ID[marketplace_id].region.lower()}." in other.endpoint

    def test_regions_divide_it(self) -> None:
        """Each marketplace is in one region."""
        assert sum(len(OF_REGION[region]) for region in REGIONS) == len(MARKETPLACES) == len(BY_ID) == 23
        assert [len(OF_REGION[region]) for region in REGIONS] == [4, 16, 3]

    def test_forms(self) -> None:
        """Currencies have three capitals, and each locale is of its marketplace's country."""
        for one in MARKETPLACES:
            assert len(one.currency) == 3
            assert one.currency.isupper()
            assert one.locale.endswith(f"_{one.country}")


class TestRegionOfHost:
    @pytest.mark.parametrize(
        ("host", "expected"),
        [
            ("sellingpartnerapi-na.amazon.com", ("NA", False)),
            ("sellingpartnerapi-eu.example.com:8443", ("EU", False)),
            ("SellingPartnerAPI-FE.amazon.com", ("FE", False)),
            ("sandbox.sellingpartnerapi-eu.amazon.com", ("EU", True)),
            ("fieldserve-na.example.com", ("NA", False)),
            ("sandbox.fieldserve-fe.example.com", ("FE", True)),
            ("sandbox.localhost", (None, True)),
            ("127.0.0.1:8080", (None, False)),
            ("[::1]:8080", (None, False)),
            ("", (None, False)),
            ("sellingpartnerapi-xx.amazon.com", (None, False)),
            ("sellingpartnerapi-native.example.com", (None, False)),
            ("evil.example/sellingpartnerapi-na.", (None, False)),
        ],
    )
    def test_hosts(self, host: str, expected: tuple[str | None, bool]) -> None:
        """Only the first labels of a host tell its region and whether it is a sandbox."""
        assert region_of_host(host) == expected

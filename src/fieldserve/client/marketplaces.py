"""Where to call: marketplaces, their endpoints, and the sandbox."""

import os
from enum import Enum

from fieldserve.wire.marketplaces import BY_ID

_AWS_REGIONS = {"NA": "us-east-1", "EU": "eu-west-1", "FE": "us-west-2"}


class AwsEnv(Enum):
    """What the environment variable AWS_ENV may say."""

    PRODUCTION = "PRODUCTION"
    SANDBOX = "SANDBOX"


def aws_env() -> AwsEnv:
    """What it says; PRODUCTION where it says nothing. Raises ValueError."""
    return AwsEnv(os.environ.get("AWS_ENV", AwsEnv.PRODUCTION.value))


class Marketplaces(Enum):
    """The marketplaces by country; UK is GB. The value is the marketplace's id."""

    AE = "A2VIGQ35RCS4UG"
    AU = "A39IBJ37TRP1C6"
    BE = "AMEN7PMS3EDWL"
    BR = "A2Q3Y263D00KWC"
    CA = "A2EUQ1WTGCTBG2"
    DE = "A1PA6795UKMFR9"
    EG = "ARBP9OOSHTCHU"
    ES = "A1RKKUPIHCS9HS"
    FR = "A13V1IB3VIYZZH"
    GB = "A1F83G8C2ARO7P"
    UK = "A1F83G8C2ARO7P"  # noqa: PIE796 the alias that everybody uses
    IE = "A28R8C7NBKEWEA"
    IN = "A21TJRUUN4KGV"
    IT = "APJ6JRA9NG5V4"
    JP = "A1VC38T7YXB528"
    MX = "A1AM78C64UM0Y8"
    NL = "A1805IZSGTT6HS"
    PL = "A1C3SOZRARQ6R3"
    SA = "A17E79C6D8DWNP"
    SE = "A2NODRKZP88ZB9"
    SG = "A19VAU5U5O7RUS"
    TR = "A33AVAJ2PDY3EV"
    US = "ATVPDKIKX0DER"
    ZA = "AE08WJ6YKNBMC"

    @property
    def marketplace_id(self) -> str:
        """The id that requests name it by."""
        return self.value

    @property
    def endpoint(self) -> str:
        """Amazon's endpoint of its region; that of the sandbox where AWS_ENV says SANDBOX."""
        host = "sandbox.sellingpartnerapi" if aws_env() is AwsEnv.SANDBOX else "sellingpartnerapi"
        return f"https://{host}-{BY_ID[self.value].region.lower()}.amazon.com"

    @property
    def region(self) -> str:
        """The region of AWS that it is in."""
        return _AWS_REGIONS[BY_ID[self.value].region]


def chosen(given: Marketplaces) -> Marketplaces:
    """The marketplace to call: SP_API_DEFAULT_MARKETPLACE wins over what was given. Raises KeyError."""
    name = os.environ.get("SP_API_DEFAULT_MARKETPLACE")
    return Marketplaces[name] if name else given

"""What a seller offers: a service, known by its ASIN, and the rules by which it is scheduled."""

from typing import NamedTuple

from .intervals import DAY
from .slots import ServiceRules

LONGEST_BUFFER = DAY
"""No service asks for a longer gap before or after its visits; bounds how far around a window visits can matter."""


class Service(NamedTuple):
    """A service of one seller. `skills` are those it asks for in the seller's own order; `rules` has them as a set.

    `mirrored_from` is the account whose jobs it was made up from, as long as nobody has set it up."""

    asin: str
    title: str
    rules: ServiceRules
    skills: tuple[str, ...] = ()
    mirrored_from: str | None = None

    @property
    def service_location_type(self) -> str:
        """Where it is done: IN_HOME, IN_STORE or ONLINE."""
        return self.rules.location_type

"""The engines that work metrics out: each gives the facts as Ibis tables, so that the same expressions run on all.

facts = open_duckdb(Path("facts"))
facts["appointment_facts"].count().execute()
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ibis.expr.types import Table


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts on one engine: Ibis tables by the names of `facts.TABLES`. `as_of` is the time of their newest event,
    naive UTC as the tables' own times are."""

    backend: Any
    tables: "Mapping[str, Table]"
    as_of: datetime

    def __getitem__(self, name: str) -> "Table":
        return self.tables[name]

    def close(self) -> None:
        """Let go of the engine's connection."""
        self.backend.disconnect()

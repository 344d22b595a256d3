"""Texts in other languages: all of them are there, with the values that they are given."""

import ast
import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jinja2
import pytest
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

from fieldserve import console
from fieldserve.console import job, pages, plans, sign_in
from fieldserve.console.words import LANGUAGES, Words, negotiate
from fieldserve.domain.appointments import Mismatch
from fieldserve.domain.capacity import ReservationType
from fieldserve.domain.users import ROLES
from fieldserve.wire.jobs import JOB_STATUSES
from fieldserve.wire.plans import PlanStatus
from fieldserve.wire.times import parse

CONSOLE = Path(str(files("fieldserve.console")))
Key = str | tuple[str, str]


def texts() -> Iterator[Key]:
    """All that is said to a reader: in templates, in pages, and by what they are put together from."""
    options = {"newstyle_gettext": "true", "trim_blocks": "true", "lstrip_blocks": "true"}
    for path in sorted((CONSOLE / "templates").glob("*.html")):
        with path.open("rb") as file:
            for _, function, message, _ in babel_extract(file, ("_", "gettext", "ngettext"), (), options):
                words = [message] if isinstance(message, str) else [one for one in message or () if one is not None]
                if function == "ngettext":
                    yield words[0], words[1]
                elif words:  # none where it is put together
                    yield words[0]
    for path in sorted(CONSOLE.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                yield from _said(node)
    for module in pkgutil.iter_modules(console.__path__):
        yield from getattr(import_module(f"fieldserve.console.{module.name}"), "TEXTS", ())
    yield from job._TOLD.values()
    yield from filter(None, sign_in._SAYS.values())
    yield from (section[0] for section in pages.SECTIONS)
    yield from (status.replace("_", " ").capitalize() for status in (*JOB_STATUSES, "ACTIVE"))
    yield from (one.value.capitalize() for one in ReservationType)
    yield from (*plans.FIGURES, *plans.CHANGES.values())
    yield from (one.capitalize() for one in PlanStatus.__args__)  # type: ignore[attr-defined]
    yield from ROLES
    yield from (f"against: {one.replace('_', ' ').lower()}" for one in Mismatch.__args__)  # type: ignore[attr-defined]


def _values(text: str) -> list[str]:
    return sorted(re.findall(r"%\(\w+\)[sd]|%s", text))


def _said(node: ast.Call) -> Iterator[Key]:
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    words = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    if name == "text" and words:
        yield words[0]
    if name == "texts" and len(words) > 1:
        yield words[0], words[1]
    if name in ("Refused", "_refusal") and words:
        yield words[-1]


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"en"}))
def test_every_text_is_there(language: str) -> None:
    """Each text has a translation, which takes the same values; none is left over."""
    known: dict[Any, Any] = {}
    for path in (CONSOLE / "locale" / language).glob("*.po"):
        with path.open("rb") as file:
            catalogue = {message.id: message.string for message in read_po(file, locale=language) if message.id}
        assert not set(catalogue) & set(known), f"{path.name} says again what stands in another catalogue"
        known |= catalogue
    said = set(texts())
    assert {one for one in said if not known.get(one)} == set()
    assert set(known) - said == set()
    for key, told in known.items():
        forms = zip(key, told or (), strict=True) if isinstance(key, tuple) else [(key, told)]
        for one, other in forms:
            assert _values(str(one)) == _values(str(other)), one


def test_templates_are_sound() -> None:
    """Every template can be compiled."""
    environment = jinja2.Environment(autoescape=True, extensions=["jinja2.ext.i18n"])
    for path in (CONSOLE / "templates").glob("*.html"):
        environment.parse(path.read_text("utf-8"))


class TestWords:
    """Dates, times and money as the reader has them; 29 March 2026, when clocks change in Berlin."""

    MOMENT = parse("2026-03-29T12:05:00Z")

    def words(self, locale: str) -> Words:
        return Words(locale, ZoneInfo("Europe/Berlin"))

    def test_times(self) -> None:
        """Two hours ahead of UTC in summer, by the clock of the zone, in the form of the place."""
        assert self.words("de_DE").time(self.MOMENT) == "14:05"
        assert self.words("en_US").time(self.MOMENT).replace("\u202f", " ") == "2:05 PM"
        assert self.words("en_GB").zone_name(self.MOMENT) == "CEST"

    def test_spans(self) -> None:
        """The day of the end is told where it is another."""
        words, hour = self.words("en_GB"), 3_600_000_000
        assert words.span(self.MOMENT, self.MOMENT + hour).endswith("14:05 – 15:05")
        assert words.span(self.MOMENT, self.MOMENT + 24 * hour).count("14:05") == 2

    def test_lengths(self) -> None:
        """Minutes, hours, from two days on days."""
        minute = 60_000_000
        words = self.words("en_GB")
        lengths = [words.length(minutes * minute) for minutes in (5, 60, 90, 2 * 1440)]
        assert lengths == ["5 min", "1 h", "1 h 30 min", "2 days"]

    def test_what_buyers_say(self) -> None:
        """Stars and a claim in a job's story, with their day, in the reader's language."""
        stars, claim = {"stars": 4, "date": "2026-03-29"}, {"claim": "GRANTED", "date": "2026-03-29"}
        assert re.fullmatch(r"4 of 5 stars · Sun\w* 29 Mar", job._more(stars, self.words("en_GB")))
        assert job._more(claim, self.words("de_DE")).startswith("Reklamation anerkannt · So")

    def test_money(self) -> None:
        """An amount with its currency, decimals exact."""
        assert self.words("de_DE").money("89.90", "EUR").replace("\xa0", " ") == "89,90 €"
        assert self.words("en_US").money("89.90", "USD") == "$89.90"

    @pytest.mark.parametrize(
        ("preferred", "header", "locale"),
        [
            ("", "", "en_GB"),
            ("", "en-US,en;q=0.9", "en_US"),
            ("", "de", "de_DE"),
            ("", "de-AT,de;q=0.9", "de_AT"),
            ("", "fr,es", "en_GB"),
            ("de", "en-US", "de_DE"),
            ("en", "de-DE", "en_GB"),
            ("xx", "de-DE", "de_DE"),
        ],
    )
    def test_negotiate(self, preferred: str, header: str, locale: str) -> None:
        """What the reader chose wins; then their browser's languages; then English."""
        assert negotiate(preferred, header) == locale

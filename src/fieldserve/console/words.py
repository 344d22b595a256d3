"""Languages: texts through gettext, dates, times and money as the reader writes them.

Texts stand in templates and pages in English; the catalogues in `locale/<language>/` have the others, each the texts
of one page, `pages.po` what several say. What has no translation shows in English.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from io import BytesIO
from zoneinfo import ZoneInfo

from babel import Locale, dates, negotiate_locale, numbers
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

from fieldserve.wire.times import EPOCH, MINUTE, Instant

LANGUAGES = {"en": "English", "de": "Deutsch"}
# English alone says nothing about the order of day and month; where a browser does not say, ISO's neighbours read best.
_LOCALES = {"en": "en_GB", "de": "de_DE"}
_OFFERED = ["en", "en_US", "en_GB", "en_AU", "en_CA", "en_IN", "de", "de_DE", "de_AT", "de_CH"]


@lru_cache
def translations(language: str) -> NullTranslations:
    """The texts of a language; English needs none."""
    folder = files("fieldserve.console") / "locale" / language
    if not folder.is_dir():
        return NullTranslations()
    first, *others = (_catalogue(source, language) for source in sorted(folder.iterdir(), key=lambda one: one.name))
    for other in others:
        first.merge(other)
    return first


def _catalogue(source: Traversable, language: str) -> Translations:
    compiled = BytesIO()
    with source.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return Translations(compiled)


def negotiate(preferred: str, header: str) -> str:
    """The locale for a reader: what they chose, or else the first of their browser's that we have."""
    asked = [part.partition(";")[0].strip().replace("-", "_") for part in header.split(",")]
    found = negotiate_locale([one for one in asked if one], _OFFERED) or "en"
    if preferred in LANGUAGES and found.partition("_")[0] != preferred:
        found = preferred
    return _LOCALES.get(found, found)


def local(instant: Instant, zone: ZoneInfo) -> datetime:
    """The instant on the clocks of a zone."""
    return (EPOCH + timedelta(microseconds=instant)).astimezone(zone)


def instant_of(moment: datetime) -> Instant:
    """The instant of a time that knows its zone."""
    return (moment.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Words:
    """How one reader is spoken to. Times are shown on the clocks of `zone`, a store's or a seller's."""

    locale_name: str
    zone: ZoneInfo

    @property
    def language(self) -> str:
        return self.locale_name.partition("_")[0]

    @property
    def locale(self) -> Locale:
        return Locale.parse(self.locale_name)

    def at(self, zone: str) -> "Words":
        """The same words on the clocks of another zone, by its IANA name."""
        return replace(self, zone=ZoneInfo(zone))

    def text(self, english: str, **values: object) -> str:
        """The text in the reader's language, with values put in."""
        told: str = translations(self.language).ugettext(english)
        return told % values if values else told

    def texts(self, singular: str, plural: str, count: int) -> str:
        """The text in the number that goes with the count, which is put in as `num`."""
        told: str = translations(self.language).ungettext(singular, plural, count)
        return told % {"num": count}

    def time(self, instant: Instant) -> str:
        """`14:05`, or `2:05 PM` where that is how it is written."""
        return dates.format_time(local(instant, self.zone), "short", locale=self.locale)

    def day(self, instant: Instant) -> str:
        """`Thu 26 Nov`, in the reader's order."""
        return self.short_date(local(instant, self.zone).date())

    def short_date(self, day: date) -> str:
        """A date as `Thu 26 Nov`, in the reader's order."""
        return dates.format_skeleton("EEEdMMM", day, locale=self.locale)

    def long_date(self, day: date) -> str:
        """A date with its weekday and year in full."""
        return dates.format_date(day, "full", locale=self.locale)

    def moment(self, instant: Instant) -> str:
        """Day and time."""
        return f"{self.day(instant)}, {self.time(instant)}"

    def span(self, start: Instant, end: Instant) -> str:
        """`Thu 26 Nov, 14:00 – 15:30`; the day of the end where it is another."""
        same = local(start, self.zone).date() == local(end, self.zone).date()
        return f"{self.moment(start)} – {self.time(end) if same else self.moment(end)}"

    def zone_name(self, instant: Instant) -> str:
        """What the zone is called then, such as `PST`; its offset where it has no short name."""
        return local(instant, self.zone).tzname() or ""

    def ago(self, instant: Instant, now: Instant) -> str:
        """`3 hours ago`, `in 5 minutes`."""
        return dates.format_timedelta(
            timedelta(microseconds=instant - now), add_direction=True, locale=self.locale, threshold=1
        )

    def length(self, microseconds: int) -> str:
        """`45 min`, `1 h 30 min`, from two days on whole days."""
        hours, minutes = divmod(round(microseconds / MINUTE), 60)
        if hours >= 48:
            return self.texts("%(num)d day", "%(num)d days", hours // 24)
        parts = [f"{hours} h"] if hours else []
        return " ".join([*parts, f"{minutes} min"] if minutes or not parts else parts)

    def money(self, amount: Decimal | float | str, currency: str) -> str:
        """An amount in its currency."""
        return numbers.format_currency(Decimal(str(amount)), currency, locale=self.locale)

    def number(self, value: float) -> str:
        """A number with the reader's separators."""
        return numbers.format_decimal(value, locale=self.locale)

    def share(self, share: float) -> str:
        """A share in percent, with a digit behind the point."""
        return numbers.format_percent(round(share, 3), locale=self.locale, decimal_quantization=False)

    def percent(self, share: float) -> str:
        """A share as a whole percentage."""
        return numbers.format_percent(share, locale=self.locale)

"""Who and what is in the demo world: two sellers with their stores, services and technicians. Nothing here is random.

Times of day are by the store's own clock, lengths in minutes, prices in the marketplace's currency.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from fieldserve.wire.jobs import ServiceLocationType
from fieldserve.wire.schedules import DayOfWeek
from fieldserve.wire.slots import SchedulingType
from fieldserve.wire.stores import WeeklyHours

WEEKDAYS: tuple[DayOfWeek, ...] = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY")
TUESDAY_ON: tuple[DayOfWeek, ...] = ("TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY")
WEEKEND_TOO: tuple[DayOfWeek, ...] = ("WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")

ShiftName = Literal["WEEK", "LATE_WEEK", "LATE_WEEK_BREAKS", "WEEKEND"]


@dataclass(frozen=True, slots=True)
class Shift:
    """When a technician works. Lunch is a gap in the schedule, or a reservation of type BREAK where `reserved`."""

    days: tuple[DayOfWeek, ...]
    opens: str
    closes: str
    lunch: tuple[str, str]
    reserved: bool

    @property
    def hours(self) -> tuple[WeeklyHours, ...]:
        """The schedule."""
        spans = [(self.opens, self.closes)]
        if not self.reserved:
            spans = [(self.opens, self.lunch[0]), (self.lunch[1], self.closes)]
        return tuple(WeeklyHours(opens=begin, closes=end, days_of_week=self.days) for begin, end in spans)


SHIFTS: dict[ShiftName, Shift] = {
    "WEEK": Shift(WEEKDAYS, "08:00", "17:00", ("12:00", "12:45"), False),
    "LATE_WEEK": Shift(TUESDAY_ON, "09:00", "18:00", ("13:00", "13:30"), False),
    "LATE_WEEK_BREAKS": Shift(TUESDAY_ON, "09:00", "18:00", ("13:00", "13:30"), True),
    "WEEKEND": Shift(WEEKEND_TOO, "08:30", "17:00", ("12:30", "13:00"), False),
}


@dataclass(frozen=True, slots=True)
class ServiceCast:
    """A service that a seller offers; `popularity` weighs how often it is ordered."""

    asin: str
    title: str
    minutes: int
    interval: int
    notice: int
    before: int
    after: int
    where: ServiceLocationType
    skills: tuple[str, ...]
    price: Decimal
    item: str
    popularity: int


@dataclass(frozen=True, slots=True)
class TechnicianCast:
    """A technician of the store that it is listed under and `also` of others; `away` is how far from it, in degrees.

    `late` and `over` are the shares of their visits that begin too late, and that take longer than planned."""

    name: str
    skills: tuple[str, ...]
    shift: ShiftName
    away: tuple[float, float]
    also: tuple[str, ...] = ()
    registered: bool = True
    checked: bool = True
    late: float = 0.06
    over: float = 0.07


@dataclass(frozen=True, slots=True)
class StoreCast:
    """A store; `demand` weighs how many orders it gets."""

    store_id: str
    name: str
    time_zone: str
    type: SchedulingType
    latitude: float
    longitude: float
    demand: int
    city: str
    region: str
    country: str
    postal: str
    streets: tuple[str, ...]
    hours: tuple[WeeklyHours, ...]
    technicians: tuple[TechnicianCast, ...]


@dataclass(frozen=True, slots=True)
class SellerCast:
    """A seller. `first` and `last` are the names that its buyers have."""

    seller_id: str
    name: str
    marketplace_id: str
    currency: str
    instruments: tuple[str, ...]
    services: tuple[ServiceCast, ...]
    stores: tuple[StoreCast, ...]
    first: tuple[str, ...]
    last: tuple[str, ...]


def _hours(capacity: int, on_saturday: int, on_sunday: int = 0) -> tuple[WeeklyHours, ...]:
    hours = [WeeklyHours(opens="08:00", closes="18:00", days_of_week=WEEKDAYS, capacity=capacity)]
    hours.append(WeeklyHours(opens="09:00", closes="17:00", days_of_week=("SATURDAY",), capacity=on_saturday))
    if on_sunday:
        hours.append(WeeklyHours(opens="10:00", closes="16:00", days_of_week=("SUNDAY",), capacity=on_sunday))
    return tuple(hours)


_SCREENS = ("TV_MOUNTING", "HOME_THEATER", "SMART_HOME")
_HANDS = ("FURNITURE_ASSEMBLY", "HEAVY_LIFTING", "TV_MOUNTING")
_TRADES = ("PLUMBING", "ELECTRICAL", "APPLIANCE_INSTALLATION", "SMART_HOME")
_WHEELS = ("TIRE_FITTING", "FURNITURE_ASSEMBLY")
_ALL_HANDS = (*_HANDS, "HOME_THEATER", "APPLIANCE_INSTALLATION", "PLUMBING")

NORTHGATE = SellerCast(
    seller_id="ANORTHGATEDEMO",
    name="Northgate Home Services",
    marketplace_id="ATVPDKIKX0DER",
    currency="USD",
    instruments=("CREDIT_CARD", "CREDIT_CARD", "GIFT_CARD"),
    services=(
        ServiceCast(
            "B0TVMOUNT1",
            "TV wall mounting, up to 55 inches",
            60,
            30,
            120,
            0,
            30,
            "IN_HOME",
            ("TV_MOUNTING",),
            Decimal("119.00"),
            "43-inch television",
            24,
        ),
        ServiceCast(
            "B0TVMOUNT2",
            "TV wall mounting with soundbar, 56 inches and more",
            90,
            30,
            120,
            0,
            30,
            "IN_HOME",
            ("TV_MOUNTING", "HOME_THEATER"),
            Decimal("189.00"),
            "65-inch television",
            14,
        ),
        ServiceCast(
            "B0FURNITUR",
            "Furniture assembly, one piece",
            90,
            30,
            120,
            0,
            30,
            "IN_HOME",
            ("FURNITURE_ASSEMBLY",),
            Decimal("84.50"),
            "Bookcase with five shelves",
            26,
        ),
        ServiceCast(
            "B0FITNESS1",
            "Treadmill or exercise bike assembly",
            120,
            60,
            240,
            0,
            30,
            "IN_HOME",
            ("FURNITURE_ASSEMBLY", "HEAVY_LIFTING"),
            Decimal("139.00"),
            "Folding treadmill",
            10,
        ),
        ServiceCast(
            "B0DISHWASH",
            "Dishwasher installation",
            150,
            60,
            1440,
            15,
            30,
            "IN_HOME",
            ("PLUMBING", "APPLIANCE_INSTALLATION"),
            Decimal("214.90"),
            "24-inch dishwasher",
            9,
        ),
        ServiceCast(
            "B0SMARTHOM",
            "Smart thermostat installation",
            60,
            30,
            120,
            0,
            20,
            "IN_HOME",
            ("ELECTRICAL", "SMART_HOME"),
            Decimal("129.00"),
            "Smart thermostat",
            12,
        ),
        ServiceCast(
            "B0TIREFIT4",
            "Tire fitting and balancing, set of four",
            60,
            30,
            120,
            0,
            15,
            "IN_STORE",
            ("TIRE_FITTING",),
            Decimal("96.00"),
            "All-season tires, set of four",
            18,
        ),
    ),
    stores=(
        StoreCast(
            "store-brooklyn",
            "Northgate Brooklyn",
            "America/New_York",
            "REAL_TIME_SCHEDULING",
            40.6782,
            -73.9442,
            30,
            "Brooklyn",
            "NY",
            "US",
            "112{:02d}",
            ("Bergen Street", "Carroll Street", "Dean Street", "Myrtle Avenue", "Nostrand Avenue", "Union Street"),
            _hours(4, 2),
            (
                TechnicianCast("Amara Osei", _SCREENS, "WEEK", (0.021, -0.034)),
                TechnicianCast("Daniel Kowalski", _ALL_HANDS, "WEEK", (-0.045, 0.012)),
                TechnicianCast("Grace Liu", _TRADES, "LATE_WEEK", (0.060, 0.041)),
                TechnicianCast("Hector Ramos", _WHEELS, "LATE_WEEK_BREAKS", (-0.018, -0.052), late=0.24),
                TechnicianCast("Ines Duarte", ("TV_MOUNTING", "HOME_THEATER", *_TRADES), "WEEK", (0.037, 0.070)),
            ),
        ),
        StoreCast(
            "store-chicago",
            "Northgate Chicago",
            "America/Chicago",
            "REAL_TIME_SCHEDULING",
            41.8781,
            -87.6298,
            26,
            "Chicago",
            "IL",
            "US",
            "606{:02d}",
            ("Ashland Avenue", "Clark Street", "Damen Avenue", "Halsted Street", "Kedzie Avenue", "Western Avenue"),
            _hours(5, 3),
            (
                TechnicianCast("Jerome Whitfield", (*_SCREENS, "FURNITURE_ASSEMBLY"), "WEEK", (0.033, -0.041)),
                TechnicianCast("Kate Sullivan", _ALL_HANDS, "LATE_WEEK", (-0.052, -0.022)),
                TechnicianCast("Luis Herrera", _TRADES, "WEEK", (0.071, -0.018), late=0.34, over=0.25),
                TechnicianCast("Mona Haddad", _WHEELS, "WEEK", (-0.027, -0.066)),
                TechnicianCast("Noah Berg", _HANDS, "LATE_WEEK_BREAKS", (0.048, -0.073), checked=False),
            ),
        ),
        StoreCast(
            "store-los-angeles",
            "Northgate Los Angeles",
            "America/Los_Angeles",
            "NON_REAL_TIME_SCHEDULING",
            34.0522,
            -118.2437,
            20,
            "Los Angeles",
            "CA",
            "US",
            "900{:02d}",
            ("Fairfax Avenue", "Figueroa Street", "Hope Street", "Olympic Boulevard", "Vermont Avenue"),
            _hours(3, 2, 2),
            (
                TechnicianCast("Olivia Tran", (*_SCREENS, "FURNITURE_ASSEMBLY"), "WEEKEND", (0.042, 0.031)),
                TechnicianCast("Pedro Alvarez", _ALL_HANDS, "WEEK", (-0.058, 0.044)),
                TechnicianCast("Quinn Foster", _TRADES, "WEEK", (0.025, -0.080), over=0.35),
                TechnicianCast("Rosa Medina", (*_WHEELS, "HEAVY_LIFTING"), "WEEKEND", (-0.033, -0.029)),
            ),
        ),
    ),
    first=(
        "Alice",
        "Ben",
        "Carla",
        "David",
        "Elena",
        "Frank",
        "Gina",
        "Henry",
        "Isabel",
        "Jack",
        "Karen",
        "Leo",
        "Maria",
        "Nathan",
        "Olga",
        "Paul",
        "Rita",
        "Sam",
        "Tina",
        "Victor",
    ),
    last=(
        "Adams",
        "Brooks",
        "Castillo",
        "Dawson",
        "Ellis",
        "Flores",
        "Garcia",
        "Hughes",
        "Ingram",
        "Jordan",
        "Keller",
        "Lopez",
        "Morris",
        "Nguyen",
        "Ortiz",
        "Parker",
        "Reyes",
        "Sanders",
        "Turner",
        "Walsh",
    ),
)

RHEINWERK = SellerCast(
    seller_id="ARHEINWERKDEMO",
    name="Rheinwerk Montage GmbH",
    marketplace_id="A1PA6795UKMFR9",
    currency="EUR",
    instruments=("BANK_TRANSFER", "CREDIT_CARD", "CREDIT_CARD"),
    services=(
        ServiceCast(
            "B0TVWANDDE",
            "TV-Wandmontage bis 65 Zoll",
            90,
            30,
            120,
            0,
            30,
            "IN_HOME",
            ("TV_MOUNTING",),
            Decimal("109.00"),
            "Fernseher, 55 Zoll",
            22,
        ),
        ServiceCast(
            "B0MOEBELDE",
            "Möbelmontage, ein Möbelstück",
            120,
            30,
            120,
            0,
            30,
            "IN_HOME",
            ("FURNITURE_ASSEMBLY",),
            Decimal("94.90"),
            "Kleiderschrank mit drei Türen",
            26,
        ),
        ServiceCast(
            "B0SPUELEDE",
            "Einbau einer Spülmaschine",
            150,
            60,
            1440,
            15,
            30,
            "IN_HOME",
            ("PLUMBING", "APPLIANCE_INSTALLATION"),
            Decimal("149.00"),
            "Einbau-Geschirrspüler, 60 cm",
            12,
        ),
        ServiceCast(
            "B0REIFENDE",
            "Reifenwechsel, vier Räder",
            45,
            15,
            120,
            0,
            15,
            "IN_STORE",
            ("TIRE_FITTING",),
            Decimal("59.90"),
            "Winterreifen, vier Stück",
            24,
        ),
        ServiceCast(
            "B0WALLBXDE",
            "Installation einer Wallbox",
            240,
            60,
            2880,
            0,
            30,
            "IN_HOME",
            ("ELECTRICAL", "EV_CHARGER"),
            Decimal("549.00"),
            "Wallbox, 11 kW",
            5,
        ),
    ),
    stores=(
        StoreCast(
            "store-berlin",
            "Rheinwerk Berlin",
            "Europe/Berlin",
            "REAL_TIME_SCHEDULING",
            52.5200,
            13.4050,
            30,
            "Berlin",
            "BE",
            "DE",
            "10{:03d}",
            ("Danziger Straße", "Frankfurter Allee", "Kantstraße", "Leipziger Straße", "Oranienstraße", "Torstraße"),
            _hours(5, 3),
            (
                TechnicianCast("Anja Vogel", ("TV_MOUNTING", "FURNITURE_ASSEMBLY"), "WEEK", (0.025, 0.048)),
                TechnicianCast(
                    "Bülent Aydin",
                    ("FURNITURE_ASSEMBLY", "PLUMBING", "APPLIANCE_INSTALLATION"),
                    "WEEK",
                    (-0.041, 0.022),
                ),
                TechnicianCast(
                    "Christoph Brandt", ("ELECTRICAL", "EV_CHARGER", "TV_MOUNTING"), "LATE_WEEK", (0.052, -0.060)
                ),
                TechnicianCast(
                    "Dunja Petrović", ("TIRE_FITTING", "FURNITURE_ASSEMBLY"), "LATE_WEEK_BREAKS", (-0.030, -0.045)
                ),
                TechnicianCast("Emil Schneider", ("TIRE_FITTING", "TV_MOUNTING"), "WEEK", (0.061, 0.018), late=0.30),
                TechnicianCast(
                    "Fatma Yıldız",
                    ("PLUMBING", "APPLIANCE_INSTALLATION", "ELECTRICAL", "EV_CHARGER"),
                    "WEEK",
                    (-0.055, 0.071),
                    ("store-potsdam",),
                ),
            ),
        ),
        StoreCast(
            "store-potsdam",
            "Rheinwerk Potsdam",
            "Europe/Berlin",
            "NON_REAL_TIME_SCHEDULING",
            52.3906,
            13.0645,
            16,
            "Potsdam",
            "BB",
            "DE",
            "144{:02d}",
            ("Brandenburger Straße", "Charlottenstraße", "Kurfürstenstraße", "Lindenstraße", "Zeppelinstraße"),
            _hours(3, 2),
            (
                TechnicianCast("Georg Huber", ("TV_MOUNTING", "FURNITURE_ASSEMBLY"), "WEEK", (0.020, -0.030)),
                TechnicianCast(
                    "Hanna Wagner", ("FURNITURE_ASSEMBLY", "TIRE_FITTING"), "LATE_WEEK_BREAKS", (-0.036, 0.027)
                ),
                TechnicianCast(
                    "Ivo Novák", ("PLUMBING", "APPLIANCE_INSTALLATION", "TIRE_FITTING"), "WEEK", (0.044, 0.050)
                ),
                TechnicianCast(
                    "Jana Steiner", ("TV_MOUNTING", "FURNITURE_ASSEMBLY"), "LATE_WEEK", (0.015, 0.062), registered=False
                ),
            ),
        ),
    ),
    first=(
        "Anna",
        "Bernd",
        "Clara",
        "Dieter",
        "Eva",
        "Florian",
        "Greta",
        "Hans",
        "Ida",
        "Jonas",
        "Katrin",
        "Lukas",
        "Mia",
        "Nils",
        "Ottilie",
        "Peter",
        "Renate",
        "Stefan",
        "Tanja",
        "Uwe",
    ),
    last=(
        "Albrecht",
        "Becker",
        "Conrad",
        "Dietrich",
        "Engel",
        "Fischer",
        "Gruber",
        "Hoffmann",
        "Iversen",
        "Jansen",
        "König",
        "Lehmann",
        "Maier",
        "Neumann",
        "Otto",
        "Pichler",
        "Richter",
        "Schulz",
        "Thiel",
        "Weber",
    ),
)

SELLERS = (NORTHGATE, RHEINWERK)

"""The agents, companies and customers of the sample.

Customers are a function of the seed and their number, so no list of them is kept in memory. Their names come
from Faker, their addresses are made of the name and end in example.com or example.org.
"""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from faker import Faker

from otrs2intercom.sample.dice import Dice

LOCALES: Final = ("en_US", "de_DE", "fr_FR", "es_ES", "ja_JP", "pl_PL", "en_GB")
_LANGUAGE_OF: Final = {"en": "en", "de": "de", "fr": "fr", "es": "es", "ja": "ja", "pl": "en"}
_COUNTRIES: Final = {
    "en_US": "USA",
    "de_DE": "Deutschland",
    "fr_FR": "France",
    "es_ES": "España",
    "ja_JP": "日本",
    "pl_PL": "Polska",
    "en_GB": "United Kingdom",
}
_POOL: Final = 150
_LAST_OF_BASIC_PLANE: Final = 0xFFFF
_BROKEN_PHONES: Final = (
    "ask reception",
    "0049 (0)30 / 901820-0 oder -17",
    "12",
    "+49 30 ????",
    "n/a",
    "tel: 030-901820, fax: 030-901821",
)
_UMLAUTS: Final = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ł": "l", "Ł": "L", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"}
)


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent; `email` is None where there is no preference UserEmail (OTRS then takes the login)."""

    id: int
    login: str
    title: str
    first_name: str
    last_name: str
    email: str | None
    valid_id: int
    groups: tuple[int, ...]

    @property
    def full_name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"

    @property
    def sender(self) -> str:
        """The From line of notes and calls."""
        return f'"{self.full_name}" <{self.email or self.login}>'


AGENTS: Final = (
    Agent(1, "root@localhost", "", "Admin", "OTRS", None, 1, (1, 2, 3)),
    Agent(2, "aschmidt", "Dr.", "Anna", "Schmidt", "anna.schmidt@example.com", 1, (1, 2)),
    Agent(3, "bmiller", "", "Bob", "Miller", "bob.miller@example.com", 1, (1,)),
    Agent(4, "jmueller", "", "Jürgen", "Müller-Lüdenscheidt", "Juergen.Mueller@example.com", 1, (1, 4)),
    Agent(5, "slee", "", "Soo-jin", "李", "soojin.lee@example.com", 1, (1, 3)),
    Agent(7, "left.2025", "", "Lena", "Links", "lena.links@example.com", 2, (1,)),
    Agent(8, "nomail", "", "Norbert", "Ohnemail", None, 1, (1,)),
    Agent(9, "oconnor", "", "Siobhan", "O'Connor", "siobhan.oconnor@example.org", 1, (1, 4)),
)
"""Root, who does everything automatic, and seven people. Number 6 was deleted; 7 left and is invalid."""

LEAVER: Final = 7
AGENT_BY_ID: Final = {agent.id: agent for agent in AGENTS}
WORKING_AGENTS: Final = tuple(agent for agent in AGENTS if agent.id not in {1, LEAVER})


@dataclass(frozen=True, slots=True)
class Company:
    """A row of `customer_company`."""

    customer_id: str
    name: str
    street: str
    zip_code: str
    city: str
    country: str
    url: str
    valid_id: int


@dataclass(frozen=True, slots=True)
class Customer:
    """A row of `customer_user`, with those that hang on it.

    Attributes:
        extra_company: of `customer_user_customer`.
        preferences: of `customer_preferences`.
        services: ids, of `service_customer_user`.
    """

    number: int
    login: str
    email: str
    customer_id: str
    title: str
    first_name: str
    last_name: str
    phone: str | None
    fax: str | None
    mobile: str | None
    street: str
    zip_code: str
    city: str
    country: str
    language: str
    locale: str
    valid_id: int
    extra_company: str | None
    preferences: tuple[tuple[str, str], ...]
    services: tuple[int, ...]

    @property
    def sender(self) -> str:
        """The From line of this person's mails."""
        return f'"{self.first_name} {self.last_name}" <{self.email}>'


@dataclass(frozen=True, slots=True)
class _Pool:
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    latin_names: tuple[str, ...]
    companies: tuple[str, ...]
    streets: tuple[str, ...]
    cities: tuple[str, ...]
    zips: tuple[str, ...]
    phones: tuple[str, ...]


class People:
    """All companies and customers of one sample.

    Args:
        seed: the seed of the sample.
        customers: how many rows `customer_user` has.
        companies: how many rows `customer_company` has.
    """

    def __init__(self, seed: int, customers: int, companies: int) -> None:
        self.seed = seed
        self.customers = customers
        self.companies = companies
        self._pools = {locale: _pool(locale, seed) for locale in LOCALES}
        self.customer = lru_cache(maxsize=4096)(self._customer)

    def company(self, number: int) -> Company:
        """Return company 0 to `companies` - 1."""
        dice = Dice(f"{self.seed}/company/{number}")
        locale = LOCALES[number % len(LOCALES)]
        pool = self._pools[locale]
        name = pool.companies[number // len(LOCALES) % len(pool.companies)]
        if number >= len(LOCALES):
            name = f"{name} {number}"  # the name is unique, on MySQL whatever the case and accents
        place = dice.randrange(_POOL)
        return Company(
            customer_id=self.company_id(number),
            name=name[:200],
            street=pool.streets[place],
            zip_code=pool.zips[place],
            city=pool.cities[place],
            country=_COUNTRIES[locale],
            url=f"https://www.example.com/{number}" if number % 3 else "",
            valid_id=2 if number % 9 == 4 else 1,  # noqa: PLR2004 - any ninth company
        )

    @staticmethod
    def company_id(number: int) -> str:
        """Return the CustomerID: a number as most have it, a word for every fourth."""
        return f"FIRMA-{number}" if number % 4 == 3 else str(10000 + number)  # noqa: PLR2004

    def _customer(self, number: int) -> Customer:
        dice = Dice(f"{self.seed}/customer/{number}")
        case = number % 20
        company = dice.randrange(self.companies)
        locale = LOCALES[company % len(LOCALES)]
        pool = self._pools[locale]
        first, last = dice.choice(pool.first_names), dice.choice(pool.last_names)
        slug = _slug(f"{first}.{last}") or _slug(dice.choice(pool.latin_names)) or "user"
        email = f"{slug}.{number}@example.{'org' if number % 4 == 1 else 'com'}"
        login = email if number % 6 == 0 else f"{slug}{number}"
        customer_id = self.company_id(company)
        extra = None
        phone: str | None = dice.choice(pool.phones)
        place = dice.randrange(_POOL)
        if case == 3:  # noqa: PLR2004 - the cases are numbered, the comment says which it is
            customer_id = email  # no company: the address is the CustomerID, as in a set-up without companies
        elif case == 7:  # noqa: PLR2004
            other = self.customer(number - 1)  # a second login of the same person
            local, _, domain = other.email.partition("@")
            email = f"{local.title()}@{domain}"
            first, last, customer_id = other.first_name, other.last_name, other.customer_id
        elif case == 9:  # noqa: PLR2004
            extra = self.company_id((company + 1) % self.companies)
        elif case == 13:  # noqa: PLR2004
            customer_id = f"OLD-{number}"  # a company that isn't in customer_company
        elif case == 17:  # noqa: PLR2004
            phone = ""
        language = _LANGUAGE_OF[locale[:2]]
        preferences = [("UserLanguage", language)]
        if case == 9:  # noqa: PLR2004
            preferences += [("UserTimeZone", "Asia/Tokyo"), ("UserRefreshTime", "5")]
        elif case == 10:  # noqa: PLR2004
            preferences += [("UserToken", "never-to-leave"), ("UserShowTickets", "")]
        if case in {5, 15}:
            phone = _BROKEN_PHONES[number // 10 % len(_BROKEN_PHONES)]
        return Customer(
            number=number,
            login=login,
            email=email,
            customer_id=customer_id,
            title="Dr." if case == 1 else "",
            first_name=first,
            last_name=last,
            phone=phone,
            fax=pool.phones[place] if case in {2, 17} else None,
            mobile=dice.choice(pool.phones) if case % 4 == 0 else None,
            street=pool.streets[place],
            zip_code=pool.zips[place],
            city=pool.cities[place],
            country=_COUNTRIES[locale],
            language=language,
            locale=locale,
            valid_id=2 if case == 11 else 1,  # noqa: PLR2004
            extra_company=extra,
            preferences=tuple(preferences),
            services=(3,) if case in {6, 12} else (),
        )


def _pool(locale: str, seed: int) -> _Pool:
    fake = Faker(locale)
    fake.seed_instance(f"{seed}/{locale}")
    latin = getattr(fake, "romanized_name", fake.name)
    return _Pool(
        first_names=tuple(_bmp(fake.first_name()) for _ in range(_POOL)),
        last_names=tuple(_bmp(fake.last_name()) for _ in range(_POOL)),
        latin_names=tuple(_bmp(latin()) for _ in range(_POOL)),
        companies=tuple(dict.fromkeys(_bmp(fake.company()) for _ in range(60))),
        streets=tuple(_bmp(fake.street_address()) for _ in range(_POOL)),
        cities=tuple(_bmp(fake.city()) for _ in range(_POOL)),
        zips=tuple(fake.postcode() for _ in range(_POOL)),
        phones=tuple(fake.phone_number() for _ in range(_POOL)),
    )


def _bmp(text: str) -> str:
    """OTRS <= 6 on MySQL replaces what is beyond the basic plane; so such text can't be in its database."""
    return "".join(char if ord(char) <= _LAST_OF_BASIC_PLANE else "\ufffd" for char in text).replace("\n", ", ")


def _slug(name: str) -> str:
    ascii_name = unicodedata.normalize("NFKD", name.translate(_UMLAUTS)).encode("ascii", "ignore").decode()
    return "".join(char for char in ascii_name.lower().replace(" ", ".") if char.isalnum() or char == ".").strip(".")

"""How long the makers of OTRS, Znuny and OTOBO fix security holes of a version.

A dated table: it says when and where each line was read, and what is not known is said to be unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

_CE_END = "2020-12-31"
_BEFORE_CE = "at the latest, when ((OTRS)) Community Edition 6 ended; the exact day is not verified"
_BEFORE_65 = "at the latest, with the release of 6.5 LTS; the exact day is not verified"
_ZNUNY = "endoflife.date/znuny, read in November 2026"
_OTOBO = "endoflife.date/otobo, read in November 2026"

SUPPORT: Mapping[tuple[str, str], tuple[str | None, str]] = {
    ("OTRS", "3"): (_CE_END, _BEFORE_CE),
    ("OTRS", "4"): (_CE_END, _BEFORE_CE),
    ("OTRS", "5"): (_CE_END, _BEFORE_CE),
    ("OTRS", "6"): (_CE_END, "((OTRS)) Community Edition 6: end of life at the end of December 2020 (README of Znuny)"),
    ("Znuny", "6.0"): ("2023-03-28", _ZNUNY),
    ("Znuny", "6.1"): ("2023-03-28", _BEFORE_65),
    ("Znuny", "6.2"): ("2023-03-28", _BEFORE_65),
    ("Znuny", "6.3"): ("2023-03-28", _BEFORE_65),
    ("Znuny", "6.4"): ("2023-03-28", _BEFORE_65),
    ("Znuny", "6.5"): (
        None,
        (
            f"long-term support, ends six months after the next long-term release; none announced ({_ZNUNY}); "
            "6.5.25 of 2026-09-16 fixed security holes"
        ),
    ),
    ("Znuny", "7.0"): ("2024-07-23", _ZNUNY),
    ("Znuny", "7.1"): ("2025-08-19", _ZNUNY),
    ("Znuny", "7.2"): ("2026-03-25", _ZNUNY),
    ("Znuny", "7.3"): (None, f"a feature release, supported until the next one; no end announced ({_ZNUNY})"),
    ("OTOBO", "10.0"): ("2026-01-01", _OTOBO),
    ("OTOBO", "10.1"): (None, f"no end announced ({_OTOBO})"),
    ("OTOBO", "11"): (None, f"no end announced ({_OTOBO})"),
}
"""Last day of security fixes by product and beginning of the version, with where it was read."""


@dataclass(frozen=True)
class Support:
    """How long a version gets security fixes from its maker.

    Attributes:
        status: `ended`, `supported` or `unknown`.
        ends: last day, `YYYY-MM-DD`, where one is known.
        note: what is known, and where from.
    """

    status: str
    ends: str | None
    note: str


def support_of(product: str, version: str, today: date) -> Support:
    """Say how long a version gets security fixes.

    Args:
        product: OTRS, Znuny or OTOBO.
        version: as `detect` found it, perhaps `6.4 or 6.5`.
        today: the day to compare with.
    """
    versions = version.split(" or ")
    known = [SUPPORT[key] for part in versions if (key := _key(product, part))]
    if len(known) < len(versions):
        minor = [f"{key[1]}: {_told(*answer)}" for key, answer in SUPPORT.items() if _is_minor(key, product, version)]
        told = f". {'; '.join(minor)}" if minor else ": ask its maker"
        return Support("unknown", None, f"nothing is known here about {product} {version}{told}")
    if len(set(known)) > 1:
        told = "; ".join(f"{part}: {_told(*answer)}" for part, answer in zip(versions, known, strict=True))
        return Support("unknown", None, f"the database does not tell which of them it is. {told}")
    ends, note = known[0]
    is_over = ends is not None and date.fromisoformat(ends) < today
    return Support("ended" if is_over else "supported", ends, note)


def _key(product: str, version: str) -> tuple[str, str] | None:
    parts = version.split(".")
    keys = ((product, ".".join(parts[:length])) for length in (2, 1))
    return next((key for key in keys if key in SUPPORT), None)


def _is_minor(key: tuple[str, str], product: str, version: str) -> bool:
    return key[0] == product and key[1].startswith(f"{version}.")


def _told(ends: str | None, note: str) -> str:
    return f"ended {ends}" if ends else note

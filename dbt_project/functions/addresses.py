"""Mail addresses and phone numbers, as people wrote them."""

from collections.abc import Mapping
from email.utils import getaddresses
from functools import lru_cache
from inspect import signature
from typing import Any

import phonenumbers
from phonenumbers.geodata.locale import LOCALE_DATA

_LENIENT: Mapping[str, Any] = {"strict": False} if "strict" in signature(getaddresses).parameters else {}
"""Security releases of Python (3.11.10, 3.12.5) refuse lines that people do write, and know this argument."""


def last_address(header: str | None) -> Mapping[str, Any]:
    """Answer `name` and `address` (lower case) of the last address of a From line.

    OTRS takes the last one as the customer when a From line names several.
    """
    if not header:
        return {}
    pairs = getaddresses([header], **_LENIENT)
    found = [(name, bare) for name, address in pairs if (bare := _bare(address))]
    if not found:
        return {}
    name, address = found[-1]
    return {"name": name or None, "address": address.lower()}


def _bare(address: str) -> str:
    """Return the address without words that stand before it, empty where there is none."""
    last = (address.split() or [""])[-1]
    local, _, domain = last.rpartition("@")
    return last if local and domain else ""


def e164(raw: str | None, country: str | None = None, default_region: str | None = None) -> Mapping[str, Any]:
    """Answer `value`: the number in E.164, else null.

    With its country code a number need only be possible. Without one it is read as a number of the person's
    country and must be a valid one there: nobody would see a wrong guess.

    Args:
        raw: as it was written.
        country: as it was written: a code of ISO 3166 or a name in any language.
        default_region: code of the country to assume where none was written; empty for none.
    """
    if not raw or not raw.strip():
        return {}
    text = raw.strip()
    text = "+" + text[2:] if text.startswith("00") else text
    written = (country or "").strip()
    region = region_of(written) if written else default_region or None
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        return {"error": str(error)}
    if not phonenumbers.is_possible_number(number):
        return {"error": "not a possible number of that country"}
    if not text.startswith("+") and not phonenumbers.is_valid_number(number):
        return {"error": "not a valid number of that country"}
    return {"value": phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)}


def region_of(country: str) -> str | None:
    """Return the ISO 3166 code of a country given as such a code or by its name; None when it is not clear."""
    return _regions().get(country.strip().casefold())


@lru_cache(maxsize=1)
def _regions() -> Mapping[str, str]:
    """Names of countries in all languages that phonenumbers has them in; a name of two countries is none."""
    named: dict[str, set[str]] = {}
    for region, names in LOCALE_DATA.items():
        named.setdefault(region.casefold(), set()).add(region)
        for name in names.values():
            # "*de" says: as in German
            if not name.startswith("*"):
                named.setdefault(name.casefold(), set()).add(region)
    return {name: regions.pop() for name, regions in named.items() if len(regions) == 1}

"""Mail addresses and phone numbers, as people wrote them."""

from collections.abc import Mapping
from email.utils import getaddresses
from inspect import signature
from typing import Any

import phonenumbers

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


def e164(raw: str | None) -> Mapping[str, Any]:
    """Answer `value`: the number in E.164 when it is written with its country code and possible, else null."""
    if not raw or not raw.strip():
        return {}
    text = raw.strip()
    text = "+" + text[2:] if text.startswith("00") else text
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException as error:
        return {"error": str(error)}
    if not phonenumbers.is_possible_number(number):
        return {"error": "not a possible number of that country"}
    return {"value": phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)}

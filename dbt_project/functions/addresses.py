"""Mail addresses and phone numbers, as people wrote them."""

from collections.abc import Mapping
from email.utils import getaddresses
from typing import Any

import phonenumbers


def last_address(header: str | None) -> Mapping[str, Any]:
    """Answer `name` and `address` (lower case) of the last address of a From line.

    OTRS takes the last one as the customer when a From line names several.
    """
    if not header:
        return {}
    found = [(name, address) for name, address in getaddresses([header], strict=False) if "@" in address]
    if not found:
        return {}
    name, address = found[-1]
    return {"name": name or None, "address": address.strip().lower()}


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

"""Takes out of a text what is a customer's or a secret, where the text comes from somebody else.

Intercom's messages may quote what was sent to it. They are kept in the ledger and shown, so what is quoted goes
first. What a message says itself stays readable: the names of fields, and the words that no value holds.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

MASK = "…"

_ADDRESS = re.compile(r"[^\s<>\"'/]+@[^\s<>\"'/]+")
_WORD = re.compile(r"\w{4,}")  # shorter ones are in every sentence
_LONG = re.compile(r"(?![0-9a-f-]{24,36}(?!\w)|[a-z_]+(?!\w))[^\s\"'<>(){}\[\],;:=]{24,}")
"""As tokens, files and addresses of pages are; no word of a sentence, and no id."""


def without_addresses(text: str) -> str:
    """Take out what looks like an address of a mailbox."""
    return _ADDRESS.sub(MASK, text) if "@" in text else text


def writable(text: str) -> str:
    """Put a question mark for what no file can hold: half of a character of two halves, as JSON may escape it."""
    return text.encode(errors="replace").decode()


def masked(text: str) -> str:
    """Take out what looks like an address, a token or an encoded file, whoever's it is, and what cannot be kept."""
    return _LONG.sub(MASK, without_addresses(writable(text)))


def without_values(text: str, payloads: Iterable[str]) -> str:
    """Take out every word that stands in a value of what was sent.

    Args:
        text: a message about it.
        payloads: what was sent, as JSON.
    """
    names: set[str] = set()
    words: set[str] = set()
    for payload in payloads:
        for name, value in _leaves(json.loads(payload)):
            names.update(_words(name))
            words.update(_words(value))
    hidden = words - names
    return _WORD.sub(lambda found: MASK if found.group().casefold() in hidden else found.group(), text)


def _words(text: str) -> Iterator[str]:
    return (word.casefold() for word in _WORD.findall(text))


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Each value with the name of its field."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, str(key))
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, name)
    elif not isinstance(value, bool) and value is not None:
        yield name, str(value)

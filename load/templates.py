"""Fills a payload's templates: ids that Intercom gave, texts around them, contents of files.

Only JSON objects of exactly these forms are templates; the plan makes them and a customer's text, being a
string, never is one:

    {"$ref": "contact/…"}            the Intercom id; "as": "integer" for a number, "default": … if there may be none
    {"$concat": ["text", {"$ref": …}]}
    {"$file": "<file key>"}          the content in base64

In a path, `{contact/…}` stands for the id.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from load.errors import TemplateError

Lookup = Callable[[str], str | None]
"""Object key to Intercom id; None when it has none."""

ReadFile = Callable[[str], str]
"""File key to its content in base64."""

_REF_FORMS = (
    {"$ref"},
    {"$ref", "as"},
    {"$ref", "default"},
    {"$ref", "as", "default"},
)
_IN_PATH = re.compile(r"\{([^{}]+)\}")


def is_template(value: Any) -> bool:
    """Whether a JSON value is one of the three forms."""
    if not isinstance(value, dict) or not value:
        return False
    if set(value) in _REF_FORMS:
        return isinstance(value["$ref"], str)
    if set(value) == {"$concat"}:
        return isinstance(value["$concat"], list)
    return set(value) == {"$file"} and isinstance(value["$file"], str)


def fill(value: Any, lookup: Lookup, read_file: ReadFile) -> Any:
    """Return the value with all templates filled.

    Raises:
        TemplateError: an object has no id and no default.
    """
    if is_template(value):
        if "$ref" in value:
            return _reference(value, lookup)
        if "$concat" in value:
            return "".join(str(fill(part, lookup, read_file)) for part in value["$concat"])
        return read_file(value["$file"])
    if isinstance(value, dict):
        return {name: fill(item, lookup, read_file) for name, item in value.items()}
    if isinstance(value, list):
        return [fill(item, lookup, read_file) for item in value]
    return value


def fill_path(path: str, lookup: Lookup) -> str:
    """Return the path with ids in it.

    Raises:
        TemplateError: an object has no id.
    """

    def id_of(match: re.Match[str]) -> str:
        found = lookup(match[1])
        if found is None:
            raise TemplateError(match[1])
        return found

    return _IN_PATH.sub(id_of, path)


def files(value: Any) -> Iterator[str]:
    """Yield the file keys that a payload names."""
    if is_template(value):
        if "$file" in value:
            yield value["$file"]
        elif "$concat" in value:
            for part in value["$concat"]:
                yield from files(part)
    elif isinstance(value, dict):
        for item in value.values():
            yield from files(item)
    elif isinstance(value, list):
        for item in value:
            yield from files(item)


def merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Join two payloads; where both name a value, the second's counts."""
    both = dict(first)
    for name, value in second.items():
        old = both.get(name)
        if isinstance(old, dict) and isinstance(value, dict) and not is_template(old) and not is_template(value):
            both[name] = merged(old, value)
        else:
            both[name] = value
    return both


def _reference(template: Mapping[str, Any], lookup: Lookup) -> Any:
    found = lookup(template["$ref"])
    if found is None:
        if "default" not in template:
            raise TemplateError(template["$ref"])
        return template["default"]
    return int(found) if template.get("as") == "integer" else found

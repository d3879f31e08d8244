"""Which properties Intercom's description declares for a request body.

Prism does not refuse a property that the description lacks, as no schema of it forbids more: a typing error
in an optional name would pass unseen. So what the loader sends is held against the declared names here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

Schema = dict[str, Any]


@cache
def read_description(path: Path) -> Schema:
    """Read an OpenAPI description (YAML), once per process: it takes seconds."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with path.open(encoding="utf-8") as file:
        description: Schema = yaml.load(file, Loader=loader)  # noqa: S506 - both are safe loaders
    return description


@dataclass(frozen=True)
class Declared:
    """What the description says about one place of a body: every schema that may apply there.

    ``allOf``, ``anyOf`` and ``oneOf`` are taken together: a name is declared as soon as one of them has it.
    """

    description: Schema
    schemas: tuple[Schema, ...]

    def names(self) -> set[str]:
        """Return the names of the properties declared here."""
        return {name for schema in self.schemas for name in schema.get("properties", {})}

    def takes_any_name(self) -> bool:
        """Return whether this is a free-form object, as ``custom_attributes`` are."""
        if any(schema.get("additionalProperties", False) is not False for schema in self.schemas):
            return True
        # An object without any named property is free-form, too, unless it says otherwise.
        return not self.names() and any(
            schema.get("type") == "object" and "additionalProperties" not in schema and not _branches(schema)
            for schema in self.schemas
        )

    def property(self, name: str) -> "Declared":
        """Return what is declared for a property; for one without a declaration, the free-form schemas."""
        named = [s["properties"][name] for s in self.schemas if name in s.get("properties", {})]
        free = [s["additionalProperties"] for s in self.schemas if "additionalProperties" in s]
        return _declared(self.description, named or [schema for schema in free if isinstance(schema, dict)])

    def items(self) -> "Declared":
        """Return what is declared for the items of a list."""
        return _declared(self.description, [s["items"] for s in self.schemas if isinstance(s.get("items"), dict)])


def declared_properties(description: Schema, method: str, path: str) -> Declared:
    """Return what is declared for the JSON body of an operation: nothing where it has no body.

    Args:
        description: as read by ``read_description``.
        method: such as ``POST``.
        path: as sent (``/conversations/17/reply``) or as described (``/conversations/{id}/reply``; the
            parameter's name does not matter).

    Raises:
        LookupError: the description has no such operation.
    """
    body = _resolved(description, _operation(description, method, path).get("requestBody", {}))
    content = body.get("content", {}).get("application/json", {})
    return _declared(description, [content.get("schema", {})])


def undeclared_keys(description: Schema, method: str, path: str, body: Any) -> list[str]:
    """Return each key of a request body that is not declared at its place, such as ``from.email``.

    Keys of list items are given once, as ``attachment_files[].size``. Free-form objects take any key.

    Raises:
        LookupError: the description has no such operation.
    """
    found = _undeclared(declared_properties(description, method, path), body, "")
    return sorted(dict.fromkeys(found))


def _undeclared(declared: Declared, value: Any, place: str) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _undeclared(declared.items(), item, f"{place}[]")
    elif isinstance(value, dict):
        names = declared.names()
        free = declared.takes_any_name()
        for name, inner in value.items():
            inner_place = f"{place}.{name}" if place else name
            inner_declared = declared.property(name)
            if name not in names and not free:
                yield inner_place
            elif name in names or inner_declared.schemas:
                yield from _undeclared(inner_declared, inner, inner_place)


def _declared(description: Schema, schemas: list[Schema]) -> Declared:
    found: dict[int, Schema] = {}
    pending = list(schemas)
    while pending:
        schema = _resolved(description, pending.pop(0))
        if id(schema) not in found:  # some schemas contain themselves
            found[id(schema)] = schema
            pending += _branches(schema)
    return Declared(description, tuple(found.values()))


def _branches(schema: Schema) -> list[Schema]:
    return [branch for word in ("allOf", "anyOf", "oneOf") for branch in schema.get(word, [])]


def _resolved(description: Schema, schema: Schema) -> Schema:
    while "$ref" in schema:
        target: Any = description
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target[step.replace("~1", "/").replace("~0", "~")]
        schema = target
    return schema


def _operation(description: Schema, method: str, path: str) -> Schema:
    steps = path.partition("?")[0].strip("/").split("/")
    candidates = [
        (sum(map(_is_parameter, described)), operations[method.lower()])
        for template, operations in description["paths"].items()
        if method.lower() in operations
        and len(described := template.strip("/").split("/")) == len(steps)
        and all(_is_parameter(a) or a == b for a, b in zip(described, steps, strict=True))
    ]
    if not candidates:
        raise LookupError(f"the description has no operation {method.upper()} {path}")
    # /conversations/search is an operation of its own, not a conversation called "search".
    operation: Schema = min(candidates, key=lambda candidate: candidate[0])[1]
    return operation


def _is_parameter(step: str) -> bool:
    return step.startswith("{") and step.endswith("}")

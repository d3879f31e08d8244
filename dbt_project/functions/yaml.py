"""YAML as OTRS writes it, for SQL to read as JSON.

OTRS leaves scalars bare where YAML 1.1 sees another type: `no: no` is the key "no", not false. So every scalar
stays the text that stands there.
"""

import json
from collections.abc import Mapping
from typing import Any

import yaml

MAX_NODES = 100_000
"""Nodes of one document, aliases written out: far above any setting of OTRS, far below what fills the memory."""


class _TooLargeError(ValueError):
    """Written out, the document would be larger than any that OTRS writes."""


def yaml_json(text: str | None) -> Mapping[str, Any]:
    """Answer `value`: the document as JSON text whose scalars are all texts; null for an empty one.

    A key that stands twice counts the last time; a key that is no scalar becomes its JSON text.
    """
    if not text or not text.strip():
        return {}
    try:
        node = yaml.compose(text, Loader=yaml.BaseLoader)
        budget = [MAX_NODES]
        return {"value": None if node is None else json.dumps(_plain(node, budget, ()), ensure_ascii=False)}
    except RecursionError:
        return {"error": "nested too deeply"}
    except (yaml.YAMLError, _TooLargeError) as error:
        return {"error": " ".join(str(error).split())[:500]}


def _plain(node: yaml.Node, budget: list[int], above: tuple[int, ...]) -> Any:
    """Return the node as texts, lists and dicts; `above` are the nodes that it stands in."""
    budget[0] -= 1
    if budget[0] < 0:
        raise _TooLargeError(f"more than {MAX_NODES} nodes")
    if id(node) in above:
        raise _TooLargeError("a node that holds itself")
    if isinstance(node, yaml.ScalarNode):
        return node.value
    inside = (*above, id(node))
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, budget, inside) for item in node.value]
    return {_key(key, budget, inside): _plain(value, budget, inside) for key, value in node.value}


def _key(node: yaml.Node, budget: list[int], above: tuple[int, ...]) -> str:
    plain = _plain(node, budget, above)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)

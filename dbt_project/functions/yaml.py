"""OTRS keeps configurations as YAML, written by Perl: scalars are read as the texts they are.

YAML 1.1 would read `no`, `on`, `1:30` and `2024-02-29` as something else than what OTRS wrote.
"""

import json
from collections.abc import Mapping
from typing import Any

import yaml


def yaml_json(text: str | None) -> Mapping[str, Any]:
    """Answer `value`: the document as JSON text, every scalar a string. Null where there is no document."""
    if text is None or not text.strip():
        return {}
    try:
        document = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - it makes nothing but texts, lists and maps
        return {"value": json.dumps(document, ensure_ascii=False)}
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:  # also what contains itself
        return {"error": f"{type(error).__name__}: {error}"[:500]}

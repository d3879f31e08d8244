"""Custom attributes: they must have been defined before, and values must be of their type.

Intercom REST 2.16: conversations refuse unknown names with `parameter_invalid`, "Conversation attribute 'x'
does not exist"; contacts since 2.0.
"""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from load.simulator import rules
from load.simulator.call import Call
from load.simulator.rules import invalid


def after_request(call: Call, model: str, known: Mapping[str, Any], *, must_exist: bool) -> dict[str, Any]:
    """The custom attributes of a contact or company after this request.

    Raises:
        Refusal: an attribute does not exist, or the value is of another type; 400.
    """
    sent = call.body.get("custom_attributes")
    if sent is None:
        return dict(known)
    if not isinstance(sent, dict):
        raise invalid("custom_attributes must be an object")
    kept = dict(known)
    for name, value in sent.items():
        row = call.row("select * from data_attributes where model = ? and name = ? and not archived", model, name)
        if row is None and must_exist:
            raise invalid(f"Custom attribute '{name}' does not exist")
        if value is None:
            kept.pop(name, None)
        elif row is None:
            kept[name] = value
        else:
            kept[name] = rules.attribute_value(name, row["data_type"], value, json.loads(row["options"]), call.options)
    return kept


def of_conversation(call: Call) -> dict[str, Any]:
    """The custom attributes that this request sets on a conversation; None removes one.

    Raises:
        Refusal: an attribute does not exist, exists twice, or the value is of another type; 400.
    """
    sent = call.body.get("custom_attributes")
    if sent is None:
        return {}
    if not isinstance(sent, dict):
        raise invalid("custom_attributes must be an object")
    return {name: _conversation_value(call, name, value) for name, value in sent.items()}


def _conversation_value(call: Call, name: str, value: Any) -> Any:
    found = call.rows("select * from conversation_attributes where name = ? and not archived", name)
    if not found:
        raise invalid(f"Conversation attribute '{name}' does not exist")
    if len(found) > 1:
        raise invalid(f"There are several conversation attributes named '{name}'")
    if value is None:
        return None
    return rules.attribute_value(name, found[0]["data_type"], value, _labels(found[0]), call.options)


def _labels(row: sqlite3.Row) -> list[str]:
    return [option["label"] for option in json.loads(row["options"]) if not option["archived"]]

"""Whatever loses something says so, in the model and in DECISIONS.md, under the same heading.

A column that loses something carries ``config: meta: {lossy: <heading>}``, or a list of headings; the section
``## Lossy mappings`` of DECISIONS.md has an entry ``### <heading>`` for each.
"""

import json
import re
from typing import Any

import pytest
from built_warehouse import ROOT, Built


@pytest.fixture(scope="module")
def lossy_columns(built: Built) -> dict[str, set[str]]:
    """Return the columns that lose something, by the heading that they name."""
    manifest = json.loads((built.project / "target" / "manifest.json").read_text(encoding="utf-8"))
    columns: dict[str, set[str]] = {}
    for node in manifest["nodes"].values():
        for column in node.get("columns", {}).values():
            for heading in headings_of(column):
                columns.setdefault(heading, set()).add(f"{node['name']}.{column['name']}")
    return columns


def headings_of(column: Any) -> list[str]:
    """Return the headings that a column names."""
    meta = {**(column.get("meta") or {}), **((column.get("config") or {}).get("meta") or {})}
    lossy = meta.get("lossy", [])
    return [lossy] if isinstance(lossy, str) else list(lossy)


@pytest.fixture(scope="module")
def entries() -> dict[str, str]:
    """Return the entries of the section, by their headings."""
    text = (ROOT / "DECISIONS.md").read_text(encoding="utf-8")
    section = re.search(r"^## Lossy mappings$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert section, "DECISIONS.md has no section ## Lossy mappings"
    parts = re.split(r"^### (.+)$", section[1], flags=re.MULTILINE)
    return dict(zip((heading.strip() for heading in parts[1::2]), parts[2::2], strict=True))


def test_every_lossy_column_has_its_decision(lossy_columns: dict[str, set[str]], entries: dict[str, str]) -> None:
    assert len(lossy_columns) > 5
    assert {heading: names for heading, names in lossy_columns.items() if heading not in entries} == {}


def test_every_decision_that_loses_something_is_tied_to_a_column(
    lossy_columns: dict[str, set[str]], entries: dict[str, str]
) -> None:
    assert entries.keys() - lossy_columns.keys() == set()


def test_every_entry_says_what_is_lost(entries: dict[str, str]) -> None:
    silent = [heading for heading, text in entries.items() if not re.search(r"(?i)\b(lost|loses?|loss|lossy)\b", text)]
    assert silent == []

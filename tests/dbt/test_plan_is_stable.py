"""What the plan says, and that it says the same for the same data."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from built_warehouse import ROOT, TEXT_LIKE_A_TEMPLATE, Built, change, rows

CLOCK = re.compile(
    r"\b(now|today|get_current_time(stamp)?|transaction_timestamp|random|uuid|gen_random_uuid)\s*\("
    r"|\bcurrent_(date|time|timestamp)\b|\blocaltime(stamp)?\b"
)


@pytest.mark.parametrize("column", ["payload", "on_conflict_payload"])
def test_hash_of_the_plan_changes_with_one_payload(column: str, built: Built, tmp_path: Path) -> None:
    warehouse = built.copy(tmp_path)
    before = rows(warehouse, "select plan_hash from intercom.plan_hash")
    change(
        warehouse,
        f'update intercom.requests set {column} = json_merge_patch({column}, \'{{"name": "Somebody else"}}\')'
        " where slot = (select min(slot) from intercom.requests where kind = 'contact.upsert')",
    )
    assert rows(warehouse, "select plan_hash from intercom.plan_hash") != before


def test_hash_of_the_plan_changes_with_the_order(built: Built, tmp_path: Path) -> None:
    warehouse = built.copy(tmp_path)
    before = rows(warehouse, "select plan_hash from intercom.plan_hash")
    change(
        warehouse,
        "update intercom.requests set position = position + 10 where slot ="
        " (select min(slot) from intercom.requests where kind = 'conversation.attribute')",
    )
    assert rows(warehouse, "select plan_hash from intercom.plan_hash") != before


def test_the_gate_names_the_plan_that_is_there(built: Built) -> None:
    assert rows(built.warehouse, "select passed, gate.plan_hash = now.plan_hash from reconciliation.gate"
                                 " cross join intercom.plan_hash as now") == [(True, True)]  # fmt: skip


def test_no_model_asks_for_the_time_or_throws_dice() -> None:
    asking = {
        str(path.relative_to(ROOT)): found.group()
        for path in [
            *(ROOT / "dbt_project" / "models").rglob("*.sql"),
            *(ROOT / "dbt_project" / "tests").rglob("*.sql"),
        ]
        if (found := CLOCK.search(re.sub(r"--[^\n]*", "", path.read_text(encoding="utf-8").lower())))
    }
    assert asking == {}


def test_articles_are_sent_in_the_order_of_otrs(built: Built) -> None:
    lanes: dict[str, list[int]] = {}
    for lane, article in rows(
        built.warehouse,
        "select lane, source_id::bigint from intercom.requests where kind = 'conversation.reply'"
        " and source_table = 'article' order by lane, position, slot",
    ):
        lanes.setdefault(lane, []).append(article)
    assert max(len(articles) for articles in lanes.values()) > 3
    assert [lane for lane, articles in lanes.items() if articles != sorted(articles)] == []


def test_a_conversation_is_closed_last(built: Built) -> None:
    last = rows(
        built.warehouse,
        "select arg_max(kind, position) from intercom.requests where phase = 5 group by lane",
    )
    assert set(last) == {("conversation.state",)}


def test_text_of_a_customer_is_never_a_template(built: Built) -> None:
    requests = [json.loads(payload) for (payload,) in rows(built.warehouse, "select payload from intercom.requests")]
    told = [request for request in requests if str(request.get("body")).startswith(TEXT_LIKE_A_TEMPLATE)]
    named = [request for request in requests if request.get("title") == TEXT_LIKE_A_TEMPLATE]
    assert (len(told), len(named)) == (1, 1)
    creates = {name for (name,) in rows(built.warehouse, "select creates from intercom.requests")}
    files = {key for (key,) in rows(built.warehouse, "select file_key from intercom.file_contents")}
    templates = [template for request in requests for template in _templates(request)]
    assert {next(iter(template)) for template in templates} == {"$ref", "$file", "$concat"}
    assert {template["$ref"] for template in templates if "$ref" in template and "default" not in template} <= creates
    assert {template["$file"] for template in templates if "$file" in template} == files


def _templates(value: Any) -> Iterator[dict[str, str]]:
    """Yield what the loader would resolve."""
    if isinstance(value, dict):
        if next(iter(value), "").startswith("$"):
            yield value
        for member in value.values():
            yield from _templates(member)
    elif isinstance(value, list):
        for member in value:
            yield from _templates(member)

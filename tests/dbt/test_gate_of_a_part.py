"""Unit tests, which do not look at the data, and what `verify` makes may be left out of a build; nothing else may.

The gate's record is written by the project's own macro, in a project of one model of the plan, one decision, one test
and one unit test: what was left out is all that differs.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from built_warehouse import ROOT, Dbt, change, last_gate, rows

from otrs2intercom.transform import DATA_ONLY

PROJECT = """
name: otrs2intercom
version: "1.0"
profile: otrs2intercom
on-run-end: "{{ record_gate(results) }}"
seeds: {otrs2intercom: {+schema: mapping}}
"""
RULES = """
models:
  - name: requests
    columns: [{name: slot, data_tests: [not_null]}]
unit_tests:
  - name: every_decision_makes_a_request
    model: requests
    given: [{input: ref('decisions'), rows: [{slot: a}, {slot: b}]}]
    expect: {rows: [{slot: a}, {slot: b}]}
"""


@pytest.fixture(scope="module")
def little(tmp_path_factory: pytest.TempPathFactory) -> Dbt:
    """Return dbt for the little project and its warehouse, which was built once."""
    folder = tmp_path_factory.mktemp("little")
    for name, text in {
        "dbt_project.yml": PROJECT,
        "models/requests.yml": RULES,
        "models/requests.sql": "select slot from {{ ref('decisions') }}",
        "seeds/decisions.csv": "slot\na\n",
    }.items():
        path = folder / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "project" / "macros").mkdir()
    for macro in ("record_gate", "generate_schema_name"):
        shutil.copy(ROOT / "dbt_project" / "macros" / f"{macro}.sql", folder / "project" / "macros")
    warehouse = folder / "warehouse.duckdb"
    change(
        warehouse,
        "create schema staging",
        "create table staging.stg_otrs__source_profile as select 1 as generation",
        "create schema raw_intercom",
        "create table raw_intercom.me as select 'ws1' as workspace_id",
        "create schema intercom",
        "create table intercom.plan_hash as select 'hash' as plan_hash",
    )
    dbt = Dbt(folder / "project", warehouse)
    dbt.run(warehouse, "build", *DATA_ONLY)
    return dbt


def test_the_gate_names_the_workspace_that_the_plan_was_made_for(little: Dbt, tmp_path: Path) -> None:
    warehouse = Path(shutil.copy(little.built, tmp_path))
    change(warehouse, "alter table reconciliation.gate drop column workspace_id")  # as an earlier version left it
    little.run(warehouse, "build", *DATA_ONLY)
    known = rows(warehouse, "select workspace_id from reconciliation.gate order by checked_at")
    assert known == [(None,), ("ws1",)]


@pytest.mark.parametrize("arguments", [(), DATA_ONLY], ids=["all", "data only"])
def test_a_build_opens_the_gate(arguments: Sequence[str], little: Dbt, tmp_path: Path) -> None:
    warehouse = Path(shutil.copy(little.built, tmp_path))
    ran = little.run(warehouse, "build", *arguments)
    assert ("every_decision_makes_a_request" in ran) is (not arguments)
    gate = last_gate(warehouse)
    assert (gate["passed"], gate["blockers"], gate["tests_passed"], gate["tests_in_manifest"]) == (True, "", 1, 1)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--exclude-resource-type", "test"),
        (*DATA_ONLY, "--exclude-resource-type", "seed"),
        (*DATA_ONLY, "--exclude-resource-type", "test"),
        (*DATA_ONLY, "--exclude", "decisions"),
        (*DATA_ONLY, "--exclude", "test_type:data"),
        ("--exclude", "tag:verify", "decisions"),
        ("--resource-type", "model", "--resource-type", "test"),
        ("--select", "requests"),
        ("--empty",),
    ],
    ids=" ".join,
)
def test_a_build_without_anything_else_keeps_it_shut(arguments: Sequence[str], little: Dbt, tmp_path: Path) -> None:
    warehouse = Path(shutil.copy(little.built, tmp_path))
    ran = little.run(warehouse, "build", *arguments)
    assert set(ran.values()) <= {"success", "pass"}
    gate = last_gate(warehouse)
    assert (gate["passed"], gate["blockers"]) == (False, "only a part of the project was built")

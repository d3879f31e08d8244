"""The analyst's own way: plain dbt, plain DuckDB, descriptions of everything."""

from contextlib import closing

import duckdb
import yaml
from built_warehouse import ROOT, Built, last_gate, rows

MODELS = ROOT / "dbt_project" / "models"


def test_plain_dbt_build_with_the_shipped_profile_works_from_any_folder(built: Built) -> None:
    assert "Completed successfully" in built.seen
    gate = last_gate(built.warehouse)
    assert (gate["passed"], gate["blockers"]) == (True, "")
    assert gate["tests_passed"] == gate["tests_in_manifest"] > 50


def test_every_table_and_view_can_be_read_with_any_client(built: Built) -> None:
    names = [
        f"{schema}.{name}"
        for schema, name in rows(
            built.warehouse,
            "select table_schema, table_name from information_schema.tables where table_catalog = current_database()",
        )
    ]
    assert len(names) > 200
    with closing(duckdb.connect(str(built.warehouse), read_only=True)) as db:
        for name in names:
            db.execute(f"select * from {name} limit 1").fetchall()


def test_staging_has_the_columns_it_describes_in_that_order_with_the_types_their_names_say(built: Built) -> None:
    found: dict[str, list[str]] = {}
    for name, column, kind in rows(
        built.warehouse,
        "select table_name, column_name, data_type from information_schema.columns where table_schema = 'staging'"
        " and table_name like '%otrs%' order by table_name, ordinal_position",
    ):
        found.setdefault(name, []).append(column)
        assert not column.startswith("is_") or kind == "BOOLEAN", (name, column)
        assert not column.endswith("_at") or kind == "TIMESTAMP", (name, column)
        assert not column.endswith("_on") or kind == "DATE", (name, column)
    for name, columns in found.items():
        [path] = MODELS.rglob(f"{name}.yml")
        [model] = yaml.safe_load(path.read_text(encoding="utf-8"))["models"]
        assert [column["name"] for column in model["columns"]] == columns, name

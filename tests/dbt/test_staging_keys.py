"""One test of dbt holds the keys of all staging models; it has to notice a double in any of them."""

import re
from pathlib import Path

import yaml
from built_warehouse import ROOT, Built, Dbt, change, rows

STAGING = ROOT / "dbt_project" / "models" / "staging"
TEST = "staging_keys_identify_rows"


def listed(name: str) -> dict[str, list[str]]:
    """Return one of the two lists that the test begins with."""
    sql = (ROOT / "dbt_project" / "tests" / f"{TEST}.sql").read_text(encoding="utf-8")
    found = re.search(rf"{{% set {name} = (\{{.*?\}}) %}}", sql, re.DOTALL)
    assert found
    entries: dict[str, list[str]] = yaml.safe_load(found[1])
    return entries


def test_every_staging_model_but_the_workspaces_attributes_has_a_line() -> None:
    models = {path.stem for path in STAGING.rglob("stg_*.sql")}
    # Intercom answers with attributes that have no id of their own.
    without = {"stg_intercom__company_attributes", "stg_intercom__contact_attributes"}
    without |= {"stg_intercom__conversation_attributes"}
    assert models - listed("keys").keys() - listed("required").keys() == without


def test_a_doubled_row_in_any_staging_model_is_noticed(built: Built, dbt: Dbt, tmp_path: Path) -> None:
    warehouse = built.copy(tmp_path)
    filled = [name for name in listed("keys") if rows(warehouse, f"select count(*) from staging.{name}") != [(0,)]]
    assert len(filled) > 50
    for name in filled:
        _replace(warehouse, name, f"(select * from staging.{name} limit 1)")
    dbt.run(warehouse, "test", "--select", TEST)
    assert dbt.complaints == {TEST: len(filled)}


def test_an_empty_key_in_any_staging_model_is_noticed(built: Built, dbt: Dbt, tmp_path: Path) -> None:
    warehouse = built.copy(tmp_path)
    keys, required = listed("keys"), listed("required")
    for name in keys.keys() | required.keys():
        _replace(warehouse, name, "(select null)")
    dbt.run(warehouse, "test", "--select", TEST)
    assert dbt.complaints == {TEST: len(keys) + len(required)}


def _replace(warehouse: Path, name: str, further: str) -> None:
    """Put a table in the place of the view: its rows, and a further one."""
    [(first,)] = rows(
        warehouse,
        "select column_name from information_schema.columns"
        f" where table_schema = 'staging' and table_name = '{name}' and ordinal_position = 1",
    )
    row = f"(select null as {first})" if further == "(select null)" else further
    change(
        warehouse,
        f"create table staging.spoiled as select * from staging.{name} union all by name {row}",
        f"drop view staging.{name}",
        f"alter table staging.spoiled rename to {name}",
    )

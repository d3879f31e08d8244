"""The project is built as its README says: layers, names, descriptions, contracts, tests, and documents of it."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from built_warehouse import ROOT, Built, Dbt

PROJECT = ROOT / "dbt_project"
OURS = "otrs2intercom"


@pytest.fixture(scope="module")
def manifest(built: Built) -> Any:
    """Return the manifest of the build."""
    return json.loads((built.project / "target" / "manifest.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def models(manifest: Any) -> list[Any]:
    """Return the models of the project."""
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]


def test_dbt_bouncer_finds_nothing(built: Built) -> None:
    command = [sys.executable, "-c", "from dbt_bouncer.main import app; app()", "run", "--show-all-failures"]
    command += ["--config-file", str(built.project / "dbt-bouncer.yml")]
    done = subprocess.run(command, cwd=built.project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_dbt_bouncer_is_strict() -> None:
    config = yaml.safe_load((PROJECT / "dbt-bouncer.yml").read_text(encoding="utf-8"))
    checks = [check for kind in config if kind.endswith("_checks") for check in config[kind]]
    assert len(checks) > 40
    assert [check for check in checks if "exclude" in check or check.get("severity", "error") != "error"] == []
    assert "exclude" not in config
    assert config.get("severity", "error") == "error"


def test_documents_can_be_generated_and_describe_every_column(
    built: Built, dbt: Dbt, manifest: Any, tmp_path: Path
) -> None:
    catalog = dbt.documents(built.copy(tmp_path))
    assert len(catalog["nodes"]) > 150
    without = []
    for key, node in catalog["nodes"].items():
        described = {
            name.lower() for name, column in manifest["nodes"][key]["columns"].items() if column["description"]
        }
        found = {name.lower() for name in node["columns"]}
        without += [f"{manifest['nodes'][key]['name']}.{name}" for name in sorted(found ^ described)]
    assert without == []


def test_everything_has_a_description(manifest: Any) -> None:
    things = [
        *(node for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed")),
        *manifest["sources"].values(),
        *manifest["exposures"].values(),
        *(macro for macro in manifest["macros"].values() if macro["package_name"] == OURS),
    ]
    assert len(things) > 250
    assert [thing["unique_id"] for thing in things if not thing["description"].strip()] == []
    assert {source["name"] for source in manifest["sources"].values() if not source["source_description"]} == set()


def test_all_final_tables_have_enforced_contracts(models: list[Any]) -> None:
    final = [model for model in models if model["schema"] == "intercom"]
    assert len(final) >= 17
    assert [model["name"] for model in final if not model["contract"]["enforced"]] == []


def test_every_final_table_has_a_tested_key(manifest: Any, models: list[Any]) -> None:
    tests = [node for node in manifest["nodes"].values() if node["resource_type"] == "test"]
    keyed = {
        test["attached_node"].split(".")[-1]
        for test in tests
        if (test.get("test_metadata") or {}).get("name") == "is_key"
    }
    for test in tests:
        if test["name"].endswith("_keys_identify_rows"):
            keyed |= {name.split(".")[-1] for name in test["depends_on"]["nodes"]}
    # One row: nothing to tell apart.
    keyed |= {"plan_hash"}
    final = {model["name"] for model in models if model["schema"] == "intercom"}
    assert final - keyed == set()


def test_unit_tests_are_named_after_their_rules(manifest: Any) -> None:
    names = [test["name"] for test in manifest["unit_tests"].values()]
    assert len(names) > 30
    assert [name for name in names if name.count("_") < 3 or name.startswith("test") or not name.islower()] == []
    assert len(set(names)) == len(names)


def test_rules_that_tell_cases_apart_have_a_unit_test(manifest: Any, models: list[Any]) -> None:
    tested = {test["model"] for test in manifest["unit_tests"].values()}
    rules = {
        model["name"]
        for model in models
        if model["fqn"][1] == "intermediate" and len(model["fqn"]) == 3 and re.search(r"\bcase\b", model["raw_code"])
    }
    assert len(rules) > 5
    assert rules - tested == set()


def test_reasons_are_proved_from_the_source_alone() -> None:
    folder = PROJECT / "macros" / "reasons"
    read = {
        path.stem: set(re.findall(r"""ref\(["'](\w+)["']\)""", path.read_text(encoding="utf-8")))
        for path in folder.glob("*.sql")
    }
    assert set(read) == {"articles", "tickets", "fields", "people", "inventory"}
    seeds = {path.stem for path in (PROJECT / "seeds").rglob("*.csv")}
    models = set().union(*read.values()) - seeds
    assert {model for model in models if not model.startswith(("stg_", "base_"))} == set()


def test_the_exposure_names_what_the_loader_reads(manifest: Any) -> None:
    [loader] = manifest["exposures"].values()
    named = {name.split(".")[-1] for name in loader["depends_on"]["nodes"]}
    text = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "load").rglob("*.py"))
    assert set(re.findall(r"\b(?:from|join) intercom\.(\w+)", text)) <= named

"""The catalogue, the dbt sources and the staging models say the same about OTRS."""

import gzip
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from extract.otrs.catalogue import CatalogueError, load_catalogue, parse_catalogue

STAGING = Path(__file__).parents[2] / "dbt_project" / "models" / "staging" / "otrs"
MADE_BY_THE_EXTRACT = {"article_files", "attachment_contents", "source_profile", "source_tables", "rejected"}
MODELS = sorted(STAGING.glob("stg_otrs__*.sql"))
BASE = sorted((STAGING / "base").glob("base_otrs__*.sql"))
LOOKED_UP = {"base_otrs__article_types", "base_otrs__first_passes"}
"""Small tables that a staging model may join, to learn of a row what the row cannot say."""
LAB = os.environ.get("OTRS_LAB")

SMALL = """
shared_columns:
  created:
    create_time: {type: timestamp, means: "when"}
tables:
  groups:
    means: "A group."
    key: [id]
    customer_data: false
    aliases: [permission_groups]
    columns:
      id: {type: integer, means: "group"}
      pw: {type: text, secret: true, means: "password"}
    with: [created]
known_unread:
  sessions: {customer_data: true, reason: "Who is logged in."}
"""


def yaml_of(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def sources_read(model: Path) -> list[str]:
    return re.findall(r"""source\(\s*["']raw_otrs["'],\s*["'](\w+)["']""", model.read_text(encoding="utf-8"))


def source_tables() -> dict[str, str]:
    (source,) = yaml_of(STAGING / "_otrs__sources.yml")["sources"]
    assert source["name"] == source["schema"] == "raw_otrs"
    return {table["name"]: table["description"] for table in source["tables"]}


def test_every_table_says_what_a_row_is_and_what_identifies_it() -> None:
    for table in load_catalogue().tables:
        assert table.means.endswith("."), table.name
        assert table.key, table.name
        assert all(column.means for column in table.columns), table.name


def test_passwords_and_file_contents_are_not_read_with_the_rows() -> None:
    catalogue = load_catalogue()
    for name in ("users", "customer_user"):
        assert "pw" not in {column.name for column in catalogue.table(name).read_columns}
    for name in ("article_data_mime_attachment", "article_attachment"):
        contents = catalogue.table(name).contents_column
        assert contents is not None
        assert contents.name == "content"
        assert not contents.is_read


def test_no_column_called_pw_is_ever_read() -> None:
    read = [(table.name, column.name) for table in load_catalogue().tables for column in table.read_columns]
    assert [place for place in read if place[1] == "pw"] == []


@pytest.mark.parametrize(
    ("present", "table", "found"),
    [
        ({"groups"}, "groups", "groups"),
        ({"permission_groups"}, "groups", "permission_groups"),
        ({"groups_table"}, "groups", "groups_table"),
        ({"article_data_otobo_chat"}, "article_data_otrs_chat", "article_data_otobo_chat"),
        ({"Ticket"}, "ticket", "Ticket"),
        ({"ticket"}, "article_data_mime", None),
    ],
)
def test_a_table_is_found_under_the_name_of_its_version(present: set[str], table: str, found: str | None) -> None:
    assert load_catalogue().resolve(present)[table] == found


def test_a_left_over_under_the_old_name_does_not_hide_the_table_in_use() -> None:
    assert load_catalogue().resolve({"groups", "permission_groups"})["groups"] == "permission_groups"


def test_resolving_names_every_table_of_the_catalogue() -> None:
    catalogue = load_catalogue()
    assert set(catalogue.resolve(set())) == {table.name for table in catalogue.tables}


def test_a_small_catalogue_is_read_as_written() -> None:
    catalogue = parse_catalogue(SMALL)
    (table,) = catalogue.tables
    assert [column.name for column in table.columns] == ["id", "pw", "create_time"]
    assert [column.name for column in table.read_columns] == ["id", "create_time"]
    assert catalogue.known_unread["sessions"].customer_data


@pytest.mark.parametrize(
    ("written", "instead", "complaint"),
    [
        ("type: integer", "type: number", "groups.id: type `number` is none of"),
        ("key: [id]", "key: [ticket_id]", "groups.key"),
        ("key: [id]", "key: [pw]", "groups.key"),
        ("key: [id]", "key: id", "groups.key must be a list of names"),
        ("customer_data: false", "customer_data: maybe", "groups.customer_data must be true or false"),
        ('means: "A group."', 'mean: "A group."', "groups: unknown key `mean`"),
        ('    means: "A group."\n', "", "groups: `means` is missing"),
        ("with: [created]", "with: [changed]", "`changed` is no"),
        ("      pw:", "      id:", "`id` stands twice"),
        ("      pw:", "      create_time:", "column `create_time` is there twice"),
        ("permission_groups", "sessions", "`sessions` is claimed by both groups and known_unread"),
        ("permission_groups", "Groups_Table", "must be in lower case"),
        ("known_unread:", "known_unread: [", "not valid YAML"),
    ],
)
def test_a_mistake_in_the_catalogue_is_named(written: str, instead: str, complaint: str) -> None:
    assert written in SMALL
    with pytest.raises(CatalogueError, match=re.escape(complaint)):
        parse_catalogue(SMALL.replace(written, instead, 1))


def test_the_dbt_sources_are_the_tables_of_the_catalogue_in_the_same_words() -> None:
    sources = source_tables()
    described = {name: text for name, text in sources.items() if name not in MADE_BY_THE_EXTRACT}
    assert described == {table.name: table.means for table in load_catalogue().tables}
    assert set(sources) >= MADE_BY_THE_EXTRACT


def test_every_source_is_read_once_by_staging_or_by_its_base() -> None:
    read = Counter(source for model in MODELS for source in set(sources_read(model)))
    assert {source for source, times in read.items() if times > 1} == set()
    shared = {source for model in BASE for source in sources_read(model)}
    known = {table.name for table in load_catalogue().tables}
    assert read.keys() | shared == known | MADE_BY_THE_EXTRACT


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.stem)
def test_a_staging_model_reads_one_source_or_one_base_model(model: Path) -> None:
    sql = model.read_text(encoding="utf-8")
    refs = re.findall(r"""ref\(\s*["'](\w+)["']""", sql)
    assert all(name.startswith("base_otrs__") for name in refs)
    assert len(sources_read(model)) + len(set(refs) - LOOKED_UP) == 1
    # Unions and other joins have their place in base/.
    assert " union " not in sql
    assert sql.count(" join ") + sql.count(" join\n") == len(set(refs) & LOOKED_UP)


def test_every_staging_model_has_its_description_beside_it_and_nothing_else_has() -> None:
    assert {path.stem for path in STAGING.glob("stg_otrs__*.yml")} == {path.stem for path in MODELS}


@pytest.mark.lab
@pytest.mark.skipif(not LAB, reason="OTRS_LAB does not name a folder with dumps of real OTRS databases")
@pytest.mark.parametrize("dump", sorted(Path(LAB or ".").glob("*.sql.gz")), ids=lambda path: path.name)
def test_every_table_of_a_real_database_is_known(dump: Path) -> None:
    with gzip.open(dump, "rt", encoding="utf-8", errors="replace") as lines:
        tables = {found[1] for line in lines if (found := re.match(r'CREATE TABLE (?:public\.)?[`"]?(\w+)', line))}
    catalogue = load_catalogue()
    read = {name for name in catalogue.resolve(tables).values() if name}
    assert tables
    assert tables - read - set(catalogue.known_unread) == set()

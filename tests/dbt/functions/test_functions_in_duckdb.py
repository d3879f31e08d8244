"""The functions answer every row that SQL feeds them, whatever stands in it."""

from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dbt_project.functions.arrow import SqlFunction
from dbt_project.functions.plugin import FUNCTIONS, Plugin

GARBAGE = ["", " ", "\0", "<", "&#xD800;", "@", "+", "=?", "<!--", "😀", "\x1f", "a@b, c@d", "\u202e", "x" * 5000]


@pytest.fixture(scope="module")
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database as dbt's plugin prepares it."""
    with duckdb.connect() as connection:
        Plugin.configure_connection(None, connection)  # type: ignore[arg-type]
        yield connection


def test_every_function_has_a_name_of_its_own() -> None:
    assert len({function.name for function in FUNCTIONS}) == len(FUNCTIONS)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_nulls_are_answered_with_nulls_and_no_error(db: duckdb.DuckDBPyConnection, function: SqlFunction) -> None:
    arguments = ", ".join(f"null::{kind}" for kind in function.arguments)
    (answer,) = db.execute(f"select {function.name}({arguments})").fetchone()  # type: ignore[misc]
    assert answer == dict.fromkeys([*function.fields, "error"])


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_a_row_for_every_row_among_nulls_and_garbage(db: duckdb.DuckDBPyConnection, function: SqlFunction) -> None:
    db.execute("create or replace temp table garbage (position bigint, text varchar)")
    db.executemany("insert into garbage values (?, ?)", list(enumerate([*GARBAGE, None])))
    values = {"VARCHAR": "g.text", "BLOB": "encode(g.text)", "BIGINT": "g.position"}
    arguments = ", ".join(values[kind] for kind in function.arguments)
    rows = db.execute(
        f"select g.position, {function.name}({arguments}) from garbage g, range(300) order by g.position"
    ).fetchall()
    assert len(rows) == 300 * (len(GARBAGE) + 1)
    assert all(set(answer) == {*function.fields, "error"} for _, answer in rows)
    assert all(answer == dict.fromkeys(answer) for position, answer in rows if position == len(GARBAGE))


def test_no_row_at_all_is_answered_with_none(db: duckdb.DuckDBPyConnection) -> None:
    assert db.execute("select e164(x, x, x) from (select null::varchar as x where false)").fetchall() == []


def test_a_function_that_fails_on_a_row_says_so_in_that_row_only(db: duckdb.DuckDBPyConnection) -> None:
    def fail(text: str | None) -> dict[str, str]:
        if text == "2":
            raise ValueError("two is too much")
        return {"value": f"<{text}>"}

    SqlFunction("failing", ("VARCHAR",), {"value": "VARCHAR"}, fail).register(db)
    rows = db.execute("select failing(i::varchar) from range(4) t(i) order by i").fetchall()
    assert [row[0] for row in rows] == [
        {"value": "<0>", "error": None},
        {"value": "<1>", "error": None},
        {"value": None, "error": "ValueError: two is too much"},
        {"value": "<3>", "error": None},
    ]


@given(content=st.binary(max_size=200), content_type=st.one_of(st.none(), st.text(max_size=30)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_pass_through_sql(db: duckdb.DuckDBPyConnection, content: bytes, content_type: str | None) -> None:
    (answer,) = db.execute(
        "select html_text(html_body(?::blob, ?::varchar, null).value)", [content, content_type]
    ).fetchone()  # type: ignore[misc]
    assert isinstance(answer["value"], str)
    assert answer["error"] is None


def test_a_body_that_names_a_charset_with_half_characters_is_not_lost(db: duckdb.DuckDBPyConnection) -> None:
    (answer,) = db.execute("select html_body(encode('one +2AA- two'), 'text/html; charset=utf-7', null)").fetchone()  # type: ignore[misc]
    assert answer["value"].split() == ["one", "two"]


def test_the_pieces_of_a_long_text_come_as_a_list(db: duckdb.DuckDBPyConnection) -> None:
    (answer,) = db.execute("select body_pieces(repeat('word ', 100), 'text', 200)").fetchone()  # type: ignore[misc]
    assert [len(piece) for piece in answer["pieces"]] == [200, 200, 100]

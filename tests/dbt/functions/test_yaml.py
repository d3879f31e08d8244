"""Configurations of OTRS are read as the texts that they are."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbt_project.functions.yaml import yaml_json


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("--- 1\n", "1"),
        ("---\nno: no\nyes: on\n", {"no": "no", "yes": "on"}),
        (
            "---\na: 1:30\nb: 2024-02-29\nc: ~\nd: ''\ne: 007\n",
            {"a": "1:30", "b": "2024-02-29", "c": "~", "d": "", "e": "007"},
        ),
        ("---\n'1':\n- ö\n- \"a\\nb\"\n", {"1": ["ö", "a\nb"]}),
        ("--- {}\n", {}),
        ("---\na: !!perl/hash:Foo\n  b: 1\n", {"a": {"b": "1"}}),
        ("---\na: &x\n  b: 1\nc: *x\n", {"a": {"b": "1"}, "c": {"b": "1"}}),
    ],
)
def test_every_scalar_is_a_text(text: str, value: Any) -> None:
    assert json.loads(yaml_json(text)["value"]) == value


@pytest.mark.parametrize("text", [None, "", "  \n"])
def test_nothing_is_no_document(text: str | None) -> None:
    assert yaml_json(text) == {}


@pytest.mark.parametrize("text", ["a: [", "- a\nb", "\x00", "{'a': }x", "&a [*a]", "? [a]\n: b"])
def test_what_is_not_yaml_says_why(text: str) -> None:
    assert set(yaml_json(text)) == {"error"}


@given(st.text())
def test_no_text_is_too_odd(text: str) -> None:
    assert set(yaml_json(text)) <= {"value", "error"}

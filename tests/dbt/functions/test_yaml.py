"""YAML of OTRS: every scalar is a text, whatever YAML 1.1 would make of it."""

import json

import pytest

from dbt_project.functions.yaml import yaml_json


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("---\nno: no\nyes: ~\n'0': Zero\n", {"no": "no", "yes": "~", "0": "Zero"}),
        ("---\n1:30: 2016-08-25 15:13:43\n", {"1:30": "2016-08-25 15:13:43"}),
        ("--- 1\n", "1"),
        ("---\nPath: {}\nList: []\nEmpty: ''\nNone:\n", {"Path": {}, "List": [], "Empty": "", "None": ""}),
        ("---\na: 1\na: 2\n", {"a": "2"}),
        ("---\na: &1\n  b: c\nd: *1\n", {"a": {"b": "c"}, "d": {"b": "c"}}),
        ("---\n? [x, y]\n: z\n", {'["x", "y"]': "z"}),
        ("---\numlaut: 'Ümläut value'\n", {"umlaut": "Ümläut value"}),
    ],
)  # fmt: skip
def test_scalars_stay_the_text_that_stands_there(text: str, value: object) -> None:
    answer = yaml_json(text)
    assert answer.get("error") is None
    assert json.loads(answer["value"]) == value


@pytest.mark.parametrize("text", [None, "", " \n", "---\n..."[:0]])
def test_nothing_is_null(text: str | None) -> None:
    assert yaml_json(text) == {}


def test_a_bomb_of_aliases_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    assert "more than" in yaml_json("\n".join(lines))["error"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: &a [*a]", "holds itself"),
        ("[" * 5_000, "nested too deeply"),
        ("a: 'b", "found unexpected end of stream"),
        ("--- a\n--- b\n", "expected a single document"),
        ("$VAR1 = { a => [ 1 };", ""),
    ],
)
def test_what_is_no_yaml_is_an_error_and_not_the_end(text: str, complaint: str) -> None:
    assert complaint in yaml_json(text).get("error", "")

"""Templates are forms that the plan makes; everything else passes through untouched."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from load.errors import TemplateError
from load.templates import files, fill, fill_path, is_template, merged

IDS = {"contact/u1": "6762f0dd1bb69f9f2193bb83", "team/t": "55"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def filled(value: Any) -> Any:
    return fill(value, IDS.get, lambda key: f"base64 of {key}")


def test_a_reference_becomes_the_id() -> None:
    assert filled({"id": {"$ref": "contact/u1"}}) == {"id": IDS["contact/u1"]}


def test_a_reference_can_be_a_number_or_have_a_default() -> None:
    assert filled({"$ref": "team/t", "as": "integer"}) == 55
    assert filled({"$ref": "team/none", "default": None}) is None


def test_a_reference_without_object_names_it() -> None:
    with pytest.raises(TemplateError, match="contact/nobody"):
        filled([{"$ref": "contact/nobody"}])


def test_text_is_put_around_ids_and_files_are_read() -> None:
    assert filled({"$concat": ["see ", {"$ref": "team/t"}, "!"]}) == "see 55!"
    attachment = {"name": "a", "data": {"$file": "f"}}
    assert filled({"attachment_files": [attachment]}) == {"attachment_files": [{"name": "a", "data": "base64 of f"}]}
    assert list(files({"attachment_files": [attachment]})) == ["f"]


@given(JSON)
def test_data_of_any_shape_passes_through(value: Any) -> None:
    if '"$' not in str(value) and "'$" not in str(value):
        assert filled(value) == value


@pytest.mark.parametrize(
    "value",
    [
        {"custom_attributes": {"$ price": 3}},
        {"$ref": "contact/u1", "more": 1},
        {"$other": "x"},
        {"body": '{"$ref": "contact/u1"}'},
    ],
)
def test_what_only_looks_like_a_template_is_data(value: dict[str, Any]) -> None:
    assert not is_template(value)
    assert filled(value) == value


def test_braces_in_a_path_are_ids() -> None:
    assert fill_path("/contacts/{contact/u1}/companies", IDS.get) == f"/contacts/{IDS['contact/u1']}/companies"
    with pytest.raises(TemplateError):
        fill_path("/contacts/{contact/none}", IDS.get)


def test_payloads_are_joined_in_depth_and_templates_are_not() -> None:
    one = {"custom_attributes": {"a": 1}, "company_id": {"$ref": "company/1"}}
    two = {"custom_attributes": {"b": 2}, "company_id": {"$ref": "company/2"}}
    assert merged(one, two) == {"custom_attributes": {"a": 1, "b": 2}, "company_id": {"$ref": "company/2"}}

"""Every key that is sent must be declared: the reader of the description that the check relies on."""

import pytest
from prism.description import Schema, declared_properties, undeclared_keys

REPLY = "/conversations/17/reply"


def described(schema: Schema, **schemas: Schema) -> Schema:
    content = {"application/json": {"schema": schema}}
    return {
        "paths": {"/things": {"post": {"requestBody": {"content": content}}}},
        "components": {"schemas": schemas},
    }


@pytest.mark.parametrize("word", ["allOf", "anyOf", "oneOf"])
def test_a_key_counts_when_one_branch_declares_it(word: str) -> None:
    one = {"properties": {"a": {"type": "string"}}}
    other = {"properties": {"b": {"properties": {"c": {"type": "string"}}}}}
    schema = described({word: [{"$ref": "#/components/schemas/one"}, other]}, one=one)
    assert undeclared_keys(schema, "POST", "/things", {"a": 1, "b": {"c": 1, "d": 1}, "e": 1}) == ["b.d", "e"]


def test_a_schema_that_contains_itself_is_walked() -> None:
    tree = {"properties": {"name": {}, "kids": {"items": {"$ref": "#/components/schemas/tree"}}}}
    schema = described({"$ref": "#/components/schemas/tree"}, tree=tree)
    body = {"kids": [{"name": 1, "kids": [{"nmae": 1}]}, {"kids": [{"nmae": 2}]}]}
    assert undeclared_keys(schema, "POST", "/things", body) == ["kids[].kids[].nmae"]


@pytest.mark.parametrize(
    "free", [{"additionalProperties": True}, {"additionalProperties": {"type": "string"}}, {"type": "object"}]
)
def test_a_free_form_object_takes_any_key(free: Schema) -> None:
    schema = described({"properties": {"custom_attributes": free}})
    assert undeclared_keys(schema, "POST", "/things", {"custom_attributes": {"any": "x"}}) == []


def test_a_closed_object_without_properties_takes_none() -> None:
    schema = described({"type": "object", "additionalProperties": False})
    assert undeclared_keys(schema, "POST", "/things", {"any": "x"}) == ["any"]


def test_the_values_of_a_free_form_object_are_held_against_their_schema() -> None:
    schema = described({"additionalProperties": {"properties": {"id": {}}}})
    assert undeclared_keys(schema, "POST", "/things", {"any": {"id": 1, "di": 1}}) == ["any.di"]


def test_an_object_where_the_description_has_a_text_is_undeclared() -> None:
    schema = described({"properties": {"body": {"type": "string"}}})
    assert undeclared_keys(schema, "POST", "/things", {"body": {"html": "x"}}) == ["body.html"]


def test_a_body_where_none_is_described_is_undeclared() -> None:
    schema = {"paths": {"/things/{id}": {"delete": {}}}}
    assert undeclared_keys(schema, "DELETE", "/things/7", {"admin_id": "1"}) == ["admin_id"]


def test_an_unknown_operation_is_named() -> None:
    with pytest.raises(LookupError, match="POST /nothing"):
        undeclared_keys(described({}), "post", "/nothing", {})


# --- the description as published -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/contacts", {"role": "user", "external_id": "1", "custom_attributes": {"anything": 1}}),
        ("PUT", "/contacts/6762f0dd1bb69f9f2193bb83", {"name": "N", "custom_attributes": {"anything": 1}}),
        ("POST", "/contacts/6762f0dd1bb69f9f2193bb83/companies", {"id": "1"}),
        ("POST", "/companies", {"company_id": "1", "name": "N", "custom_attributes": {"anything": 1}}),
        ("POST", "/conversations", {"from": {"type": "user", "id": "1"}, "body": "b", "created_at": 1}),
        ("POST", REPLY, {"message_type": "comment", "type": "user", "intercom_user_id": "1", "body": "b"}),
        ("POST", REPLY, {"attachment_files": [{"content_type": "t", "name": "n", "data": "d"}]}),
        ("PUT", "/conversations/17", {"title": "T", "custom_attributes": {"OTRS number": "1"}}),
        ("POST", "/conversations/17/tags", {"id": "1", "admin_id": "1"}),
        ("DELETE", "/conversations/17/tags/1", {"admin_id": "1"}),
        ("POST", "/conversations/17/customers", {"admin_id": "1", "customer": {"intercom_user_id": "1"}}),
        ("POST", "/conversations/17/parts", {"message_type": "close", "type": "admin", "admin_id": "1"}),
        ("POST", "/conversations/attributes", {"name": "n", "data_type": "string", "description": "d"}),
        ("POST", "/data_attributes", {"name": "n", "model": "contact", "data_type": "string"}),
        ("POST", "/tags", {"name": "n"}),
        (
            "POST",
            "/contacts/search",
            {"query": {"operator": "AND", "value": [{"field": "f", "operator": "=", "value": "v"}]}},
        ),
    ],
)
def test_documented_keys_are_declared(description: Schema, method: str, path: str, body: Schema) -> None:
    assert undeclared_keys(description, method, path, body) == []


@pytest.mark.parametrize(
    ("method", "path", "body", "undeclared"),
    [
        ("POST", "/contacts", {"role": "user", "extrenal_id": "1"}, ["extrenal_id"]),
        ("POST", "/conversations", {"from": {"type": "user", "uuid": "1"}}, ["from.uuid"]),
        (
            "POST",
            REPLY,
            {"attachment_files": [{"name": "n", "size": 1}, {"size": 2}]},
            ["attachment_files[].size"],
        ),
        ("PUT", "/conversations/17", {"subject": "T"}, ["subject"]),
        (
            "POST",
            "/conversations/17/customers",
            {"customer": {"intercom_id": "1"}},
            ["customer.intercom_id"],
        ),
        ("GET", "/me", {"a": 1}, ["a"]),
    ],
)
def test_typing_errors_are_found(
    description: Schema, method: str, path: str, body: Schema, undeclared: list[str]
) -> None:
    assert undeclared_keys(description, method, path, body) == undeclared


def test_a_path_as_sent_and_a_path_as_described_are_the_same_operation(description: Schema) -> None:
    sent = declared_properties(description, "POST", REPLY)
    as_described = declared_properties(description, "POST", "/conversations/{conversation_id}/reply")
    assert sent.names() == as_described.names() >= {"message_type", "body", "created_at", "attachment_files"}


def test_search_is_not_taken_for_the_id_of_a_contact(description: Schema) -> None:
    assert "query" in declared_properties(description, "POST", "/contacts/search").names()

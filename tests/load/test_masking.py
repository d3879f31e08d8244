"""What is taken out of the words of others before they are kept or shown."""

import json
import sqlite3

import pytest
from rehearsals import UNLIMITED, Rehearse

from load import client
from load.client import judge
from load.masking import masked, without_values
from load.simulator import Fault

SENT = {
    "email": "jane.roe@example.com",
    "name": "Jane Roe-Miller",
    "phone": "+49 30 1234567",
    "body": '<p>The "printer" in Köln\nis on fire</p>',
    "custom_attributes": {"vip level": "platinum", "discount": 1777},
}


@pytest.mark.parametrize(
    "quoted",
    [
        "jane.roe@example.com is taken",
        "Name Jane Roe-Miller is too long",
        'Body "The \\"printer\\" in K\\u00f6ln\\nis on fire" is not allowed',
        "Body begins with The print…: 'printer in köln is on fi'",
        "discount 1777 is no boolean",
        "vip level: platinum is not a list item",
        json.dumps(SENT),
        json.dumps(SENT, ensure_ascii=False),
    ],
)
def test_no_word_of_what_was_sent_is_left_in_a_message(quoted: str) -> None:
    kept = without_values(masked(quoted), [json.dumps(SENT)])
    for word in ("jane", "miller", "printer", "fire", "köln", "platinum", "1777", "1234567"):
        assert word not in kept.casefold()


def test_what_the_message_says_itself_stays() -> None:
    message = (
        "400 parameter_invalid: custom_attributes: discount must be a boolean, conversation 6762f0dd1bb69f9f2193bb83"
    )
    assert without_values(masked(message), [json.dumps(SENT)]) == message


@pytest.mark.parametrize(
    "message",
    [
        "A contact matching those details already exists with id=6762f0dd1bb69f9f2193bb83",
        "Conversation 215471234567890 not found",
        "Request 248ec539-ff22-4ffa-9552-aef272534677 failed",
        "The field conversation_attribute_identifier is unknown",
    ],
)
def test_ids_and_names_of_fields_are_no_secret(message: str) -> None:
    assert masked(message) == message


def test_a_refusal_never_repeats_a_token_or_a_file() -> None:
    token = "dG9rOnBsYW50ZWQtdG9rZW4tNzc4ODk5"
    said = {"errors": [{"code": "unauthorized", "message": f"Access Token {token} of me@example.com is revoked"}]}
    assert str(judge(401, said, "req-1")).startswith(
        "Intercom refuses: 401 unauthorized: Access Token … of … is revoked (request req-1)"
    )


def test_a_refusal_in_half_characters_is_kept_without_them(rehearse: Rehearse, monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"errors": [{"code": "parameter_invalid", "message": json.loads(r'"name \ud83d is invalid"')}]}
    monkeypatch.setattr(client, "judge", lambda _status, _data, request_id: judge(422, said, request_id))
    fault = Fault("POST", "/companies", do="status:422", times=UNLIMITED)
    rehearsal = rehearse(tickets=range(1, 2), faults=(fault,))
    assert rehearsal.apply().state == "finished"
    with sqlite3.connect(rehearsal.ledger) as db:
        (kept,) = db.execute("select message from dead_letters where reason = 'refused' limit 1").fetchone()
    assert kept == "422 parameter_invalid: name ? is invalid"

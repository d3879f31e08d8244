"""Addresses and numbers are read as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbt_project.functions.addresses import e164, last_address, region_of


@pytest.mark.parametrize(
    ("header", "name", "address"),
    [
        ("jo@example.com", None, "jo@example.com"),
        ("<jo@example.com>", None, "jo@example.com"),
        ("Jo Doe <Jo.Doe@Example.COM>", "Jo Doe", "jo.doe@example.com"),
        ('"Doe, Jo" <jo@example.com>', "Doe, Jo", "jo@example.com"),
        ('"Jo \\"the printer\\" Doe" <jo@example.com>', 'Jo "the printer" Doe', "jo@example.com"),
        ("Jörg Groß <jo@example.com>", "Jörg Groß", "jo@example.com"),
        ("jo@example.com (Jo Doe)", "Jo Doe", "jo@example.com"),
        ("a@example.com, Jo <jo@example.com>", "Jo", "jo@example.com"),
        ('"A, B" <a@example.com>, "Doe, Jo" <jo@example.com>', "Doe, Jo", "jo@example.com"),
        ("jo@example.com, nobody", None, "jo@example.com"),
        ("Jo Doe jo@example.com", None, "jo@example.com"),
        ("Jo\n Doe <jo@example.com>", "Jo Doe", "jo@example.com"),
        ("=?utf-8?Q?J=C3=B6rg?= <jo@example.com>", "=?utf-8?Q?J=C3=B6rg?=", "jo@example.com"),
        ("=?broken?Q?=C3=?=?= <jo@example.com>", "=?broken?Q?=C3=?=?=", "jo@example.com"),
    ],
)
def test_the_last_address_of_a_from_line_is_the_customer(header: str, name: str | None, address: str) -> None:
    assert last_address(header) == {"name": name, "address": address}


@pytest.mark.parametrize(
    "header", [None, "", "   ", "nobody", "undisclosed-recipients:;", "<>", '"', ",,,", "@", "jo@", "@b"]
)
def test_a_from_line_without_an_address_answers_nothing(header: str | None) -> None:
    assert last_address(header) == {}


@given(st.text(max_size=120))
def test_any_from_line_answers_an_address_with_an_at_sign_or_nothing(header: str) -> None:
    found = last_address(header)
    assert found == {} or all(found["address"].rpartition("@"))


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+49 30 123456", "+4930123456"),
        ("0049 (0)30 123456", "+4930123456"),
        (" +1 (202) 555-0143 ", "+12025550143"),
        ("+49/30/12 34 56", "+4930123456"),
    ],
)
def test_a_number_with_its_country_is_brought_to_e164(written: str, number: str) -> None:
    assert e164(written) == {"value": number}


@pytest.mark.parametrize("written", ["030 123456", "110", "+49", "+999 123456789", "call me", "+1 2", "00"])
def test_a_number_that_cannot_be_dialled_from_abroad_is_not_guessed(written: str) -> None:
    answer = e164(written)
    assert answer.get("value") is None
    assert answer["error"]


@pytest.mark.parametrize(
    ("written", "country", "number"),
    [
        ("030 901820", "DE", "+4930901820"),
        ("030 901820", " deutschland ", "+4930901820"),
        ("(030) 901820", "Germany", "+4930901820"),
        ("030 901820", "Allemagne", "+4930901820"),
        ("03-3201-3331", "日本", "+81332013331"),
        ("+1 202 555 0143", "Germany", "+12025550143"),
    ],
)
def test_a_number_without_country_code_is_read_by_the_customers_country(
    written: str, country: str, number: str
) -> None:
    assert e164(written, country) == {"value": number}


@pytest.mark.parametrize(("written", "country"), [("030 901820", "Atlantis"), ("12", "Germany"), ("030 1", "DE")])
def test_neither_an_unknown_country_nor_an_impossible_number_is_guessed(written: str, country: str) -> None:
    assert e164(written, country, "FR").get("value") is None


def test_the_default_country_is_for_those_without_one() -> None:
    assert e164("030 901820", None, "DE") == e164("030 901820", " ", "DE") == {"value": "+4930901820"}
    assert e164("030 901820", None, "").get("value") is None


@given(st.text(max_size=20))
def test_any_text_is_a_known_country_or_none(country: str) -> None:
    region = region_of(country)
    assert region is None or (len(region) == 2 and region.isupper())


@pytest.mark.parametrize("written", [None, "", "  "])
def test_no_number_is_no_error(written: str | None) -> None:
    assert e164(written) == {}


@given(st.text(max_size=40))
def test_any_text_answers_a_number_in_e164_or_none(written: str) -> None:
    value = e164(written).get("value")
    assert value is None or (value.startswith("+") and value[1:].isdigit())

"""Names are compared as people would."""

import pytest

from dbt_project.functions.names import name_similarity


@pytest.mark.parametrize(
    ("first", "second", "least", "most"),
    [
        ("Ada Byron", "byron, ADA", 100, 100),
        ("Jürgen Müller", "Jurgen Muller", 100, 100),
        ("Support::Tier 1", "Support / Tier 1", 100, 100),
        ("Billing", "Billings", 90, 99),
        ("Billing", "Sales", 0, 50),
        ("伟 陈", "陈 伟", 100, 100),
    ],
)
def test_case_accents_order_and_signs_count_little(first: str, second: str, least: float, most: float) -> None:
    assert least <= name_similarity(first, second)["score"] <= most


@pytest.mark.parametrize(("first", "second"), [(None, "a"), ("a", ""), ("!!!", "a")])
def test_an_empty_name_is_like_none(first: str | None, second: str | None) -> None:
    assert name_similarity(first, second) == {}

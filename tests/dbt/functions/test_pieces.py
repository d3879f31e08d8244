"""A body that is too long is cut between blocks, lines or words; nothing of it is lost, doubled or torn."""

import html
import re
import unicodedata

import nh3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbt_project.functions.bodies import KEPT, clean_html
from dbt_project.functions.pieces import LEAST, body_pieces, cut_html, cut_text

pytestmark = pytest.mark.timeout(60)


def letters(text: str) -> str:
    return "".join(text.split())


def letters_of_html(markup: str) -> str:
    return letters(html.unescape(re.sub(r'<(?:[^<>"]|"[^"]*")*>', "", markup)))


def is_well_formed(markup: str) -> bool:
    """Whether tags open and close in pairs, and a parser of HTML 5 finds nothing to mend."""
    inside: list[str] = []
    for end, name in re.findall(r'<(/?)([a-z0-9]+)(?:[^<>"]|"[^"]*")*>', markup):
        if end and (not inside or inside.pop() != name):
            return False
        if not end and name != "br":
            inside.append(name)
    again = nh3.clean(markup, tags=KEPT, attributes={"a": {"href"}}, link_rel=None)
    return not inside and again.count("<") == markup.count("<")


def test_a_body_within_the_limit_is_one_piece_as_it_is() -> None:
    assert body_pieces("<p>a</p>", "html", 1000) == {"pieces": ["<p>a</p>"]}
    assert body_pieces(" a\n\n", "text", 1000) == {"pieces": [" a\n\n"]}


def test_null_stays_null() -> None:
    assert body_pieces(None, "html", 1000) == {}


def test_paragraphs_stay_whole() -> None:
    markup = "".join(f"<p>paragraph {number} {'word ' * 12}</p>" for number in range(20))
    pieces = cut_html(markup, 300)
    assert "".join(pieces) == markup
    assert all(re.fullmatch(r"(?:<p>[^<]*</p>)+", piece) for piece in pieces)


def test_an_open_list_goes_on_in_the_next_piece() -> None:
    markup = "<ul>" + "".join(f"<li>{'word ' * 10}{number}</li>" for number in range(10)) + "</ul>"
    pieces = cut_html(markup, 250)
    assert len(pieces) > 1
    assert all(piece.startswith("<ul><li>") and piece.endswith("</li></ul>") for piece in pieces)


def test_a_link_keeps_its_address_in_each_piece() -> None:
    pieces = cut_html(f'<p><a href="https://example.com/?a=1&amp;b=<2>">{"word " * 100}</a></p>', 300)
    assert len(pieces) > 1
    assert all('<a href="https://example.com/?a=1&amp;b=<2>">' in piece for piece in pieces)


def test_plain_text_is_cut_behind_lines_and_quotations_keep_theirs() -> None:
    text = "\n".join(f"> line {number} of a quotation" for number in range(40))
    pieces = cut_text(text, 300)
    assert "\n".join(pieces) == text
    assert all(piece.startswith("> ") for piece in pieces)


@pytest.mark.parametrize("character", ["e\u0301", "👩‍👩‍👧", "🇩🇪", "👍🏽", "が", "&amp;"])
def test_what_is_shown_as_one_character_is_never_cut(character: str) -> None:
    text = "x" + character * 400
    ways = [cut_html] if character == "&amp;" else [cut_html, cut_text]
    for pieces in (way(text, 201) for way in ways):
        assert len(pieces) > 1
        assert "".join(pieces) == text
        assert all(len(piece.lstrip("x")) % len(character) == 0 for piece in pieces), pieces


@pytest.mark.parametrize(
    "markup",
    [
        "<b>" * 5000 + "deep " * 100 + "</b>" * 5000,
        "<ul><li>" * 900 + "deep" + "</li></ul>" * 900,
        "<p>" + "a" * 5000 + "</p>",
        "&lt;" * 2000,
        "<br>" * 3000,
        "a<br>" * 3000,
        f'<a href="https://example.com/{"x" * 5000}">word</a> ' * 3,
    ],
    ids=lambda markup: markup[:20],
)
def test_html_that_no_person_writes_is_cut_all_the_same(markup: str) -> None:
    pieces = cut_html(markup, 400)
    assert "".join(map(letters_of_html, pieces)) == letters_of_html(markup)
    assert all(len(piece) <= 400 or not letters_of_html(markup) for piece in pieces)
    assert all(is_well_formed(piece) for piece in pieces)


@pytest.mark.parametrize(
    "body",
    [
        "<p>word word</p>\n" * 60_000,
        "a" * 1_000_000,
        "a " * 500_000,
        "<br>" * 250_000,
        "<b>" * 99_999 + "</b>" * 99_999,
        "<ul>" + "<li>a</li>" * 90_000 + "</ul>",
        "a<br>" * 200_000,
        "&amp;" * 200_000,
        " " * 1_000_000 + "x",
    ],
    ids=lambda body: body[:20],
)
@pytest.mark.parametrize("limit", [LEAST, 50_000])
def test_a_body_of_a_megabyte_is_cut_in_time_in_proportion(body: str, limit: int) -> None:
    pieces = body_pieces(body, "html", limit)["pieces"]
    assert "".join(map(letters_of_html, pieces)) == letters_of_html(body)
    assert "".join(map(letters, body_pieces(body, "text", limit)["pieces"])) == letters(body)


WORDS = st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=30).map(" ".join)
ELEMENTS = ("b", "a href='https://example.com/ä?<x>'", "p", "ul", "li", "ol", "div", "pre", "h1", "code", "i")


def wrapped(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    element = st.tuples(st.sampled_from(ELEMENTS), inner).map(
        lambda made: f"<{made[0]}>{made[1]}</{made[0].split()[0]}>"
    )
    return st.one_of(element, st.lists(inner, min_size=1, max_size=5).map("<br>".join))


@settings(deadline=None)
@given(st.recursive(WORDS.map(html.escape), wrapped, max_leaves=20), st.integers(LEAST, 600))
def test_the_letters_of_the_pieces_are_those_of_the_whole(written: str, limit: int) -> None:
    markup = clean_html(written)
    pieces = cut_html(markup, limit)
    assert "".join(map(letters_of_html, pieces)) == letters_of_html(markup)
    assert all(len(piece) <= limit for piece in pieces)
    assert all(is_well_formed(piece) for piece in pieces), pieces


@settings(deadline=None)
@given(st.text(max_size=3000), st.integers(LEAST, 400))
def test_the_letters_of_plain_pieces_are_those_of_the_whole(text: str, limit: int) -> None:
    pieces = cut_text(text, limit)
    assert "".join(map(letters, pieces)) == letters(text)
    assert all(len(piece) <= limit for piece in pieces)
    assert not any(unicodedata.combining(piece[0]) for piece in pieces[1:])

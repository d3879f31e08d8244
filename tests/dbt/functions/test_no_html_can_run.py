"""Nobody's HTML can run: no script, handler, foreign form or remote reference is left of what an attacker writes.

Three parsers look at what is sent, the one of HTML 5 among them, and each of them finds only the few elements that
are kept, and no attribute but the address of a link.
"""

import html
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import lxml.html
import nh3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment
from xss_vectors import IN_OTHER_CHARSETS, VECTORS

from dbt_project.functions.bodies import KEPT, clean_html, html_body, image_names, plain_body
from dbt_project.functions.pieces import cut_html

ROOT = Path(__file__).resolve().parents[3]
LINKS = {"http", "https", "mailto", "tel"}

Element = tuple[str, dict[str, str]]

_EVERY_TAG = set(
    re.findall(
        r"\S+",
        """
    a abbr acronym address applet area article aside audio b base basefont bdi bdo bgsound big blink
    blockquote body br button canvas caption center cite code col colgroup command comment data datalist dd
    del details dfn dialog dir div dl dt em embed fieldset figcaption figure font footer form frame frameset g
    h1 h2 h3 h4 h5 h6 head header hr html i iframe image img input ins isindex kbd keygen label layer legend
    li link listing main map mark marquee math maction mi mglyph mtext annotation-xml menu meta meter nav nobr
    noembed noframes noscript object ol optgroup option output p param path picture plaintext portal pre
    progress q rp rt ruby s samp script section select slot small source span strike strong style sub summary
    sup svg animate set desc foreignObject foreignobject use text table tbody td template textarea tfoot th
    thead time title tr track tt u ul var video wbr x xml xmp xss
    """,
    )
)
_EVERY_SCHEME = set(
    re.findall(
        r"\S+",
        """
    http https mailto tel javascript vbscript livescript data blob file filesystem feed jar
    """,
    )
)


class _Elements(HTMLParser):
    """What Python's own parser sees."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def handle_comment(self, data: str) -> None:
        self.found.append(("!--", {"": data}))

    def handle_decl(self, decl: str) -> None:
        self.found.append(("!", {"": decl}))

    def handle_pi(self, data: str) -> None:
        self.found.append(("?", {"": data}))


def by_python(markup: str) -> list[Element]:
    parser = _Elements()
    parser.feed(markup)
    parser.close()
    return parser.found


def by_html5(markup: str) -> list[Element]:
    """What a parser of HTML 5 sees; it is told to keep everything, and writes it so that anything can read it."""
    kept = nh3.clean(
        markup,
        tags=_EVERY_TAG,
        clean_content_tags=set(),
        attributes={},
        generic_attribute_prefixes=set("abcdefghijklmnopqrstuvwxyz_:\"'`"),
        url_schemes=_EVERY_SCHEME,
        url_relative="pass_through",
        strip_comments=False,
        link_rel=None,
    )
    return by_python(kept)


def by_libxml(markup: str) -> list[Element]:
    if not markup.strip():
        return []
    root = lxml.html.fragment_fromstring(
        markup.encode(), create_parent="span", parser=lxml.html.HTMLParser(encoding="utf-8")
    )
    return [(str(e.tag), dict(e.attrib)) for e in root.iter() if e is not root]


PARSERS: tuple[Callable[[str], list[Element]], ...] = (by_python, by_html5, by_libxml)


def harm(elements: list[Element]) -> Iterator[str]:
    """What could run, be loaded or be sent."""
    for tag, attributes in elements:
        if tag not in KEPT:
            yield f"<{tag}>"
        for name, value in attributes.items():
            if (tag, name) != ("a", "href"):
                yield f"<{tag} {name}={value!r}>"
            # as browsers read an address: blanks and control characters are nothing
            elif urlsplit(re.sub(r"[\x00-\x20]", "", html.unescape(value))).scheme.lower() not in LINKS:
                yield f"<a href={value!r}>"


def assert_inert(markup: str) -> None:
    for parser in PARSERS:
        assert list(harm(parser(markup))) == [], markup


def text_to_html(texts: list[str]) -> list[str]:
    """Plain texts through the project's own macros, in the database."""
    source = (ROOT / "dbt_project/macros/text_to_html.sql").read_text(encoding="utf-8")
    expression = Environment(autoescape=False).from_string(source + '{{ text_to_html("text") }}').render()  # noqa: S701
    with duckdb.connect() as db:
        rows = db.execute(f"select {expression} from (select unnest(?) as text)", [texts]).fetchall()
    return [row[0] for row in rows]


def test_there_are_enough_vectors_and_the_parsers_see_their_harm() -> None:
    assert len(VECTORS) == len(set(VECTORS)) >= 200
    raw = [vector for vector in VECTORS if "\ud800" not in vector and "<![" not in vector]
    for parser in PARSERS:
        assert sum(any(harm(parser(vector))) for vector in raw) > 150, parser


@pytest.mark.parametrize("vector", VECTORS, ids=range(len(VECTORS)))
def test_html_of_an_attacker_is_inert(vector: str) -> None:
    content = vector.encode("utf-8", "surrogatepass")
    cleaned = html_body(content, "text/html; charset=utf-8", '[["x", "<img src=x onerror=alert(1)>.png"]]')["value"]
    assert_inert(cleaned)
    assert_inert(f"<p>before</p>{cleaned}<p>behind</p>")


@pytest.mark.parametrize(("content", "content_type"), IN_OTHER_CHARSETS, ids=range(len(IN_OTHER_CHARSETS)))
def test_a_charset_hides_nothing(content: bytes, content_type: str) -> None:
    assert_inert(html_body(content, content_type)["value"])


def test_plain_text_of_an_attacker_is_shown_as_it_is_and_is_inert() -> None:
    texts = [plain_body(vector)["value"] for vector in VECTORS]
    for text, markup in zip(texts, text_to_html(texts), strict=True):
        assert {tag for tag, _ in by_html5(markup)} <= {"p", "br"}
        assert_inert(markup)
        shown = html.unescape(re.sub(r"<(?:/?p|br)>", " ", markup))
        assert shown.split() == text.split()


def test_the_name_of_an_image_is_text() -> None:
    names = image_names('[["x", "<script>alert(1)</script>.png"]]')
    assert_inert(clean_html("<img src='cid:x'>", names))
    [markup] = text_to_html([plain_body("[cid:x]", '[["x", "<script>alert(1)</script>.png"]]')["value"]])
    assert_inert(markup)
    assert "[image: &lt;script&gt;" in markup


def test_links_of_honest_people_stay() -> None:
    for address in ("https://example.com/?a=1&b=2#c", "http://example.com", "mailto:a@example.com", "tel:+4930123"):
        assert by_html5(clean_html(f'<a href="{html.escape(address)}">x</a>')) == [("a", {"href": address})]


@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from(VECTORS) | st.text(max_size=20), min_size=2, max_size=5).map("".join))
def test_vectors_together_are_inert(written: str) -> None:
    assert_inert(clean_html(written))


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet="<>/\"'=! -&;#abpxsctyle", max_size=80))
def test_any_rubble_of_markup_is_inert(written: str) -> None:
    assert_inert(clean_html(written))


def test_vectors_stay_inert_where_a_long_body_is_cut() -> None:
    cleaned = clean_html("<p>word word word</p>".join(VECTORS))
    for piece in cut_html(cleaned, 200):
        assert_inert(piece)

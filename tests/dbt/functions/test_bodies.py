"""Bodies of any mail program keep their words and their lines, and lose what could do harm."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbt_project.functions.bodies import clean_html, decode, html_body, html_text, image_names, plain_body

# Far beyond what a slow machine needs, far below what a text with a quadratic cost takes.
pytestmark = pytest.mark.timeout(60)


def text_of(cleaned: str) -> str:
    return str(html_text(cleaned)["value"])


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        ("Grüße".encode("iso-8859-1"), "text/html; charset=iso-8859-1"),
        ("„Grüße“".encode("windows-1252"), "text/html; charset=windows-1252"),
        ("Привет".encode("koi8-r"), "text/html; charset=koi8-r"),
        ("Grüße 🙂".encode(), "text/html; charset=utf-8"),
        ("Grüße 🙂".encode(), "text/html; charset=UTF-8; name=file-2"),
        ("Grüße".encode("iso-8859-1"), 'text/html; charset="iso-8859-1"'),
        ("Grüße".encode("iso-8859-1"), "text/html; charset='iso-8859-1'"),
        ("Grüße".encode("iso-8859-1"), "text/html;\n charset=ISO-8859-1"),
        ("Grüße".encode("utf-16"), "text/html; charset=utf-16"),
        ("Grüße".encode("utf-16-le"), "text/html; charset=utf-16le"),
        ("日本語".encode("iso-2022-jp"), "text/html; charset=iso-2022-jp"),
        ("日本語".encode("shift_jis"), "text/html; charset=Shift_JIS"),
    ],
)
def test_a_body_is_decoded_by_the_charset_that_it_names(content: bytes, content_type: str) -> None:
    expected = content.decode(re.search(r"charset=[\"']?([\w-]+)", content_type)[1])  # type: ignore[index]
    assert decode(content, content_type) == expected
    assert html_body(content, content_type) == {"value": expected}


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/html",
        "text/html; charset=",
        "text/html; charset=none-such",
        "text/html; charset=us-ascii",
        "text/html; charset=hex",
        "text/html; charset=idna",
        "text/html; charset=x\0y",
        "text/html; charset*=utf-8''x",
        "garbage ;;; =",
    ],
)
def test_without_a_usable_charset_a_body_is_utf_8_else_windows_1252(content_type: str | None) -> None:
    assert decode("Grüße".encode(), content_type) == "Grüße"
    assert decode("Grüße".encode("windows-1252"), content_type) == "Grüße"


def test_a_body_in_another_charset_than_it_names_keeps_its_words() -> None:
    assert decode("Grüße".encode(), "text/html; charset=us-ascii") == "Grüße"
    assert decode(b"Gr\xfc\xdfe", "text/html; charset=utf-8") == "Grüße"


@given(st.binary(max_size=300), st.one_of(st.none(), st.text(max_size=40)))
def test_any_bytes_under_any_content_type_become_a_text(content: bytes, content_type: str | None) -> None:
    assert isinstance(decode(content, content_type), str)
    assert isinstance(html_body(content, content_type)["value"], str)


@pytest.mark.parametrize(
    ("written", "lines"),
    [
        ("one<div>two</div>three", "one<br>two<br>three"),
        ("<div>a</div><div>b</div>", "a<br>b"),
        ("<div><div>a</div><div>b</div></div>", "a<br>b"),
        ("<div>a<br></div><div>b</div>", "a<br>b"),
        ("<div>a</div><div><br></div><div>b</div>", "a<br><br>b"),
        ("<div>a</div><div>&nbsp;</div><div>b</div>", "a<br>&nbsp;<br>b"),
        ("<div>a</div><p>b</p><div>c</div>", "a<p>b</p>c"),
        ("a<blockquote>quoted</blockquote>b", "a<br>&gt; quoted<br>b"),
        (
            "<div type='cite'>one<br>t<b>w</b>o<p>three</p><blockquote>deep</blockquote>four</div>b",
            "&gt; one<br>&gt; t<b>w</b>o<p>&gt; three</p>&gt; &gt; deep<br>&gt; four<br>b",
        ),
        ("<blockquote><ul><li>a</li></ul></blockquote>b", "<ul><li>&gt; a</li></ul>b"),
        ("<blockquote> \n</blockquote>b", "b"),
        ("a<hr>b", "a<br>b"),
        ("<h3>a</h3>b", "a<br>b"),
        ("<dl><dt>a<dd>b</dl>c", "a<br>b<br>c"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>", "a b<br>c d"),
        ("<table><tbody><tr><th>a<tr><td>b</table>c", "a<br>b<br>c"),
        ("<table><caption>t</caption><tr><td>a</td></tr></table>", "t<br>a"),
        ("<table><tr><td>a<table><tr><td>x</td></tr><tr><td>y</td></tr></table></td></tr></table>", "a<br>x<br>y"),
        ("a<br><br><br><br>b", "a<br><br>b"),
        ("<br><br>a<br>", "a"),
        ("<ul><li><div>a</div></li><li><div>b</div></li></ul>", "<ul><li>a</li><li>b</li></ul>"),
        ("<pre>a\n  b</pre>", "<pre>a\n  b</pre>"),
    ],
)
def test_blocks_that_are_not_kept_leave_the_lines_that_a_browser_shows(written: str, lines: str) -> None:
    assert clean_html(written) == lines


@pytest.mark.parametrize(
    "written",
    [
        "<table><tr><td>alpha</td><td>beta</td></tr></table>",
        "<table><tr><td>alpha</td></tr><tr><td>beta</td></tr></table>",
        "<table><tr><th>alpha</th><td>beta</td></tr></table>",
        "<table><tr><td><table><tr><td>alpha</td></tr></table></td><td>beta</td></tr></table>",
        "<div>alpha</div><div>beta</div>",
        "<p>alpha</p><p>beta</p>",
        "<p>alpha<p>beta",
        "<ul><li>alpha<li>beta</ul>",
        "<h1>alpha</h1>beta",
        "alpha<br>beta",
        "alpha<hr/>beta",
        "<select><option>alpha</option><option>beta</option></select>",
        "<figure>alpha<figcaption>beta</figcaption></figure>",
        "<fieldset><legend>alpha</legend>beta</fieldset>",
        "<details><summary>alpha</summary>beta</details>",
        "alpha\x0bbeta",
    ],
)
def test_words_that_stand_apart_are_not_glued(written: str) -> None:
    assert text_of(clean_html(written)).split() == ["alpha", "beta"]


@pytest.mark.parametrize("written", ["al<b>pha</b>", "al<span>pha</span>", "al<font color=red>pha</font>", "al\0pha"])
def test_a_word_is_not_torn(written: str) -> None:
    assert text_of(clean_html(written)) == "alpha"


@pytest.mark.parametrize(
    "written",
    [
        "<script>alert(1)</script>text",
        "<SCRIPT SRC=//example.com/x.js></SCRIPT>text",
        "<style>p { color: red }</style>text",
        "<head><title>alert</title><style>alert</style></head><body>text</body>",
        "<p onclick='alert(1)' style='color: red' class=x id=y>text</p>",
        "<a href='javascript:alert(1)'>text</a>",
        "<a href=' jAvAsCrIpT:alert(1)'>text</a>",
        "<a href='java\nscript:alert(1)'>text</a>",
        "<a href='data:text/html,alert(1)'>text</a>",
        "<a href='vbscript:alert(1)'>text</a>",
        "<iframe src='javascript:alert(1)'></iframe>text",
        "<svg onload=alert(1)></svg>text",
        "<img src=x onerror=alert(1) alt=text>",
        "<!-- alert(1) -->text",
        "<!--[if mso]><p>alert</p><![endif]-->text",
        "<?alert 1?>text",
        "<object data=alert>alert</object>text",
        "<template>alert</template>text",
        "<scr\0ipt>alert(1)</scr\0ipt>text",
    ],
)
def test_what_could_do_harm_is_gone_and_the_text_stays(written: str) -> None:
    cleaned = clean_html(written)
    assert "text" in text_of(cleaned)
    assert "href" not in cleaned
    for harm in ("alert", "script", "style", "on", "color", "class", "<svg", "<img", "<iframe"):
        assert harm not in cleaned.lower(), cleaned


def test_links_keep_their_address() -> None:
    for address in ("https://example.com/a?b=1&c=2", "http://example.com", "mailto:a@example.com", "tel:+4930123"):
        assert clean_html(f'<a href="{html.escape(address)}" target=_blank>x</a>') == (
            f'<a href="{html.escape(address)}">x</a>'
        )


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("see <img src='cid:image001.png@01D7'> there", "see [image] there"),
        ("see <img src='cid:1' alt='The printer'>there", "see [image: The printer] there"),
        ("<img src='cid:1' alt='  '>", "[image]"),
        ("<div><img src='cid:1'></div><div>b</div>", "[image] b"),
    ],
)
def test_an_inline_image_leaves_a_mark_in_the_text(written: str, shown: str) -> None:
    assert text_of(clean_html(written)) == shown


FILES = (
    '[["<image001.png@01D7.1>", "image001.png"], ["a b@x", "Plan.png"], [null, "photo.jpg"], ["<logo>", "l<o>.png"]]'
)


@pytest.mark.parametrize(
    ("source", "marker"),
    [
        ("cid:image001.png@01D7.1", "[image: image001.png]"),
        ("CID:IMAGE001.PNG@01d7.1", "[image: image001.png]"),
        ("cid:image001.png%4001D7.1", "[image: image001.png]"),
        ("cid:<image001.png@01D7.1>", "[image: image001.png]"),
        (" cid:a%20b%40x ", "[image: Plan.png]"),
        ("/otrs/index.pl?Action=PictureUpload;FormID=1;ContentID=image001.png@01D7.1", "[image: image001.png]"),
        ("index.pl?Action=X&amp;ContentID=a%20b%40x&amp;y=1", "[image: Plan.png]"),
        ("photo.jpg", "[image: photo.jpg]"),
        ("cid:photo.jpg", "[image: photo.jpg]"),
        ("cid:logo", "[image: l<o>.png]"),
        ("cid:nothing", "[image: alt]"),
        ("https://example.com/photo.jpg", "[image: alt]"),
        ("data:image/png;base64,AAAA", "[image: alt]"),
    ],
)
def test_the_marker_of_an_image_names_its_file(source: str, marker: str) -> None:
    assert text_of(clean_html(f'a<img src="{source}" alt="alt">b', image_names(FILES))) == f"a {marker} b"


def test_of_two_files_with_one_content_id_the_first_counts() -> None:
    assert image_names('[["<x>", "first.png"], ["<x>", "second.png"]]')["x"] == "first.png"


@pytest.mark.parametrize("size", ["width=1 height=1", "width=0", 'height="1px"'])
def test_a_remote_image_that_counts_readers_leaves_no_mark(size: str) -> None:
    assert text_of(clean_html(f'a<img src="https://example.com/open" {size}>b')) == "ab"
    assert text_of(clean_html(f'a<img src="cid:logo" {size}>b', image_names(FILES))) == "a [image: l<o>.png] b"


def test_plain_text_names_its_images_and_keeps_its_lines() -> None:
    written = "> a\r\n  b\r\rc\x00d [cid:image001.png@01D7.1] [cid:nothing] {{ x }}\x0b\t."
    shown = "> a\n  b\n\ncd [image: image001.png] [cid:nothing] {{ x }} \t."
    assert plain_body(written, FILES) == {"value": shown}
    assert plain_body(None, None) == {}


@pytest.mark.parametrize(
    "written",
    [
        "",
        "<p>&nbsp;</p>",
        "<p> \u200b<br></p>",
        " \n ",
        "\0",
        "<!-- only a comment -->",
        "<!DOCTYPE html>",
        "<script>x</script>",
        "<br><br>",
        "\ud800",
    ],
)
def test_a_body_without_words_is_empty(written: str) -> None:
    assert clean_html(written) == ""


def test_characters_that_are_no_text_do_not_cost_the_body() -> None:
    assert text_of(clean_html("a\x01<script>x</script>\x1fb\ufdd0<img alt='\x02c'>\ud800d\ufffe")) == "ab [image: c] d"


@pytest.mark.parametrize("tag", ["div", "blockquote", "span", "b", "table><tr><td"])
@pytest.mark.parametrize("depth", [300, 5000])
def test_a_body_nested_beyond_reason_keeps_its_words(tag: str, depth: int) -> None:
    written = f"first <{tag}>" * depth + "deep"
    words = [word for word in text_of(clean_html(written)).split() if word != ">"]
    assert words == ["first"] * depth + ["deep"]


@pytest.mark.parametrize(
    "written",
    [
        "<p>word word</p>\n" * 60_000,
        "<div>a</div>" * 80_000,
        "<table>" + "<tr><td>a</td></tr>" * 50_000 + "</table>",
        "a" + " " * 1_000_000 + "b",
        "a" + "<br>" * 250_000 + "b",
        "a" + "<br> \n" * 150_000 + "b",
        "a<script>x</script>" * 50_000,
        "a<!-- c -->" * 90_000,
        "<" * 200_000,
        "<p " * 20_000,
        "&" * 200_000,
        "a<img alt=b>" * 80_000,
    ],
    ids=lambda written: written[:20],
)
def test_a_body_of_a_megabyte_takes_time_in_proportion(written: str) -> None:
    text_of(clean_html(written))


WORDS = st.lists(st.text(alphabet="abcdefghijÄößЖ日", min_size=1, max_size=8), min_size=1, max_size=4).map(" ".join)
BLOCK = ("div", "p", "blockquote", "ul", "li", "table", "tr", "td", "h1", "h3", "pre", "center")
INLINE = ("b", "span", "a", "i", "font", "code")


def wrapped(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    element = st.tuples(st.sampled_from(BLOCK + INLINE), inner).map(lambda made: f"<{made[0]}>{made[1]}</{made[0]}>")
    several = st.lists(inner, min_size=1, max_size=4)
    table = st.lists(inner, min_size=1, max_size=3).map(
        lambda cells: "<table><tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr></table>"
    )
    return st.one_of(element, table, several.map("<br>".join), several.map("\n".join))


@given(st.recursive(WORDS, wrapped, max_leaves=12))
def test_the_words_of_a_body_are_found_in_their_order_in_the_text_of_what_is_sent(written: str) -> None:
    # What a browser would move out of a table is not what mail programs write.
    if re.search(r"<(?:table|tr|ul)>(?!<(?:tr|td|li)>)", written):
        written = re.sub(r"</?(?:table|tr|td|ul|li)>", " ", written)
    expected = re.sub(r"<[^>]*>", " ", re.sub(r"</?(?:b|span|a|i|font|code)>", "", written))
    # quotations are marked
    assert [word for word in text_of(clean_html(written)).split() if word != ">"] == expected.split()


@given(st.text(max_size=200))
def test_any_text_as_html_is_cleaned_to_what_stays_the_same_when_it_is_cleaned_again(written: str) -> None:
    cleaned = clean_html(written)
    assert text_of(clean_html(cleaned)) == text_of(cleaned)


@given(st.text(max_size=200))
def test_escaped_text_comes_back_word_by_word(written: str) -> None:
    kept = re.sub("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufdd0\ufffe\uffff]", "", written)
    assert text_of(clean_html(html.escape(kept))).split() == kept.split()


def test_null_stays_null() -> None:
    assert html_body(None, "text/html") == {}
    assert html_text(None) == {}

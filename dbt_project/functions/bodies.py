"""Message bodies: HTML of any mail program to the few elements that Intercom keeps, and HTML to text.

Intercom passes comments and notes through a sanitiser whose list is not published; `div` is stripped by it.
So a body is brought to paragraphs, breaks, emphasis, links, lists and code before it is sent.
"""

import codecs
import html
import re
from collections.abc import Mapping
from email.message import Message
from typing import Any

import lxml.html
import nh3
from lxml import etree

KEPT = {"p", "br", "b", "strong", "i", "em", "a", "ul", "ol", "li", "h1", "h2", "pre", "code"}
DROPPED = {"script", "style", "head", "title", "meta", "link", "object", "embed", "template", "noscript"}
BLOCKS = {
    *("address", "article", "aside", "blockquote", "center", "dd", "div", "dl", "dt", "fieldset", "footer"),
    *("form", "h3", "h4", "h5", "h6", "header", "hr", "main", "nav", "section", "table", "tr"),
}
_BREAKS = re.compile(r"(?:\s*<br>\s*){3,}")
_EDGES = re.compile(r"^(?:\s|<br>)+|(?:\s|<br>)+$")


def decode(content: bytes, content_type: str | None) -> str:
    """Decode a mail part by the charset of its content type; without one as UTF-8, else as windows-1252."""
    header = Message()
    header["Content-Type"] = content_type or "text/html"
    declared = header.get_param("charset")
    for name in (declared if isinstance(declared, str) else None, "utf-8"):
        if name:
            try:
                return content.decode(codecs.lookup(name.strip("\"' ")).name)
            except (LookupError, UnicodeDecodeError):
                continue
    return content.decode("windows-1252", "replace")


def clean_html(text: str) -> str:
    """Reduce HTML to the elements that Intercom keeps; what is dropped keeps its text and its line breaks."""
    text = text.replace("\0", "")
    if not text.strip():
        return ""
    root = lxml.html.document_fromstring(text.encode("utf-8"), parser=_parser())
    for element in list(root.iter()):
        if not isinstance(element.tag, str) or element.tag in DROPPED:
            if element.getparent() is not None:
                _remove(element)
        elif element.tag == "img":
            _replace_by_text(element, _image_text(element))
        elif element.tag in {"td", "th"}:
            element.tail = " " + (element.tail or "")
        elif element.tag in BLOCKS:
            _break_around(element)
    cleaned = nh3.clean(
        lxml.html.tostring(root, encoding="unicode"),
        tags=KEPT,
        attributes={"a": {"href"}},
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel=None,
        strip_comments=True,
    )
    return _EDGES.sub("", _BREAKS.sub("<br><br>", cleaned))


def _parser() -> Any:
    return lxml.html.HTMLParser(encoding="utf-8", huge_tree=True)


def _remove(element: Any) -> None:
    _replace_by_text(element, "")


def _replace_by_text(element: Any, text: str) -> None:
    parent = element.getparent()
    if parent is None:
        return
    text += element.tail or ""
    previous = element.getprevious()
    if previous is not None:
        previous.tail = (previous.tail or "") + text
    else:
        parent.text = (parent.text or "") + text
    parent.remove(element)


def _image_text(element: Any) -> str:
    alternative = str(element.get("alt") or "").strip()
    return f" [{alternative or 'image'}] "


def _break_around(element: Any) -> None:
    parent = element.getparent()
    if parent is None:
        return
    position = parent.index(element)
    parent.insert(position, etree.Element("br"))
    after = etree.Element("br")
    after.tail, element.tail = element.tail, None
    parent.insert(position + 2, after)


def html_body(content: bytes | None, content_type: str | None) -> Mapping[str, Any]:
    """Answer `value`: the cleaned HTML of a mail part, or null for null."""
    if content is None:
        return {}
    return {"value": clean_html(decode(content, content_type))}


def html_text(text: str | None) -> Mapping[str, Any]:
    """Answer `value`: the words of an HTML text, one blank between them."""
    if text is None:
        return {}
    spaced = re.sub(r"(?i)<(?:br|/p|/li|/h1|/h2|/pre|p|li)\b[^>]*>", " ", text)
    bare = html.unescape(nh3.clean(spaced, tags=set()))
    return {"value": " ".join(bare.split())}

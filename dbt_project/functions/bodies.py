"""Message bodies: HTML of any mail program to the few elements that Intercom keeps, and HTML to text.

Intercom passes comments and notes through a sanitiser whose list is not published; `div` is stripped by it.
So a body is brought to paragraphs, breaks, emphasis, links, lists and code before it is sent. Images become
files of the part; a marker with the file's name stands where they stood.
"""

import codecs
import html
import json
import re
from collections.abc import Mapping
from email.message import Message
from typing import Any
from urllib.parse import unquote

import lxml.html
import nh3
from lxml import etree

KEPT = {"p", "br", "b", "strong", "i", "em", "a", "ul", "ol", "li", "h1", "h2", "pre", "code"}
DROPPED = {"script", "style", "head", "title", "meta", "link", "object", "embed", "template", "noscript"}
BLOCKS = {
    *("address", "article", "aside", "blockquote", "caption", "center", "dd", "details", "dir", "div", "dl"),
    *("dt", "fieldset", "figcaption", "figure", "footer", "form", "h3", "h4", "h5", "h6", "header", "hr"),
    *("legend", "main", "menu", "nav", "optgroup", "option", "section", "summary", "table", "tr"),
}
"""Elements that stand on lines of their own and are not kept: their edges become line breaks."""

CELLS = {"td", "th"}
"""Elements that stand beside each other on a line; a blank keeps their words apart."""

_UNWRAPPED = BLOCKS | CELLS | {"thead", "tbody", "tfoot", "colgroup", "col", "select"}
_EDGE, _QUOTE, _UNQUOTE = "\ufdd0", "\ufdd1", "\ufdd2"
"""Mark the edges of blocks and of quotations until lines are made of them: code points that are never characters."""

_DEEPEST_QUOTE = 9
"""Quotations in quotations get a mark for each, up to so many."""

_NOT_TEXT = re.compile("[\x00-\x08\x0e-\x1f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_OTHER_BLANKS = re.compile("[\x0b\x0c]")
_TAG = re.compile("<[^<>]*>")
_BLANK = re.compile("(?:&nbsp;|\\s|[\u200b-\u200f\u2060\ufeff])*")
_PIECES = re.compile(f"(<[^<>]*>|[{_EDGE}{_QUOTE}{_UNQUOTE}])")
_OWN_LINE = re.compile(r"</?(?:p|ul|ol|li|h1|h2|pre)\b")
_CONTENT_ID = re.compile(r"(?i)[;&?]ContentID=([^;&]+)")
_CID_IN_TEXT = re.compile(r"(?i)\[cid:([^\[\]\s]{1,500})\]")
_LINE_ENDS = re.compile(r"\r\n?")
_STRUCTURE = re.compile(r"(?i)</?(?:div|span|font|blockquote|table|tbody|tr|td|center|dl|dd)\b[^<>]*>")


def decode(content: bytes, content_type: str | None) -> str:
    """Decode a mail part by the charset of its content type; without one as UTF-8, else as windows-1252."""
    header = Message()
    header["Content-Type"] = content_type or "text/html"
    declared = header.get_param("charset")
    for name in (declared if isinstance(declared, str) else None, "utf-8"):
        if name:
            try:
                return content.decode(codecs.lookup(name.strip("\"' ")).name)
            except (LookupError, ValueError):  # unknown, no text encoding, or not the one the bytes are in
                continue
    return content.decode("windows-1252", "replace")


def clean_html(text: str, images: Mapping[str, str] | None = None) -> str:
    """Reduce HTML to the elements that Intercom keeps; what is dropped keeps its text and its line breaks.

    Takes time in proportion to the text, whatever stands in it.

    Args:
        text: the HTML.
        images: names of the article's files, by `image_names`.
    """
    text = _OTHER_BLANKS.sub(" ", _NOT_TEXT.sub("", text))
    root = _parsed(text)
    if root is None:
        return ""
    for element in list(root.iter(etree.Element)):
        if element.getparent() is None:
            continue
        if element.tag in DROPPED:
            _become_text(element, "")
        elif element.tag == "img":
            _become_text(element, _image_text(element, images or {}))
        elif element.tag in CELLS:
            element.tail = " " + (element.tail or "")
        elif element.tag in BLOCKS:
            is_quote = element.tag == "blockquote" or element.get("type") == "cite"  # the latter by OTRS's editor
            element.text = _EDGE + (_QUOTE if is_quote else "") + (element.text or "")
            element.tail = (_UNQUOTE if is_quote else "") + _EDGE + (element.tail or "")
        if element.tag in _UNWRAPPED:
            element.tag = "span"  # a parser of HTML 5 would move text out of a table
    cleaned = nh3.clean(
        lxml.html.tostring(root, encoding="unicode"),
        tags=KEPT,
        attributes={"*": set(), "a": {"href"}},  # else `title` and `lang` would stay on every element
        url_schemes={"http", "https", "mailto", "tel"},
        url_relative="deny",  # it would lead somewhere in Intercom
        link_rel=None,
        strip_comments=True,
    )
    lines = _without_blank_lines(_with_breaks(cleaned))
    return lines if _BLANK.fullmatch(_TAG.sub("", lines)) is None else ""


def _parsed(text: str) -> Any:
    """Return the root element, or None where there is none.

    libxml2 gives up at a depth of 2,048 elements and drops what is deeper. A mail that is nested like that is
    parsed without its blocks, and if need be without anything but its breaks.
    """
    parser = lxml.html.HTMLParser(encoding="utf-8", huge_tree=True)
    root = None
    for flatten in (str, lambda deep: _STRUCTURE.sub("<br>", deep), lambda deep: nh3.clean(deep, tags={"br"})):
        try:
            root = lxml.html.document_fromstring(flatten(text).encode("utf-8"), parser=parser)
        except etree.ParserError:  # nothing but comments and blanks
            return None
        if not any("depth" in entry.message.lower() for entry in parser.error_log.filter_from_errors()):
            break
    return root


def _become_text(element: Any, text: str) -> None:
    element.clear(keep_tail=True)
    element.tag = "span"
    element.text = text


def _image_text(element: Any, images: Mapping[str, str]) -> str:
    """The marker of an image; a remote one of a pixel is there to count readers, and leaves none."""
    name = _file_of(str(element.get("src") or ""), images)
    if name is None and {element.get("width"), element.get("height")} & {"0", "1", "0px", "1px"}:
        return ""
    return f" {_marker(name or element.get('alt'))} "


def _marker(name: str | None) -> str:
    words = " ".join((name or "").split())
    return f"[image: {words}]" if words else "[image]"


def _file_of(source: str, images: Mapping[str, str]) -> str | None:
    """Name of the file that an image's address means: by its content id, as mails and OTRS write it, or by name."""
    found = _CONTENT_ID.search(source)
    address = found[1] if found else source.strip()
    return images.get(_image_key(address)) or images.get(_image_key(unquote(address)))


def _image_key(address: str) -> str:
    address = address.strip()
    return (address[4:] if address[:4].casefold() == "cid:" else address).strip().strip("<>").casefold()


def image_names(listed: str | None) -> dict[str, str]:
    """File names by what an image's address may hold of them: their content id, else their own name.

    Args:
        listed: JSON list of pairs of content id, with or without angle brackets, and file name; null for none.
    """
    pairs = json.loads(listed) if listed else []
    names = {_image_key(name): name for _, name in reversed(pairs)}
    names.update({_image_key(content_id): name for content_id, name in reversed(pairs) if content_id})
    return names


def _with_breaks(cleaned: str) -> str:
    """Turn marked edges into breaks as a browser does: an edge ends a line only where there is text on it.

    Lines of a quotation begin with `>`, as in plain text.
    """
    pieces = _PIECES.split(cleaned)
    has_text = False
    pending: int | None = None  # a break that was made of an edge, with nothing behind it yet
    depth = 0
    for position, piece in enumerate(pieces):
        if piece in {_QUOTE, _UNQUOTE}:
            depth += 1 if piece == _QUOTE else -1
            pieces[position] = ""
        elif piece == _EDGE:
            pieces[position] = "<br>" if has_text else ""
            pending = position if has_text else pending
            has_text = False
        elif piece == "<br>":
            has_text, pending = False, None
        elif _OWN_LINE.match(piece):
            if pending is not None:
                pieces[pending] = ""
            has_text, pending = False, None
        elif piece.strip() and not piece.startswith("<"):
            if depth > 0 and not has_text:
                pieces[position] = "&gt; " * min(depth, _DEEPEST_QUOTE) + piece.lstrip()
            has_text, pending = True, None
    return "".join(pieces)


def _without_blank_lines(cleaned: str) -> str:
    """Leave one empty line where there are several, and none at the start and at the end."""
    lines: list[str] = []
    blank = False
    for line in cleaned.split("<br>"):
        if not line.strip():
            blank = bool(lines)
            continue
        if blank:
            lines.append("")
            blank = False
        lines.append(line.rstrip())
    return "<br>".join(lines).strip()


def html_body(content: bytes | None, content_type: str | None, images: str | None = None) -> Mapping[str, Any]:
    """Answer `value`: the cleaned HTML of a mail part, empty when no words are in it, or null for null."""
    if content is None:
        return {}
    return {"value": clean_html(decode(content, content_type), image_names(images))}


def plain_body(text: str | None, images: str | None = None) -> Mapping[str, Any]:
    """Answer `value`: a plain text with the lines it has, and the names of the images that it mentions.

    Mail programs leave `[cid:…]` in the plain text where an image stands in the HTML.
    """
    if text is None:
        return {}
    kept = _OTHER_BLANKS.sub(" ", _NOT_TEXT.sub("", _LINE_ENDS.sub("\n", text)))
    if "[cid:" in kept.casefold():
        names = image_names(images)

        def named(match: re.Match[str]) -> str:
            name = _file_of(match[1], names)
            return match[0] if name is None else _marker(name)

        kept = _CID_IN_TEXT.sub(named, kept)
    return {"value": kept}


def html_text(text: str | None) -> Mapping[str, Any]:
    """Answer `value`: the words of an HTML text, one blank between them."""
    if text is None:
        return {}
    spaced = re.sub(r"(?i)<(?:br|/p|/li|/h1|/h2|/pre|p|li)\b[^>]*>", " ", text)
    bare = html.unescape(nh3.clean(spaced, tags=set()))
    return {"value": " ".join(bare.split())}

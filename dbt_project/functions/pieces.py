"""Cuts a body that is too long for one part into several, between its blocks, lines or words, never in a character.

No letter is lost or doubled: the letters of the pieces, one after another, are those of the whole. Every piece of
HTML is well-formed. Takes time in proportion to the text.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

LEAST = 200
"""No piece is asked to be shorter than this: tags need room."""

_TOKENS = re.compile(r'<(?P<end>/)?(?P<name>[a-z][a-z0-9]*)(?:\s[^<>"]*(?:"[^"]*"[^<>"]*)*)?/?>|[^<]+|<')
_TAGS = re.compile(r'</?[a-z][a-z0-9]*(?:\s[^<>"]*(?:"[^"]*"[^<>"]*)*)?/?>')
_BLOCKS = {"p", "ul", "ol", "li", "h1", "h2", "pre"}
_JOINER = "\u200d"
_MODIFIERS = range(0x1F3FB, 0x1F400)
_FLAGS = range(0x1F1E6, 0x1F200)
_LONGEST_CHARACTER = 32
_LONGEST_REFERENCE = 10

_INSIDE, _NOWHERE, _WORD, _LINE, _BLOCK = range(-1, 4)
"""How good a place for a cut is: behind an opening tag, within a word, between words, lines, or blocks."""


def body_pieces(body: str | None, body_format: str | None, limit: int | None) -> Mapping[str, Any]:
    """Answer `pieces`: the body in pieces of at most `limit` characters, tags counted; null for null.

    Args:
        body: the text, or HTML as `clean_html` leaves it.
        body_format: html or text.
        limit: characters; 200 at least.
    """
    if body is None or limit is None:
        return {}
    room = max(limit, LEAST)
    return {"pieces": cut_html(body, room) if body_format == "html" else cut_text(body, room)}


# --- plain text


def cut_text(text: str, limit: int) -> list[str]:
    """Cut plain text; where it is cut, blank lines go."""
    if len(text) <= limit:
        return [text]
    pieces = []
    start = 0
    while len(text) - start > limit:
        end = _end_of_piece(text, start, start + limit)
        pieces.append(text[start:end])
        start = end
    pieces.append(text[start:])
    return [piece.strip("\n") for piece in pieces if piece.strip()] or [text[:limit]]


def _end_of_piece(text: str, start: int, end: int) -> int:
    """Where to cut: in the latter half behind an empty line, else behind a line, a word, a character."""
    half = start + (end - start) // 2
    for mark in ("\n\n", "\n", " ", "\t"):
        found = text.rfind(mark, half, end)
        if found >= 0:
            return found + len(mark)
    return _end_of_character(text, start, end)


def _end_of_character(text: str, start: int, end: int) -> int:
    for at in range(end, end - _LONGEST_CHARACTER, -1):
        if not _belong_together(text[at - 1], text[at]) and not _is_in_flag(text, start, at):
            return at
    return end


def _is_in_flag(text: str, start: int, at: int) -> bool:
    """Whether an odd number of the letters that flags are made of, two for each, stands before a further one."""
    first = at
    while first > start and ord(text[first - 1]) in _FLAGS:
        first -= 1
    return ord(text[at]) in _FLAGS and (at - first) % 2 == 1


def _belong_together(left: str, right: str) -> bool:
    """Whether two code points are shown as one character: marks, joined emoji, skin tones."""
    return _JOINER in {left, right} or unicodedata.category(right).startswith("M") or ord(right) in _MODIFIERS


# --- HTML


@dataclass(frozen=True, slots=True)
class _Open:
    """An element that is open, and those around it.

    Attributes:
        tag: its opening tag; empty for one that is left out.
        opening: characters of the opening tags of all that is open.
        closing: characters of the closing tags.
    """

    parent: "_Open | None"
    name: str
    tag: str
    opening: int
    closing: int


@dataclass(slots=True)
class _Atom:
    """What is never cut: a bite of text, a break or an opening tag, with the closing tags behind it.

    Attributes:
        inside: what is open behind it.
        place: how good a place for a cut is behind it.
    """

    markup: str
    inside: _Open | None
    place: int


def cut_html(markup: str, limit: int) -> list[str]:
    """Cut HTML. What is open at a cut is closed, and opened again in the next piece."""
    if len(markup) <= limit:
        return [markup]
    pieces: list[str] = []
    current: list[_Atom] = []
    before: _Open | None = None  # what is open where the piece begins
    size = 0
    for atom in _atoms(markup, limit):
        while current and size + len(atom.markup) + (atom.inside.closing if atom.inside else 0) > limit:
            end = _best_end(current, limit)
            pieces.append(_piece(before, current[:end]))
            before, current = current[end - 1].inside, current[end:]
            size = (before.opening if before else 0) + sum(len(rest.markup) for rest in current)
        current.append(atom)
        size += len(atom.markup)
    pieces.append(_piece(before, current))
    return [piece for piece in pieces if _TAGS.sub("", piece).replace("&nbsp;", " ").strip()] or [pieces[0]]


def _atoms(markup: str, limit: int) -> list[_Atom]:
    """The smallest parts, of at most half the limit each with all tags that they need."""
    atoms: list[_Atom] = []
    inside: _Open | None = None
    for token in _TOKENS.finditer(markup):
        name = token["name"]
        if name is None:
            atoms.extend(_Atom(bite, inside, place) for bite, place in _bites(token[0], limit // 4))
        elif name == "br":
            double = bool(atoms) and atoms[-1].markup == "<br>"
            atoms.append(_Atom("<br>", inside, _BLOCK if double and inside is None else _LINE))
        elif token["end"] is None:
            if inside is None and name in _BLOCKS and atoms:
                atoms[-1].place = _BLOCK
            opened = _opened(inside, name, token[0], limit)
            # A list that is nested beyond reason still shows its items on lines of their own.
            shown = opened.tag or ("<br>" if name in _BLOCKS else "")
            inside = opened
            atoms.append(_Atom(shown, inside, _INSIDE))
        elif inside is not None and inside.name == name:
            last = atoms[-1]
            last.markup += token[0] if inside.tag else ""
            inside = inside.parent
            last.inside = inside
            if name in _BLOCKS:
                last.place = _BLOCK if inside is None else _LINE
            else:
                last.place = max(last.place, _NOWHERE)
    return atoms


def _opened(parent: _Open | None, name: str, tag: str, limit: int) -> _Open:
    """An element more; left out where the tags would take half a piece."""
    opening, closing = (parent.opening, parent.closing) if parent else (0, 0)
    if opening + closing + len(tag) + len(name) + 3 > limit // 2:
        return _Open(parent, name, "", opening, closing)
    return _Open(parent, name, tag, opening + len(tag), closing + len(name) + 3)


def _bites(text: str, size: int) -> Iterator[tuple[str, int]]:
    """Text in bites, cut between words if that can be, and never in a character or in a reference to one."""
    start = 0
    while len(text) - start > size:
        end = start + size
        found = max(text.rfind(blank, start + size // 2, end) for blank in " \n\t")
        if found >= 0:
            end = found + 1
        else:
            reference = text.rfind("&", max(start + 1, end - _LONGEST_REFERENCE), end)
            whole = reference >= 0 and text.find(";", reference, end) < 0
            end = reference if whole else _end_of_character(text, start, end)
        yield text[start:end], _WORD if text[end - 1].isspace() else _NOWHERE
        start = end
    yield text[start:], _WORD if text[-1].isspace() else _NOWHERE


def _best_end(atoms: list[_Atom], limit: int) -> int:
    """After how many of them to cut: at the best place that leaves at most half a piece over, the last such."""
    best, end, left = _INSIDE - 1, len(atoms), 0
    for number in range(len(atoms), 0, -1):
        if left > limit // 2:
            break
        if atoms[number - 1].place > best:
            best, end = atoms[number - 1].place, number
            if best == _BLOCK:
                break
        left += len(atoms[number - 1].markup)
    return end


def _piece(before: _Open | None, atoms: list[_Atom]) -> str:
    text = "".join(atom.markup for atom in atoms)
    openings = "".join(reversed([element.tag for element in _chain(before)]))
    endings = "".join(f"</{element.name}>" for element in _chain(atoms[-1].inside) if element.tag)
    return _without_breaks_at_edges(f"{openings}{text}{endings}")


def _without_breaks_at_edges(piece: str) -> str:
    start, end = 0, len(piece)
    while True:
        if piece.startswith("<br>", start, end):
            start += 4
        elif piece.endswith("<br>", start, end):
            end -= 4
        elif start < end and piece[start].isspace():
            start += 1
        elif start < end and piece[end - 1].isspace():
            end -= 1
        else:
            return piece[start:end]


def _chain(element: _Open | None) -> Iterator[_Open]:
    while element is not None:
        yield element
        element = element.parent

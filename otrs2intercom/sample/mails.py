"""Raw mails as they arrived or were sent, for `article_data_mime_plain`.

Put together by hand: the email package takes several times as long, and every third article has a mail.
"""

import base64
from dataclasses import dataclass
from email.utils import formatdate

from otrs2intercom.sample.files import Part

_EIGHT_BIT = "Content-Transfer-Encoding: 8bit"


@dataclass(frozen=True, slots=True)
class Envelope:
    """The headers of a mail; `sent_at` in Unix seconds."""

    sender: str
    to: str
    cc: str
    subject: str
    message_id: str
    in_reply_to: str
    references: str
    sent_at: int


def raw_mail(envelope: Envelope, body: str, parts: list[Part]) -> bytes:
    """Compose the mail that OTRS would have cut up into this body and these parts."""
    return "".join(f"{line}\n" for line in _headers(envelope)).encode() + _content(envelope, body, parts)


def _headers(envelope: Envelope) -> list[str]:
    date = formatdate(envelope.sent_at).replace("-0000", "+0000")
    headers = [
        "Return-Path: <bounce@example.org>",
        f"Received: from mail.example.org (192.0.2.7) by mx.example.com with ESMTPS; {date}",
        f"From: {_header(envelope.sender)}",
        f"To: {_header(envelope.to)}",
        f"Subject: {_header(envelope.subject)}",
        f"Date: {date}",
        f"Message-ID: {envelope.message_id}",
    ]
    if envelope.cc:
        headers.append(f"Cc: {_header(envelope.cc)}")
    if envelope.in_reply_to:
        headers.append(f"In-Reply-To: {envelope.in_reply_to}")
        headers.append(f"References: {envelope.references}")
    return [*headers, "MIME-Version: 1.0"]


def _content(envelope: Envelope, body: str, parts: list[Part]) -> bytes:
    """The rest of the mail, its own content headers first."""
    bodies = [part for part in parts if part.is_body]
    files = [part for part in parts if not part.is_body]
    boundary = f"----=_Part_{envelope.sent_at}"
    if bodies:
        sections = [_part(part) for part in bodies]
    else:
        sections = [_head(["Content-Type: text/plain; charset=utf-8", _EIGHT_BIT]) + body.encode() + b"\n"]
    content = sections[0] if len(sections) == 1 else _multipart("alternative", f"{boundary}.1", sections)
    if files:
        content = _multipart("mixed", f"{boundary}.0", [content, *map(_part, files)])
    return content


def _multipart(kind: str, boundary: str, sections: list[bytes]) -> bytes:
    line = f"--{boundary}\n".encode()
    head = _head([f'Content-Type: multipart/{kind}; boundary="{boundary}"'])
    return head + b"".join(line + section for section in sections) + f"--{boundary}--\n".encode()


def _part(part: Part) -> bytes:
    lines = [f"Content-Type: {part.content_type or 'application/octet-stream'}"]
    if part.content_id:
        lines.append(f"Content-ID: {part.content_id}")
    if part.is_body:
        return _head([*lines, _EIGHT_BIT]) + part.content + b"\n"
    lines.append(f'Content-Disposition: {part.disposition or "attachment"}; filename="{_header(part.name)}"')
    lines.append("Content-Transfer-Encoding: base64")
    return _head(lines) + base64.encodebytes(part.content)


def _head(lines: list[str]) -> bytes:
    return ("\n".join(lines) + "\n\n").encode()


def _header(text: str) -> str:
    """Encode as RFC 2047 asks for, in words short enough for any line."""
    if text.isascii():
        return text
    words = (text[start : start + 12] for start in range(0, len(text), 12))
    return "\n ".join(f"=?utf-8?B?{base64.b64encode(word.encode()).decode()}?=" for word in words)

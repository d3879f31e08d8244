"""The rules of the real API that concern one request alone: fields, texts, attribute values.

Everything that is refused here is refused with Intercom's error envelope (Intercom REST 2.16, schema
`error`).
"""

import base64
import binascii
import hashlib
import html
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import nh3

from load.simulator.options import Options

MAX_FILES = 10
MAX_PARTS = 500
MAX_DATA_ATTRIBUTES = 250
MAX_COMPANIES_PER_CONTACT = 1000
MAX_FILTERS = 15
MIN_CHOICES = 2
CONVERSATION_TYPES = ("string", "integer", "list", "decimal", "boolean", "datetime", "relationship", "files")
DATA_TYPES = ("string", "integer", "float", "boolean", "datetime", "date", "options")

_IMAGES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
}
_E164 = re.compile(r"\+[1-9]\d{6,14}")
_BLOCK = r"</?(?:p|ul|ol|li|h1|h2|pre|blockquote)>"
_BETWEEN_BLOCKS = re.compile(rf"({_BLOCK})\s+(?={_BLOCK})")
_STARTS_WITH_BLOCK = re.compile(r"<(?:p|ul|ol|h1|h2|pre|blockquote)>")
_LINE_ENDS = re.compile(r"<br>|</(?:p|li|h1|h2|pre|blockquote)>\n?(?!$)")
_TAG = re.compile(r"<[^>]*>")


class Refusal(Exception):  # noqa: N818 - the answer is an error only for the client
    """An answer with an error status in Intercom's envelope.

    Args:
        status: HTTP status.
        code: `errors[0].code`.
        message: `errors[0].message`.
        field: `errors[0].field`, if the error is about one.
    """

    def __init__(self, status: int, code: str, message: str, field: str | None = None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message, self.field = status, code, message, field


@dataclass(frozen=True)
class File:
    """A file of a reply: its content, or the address of an image."""

    name: str
    content_type: str
    content: bytes | None
    url: str | None = None

    @property
    def sha256(self) -> str | None:
        """Of the content."""
        return None if self.content is None else hashlib.sha256(self.content).hexdigest()


def invalid(message: str, status: int = 400) -> Refusal:
    """`parameter_invalid`."""
    return Refusal(status, "parameter_invalid", message)


def text(body: Mapping[str, Any], name: str, *, required: bool = False) -> str | None:
    """A string of the request.

    Raises:
        Refusal: another type, or missing though required; 400.
    """
    value = body.get(name)
    if value is None:
        if required:
            raise Refusal(400, "parameter_missing", f"{name} is required", name)
        return None
    if not isinstance(value, str):
        raise invalid(f"{name} must be a string")
    return value


def needed(body: Mapping[str, Any], name: str) -> str:
    """A string that must be there."""
    value = text(body, name, required=True)
    if not value:
        raise Refusal(400, "parameter_missing", f"{name} is required", name)
    return value


def seconds(body: Mapping[str, Any], name: str) -> int | None:
    """A time of the request: whole seconds since 1970.

    Raises:
        Refusal: anything else; 400.
    """
    value = body.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise invalid(f"{name} must be a UNIX timestamp in seconds")
    return value


def whole(body: Mapping[str, Any], name: str) -> int | None:
    """A whole number of the request."""
    value = body.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise invalid(f"{name} must be a whole number")
    return value


def flag(body: Mapping[str, Any], name: str) -> bool | None:
    """A boolean of the request."""
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise invalid(f"{name} must be a boolean")
    return value


def phone(body: Mapping[str, Any], options: Options) -> str | None:
    """A telephone number: any text, unless E.164 is wanted (whether it is, is not documented)."""
    value = text(body, "phone")
    if value and options.phone_must_be_e164 and not _E164.fullmatch(value):
        raise invalid("phone is invalid")
    return value


def text_to_html(plain: str) -> str:
    """What a contact wrote, as it is read back: escaped, in a paragraph (examples of reply)."""
    escaped = html.escape(plain, quote=False).replace("\r\n", "\n").replace("\n", "<br>")
    return f"<p>{escaped}</p>"


def clean_html(markup: str, options: Options) -> str:
    """What a teammate wrote, as it is read back: allowed elements only, in a paragraph, tidy blanks."""
    kept = nh3.clean(
        markup, tags=set(options.allowed_tags), attributes={"a": {"href"}}, link_rel=None, strip_comments=True
    )
    tidy = _BETWEEN_BLOCKS.sub(r"\1\n", kept).strip()
    return tidy if not tidy or _STARTS_WITH_BLOCK.match(tidy) else f"<p>{tidy}</p>"


def html_to_text(markup: str) -> str:
    """What `display_as=plaintext` shows of a teammate's text."""
    return html.unescape(_TAG.sub("", _LINE_ENDS.sub("\n", markup))).strip()


def files(body: Mapping[str, Any], options: Options) -> list[File]:
    """The files of a reply.

    Raises:
        Refusal: more than ten, no base64, too large, or both ways of sending at once; 400.
    """
    sent, urls = body.get("attachment_files"), body.get("attachment_urls")
    if sent and urls:
        raise invalid("attachment_files and attachment_urls can not be combined")
    return _sent_files(sent or [], options) if sent else image_urls(urls)


def image_urls(urls: Any) -> list[File]:
    """Up to ten addresses of images.

    Raises:
        Refusal: more, or not the address of an image; 400.
    """
    if urls is None:
        return []
    if not isinstance(urls, list) or len(urls) > MAX_FILES:
        raise invalid(f"attachment_urls must be a list of at most {MAX_FILES} URLs")
    found = []
    for url in urls:
        parts = urlsplit(url) if isinstance(url, str) else None
        name = parts.path.rpartition("/")[2] if parts else ""
        ending = name[name.rfind(".") :].lower() if "." in name else ""
        if parts is None or parts.scheme not in {"http", "https"} or ending not in _IMAGES:
            raise invalid("attachment_urls takes URLs of images only")
        found.append(File(name, _IMAGES[ending], None, url))
    return found


def _sent_files(sent: Any, options: Options) -> list[File]:
    if not isinstance(sent, list) or len(sent) > MAX_FILES:
        raise invalid(f"attachment_files must be a list of at most {MAX_FILES} files")
    found = []
    for item in sent:
        if not isinstance(item, dict):
            raise invalid("attachment_files must be a list of objects")
        try:
            content = base64.b64decode(needed(item, "data") if item.get("data") != "" else "", validate=True)
        except binascii.Error as error:
            raise invalid("attachment_files: data is not base64") from error
        if options.max_file_bytes is not None and len(content) > options.max_file_bytes:
            raise Refusal(413, "parameter_invalid", "attachment_files: file is too large")
        found.append(File(needed(item, "name"), needed(item, "content_type"), content))
    return found


def data_attribute_name(name: str) -> str:
    """Checks the name of a contact's or company's attribute (examples of data attributes)."""
    if not all(char.isalnum() or char in " -_" or unicodedata.category(char) == "Sc" for char in name):
        raise invalid(
            "Your name for this attribute must only contain alphanumeric characters, currency symbols, and hyphens"
        )
    return name


def choices(body: Mapping[str, Any], key: str, status: int) -> list[str]:
    """The options of a list attribute: at least two.

    Raises:
        Refusal: fewer, or of another form.
    """
    sent = body.get("options")
    if not isinstance(sent, list) or len(sent) < MIN_CHOICES:
        raise invalid("The Data Attribute options field must have at least two options", status)
    if not all(isinstance(option, dict) and isinstance(option.get(key), str) for option in sent):
        raise invalid(f"options must be a list of objects with a {key}", status)
    return [option[key] for option in sent]


def attribute_value(name: str, data_type: str, value: Any, options: Sequence[str], limits: Options) -> Any:
    """A custom attribute's value as it is kept.

    Args:
        name: for the message.
        data_type: of the attribute's definition.
        value: as sent, not None.
        options: what a list attribute may hold: labels for conversations, values for contacts.
        limits: the longest string.

    Raises:
        Refusal: the value is of another type, or not among the options; 400.
    """
    whole = isinstance(value, int) and not isinstance(value, bool)
    kept: Any = None
    if data_type == "string" and isinstance(value, str):
        kept = value
        if limits.max_string_attribute is not None and len(value) > limits.max_string_attribute:
            raise invalid(f"Value for attribute '{name}' is too long (maximum {limits.max_string_attribute})")
    elif data_type == "integer" and whole:
        kept = value
    elif data_type in {"decimal", "float"} and (whole or isinstance(value, float)) and math.isfinite(value):
        kept = float(value)
    elif data_type == "boolean" and isinstance(value, bool):
        kept = value
    elif data_type in {"datetime", "date"}:
        kept = value if whole else _iso_seconds(value)
    elif data_type in {"list", "options"} and isinstance(value, str):
        if value not in options:
            raise invalid(f"'{value}' is not an option of attribute '{name}'")
        kept = value
    if kept is None:
        raise invalid(f"Value for attribute '{name}' must be of type {data_type}")
    return kept


def _iso_seconds(value: Any) -> int | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())

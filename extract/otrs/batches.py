"""Rows of a DBAPI cursor as Arrow tables, cut by bytes.

Every value arrives: what does not fit its column's type is set to null in the row and reported with
table, key, column and reason, so that one bad value never stops a run and never vanishes.
"""

import binascii
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Context, Decimal, InvalidOperation
from types import NoneType
from typing import Any

import pyarrow as pa

BATCH_BYTES = 16 * 1024 * 1024
BATCH_ROWS = 20_000

TYPES: dict[str, pa.DataType] = {
    "integer": pa.int64(),
    "text": pa.large_string(),
    "decimal": pa.decimal128(38, 6),
    "timestamp": pa.timestamp("us"),
    "bytes": pa.large_binary(),
    "base64": pa.large_binary(),
}

_AS_IT_IS: dict[str, type] = {
    "integer": int,
    "text": str,
    "decimal": Decimal,
    "timestamp": datetime,
    "bytes": bytes,
    "base64": NoneType,
}
"""Python's type for each logical type; values of other types are converted one by one."""


@dataclass(frozen=True)
class Rejected:
    """A value that could not be taken as it was.

    Attributes:
        table: canonical OTRS table name.
        key: the row's key, as text.
        column: the value's column.
        reason: what is wrong with it.
    """

    table: str
    key: str
    column: str
    reason: str


@dataclass(frozen=True)
class BatchColumn:
    """A column to fill: its name and the logical type of the catalogue (a key of `TYPES`)."""

    name: str
    type: str


def schema(columns: Sequence[BatchColumn]) -> pa.Schema:
    """Return the Arrow schema for the columns."""
    return pa.schema([pa.field(column.name, TYPES[column.type]) for column in columns])


def batches(
    rows: Iterable[tuple[Any, ...]],
    columns: Sequence[BatchColumn],
    *,
    table: str,
    key: Sequence[int],
    reject: Callable[[Rejected], None],
) -> Iterator[pa.Table]:
    """Turn rows into Arrow tables of at most about `BATCH_BYTES`; one row can make a table larger.

    Args:
        rows: tuples in the order of `columns`.
        columns: names and logical types.
        table: canonical table name, for rejects.
        key: positions of the key columns in a row.
        reject: receives each value that had to be changed.
    """
    sized = [position for position, column in enumerate(columns) if column.type in {"text", "bytes", "base64"}]
    pending: list[tuple[Any, ...]] = []
    size = 0
    for row in rows:
        pending.append(row)
        size += 64 + sum(len(value) for position in sized if (value := row[position]) and hasattr(value, "__len__"))
        if size >= BATCH_BYTES or len(pending) >= BATCH_ROWS:
            yield _to_arrow(pending, columns, table, key, reject)
            pending, size = [], 0
    if pending:
        yield _to_arrow(pending, columns, table, key, reject)


def _to_arrow(
    rows: list[tuple[Any, ...]],
    columns: Sequence[BatchColumn],
    table: str,
    key: Sequence[int],
    reject: Callable[[Rejected], None],
) -> pa.Table:
    arrays = []
    for position, column in enumerate(columns):
        values = [row[position] for row in rows]
        try:
            arrays.append(_at_once(values, column.type))
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            arrays.append(_slowly(rows, position, column, table, key, reject))
    return pa.Table.from_arrays(arrays, schema=schema(columns))


def _at_once(values: list[Any], kind: str) -> pa.Array:
    """Convert a whole column; whatever is not plain is an error, and goes value by value.

    Raises:
        TypeError: a value is of another type; Arrow would cut decimals off, and take numbers for times.
        pa.ArrowException: a value does not fit.
    """
    types = {type(value) for value in values} - {NoneType}
    if types <= {_AS_IT_IS[kind]}:
        return pa.array(values, TYPES[kind])
    if types == {bytes} and kind in _FROM_TEXT:
        text = pa.array(values, pa.large_binary()).cast(pa.large_string())
        return text if kind == "text" else text.cast(TYPES[kind])
    raise TypeError


_FROM_TEXT = {"integer", "text", "decimal", "timestamp"}
"""Types that Arrow reads from text as strictly as we do; an empty text, a zero date or a blank is an error to it."""


def _slowly(
    rows: list[tuple[Any, ...]],
    position: int,
    column: BatchColumn,
    table: str,
    key: Sequence[int],
    reject: Callable[[Rejected], None],
) -> pa.Array:
    values = []
    for row in rows:
        value, reason = CONVERT[column.type](row[position])
        if reason:
            name = "|".join(_text(row[part])[0] or "" for part in key)
            reject(Rejected(table, name, column.name, reason))
        values.append(value)
    return pa.array(values, TYPES[column.type])


def _integer(value: Any) -> tuple[int | None, str]:
    if value is None or value in ("", b""):
        return None, ""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return None, f"not a whole number: {_shown(value)}"
    if not isinstance(value, str | bytes | bytearray) and number != value:
        return None, f"not a whole number: {_shown(value)}"
    if not -(2**63) <= number < 2**63:
        return None, "beyond 64 bits"
    return number, ""


def _decimal(value: Any) -> tuple[Decimal | None, str]:
    if value is None or value in ("", b""):
        return None, ""
    try:
        number = Decimal(_text(value)[0] or "")
    except InvalidOperation:
        return None, f"not a number: {_shown(value)}"
    if not number.is_finite():
        return None, "not a finite number"
    try:
        rounded = number.quantize(Decimal("0.000001"), context=Context(prec=38))
    except InvalidOperation:
        return None, "more than 32 digits before the point"
    return rounded, "" if rounded == number else "rounded to six decimals"


def _text(value: Any) -> tuple[str | None, str]:
    if value is None or isinstance(value, str):
        return _encodable(value)
    if isinstance(value, bytes | bytearray | memoryview):
        try:
            return bytes(value).decode("utf-8"), ""
        except UnicodeDecodeError as error:
            return bytes(value).decode("utf-8", "replace"), f"not UTF-8 at byte {error.start}; replaced by U+FFFD"
    return str(value), ""


def _encodable(value: str | None) -> tuple[str | None, str]:
    """Return the text, with U+FFFD for what is no character; the drivers give a wrong byte as a lone surrogate."""
    if value is None:
        return None, ""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        try:
            raw = value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            text = value.encode("utf-8", "replace").decode("utf-8")
            return text, f"lone surrogate at character {error.start}; replaced"
        wrong = value[error.start : error.end].encode("utf-8", "surrogateescape").hex()
        return raw.decode("utf-8", "replace"), f"not UTF-8 at character {error.start} (byte {wrong}); replaced"
    return value, ""


def _bytes(value: Any) -> tuple[bytes | None, str]:
    if value is None:
        return None, ""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value), ""
    text, reason = _text(value)
    return (text or "").encode("utf-8"), reason


def _base64(value: Any) -> tuple[bytes | None, str]:
    """Decode what OTRS keeps as text on PostgreSQL; what is no base64 stays as it stands there."""
    if value is None:
        return None, ""
    data, reason = _bytes(value)
    try:
        return binascii.a2b_base64(b"".join((data or b"").split()), strict_mode=True), reason
    except ValueError as error:
        return data, f"not base64 ({error}); kept as it is"


def _timestamp(value: Any) -> tuple[datetime | None, str]:
    if value is None or isinstance(value, datetime):
        return value, ""
    if isinstance(value, date):
        return datetime.combine(value, time()), ""
    text = _text(value)[0] or ""
    if not text:
        return None, ""
    if text.startswith("0000-00-00"):
        return None, "zero date, MySQL's way to say none"
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None), ""
    except ValueError:
        return None, f"not a date: {_shown(text)}"


def _shown(value: Any) -> str:
    return repr(value)[:40]


CONVERT: dict[str, Callable[[Any], tuple[Any, str]]] = {
    "integer": _integer,
    "text": _text,
    "decimal": _decimal,
    "timestamp": _timestamp,
    "bytes": _bytes,
    "base64": _base64,
}

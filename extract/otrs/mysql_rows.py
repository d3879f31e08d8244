"""Rows of PyMySQL as the bytes that the server sent, to be converted by the column instead of by the value.

PyMySQL is written in Python and takes about 2 µs for each value, which was two thirds of an extract. The server
sends every value as text after its length; cutting the row up takes a tenth of that, and Arrow converts whole
columns. This leans on three private names of PyMySQL, whose version is locked; a test compares the outcome with
the public way.
"""

from collections.abc import Callable
from typing import Any

NULL = 0xFB
TWO_BYTES, THREE_BYTES = 0xFC, 0xFD
"""First byte of a length that does not fit in it (MySQL protocol, length-encoded integers)."""


def give_bytes(cursor: Any) -> None:
    """Let an executed, streaming cursor give each value as bytes, or None.

    Args:
        cursor: a `pymysql.cursors.SSCursor` after `execute`.
    """
    result = cursor._result  # noqa: SLF001 - the driver has no public way
    result._read_row_from_packet = _reader(len(result.fields))  # noqa: SLF001 - as above


def _reader(columns: int) -> Callable[[Any], tuple[bytes | None, ...]]:
    def read(packet: Any) -> tuple[bytes | None, ...]:
        data: bytes = packet._data  # noqa: SLF001 - as above
        row: list[bytes | None] = []
        position = 0
        for _ in range(columns):
            length = data[position]
            position += 1
            if length >= NULL:
                if length == NULL:
                    row.append(None)
                    continue
                width = 2 if length == TWO_BYTES else 3 if length == THREE_BYTES else 8
                length = int.from_bytes(data[position : position + width], "little")
                position += width
            row.append(data[position : position + length])
            position += length
        return tuple(row)

    return read

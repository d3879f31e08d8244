"""Values that could not be taken as they were, kept on disk while the extract runs.

There can be one for every row of the source (a zero date in an old table), so they must not pile up in memory.
"""

import tempfile
from collections.abc import Iterator
from typing import Self

import pyarrow as pa

from extract.otrs.batches import Rejected

HELD = 5_000
"""As many are in memory."""

SCHEMA = pa.schema(
    [
        ("table_name", pa.string()),
        ("row_key", pa.string()),
        ("column_name", pa.string()),
        ("reason", pa.string()),
    ]
)


class Rejects:
    """Collects rejected values in a temporary file and gives them back as Arrow tables."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        self._writer = pa.ipc.new_stream(self._file, SCHEMA)
        self._held: list[Rejected] = []
        self._number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self._number

    def add(self, rejected: Rejected) -> None:
        """Keep one."""
        self._held.append(rejected)
        self._number += 1
        if len(self._held) >= HELD:
            self._spill()

    def tables(self) -> Iterator[pa.Table]:
        """Yield all of them, at least one table, and take no more."""
        self._spill()
        self._writer.close()
        self._file.seek(0)
        for batch in pa.ipc.open_stream(self._file):
            yield pa.Table.from_batches([batch])

    def _spill(self) -> None:
        rows = [(reject.table, reject.key, reject.column, reject.reason) for reject in self._held]
        columns = list(zip(*rows, strict=True)) or [()] * len(SCHEMA)
        self._writer.write_batch(pa.record_batch([pa.array(values, pa.string()) for values in columns], schema=SCHEMA))
        self._held = []

"""Is there room for what an extract will write?

An extract needs room in the warehouse's folder and nowhere else:

- the tables, twice: dlt writes them as Parquet beside the warehouse before it loads them, in
  `.<warehouse>.dlt`, which goes with the run. They are estimated by the space they take on the server;
- the bytes of files that the warehouse does not hold yet, once;
- working space: `extract.otrs.store.PACKAGE_BYTES` and the largest file, for the transaction under way.

The previous generation and the one before it are in the warehouse already.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from extract.errors import SettingsError
from extract.otrs.catalogue import load_catalogue
from extract.otrs.snapshot import Snapshot
from extract.otrs.store import CONTENT_COLUMNS, PACKAGE_BYTES, held_bytes

TABLE_COPIES = 2


@dataclass(frozen=True)
class DiskNeed:
    """Room that an extract needs, estimated, and what there is; all in bytes.

    Attributes:
        folder: the warehouse's folder.
        tables: rows of a new generation.
        contents: attachments and raw mails that are not held yet.
        working: what the work in hand takes beside them.
        free: what the folder has.
    """

    folder: Path
    tables: int
    contents: int
    working: int
    free: int

    @property
    def total(self) -> int:
        """All that is needed."""
        return self.tables + self.contents + self.working

    @property
    def is_enough(self) -> bool:
        """Whether it fits."""
        return self.total <= self.free


def disk_needed(snapshot: Snapshot, warehouse: Path, *, article_file_bytes: int = 0) -> DiskNeed:
    """Estimate the room for an extract before it begins, by the sizes that the server reports.

    Args:
        snapshot: the open snapshot, with its tables described.
        warehouse: the DuckDB file, which need not exist yet.
        article_file_bytes: files on disk, as `article_files.survey` counts them.

    Raises:
        duckdb.IOException: the warehouse is held by another process.
        SourceError: the source failed.
    """
    physical = load_catalogue().resolve(set(snapshot.tables))
    known = table_bytes(snapshot)
    sizes = {name: known.get(table, 0) for name, table in physical.items() if table}
    contents = sum(size for name, size in sizes.items() if name in CONTENT_COLUMNS) + article_file_bytes
    tables = sum(size for name, size in sizes.items() if name not in CONTENT_COLUMNS)
    if snapshot.dialect == "sqlite":  # knows no sizes of tables
        tables = int(snapshot.scalar("select page_count * page_size from pragma_page_count(), pragma_page_size()"))
    held = held_bytes(warehouse) if warehouse.exists() else 0
    return need(warehouse, tables=tables * TABLE_COPIES, contents=max(contents - held, 0))


def table_bytes(snapshot: Snapshot) -> Mapping[str, int]:
    """Return what the tables take once they are bytes: base64, as on PostgreSQL, is a third longer."""
    sizes = snapshot.sizes()
    if snapshot.dialect != "postgresql":
        return sizes
    return {name: size * 3 // 4 if name in CONTENT_COLUMNS else size for name, size in sizes.items()}


def need(warehouse: Path, *, tables: int, contents: int, largest: int = 0) -> DiskNeed:
    """Return the need with the working space, and what is free.

    Args:
        warehouse: the DuckDB file, which need not exist yet.
        tables: bytes of rows.
        contents: bytes of files.
        largest: bytes of the largest file, if known.
    """
    folder = warehouse.absolute().parent
    return DiskNeed(folder, tables, contents, PACKAGE_BYTES + largest, shutil.disk_usage(folder).free)


def check_disk(need: DiskNeed) -> None:
    """Stop before the disk is full.

    Raises:
        SettingsError: the warehouse's folder has less room than is needed.
    """
    if not need.is_enough:
        raise SettingsError(
            f"The extract needs about {_gigabytes(need.total)} in {need.folder}: {_gigabytes(need.tables)} for the "
            f"tables, {_gigabytes(need.contents)} for files not yet held, {_gigabytes(need.working)} to work in. "
            f"{_gigabytes(need.free)} are free. Make room there, or let WAREHOUSE__PATH name a file on a larger disk. "
            "Nothing was changed in the warehouse."
        )


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB"

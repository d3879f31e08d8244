"""Run by tests as a process of its own: an extract of a few tables that kills itself at a chosen point."""

import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "extract")]

from dlt.destinations.impl.duckdb.duck import DuckDbCopyJob  # noqa: E402
from dlt.normalize.normalize import Normalize  # noqa: E402
from few_tables import few_tables  # noqa: E402

from extract import generations  # noqa: E402
from extract.otrs import Progress, extract_otrs  # noqa: E402
from extract.otrs.settings import OtrsSettings  # noqa: E402


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dying(number: int, call: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function so that the process ends in its n-th call, half way for whoever called it."""
    calls = 0

    def counted(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number:
            die()
        return call(*arguments, **named)

    return counted


def extract(source: str, warehouse: Path, point: str) -> None:
    package = import_module("extract.otrs")
    contents = import_module("extract.otrs.contents")
    store = import_module("extract.otrs.store")
    package.load_catalogue = few_tables  # type: ignore[attr-defined]
    contents.PACKAGE_ROWS = contents.PAGE_ROWS = 10  # type: ignore[attr-defined]
    progress = Progress()
    if point == "looking":
        package.detect = dying(1, package.detect)  # type: ignore[attr-defined]
    elif point == "reading":
        progress.on_table = lambda table, done, _: die() if table == "article_data_mime" and done else None
    elif point == "normalizing":
        Normalize.spool_schema_files = dying(1, Normalize.spool_schema_files)  # type: ignore[method-assign]
    elif point == "before the files":
        package.contents.extract_contents = dying(1, contents.extract_contents)  # type: ignore[attr-defined]
    elif point == "loading":
        DuckDbCopyJob.run = dying(4, DuckDbCopyJob.run)  # type: ignore[method-assign]
    elif point == "between two packages":
        contents.append = dying(3, contents.append)  # type: ignore[attr-defined]
    elif point == "within a package":
        store._gap = dying(2, store._gap)  # type: ignore[attr-defined]
    elif point == "publishing":
        generations._is_ours = dying(2, generations._is_ours)
    extract_otrs(OtrsSettings(source), warehouse, progress)


if __name__ == "__main__":
    extract(sys.argv[1], Path(sys.argv[2]), sys.argv[3])

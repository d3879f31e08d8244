"""Peak memory of a whole `otrs2intercom extract otrs`, which must not follow the number of attachments.

Run by hand, with room for twice the data in the temporary folder (about 15 GB for all of it):

    BENCHMARKS=1 pytest -n 0 -s tests/benchmarks/test_extract_memory.py
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from support.database_servers import DatabaseServer

from otrs2intercom.sample import write_sample

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.timeout(7200),
    pytest.mark.skipif("BENCHMARKS" not in os.environ, reason="measures for minutes: set BENCHMARKS=1"),
]

MEGABYTE = 1024 * 1024
LIMIT = 1024 * MEGABYTE
COMMAND = Path(sys.executable).with_name("otrs2intercom")
MEASURE = (
    "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True);"
    " print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)
"""Run by a small process: a program begins with the peak of the process that starts it."""

ONE_GB = ((64 * MEGABYTE, 4), (16 * MEGABYTE, 20), (MEGABYTE, 200), (200_000, 1_000), (2_000, 2_000))
FIVE_GB = tuple((size, number * 5) for size, number in ONE_GB)
"""Sizes of attachments in bytes, and how many there are of each."""


@dataclass(frozen=True)
class Measured:
    """One run: seconds, and peak memory in bytes, of the whole process."""

    seconds: float
    peak: int


def attach(server: DatabaseServer, database: str, files: Sequence[tuple[int, int]]) -> int:
    """Write attachments, made by the server itself from random kilobytes, and return the sum of their sizes."""
    columns = (
        "article_id, filename, content_size, content_type, content, create_time, create_by, change_time, change_by"
    )
    now = "'2024-01-01 00:00:00', 1, '2024-01-01 00:00:00', 1"
    with server.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute("select min(id), max(id) from article")
        first, last = cursor.fetchone()
        cursor.execute("select max(id) from article_data_mime_attachment")
        (key,) = cursor.fetchone()
        for size, number in files:
            for one in range(number):
                key += 1
                content = (
                    f"repeat(random_bytes(1000), {size // 1000})"
                    if server.kind == "mariadb"
                    else f"encode(decode(repeat(md5(random()::text), {size // 16}), 'hex'), 'base64')"
                )
                article = first + one % (last - first + 1)
                cursor.execute(
                    f"insert into article_data_mime_attachment (id, {columns}) "
                    f"select {key}, {article}, 'file-{key}.bin', '{size}', 'application/x-test', {content}, {now}"
                )
        length = "length(content)" if server.kind == "mariadb" else "octet_length(content) / 77 * 57"
        cursor.execute(f"select sum({length}) from article_data_mime_attachment")
        return int(cursor.fetchone()[0])


def extract(url: str, warehouse: Path) -> Measured:
    environment = os.environ | {"OTRS__CREDENTIALS": url, "WAREHOUSE__PATH": str(warehouse)}
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, COMMAND, "extract", "otrs"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Measured(time.monotonic() - started, int(done.stdout) * 1024)


def measure(server: DatabaseServer, files: Sequence[tuple[int, int]], folder: Path, name: str) -> Measured:
    """Fill a database, extract it, compare sizes and hashes with the server's, and tell what it took."""
    folder.mkdir()
    url = server.create_database(name)
    try:
        write_sample(url, tickets=20, seed=1)
        size = attach(server, name, files)
        warehouse = folder / "warehouse.duckdb"
        measured = extract(url, warehouse)
        with duckdb.connect(str(warehouse), read_only=True, config={"memory_limit": "1GB"}) as db:
            held = db.execute(
                "select count(*), sum(size), count(missing_reason), sum(octet_length(content)),"
                " count(*) filter (where sha256 != sha256(content)) from raw_otrs.attachment_contents"
                " where attachment_key like 'otrs:attachment:%'"
            ).fetchone()
        again = extract(url, warehouse)
        print(  # noqa: T201 - what a benchmark is for
            f"\n{name}: {held[0]:,} attachments, {held[1] / 1e9:.2f} GB ({size / 1e9:.2f} GB in the source): "
            f"{measured.seconds:.0f} s, peak {measured.peak / MEGABYTE:,.0f} MB, "
            f"warehouse {warehouse.stat().st_size / 1e9:.2f} GB; "
            f"again: {again.seconds:.0f} s, peak {again.peak / MEGABYTE:,.0f} MB"
        )
        assert held[0] >= sum(number for _, number in files)
        assert held[1] == held[3]
        assert held[2] == held[4] == 0
    finally:
        server.drop_database(name)
        shutil.rmtree(folder)
    return measured


def test_peak_memory_is_below_1_gb_and_the_same_for_1_and_for_5_gb_of_attachments(
    mariadb_server: DatabaseServer, tmp_path: Path
) -> None:
    one = measure(mariadb_server, ONE_GB, tmp_path / "one", "attachments_of_1_gb")
    five = measure(mariadb_server, FIVE_GB, tmp_path / "five", "attachments_of_5_gb")
    assert one.peak < LIMIT
    assert five.peak < LIMIT
    assert five.peak - one.peak < 256 * MEGABYTE  # for 4 GB more


def test_a_single_file_of_300_mb_goes_through(mariadb_server: DatabaseServer, tmp_path: Path) -> None:
    size = 300 * MEGABYTE
    measured = measure(mariadb_server, ((size, 1), (MEGABYTE, 50)), tmp_path / "large", "attachment_of_300_mb")
    assert measured.peak < LIMIT + 4 * size


def test_base64_of_postgresql_stays_below_1_gb_too(postgresql_server: DatabaseServer, tmp_path: Path) -> None:
    measured = measure(postgresql_server, ONE_GB, tmp_path / "postgresql", "base64_of_1_gb")
    assert measured.peak < LIMIT

"""How fast rows come out of MariaDB, beside dlt's own SQL source and DuckDB's MySQL scanner.

Run by hand; it takes about three minutes and installs DuckDB's scanner, which needs its own version of DuckDB,
into a virtual environment in the temporary folder:

    BENCHMARKS=1 pytest -n 0 -s tests/benchmarks/test_extract_speed.py
"""

import os
import subprocess
import sys
import time
import venv
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url
from support.database_servers import DatabaseServer

from otrs2intercom.sample import write_sample

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.timeout(3600),
    pytest.mark.skipif("BENCHMARKS" not in os.environ, reason="measures for minutes: set BENCHMARKS=1"),
]

ARTICLES, BODY_BYTES = 200_000, 1_500
AT_LEAST_TIMES_DLT, AT_MOST_TIMES_SCANNER = 8.0, 2.5
COMMAND = Path(sys.executable).with_name("otrs2intercom")
SCANNER = ("duckdb==1.5.5", "duckdb-extensions==1.5.5", "duckdb-extension-mysql==1.5.5")

DLT = """
import sys
import dlt
from dlt.sources.sql_database import sql_database
dlt.config["runtime.dlthub_telemetry"] = False
pipeline = dlt.pipeline("speed", pipelines_dir=sys.argv[2], destination=dlt.destinations.duckdb(sys.argv[3]))
pipeline.run(sql_database(sys.argv[1], table_names=["article", "article_data_mime"]), write_disposition="replace")
"""

SCAN = """
import sys
import duckdb
from duckdb_extensions import import_extension
import_extension("mysql")
db = duckdb.connect(sys.argv[2])
db.execute("load mysql")
db.execute(f"attach '{sys.argv[1]}' as otrs (type mysql, read_only)")
for table in ("article", "article_data_mime"):
    db.execute(f"create table {table} as from otrs.{table}")
"""


@pytest.fixture(scope="module")
def many_articles(mariadb_server: DatabaseServer) -> str:
    """A small sample with 200,000 articles more."""
    url = mariadb_server.create_database("speed")
    write_sample(url, tickets=12, seed=3)
    audit = "'2025-01-01 00:00:00', 1, '2025-01-01 00:00:00', 1"
    mariadb_server.execute(
        "insert into article (id, ticket_id, article_sender_type_id, communication_channel_id, is_visible_for_customer,"
        " search_index_needs_rebuild, insert_fingerprint, create_time, create_by, change_time, change_by)"
        f" select 100000 + seq, 1, 1, 1, 1, 0, null, {audit} from seq_1_to_{ARTICLES}",
        "insert into article_data_mime (id, article_id, a_from, a_reply_to, a_to, a_cc, a_bcc, a_subject, a_message_id,"
        " a_message_id_md5, a_in_reply_to, a_references, a_content_type, a_body, incoming_time, content_path,"
        " create_time, create_by, change_time, change_by)"
        " select 100000 + seq, 100000 + seq, concat('Ada ', seq, ' <ada', seq, '@example.com>'), '',"
        " 'support@example.com', '', '', concat('Order ', seq), concat('<', seq, '@example.com>'), md5(seq), '', '',"
        f" 'text/plain; charset=utf-8', left(repeat(concat(sha2(seq, 512), ' '), 12), {BODY_BYTES}), 1735689600,"
        f" '2025/01/01', {audit} from seq_1_to_{ARTICLES}",
        database="speed",
    )
    return url


def seconds(command: list[str], **environment: str) -> float:
    started = time.monotonic()
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return time.monotonic() - started


def scan(url: str, folder: Path) -> float:
    venv.create(folder / "venv", with_pip=True)
    python = str(folder / "venv" / "bin" / "python")
    seconds([python, "-m", "pip", "install", "--quiet", *SCANNER])
    address = make_url(url)
    place = f"host={address.host} port={address.port} user={address.username} passwd={address.password}"
    return seconds([python, "-c", SCAN, f"{place} database={address.database}", str(folder / "scan.duckdb")])


def test_rows_come_out_fast_enough(many_articles: str, tmp_path: Path) -> None:
    ours = min(
        seconds(
            [str(COMMAND), "extract", "otrs"],
            OTRS__CREDENTIALS=many_articles,
            WAREHOUSE__PATH=str(tmp_path / f"{run}.duckdb"),
        )
        for run in range(2)
    )
    scanner = scan(many_articles, tmp_path)
    places = [many_articles, str(tmp_path / "dlt"), str(tmp_path / "dlt.duckdb")]
    theirs = seconds([sys.executable, "-c", DLT, *places])
    print(  # noqa: T201 - the figures are what it is for
        f"\n{ARTICLES:,} articles: extract otrs {ours:.1f} s (all tables), dlt sql_database {theirs:.1f} s,"
        f" DuckDB's scanner {scanner:.1f} s (two tables); {theirs / ours:.1f} times faster than the first,"
        f" {ours / scanner:.1f} times the second"
    )
    assert theirs / ours >= AT_LEAST_TIMES_DLT
    assert ours / scanner <= AT_MOST_TIMES_SCANNER

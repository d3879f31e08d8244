"""Prints what became of every real database, counted against its ground truth, as Markdown.

    python tests/end_to_end/lab_balance.py [NAME ...]

Starts its own database servers, carries each database through every command into a simulated workspace, as
``test_every_lab_database.py`` does, and says in figures what that test only passes. Takes minutes. OTRS_LAB names
the folder of the databases.
"""

import os
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support.database_servers import DatabaseServer, running_mariadb, running_postgresql  # noqa: E402
from support.pipeline import Loaded, loaded_into_a_workspace  # noqa: E402
from support.truth import (  # noqa: E402
    DATABASES,
    LabDatabase,
    Truth,
    articles_in,
    chats_in,
    customers_in,
    differing,
    field_values_in,
    files_in,
    known_deviations,
    mails_in,
    misread_types,
    read_truth,
    tickets_in,
)


def main(names: list[str]) -> None:
    lab = Path(os.environ.get("OTRS_LAB") or ROOT.parent / "shared" / "otrs-lab")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lab-balance-")))
        servers: dict[str, DatabaseServer] = {}
        for database in [DATABASES[name] for name in names or DATABASES]:
            start = running_postgresql if "postgres" in database.name else running_mariadb
            if start.__name__ not in servers:
                servers[start.__name__] = stack.enter_context(start())
            print("\n".join(report(lab, database, servers[start.__name__], folder / database.name)), flush=True)  # noqa: T201


def report(lab: Path, database: LabDatabase, server: DatabaseServer, folder: Path) -> Iterator[str]:
    """Load a dump, carry it through, and say how it went."""
    old = {"charset": "utf8mb3", "collation": "utf8mb3_general_ci"} if database.is_otrs_5 else {}
    name = database.name.replace("-", "_")
    source = server.create_database(name, **old)
    server.load_dump(lab / f"{database.name}.sql.gz", name)
    folder.mkdir()
    if database.has_article_files:
        with tarfile.open(lab / database.article_files) as archive:
            archive.extractall(folder / "otrs", filter="data")
    with loaded_into_a_workspace(folder, source, database.settings(folder / "otrs")) as loaded:
        yield from balance(loaded, read_truth(lab, database, source))


def balance(loaded: Loaded, truth: Truth) -> Iterator[str]:
    """Return the lines of one database's report."""
    sql, zone = loaded.pipeline.sql, truth.database.zone
    [[engine, version, product, release, storage]] = sql(
        "select engine, engine_version, product, version, article_storage from raw_otrs.source_profile"
    )
    yield f"### {truth.database.name}: {product} {release} on {engine} {version}, {zone}, articles in {storage}"
    yield ""
    yield from table(["", "truth", "warehouse", "loaded", "left out"], rows(loaded, truth))
    yield ""
    yield "Left out, by reason:"
    yield ""
    yield from table(
        ["table", "reason", "records", "bytes"],
        sql(
            "select source_table, reason, count(*), coalesce(sum(bytes)::bigint, 0) from"
            " reconciliation.exclusions group by all order by all"
        ),
    )
    yield ""
    yield "Deviations of the warehouse from the truth:"
    yield ""
    known = known_deviations(truth)
    tickets, articles = tickets_in(sql, zone), articles_in(sql, zone)
    found = (
        differing(tickets, truth.tickets)
        | differing(tickets, truth.listed_tickets)
        | differing(articles, truth.articles)
        | differing(articles, truth.listed_articles)
    )
    reasons = Counter((column, known.get((key, column), f"NOT EXPLAINED: {key}")) for key, column in found)
    misread = misread_types(truth)
    unexplained = (files_in(sql) - truth.files) - Counter(misread.values())
    reasons["type of a file", "OTRS's file storage writes it in UTF-8 and reads it as Latin-1"] = len(misread)
    reasons["file", f"NOT EXPLAINED: {list(unexplained)}"] = unexplained.total()
    lines = [(column, number, reason) for (column, reason), number in reasons.items() if number]
    yield from table(["column", "records", "reason"], lines)
    yield ""
    verified = loaded.verified
    yield (
        f"Announced {loaded.applied['announced_total']:,} writes, accepted {loaded.applied['written_total']:,};"
        f" {verified['verified']:,} of {verified['tickets']:,} tickets verified,"
        f" {sum(verified['fields'].values()):,} fields, {verified['fields'].get('explained', 0):,} differ by"
        f" a rule with a name, {verified['differing']} differ."
    )
    again = loaded.pipeline.json("apply", "--execute")["written_total"]
    yield f"A second apply sent {again} writes."
    yield "Seconds: " + ", ".join(f"{command} {seconds:.0f}" for command, seconds in loaded.seconds.items()) + "."
    yield ""


def rows(loaded: Loaded, truth: Truth) -> Iterator[list[Any]]:
    """Return the rows of the table of counts."""
    sql, zone = loaded.pipeline.sql, truth.database.zone
    places = {
        table: places
        for table, *places in sql(
            "select source_table, source_records, request_records, excluded_records from reconciliation.conservation"
        )
    }
    tickets, articles = tickets_in(sql, zone), articles_in(sql, zone)
    counted = dict(sql("select table_name, row_count from raw_otrs.source_tables"))
    same_rows = sum(counted.get(name) == number for name, number in truth.table_rows.items())
    yield ["tables with the truth's number of rows", len(truth.table_rows), same_rows]
    yield ["tickets", truth.table_rows["ticket"], *places["ticket"]]
    yield ["tickets as in the truth", *same(tickets, truth.tickets)]
    yield ["listed tickets with all their columns", *same(tickets, truth.listed_tickets)]
    yield ["articles", len(truth.articles), *places["article"]]
    arrived = set(sql("select otrs_article_id from intercom.conversation_parts where not is_synthetic"))
    for name, number in sorted(truth.articles_per_class.items()):
        of_class = [
            (key,) for key, row in articles.items() if name == f"{row['channel']}|{row['sender']}|{row['visible']}"
        ]
        there = sum(key in arrived for key in of_class)
        yield [f"articles {name.replace('|', ' / ')}", number, len(of_class), there, len(of_class) - there]
    yield ["articles as in the truth: ticket, kind, time, body", *same(articles, truth.articles)]
    yield ["listed articles with all their columns", *same(articles, truth.listed_articles)]
    files = files_in(sql)
    yield ["attachments", truth.files.total(), *places["article_data_mime_attachment"]]
    yield ["attachments with the same name, type, size and SHA-256", truth.files.total(), (files & truth.files).total()]
    yield ["bytes of attachments", *(sum(file[4] * n for file, n in some.items()) for some in (truth.files, files))]
    mails = mails_in(sql)
    yield ["raw mails with the same SHA-256", *agreeing(mails, truth.mails)]
    yield ["chats with the same lines", *agreeing(chats_in(sql, zone), truth.chats)]
    yield ["dynamic fields of an object with the same values", *agreeing(field_values_in(sql), truth.field_values)]
    yield ["customers", truth.table_rows["customer_user"], *places["customer_user"]]
    if truth.customers:
        yield ["customers as in the truth", *same(customers_in(sql), truth.customers)]
    yield ["companies", truth.table_rows["customer_company"], *places["customer_company"]]


def same(found: dict[Any, Any], wanted: dict[Any, Any]) -> tuple[int, int]:
    return len(wanted), len(wanted) - len({key for key, _ in differing(found, wanted)})


def agreeing(found: dict[Any, Any], wanted: dict[Any, Any]) -> tuple[int, int]:
    return len(wanted), sum(found.get(key) == value for key, value in wanted.items())


def table(head: list[str], lines: Iterable[Iterable[Any]]) -> Iterator[str]:
    """Return a Markdown table; short lines are filled up."""
    yield f"| {' | '.join(head)} |"
    yield f"| {' | '.join('---' for _ in head)} |"
    for line in lines:
        cells = [f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in line]
        yield f"| {' | '.join([*cells, *[''] * (len(head) - len(cells))])} |"


if __name__ == "__main__":
    main(sys.argv[1:])

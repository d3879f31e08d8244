"""Customers who have no row in this database: OTRS can keep them in LDAP, in foreign databases, in other tables.

Their tickets name only a login. A CSV file with the columns of `customer_user` supplies the people, and is then
treated like the table. DuckDB reads the file: it knows separators, quotes and encodings, and spills to disk.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import duckdb

from extract.errors import SettingsError
from extract.otrs.batches import Rejected
from extract.otrs.catalogue import Table

ID = "-(('0x' || substr(sha256(lower(login)), 1, 15))::bigint)"
"""The key of someone without one: negative, so that it never meets a real id, and the same in every run."""

PAGE = 500


def read_customers(
    path: Path,
    table: Table,
    known_logins: Callable[[Sequence[str]], set[str]],
    reject: Callable[[Rejected], None],
) -> Iterator[dict[str, str | int | None]]:
    """Yield the customers of a CSV file as rows of `customer_user`, as text, with a negative `id`.

    A login counts once, in any case; a login that the database has stays as the database has it. What is left
    out is rejected with its line number as the key. `valid_id` is 1 where the file does not say otherwise.

    Args:
        path: the file; UTF-8, with a header naming columns of `customer_user`, of which `login` is required.
        table: `customer_user` of the catalogue.
        known_logins: which of these (in lower case) the database has.
        reject: receives each line that is left out.

    Raises:
        SettingsError: the file is not there, is no CSV, or its header names other columns.
    """
    with duckdb.connect() as db:
        columns = _load(db, path)
        _check_header(path, columns, table)
        db.execute(
            "create table people as select *, row_number() over () as number from read_csv(?, header = true,"
            " all_varchar = true, store_rejects = true, strict_mode = false, null_padding = true, nullstr = '')",
            [str(path)],
        )
        for line, kind in db.execute("select distinct line, error_type::varchar from reject_errors").fetchall():
            reject(Rejected("customer_user", f"{path.name}, line {line}", "", f"not readable as CSV: {kind}"))
        valid = "coalesce(valid_id, '1')" if "valid_id" in columns else "'1'"
        listed = ", ".join(_quoted(name) for name in columns if name not in {"id", "valid_id"})
        cursor = db.execute(
            f"select {listed}, {valid} as valid_id, {ID} as id, number,"
            " row_number() over (partition by lower(login) order by number) as occurrence"
            " from people order by number"
        )
        names = [column[0] for column in cursor.description or ()]
        while page := cursor.fetchmany(PAGE):
            rows = [dict(zip(names, values, strict=True)) for values in page]
            held = known_logins([str(row["login"]).lower() for row in rows if row["login"]])
            for row in rows:
                number, occurrence = row.pop("number"), row.pop("occurrence")
                key = str(row["login"] or f"{path.name}, record {number}")
                if not row["login"]:
                    reject(Rejected("customer_user", key, "login", "no login: nothing could refer to this customer"))
                elif int(occurrence or 1) > 1:
                    reject(Rejected("customer_user", key, "login", "the login stands earlier in the file, too"))
                elif str(row["login"]).lower() in held:
                    reject(Rejected("customer_user", key, "login", "the database has this login; its row is taken"))
                else:
                    yield row


def _load(db: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    if not path.is_file():
        raise SettingsError(f"OTRS__CUSTOMERS_CSV names {str(path)!r}, which is no file.")
    try:
        described = db.execute(
            "select Columns from sniff_csv(?, header = true, all_varchar = true, strict_mode = false,"
            " ignore_errors = true)",
            [str(path)],
        ).fetchone()
    except duckdb.Error as error:  # its words quote lines of the file, which are about people
        raise SettingsError(
            f"OTRS__CUSTOMERS_CSV: {path} cannot be read as CSV ({type(error).__name__}). Give it a header line, a "
            "separator, quotes where needed, and the encoding UTF-8."
        ) from None
    return [column["name"] for column in described[0]] if described else []


def _check_header(path: Path, columns: list[str], table: Table) -> None:
    allowed = [column.name for column in table.read_columns if column.name != "id"]
    unknown = [name for name in columns if name not in {*allowed, "id"}]
    if unknown or "login" not in columns:
        wrong = f"names the unknown column {unknown[0]!r}" if unknown else "names no column login"
        raise SettingsError(
            f"OTRS__CUSTOMERS_CSV: the header of {path} {wrong}. Its columns may be: {', '.join(allowed)}."
        )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

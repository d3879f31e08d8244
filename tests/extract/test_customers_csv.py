"""Customers of a CSV file are treated like the rows of `customer_user`."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from few_tables import FEW, WITH_CONTENTS, Extract, query

from extract.errors import SettingsError
from extract.otrs import extract_otrs
from extract.otrs.batches import Rejected
from extract.otrs.catalogue import load_catalogue
from extract.otrs.customers_csv import read_customers
from extract.otrs.settings import OtrsSettings

CUSTOMERS = load_catalogue().table("customer_user")


def read(path: Path, known: Sequence[str] = ()) -> tuple[list[dict[str, str | int | None]], list[Rejected]]:
    rejected: list[Rejected] = []
    rows = list(read_customers(path, CUSTOMERS, lambda logins: set(logins) & set(known), rejected.append))
    return rows, rejected


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "customers.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_each_line_is_a_customer_with_a_negative_id_that_stays(tmp_path: Path) -> None:
    path = write(tmp_path, "login,email,first_name,last_name\nada,ada@example.com,Ada,Löve\nbo,,Bo,O'Hara\n")
    rows, rejected = read(path)
    assert rejected == []
    assert [(row["login"], row["email"], row["last_name"], row["valid_id"]) for row in rows] == [
        ("ada", "ada@example.com", "Löve", "1"),
        ("bo", None, "O'Hara", "1"),
    ]
    assert all(isinstance(row["id"], int) and row["id"] < 0 for row in rows)
    again, _ = read(write(tmp_path, "login,email\nnew,\nADA,other@example.com\n"))
    assert again[1]["id"] == rows[0]["id"], "the same person in any case, whatever else is in the file"


@pytest.mark.parametrize("text", ["login;email\nada;ada@example.com\n", "\ufefflogin,email\nada,ada@example.com\n"])
def test_separators_and_byte_order_marks_are_recognised(tmp_path: Path, text: str) -> None:
    rows, rejected = read(write(tmp_path, text))
    assert [row["email"] for row in rows] == ["ada@example.com"]
    assert rejected == []


def test_what_is_left_out_is_rejected_with_its_login_or_place(tmp_path: Path) -> None:
    path = write(tmp_path, "login,city\nada,Rom\n,Bonn\nADA,Ulm\nroot,Hof\neve,Kiel\n")
    rows, rejected = read(path, known=["root"])
    assert [row["login"] for row in rows] == ["ada", "eve"]
    assert [(reject.key, reject.reason) for reject in rejected] == [
        ("customers.csv, record 2", "no login: nothing could refer to this customer"),
        ("ADA", "the login stands earlier in the file, too"),
        ("root", "the database has this login; its row is taken"),
    ]


def test_a_line_that_is_no_csv_does_not_take_the_others_with_it(tmp_path: Path) -> None:
    path = write(tmp_path, b"login,city\nada,Rom\nbad,\xff\xfe\neve,Kiel\n")
    rows, rejected = read(path)
    assert [row["login"] for row in rows] == ["ada", "eve"]
    assert [(reject.key, reject.reason) for reject in rejected] == [
        ("customers.csv, line 3", "not readable as CSV: INVALID ENCODING")
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("login,shoe_size\nada,38\n", "unknown column 'shoe_size'"),
        ("email,city\nada@example.com,Rom\n", "names no column login"),
        ("login,pw\nada,secret\n", "unknown column 'pw'"),
        ("", "OTRS__CUSTOMERS_CSV"),
    ],
)
def test_a_header_of_other_columns_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint) as error:
        read(write(tmp_path, text))
    assert error.value.exit_code == 3


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.csv"):
        read(tmp_path / "nowhere.csv")


def test_the_extract_adds_them_to_the_table_and_lists_the_file(
    source: Path, warehouse: Path, tmp_path: Path, extract: Extract, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert extract is not None  # the quick catalogue, which gets the customers' table as well
    quick = [*FEW, *WITH_CONTENTS, "customer_user"]
    catalogue = load_catalogue()
    few = type(catalogue)(tuple(t for t in catalogue.tables if t.name in quick), catalogue.known_unread)
    monkeypatch.setattr("extract.otrs.load_catalogue", lambda: few)
    first = extract_otrs(OtrsSettings(f"sqlite:///{source}"), warehouse)
    in_table = query(warehouse, "select count(*), min(login) from raw_otrs.customer_user")[0]
    path = write(tmp_path, f"login,email\nldap.user,ldap@example.com\n{in_table[1]},taken@example.com\n")

    second = extract_otrs(OtrsSettings(f"sqlite:///{source}", customers_csv=str(path)), warehouse)

    assert query(warehouse, "select login, email, valid_id from raw_otrs.customer_user where id < 0") == [
        ("ldap.user", "ldap@example.com", 1)
    ]
    assert query(warehouse, "select count(*) from raw_otrs.customer_user") == [(in_table[0] + 1,)]
    assert (first.rejected, second.rejected) == (0, 1)
    assert query(warehouse, "select row_key, reason from raw_otrs.rejected") == [
        (in_table[1], "the database has this login; its row is taken")
    ]
    listed = query(
        warehouse, "select table_name, row_count from raw_otrs.source_tables where canonical_name = 'customer_user'"
    )
    assert sorted(listed) == [("customer_user", in_table[0]), ("customers.csv", 1)]

"""Article files on disk: what is there, what is missing, what is refused and what belongs to nobody."""

import hashlib
import json
import os
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from extract.errors import SettingsError
from extract.otrs.article_files import (
    LINK,
    NO_MAIN_FILE,
    NO_RAW_MAIL,
    SCHEMA,
    VANISHED,
    read_article_files,
    read_contents,
    survey,
)
from extract.otrs.batches import Rejected
from extract.otrs.settings import OtrsSettings
from extract.otrs.snapshot import open_snapshot

DAY = "2024/02/29"


class Otrs:
    """An OTRS whose articles and files a test sets down, and what the extract makes of it."""

    def __init__(self, folder: Path, *, old: bool = False) -> None:
        self.folder = folder / "article"
        self.folder.mkdir()
        self.database = folder / "otrs.sqlite"
        self.rejected: list[Rejected] = []
        self._old = old
        with closing(sqlite3.connect(self.database)) as db, db:
            if old:
                db.execute("create table article (id integer, content_path text)")
                db.execute("create table article_plain (id integer, article_id integer, body blob)")
            else:
                db.execute("create table article_data_mime (id integer, article_id integer, content_path text)")
                db.execute("create table article_data_mime_plain (id integer, article_id integer, body blob)")
            db.execute("create table ticket_history_type (id integer, name text)")
            db.execute("insert into ticket_history_type values (1, 'SendAnswer'), (2, 'EmailCustomer')")
            db.execute("create table ticket_history (id integer, article_id integer, history_type_id integer)")

    def sql(self, statement: str, *values: Any) -> None:
        with closing(sqlite3.connect(self.database)) as db, db:
            db.execute(statement, values)

    def article(self, key: int, content_path: str | bytes | None = DAY, history: int = 2) -> None:
        if self._old:
            self.sql("insert into article values (?, ?)", key, content_path)
        else:
            self.sql("insert into article_data_mime values (?, ?, ?)", key + 1000, key, content_path)
        self.sql("insert into ticket_history values (?, ?, ?)", key, key, history)

    def file(self, place: str | bytes, content: bytes = b"content", content_type: str | None = "text/x-test") -> Path:
        path = self.folder / os.fsdecode(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        if content_type is not None:
            path.with_name(f"{path.name}.content_type").write_text(content_type)
        return path

    def read(self) -> list[dict[str, Any]]:
        self.rejected.clear()
        with open_snapshot(OtrsSettings(f"sqlite:///{self.database}").url()) as snapshot:
            tables = list(read_article_files(snapshot, self.folder, self.rejected.append))
        assert tables
        assert all(table.schema == SCHEMA for table in tables)
        return [row for table in tables for row in table.to_pylist()]

    def survey(self) -> Any:
        with open_snapshot(OtrsSettings(f"sqlite:///{self.database}").url()) as snapshot:
            return survey(snapshot, self.folder)

    def content(self, row: dict[str, Any]) -> tuple[bytes | None, str | None]:
        return next(read_contents(self.folder, row["content_path"], row["article_id"], [row["file_key"]]))

    def reasons(self) -> list[tuple[str, str]]:
        return [(rejected.key, rejected.reason) for rejected in self.rejected]


@pytest.fixture
def otrs(tmp_path: Path) -> Otrs:
    return Otrs(tmp_path)


def test_a_file_comes_with_what_its_side_files_say(otrs: Otrs) -> None:
    otrs.article(7)
    path = otrs.file(f"{DAY}/7/logo.png", b"\x89PNG\0", "image/png\n")
    path.with_name("logo.png.content_id").write_text("<logo@example.com>")
    path.with_name("logo.png.content_alternative").write_text("1")
    path.with_name("logo.png.disposition").write_text("inline")
    os.utime(path, ns=(0, 1_709_210_096_123_456_789))

    (row,) = otrs.read()

    assert row == {
        "article_id": 7,
        "content_path": DAY,
        "file_key": f"otrs:article_file:7:{hashlib.sha256(b'logo.png').hexdigest()[:16]}",
        "filename": "logo.png",
        "content_type": "image/png",
        "content_id": "<logo@example.com>",
        "content_alternative": "1",
        "disposition": "inline",
        "size": 5,
        "modified_at": datetime(2024, 2, 29, 12, 34, 56, 123456),  # noqa: DTZ001 - naive UTC
        "is_plain_mail": False,
        "missing_reason": None,
    }
    assert otrs.content(row) == (b"\x89PNG\0", None)
    assert otrs.rejected == []


def test_files_come_in_the_order_of_otrs_which_is_that_of_their_bytes(otrs: Otrs) -> None:
    for key in (10, 9):
        otrs.article(key)
    for name in ("b", "a", "Z", "ä", "日本", "a-1", "file-10", "file-2", "plain.txt"):
        otrs.file(f"{DAY}/9/{name}", content_type=None if name == "plain.txt" else "text/plain")
    otrs.file(f"{DAY}/10/0")
    rows = otrs.read()
    assert [(row["article_id"], row["filename"]) for row in rows] == [
        *((9, name) for name in ("Z", "a", "a-1", "b", "file-10", "file-2", "plain.txt", "ä", "日本")),
        (10, "0"),
    ]
    assert [row["filename"] for row in rows if row["is_plain_mail"]] == ["plain.txt"]


def test_otrs_5_keeps_the_path_with_the_article(tmp_path: Path) -> None:
    otrs = Otrs(tmp_path, old=True)
    otrs.article(3)
    otrs.article(4, history=1)
    otrs.file(f"{DAY}/3/report.pdf")
    rows = otrs.read()
    assert [(row["article_id"], row["filename"], row["missing_reason"]) for row in rows] == [
        (3, "report.pdf", None),
        (4, "plain.txt", NO_RAW_MAIL),
    ]


def test_nothing_on_disk_and_no_articles_is_an_empty_table(otrs: Otrs) -> None:
    assert otrs.read() == []
    assert otrs.rejected == []


def test_an_empty_file_is_a_file(otrs: Otrs) -> None:
    otrs.article(1)
    otrs.file(f"{DAY}/1/empty", b"")
    (row,) = otrs.read()
    assert (row["size"], row["missing_reason"]) == (0, None)
    assert otrs.content(row) == (b"", None)


@pytest.mark.parametrize("path", ["../secret", "2024/../../secret", "/etc", "..", f"{DAY}/../../../.."])
def test_a_path_that_leads_out_is_refused(otrs: Otrs, path: str) -> None:
    secret = otrs.folder.parent / "secret" / "1"
    secret.mkdir(parents=True)
    (secret / "password").write_text("secret")
    otrs.article(1, path)
    otrs.article(2)
    otrs.file(f"{DAY}/2/harmless")

    rows = otrs.read()

    assert [row["filename"] for row in rows] == ["harmless"]
    assert otrs.reasons() == [(path, "a path that leads out of the folder; not read")]
    assert list(read_contents(otrs.folder, path, 1, ["key"])) == [
        (None, "a path that leads out of the folder; not read")
    ]


def test_a_mail_of_a_refused_path_is_missing(otrs: Otrs) -> None:
    otrs.article(1, "/etc", history=1)
    otrs.article(2)
    otrs.file(f"{DAY}/2/harmless")
    missing = [row for row in otrs.read() if row["missing_reason"]]
    assert [(row["article_id"], row["missing_reason"]) for row in missing] == [(1, NO_RAW_MAIL)]


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_linked_folder_is_not_followed(otrs: Otrs, depth: int) -> None:
    outside = otrs.folder.parent / "outside"
    parts = DAY.split("/")
    inside = outside.joinpath(*parts[depth:], "1")
    inside.mkdir(parents=True)
    (inside / "password").write_text("secret")
    link = otrs.folder.joinpath(*parts[:depth])
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(outside)
    otrs.article(1)
    otrs.article(2, "2023/01/01")
    otrs.file("2023/01/01/2/harmless")

    assert [row["filename"] for row in otrs.read()] == ["harmless"]
    assert otrs.reasons() == [(DAY, LINK)]
    assert list(read_contents(otrs.folder, DAY, 1, ["key"])) == [(None, LINK)]


def test_a_linked_folder_of_an_article_is_a_row_with_a_reason(otrs: Otrs) -> None:
    outside = otrs.folder.parent / "outside"
    outside.mkdir()
    (outside / "password").write_text("secret")
    (otrs.folder / DAY).mkdir(parents=True)
    (otrs.folder / DAY / "1").symlink_to(outside)
    otrs.article(1)
    (row,) = otrs.read()
    assert (row["article_id"], row["filename"], row["missing_reason"]) == (1, None, LINK)
    assert otrs.reasons() == [(f"{DAY}/1", LINK)]
    assert otrs.content(row) == (None, LINK)


def test_a_linked_file_and_a_linked_side_file_are_not_read(otrs: Otrs) -> None:
    secret = otrs.folder.parent / "secret"
    secret.write_text("secret")
    otrs.article(1)
    path = otrs.file(f"{DAY}/1/real")
    path.with_name("real.content_id").symlink_to(secret)
    path.with_name("linked").symlink_to(secret)
    path.with_name("linked.content_type").write_text("text/plain")

    linked, real = otrs.read()

    assert (linked["filename"], linked["missing_reason"], linked["size"]) == ("linked", LINK, None)
    assert (real["filename"], real["missing_reason"], real["content_id"]) == ("real", None, None)
    assert sorted(otrs.reasons()) == [(f"{DAY}/1/linked", LINK), (f"{DAY}/1/real.content_id", LINK)]
    assert otrs.content(linked) == (None, LINK)


def test_a_pipe_is_not_waited_for(otrs: Otrs) -> None:
    otrs.article(1)
    path = otrs.file(f"{DAY}/1/real")
    os.mkfifo(path.with_name("pipe"))
    assert [(row["filename"], row["missing_reason"]) for row in otrs.read()] == [
        ("pipe", "not a regular file; not read"),
        ("real", None),
    ]


def test_side_files_without_their_file_are_a_missing_file(otrs: Otrs) -> None:
    otrs.article(1)
    otrs.file(f"{DAY}/1/there")
    otrs.file(f"{DAY}/1/gone").unlink()
    gone, there = otrs.read()
    assert (gone["filename"], gone["missing_reason"]) == ("gone", NO_MAIN_FILE)
    assert there["missing_reason"] is None
    assert otrs.content(gone) == (None, VANISHED)


def test_a_customers_file_may_be_called_like_a_side_file(otrs: Otrs) -> None:
    otrs.article(1)
    otrs.file(f"{DAY}/1/report.disposition", b"mine", "text/plain")
    otrs.file(f"{DAY}/1/x.content_type", b"text/html\nmine too", "text/csv")
    rows = otrs.read()
    assert [(row["filename"], row["content_type"]) for row in rows] == [
        ("report.disposition", "text/plain"),
        ("x.content_type", "text/csv"),
    ]
    assert [otrs.content(row)[0] for row in rows] == [b"mine", b"text/html\nmine too"]


def test_the_oldest_otrs_kept_the_type_in_the_files_first_line(otrs: Otrs) -> None:
    otrs.article(1)
    otrs.file(f"{DAY}/1/a.pdf", b'application/pdf; name="a.pdf"\n%PDF', None)
    otrs.file(f"{DAY}/1/b.bin", b"\x89no type line\n", None)
    typed, untyped = otrs.read()
    assert (typed["content_type"], typed["size"]) == ('application/pdf; name="a.pdf"', 4)
    assert otrs.content(typed) == (b"%PDF", None)
    assert (untyped["content_type"], untyped["size"]) == (None, 14)
    assert otrs.content(untyped) == (b"\x89no type line\n", None)
    assert otrs.reasons() == [(f"{DAY}/1/b.bin", "it has no content type")]


def test_a_raw_mail_is_read_as_it_is_and_an_attachment_of_its_name_is_reported(otrs: Otrs) -> None:
    otrs.article(1)
    otrs.article(2)
    otrs.file(f"{DAY}/1/plain.txt", b"text/plain\nFrom: ada@example.com", None)
    otrs.file(f"{DAY}/2/plain.txt", b"notes", "text/plain")
    first, second = otrs.read()
    assert (first["is_plain_mail"], first["size"], first["content_type"]) == (True, 32, None)
    assert otrs.content(first) == (b"text/plain\nFrom: ada@example.com", None)
    assert (second["is_plain_mail"], second["content_type"]) == (True, "text/plain")
    assert [key for key, _ in otrs.reasons()] == [f"{DAY}/2/plain.txt"]


def test_names_that_are_no_utf_8_are_replaced_and_still_lead_to_their_bytes(otrs: Otrs) -> None:
    otrs.article(1)
    names = (b"gr\xfc\xdfe.txt", b"gr\xfc\xdfe\xff.txt")
    for name in names:
        otrs.file(DAY.encode() + b"/1/" + name, name)
    rows = otrs.read()
    assert [row["filename"] for row in rows] == ["gr\ufffd\ufffde.txt", "gr\ufffd\ufffde\ufffd.txt"]
    assert len({row["file_key"] for row in rows}) == 2
    assert [otrs.content(row)[0] for row in rows] == [*names]
    assert [reason for _, reason in otrs.reasons()] == [
        "the name is no UTF-8; what is wrong in it is replaced by U+FFFD"
    ] * 2


def test_a_side_file_that_is_no_text_or_far_too_long_is_reported(otrs: Otrs) -> None:
    otrs.article(1)
    path = otrs.file(f"{DAY}/1/a", content_type="text/plain")
    path.with_name("a.content_type").write_bytes(b"text/plain; name=gr\xfcn")
    path.with_name("a.content_id").write_bytes(b"x" * 100_000)
    (row,) = otrs.read()
    assert (row["content_type"], row["content_id"]) == ("text/plain; name=gr\ufffdn", None)
    assert sorted(otrs.reasons()) == [
        (f"{DAY}/1/a.content_id", "a side file of more than 65,536 bytes; not read"),
        (f"{DAY}/1/a.content_type", "not UTF-8; what is wrong in it is replaced by U+FFFD"),
    ]


def test_hidden_files_and_folders_in_an_articles_folder_are_reported(otrs: Otrs) -> None:
    otrs.article(1)
    otrs.file(f"{DAY}/1/.nfs0001", b"", None)
    otrs.file(f"{DAY}/1/.htaccess")
    otrs.file(f"{DAY}/1/deeper/file")
    assert [row["filename"] for row in otrs.read()] == [".htaccess"]
    assert sorted(otrs.reasons()) == [
        (f"{DAY}/1/.nfs0001", "a hidden file that OTRS does not know; not read"),
        (f"{DAY}/1/deeper", "a folder inside an article's folder; not read"),
    ]


def test_files_of_unknown_articles_are_counted_and_not_read(otrs: Otrs) -> None:
    otrs.article(1)
    otrs.article(5, "2024/02/28")
    otrs.file(f"{DAY}/1/known")
    otrs.file(f"{DAY}/5/left-behind", content_type=None)  # article 5 is elsewhere now
    otrs.file(f"{DAY}/77/of-nobody")
    otrs.file("2019/05/05/3/old")
    otrs.file("2024/02/README", content_type=None)
    otrs.file("lost+found/x", content_type=None)
    (otrs.folder / "2018" / "01").mkdir(parents=True)
    (otrs.folder / DAY / "88").mkdir()

    assert [row["filename"] for row in otrs.read()] == ["known"]

    assert sorted(otrs.reasons()) == [
        ("2019", "2 files in a folder that no article of the database names; not read"),
        ("2024/02", "1 files beside the articles' folders; not read"),
        (DAY, "3 files of 2 articles that the database does not have there (5, 77); not read"),
        ("lost+found", "1 files in a folder that no article of the database names; not read"),
    ]
    counted = otrs.survey()
    assert (counted.files, counted.orphans, counted.missing) == (1, 7, 0)


def test_a_sent_mail_has_its_raw_text_in_the_database_or_on_disk_or_it_is_missing(otrs: Otrs) -> None:
    for key in range(1, 6):
        otrs.article(key, history=1)
    otrs.article(6, history=2)  # received: nothing is promised
    otrs.sql("insert into article_data_mime_plain values (1, 1, 'From: x')")
    otrs.sql("insert into article_data_mime_plain values (2, 1, 'From: x again')")
    otrs.file(f"{DAY}/2/plain.txt", content_type=None)
    otrs.file(f"{DAY}/3/only-an-attachment")
    otrs.sql("update article_data_mime set content_path = '2024/01/01' where article_id = 5")

    rows = {(row["article_id"], row["filename"]): row["missing_reason"] for row in otrs.read()}

    assert rows == {
        (2, "plain.txt"): None,
        (3, "only-an-attachment"): None,
        (3, "plain.txt"): NO_RAW_MAIL,
        (4, "plain.txt"): NO_RAW_MAIL,
        (5, "plain.txt"): NO_RAW_MAIL,
    }
    assert otrs.survey().by_reason == {NO_RAW_MAIL: 3}
    with open_snapshot(OtrsSettings(f"sqlite:///{otrs.database}").url()) as snapshot:
        without_a_folder = survey(snapshot, None)
    assert (without_a_folder.files, without_a_folder.missing) == (0, 4)


@pytest.mark.parametrize("path", [None, "", "."])
def test_an_article_without_a_path_lies_in_the_folder_itself(otrs: Otrs, path: str | None) -> None:
    otrs.article(2024, path)  # a year's folder has the same name
    otrs.article(8, path)
    otrs.article(1)
    otrs.file(f"{DAY}/1/known")
    otrs.file("8/here")
    assert [(row["article_id"], row["filename"]) for row in otrs.read()] == [(8, "here"), (1, "known")]
    assert otrs.rejected == []


def test_a_wrong_folder_is_told_apart_from_one_without_files(otrs: Otrs) -> None:
    otrs.article(1)
    (otrs.folder / "article" / DAY).mkdir(parents=True)
    with pytest.raises(SettingsError, match=r"none of the 1 folders that articles name is in it.*var/article"):
        otrs.read()
    otrs.folder = otrs.folder / "nowhere"
    with pytest.raises(SettingsError, match=r"OTRS__ARTICLE_DIR is .*nowhere, which cannot be read: No such file"):
        otrs.read()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other accounts may enter."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def as_somebody_else() -> Iterator[Callable[[], None]]:
    """Return a function that takes root's rights away, until the test ends."""
    yield lambda: os.seteuid(65534) if os.geteuid() == 0 else None
    if os.getuid() == 0:
        os.seteuid(0)


def test_what_must_not_be_read_is_a_row_with_a_reason(open_folder: Path, as_somebody_else: Callable[[], None]) -> None:
    otrs = Otrs(open_folder)
    for key in (1, 2):
        otrs.article(key)
    otrs.file(f"{DAY}/1/closed").chmod(0)
    otrs.file(f"{DAY}/1/open")
    otrs.file(f"{DAY}/2/inside").parent.chmod(0)
    otrs.database.chmod(0o644)
    as_somebody_else()

    rows = otrs.read()

    assert [(row["article_id"], row["filename"], row["missing_reason"]) for row in rows] == [
        (1, "closed", "Permission denied"),
        (1, "open", None),
        (2, None, "Permission denied"),
    ]
    assert otrs.content(rows[0]) == (None, "Permission denied")
    assert otrs.survey().missing == 2


def test_thousands_of_files_of_one_article_are_listed(otrs: Otrs) -> None:
    otrs.article(1)
    folder = otrs.folder / DAY / "1"
    folder.mkdir(parents=True)
    for number in range(7_000):
        (folder / f"{number}").touch()
    rows = otrs.read()
    assert len({row["file_key"] for row in rows}) == 7_000


@pytest.mark.lab
def test_every_file_of_a_real_otrs_is_as_its_own_code_reads_it(
    otrs_lab: Path, load_lab_database: Callable[..., str], tmp_path: Path
) -> None:
    url = OtrsSettings(load_lab_database("znuny65-mysql-fs")).url()
    with tarfile.open(otrs_lab / "znuny65-mysql-fs.var-article.tar.gz") as tar:
        tar.extractall(tmp_path, filter="data")
    folder = tmp_path / "var" / "article"
    truth = json.loads((otrs_lab / "znuny65-mysql-fs.truth.json").read_text())["attachments"]["by_article"]
    rejected: list[Rejected] = []
    with open_snapshot(url) as snapshot:
        rows = [row for table in read_article_files(snapshot, folder, rejected.append) for row in table.to_pylist()]
        counted = survey(snapshot, folder)
        in_database = {key for (key,) in snapshot.rows("select distinct article_id from article_data_mime_attachment")}

    assert rejected == []
    attachments: dict[int, list[tuple[Any, ...]]] = {}
    for row in rows:
        ((content, reason),) = read_contents(folder, row["content_path"], row["article_id"], [row["file_key"]])
        assert reason is None
        assert content is not None
        assert len(content) == row["size"]
        if not row["is_plain_mail"]:
            digest = hashlib.sha256(content).hexdigest()
            described = (row["filename"], row["content_type"], row["content_id"] or "", row["size"], digest)
            attachments.setdefault(row["article_id"], []).append(described)
    # OTRS hands a side file on undecoded, so an umlaut comes out of its API as two letters.
    expected = {
        int(article): [
            (
                file["filename"],
                file["content_type"].encode("latin-1").decode()
                if "Ã" in file["content_type"]
                else file["content_type"],
                file["content_id"],
                file["bytes"],
                file["sha256"],
            )
            for file in files
        ]
        for article, files in truth.items()
        if int(article) not in in_database
    }
    assert attachments == expected
    assert in_database.isdisjoint(attachments)
    assert sum(row["is_plain_mail"] for row in rows) == 47
    assert (counted.files, counted.missing, counted.orphans) == (len(rows), 0, 0)
    assert counted.bytes == sum(row["size"] for row in rows)

"""Objects are read back one by one, kept batch by batch, and shown when all of them are there."""

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from extract import generations
from extract.intercom import extract_intercom
from extract.intercom.readback import READBACK, ReadBack, read_back

WORKSPACE = "w"


class Intercom:
    """Answers for any conversation and contact; can be away, and counts what it was asked."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.answers: dict[str, Any] = {}
        self.fails_at = ""

    def fetch(self, path: str, query: Mapping[str, str]) -> Any:
        address = path + "".join(f"?{name}={value}" for name, value in query.items() if name == "page")
        self.asked[address] += 1
        if path == self.fails_at:
            raise ConnectionError(path)
        if path in {"/tags", "/data_attributes", "/conversations/attributes"}:
            return {"data": [{"id": 7, "name": "SLA: Gold"}]} if path == "/tags" else {"data": []}
        return self.answers.get(address, {"id": path.rsplit("/", 1)[1]})

    def fetch_file(self, address: str) -> tuple[str | None, int | None, str | None]:
        self.asked[address] += 1
        return (None, None, "gone") if "gone" in address else ("ab" * 32, 3, None)


@pytest.fixture
def intercom() -> Intercom:
    """A workspace."""
    return Intercom()


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """An empty warehouse."""
    return tmp_path / "warehouse.duckdb"


@pytest.fixture
def query(warehouse: Path) -> Callable[[str], list[Any]]:
    """Read from the warehouse as an analyst does."""

    def run(sql: str) -> list[Any]:
        with duckdb.connect(str(warehouse), read_only=True) as db:
            return db.execute(sql).fetchall()

    return run


def conversations(number: int) -> str:
    """SQL of so many targets."""
    return (
        "select 'conversation' as object, 'otrs:ticket:' || i as object_key, i::varchar as intercom_id,"
        f" false as is_of_selection from range(1, {number + 1}) t(i)"
    )


def read(intercom: Intercom, warehouse: Path, targets: str, **more: Any) -> ReadBack:
    """Read back with one worker, so that what was read before a failure is known."""
    return read_back(intercom.fetch, warehouse, targets, **{"workspace_id": WORKSPACE, "workers": 1, **more})


def test_what_is_found_and_what_is_missing_is_shown_with_the_whole_answer(
    intercom: Intercom, warehouse: Path, query: Callable[[str], list[Any]]
) -> None:
    intercom.answers["/conversations/2"] = None
    intercom.answers["/conversations/3"] = {"id": "3", "title": "Ödd \ud800"}
    shown: list[tuple[int, int]] = []
    result = read(intercom, warehouse, conversations(3), on_progress=lambda done, total: shown.append((done, total)))
    assert (result.asked, result.kept, result.found, result.files) == (3, 0, 2, 0)
    assert shown == [(1, 3), (2, 3), (3, 3)]
    found = query("select intercom_id, is_found, data from raw_intercom.read_back where object = 'conversation'")
    assert sorted(found)[1] == ("2", False, None)
    assert json.loads(sorted(found)[2][2])["title"] == "Ödd ?"
    assert query("select intercom_id, data ->> '$.name' from raw_intercom.read_back where object = 'tag'") == [
        ("7", "SLA: Gold")
    ]


def test_each_kind_of_object_has_its_own_address(intercom: Intercom, warehouse: Path) -> None:
    targets = (
        "select * from (values ('contact', 'c', '1', false), ('company', 'o', '2', false),"
        " ('article', 'a', '3', false), ('collection', 'k', '4', false), ('contact', 'never loaded', null, false))"
        " as t(object, object_key, intercom_id, is_of_selection)"
    )
    assert read(intercom, warehouse, targets).asked == 4
    assert {path for path in intercom.asked if path[-1].isdigit()} == {
        "/contacts/1",
        "/companies/2",
        "/articles/3",
        "/help_center/collections/4",
    }


def test_many_objects_are_kept_in_batches(
    intercom: Intercom, warehouse: Path, query: Callable[[str], list[Any]]
) -> None:
    result = read(intercom, warehouse, conversations(4_321), workers=8)
    assert result.asked == 4_321
    assert set(intercom.asked.values()) == {1, 2}  # /data_attributes, of people and of companies
    assert query(
        "select count(distinct intercom_id), bool_and(intercom_id = (data ->> '$.id')) from raw_intercom.read_back"
        " where object = 'conversation'"
    ) == [(4_321, True)]


def test_a_contact_of_many_companies_is_read_with_all_of_them(
    intercom: Intercom, warehouse: Path, query: Callable[[str], list[Any]]
) -> None:
    intercom.answers |= {
        "/contacts/1": {
            "companies": {"data": [{"id": "a"}], "has_more": True},
            "tags": {"data": [{"id": "t"}], "has_more": False},
        },
        "/contacts/1/companies": {"companies": [{"id": "a"}], "pages": {"page": 1, "total_pages": 2}},
        "/contacts/1/companies?page=2": {"data": [{"id": "b"}], "pages": {"page": 2, "total_pages": 2}},
    }
    read(
        intercom,
        warehouse,
        "select 'contact' as object, 'c' as object_key, '1' as intercom_id, false as is_of_selection",
    )
    assert query(
        "select json_extract_string(data, '$.companies.data[*].id'), json_extract_string(data, '$.tags.data[*].id')"
        " from raw_intercom.read_back where object = 'contact'"
    ) == [(["a", "b"], ["t"])]


def with_files(*addresses: str) -> Any:
    """A conversation of one part with files."""
    files = [{"name": "x", "url": address} for address in addresses]
    return {"conversation_parts": {"conversation_parts": [{"id": 5, "attachments": files}]}}


def test_files_are_kept_as_hashes(intercom: Intercom, warehouse: Path, query: Callable[[str], list[Any]]) -> None:
    intercom.answers["/conversations/1"] = with_files("https://a/1", "https://a/gone")
    assert read(intercom, warehouse, conversations(1), fetch_file=intercom.fetch_file).files == 1
    assert query("from raw_intercom.read_back_files order by position") == [
        ("1", "5", 0, "ab" * 32, 3, None),
        ("1", "5", 1, None, None, "gone"),
    ]


def test_a_reading_that_was_killed_is_gone_on_with(
    intercom: Intercom, warehouse: Path, query: Callable[[str], list[Any]]
) -> None:
    read(intercom, warehouse, conversations(2))
    intercom.asked.clear()
    intercom.fails_at = "/conversations/4"
    with pytest.raises(ConnectionError):
        read(intercom, warehouse, conversations(5))
    # what is half done is not shown
    assert query("select count(*) from raw_intercom.read_back where object = 'conversation'") == [(2,)]
    intercom.fails_at = ""
    result = read(intercom, warehouse, conversations(5))
    assert (result.asked, result.kept, result.found) == (2, 3, 5)
    assert [intercom.asked[f"/conversations/{number}"] for number in range(1, 5)] == [1, 1, 1, 2]
    assert query("select count(*) from raw_intercom.read_back where object = 'conversation'") == [(5,)]
    # that one is complete: the next reads everything
    assert read(intercom, warehouse, conversations(5)).asked == 5


KILLED = """
import os, signal, sys
from pathlib import Path
from extract.intercom.readback import read_back

def fetch(path, query):
    if path == "/conversations/1200":
        os.kill(os.getpid(), signal.SIGKILL)
    return {"id": path.rsplit("/", 1)[1]}

read_back(fetch, Path(sys.argv[1]), sys.argv[2], workspace_id="w", workers=1)
"""


def test_a_process_that_is_killed_loses_no_more_than_a_batch(intercom: Intercom, warehouse: Path) -> None:
    # by their ids as text: all but those from 1200 on are read before it
    targets = conversations(1_200).replace("i::varchar", "lpad(i::varchar, 4, '0')")
    done = subprocess.run([sys.executable, "-c", KILLED, str(warehouse), targets], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    result = read(intercom, warehouse, targets)
    assert (result.asked + result.kept, result.kept >= 500) == (1_200, True)


@pytest.mark.parametrize("more", [{"fresh": True}, {"workspace_id": "another"}], ids=["fresh", "another workspace"])
def test_a_reading_begins_anew_when_asked_to_or_in_another_workspace(
    more: dict[str, Any], intercom: Intercom, warehouse: Path
) -> None:
    intercom.fails_at = "/conversations/4"
    with pytest.raises(ConnectionError):
        read(intercom, warehouse, conversations(5))
    intercom.fails_at = ""
    result = read(intercom, warehouse, conversations(5), **more)
    assert (result.asked, result.kept) == (5, 0)


def test_what_was_written_to_since_it_was_read_is_read_again(intercom: Intercom, warehouse: Path) -> None:
    intercom.fails_at = "/conversations/4"
    with pytest.raises(ConnectionError):
        read(intercom, warehouse, conversations(5))
    intercom.fails_at = ""
    now = datetime.now(UTC).replace(tzinfo=None)
    before = now - timedelta(hours=1)
    written = [("conversation", "otrs:ticket:1", before), ("conversation", "otrs:ticket:2", now + timedelta(hours=1))]
    moments: list[datetime] = []

    def written_since(moment: datetime) -> list[tuple[str, str, datetime]]:
        moments.append(moment)
        return written

    intercom.asked.clear()
    result = read(intercom, warehouse, conversations(5), written_since=written_since)
    assert before < moments[0] <= now
    assert (result.asked, result.kept) == (3, 2)
    assert {path for path in intercom.asked if path[-1].isdigit()} == {
        "/conversations/2",
        "/conversations/4",
        "/conversations/5",
    }


def test_conversations_read_without_files_are_read_again_when_files_are_wanted(
    intercom: Intercom, warehouse: Path
) -> None:
    intercom.fails_at = "/conversations/4"
    with pytest.raises(ConnectionError):
        read(intercom, warehouse, conversations(5))
    intercom.fails_at = ""
    assert read(intercom, warehouse, conversations(5), fetch_file=intercom.fetch_file).asked == 5


def test_a_reading_leaves_the_reference_data_alone(
    intercom: Intercom, warehouse: Path, query: Callable[[str], list[Any]]
) -> None:
    extract_intercom(lambda path, _query: {"app": {"id_code": "w"}} if path == "/me" else {}, warehouse)
    read(intercom, warehouse, conversations(1))
    assert query("select workspace_id from raw_intercom.me") == [("w",)]
    extract_intercom(lambda path, _query: {"app": {"id_code": "v"}} if path == "/me" else {}, warehouse)
    assert query("select count(*) from raw_intercom.read_back where object = 'conversation'") == [(1,)]
    assert generations.unfinished(warehouse, READBACK) is None


def test_intercoms_own_attributes_are_left_out_since_they_have_no_id(
    intercom: Intercom, warehouse: Path, query: Callable[[str], list[Any]]
) -> None:
    listed = {"data": [{"name": "email", "model": "contact"}, {"name": "phone"}, {"id": 9, "name": "otrs-login"}]}
    fetch = intercom.fetch

    def lists(path: str, asked: Mapping[str, str]) -> Any:
        return listed if path == "/conversations/attributes" else fetch(path, asked)

    read_back(lists, warehouse, conversations(1), workspace_id=WORKSPACE, workers=1)
    found = query("select intercom_id from raw_intercom.read_back where object not in ('conversation', 'tag')")
    assert found == [("9",)]

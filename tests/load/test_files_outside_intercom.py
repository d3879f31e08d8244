"""Files that are larger than Intercom takes go to a storage: whole or not at all, once, and never over HTTP."""

import base64
import hashlib
import json
from pathlib import Path

import fsspec
import pytest
from rehearsals import Rehearse

from load.errors import AgainError, RejectedError, StorageError
from load.kinds import send_undo
from load.ledger import Ledger
from load.storage import CHUNK, FileStorage

CONTENT = bytes(range(256)) * 40_000  # 10 MB: several chunks


def spool(folder: Path, content: bytes) -> Path:
    spooled = folder / "spooled"
    spooled.write_bytes(base64.b64encode(content))
    return spooled


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# --- the storage


def test_a_file_is_written_once_and_is_what_it_was(tmp_path: Path) -> None:
    storage = FileStorage(str(tmp_path / "files"))
    spooled = spool(tmp_path, CONTENT)
    assert len(CONTENT) > 2 * CHUNK
    assert storage.put("a/b.mov", spooled, len(CONTENT), sha256(CONTENT)) is True
    assert (tmp_path / "files/a/b.mov").read_bytes() == CONTENT
    assert storage.put("a/b.mov", spooled, len(CONTENT), sha256(CONTENT)) is False
    assert [path.name for path in (tmp_path / "files/a").iterdir()] == ["b.mov"]


@pytest.mark.parametrize("there", [b"", CONTENT[:-1], b"x" * len(CONTENT)])
def test_what_an_interrupted_run_left_behind_is_written_anew(tmp_path: Path, there: bytes) -> None:
    for name in ("b.mov", "b.mov.part"):
        (tmp_path / "files/a").mkdir(parents=True, exist_ok=True)
        (tmp_path / "files/a" / name).write_bytes(there)
    storage = FileStorage(str(tmp_path / "files"))
    assert storage.put("a/b.mov", spool(tmp_path, CONTENT), len(CONTENT), sha256(CONTENT)) is True
    assert (tmp_path / "files/a/b.mov").read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / "files/a").iterdir()] == ["b.mov"]


@pytest.mark.parametrize(("size", "digest"), [(4, sha256(b"abc")), (3, sha256(b"abd"))])
def test_a_content_that_is_not_what_the_plan_says_is_refused_and_leaves_nothing(
    tmp_path: Path, size: int, digest: str
) -> None:
    storage = FileStorage(str(tmp_path / "files"))
    with pytest.raises(RejectedError):
        storage.put("a/b.mov", spool(tmp_path, b"abc"), size, digest)
    assert list((tmp_path / "files/a").iterdir()) == []


def test_a_store_that_is_no_folder_takes_files_too(tmp_path: Path) -> None:
    storage = FileStorage("memory://otrs/files")
    assert storage.put("a/b.mov", spool(tmp_path, b"abc"), 3, sha256(b"abc")) is True
    memory = fsspec.filesystem("memory")
    assert memory.cat("/otrs/files/a/b.mov") == b"abc"
    assert storage.put("a/b.mov", spool(tmp_path, b"abc"), 3, sha256(b"abc")) is False
    storage.remove("a/b.mov")
    storage.remove("a/b.mov")
    assert not memory.exists("/otrs/files/a/b.mov")


def test_a_kind_of_storage_that_nobody_knows_stops_the_run_without_telling_its_address(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as raised:
        FileStorage("nosuch://user:secret@example.com/x").put("a", spool(tmp_path, b""), 0, sha256(b""))
    assert "FILE_STORAGE__URL" in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_storage_that_does_not_take_it_is_asked_again_later(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("a file, no folder")
    with pytest.raises(AgainError):
        FileStorage(str(tmp_path / "files")).put("a/b.mov", spool(tmp_path, b"abc"), 3, sha256(b"abc"))


# --- the load


def test_a_load_keeps_the_file_beside_the_warehouse_without_a_call(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    usual = rehearsal.apply()
    rehearsal = rehearse(tickets=range(1, 2), build=False)
    path = rehearsal.plan.keep_outside("otrs:attachment:1", CONTENT)
    rehearsal.build()
    result = rehearsal.apply()
    assert result.exit_code == 0
    assert result.written["file.store"] == 1
    assert rehearsal.accepted() == sum(usual.written.values())
    assert (rehearsal.folder / "files" / path).read_bytes() == CONTENT
    assert rehearsal.apply().written == {}


def test_a_file_that_was_there_is_adopted_and_never_taken_back(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(0), build=False)
    path = rehearsal.folder / "files" / rehearsal.plan.keep_outside("otrs:attachment:1", b"abc")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"abc")
    rehearsal.build()
    result = rehearsal.apply()
    assert result.exit_code == 0
    assert "file.store" not in result.written
    with Ledger(rehearsal.ledger) as ledger:
        [receipt] = ledger.settled(1, ["stored_file/otrs:attachment:1"], []).values()
    assert (receipt.outcome, receipt.undo) == ("adopted", None)


def test_a_file_that_cannot_be_kept_is_left_over_and_comes_with_the_next_run(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2), build=False)
    path = rehearsal.plan.keep_outside("otrs:attachment:1", b"abc")
    rehearsal.build()
    blocked = rehearsal.folder / "files"
    blocked.write_text("no folder")
    result = rehearsal.apply()
    assert result.exit_code == 4
    assert dict(result.left_over) == {"unanswered": 1}
    blocked.unlink()
    again = rehearsal.apply()
    assert again.exit_code == 0
    assert dict(again.written) == {"file.store": 1}
    assert (blocked / path).read_bytes() == b"abc"


def test_what_was_kept_can_be_taken_back(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(0), build=False)
    path = rehearsal.plan.keep_outside("otrs:attachment:1", b"abc")
    rehearsal.build()
    rehearsal.apply()
    with Ledger(rehearsal.ledger) as ledger:
        [receipt] = ledger.settled(1, ["stored_file/otrs:attachment:1"], []).values()
    assert receipt.outcome == "created"
    storage = FileStorage(rehearsal.settings.file_folder)

    class Talk:
        def unstore(self, stored: str) -> None:
            storage.remove(stored)

    assert receipt.undo is not None
    send_undo(Talk(), json.loads(receipt.undo))  # type: ignore[arg-type]
    assert not (rehearsal.folder / "files" / path).exists()

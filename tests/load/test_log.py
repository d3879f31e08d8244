"""The log of a load: what a line holds, and what it can never hold."""

import json
from pathlib import Path
from typing import Any

import pytest
from rehearsals import Rehearse

from load import log
from load.simulator import Fault


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_line_names_run_request_attempt_and_answer(rehearse: Rehearse, tmp_path: Path) -> None:
    rehearsal = rehearse(faults=(Fault("POST", "/companies", do="status:503", times=2),))
    with log.writing(tmp_path / "log.jsonl"):
        result = rehearsal.apply(workers=1)
    assert result.exit_code == 0
    lines = lines_of(tmp_path / "log.jsonl")
    answers = [line for line in lines if line["event"] == "answer" and line.get("slot") == "company/c1"]
    sent = [(line["attempt"], line["status"]) for line in answers if line["method"] == "POST"]
    assert sent == [(1, 503), (2, 503), (3, 200)]
    for line in answers:
        assert (line["run"], line["phase"], line["kind"]) == (result.run_id, 2, "company.upsert")
        assert line["at"].endswith("Z")
        assert line["seconds"] >= 0
    assert answers[-1]["request_id"]
    assert [line["event"] for line in lines if line["event"].startswith("run ")] == ["run started", "run ended"]
    assert len([line for line in lines if line["event"] == "answer"]) == result.figures["requests"]


def test_a_call_without_an_answer_is_in_the_log(rehearse: Rehearse, tmp_path: Path) -> None:
    rehearsal = rehearse(faults=(Fault("POST", "/contacts", nth=2, do="drop"),))
    with log.writing(tmp_path / "log.jsonl"):
        assert rehearsal.apply().exit_code == 0
    (line,) = (line for line in lines_of(tmp_path / "log.jsonl") if line["event"] == "no answer")
    assert (line["kind"], line["path"]) == ("contact.upsert", "/contacts")
    assert "status" not in line


def test_a_log_that_cannot_be_written_does_not_end_the_load_and_is_said_once(
    rehearse: Rehearse, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rehearsal = rehearse()
    with log.writing(tmp_path / "no such folder" / "log.jsonl"):
        assert rehearsal.apply().exit_code == 0
    assert capsys.readouterr().err.count("cannot be written (No such file or directory)") == 1


def test_only_listed_fields_get_in(tmp_path: Path) -> None:
    unlisted: dict[str, Any] = {"body": "Dear Jane", "kind": "contact.upsert"}
    with log.writing(tmp_path / "log.jsonl"), log.about(run="r"):
        log.event("answer", **unlisted)
    (line,) = lines_of(tmp_path / "log.jsonl")
    assert set(line) == {"at", "event", "run", "kind"}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"slot": "contact/jane.roe@example.com"}, {"slot": "contact/…"}),
        ({"path": "/contacts/find_by_external_id/jane"}, {"path": "/contacts/find_by_external_id/…"}),
        ({"path": "/companies?name=Roe"}, {"path": "/companies"}),
        ({"path": "/conversations/12/parts/6762f0dd1bb69f9f2193bb83"},) * 2,
        ({"path": "/tags/Jane Roe"}, {"path": "/tags/…"}),
        ({"seconds": 0.123456789}, {"seconds": 0.1235}),
        ({"request_id": None}, {}),
    ],
)
def test_a_field_keeps_ids_and_loses_what_a_person_chose(
    tmp_path: Path, given: dict[str, Any], kept: dict[str, Any]
) -> None:
    with log.writing(tmp_path / "log.jsonl"):
        log.event("answer", **given)
    (line,) = lines_of(tmp_path / "log.jsonl")
    assert {name: value for name, value in line.items() if name not in {"at", "event"}} == kept


def test_verbose_shows_the_same_lines_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with log.writing(tmp_path / "log.jsonl", verbose=True):
        log.event("phase", phase=3)
    assert capsys.readouterr().err == (tmp_path / "log.jsonl").read_text(encoding="utf-8")


def test_a_full_log_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "FILE_BYTES", 500)
    monkeypatch.setattr(log, "OLD_FILES", 2)
    with log.writing(tmp_path / "log.jsonl"):
        for number in range(100):
            log.event("phase", number=number)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.jsonl", "log.jsonl.1", "log.jsonl.2"]
    assert lines_of(tmp_path / "log.jsonl")[-1]["number"] == 99
    assert all(path.stat().st_size <= 500 for path in tmp_path.iterdir())


def test_nobody_is_told_when_nobody_listens() -> None:
    assert log._LISTENERS == []


def crash() -> None:
    try:
        {}["jane.roe@example.com"]
    except KeyError as error:
        raise ValueError("could not convert 'Dear Jane'") from error


def test_a_trace_shows_places_and_types_and_no_value() -> None:
    with pytest.raises(ValueError, match="convert") as caught:
        crash()
    trace = log.trace_of(caught.value)
    assert "tests/load/test_log.py" in trace
    assert "builtins.KeyError\nthen:\n" in trace
    assert trace.endswith("builtins.ValueError")
    assert "jane" not in trace.casefold()


def test_a_trace_keeps_messages_that_name_parts_of_the_program() -> None:
    with pytest.raises(AttributeError) as caught:
        object().nothing  # type: ignore[attr-defined]  # noqa: B018
    assert log.trace_of(caught.value).endswith("AttributeError: 'object' object has no attribute 'nothing'")

"""The runbook names what there is."""

import re
from pathlib import Path

import duckdb
from rehearsals import Rehearse

from load import errors
from load.letters import DEPENDS, REFUSED, UNANSWERED, UNKNOWN

ROOT = Path(__file__).resolve().parents[2]
LOAD = ROOT / "load"
RUNBOOK = (LOAD / "RUNBOOK.md").read_text(encoding="utf-8")
PROGRAM = " ".join(path.read_text(encoding="utf-8") for path in sorted(LOAD.glob("*.py")))
FRONT_DOOR = " ".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "otrs2intercom").glob("*.py")))


def section(title: str) -> str:
    return RUNBOOK.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_every_event_of_the_log_is_explained() -> None:
    written = set(re.findall(r"\b(?:log\.event|settler\.log|self\.log|self\._log)\(\s*\"([^\"]+)\"", PROGRAM))
    explained = set(re.findall(r"`([^`]+)`", " ".join(re.findall(r"^\| (`.*?) \|", section("The log"), re.MULTILINE))))
    assert {"answer", "call", "run ended"} <= written
    assert explained == written


def test_every_reason_of_a_dead_letter_has_a_way_out() -> None:
    assert set(re.findall(r"^\| `(\w+)`", section("Left over"), re.MULTILINE)) == {
        REFUSED,
        DEPENDS,
        UNANSWERED,
        UNKNOWN,
    }


def test_every_sentence_with_which_a_run_stops_is_one_of_the_program() -> None:
    program = re.sub(r"\"\s+f?\"", "", f"{PROGRAM} {FRONT_DOOR}")
    lines = re.findall(r"^\| ([^|`]+?) \|", section("It stopped"), re.MULTILINE)
    for line in (line for line in lines if line != "---" and not line.startswith("the sentence ")):
        for said in line.split(" / "):
            words = re.split(r"\s*…\s*|: \d+", said.rstrip(": …"))
            assert all(part in program for part in words if part.strip()), said


def test_every_exit_code_of_a_load_is_listed() -> None:
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", section("Exit codes"), re.MULTILINE)}
    codes = {getattr(errors, name) for name in dir(errors) if name.startswith("EXIT_")}
    assert codes <= listed


def test_every_word_of_the_trade_is_explained_before_it_is_used() -> None:
    explained = RUNBOOK.split("\n## ")[0]
    for word in ("slot", "lane", "receipt", "dead letter"):
        assert f"**{word}**" in explained


def test_every_query_answers(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    rehearsal.apply()
    queries = [
        query
        for block in re.findall(r"```sql\n(.*?)```", RUNBOOK, re.DOTALL)
        for query in block.split(";")
        if query.strip()
    ]
    assert len(queries) > 3
    with duckdb.connect(str(rehearsal.settings.warehouse), read_only=True) as db:
        for query in queries:
            db.execute(query)

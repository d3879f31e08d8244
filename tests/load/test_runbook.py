"""The runbook names what there is."""

import re
from pathlib import Path

from load import errors
from load.letters import DEPENDS, REFUSED, UNANSWERED, UNKNOWN

LOAD = Path(__file__).resolve().parents[2] / "load"
RUNBOOK = (LOAD / "RUNBOOK.md").read_text(encoding="utf-8")
PROGRAM = " ".join(path.read_text(encoding="utf-8") for path in sorted(LOAD.glob("*.py")))


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
    program = re.sub(r"\"\s+f?\"", "", PROGRAM)
    for line in re.findall(r"^\| ([^|`]+?) \|", section("It stopped"), re.MULTILINE)[1:]:
        for said in line.split(" / "):
            words = re.split(r"\s*…\s*|: \d+", said.rstrip(": …"))
            assert all(part in program for part in words if part.strip()), said


def test_every_exit_code_of_a_load_is_listed() -> None:
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", section("Exit codes"), re.MULTILINE)}
    codes = {getattr(errors, name) for name in dir(errors) if name.startswith("EXIT_")}
    assert codes <= listed

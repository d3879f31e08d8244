"""Every way to settle a step, met by everything that can go wrong: what becomes of it, and that it is so once.

After each the workspace holds, record by record, what it holds after an undisturbed load. `load/CRASHES.md` publishes
the outcomes; it is compared here, so that it cannot go stale.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from crashes import COLUMNS, FULL, KILLED, MET, NONE, REVOKED, ROWS, Column, Row, Stages, outcomes, published, rules
from killed import Loads
from rehearsals import Rehearsal

from load.kinds import KINDS
from load.ledger import _Batch
from load.simulator import Fault

FIRST = [row for row in ROWS if not row.later]
LATER = [row for row in ROWS if row.later]
SENT = [row for row in ROWS if row.request]


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Stages:
    return Stages.prepare(tmp_path_factory.mktemp("stages"))


@pytest.fixture(scope="module")
def loads() -> Iterator[Loads]:
    with Loads() as started:
        yield started


def expected(column: Column, rows: list[Row]) -> dict[str, str]:
    table = published()[column.name]
    return {row.name: table[row.name] for row in rows}


def test_the_published_table_has_every_kind_and_every_fault() -> None:
    table = published()
    assert list(table) == [column.name for column in COLUMNS]
    for column, rows in table.items():
        assert list(rows) == [row.name for row in ROWS], column
    assert {row.name.partition(",")[0] for row in ROWS} == set(KINDS)


@pytest.mark.parametrize("boundary", KILLED)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_killed(stages: Stages, loads: Loads, tmp_path: Path, row: Row, boundary: str) -> None:
    column = KILLED[boundary]
    if boundary == "before the answer" and row.request is None:
        assert expected(column, [row]) == {row.name: NONE}
        return
    with stages.rehearse("loaded" if row.later else "start", tmp_path / "case") as rehearsal:
        how: dict[str, Any] = {"slot": row.slot, "action": row.action, "boundary": boundary}

        def at_the_commit(process: int) -> None:
            if boundary == "before the answer" and row.request is not None:
                rule = {"when": "after_commit", "do": f"kill:{process}", "nth": row.among}
                fault = {"method": row.request[0], "path": row.request[1], **rule}
                httpx.post(f"{rehearsal.base_url}/_simulator/faults", json=fault).raise_for_status()

        assert loads.run(rehearsal.folder, rehearsal.base_url, at_the_commit, **how) == -9
        result = rehearsal.apply(workers=1)
        assert (result.state, result.exit_code, result.unresolved) == ("finished", 0, 0)
        stages.agree(rehearsal, 2 if row.later else 1)
        log = stages.log if row.later else stages.first_log
        assert outcomes(rehearsal, [row], log, column.word) == expected(column, [row])


@pytest.mark.parametrize(
    ("column", "when", "do"),
    [(column, when, do) for column in MET for when, do in column.faults],
    ids=lambda value: value.name if isinstance(value, Column) else value,
)
def test_met(stages: Stages, tmp_path: Path, column: Column, when: str, do: str) -> None:
    with stages.rehearse("start", tmp_path / "case", faults=rules(FIRST, when, do)) as rehearsal:
        for build in (1, 2):
            result = rehearsal.apply(workers=1)
            assert (result.state, result.exit_code, result.unresolved) == ("finished", 0, 0)
            stages.agree(rehearsal, build)
            if build == 1:
                stages.build_again(rehearsal)
                set_later(rehearsal, rules(LATER, when, do))
        assert all(fault["fired"] for fault in httpx.get(f"{rehearsal.base_url}/_simulator/faults").json())
        assert outcomes(rehearsal, SENT, stages.log, column.word) == expected(column, SENT)
        assert rehearsal.apply().plan.total == 0


def set_later(rehearsal: Rehearsal, faults: tuple[Fault, ...]) -> None:
    for fault in faults:
        rule = {name: value for name, value in vars(fault).items() if value is not None}
        httpx.post(f"{rehearsal.base_url}/_simulator/faults", json=rule).raise_for_status()


def apply_until_finished(rehearsal: Rehearsal) -> int:
    """Repeat the command, as a person does. Returns how often it stopped."""
    for stops in range(len(ROWS) + 1):
        result = rehearsal.apply(workers=1)
        if result.state == "finished":
            assert (result.exit_code, result.unresolved) == (0, 0)
            return stops
        assert result.state == "stopped"
    raise AssertionError("it does not end")


def test_token_revoked(stages: Stages, tmp_path: Path) -> None:
    faults = rules(FIRST, *REVOKED.faults[0])
    with stages.rehearse("start", tmp_path / "case", faults=faults) as rehearsal:
        assert apply_until_finished(rehearsal) == len(faults)
        stages.agree(rehearsal, 1)
        stages.build_again(rehearsal)
        set_later(rehearsal, rules(LATER, *REVOKED.faults[0]))
        assert apply_until_finished(rehearsal) == len(LATER)
        stages.agree(rehearsal, 2)
        assert outcomes(rehearsal, SENT, stages.log, REVOKED.word) == expected(REVOKED, SENT)


@pytest.mark.parametrize("what", FULL)
def test_ledger_full(stages: Stages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    column = FULL[what]
    left = {row.slot for row in FIRST}
    write = _Batch.write

    def full(batch: _Batch, cursor: sqlite3.Cursor) -> None:
        struck = [slot for slot in left if any(concerns(slot, entry) for entry in getattr(batch, what))]
        left.difference_update(struck)
        if struck:
            raise sqlite3.OperationalError("database or disk is full")
        write(batch, cursor)

    monkeypatch.setattr(_Batch, "write", full)
    with stages.rehearse("start", tmp_path / "case") as rehearsal:
        assert apply_until_finished(rehearsal) == len(FIRST)
        stages.agree(rehearsal, 1)
        stages.build_again(rehearsal)
        left.update(row.slot for row in LATER)
        assert apply_until_finished(rehearsal) == len(LATER)
        stages.agree(rehearsal, 2)
        assert outcomes(rehearsal, list(ROWS), stages.log, column.word) == expected(column, list(ROWS))


def concerns(slot: str, entry: dict[str, Any]) -> bool:
    return f'["{slot}"' in entry["items"] if "items" in entry else entry["slot"] == slot

"""Keeps the mapping seeds: adds what was found, never touches what a person decided.

The proposals are SQL (`dbt_project/models/mapping`). Here they only meet the CSV files: a row that a person
confirmed or edited stays as it is, an open proposal is renewed, a new key is added.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from load.settings import Settings
from otrs2intercom import transform

CONFIRMED = "confirmed"
OPEN_DECISIONS = ("proposed", "requires_admin_decision")


@dataclass(frozen=True)
class Seed:
    """A mapping file: its name without `.csv`, its key column, and the columns that are the decision."""

    name: str
    key: str
    decided: tuple[str, ...]


SEEDS = (
    Seed("agents", "otrs_agent_id", ("target", "teammate_email")),
    Seed("queues", "otrs_queue_id", ("team_name",)),
    Seed("ticket_states", "otrs_state_id", ("intercom_state",)),
    Seed("ticket_priorities", "otrs_priority_id", ("attribute_value",)),
)

PROPOSED_AS = "proposed_as"
"""Column that remembers the last proposal, so that an edit is told from a proposal of yesterday."""


class MappingFileError(Exception):
    """A mapping file cannot be read; the message names file, row and cause."""

    exit_code = 3


@dataclass(frozen=True)
class MappingState:
    """One mapping file after `map`.

    Attributes:
        seed: name of the file without `.csv`.
        path: where it is.
        rows: decisions in it.
        added: rows that were not there before.
        open: rows that no person has confirmed.
        gone: rows whose record OTRS no longer has; kept, without effect.
    """

    seed: str
    path: Path
    rows: int
    added: int
    open: int
    gone: int


def folder() -> Path:
    """Return the folder of the mapping seeds."""
    return transform.project_dir() / "seeds" / "mapping"


def propose(settings: Settings, *, confirm_all: bool = False, quiet: bool = True) -> list[MappingState]:
    """Bring the mapping files up to date with what was extracted.

    Args:
        settings: names the warehouse.
        confirm_all: confirm every open row as proposed; for rehearsals.
        quiet: show dbt's errors only.

    Raises:
        TransformError: the proposals could not be computed.
        MappingFileError: a file is not what it should be.
    """
    if not transform.dbt(settings, ["run", "--select", "+path:models/mapping"], quiet=quiet):
        raise transform.TransformError(
            "The proposals could not be computed; the lines above say why. "
            "Run `otrs2intercom extract otrs` and `otrs2intercom extract intercom` first."
        )
    states = []
    for seed in SEEDS:
        proposals = {
            str(row[seed.key]): {name: "" if value is None else str(value) for name, value in row.items()}
            for row in transform.rows(settings, f"select * from mapping.proposed_{seed.name} order by {seed.key}")
        }
        for proposal in proposals.values():
            proposal[PROPOSED_AS] = _as_text(seed, proposal)
        states.append(_merge(seed, proposals, confirm_all=confirm_all))
    return states


def check() -> list[MappingState]:
    """Count what is open, without changing anything."""
    states = []
    for seed in SEEDS:
        path = _path(seed)
        _, kept = _read(path, seed.key)
        still_open = sum(_is_open(row) for row in kept.values())
        states.append(MappingState(seed.name, path, len(kept), added=0, open=still_open, gone=0))
    return states


def _path(seed: Seed) -> Path:
    return folder() / f"{seed.name}.csv"


def _as_text(seed: Seed, row: Mapping[str, str]) -> str:
    return " ".join(f"{name}={row.get(name, '')}" for name in seed.decided)


def _is_open(row: Mapping[str, str]) -> bool:
    return row.get("decision") != CONFIRMED


def _merge(seed: Seed, proposals: Mapping[str, Mapping[str, str]], *, confirm_all: bool) -> MappingState:
    path = _path(seed)
    header, kept = _read(path, seed.key)
    names = header or list(next(iter(proposals.values()), {seed.key: ""}))
    if PROPOSED_AS not in names:
        names = [*names, PROPOSED_AS]
    merged: dict[str, dict[str, str]] = {}
    for identity, proposal in proposals.items():
        old = kept.get(identity)
        row = dict(proposal) if old is None or _is_untouched(seed, old) else dict(old)
        if confirm_all and _is_open(row):
            row["decision"] = CONFIRMED
        merged[identity] = row
    gone = [row for identity, row in kept.items() if identity not in proposals]
    _write(path, names, [*merged.values(), *gone])
    return MappingState(
        seed=seed.name,
        path=path,
        rows=len(merged) + len(gone),
        added=sum(identity not in kept for identity in proposals),
        open=sum(_is_open(row) for row in merged.values()),
        gone=len(gone),
    )


def _is_untouched(seed: Seed, row: Mapping[str, str]) -> bool:
    """Whether nobody decided on the row: it is open and still says what was proposed."""
    return _is_open(row) and row.get(PROPOSED_AS, "") == _as_text(seed, row)


def _read(path: Path, key: str) -> tuple[list[str], dict[str, dict[str, str]]]:
    if not path.is_file():
        return [], {}
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise MappingFileError(
            f"{path}, line {line}: not UTF-8. Save the file as CSV with the encoding UTF-8."
        ) from error
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        return _rows(path, key, reader)
    except csv.Error as error:
        raise MappingFileError(
            f"{path}, line {reader.line_num}: {error}. Look for a double quote that is opened and not closed."
        ) from error


def _rows(path: Path, key: str, reader: "csv.DictReader[str]") -> tuple[list[str], dict[str, dict[str, str]]]:
    names = list(reader.fieldnames or [])
    if key not in names or "decision" not in names:
        raise MappingFileError(
            f"{path}: the first line lacks the column {key!r} or 'decision'. "
            "Restore it from version control, or delete the file and run `otrs2intercom map`."
        )
    found: dict[str, dict[str, str]] = {}
    for row in reader:
        values = {name: (row.get(name) or "") for name in names}
        if row.get(None) or None in row.values():
            raise MappingFileError(
                f"{path}, line {reader.line_num}: another number of values than columns. "
                "Put values that hold a comma into double quotes."
            )
        if values["decision"] not in {CONFIRMED, *OPEN_DECISIONS}:
            raise MappingFileError(
                f"{path}, line {reader.line_num}: decision is {values['decision']!r}; "
                f"write one of {CONFIRMED}, {', '.join(OPEN_DECISIONS)}."
            )
        if values[key] in found:
            raise MappingFileError(
                f"{path}, line {reader.line_num}: {key} {values[key]} occurs twice. Remove one of the lines."
            )
        found[values[key]] = values
    return names, found


def _write(path: Path, names: list[str], rows: list[dict[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".csv.new")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, names, lineterminator="\n", extrasaction="ignore", restval="")
            writer.writeheader()
            writer.writerows(rows)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)

"""Keeps the mapping seeds: adds what was found, never touches what a person decided.

The proposals are SQL (`dbt_project/models/mapping`). Here they only meet the CSV files: a row that a person
confirmed or edited stays as it is, an open proposal is renewed, a new key is added.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from load.settings import Settings
from otrs2intercom import transform

CONFIRMED = "confirmed"
OPEN_DECISIONS = ("proposed", "requires_admin_decision")

PROPOSED_AS = "proposed_as"
"""Column that remembers the last proposal, so that an edit is told from a proposal of yesterday."""


@dataclass(frozen=True)
class Seed:
    """A mapping file: its name without `.csv`, its columns in order (the first is the key), and the decision.

    `decided` names the columns that are the decision, each with the values it may have, if they are given.
    """

    name: str
    described: tuple[str, ...]
    decided: Mapping[str, tuple[str, ...]]

    @property
    def key(self) -> str:
        """The column that identifies a row."""
        return self.described[0]

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns, in the order of the file; dbt reads them by place."""
        return (*self.described, *self.decided, "decision", "reason", PROPOSED_AS)


SEEDS = (
    Seed(
        "agents",
        ("otrs_agent_id", "otrs_login", "otrs_name", "otrs_email"),
        {"target": ("teammate", "fallback"), "teammate_email": ()},
    ),
    Seed("queues", ("otrs_queue_id", "otrs_queue"), {"team_name": ()}),
    Seed(
        "ticket_states",
        ("otrs_state_id", "otrs_state", "otrs_state_type"),
        {"intercom_state": ("open", "closed", "snoozed", "not_loaded")},
    ),
    Seed("ticket_priorities", ("otrs_priority_id", "otrs_priority"), {"attribute_value": ()}),
    Seed("services", ("otrs_service_id", "otrs_service"), {"target": ("article", "ignore"), "title": ()}),
    Seed(
        "config_item_classes",
        ("otrs_class_id", "otrs_class"),
        {"target": ("company_attribute", "inventory")},
    ),
)


class MappingFileError(Exception):
    """A mapping file cannot be read; the message names file, row and cause."""

    exit_code = 3


@dataclass(frozen=True)
class OpenDecision:
    """A row that no person has confirmed: its line in the file, whom it is about, what is proposed, and why."""

    line: int
    about: str
    proposal: str
    reason: str


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
        open_rows: those that are open, one by one.
    """

    seed: str
    path: Path
    rows: int
    added: int
    open: int
    gone: int
    open_rows: tuple[OpenDecision, ...] = ()


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
    transform.require_extract(settings)
    if not transform.dbt(settings, ["run", "--select", "+path:models/mapping"], quiet=quiet):
        raise transform.TransformError("The proposals could not be computed; the lines above say why.")
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
        if not path.is_file():
            raise MappingFileError(
                f"{path} is missing. Run `otrs2intercom map` to write it anew, or restore it from version control."
            )
        _, kept = _read(path, seed)
        rows = _open_rows(seed, kept.values())
        states.append(MappingState(seed.name, path, len(kept), added=0, open=len(rows), gone=0, open_rows=rows))
    return states


def _open_rows(seed: Seed, rows: Iterable[Mapping[str, str]]) -> tuple[OpenDecision, ...]:
    return tuple(
        OpenDecision(line, row[seed.described[1]], _as_text(seed, row), row.get("reason", ""))
        for line, row in enumerate(rows, start=2)
        if _is_open(row)
    )


def _path(seed: Seed) -> Path:
    return folder() / f"{seed.name}.csv"


def _as_text(seed: Seed, row: Mapping[str, str]) -> str:
    return " ".join(f"{name}={row.get(name, '')}" for name in seed.decided)


def _is_open(row: Mapping[str, str]) -> bool:
    return row.get("decision") != CONFIRMED


def _merge(seed: Seed, proposals: Mapping[str, Mapping[str, str]], *, confirm_all: bool) -> MappingState:
    path = _path(seed)
    header, kept = _read(path, seed)
    names = header or list(seed.columns)
    if PROPOSED_AS not in names:
        names = [*names, PROPOSED_AS]
    merged: dict[str, dict[str, str]] = {}
    for identity, proposal in proposals.items():
        old = kept.get(identity)
        row = {**(old or {}), **proposal} if old is None or _is_untouched(seed, old) else dict(old)
        if confirm_all and _is_open(row):
            row["decision"] = CONFIRMED
        merged[identity] = row
    gone = [row for identity, row in kept.items() if identity not in proposals]
    rows = _open_rows(seed, merged.values())
    _write(path, names, [*merged.values(), *gone])
    return MappingState(
        seed=seed.name,
        path=path,
        rows=len(merged) + len(gone),
        added=sum(identity not in kept for identity in proposals),
        open=len(rows),
        gone=len(gone),
        open_rows=rows,
    )


def _is_untouched(seed: Seed, row: Mapping[str, str]) -> bool:
    """Whether nobody decided on the row: it is open and still says what was proposed."""
    return _is_open(row) and row.get(PROPOSED_AS, "") == _as_text(seed, row)


def _read(path: Path, seed: Seed) -> tuple[list[str], dict[str, dict[str, str]]]:
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
        return _rows(path, seed, reader)
    except csv.Error as error:
        raise MappingFileError(
            f"{path}, line {reader.line_num + 1}: {error}. Look for a double quote that is opened and not closed."
        ) from error


def _rows(path: Path, seed: Seed, reader: "csv.DictReader[str]") -> tuple[list[str], dict[str, dict[str, str]]]:
    names = list(reader.fieldnames or [])
    lacking = [name for name in seed.columns if name not in names and name != PROPOSED_AS]
    if lacking:
        raise MappingFileError(
            f"{path}: the first line lacks {', '.join(lacking)}; the columns are {','.join(seed.columns)}. "
            "Mend the line, restore the file from version control, or delete it and run `otrs2intercom map`."
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
        for name, allowed in seed.decided.items():
            if allowed and values[name] not in allowed and values["decision"] == CONFIRMED:
                raise MappingFileError(
                    f"{path}, line {reader.line_num}: {name} is {values[name]!r}; write one of {', '.join(allowed)}."
                )
        if values[seed.key] in found:
            raise MappingFileError(
                f"{path}, line {reader.line_num}: {seed.key} {values[seed.key]} occurs twice. Remove one of the lines."
            )
        found[values[seed.key]] = values
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

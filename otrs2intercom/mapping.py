"""Keeps the mapping seeds: adds what was found, never touches what a person decided.

The proposals are SQL (`dbt_project/models/mapping`). Here they only meet the CSV files: a row that a person
confirmed or edited stays as it is, an open proposal is renewed, a new key is added.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from load.errors import GateError
from load.settings import Settings
from otrs2intercom import transform

CONFIRMED = "confirmed"
OPEN_DECISIONS = ("proposed", "requires_admin_decision")

PROPOSED_AS = "proposed_as"
"""Column that remembers the last proposal, so that an edit is told from a proposal of yesterday."""

SCORE = "score"
"""Column that says how sure the proposal is, 0 to 100."""

USED = "used"
"""Column with the number of records that the row is about, as of the last `map`; a row about none can stay open."""

_LATER_COLUMNS = (SCORE, USED, PROPOSED_AS)
"""Columns that files of earlier versions lack; they are added."""


@dataclass(frozen=True)
class Reference:
    """Something that a column names and that has to exist in the workspace.

    Attributes:
        what: in words, for the message.
        known: SQL over the warehouse for the names that exist, in lower case.
        only_if: column and value of the row; others name nothing.
    """

    what: str
    known: str
    only_if: tuple[str, str] | None = None


@dataclass(frozen=True)
class Seed:
    """A mapping file; adding one here, its CSV and its model `proposed_<name>` is all that a new decision takes.

    Attributes:
        name: of the file, without `.csv`.
        described: columns that say what the row is about; the first is the key, the second its name.
        decided: columns that are the decision, each with the values it may have, if they are given.
        refers: columns of these that name something in the workspace.
    """

    name: str
    described: tuple[str, ...]
    decided: Mapping[str, tuple[str, ...]]
    refers: Mapping[str, Reference] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The column that identifies a row."""
        return self.described[0]

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns, in the order of a new file."""
        return (*self.described, *self.decided, "decision", "reason", *_LATER_COLUMNS)


_TEAMMATE = Reference(
    "teammate with the address",
    "select lower(trim(email)) from raw_intercom.admins where archived is not true",
    only_if=("target", "teammate"),
)
_TEAM = Reference("team with the name", "select lower(trim(name)) from raw_intercom.teams where archived is not true")

SEEDS = (
    Seed(
        "agents",
        ("otrs_agent_id", "otrs_login", "otrs_name", "otrs_email"),
        {"target": ("teammate", "fallback"), "teammate_email": ()},
        {"teammate_email": _TEAMMATE},
    ),
    Seed("queues", ("otrs_queue_id", "otrs_queue"), {"team_name": ()}, {"team_name": _TEAM}),
    Seed(
        "ticket_states",
        ("otrs_state_id", "otrs_state", "otrs_state_type"),
        {"intercom_state": ("open", "closed", "snoozed", "not_loaded")},
    ),
    Seed("ticket_priorities", ("otrs_priority_id", "otrs_priority"), {"attribute_value": ()}),
    Seed("ticket_types", ("otrs_type_id", "otrs_type"), {"attribute_value": ()}),
    Seed("slas", ("otrs_sla_id", "otrs_sla"), {"target": ("tag", "none"), "tag_name": ()}),
    Seed(
        "dynamic_fields",
        ("otrs_field_id", "otrs_field", "otrs_label", "otrs_object", "otrs_type"),
        {
            "target": ("attribute", "tag", "note", "inventory", "ignore"),
            "attribute_name": (),
            "data_type": ("", "string", "integer", "decimal", "boolean", "date", "datetime", "list"),
        },
    ),
    Seed("source_tables", ("otrs_table",), {"treatment": ("leave",)}),
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
    """A row that no person has confirmed.

    Attributes:
        line: where it stands in the file.
        about: whom or what it is about.
        proposal: what is proposed.
        reason: why.
        score: how sure that is, 0 to 100; empty where nothing says so.
    """

    line: int
    about: str
    proposal: str
    reason: str
    score: str = ""


@dataclass(frozen=True)
class MappingState:
    """One mapping file after `map`.

    Attributes:
        seed: name of the file without `.csv`.
        path: where it is.
        rows: decisions in it.
        added: rows that were not there before.
        open: rows that no person has confirmed and that some record needs.
        gone: rows whose record OTRS no longer has; kept, without effect.
        open_rows: those that are open, one by one.
        unused: rows that no person has confirmed, and that no record needs.
        broken: rows that name what the workspace does not have, in words.
    """

    seed: str
    path: Path
    rows: int
    added: int
    open: int
    gone: int
    open_rows: tuple[OpenDecision, ...] = ()
    unused: int = 0
    broken: tuple[str, ...] = ()


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
        OtherWorkspaceError: the warehouse knows another workspace than the one in the settings.
    """
    transform.require_extract(settings)
    transform.require_own_workspace(settings)
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
        state = _merge(seed, proposals, confirm_all=confirm_all)
        states.append(replace(state, broken=_broken(seed, settings)))
    return states


def check(settings: Settings | None = None) -> list[MappingState]:
    """Count what is open, without changing anything.

    Args:
        settings: names the warehouse that knows the workspace; without it, nothing is compared with that.
    """
    states = []
    for seed in SEEDS:
        path = _path(seed)
        if not path.is_file():
            raise MappingFileError(
                f"{path} is missing. Run `otrs2intercom map` to write it anew, or restore it from version control."
            )
        _, kept = _read(path, seed)
        rows, unused = _open_rows(seed, kept.values())
        state = MappingState(seed.name, path, len(kept), added=0, open=len(rows), gone=0, open_rows=rows, unused=unused)
        states.append(replace(state, broken=_broken(seed, settings)))
    return states


def require_built(settings: Settings) -> None:
    """Refuse a plan that was built with other decisions than the files now hold.

    Only what a decision is made of counts, not its reason, score or number of uses. A warehouse without mapping
    was never built, which is not said here.

    Raises:
        GateError: the message names the files.
        MappingFileError: a file is not what it should be.
    """
    changed = []
    with duckdb.connect(str(settings.warehouse), read_only=True) as db:
        for seed in SEEDS:
            if not transform.has_table(db, "mapping", seed.name):
                continue
            names = (*seed.described, *seed.decided, "decision")
            columns = ", ".join(f"{name}::varchar" for name in names)
            built = {
                tuple(map(_plain, row)) for row in db.execute(f"select {columns} from mapping.{seed.name}").fetchall()
            }
            _, rows = _read(_path(seed), seed)
            if built != {tuple(_plain(row.get(name)) for name in names) for row in rows.values()}:
                changed.append(f"{seed.name}.csv")
    if changed:
        raise GateError(
            f"{', '.join(changed)} changed since the build, so the plan is not what was decided. "
            "Run `otrs2intercom build`, look at the plan, then apply."
        )


def _plain(value: str | None) -> str:
    """A value as a file and the warehouse agree on it; dbt reads an empty one and `null` as nothing."""
    text = (value or "").strip()
    return "" if text.lower() == "null" else text


def _open_rows(seed: Seed, rows: Iterable[Mapping[str, str]]) -> tuple[tuple[OpenDecision, ...], int]:
    """Return the open rows that some record needs, and the number of those that none needs."""
    open_rows = [(line, row) for line, row in enumerate(rows, start=2) if _is_open(row)]
    needed = tuple(
        OpenDecision(line, row[seed.described[:2][-1]], _as_text(seed, row), row.get("reason", ""), row.get(SCORE, ""))
        for line, row in open_rows
        if row.get(USED) != "0"
    )
    return needed, len(open_rows) - len(needed)


def _broken(seed: Seed, settings: Settings | None) -> tuple[str, ...]:
    """Name the rows, by file and line, that refer to what the workspace does not have (or no longer has)."""
    if settings is None or not seed.refers or not settings.warehouse.is_file():
        return ()
    path = _path(seed)
    _, rows = _read(path, seed)
    complaints = []
    for column, reference in seed.refers.items():
        known = _known(settings, reference)
        for line, row in enumerate(rows.values(), start=2):
            name = row[column].strip()
            applies = reference.only_if is None or row[reference.only_if[0]] == reference.only_if[1]
            if known is None or not applies or name.casefold() in known:
                continue
            if name or reference.only_if is not None:
                complaints.append(f"{path}, line {line}: the workspace has no {reference.what} {name!r}.")
    return tuple(complaints)


def _known(settings: Settings, reference: Reference) -> set[str] | None:
    """The names that the workspace has; None when nothing was read from it, or another program holds the file."""
    try:
        with duckdb.connect(str(settings.warehouse), read_only=True) as db:
            return {str(name).casefold() for (name,) in db.execute(reference.known).fetchall() if name is not None}
    except (duckdb.CatalogException, duckdb.IOException):
        return None


def _path(seed: Seed) -> Path:
    return folder() / f"{seed.name}.csv"


def _as_text(seed: Seed, row: Mapping[str, str]) -> str:
    return " ".join(f"{name}={row.get(name, '')}" for name in seed.decided)


def _is_open(row: Mapping[str, str]) -> bool:
    return row.get("decision") != CONFIRMED


def _merge(seed: Seed, proposals: Mapping[str, Mapping[str, str]], *, confirm_all: bool) -> MappingState:
    path = _path(seed)
    header, kept = _read(path, seed)
    names = _with_later_columns(header) if header else list(seed.columns)
    merged: dict[str, dict[str, str]] = {}
    for identity, proposal in proposals.items():
        old = kept.get(identity)
        row = {**(old or {}), **proposal} if old is None or _is_untouched(seed, old) else dict(old)
        row[USED] = proposal.get(USED, "")
        if confirm_all and _is_open(row):
            row["decision"] = CONFIRMED
        merged[identity] = row
    gone = [row for identity, row in kept.items() if identity not in proposals]
    rows, unused = _open_rows(seed, merged.values())
    _write(path, names, [*merged.values(), *gone])
    return MappingState(
        seed=seed.name,
        path=path,
        rows=len(merged) + len(gone),
        added=sum(identity not in kept for identity in proposals),
        open=len(rows),
        gone=len(gone),
        open_rows=rows,
        unused=unused,
    )


def _with_later_columns(header: list[str]) -> list[str]:
    """Return the columns of a file with those that its version did not have yet, before the proposal's memory."""
    names = [name for name in header if name != PROPOSED_AS]
    lacking = [name for name in _LATER_COLUMNS if name not in header and name != PROPOSED_AS]
    at = header.index(PROPOSED_AS) if PROPOSED_AS in header else len(names)
    return [*names[:at], *lacking, PROPOSED_AS, *names[at:]] if lacking or PROPOSED_AS not in header else header


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
    lacking = [name for name in seed.columns if name not in names and name not in _LATER_COLUMNS]
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

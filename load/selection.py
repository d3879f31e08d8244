"""Chooses a part of the plan: some conversations, and everything that they refer to and nothing else.

A row of the plan is chosen when it makes a chosen object, or when its path names one (a contact's memberships
and tags, a conversation's messages). A chosen row's references are chosen objects in turn, and so are the
definitions of the attributes that it sets and the files outside Intercom that its text links to. So the
whole is the smallest set that can be sent by itself:

* a continuation comes with the conversation that it continues;
* a contact comes with its memberships and tags, and so with its companies: a conversation's company has to be
  one of its contact's, and Intercom shows no company without people;
* a link to another conversation comes when that one is chosen, loaded already, or not in the plan at all. Sent
  earlier it would say "not loaded" for good;
* an address that a contact was made without is left out: his other conversations are not there yet, and Intercom
  could write to him about them;
* the help centre belongs to no conversation.

What is left out is counted, and a later apply without selection sends it: what is due is decided by the ledger.
"""

import json
import re
import shlex
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
from sqlalchemy import select

from load.errors import GateError, SelectionError
from load.ledger import SETTLED, Ledger
from load.warehouse import MEMORY

STATES = ("open", "closed", "snoozed")
CONVERSATION = "conversation/"
"""Before a conversation's key in the names of the plan's objects."""
ADDRESS = "contact.email"
"""Kind of the requests that give a contact the address that he was made without."""

_PAGE = 5_000
_DAYS = re.compile(r"(\d{1,5})d")


@dataclass(frozen=True)
class Selection:
    """Which conversations are meant: those that meet every condition, and of several values of one, any.

    Attributes:
        created_since: a day (2026-10-24), a time, or a number of days (30d) before the extract; UTC.
        teams: names of teams, in whatever case.
        states: open, closed, snoozed.
        conversations: keys, or the numbers that customers know.
        limit: so many of the newest, a continuation not counted.

    Raises:
        SelectionError: a value cannot be understood.
    """

    created_since: str | None = None
    teams: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    conversations: tuple[str, ...] = ()
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.created_since is not None and not _DAYS.fullmatch(self.created_since):
            _moment(self.created_since)
        for state in self.states:
            if state not in STATES:
                raise SelectionError(f"there is no state {state!r}: a conversation is {', '.join(STATES)}.")
        if self.limit is not None and self.limit < 1:
            raise SelectionError(f"a limit of {self.limit} leaves nothing: give a number from 1.")

    @property
    def chooses(self) -> bool:
        """Whether anything is asked for; else the whole plan is meant."""
        return self != Selection()

    def as_dict(self) -> dict[str, Any]:
        """What was asked for, without what was not."""
        asked = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asked if value}


@dataclass(frozen=True)
class Chosen:
    """What a selection came to.

    Attributes:
        selection: what was asked for.
        since: the moment that `created_since` meant; None without it.
        conversations: chosen, continuations included.
        conversations_left_out: not chosen.
        requests: rows of the plan that are chosen.
        requests_left_out: rows of the plan that are not.
        addresses_waiting: chosen contacts who get their address from an apply without selection only.
    """

    selection: Selection
    since: datetime | None
    conversations: int
    conversations_left_out: int
    requests: int
    requests_left_out: int
    addresses_waiting: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For `--json` and for the ledger."""
        return {
            **self.selection.as_dict(),
            **({"since": self.since.isoformat()} if self.since else {}),
            "chosen": {"conversations": self.conversations, "requests": self.requests},
            "not_selected": {"conversations": self.conversations_left_out, "requests": self.requests_left_out},
        }

    @property
    def sentence(self) -> str:
        """What is sent and what is not, for a person."""
        of = self.conversations + self.conversations_left_out
        return (
            f"Selected: {self.conversations:,} of {of:,} conversations ({described(self.as_dict())}), with everything "
            f"that they refer to. Not selected: {self.conversations_left_out:,} conversations, "
            f"{self.requests_left_out:,} requests; an apply without selection completes the load."
        )


def described(recorded: Mapping[str, Any]) -> str:
    """Say a selection in words.

    Args:
        recorded: as `Chosen.as_dict` gives it and the ledger keeps it.
    """
    said = []
    if since := recorded.get("since"):
        said.append(f"created since {datetime.fromisoformat(since):%Y-%m-%d %H:%M} UTC")
    said += [
        f"{name} {' or '.join(recorded[key])}"
        for key, name in (("teams", "team"), ("states", "state"), ("conversations", "conversation"))
        if recorded.get(key)
    ]
    if limit := recorded.get("limit"):
        said.append(f"the {limit:,} newest of them" if said else f"the {limit:,} newest")
    return ", ".join(said)


class ChosenSlots:
    """The slots of a selection, in a SQLite file: a batch asks for its own, and memory holds no more than that.

    Args:
        folder: private, and there as long as this is used.
    """

    def __init__(self, folder: Path) -> None:
        self.scratch = folder / "selection.duckdb"
        self._db = sqlite3.connect(folder / "selection.sqlite", isolation_level=None)
        self._db.execute("pragma journal_mode = off")
        self._db.execute("pragma synchronous = off")
        self._db.execute("create table chosen (slot text primary key) without rowid")

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def add(self, slots: Sequence[str]) -> None:
        """Take some slots."""
        self._db.execute("begin")
        self._db.executemany("insert into chosen values (?)", [(slot,) for slot in slots])
        self._db.execute("commit")

    def among(self, slots: Sequence[str]) -> set[str]:
        """Which of these slots are chosen."""
        found: set[str] = set()
        for start in range(0, len(slots), 400):
            some = slots[start : start + 400]
            query = f"select slot from chosen where slot in ({', '.join('?' * len(some))})"
            found.update(row[0] for row in self._db.execute(query, some))
        return found


def choose(db: duckdb.DuckDBPyConnection, ledger: Ledger, selection: Selection, slots: ChosenSlots) -> Chosen:
    """Find the rows of the plan that a selection means; afterwards `selection.chosen` of the connection names them.

    Args:
        db: the warehouse, open to read.
        ledger: what is loaded already.
        selection: what is asked for.
        slots: filled with the slots that are chosen.

    Raises:
        SelectionError: nothing is chosen, or a conversation or team is not known.
        GateError: the plan was built by a version that did not know of selections.
    """
    check(db, selection)
    values = _meant(db, selection)
    db.execute(f"set memory_limit = '{MEMORY}'")
    # A file of its own, which all cursors see; a temporary table belongs to one of them.
    db.execute(f"attach '{str(slots.scratch).replace(chr(39), chr(39) * 2)}' as selection (read_write)")
    db.execute(f"create table selection.objects as {_MEANT}", values)
    _note_conversations(db, ledger)
    _choose_rows(db)
    addresses = _leave_out_addresses(db, ledger)
    cursor = db.cursor()
    cursor.execute("select slot from selection.chosen order by slot")
    while some := cursor.fetchmany(_PAGE):
        slots.add([slot for (slot,) in some])
    return Chosen(
        selection,
        values["since"],
        conversations=_number(db, "select count(*) from selection.objects where is_conversation"),
        conversations_left_out=_number(
            db,
            "select count(*) from intercom.selectable_conversations where $prefix || conversation_key not in"
            " (select object_key from selection.objects where is_conversation)",
            prefix=CONVERSATION,
        ),
        requests=_number(db, "select count(*) from selection.chosen"),
        requests_left_out=_number(
            db, "select count(*) from intercom.requests where slot not in (select slot from selection.chosen)"
        ),
        addresses_waiting=addresses,
    )


_MEANT = """
    with
        several as (

            -- in the order of keys, so that the same are the newest each time
            select first_conversation_key
            from intercom.selectable_conversations
            where
                (
                    len($keys::varchar[]) = 0
                    or list_contains($keys::varchar[], conversation_key)
                    or list_contains($keys::varchar[], number)
                )
                and (len($teams::varchar[]) = 0 or list_contains($teams::varchar[], lower(trim(team_name))))
                and (len($states::varchar[]) = 0 or list_contains($states::varchar[], state))
                and ($since::timestamp is null or created_at >= $since::timestamp)
            group by first_conversation_key
            order by max(created_at) desc, first_conversation_key
            limit $limit

        )

    select $prefix || conversation_key as object_key, true as is_conversation, true as is_new
    from intercom.selectable_conversations
    where first_conversation_key in (select first_conversation_key from several)
"""


def _meant(db: duckdb.DuckDBPyConnection, selection: Selection) -> dict[str, Any]:
    """Return the values for `_MEANT`."""
    try:
        since = _since(db, selection.created_since)
    except duckdb.CatalogException as error:
        raise GateError(
            "the plan was built by an earlier version, which knew no selection. Run the build again."
        ) from error
    return {
        "keys": [name.removeprefix(CONVERSATION) for name in selection.conversations],
        "teams": [name.strip().casefold() for name in selection.teams],
        "states": list(selection.states),
        "since": since,
        "limit": selection.limit if selection.limit is not None else 2**62,
        "prefix": CONVERSATION,
    }


def check(db: duckdb.DuckDBPyConnection, selection: Selection) -> None:
    """Make sure that a selection means something in this plan.

    Args:
        db: the warehouse, open to read.
        selection: what is asked for.

    Raises:
        SelectionError: nothing is chosen, or a conversation or team is not known.
        GateError: the plan was built by a version that did not know of selections.
    """
    values = _meant(db, selection)
    _require(db, "conversation", selection.conversations, values["keys"], "conversation_key", "number")
    _require(db, "team", selection.teams, values["teams"], "lower(trim(team_name))")
    if not _number(db, f"select count(*) from ({_MEANT})", **values):
        since = values["since"]
        asked = described({**selection.as_dict(), **({"since": since.isoformat()} if since else {})})
        raise SelectionError(f"no conversation of the plan is meant by this selection ({asked}). Nothing was sent.")


def _since(db: duckdb.DuckDBPyConnection, created_since: str | None) -> datetime | None:
    if created_since is None:
        return None
    if not (days := _DAYS.fullmatch(created_since)):
        return _moment(created_since)
    row = db.execute(
        "select max(snapshot_at) - to_days($days) from intercom.selectable_conversations", {"days": int(days[1])}
    ).fetchone()
    if row is None or row[0] is None:
        raise SelectionError("the plan holds no conversation.")
    found: datetime = row[0]
    return found


def _moment(text: str) -> datetime:
    """Return a day or a time as the warehouse keeps times: UTC, without an offset."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise SelectionError(
            f"{text!r} is no day: write it as {date(2026, 10, 24)}, or as a number of days before the extract, "
            "such as 30d."
        ) from error
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found


def _require(
    db: duckdb.DuckDBPyConnection, what: str, asked: Sequence[str], looked_up: Sequence[str], *columns: str
) -> None:
    """Make sure that each name that was given means something: a wrong one would silently choose less."""
    known: set[str] = set()
    for column in columns:
        query = f"select distinct {column} from intercom.selectable_conversations where list_contains($names, {column})"
        known.update(row[0] for row in db.execute(query, {"names": list(looked_up)}).fetchall())
    unknown = [name for name, key in zip(asked, looked_up, strict=True) if key not in known]
    if not unknown:
        return
    hint = "Give its key or its number; what is excluded has a reason in reconciliation.exclusions."
    if what == "team":
        names = db.execute(
            "select string_agg(distinct team_name, ', ' order by team_name) from intercom.selectable_conversations"
        ).fetchone()
        hint = f"Teams of the plan's conversations: {names[0] if names else ''}."
    raise SelectionError(f"the plan has no {what} {', '.join(unknown)}. {hint}")


_REFERENCES = r"""
    select distinct ('{"key":' || reference || '}')::json ->> '$.key' as object_key, slot
    from
        (
            -- In a text a quotation mark stands behind a backslash, so nothing that a customer writes is found.
            select
                slot,
                unnest(
                    regexp_extract_all(
                        concat_ws(' ', payload::varchar, on_conflict_payload::varchar),
                        '"\$ref"\s*:\s*("(?:[^"\\]|\\.)*")',
                        1
                    )
                ) as reference
            from rows
        )
"""


def _note_conversations(db: duckdb.DuckDBPyConnection, ledger: Ledger) -> None:
    """Put all conversations of the plan into `selection.conversations`: those that nothing may link to yet wait."""
    db.execute("create table selection.loaded (object_key varchar)")
    for keys in _loaded_conversations(ledger):
        db.execute("insert into selection.loaded select unnest($keys)", {"keys": keys})
    db.execute(
        """
        create table selection.conversations as
        select
            creates as object_key,
            creates not in (select object_key from selection.objects)
            and creates not in (select object_key from selection.loaded) as waits
        from intercom.requests
        where kind = 'conversation.create'
        """
    )


def _loaded_conversations(ledger: Ledger) -> Iterator[list[str]]:
    query = select(SETTLED.c.creates).where(
        SETTLED.c.kind == "conversation.create", SETTLED.c.creates.is_not(None), SETTLED.c.intercom_id.is_not(None)
    )
    with ledger.engine.connect() as db:
        for page in db.execution_options(yield_per=_PAGE).execute(query).partitions(_PAGE):
            yield [str(row.creates) for row in page]


def _choose_rows(db: duckdb.DuckDBPyConnection) -> None:
    """Go from objects to their rows and from rows to their objects, until there are no new ones."""
    db.execute("create table selection.chosen (slot varchar)")
    db.execute("create table selection.fresh (slot varchar)")
    while True:
        db.execute("delete from selection.fresh")
        db.execute(
            r"""
            insert into selection.fresh
            with
                objects as (select object_key from selection.objects where is_new),

                -- what makes an object, and what is about one
                rows as (

                    select slot, kind, payload, on_conflict_payload
                    from intercom.requests
                    where
                        creates in (select object_key from objects)
                        or regexp_extract(path, '\{([^{}]+)\}', 1) in (select object_key from objects)

                ),

            """
            f"""
                references_made as ({_REFERENCES})

            select slot
            from rows
            where
                slot not in (select slot from selection.chosen)
                -- a link that has to wait for the conversation it names
                and slot not in (
                    select references_made.slot
                    from references_made
                    inner join selection.conversations using (object_key)
                    where conversations.waits
                )
            """
        )
        db.execute("insert into selection.chosen select slot from selection.fresh")
        db.execute("update selection.objects set is_new = false")
        db.execute(
            f"""
            insert into selection.objects
            with
                rows as (

                    select slot, kind, payload, on_conflict_payload
                    from intercom.requests
                    where slot in (select slot from selection.fresh)

                ),

                attributes as (

                    select distinct
                        split_part(kind, '.', 1) as model,
                        unnest(
                            list_concat(
                                json_keys(payload, '$.custom_attributes'),
                                json_keys(on_conflict_payload, '$.custom_attributes')
                            )
                        ) as name
                    from rows

                ),

                definitions as (

                    select requests.creates as object_key
                    from intercom.requests
                    inner join
                        attributes
                        on coalesce(requests.payload ->> '$.model', 'conversation') = attributes.model
                        and (requests.payload ->> '$.name') = attributes.name
                    where requests.kind in ('conversation_attribute.create', 'data_attribute.create')

                ),

                named as (

                    select object_key
                    from definitions
                    union
                    select object_key
                    from ({_REFERENCES})

                )

            select object_key, false, true
            from named
            where
                object_key not in (select object_key from selection.objects)
                -- another conversation is not chosen by being named
                and object_key not in (select object_key from selection.conversations)
            """
        )
        if not _number(db, "select count(*) from selection.objects where is_new"):
            break
    _choose_stored_files(db)


def _leave_out_addresses(db: duckdb.DuckDBPyConnection, ledger: Ledger) -> int:
    """Take held addresses out of what is chosen. Returns how many of them are not given yet."""
    those = "kind = $kind and slot in (select slot from selection.chosen)"
    cursor = db.cursor()
    cursor.execute(f"select slot from intercom.requests where {those}", {"kind": ADDRESS})
    waiting = 0
    while some := cursor.fetchmany(_PAGE):
        waiting += len(some) - len(ledger.settled(0, [], [slot for (slot,) in some]))
    db.execute(
        f"delete from selection.chosen where slot in (select slot from intercom.requests where {those})",
        {"kind": ADDRESS},
    )
    return waiting


def _choose_stored_files(db: duckdb.DuckDBPyConnection) -> None:
    """Take the files outside Intercom that a chosen text links to: the link holds the hash of their bytes."""
    db.execute(
        """
        insert into selection.chosen
        select slot
        from intercom.requests
        where
            kind = 'file.store'
            and (payload ->> '$.sha256') in (
                select unnest(regexp_extract_all(payload::varchar, '[0-9a-f]{64}'))
                from intercom.requests
                where slot in (select slot from selection.chosen)
            )
        """
    )


def options(asked: Mapping[str, Any] | None) -> str:
    """Return a selection as it is given to a command, with a space before it; empty for the whole plan.

    Args:
        asked: as `Selection.as_dict` gives it, or as the ledger keeps it.
    """
    said: list[str] = []
    for name, option in (
        ("created_since", "--created-since"),
        ("teams", "--team"),
        ("states", "--state"),
        ("conversations", "--conversation"),
        ("limit", "--limit"),
    ):
        value = (asked or {}).get(name)
        values = value if isinstance(value, list) else [value] if value else []
        said += [f" {option} {shlex.quote(str(one))}" for one in values]
    return "".join(said)


def _number(db: duckdb.DuckDBPyConnection, query: str, **values: object) -> int:
    row = db.execute(query, values).fetchone() if values else db.execute(query).fetchone()
    return int(row[0]) if row else 0


def recorded(text: str | None) -> dict[str, Any] | None:
    """Read back what the ledger holds of a run's selection; None for a run of the whole plan."""
    found: dict[str, Any] | None = json.loads(text) if text else None
    return found

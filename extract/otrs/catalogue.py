"""What is read from OTRS, as data.

The catalogue is one YAML file, so that the extract, the dbt sources and the documentation cannot drift apart.
It is loaded as strings only and checked here, since a typing error in it would otherwise show up as a missing
column in somebody's migration.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, cast, get_args

import yaml

ColumnType = Literal["integer", "decimal", "text", "timestamp", "bytes", "base64"]

CATALOGUE_FILE = Path(__file__).with_name("catalogue.yml")

NEW_ARTICLES = "article_data_mime"
"""The table that tells the articles of OTRS 6 and its forks from those of OTRS 5 and older."""

_TYPES = get_args(ColumnType)
_FILE_KEYS = {"shared_columns", "tables", "known_unread"}
_TABLE_KEYS = {"means", "key", "customer_data", "aliases", "since", "until", "columns", "with"}
_COLUMN_KEYS = {"type", "means", "since", "until", "contents", "secret", "skip"}
_UNREAD_KEYS = {"customer_data", "reason"}


class CatalogueError(ValueError):
    """The catalogue contradicts itself; the message names the place."""


@dataclass(frozen=True)
class Column:
    """A column of an OTRS table.

    Attributes:
        name: its name in the database, the same in all versions.
        type: what it holds, whatever the database calls it. `base64` is bytes on MySQL and base64 text on
            PostgreSQL; `text` may be UTF-8 bytes on MySQL; `timestamp` is local time of the OTRS time zone.
        means: a few words for analysts.
        since: first OTRS version that has it, None = as old as the table.
        until: last OTRS version that has it, None = still there.
        contents: the bytes of a file, which follow separately from the rows.
        secret: never read.
        skip: known, but of no use.
    """

    name: str
    type: ColumnType
    means: str
    since: str | None = None
    until: str | None = None
    contents: bool = False
    secret: bool = False
    skip: bool = False

    @property
    def is_read(self) -> bool:
        """Whether the column is extracted with its table's rows."""
        return not (self.contents or self.secret or self.skip)


@dataclass(frozen=True)
class Table:
    """An OTRS table under the name that it has in OTRS 6.

    Attributes:
        name: canonical name, which is also its name in the warehouse.
        means: a sentence for analysts: what one row is.
        key: columns that order and identify the rows. Older schemas do not enforce all of them.
        customer_data: the rows hold data about customers or their tickets.
        aliases: names in other versions and forks.
        since: first OTRS version that has it, None = as old as this project reads.
        until: last OTRS version that has it, None = still there.
        columns: all known columns, also those that are not read.
    """

    name: str
    means: str
    key: tuple[str, ...]
    customer_data: bool
    aliases: tuple[str, ...]
    since: str | None
    until: str | None
    columns: tuple[Column, ...]

    @property
    def read_columns(self) -> tuple[Column, ...]:
        """The columns that are extracted with the rows, in the order of the warehouse's table."""
        return tuple(column for column in self.columns if column.is_read)

    @property
    def contents_column(self) -> Column | None:
        """The column with the bytes of files, if the table has one."""
        return next((column for column in self.columns if column.contents), None)

    def column(self, name: str) -> Column | None:
        """The column of that name, or None for one that the catalogue does not know."""
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True)
class UnreadTable:
    """A table that is known and deliberately left where it is."""

    name: str
    reason: str
    customer_data: bool


@dataclass(frozen=True)
class Catalogue:
    """All tables that are read, and by name all that are known and not read."""

    tables: tuple[Table, ...]
    known_unread: Mapping[str, UnreadTable]

    def table(self, name: str) -> Table:
        """The table of that canonical name.

        Raises:
            KeyError: there is none.
        """
        for table in self.tables:
            if table.name == name:
                return table
        raise KeyError(name)

    def resolve(self, present_tables: set[str]) -> dict[str, str | None]:
        """Find each table of the catalogue under the name it has in one database.

        A database may hold left-overs of its past. An alias is always the newer name, so it wins over the
        canonical one; and where `article_data_mime` exists, OTRS itself no longer reads the tables that ended
        with OTRS 5, whatever is left in them.

        Args:
            present_tables: names as the database gives them, in any case.

        Returns:
            canonical name to name in the database, None where the database has no such table.
        """
        by_lower_case = {name.lower(): name for name in sorted(present_tables)}
        left_over = {table.name for table in self.tables if table.until and NEW_ARTICLES in by_lower_case}
        return {
            table.name: None
            if table.name in left_over
            else next((by_lower_case[name] for name in (*table.aliases, table.name) if name in by_lower_case), None)
            for table in self.tables
        }


@cache
def load_catalogue() -> Catalogue:
    """Load and check the catalogue that ships with this package.

    Raises:
        CatalogueError: it contradicts itself.
    """
    return parse_catalogue(CATALOGUE_FILE.read_text(encoding="utf-8"))


def parse_catalogue(text: str) -> Catalogue:
    """Read a catalogue from YAML.

    Args:
        text: YAML with `shared_columns`, `tables` and `known_unread`.

    Raises:
        CatalogueError: a key is missing, doubled, unknown or of the wrong kind, or a name is used twice.
    """
    try:
        root = yaml.load(text, Loader=_StrictLoader)  # noqa: S506  # builds strings, lists and dicts only
    except yaml.YAMLError as error:
        raise CatalogueError(f"The catalogue is not valid YAML: {error}") from error
    content = _mapping(root, "the catalogue", _FILE_KEYS, required=_FILE_KEYS)
    shared = {
        name: tuple(_columns(group, f"shared_columns.{name}"))
        for name, group in _mapping(content["shared_columns"], "shared_columns").items()
    }
    catalogue = Catalogue(
        tables=tuple(_table(name, value, shared) for name, value in _mapping(content["tables"], "tables").items()),
        known_unread={
            name: _unread(name, value) for name, value in _mapping(content["known_unread"], "known_unread").items()
        },
    )
    _check_names(catalogue)
    return catalogue


class _StrictLoader(yaml.BaseLoader):
    """Strings only (a column may be called `on`), and no key twice, which YAML libraries let pass."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise CatalogueError(f"`{key.value}` stands twice in the catalogue, line {key.start_mark.line + 1}.")
            seen.add(key.value)
        return cast("dict[object, object]", super().construct_mapping(node, deep=deep))


def _table(name: str, value: object, shared: Mapping[str, tuple[Column, ...]]) -> Table:
    fields = _mapping(value, name, _TABLE_KEYS, required={"means", "key", "customer_data", "columns"})
    columns = [*_columns(fields["columns"], name)]
    for group in _strings(fields.get("with", []), f"{name}.with"):
        if group not in shared:
            raise CatalogueError(f"{name}.with: `{group}` is no group of shared_columns ({', '.join(shared)}).")
        columns.extend(shared[group])
    names = [column.name for column in columns]
    doubled = sorted({column for column in names if names.count(column) > 1})
    if doubled:
        raise CatalogueError(f"{name}: column `{doubled[0]}` is there twice, once from a shared group.")
    key = _strings(fields["key"], f"{name}.key")
    read = {column.name for column in columns if column.is_read}
    if not key or not read.issuperset(key):
        raise CatalogueError(f"{name}.key: {list(key)} must name columns of the table that are read.")
    return Table(
        name=name,
        means=_text(fields["means"], f"{name}.means"),
        key=key,
        customer_data=_flag(fields["customer_data"], f"{name}.customer_data"),
        aliases=_strings(fields.get("aliases", []), f"{name}.aliases"),
        since=_optional_text(fields.get("since"), f"{name}.since"),
        until=_optional_text(fields.get("until"), f"{name}.until"),
        columns=tuple(columns),
    )


def _columns(value: object, where: str) -> Iterator[Column]:
    for name, column in _mapping(value, f"{where}.columns").items():
        place = f"{where}.{name}"
        fields = _mapping(column, place, _COLUMN_KEYS, required={"type", "means"})
        if fields["type"] not in _TYPES:
            raise CatalogueError(f"{place}: type `{fields['type']}` is none of {', '.join(_TYPES)}.")
        yield Column(
            name=name,
            type=cast("ColumnType", fields["type"]),
            means=_text(fields["means"], f"{place}.means"),
            since=_optional_text(fields.get("since"), f"{place}.since"),
            until=_optional_text(fields.get("until"), f"{place}.until"),
            contents=_flag(fields.get("contents", "false"), f"{place}.contents"),
            secret=_flag(fields.get("secret", "false"), f"{place}.secret"),
            skip=_flag(fields.get("skip", "false"), f"{place}.skip"),
        )


def _unread(name: str, value: object) -> UnreadTable:
    fields = _mapping(value, name, _UNREAD_KEYS, required=_UNREAD_KEYS)
    return UnreadTable(
        name=name,
        reason=_text(fields["reason"], f"{name}.reason"),
        customer_data=_flag(fields["customer_data"], f"{name}.customer_data"),
    )


def _check_names(catalogue: Catalogue) -> None:
    """A name in a database must mean one thing."""
    taken: dict[str, str] = {}
    names = [(name, table.name) for table in catalogue.tables for name in (table.name, *table.aliases)]
    names += [(name, "known_unread") for name in catalogue.known_unread]
    for name, owner in names:
        if name != name.lower():
            raise CatalogueError(f"{owner}: `{name}` must be in lower case, since names are compared that way.")
        if name in taken:
            raise CatalogueError(f"`{name}` is claimed by both {taken[name]} and {owner}.")
        taken[name] = owner


def _mapping(
    value: object, where: str, allowed: set[str] | None = None, required: set[str] | None = None
) -> dict[str, object]:
    if not isinstance(value, dict):
        raise CatalogueError(f"{where} must be a mapping, not {value!r}.")
    unknown = set(value) - allowed if allowed else set()
    missing = required - set(value) if required else set()
    if unknown:
        raise CatalogueError(f"{where}: unknown key `{min(unknown)}`; known are {', '.join(sorted(allowed or ()))}.")
    if missing:
        raise CatalogueError(f"{where}: `{min(missing)}` is missing.")
    return value


def _strings(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise CatalogueError(f"{where} must be a list of names, not {value!r}.")
    return tuple(value)


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise CatalogueError(f"{where} must be a text, not {value!r}.")
    return value


def _optional_text(value: object, where: str) -> str | None:
    return None if value is None else _text(value, where)


def _flag(value: object, where: str) -> bool:
    if value not in {"true", "false"}:
        raise CatalogueError(f"{where} must be true or false, not {value!r}.")
    return value == "true"

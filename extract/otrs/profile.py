"""Which OTRS is it, and in which time zone does it write: read from the database, with the evidence.

No table of OTRS holds the framework's version, so it is read from the presence of tables and columns.
"""

from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from extract.errors import SettingsError, SourceError
from extract.otrs.snapshot import Snapshot


@dataclass(frozen=True)
class SourceProfile:
    """What is known of the source.

    Attributes:
        product: OTRS, Znuny or OTOBO.
        version: as narrow as the tables allow, e.g. `6.4 or 6.5`.
        evidence: the tables and rows that say so.
        time_zone: Olson name of the zone in which OTRS writes its timestamps.
        time_zone_evidence: where the zone was found.
    """

    product: str
    version: str
    evidence: str
    time_zone: str
    time_zone_evidence: str


def detect(snapshot: Snapshot, time_zone: str | None) -> SourceProfile:
    """Read product, version and time zone.

    Args:
        snapshot: the open snapshot.
        time_zone: `OTRS__TIMEZONE`, which wins over the database.

    Raises:
        SourceError: the database is not one of OTRS.
        SettingsError: the time zone is unknown or found nowhere.
    """
    product, version, evidence = _version(snapshot)
    zone, zone_evidence = _time_zone(snapshot, time_zone)
    return SourceProfile(product, version, evidence, zone, zone_evidence)


def _version(snapshot: Snapshot) -> tuple[str, str, str]:
    tables = set(snapshot.tables)
    if not {"ticket", "article", "queue"} <= tables:
        missing = ", ".join(sorted({"ticket", "article", "queue"} - tables))
        raise SourceError(
            f"The database has no table {missing}: it is not a database of OTRS, Znuny or OTOBO. "
            "Check the database name in OTRS__CREDENTIALS."
        )
    if "article_data_mime" not in tables:
        if "scheduler_recurrent_task" in tables:
            return "OTRS", "5", "no article_data_mime; scheduler_recurrent_task exists"
        return "OTRS", "4 or older", "neither article_data_mime nor scheduler_recurrent_task"
    if "groups_table" in tables:
        version = "11" if "translation_item" in tables else "10"
        return (
            "OTOBO",
            version,
            "groups_table exists" + ("; translation_item exists" if version == "11" else ""),
        )
    columns = {table: {column.name for column in described} for table, described in snapshot.tables.items()}
    znuny = _znuny_file(snapshot)
    for product, version, table, column in (
        ("OTRS", "7", "pm_sequence_flow", None),
        ("Znuny", "7", "ticket_priority", "color"),
        ("Znuny", "6.4 or 6.5", "mention", None),
        ("Znuny", "6.3", "oauth2_token", None),
        ("Znuny", "6.2", "acl_ticket_attribute_relations", None),
        ("Znuny", "6.1", "permission_groups", None),
    ):
        if table in tables and (column is None or column in columns[table]):
            return product, version, f"{table}{'.' + column if column else ''} exists{znuny}"
    product = "Znuny" if znuny else "OTRS"
    return product, "6.0", f"article_data_mime exists, none of the later tables{znuny}"


def _znuny_file(snapshot: Snapshot) -> str:
    if "sysconfig_default" not in snapshot.tables:
        return ""
    found = snapshot.scalar("select count(*) from sysconfig_default where xml_filename = 'Znuny.xml'")
    return "; sysconfig_default names Znuny.xml" if found else ""


def _time_zone(snapshot: Snapshot, setting: str | None) -> tuple[str, str]:
    for zone, evidence in _zones(snapshot, setting):
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder, e.g. `Europe`
            raise SettingsError(
                f"{evidence} names the time zone {zone!r}, which is not an Olson name. "
                "Set OTRS__TIMEZONE, e.g. to Europe/Berlin."
            ) from None
        return zone, evidence
    raise SettingsError(
        "The database does not say in which time zone OTRS writes (OTRS 5 and older keep it in files). "
        "Set OTRS__TIMEZONE to the server's zone, e.g. Europe/Berlin."
    )


def _zones(snapshot: Snapshot, setting: str | None) -> list[tuple[str, str]]:
    found = [(setting, "OTRS__TIMEZONE")] if setting else []
    for table, condition in (
        ("sysconfig_modified", "and is_valid = 1 and user_id is null"),
        ("sysconfig_default", ""),
    ):
        if table in snapshot.tables:
            value = snapshot.scalar(f"select effective_value from {table} where name = 'OTRSTimeZone' {condition}")
            if value:
                text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
                found.append((_unwrapped(text), f"OTRSTimeZone in {table}"))
    return found


def _unwrapped(text: str) -> str:
    """Return the value of a setting, which OTRS keeps as YAML; what is no YAML is returned as it is."""
    try:
        return str(yaml.load(text, yaml.BaseLoader))  # noqa: S506 - builds strings, lists and dicts only
    except yaml.YAMLError:
        return text


def unsupported(snapshot: Snapshot) -> str | None:
    """Say why this source cannot be read yet, or None.

    Reading it all the same would come out green and incomplete: base64 text for mails, no articles, no files.
    """
    if snapshot.dialect == "postgresql":
        return "OTRS on PostgreSQL keeps files and mails as base64 text, which this version does not decode yet."
    if "article_data_mime" not in snapshot.tables:
        return "OTRS 5 and older keep articles in another form, which this version does not read yet."
    if "sysconfig_modified" in snapshot.tables:
        storage = snapshot.scalar(
            "select count(*) from sysconfig_modified where name = 'Ticket::Article::Backend::MIMEBase::ArticleStorage'"
            " and is_valid = 1 and effective_value like '%ArticleStorage%' and effective_value not like '%StorageDB%'"
        )
        if storage:
            return (
                "The setting Ticket::Article::Backend::MIMEBase::ArticleStorage says that attachments are kept outside "
                "the database, where this version does not read them yet."
            )
    return None

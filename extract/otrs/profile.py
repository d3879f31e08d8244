"""Which OTRS is it, in which time zone does it write, where does it keep files: read from the database.

No table of OTRS holds the framework's version, so it is read from the presence of tables and columns, and
from the packages that name the framework they were built for. Every answer comes with its evidence; what the
database does not say is said to be unknown.
"""

import binascii
import re
from dataclasses import dataclass

import yaml

from extract.errors import SettingsError, SourceError
from extract.otrs.snapshot import Snapshot
from extract.otrs.storage import detect_storage
from extract.otrs.time_zone import check_time_zone, known_zone, suggested_zones

STORAGE_SETTING = "Ticket::Article::Backend::MIMEBase::ArticleStorage"

PACKAGE_BYTES = 40_000
"""A package's description stands at its beginning; the rest is its files."""


@dataclass(frozen=True)
class SourceProfile:
    """What is known of the source.

    Attributes:
        product: OTRS, Znuny or OTOBO.
        version: as narrow as the tables allow, e.g. `6.4 or 6.5`.
        evidence: the tables and rows that say so.
        time_zone: Olson name of the zone in which OTRS writes its timestamps.
        time_zone_evidence: where the zone was found, and how the rows bear it out.
        article_storage: `database`, `files`, `mixed`, `S3` or `unknown`: where attachments and raw mails are.
        article_storage_evidence: the setting, and how the rows bear it out.
    """

    product: str
    version: str
    evidence: str
    time_zone: str
    time_zone_evidence: str
    article_storage: str
    article_storage_evidence: str


def detect(snapshot: Snapshot, time_zone: str | None, *, trust_time_zone: bool = False) -> SourceProfile:
    """Read product, version, time zone and storage.

    Args:
        snapshot: the open snapshot.
        time_zone: `OTRS__TIMEZONE`, which wins over the database.
        trust_time_zone: take the zone even where the rows contradict it.

    Raises:
        SourceError: the database is not one of OTRS.
        SettingsError: the time zone is unknown, found nowhere, or contradicted by the rows.
    """
    product, version, evidence = _version(snapshot)
    zone, zone_evidence = _time_zone(snapshot, time_zone, trust=trust_time_zone)
    storage, storage_evidence = _storage(snapshot)
    return SourceProfile(product, version, evidence, zone, zone_evidence, storage, storage_evidence)


def _version(snapshot: Snapshot) -> tuple[str, str, str]:
    tables = set(snapshot.tables)
    if not {"ticket", "article", "queue"} <= tables:
        missing = ", ".join(sorted({"ticket", "article", "queue"} - tables))
        raise SourceError(
            f"The database has no table {missing}: it is not a database of OTRS, Znuny or OTOBO, or the account "
            "may not SELECT from it. Check the database name in OTRS__CREDENTIALS and the account's rights."
        )
    product, version, evidence = _by_tables(snapshot)
    named = _frameworks(snapshot)
    exact = {name for name in named if any(name.startswith(part) for part in version.split(" or "))}
    if len(exact) == 1 and " or " in version:
        version = exact.pop()
    if named:
        evidence += f"; packages are for framework {', '.join(sorted(named))}"
    return product, version, evidence


def _by_tables(snapshot: Snapshot) -> tuple[str, str, str]:
    tables = set(snapshot.tables)

    def has(table: str, column: str) -> bool:
        return any(described.name == column for described in snapshot.tables.get(table, ()))

    if "dynamic_field" not in tables and has("ticket", "freetext1"):
        raise SourceError(
            "ticket.freetext1 exists and dynamic_field does not: this is OTRS 3.0 or older, whose free fields this "
            "tool does not read. Upgrade a copy of the database to OTRS 4 or later first. Nothing was changed."
        )
    if "article_data_mime" not in tables:
        for version, table, column in (
            ("5", "scheduler_recurrent_task", ""),
            ("4", "system_maintenance", ""),
            ("3.3", "acl", ""),
        ):
            if table in tables and (not column or has(table, column)):
                return "OTRS", version, f"no article_data_mime; {table} exists"
        return "OTRS", "3.1 to 3.2", "no article_data_mime, no acl, no scheduler_recurrent_task"
    if "groups_table" in tables:
        return _otobo(tables)
    znuny = _znuny_file(snapshot)
    for product, version, table, column in (
        ("OTRS", "7 or later", "pm_sequence_flow", ""),
        ("Znuny", "7", "ticket_priority", "color"),
        ("Znuny", "6.4 or 6.5", "mention", ""),
        ("Znuny", "6.3", "oauth2_token", ""),
        ("Znuny", "6.2", "acl_ticket_attribute_relations", ""),
        ("Znuny", "6.1", "permission_groups", ""),
    ):
        if table in tables and (not column or has(table, column)):
            return product, version, f"{table}{'.' + column if column else ''} exists{znuny}"
    product = "Znuny" if znuny else "OTRS"
    return product, "6.0", f"article_data_mime exists, none of the later tables{znuny}"


def _otobo(tables: set[str]) -> tuple[str, str, str]:
    for version, table in (("11", "translation_item"), ("10.1", "data_storage")):
        if table in tables:
            return "OTOBO", version, f"groups_table exists; {table} exists"
    return "OTOBO", "10.0", "groups_table exists; no data_storage"


def _znuny_file(snapshot: Snapshot) -> str:
    if "sysconfig_default" not in snapshot.tables:
        return ""
    found = snapshot.scalar("select count(*) from sysconfig_default where xml_filename = 'Znuny.xml'")
    return "; sysconfig_default names Znuny.xml" if found else ""


def _frameworks(snapshot: Snapshot) -> set[str]:
    """Return the framework versions that installed packages name, e.g. `6.5`."""
    wanted = {"content", "install_status"}
    if not wanted <= {column.name for column in snapshot.tables.get("package_repository", ())}:
        return set()
    rows = snapshot.rows(
        f"select substring(content, 1, {PACKAGE_BYTES}) from package_repository where install_status = 'installed'",
        at_once=1,
    )
    return {version for (content,) in rows for version in _framework(_decoded(content, snapshot.dialect))}


def _framework(package: str) -> list[str]:
    return re.findall(r"<Framework[^>]*>\s*(\d+\.\d+)[.\dx]*\s*</Framework>", package)


def _decoded(content: object, dialect: str) -> str:
    data = content.encode() if isinstance(content, str) else bytes(content or b"")  # type: ignore[call-overload]
    if dialect == "postgresql":
        packed = b"".join(data.split())
        data = binascii.a2b_base64(packed[: len(packed) // 4 * 4])
    return data.decode("utf-8", "replace")


def _time_zone(snapshot: Snapshot, setting: str | None, *, trust: bool) -> tuple[str, str]:
    for zone, evidence in _zones(snapshot, setting):
        if not known_zone(zone):
            raise SettingsError(
                f"{evidence} names the time zone {zone!r}, which is not an Olson name. "
                "Set OTRS__TIMEZONE, e.g. to Europe/Berlin."
            )
        checked = check_time_zone(snapshot, zone)
        if not checked.agrees and not trust:
            raise SettingsError(
                f"{evidence} says {zone}, but the rows contradict it: {checked.evidence} "
                f"{suggested_zones(snapshot)} Kernel/Config.pm, which is not in the database, overrides the setting. "
                "Set OTRS__TIMEZONE to the zone in which this system wrote its times; if the rows are wrong and "
                "the zone is right, set OTRS__TRUST_TIMEZONE=true."
            )
        return zone, f"{evidence}; {checked.evidence}"
    raise SettingsError(
        "The database does not say in which time zone OTRS writes (OTRS 5 and older keep it in files). "
        f"{suggested_zones(snapshot)} Set OTRS__TIMEZONE to the server's zone, e.g. Europe/Berlin."
    )


def _zones(snapshot: Snapshot, setting: str | None) -> list[tuple[str, str]]:
    found = [(setting, "OTRS__TIMEZONE")] if setting else []
    return found + list(_settings(snapshot, "OTRSTimeZone"))


def _settings(snapshot: Snapshot, name: str) -> list[tuple[str, str]]:
    """Return a setting's values with where they stand, the one in force first.

    `Kernel/Config.pm` overrides both and is not in the database.
    """
    found = []
    for table, condition in (
        ("sysconfig_modified", "and is_valid = 1 and user_id is null"),
        ("sysconfig_default", ""),
    ):
        if table in snapshot.tables:
            value = snapshot.scalar(f"select effective_value from {table} where name = '{name}' {condition}")
            if value:
                text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
                found.append((_unwrapped(text), f"{name} in {table}"))
    return found


def _unwrapped(text: str) -> str:
    """Return the value of a setting, which OTRS keeps as YAML; what is no YAML is returned as it is."""
    try:
        return str(yaml.load(text, yaml.BaseLoader))  # noqa: S506 - builds strings, lists and dicts only
    except yaml.YAMLError:
        return text


def _storage(snapshot: Snapshot) -> tuple[str, str]:
    found = _settings(snapshot, STORAGE_SETTING)
    setting, evidence = found[0] if found else (None, "")
    return detect_storage(snapshot, setting, evidence)

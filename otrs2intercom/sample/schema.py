"""The tables of OTRS 6 and its ITSM packages that a migration reads, as their own installers create them.

OTRS describes its tables in XML and turns them into each engine's types. The same is done here: the types
below carry what the OTRS drivers make of them on MySQL/MariaDB and PostgreSQL, so that a sample has the traps
of a real database (a subject is TEXT on one engine and VARCHAR(3800) on the other; a LONGBLOB is TEXT on
PostgreSQL). SQLite isn't an engine of OTRS; it gets the shape of the MySQL tables.

Left out: foreign keys and the indexes that serve only searching. Rows are written in bulk and read in full.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

SMALL = SmallInteger()
SMALL_ID = SmallInteger().with_variant(Integer(), "postgresql")
INT = Integer()
BIG = BigInteger()
TIME = DateTime().with_variant(postgresql.TIMESTAMP(precision=0), "postgresql")
UNLIMITED = Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb").with_variant(String(), "postgresql")


class TextBlob(LargeBinary):
    """A LONGBLOB that holds UTF-8 text (YAML, preferences): plain text on PostgreSQL."""


class EncodedBlob(LargeBinary):
    """A LONGBLOB that holds any bytes: base64 text with line breaks on PostgreSQL (DirectBlob = 0)."""


def _blob(kind: type[LargeBinary]) -> TypeEngine[bytes]:
    return kind().with_variant(mysql.LONGBLOB(), "mysql", "mariadb").with_variant(Text(), "postgresql")


TEMPLATE_TEXT = Text().with_variant(mysql.TEXT(), "mysql", "mariadb").with_variant(String(), "postgresql")
TEXT_BLOB = _blob(TextBlob)
ENCODED_BLOB = _blob(EncodedBlob)

metadata = MetaData()


def _long_string(length: int) -> TypeEngine[str]:
    """A VARCHAR above 255: TEXT on MySQL, where its length isn't enforced."""
    return String(length).with_variant(mysql.TEXT(), "mysql", "mariadb")


def _audit() -> list[Column[object]]:
    return [
        Column("create_time", TIME, nullable=False),
        Column("create_by", INT, nullable=False),
        Column("change_time", TIME, nullable=False),
        Column("change_by", INT, nullable=False),
    ]


def _table(name: str, *items: SchemaItem) -> Table:
    for item in items:
        if isinstance(item, Column):
            item.autoincrement = False  # every id is written; sequences would only differ between engines
    # On MySQL, OTRS <= 6 speaks utf8 of at most three bytes a character. `groups` is reserved in MySQL 8.
    return Table(
        name,
        metadata,
        *items,
        quote=name == "groups" or None,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb3",
        mariadb_engine="InnoDB",
        mariadb_charset="utf8mb3",
    )


_table(
    "valid",
    Column("id", SMALL_ID, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    *_audit(),
)
_table(
    "users",
    Column("id", INT, primary_key=True),
    Column("login", String(200), nullable=False, unique=True),
    Column("pw", String(128), nullable=False),
    Column("title", String(50)),
    Column("first_name", String(100), nullable=False),
    Column("last_name", String(100), nullable=False),
    Column("valid_id", SMALL, nullable=False),
    *_audit(),
)
_table(
    "user_preferences",
    Column("user_id", INT, nullable=False),
    Column("preferences_key", String(150), nullable=False),
    Column("preferences_value", TEXT_BLOB),
)
_table(
    "groups",
    Column("id", INT, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("comments", String(250)),
    Column("valid_id", SMALL, nullable=False),
    *_audit(),
)
_table(
    "group_user",
    Column("user_id", INT, nullable=False),
    Column("group_id", INT, nullable=False),
    Column("permission_key", String(20), nullable=False),
    *_audit(),
)
_table(
    "roles",
    Column("id", INT, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("comments", String(250)),
    Column("valid_id", SMALL, nullable=False),
    *_audit(),
)
_table(
    "role_user",
    Column("user_id", INT, nullable=False),
    Column("role_id", INT, nullable=False),
    *_audit(),
)
_table(
    "group_role",
    Column("role_id", INT, nullable=False),
    Column("group_id", INT, nullable=False),
    Column("permission_key", String(20), nullable=False),
    Column("permission_value", SMALL, nullable=False),
    *_audit(),
)
_table(
    "customer_user",
    Column("id", INT, primary_key=True),
    Column("login", String(200), nullable=False, unique=True),
    Column("email", String(150), nullable=False),
    Column("customer_id", String(150), nullable=False),
    Column("pw", String(128)),
    Column("title", String(50)),
    Column("first_name", String(100), nullable=False),
    Column("last_name", String(100), nullable=False),
    Column("phone", String(150)),
    Column("fax", String(150)),
    Column("mobile", String(150)),
    Column("street", String(150)),
    Column("zip", String(200)),
    Column("city", String(200)),
    Column("country", String(200)),
    Column("comments", String(250)),
    Column("valid_id", SMALL, nullable=False),
    *_audit(),
)
_table(
    "customer_company",
    Column("customer_id", String(150), primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("street", String(200)),
    Column("zip", String(200)),
    Column("city", String(200)),
    Column("country", String(200)),
    Column("url", String(200)),
    Column("comments", String(250)),
    Column("valid_id", SMALL, nullable=False),
    *_audit(),
)
_table(
    "customer_preferences",
    Column("user_id", String(250), nullable=False),
    Column("preferences_key", String(150), nullable=False),
    Column("preferences_value", String(250)),
)
_table(
    "customer_user_customer",
    Column("user_id", String(100), nullable=False),
    Column("customer_id", String(150), nullable=False),
    *_audit(),
)
_table(
    "group_customer",
    Column("customer_id", String(150), nullable=False),
    Column("group_id", INT, nullable=False),
    Column("permission_key", String(20), nullable=False),
    Column("permission_value", SMALL, nullable=False),
    Column("permission_context", String(100), nullable=False),
    *_audit(),
)
_table(
    "group_customer_user",
    Column("user_id", String(100), nullable=False),
    Column("group_id", INT, nullable=False),
    Column("permission_key", String(20), nullable=False),
    Column("permission_value", SMALL, nullable=False),
    *_audit(),
)
_table(
    "follow_up_possible",
    Column("id", SMALL_ID, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("comments", String(250)),
    Column("valid_id", SMALL, nullable=False),
    *_audit(),
)
_table(
    "salutation",
    Column("id", SMALL_ID, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("text", _long_string(3000), nullable=False),
    Column("content_type", String(250)),
    Column("comments", String(250)),
    Column("valid_id", SMALL, nullable=False),
    *_audit(),
)
_table(
    "signature",
    Column("id", SMALL_ID, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("text", _long_string(3000), nullable=False),
    Column("content_type", String(250)),
    Column("comments", String(250)),
    Column("valid_id", SMALL, nullable=False),
    *_audit(),
)
_table(
    "system_address",
    Column("id", SMALL_ID, primary_key=True),
    Column("value0", String(200), nullable=False),
    Column("value1", String(200), nullable=False),
    Column("value2", String(200)),
    Column("value3", String(200)),
    Column("queue_id", INT, nullable=False),
    Column("comments", String(250)),
    Column("valid_id", SMALL, nullable=False),
    *_audit(),
)
_table(
    "queue",
    Column("id", INT, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("group_id", INT, nullable=False),
    Column("unlock_timeout", INT),
    Column("first_response_time", INT),
    Column("first_response_notify", SMALL),
    Column("update_time", INT),
    Column("update_notify", SMALL),
    Column("solution_time", INT),
    Column("solution_notify", SMALL),
    Column("system_address_id", SMALL, nullable=False),
    Column("calendar_name", String(100)),
    Column("default_sign_key", String(100)),
    Column("salutation_id", SMALL, nullable=False),
    Column("signature_id", SMALL, nullable=False),
    Column("follow_up_id", SMALL, nullable=False),
    Column("follow_up_lock", SMALL, nullable=False),
    Column("comments", String(250)),
    Column("valid_id", SMALL, nullable=False),
    *_audit(),
)
_table(
    "ticket_state_type",
    Column("id", SMALL_ID, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("comments", String(250)),
    *_audit(),
)
_table(
    "ticket_state",
    Column("id", SMALL_ID, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("comments", String(250)),
    Column("type_id", SMALL, nullable=False),
    Column("valid_id", SMALL, nullable=False),
    *_audit(),
)
_table(
    "ticket_priority",
    Column("id", SMALL_ID, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("valid_id", SMALL, nullable=False),
    *_audit(),
)
_table(
    "ticket_type",
    Column("id", SMALL_ID, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("valid_id", SMALL, nullable=False),
    *_audit(),
)
_table(
    "ticket_lock_type",
    Column("id", SMALL_ID, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("valid_id", SMALL, nullable=False),
    *_audit(),
)
_table(
    "service",
    Column("id", INT, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("valid_id", SMALL, nullable=False),
    Column("comments", String(250)),
    *_audit(),
)
_table(
    "sla",
    Column("id", INT, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("calendar_name", String(100)),
    Column("first_response_time", INT, nullable=False),
    Column("first_response_notify", SMALL),
    Column("update_time", INT, nullable=False),
    Column("update_notify", SMALL),
    Column("solution_time", INT, nullable=False),
    Column("solution_notify", SMALL),
    Column("valid_id", SMALL, nullable=False),
    Column("comments", String(250)),
    *_audit(),
)
_table(
    "service_sla",
    Column("service_id", INT, nullable=False),
    Column("sla_id", INT, nullable=False),
    UniqueConstraint("service_id", "sla_id"),
)
_table(
    "service_customer_user",
    Column("customer_user_login", String(200), nullable=False),
    Column("service_id", INT, nullable=False),
    Column("create_time", TIME, nullable=False),
    Column("create_by", INT, nullable=False),
)
_table(
    "ticket",
    Column("id", BIG, primary_key=True),
    Column("tn", String(50), nullable=False, unique=True),
    Column("title", String(255)),
    Column("queue_id", INT, nullable=False),
    Column("ticket_lock_id", SMALL, nullable=False),
    Column("type_id", SMALL),
    Column("service_id", INT),
    Column("sla_id", INT),
    Column("user_id", INT, nullable=False),
    Column("responsible_user_id", INT, nullable=False),
    Column("ticket_priority_id", SMALL, nullable=False),
    Column("ticket_state_id", SMALL, nullable=False),
    Column("customer_id", String(150)),
    Column("customer_user_id", String(250)),
    Column("timeout", INT, nullable=False),
    Column("until_time", INT, nullable=False),
    Column("escalation_time", INT, nullable=False),
    Column("escalation_update_time", INT, nullable=False),
    Column("escalation_response_time", INT, nullable=False),
    Column("escalation_solution_time", INT, nullable=False),
    Column("archive_flag", SMALL, nullable=False),
    *_audit(),
)
_table(
    "ticket_history_type",
    Column("id", SMALL_ID, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("comments", String(250)),
    Column("valid_id", SMALL, nullable=False),
    *_audit(),
)
_table(
    "ticket_history",
    Column("id", BIG, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("history_type_id", SMALL, nullable=False),
    Column("ticket_id", BIG, nullable=False),
    Column("article_id", BIG),
    Column("type_id", SMALL, nullable=False),
    Column("queue_id", INT, nullable=False),
    Column("owner_id", INT, nullable=False),
    Column("priority_id", SMALL, nullable=False),
    Column("state_id", SMALL, nullable=False),
    *_audit(),
)
_table(
    "ticket_watcher",
    Column("ticket_id", BIG, nullable=False),
    Column("user_id", INT, nullable=False),
    *_audit(),
)
_table(
    "ticket_flag",
    Column("ticket_id", BIG, nullable=False),
    Column("ticket_key", String(50), nullable=False),
    Column("ticket_value", String(50)),
    Column("create_time", TIME, nullable=False),
    Column("create_by", INT, nullable=False),
    UniqueConstraint("ticket_id", "ticket_key", "create_by"),
)
_table(
    "time_accounting",
    Column("id", BIG, primary_key=True),
    Column("ticket_id", BIG, nullable=False),
    Column("article_id", BIG),
    Column("time_unit", Numeric(10, 2), nullable=False),
    *_audit(),
)
_table(
    "article_sender_type",
    Column("id", SMALL_ID, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("comments", String(250)),
    Column("valid_id", SMALL, nullable=False),
    *_audit(),
)
_table(
    "communication_channel",
    Column("id", BIG, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("module", String(200), nullable=False),
    Column("package_name", String(200), nullable=False),
    Column("channel_data", TEXT_BLOB, nullable=False),
    Column("valid_id", SMALL, nullable=False),
    *_audit(),
)
_table(
    "article",
    Column("id", BIG, primary_key=True),
    Column("ticket_id", BIG, nullable=False),
    Column("article_sender_type_id", SMALL, nullable=False),
    Column("communication_channel_id", BIG, nullable=False),
    Column("is_visible_for_customer", SMALL, nullable=False),
    Column("search_index_needs_rebuild", SMALL, nullable=False),
    Column("insert_fingerprint", String(64)),
    *_audit(),
)
_table(
    "article_data_mime",
    Column("id", BIG, primary_key=True),
    Column("article_id", BIG, nullable=False),
    Column("a_from", UNLIMITED),
    Column("a_reply_to", UNLIMITED),
    Column("a_to", UNLIMITED),
    Column("a_cc", UNLIMITED),
    Column("a_bcc", UNLIMITED),
    Column("a_subject", _long_string(3800)),
    Column("a_message_id", _long_string(3800)),
    Column("a_message_id_md5", String(32)),
    Column("a_in_reply_to", UNLIMITED),
    Column("a_references", UNLIMITED),
    Column("a_content_type", String(250)),
    Column("a_body", UNLIMITED),
    Column("incoming_time", INT, nullable=False),
    Column("content_path", String(250)),
    *_audit(),
)
_table(
    "article_data_mime_plain",
    Column("id", BIG, primary_key=True),
    Column("article_id", BIG, nullable=False),
    Column("body", ENCODED_BLOB, nullable=False),
    *_audit(),
)
_table(
    "article_data_mime_attachment",
    Column("id", BIG, primary_key=True),
    Column("article_id", BIG, nullable=False),
    Column("filename", String(250)),
    Column("content_size", String(30)),
    Column("content_type", _long_string(450)),
    Column("content_id", String(250)),
    Column("content_alternative", String(50)),
    Column("disposition", String(15)),
    Column("content", ENCODED_BLOB),
    *_audit(),
)
_table(
    "article_data_otrs_chat",
    Column("id", BIG, primary_key=True),
    Column("article_id", BIG, nullable=False),
    Column("chat_participant_id", String(255), nullable=False),
    Column("chat_participant_name", String(255), nullable=False),
    Column("chat_participant_type", String(255), nullable=False),
    Column("message_text", _long_string(3800)),
    Column("system_generated", SMALL, nullable=False),
    Column("create_time", TIME, nullable=False),
)
_table(
    "article_flag",
    Column("article_id", BIG, nullable=False),
    Column("article_key", String(50), nullable=False),
    Column("article_value", String(50)),
    Column("create_time", TIME, nullable=False),
    Column("create_by", INT, nullable=False),
)
_table(
    "dynamic_field",
    Column("id", INT, primary_key=True),
    Column("internal_field", SMALL, nullable=False),
    Column("name", String(200), nullable=False, unique=True),
    Column("label", String(200), nullable=False),
    Column("field_order", INT, nullable=False),
    Column("field_type", String(200), nullable=False),
    Column("object_type", String(100), nullable=False),
    Column("config", TEXT_BLOB),
    Column("valid_id", SMALL, nullable=False),
    *_audit(),
)
_table(
    "dynamic_field_value",
    Column("id", INT, primary_key=True),
    Column("field_id", INT, nullable=False),
    Column("object_id", BIG, nullable=False),
    Column("value_text", _long_string(3800)),
    Column("value_date", TIME),
    Column("value_int", BIG),
)
_table(
    "dynamic_field_obj_id_name",
    Column("object_id", INT, primary_key=True),
    Column("object_name", String(200), nullable=False),
    Column("object_type", String(100), nullable=False),
    UniqueConstraint("object_name", "object_type"),
)
_table(
    "link_type",
    Column("id", SMALL_ID, primary_key=True),
    Column("name", String(50), nullable=False, unique=True),
    Column("valid_id", SMALL, nullable=False),
    *_audit(),
)
_table(
    "link_state",
    Column("id", SMALL_ID, primary_key=True),
    Column("name", String(50), nullable=False, unique=True),
    Column("valid_id", SMALL, nullable=False),
    *_audit(),
)
_table(
    "link_object",
    Column("id", SMALL_ID, primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
)
_table(
    "link_relation",
    Column("source_object_id", SMALL, nullable=False),
    Column("source_key", String(50), nullable=False),
    Column("target_object_id", SMALL, nullable=False),
    Column("target_key", String(50), nullable=False),
    Column("type_id", SMALL, nullable=False),
    Column("state_id", SMALL, nullable=False),
    Column("create_time", TIME, nullable=False),
    Column("create_by", INT, nullable=False),
    UniqueConstraint("source_object_id", "source_key", "target_object_id", "target_key", "type_id"),
)
_table(
    "standard_template",
    Column("id", INT, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("text", TEMPLATE_TEXT),
    Column("content_type", String(250)),
    Column("template_type", String(100), nullable=False),
    Column("comments", String(250)),
    Column("valid_id", SMALL, nullable=False),
    *_audit(),
)
_table(
    "queue_standard_template",
    Column("queue_id", INT, nullable=False),
    Column("standard_template_id", INT, nullable=False),
    *_audit(),
)
_table(
    "standard_attachment",
    Column("id", INT, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("content_type", String(250), nullable=False),
    Column("content", ENCODED_BLOB, nullable=False),
    Column("filename", String(250), nullable=False),
    Column("comments", String(250)),
    Column("valid_id", SMALL, nullable=False),
    *_audit(),
)
_table(
    "standard_template_attachment",
    Column("id", INT, primary_key=True),
    Column("standard_attachment_id", INT, nullable=False),
    Column("standard_template_id", INT, nullable=False),
    *_audit(),
)
_table(
    "auto_response_type",
    Column("id", SMALL_ID, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("comments", String(250)),
    Column("valid_id", SMALL, nullable=False),
    *_audit(),
)
_table(
    "auto_response",
    Column("id", INT, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("text0", _long_string(6000)),
    Column("text1", _long_string(6000)),
    Column("type_id", SMALL, nullable=False),
    Column("system_address_id", SMALL, nullable=False),
    Column("content_type", String(250)),
    Column("comments", String(250)),
    Column("valid_id", SMALL, nullable=False),
    *_audit(),
)
_table(
    "queue_auto_response",
    Column("id", INT, primary_key=True),
    Column("queue_id", INT, nullable=False),
    Column("auto_response_id", INT, nullable=False),
    *_audit(),
)
_table(
    "pm_process",
    Column("id", INT, primary_key=True),
    Column("entity_id", String(50), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("state_entity_id", String(50), nullable=False),
    Column("layout", TEXT_BLOB, nullable=False),
    Column("config", TEXT_BLOB, nullable=False),
    *_audit(),
)
_table(
    "pm_activity",
    Column("id", INT, primary_key=True),
    Column("entity_id", String(50), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("config", TEXT_BLOB, nullable=False),
    *_audit(),
)
_table(
    "pm_activity_dialog",
    Column("id", INT, primary_key=True),
    Column("entity_id", String(50), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("config", TEXT_BLOB, nullable=False),
    *_audit(),
)
_table(
    "pm_transition",
    Column("id", INT, primary_key=True),
    Column("entity_id", String(50), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("config", TEXT_BLOB, nullable=False),
    *_audit(),
)
_table(
    "pm_transition_action",
    Column("id", INT, primary_key=True),
    Column("entity_id", String(50), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("config", TEXT_BLOB, nullable=False),
    *_audit(),
)
_table(
    "xml_storage",
    Column("xml_type", String(200), nullable=False),
    Column("xml_key", String(250), nullable=False),
    Column("xml_content_key", String(250), nullable=False),
    Column("xml_content_value", UNLIMITED),
)
_table(
    "general_catalog",
    Column("id", INT, primary_key=True),
    Column("general_catalog_class", String(100), nullable=False),
    Column("name", String(100), nullable=False),
    Column("valid_id", SMALL, nullable=False),
    Column("comments", String(200)),
    *_audit(),
)
_table(
    "general_catalog_preferences",
    Column("general_catalog_id", INT, nullable=False),
    Column("pref_key", String(255), nullable=False),
    Column("pref_value", String(255)),
)
_table(
    "configitem",
    Column("id", BIG, primary_key=True),
    Column("configitem_number", String(100), nullable=False, unique=True),
    Column("class_id", INT, nullable=False),
    Column("last_version_id", BIG),
    Column("cur_depl_state_id", INT, nullable=False),
    Column("cur_inci_state_id", INT, nullable=False),
    *_audit(),
)
_table(
    "configitem_version",
    Column("id", BIG, primary_key=True),
    Column("configitem_id", BIG, nullable=False),
    Column("name", String(250), nullable=False),
    Column("definition_id", INT, nullable=False),
    Column("depl_state_id", INT, nullable=False),
    Column("inci_state_id", INT, nullable=False),
    Column("create_time", TIME, nullable=False),
    Column("create_by", INT, nullable=False),
)
_table(
    "configitem_definition",
    Column("id", INT, primary_key=True),
    Column("class_id", INT, nullable=False),
    Column("configitem_definition", TEXT_BLOB, nullable=False),
    Column("version", INT, nullable=False),
    Column("create_time", TIME, nullable=False),
    Column("create_by", INT, nullable=False),
)
_table(
    "virtual_fs",
    Column("id", BIG, primary_key=True),
    Column("filename", _long_string(350), nullable=False),
    Column("backend", String(60), nullable=False),
    Column("backend_key", String(160), nullable=False),
    Column("create_time", TIME, nullable=False),
)
_table(
    "virtual_fs_preferences",
    Column("virtual_fs_id", BIG, nullable=False),
    Column("preferences_key", String(150), nullable=False),
    Column("preferences_value", _long_string(350)),
)
_table(
    "virtual_fs_db",
    Column("id", BIG, primary_key=True),
    Column("filename", _long_string(350), nullable=False),
    Column("content", ENCODED_BLOB, nullable=False),
    Column("create_time", TIME, nullable=False),
)
_table(
    "sysconfig_default",
    Column("id", INT, primary_key=True),
    Column("name", String(250), nullable=False, unique=True),
    Column("description", TEXT_BLOB, nullable=False),
    Column("navigation", String(200), nullable=False),
    Column("is_invisible", SMALL, nullable=False),
    Column("is_readonly", SMALL, nullable=False),
    Column("is_required", SMALL, nullable=False),
    Column("is_valid", SMALL, nullable=False),
    Column("has_configlevel", SMALL, nullable=False),
    Column("user_modification_possible", SMALL, nullable=False),
    Column("user_modification_active", SMALL, nullable=False),
    Column("user_preferences_group", String(250)),
    Column("xml_content_raw", TEXT_BLOB, nullable=False),
    Column("xml_content_parsed", TEXT_BLOB, nullable=False),
    Column("xml_filename", String(250), nullable=False),
    Column("effective_value", TEXT_BLOB, nullable=False),
    Column("is_dirty", SMALL, nullable=False),
    Column("exclusive_lock_guid", String(32), nullable=False),
    Column("exclusive_lock_user_id", INT),
    Column("exclusive_lock_expiry_time", TIME),
    *_audit(),
)
_table(
    "sysconfig_modified",
    Column("id", INT, primary_key=True),
    Column("sysconfig_default_id", INT, nullable=False),
    Column("name", String(250), nullable=False),
    Column("user_id", INT),
    Column("is_valid", SMALL, nullable=False),
    Column("user_modification_active", SMALL, nullable=False),
    Column("effective_value", TEXT_BLOB, nullable=False),
    Column("is_dirty", SMALL, nullable=False),
    Column("reset_to_default", SMALL, nullable=False),
    *_audit(),
    UniqueConstraint("sysconfig_default_id", "user_id"),
)
_table(
    "package_repository",
    Column("id", INT, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("version", String(250), nullable=False),
    Column("vendor", String(250), nullable=False),
    Column("install_status", String(250), nullable=False),
    Column("filename", String(250)),
    Column("content_type", String(250)),
    Column("content", ENCODED_BLOB, nullable=False),
    *_audit(),
)
_table(
    "calendar",
    Column("id", BIG, primary_key=True),
    Column("group_id", INT, nullable=False),
    Column("name", String(200), nullable=False, unique=True),
    Column("salt_string", String(64), nullable=False),
    Column("color", String(7), nullable=False),
    Column("ticket_appointments", TEXT_BLOB),
    Column("valid_id", SMALL, nullable=False),
    *_audit(),
)
_table(
    "calendar_appointment",
    Column("id", BIG, primary_key=True),
    Column("parent_id", BIG),
    Column("calendar_id", BIG, nullable=False),
    Column("unique_id", String(255), nullable=False),
    Column("title", String(255), nullable=False),
    Column("description", _long_string(3800)),
    Column("location", String(255)),
    Column("start_time", TIME, nullable=False),
    Column("end_time", TIME, nullable=False),
    Column("all_day", SMALL),
    Column("notify_time", TIME),
    Column("notify_template", String(255)),
    Column("notify_custom", String(255)),
    Column("notify_custom_unit_count", BIG),
    Column("notify_custom_unit", String(255)),
    Column("notify_custom_unit_point", String(255)),
    Column("notify_custom_date", TIME),
    Column("team_id", _long_string(3800)),
    Column("resource_id", _long_string(3800)),
    Column("recurring", SMALL),
    Column("recur_type", String(20)),
    Column("recur_freq", String(255)),
    Column("recur_count", INT),
    Column("recur_interval", INT),
    Column("recur_until", TIME),
    Column("recur_id", TIME),
    Column("recur_exclude", _long_string(3800)),
    Column("ticket_appointment_rule_id", String(32)),
    Column("create_time", TIME),
    Column("create_by", INT),
    Column("change_time", TIME),
    Column("change_by", INT),
)

FOREIGN_TELL_TALES = frozenset({"article_type", "article_attachment", "permission_groups", "groups_table", "pm_entity"})
"""Tables that only other versions and forks have: their presence, too, means a database in use."""

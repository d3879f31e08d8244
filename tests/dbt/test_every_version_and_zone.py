"""The same tickets, written by another version or in another time zone, give the same staging and the same plan."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from built_warehouse import Built, Dbt, change, hashes, last_gate, rows

ZONE = "Europe/Berlin"
TWICE = ("2025-10-26 00:00:00", "2025-10-26 01:00:00")
"""Beginnings, in UTC, of the two hours that clocks in Berlin showed as 2 o'clock."""

LOCAL = ("value_local_time",)
"""Local times on purpose."""

WITH_IDS = ("article_data_mime_id", "table_name", "article_type_name", "chat_message_id", "article_mime_data_id")
"""What OTRS 5 numbers otherwise, or has alone."""


@pytest.fixture
def generation(built: Built) -> str:
    """Return the schema that the views of raw_otrs read."""
    [(schema,)] = rows(
        built.warehouse,
        "select max(table_schema) from information_schema.tables where table_schema like 'raw_otrs\\_%' escape '\\'",
    )
    return str(schema)


def tables(warehouse: Path, generation: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each raw table of OTRS that has local times, with their columns."""
    yield from rows(
        warehouse,
        "select table_name, list(column_name order by column_name) from information_schema.columns"
        f" where table_schema = '{generation}' and data_type = 'TIMESTAMP'"
        " and table_name not in ('source_profile', 'article_files') and table_name not like '\\_dlt%' escape '\\'"
        " group by table_name order by table_name",
    )


def staged(warehouse: Path, *, without: tuple[str, ...] = ()) -> dict[str, list[tuple[object, ...]]]:
    """Return what staging says of OTRS, sorted."""
    names = rows(
        warehouse,
        "select table_name, string_agg(column_name, ', ' order by ordinal_position) from information_schema.columns"
        " where table_schema = 'staging' and table_name like 'stg\\_otrs%' escape '\\'"
        f" and not list_contains({list(without) or ['']}, column_name)"
        " and table_name not in ('stg_otrs__source_profile', 'stg_otrs__source_tables')"
        " and data_type != 'BLOB' group by table_name",
    )
    return {name: rows(warehouse, f"select {columns} from staging.{name} order by all") for name, columns in names}


RESHAPED = (
    *("article_data_mime", "article_data_mime_attachment", "article_data_mime_plain", "article_data_otrs_chat"),
    "communication_channel",
)
"""Tables whose rows OTRS 5 keeps in others."""


def put_into_the_repeated_hour(warehouse: Path, generation: str) -> None:
    """Let two tickets and all that belongs to them happen in the first and in the second of the two hours.

    Minutes and seconds stay as they are, so both hours look alike on a clock in Berlin. The ids of OTRS ascend in
    time, so the first ticket is the older one. Epochs move along.
    """
    tickets = rows(
        warehouse,
        "select ticket_id from staging.stg_otrs__articles group by ticket_id having count(*) > 1"
        " order by ticket_id limit 2",
    )
    for (ticket,), start in zip(tickets, TWICE, strict=True):
        articles = f"(select id from {generation}.article where ticket_id = {ticket})"
        for table, key, found in (
            ("ticket", "id", f"({ticket})"),
            ("article", "ticket_id", f"({ticket})"),
            ("ticket_history", "ticket_id", f"({ticket})"),
            ("time_accounting", "ticket_id", f"({ticket})"),
            ("article_data_mime", "article_id", articles),
            ("article_data_mime_attachment", "article_id", articles),
            ("article_data_mime_plain", "article_id", articles),
        ):
            of = f"{generation}.{table}"
            moment = f"timestamp '{start}' + to_seconds(least(id * 7, 3500) % 3600)"
            if table == "article_data_mime":
                moment = f"timestamp '{start}' + to_seconds(least(article_id * 7, 3500) % 3600)"
                change(warehouse, f"update {of} set incoming_time = epoch({moment}) where {key} in {found}")
            if table in {"article_data_mime_attachment", "article_data_mime_plain"}:
                moment = f"timestamp '{start}' + to_seconds(least(article_id * 7, 3500) % 3600)"
            if table in {"ticket", "ticket_history", "time_accounting"}:
                # with the ticket's first article
                first = f"(select min(id) from {generation}.article where ticket_id = {ticket})"
                moment = f"timestamp '{start}' + to_seconds(least({first} * 7, 3500) % 3600)"
            change(warehouse, f"update {of} set create_time = {moment}, change_time = {moment} where {key} in {found}")


def write_in_local_time(warehouse: Path, generation: str) -> None:
    """Rewrite every time of the raw tables as clocks in Berlin show it."""
    for table, columns in tables(warehouse, generation):
        local = ", ".join(f"{column} = ({column} at time zone 'UTC') at time zone '{ZONE}'" for column in columns)
        change(warehouse, f"update {generation}.{table} set {local}")
    # Days stay days.
    change(
        warehouse,
        f"update {generation}.dynamic_field_value as changed set value_date = date_trunc('day', value_date +"
        " interval 12 hour) where field_id in"
        f" (select id from {generation}.dynamic_field where field_type = 'Date')",
        f"update {generation}.source_profile set time_zone = '{ZONE}'",
    )


def write_as_otrs_5(warehouse: Path, generation: str) -> None:
    """Rewrite the articles as OTRS 5 kept them: text and headers in the article, chats as JSON."""
    of = f"{generation}."
    keep_the_contents(warehouse)
    copied = ("from", "reply_to", "to", "cc", "subject", "message_id", "in_reply_to", "references", "content_type")
    headers = ", ".join(f"a_{name} = mime.a_{name}" for name in (*copied, "body"))
    change(
        warehouse,
        f"insert into {of}article_type (id, name) values (1, 'email-external'), (2, 'email-internal'), (5, 'phone'),"
        " (9, 'note-internal'), (10, 'note-external'), (12, 'chat-external')",
        f"update {of}article as article set article_type_id = case channel.name when 'Phone' then 5"
        " when 'Chat' then 12 when 'Email' then 2 - is_visible_for_customer else 9 + is_visible_for_customer end"
        f" from {of}communication_channel as channel where channel.id = article.communication_channel_id",
        f"update {of}article as article set {headers}, incoming_time = mime.incoming_time,"
        f" content_path = mime.content_path from {of}article_data_mime as mime where mime.article_id = article.id",
        f"""update {of}article as article set a_content_type = 'application/json; charset=utf-8', a_body = chat.body,
        incoming_time = epoch(article.create_time) from (
            select article_id, to_json(list({{
                'ID': id, 'ChatterID': chat_participant_id, 'ChatterName': chat_participant_name,
                'ChatterType': chat_participant_type, 'MessageText': message_text,
                'SystemGenerated': system_generated, 'CreateTime': strftime(create_time, '%Y-%m-%d %H:%M:%S')
            }} order by id))::varchar as body from {of}article_data_otrs_chat group by article_id
        ) as chat where chat.article_id = article.id""",
        f"update {of}article set communication_channel_id = null, is_visible_for_customer = null",
        f"insert into {of}article_attachment by name select * from {of}article_data_mime_attachment",
        f"insert into {of}article_plain by name select * from {of}article_data_mime_plain",
        *(f"delete from {of}{table}" for table in RESHAPED),
    )
    count_anew(warehouse, generation)


def count_anew(warehouse: Path, generation: str) -> None:
    """Let the source's own count say what stands in the raw tables now, as an extract would."""
    of = f"{generation}.source_tables"
    counted = {name for (name,) in rows(warehouse, f"select canonical_name from {of}")}
    for name in ("article_attachment", "article_plain"):
        if name not in counted:
            change(
                warehouse,
                f"insert into {of} by name select '{name}' as table_name, '{name}' as canonical_name, 0 as row_count,"
                " true as is_read, true as customer_data",
            )
    for name in ("article_attachment", "article_plain", *RESHAPED):
        number = f"(select count(*) from {generation}.{name})"
        change(warehouse, f"update {of} set row_count = {number}, is_read = true where canonical_name = '{name}'")


def keep_the_contents(warehouse: Path) -> None:
    """Let the bytes stay what they are, whatever becomes of the rows: the view of the extract goes by them."""
    change(
        warehouse,
        "create table otrs_attachment_store.kept as select * from raw_otrs.attachment_contents",
        "create or replace view raw_otrs.attachment_contents as select * from otrs_attachment_store.kept",
    )


def write_to_disk(warehouse: Path, generation: str) -> str:
    """Move the files of every other article to disk, the first one of them lost; returns its key."""
    files = f"{generation}.article_data_mime_attachment"
    key = "'otrs:article_file:' || article_id || ':' || substr(sha256(filename), 1, 16)"
    moved = "article_id % 2 = 0"
    keep_the_contents(warehouse)
    [(lost,)] = rows(
        warehouse,
        f"select {key} from {files} where {moved} and filename not like 'file-%' order by id limit 1",
    )
    change(
        warehouse,
        f"""insert into {generation}.article_files by name
        select article_id, {key} as file_key, filename, content_type, content_id, content_alternative, disposition,
            false as is_plain_mail, create_time as modified_at,
            case when {key} = '{lost}' then 'not in the folder' end as missing_reason
        from {files} where {moved}""",
        f"""update otrs_attachment_store.kept as held
        set attachment_key = {key.replace("article_id", "files.article_id").replace("filename", "files.filename")}
        from {files} as files where held.attachment_key = 'otrs:attachment:' || files.id
        and files.article_id % 2 = 0""",
        f"delete from {files} where {moved}",
        f"delete from otrs_attachment_store.kept where attachment_key = '{lost}'",
    )
    count_anew(warehouse, generation)
    return str(lost)


def test_local_times_of_a_zone_with_summer_time_become_the_same_utc(
    built: Built, dbt: Dbt, generation: str, tmp_path: Path
) -> None:
    warehouse = built.copy(tmp_path)
    keep_the_contents(warehouse)
    put_into_the_repeated_hour(warehouse, generation)
    expected = staged(warehouse, without=LOCAL)
    write_in_local_time(warehouse, generation)
    dbt.run(warehouse, "run", "--select", "path:models/staging/otrs")
    [(first, second)] = rows(
        warehouse,
        "select count(*) filter (where pass = 1), count(*) filter (where pass = 2) from (select case"
        f" when created_at between '{TWICE[0]}' and timestamp '{TWICE[0]}' + interval 3599 second then 1"
        f" when created_at between '{TWICE[1]}' and timestamp '{TWICE[1]}' + interval 3599 second then 2 end as pass"
        " from staging.stg_otrs__articles)",
    )
    assert first > 1
    assert second > 1
    found = staged(warehouse, without=LOCAL)
    # An hour that nothing decides is read as its second pass; whole days are what a clock says.
    assert {name for name, lines in expected.items() if lines != found[name]} <= {"stg_otrs__calendar_appointments"}


def test_utc_has_no_hour_that_was_twice(built: Built) -> None:
    for name in ("base_otrs__repeated_hours", "base_otrs__ambiguous_times", "base_otrs__first_passes"):
        assert rows(built.warehouse, f"select count(*) from staging.{name}") == [(0,)]


def test_the_articles_of_otrs_5_make_the_same_plan(built: Built, dbt: Dbt, generation: str, tmp_path: Path) -> None:
    warehouse = built.copy(tmp_path)
    write_as_otrs_5(warehouse, generation)
    dbt.build(warehouse)
    gate = last_gate(warehouse)
    assert (gate["passed"], gate["blockers"]) == (True, "")
    # OTRS 5 keeps no Bcc, so the messages that have one are others.
    secret = "select article_id from intermediate.int_articles_unified where bcc_header != ''"
    others = tuple(f"/part/otrs:article:{article}" for (article,) in rows(built.warehouse, secret))
    assert {slot: both for slot, both in hashes(warehouse).items() if not slot.endswith(others)} == {
        slot: both for slot, both in hashes(built.warehouse).items() if not slot.endswith(others)
    }
    expected, found = staged(built.warehouse, without=WITH_IDS), staged(warehouse, without=WITH_IDS)
    different = {name for name, lines in expected.items() if lines != found[name]}
    # OTRS 5 writes nothing about its channels; a chat has headers.
    assert different <= {"stg_otrs__communication_channels", "stg_otrs__article_mime_data"}
    same = "from_header, to_header, cc_header, subject, body, incoming_at, created_at, changed_at"
    lines = f"select article_id, {same} from staging.stg_otrs__article_mime_data where body is not null order by all"
    assert rows(warehouse, lines) == rows(built.warehouse, lines)


def test_a_type_of_the_organisations_own_closes_the_gate(
    built: Built, dbt: Dbt, generation: str, tmp_path: Path
) -> None:
    warehouse = built.copy(tmp_path)
    write_as_otrs_5(warehouse, generation)
    change(warehouse, f"update {generation}.article_type set name = 'whatsapp' where name = 'note-external'")
    dbt.run(warehouse, "run", "--select", "path:models/staging/otrs")
    dbt.run(warehouse, "test", "--select", "own_article_types_are_decided")
    assert dbt.complaints == {"own_article_types_are_decided": 1}
    assert rows(
        warehouse,
        "select distinct is_visible_for_customer, communication_channel_id from staging.stg_otrs__articles"
        " where article_type_name = 'whatsapp'",
    ) == [(False, 3)]


def test_a_chat_that_cannot_be_read_stays_a_text_and_is_listed(
    built: Built, dbt: Dbt, generation: str, tmp_path: Path
) -> None:
    warehouse = built.copy(tmp_path)
    write_as_otrs_5(warehouse, generation)
    change(
        warehouse,
        f"update {generation}.article set a_body = '[' || a_body where article_type_id = 12"
        f" and id = (select min(id) from {generation}.article where article_type_id = 12)",
    )
    dbt.run(warehouse, "run", "--select", "path:models/staging/otrs", "int_articles_unified", "int_chats_merged")
    [(article, reason)] = rows(
        warehouse,
        "select row_key, reason from staging.stg_otrs__rejected_values where table_name = 'article'",
    )
    assert "kept as text" in reason
    [(body,)] = rows(
        warehouse, f"select plain_body from intermediate.int_articles_unified where article_id = {article}"
    )
    assert body.startswith("[[{")


def test_files_on_disk_are_loaded_like_those_in_the_database(
    built: Built, dbt: Dbt, generation: str, tmp_path: Path
) -> None:
    warehouse = built.copy(tmp_path)
    lost = write_to_disk(warehouse, generation)
    dbt.build(warehouse)
    gate = last_gate(warehouse)
    assert (gate["passed"], gate["blockers"]) == (True, "")
    sent = "select name, sha256 from intercom.part_files"
    before, now = rows(built.warehouse, f"{sent} order by all"), rows(warehouse, f"{sent} order by all")
    assert len(before) == len(now) + 1
    assert set(now) <= set(before)
    assert {
        on_disk for (on_disk,) in rows(warehouse, "select otrs_attachment_id is null from intercom.part_files")
    } == {
        True,
        False,
    }
    assert rows(
        warehouse,
        "select source_id, reason_code, bytes from reconciliation.exclusions where reason_code = 'file_missing'",
    ) == [(lost, "file_missing", None)]
    names = rows(
        warehouse,
        "select part_key, list(name order by position) from intercom.part_files where otrs_attachment_id is null"
        " group by part_key",
    )
    assert [names for _, names in names if names != sorted(names, key=str.encode)] == []

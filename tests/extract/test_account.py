"""What an account may do is read from the server's own rights: real accounts on real servers."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url
from support.database_servers import DatabaseServer

from extract.errors import SourceError
from extract.otrs.account import Account, OutsideSnapshot, examine_account, read_grants
from extract.otrs.snapshot import open_snapshot

PASSWORD = "pass-word-1"
HASH = "*6BB4837EB74329105EE4568DDA7DC67ED2CA2AD9"

CORE = [
    "ticket",
    "article",
    "queue",
    "users",
    "user_preferences",
    "customer_user",
    "customer_company",
    "permission_groups",
    "ticket_state",
    "ticket_state_type",
    "ticket_priority",
    "ticket_type",
    "ticket_history",
    "valid",
    "article_sender_type",
    "dynamic_field",
    "dynamic_field_value",
    "sla",
    "service",
    "link_relation",
    "article_data_mime",
    "article_data_mime_attachment",
    "article_data_mime_plain",
    "communication_channel",
]
"""Tables of Znuny 6.5 that are looked for; enough of them for a database that is no one's."""


def look(url: str) -> Account:
    with open_snapshot(make_url(url)) as snapshot:
        return examine_account(snapshot)


def as_account(url: str, account: str) -> str:
    return make_url(url).set(username=account, password=PASSWORD).render_as_string(hide_password=False)


@pytest.fixture
def mariadb(mariadb_server: DatabaseServer) -> Iterator[tuple[DatabaseServer, str]]:
    """A little OTRS on MariaDB, and accounts that are gone after the test."""
    url = mariadb_server.create_database("rights_1")
    mariadb_server.execute(
        *(f"create table `{name}` (id integer primary key)" for name in CORE),
        "create user reader@'127.0.0.1' identified by 'pass-word-1'",
        "create role helpdesk",
        database="rights_1",
    )
    yield mariadb_server, url
    mariadb_server.execute("drop user reader@'127.0.0.1'", "drop role helpdesk")
    mariadb_server.drop_database("rights_1")


@pytest.fixture
def postgresql(postgresql_server: DatabaseServer) -> Iterator[tuple[DatabaseServer, str]]:
    """The same on PostgreSQL."""
    url = postgresql_server.create_database("rights_1")
    postgresql_server.execute(
        *(f'create table "{name}" (id integer primary key)' for name in CORE),
        "create role reader login password 'pass-word-1'",
        "revoke create on schema public from public",  # older versions grant it to everybody
        database="rights_1",
    )
    yield postgresql_server, url
    postgresql_server.drop_database("rights_1")
    postgresql_server.execute("drop role reader")


def test_mariadb_account_that_may_only_select_is_told_from_one_that_may_write(
    mariadb: tuple[DatabaseServer, str],
) -> None:
    server, url = mariadb
    server.execute(r"grant select on `rights\_1`.* to reader@'127.0.0.1'")
    account = look(as_account(url, "reader"))
    assert dataclasses.replace(account, advice="") == Account()
    assert not account.is_per_table
    server.execute(
        r"grant insert, lock tables on `rights\_1`.* to reader@'127.0.0.1'",
        "grant delete on rights_1.ticket to reader@'127.0.0.1'",
    )
    account = look(as_account(url, "reader"))
    assert account.may_write == (r"INSERT on database rights\_1", "DELETE on table ticket")
    assert "GRANT SELECT ON `rights_1`.*" in account.advice
    assert look(url).may_write == ("ALL PRIVILEGES on every database",)


def test_advice_makes_an_account_that_may_only_read(
    mariadb: tuple[DatabaseServer, str], postgresql: tuple[DatabaseServer, str]
) -> None:
    for (server, url), leave in (
        (mariadb, ("drop user otrs_reader@'127.0.0.1'",)),
        (postgresql, ("drop owned by otrs_reader", "drop role otrs_reader")),
    ):
        advice = look(url).advice.replace("<this machine>", "127.0.0.1").replace("<password>", PASSWORD)
        server.execute(*(statement for statement in advice.split(";") if statement.strip()), database="rights_1")
        try:
            account = look(as_account(url, "otrs_reader"))
        finally:
            server.execute(*leave, database="rights_1")
        assert dataclasses.replace(account, advice="") == Account()


def test_rights_that_come_with_a_role_count_on_mariadb(mariadb: tuple[DatabaseServer, str]) -> None:
    server, url = mariadb
    server.execute(
        "grant select, update on rights_1.* to helpdesk",
        "grant helpdesk to reader@'127.0.0.1'",
        "set default role helpdesk for reader@'127.0.0.1'",
    )
    account = look(as_account(url, "reader"))
    assert account.may_write == ("UPDATE on database rights_1",)
    assert account.unreadable == account.missing == ()


def test_table_without_select_is_hidden_by_mariadb_and_missed_all_the_same(mariadb: tuple[DatabaseServer, str]) -> None:
    server, url = mariadb
    server.execute(
        *(f"grant select on rights_1.`{name}` to reader@'127.0.0.1'" for name in CORE if name != "customer_user")
    )
    account = look(as_account(url, "reader"))
    assert account.missing == ("customer_user",)
    assert account.is_per_table
    assert account.unreadable == account.may_write == ()


def test_table_of_which_only_some_columns_may_be_read_is_named(mariadb: tuple[DatabaseServer, str]) -> None:
    server, url = mariadb
    server.execute(
        *(f"grant select on rights_1.`{name}` to reader@'127.0.0.1'" for name in CORE if name != "customer_user"),
        "grant select (id) on rights_1.customer_user to reader@'127.0.0.1'",
    )
    with pytest.raises(SourceError, match=r"denied to user 'reader'.*customer_user"):
        look(as_account(url, "reader"))


def test_tables_without_transactions_are_named_with_their_rows(mariadb: tuple[DatabaseServer, str]) -> None:
    server, url = mariadb
    server.execute(
        "alter table ticket_history engine = MyISAM",
        "insert into ticket_history values (1), (2)",
        "create table our_cache (id integer) engine = MEMORY",
        "create table our_notes (id integer) engine = Aria",
        "create view our_view as select * from ticket",
        "rename table sla to sla_elsewhere",
        "create view sla as select * from sla_elsewhere",
        database="rights_1",
    )
    account = look(url)
    assert account.outside_snapshot == (
        OutsideSnapshot("our_cache", "MEMORY", 0),
        OutsideSnapshot("our_notes", "Aria", 0),
        OutsideSnapshot("sla", "view", None),
        OutsideSnapshot("ticket_history", "MyISAM", 2),
    )
    assert account.missing == ("sla",)


def test_postgresql_account_that_may_only_select_is_told_from_one_that_may_write(
    postgresql: tuple[DatabaseServer, str],
) -> None:
    server, url = postgresql
    server.execute("grant select on all tables in schema public to reader", database="rights_1")
    account = look(as_account(url, "reader"))
    assert dataclasses.replace(account, advice="") == Account()
    server.execute(
        "grant update on ticket, article to reader", "grant create on schema public to reader", database="rights_1"
    )
    assert look(as_account(url, "reader")).may_write == (
        "INSERT, UPDATE, DELETE or TRUNCATE on table article and 1 more",
        "CREATE in schema public",
    )
    assert look(url).may_write == ("everything, as a superuser",)


def test_table_without_select_is_seen_and_named_on_postgresql(postgresql: tuple[DatabaseServer, str]) -> None:
    server, url = postgresql
    server.execute(
        "grant select on all tables in schema public to reader",
        "revoke select on customer_user from reader",
        "insert into ticket values (1)",
        database="rights_1",
    )
    with open_snapshot(make_url(as_account(url, "reader"))) as snapshot:
        account = examine_account(snapshot)
        assert account.unreadable == ("customer_user",)
        assert account.may_write == account.missing == ()
        assert snapshot.count("ticket") == 1  # to ask has not ended the transaction


def test_foreign_tables_and_views_are_named_on_postgresql(postgresql: tuple[DatabaseServer, str]) -> None:
    server, url = postgresql
    server.execute(
        "alter table sla rename to sla_elsewhere",
        "create view sla as select * from sla_elsewhere",
        "create view our_view as select * from ticket",
        "create foreign data wrapper nothing",
        "create server elsewhere foreign data wrapper nothing",
        "create foreign table our_people (id integer) server elsewhere",
        database="rights_1",
    )
    account = look(url)
    assert account.outside_snapshot == (
        OutsideSnapshot("our_people", "foreign table", None),
        OutsideSnapshot("sla", "view", None),
    )
    assert account.missing == ("sla",)


def test_sqlite_file_has_no_rights_to_speak_of(sample_file: Path) -> None:
    assert look(f"sqlite:///{sample_file}") == Account()


@pytest.mark.parametrize(
    ("lines", "may_write", "reads_all", "readable"),
    [
        ([f"GRANT USAGE ON *.* TO `r`@`%` IDENTIFIED BY PASSWORD '{HASH}'"], (), False, set()),
        (["GRANT SELECT ON `otrs`.* TO `r`@`%`"], (), True, set()),
        (["GRANT SELECT, SHOW VIEW ON *.* TO `r`@`%` WITH GRANT OPTION"], (), True, set()),
        (["GRANT ALL PRIVILEGES ON `ot%`.* TO `r`@`%`"], ("ALL PRIVILEGES on database ot%",), True, set()),
        (["GRANT ALL PRIVILEGES ON `another`.* TO `r`@`%`"], (), False, set()),
        (["GRANT SELECT ON `otr_`.* TO `r`@`%`"], (), True, set()),
        ([r"GRANT SELECT ON `otr\_`.* TO `r`@`%`"], (), False, set()),
        (["GRANT SELECT (`id`, `tn`) ON `otrs`.`ticket` TO `r`@`%`"], (), False, set()),
        (["GRANT SELECT, INSERT (`id`) ON `otrs`.`Ticket` TO `r`@`%`"], ("INSERT on table Ticket",), False, {"ticket"}),
        (["GRANT EXECUTE ON PROCEDURE `otrs`.`tidy` TO `r`@`%`"], (), False, set()),
        (["GRANT SELECT ON `otrs`.`my table` TO `r`@`%`"], (), False, {"my table"}),
        (
            [  # MySQL 8 lists all rights one by one, and those of its components in a line of their own
                "GRANT SELECT, INSERT, RELOAD, SHUTDOWN, CREATE USER ON *.* TO `r`@`%`",
                "GRANT APPLICATION_PASSWORD_ADMIN,XA_RECOVER_ADMIN ON *.* TO `r`@`%`",
            ],
            ("INSERT on every database",),
            True,
            set(),
        ),
    ],
)
def test_grants_are_read_for_one_database(
    lines: list[str], may_write: tuple[str, ...], *, reads_all: bool, readable: set[str]
) -> None:
    grants = read_grants(lines, "otrs")
    assert grants.may_write == may_write
    assert grants.reads_all is reads_all
    assert grants.readable == readable
    assert HASH not in repr(grants)


def test_roles_are_quoted_as_the_server_quotes_them() -> None:
    assert read_grants(["GRANT `a`@`%`,`b`@`%` TO `r`@`%`"], "otrs").roles == ("`a`@`%`", "`b`@`%`")
    assert read_grants(["GRANT `helpdesk` TO `r`@`%`"], "otrs").roles == ("`helpdesk`",)


def test_tables_of_another_generation_are_not_missed(sample_file: Path) -> None:
    with open_snapshot(make_url(f"sqlite:///{sample_file}")) as snapshot:
        new = [name for name in snapshot.tables if name.startswith("article_data_mime")]
        old = dict.fromkeys(("article_type", "article_attachment", "article_plain"), ())
        article = tuple(dataclasses.replace(column, name="a_body") for column in snapshot.tables["article"])
        tables = {name: columns for name, columns in snapshot.tables.items() if name not in new}
        tables |= {"article": article, **old}
        assert examine_account(dataclasses.replace(snapshot, tables=tables)).missing == ()
        del tables["article_plain"]
        assert examine_account(dataclasses.replace(snapshot, tables=tables)).missing == ("article_plain",)

"""The servers that the tests of the extract rely on."""

import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy
from support.database_servers import DatabaseServer, ProgramMissingError, ServerFailedError, find_program


def scalar(url: str, query: str) -> object:
    engine = sqlalchemy.create_engine(url)
    try:
        with engine.connect() as connection:
            return connection.execute(sqlalchemy.text(query)).scalar_one()
    finally:
        engine.dispose()


@pytest.fixture(params=["mariadb_server", "postgresql_server"])
def server(request: pytest.FixtureRequest) -> DatabaseServer:
    found: DatabaseServer = request.getfixturevalue(request.param)
    return found


def test_the_address_of_a_new_database_works_with_sqlalchemy(server: DatabaseServer) -> None:
    url = server.create_database("made_by_a_test")
    assert scalar(url, "SELECT 40 + 2") == 42
    server.drop_database("made_by_a_test")
    with pytest.raises(sqlalchemy.exc.OperationalError):
        scalar(url, "SELECT 1")


def test_creating_a_database_again_empties_it(server: DatabaseServer) -> None:
    server.create_database("made_twice")
    server.execute("CREATE TABLE t (id integer)", database="made_twice")
    url = server.create_database("made_twice")
    assert scalar(url, "SELECT count(*) FROM information_schema.tables WHERE table_name = 't'") == 0


def test_a_dropped_database_need_not_be_idle(server: DatabaseServer) -> None:
    server.create_database("in_use")
    with closing(server.connect("in_use")):
        server.drop_database("in_use")


def test_the_password_is_not_shown(server: DatabaseServer) -> None:
    assert server.password not in repr(server)


def test_mariadb_takes_statements_as_large_as_the_largest_attachment(mariadb_server: DatabaseServer) -> None:
    url = mariadb_server.create_database("large")
    assert int(str(scalar(url, "SELECT @@max_allowed_packet"))) == 512 * 1024 * 1024


def test_mariadb_listens_on_loopback_only(mariadb_server: DatabaseServer) -> None:
    assert scalar(mariadb_server.url("mysql"), "SELECT @@bind_address") == "127.0.0.1"


def test_postgresql_listens_on_loopback_only(postgresql_server: DatabaseServer) -> None:
    assert scalar(postgresql_server.url("postgres"), "SHOW listen_addresses") == "127.0.0.1"


def test_a_dump_with_a_faulty_statement_names_the_dump(server: DatabaseServer, tmp_path: Path) -> None:
    server.create_database("faulty")
    dump = tmp_path / "faulty.sql.gz"
    with gzip.open(dump, "wt") as file:
        file.write("CREATE TABLE t (id integer);\nINSERT INTO nowhere VALUES (1);\n" + "SELECT 1;\n" * 100_000)
    with pytest.raises(ServerFailedError, match=r"(?s)faulty\.sql\.gz .*nowhere"):
        server.load_dump(dump, "faulty")


def test_a_missing_program_is_named_with_its_package() -> None:
    with pytest.raises(ProgramMissingError, match=r"no program no-such-server\..*apt-get install some-package"):
        find_program("no-such-server", "Some server", "some-package")


@pytest.mark.lab
@pytest.mark.parametrize("name", ["znuny65-mysql-a", "znuny65-mysql-fs", "otrs5-mysql", "znuny65-postgres-a"])
def test_a_real_database_can_be_loaded(name: str, load_lab_database: Callable[..., str]) -> None:
    url = load_lab_database(name)
    assert int(str(scalar(url, "SELECT count(*) FROM ticket"))) > 100 - 80 * ("fs" in name)
    assert load_lab_database(name) == url


def test_settings_of_whoever_runs_the_tests_are_gone() -> None:
    program = (
        "import os, pytest, sys\nsys.exit(pytest.main(['-q', '-n', '0', '-p', 'no:cacheprovider', sys.argv[1]]))\n"
    )
    # A second pytest, since this one's environment is clean already.
    probe = Path(__file__).with_name("probe_environment.py")
    done = subprocess.run(
        [sys.executable, "-c", program, str(probe)],
        env=os.environ | {"INTERCOM__ACCESS_TOKEN": "a real one", "OTRS__CREDENTIALS": "mysql://real"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr

"""Real MariaDB and PostgreSQL servers for tests: private, on loopback, gone when the run ends.

The fixtures of pytest-mysql and pytest-postgresql do not fit: the former starts a server that reads the
machine's own configuration, the latter cannot start one for root, whom PostgreSQL refuses.
So this module starts the server programs directly and leaves waiting and stopping to mirakuru.
"""

import contextlib
import gzip
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import psycopg
import pymysql
from mirakuru import TCPExecutor

HOST = "127.0.0.1"
USER = "tester"
START_SECONDS = 120  # generous: only a server that never comes up waits this long
PACKET = "512M"  # a dump holds a file of 45 MB in one statement

# Servers live outside of an ordinary user's PATH on Debian.
PROGRAM_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/lib/postgresql/*/bin")


class ProgramMissingError(Exception):
    """A program that a server needs is not installed."""


class ServerFailedError(Exception):
    """A server program ended with an error; the message holds its output."""


@dataclass(frozen=True)
class DatabaseServer:
    """A running server, and how to reach it."""

    kind: Literal["mariadb", "postgresql"]
    port: int
    password: str = field(repr=False)
    client: str
    host: str = HOST
    user: str = USER

    def url(self, database: str) -> str:
        """Return the SQLAlchemy address of a database, password included."""
        driver = {"mariadb": "mysql+pymysql", "postgresql": "postgresql+psycopg"}[self.kind]
        return f"{driver}://{self.user}:{self.password}@{self.host}:{self.port}/{quote(database)}"

    def execute(self, *statements: str, database: str | None = None) -> None:
        """Run statements, each committed by itself, as a user who may do everything."""
        with contextlib.closing(self.connect(database)) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def connect(self, database: str | None = None) -> Any:
        """Open a DBAPI connection in autocommit mode: PyMySQL or psycopg."""
        if self.kind == "mariadb":
            return pymysql.connect(
                host=self.host,
                port=self.port,
                user=self.user,
                password=self.password,
                database=database,
                autocommit=True,
            )
        return psycopg.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=database or "postgres",
            autocommit=True,
        )

    def create_database(self, name: str, charset: str = "utf8mb4", collation: str = "utf8mb4_unicode_ci") -> str:
        """Make an empty database and return its address. One of that name is dropped first.

        Args:
            name: letters, digits and underscores.
            charset: MariaDB only; OTRS 5 and older use utf8mb3.
            collation: MariaDB only.
        """
        self.drop_database(name)
        if self.kind == "mariadb":
            self.execute(f"CREATE DATABASE `{name}` CHARACTER SET {charset} COLLATE {collation}")
        else:
            self.execute(f"CREATE DATABASE \"{name}\" ENCODING 'UTF8' TEMPLATE template0")
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database if it is there, even while connections to it are open."""
        if self.kind == "mariadb":
            self.execute(f"DROP DATABASE IF EXISTS `{name}`")
        else:
            self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def load_dump(self, dump: Path, database: str) -> None:
        """Feed a gzipped SQL dump to the server's own client program.

        Raises:
            ServerFailedError: the client refused a statement.
        """
        if self.kind == "mariadb":
            options = [
                "--no-defaults",
                f"--host={self.host}",
                f"--port={self.port}",
                f"--user={self.user}",
                f"--max-allowed-packet={PACKET}",
                "--default-character-set=utf8mb4",
                database,
            ]
            secret = {"MYSQL_PWD": self.password}
        else:
            options = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", os.devnull]
            options += ["-h", self.host, "-p", str(self.port), "-U", self.user, "-d", database]
            secret = {"PGPASSWORD": self.password}
        with tempfile.TemporaryFile() as answers:
            client = subprocess.Popen(
                [self.client, *options],
                stdin=subprocess.PIPE,
                stdout=answers,
                stderr=answers,
                env=os.environ | secret,
            )
            # A client that gives up closes its end; its exit code and words tell more than the broken pipe.
            with contextlib.suppress(BrokenPipeError), client.stdin as stdin, gzip.open(dump) as statements:  # type: ignore[union-attr]
                shutil.copyfileobj(statements, stdin, 1 << 20)
            if client.wait() != 0:
                answers.seek(0)
                raise ServerFailedError(
                    f"{dump.name} could not be loaded into {self.kind}: "
                    f"{answers.read().decode(errors='replace').strip()}"
                )


@contextlib.contextmanager
def running_mariadb() -> Iterator[DatabaseServer]:
    """Start a MariaDB server of its own data folder and stop it at the end.

    Raises:
        ProgramMissingError: MariaDB's server or client is not installed.
        ServerFailedError: it could not be set up.
    """
    install_db = find_program("mariadb-install-db", "MariaDB", "mariadb-server")
    program = find_program("mariadbd", "MariaDB", "mariadb-server")
    client = find_program("mariadb", "MariaDB", "mariadb-client")
    account = pwd.getpwuid(os.geteuid())
    server = DatabaseServer("mariadb", free_port(), secrets.token_hex(16), client)
    with private_folder(account) as folder:
        data = folder / "data"
        # The first account can be reached through a socket only, so the server makes one for us as it starts.
        first_statements = folder / "first.sql"
        first_statements.write_text(
            f"CREATE USER '{USER}'@'{HOST}' IDENTIFIED BY '{server.password}';\n"
            f"GRANT ALL ON *.* TO '{USER}'@'{HOST}' WITH GRANT OPTION;\n"
        )
        run(
            [
                install_db,
                "--no-defaults",
                f"--datadir={data}",
                f"--user={account.pw_name}",
                "--skip-test-db",
                "--skip-log-bin",
            ],
            account,
            folder,
        )
        command = [
            program,
            "--no-defaults",
            f"--datadir={data}",
            f"--tmpdir={folder}",
            f"--user={account.pw_name}",
            f"--bind-address={HOST}",
            f"--port={server.port}",
            "--socket=server.sock",  # seen from the data folder: long paths do not fit in a socket address
            "--pid-file=server.pid",
            f"--init-file={first_statements}",
            "--skip-name-resolve",
            "--skip-log-bin",
            "--innodb-flush-log-at-trx-commit=0",  # the data need not outlive the run
            "--innodb-buffer-pool-size=256M",
            f"--max-allowed-packet={PACKET}",
        ]
        with running(command, server, account, folder, signal.SIGTERM):
            yield server


@contextlib.contextmanager
def running_postgresql() -> Iterator[DatabaseServer]:
    """Start a PostgreSQL server of its own data folder and stop it at the end.

    Raises:
        ProgramMissingError: PostgreSQL's server or client is not installed.
        ServerFailedError: it could not be set up.
    """
    initdb = find_program("initdb", "PostgreSQL", "postgresql")
    program = find_program("postgres", "PostgreSQL", "postgresql")
    client = find_program("psql", "PostgreSQL", "postgresql")
    account = unprivileged_account()
    server = DatabaseServer("postgresql", free_port(), secrets.token_hex(16), client)
    with private_folder(account) as folder:
        data = folder / "data"
        password_file = folder / "password"
        password_file.write_text(server.password)
        run(
            [
                initdb,
                f"--pgdata={data}",
                f"--username={USER}",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--no-locale",
                "--no-sync",
            ],
            account,
            folder,
        )
        settings = {
            "listen_addresses": HOST,
            "port": str(server.port),
            "unix_socket_directories": "",
            "fsync": "off",  # the data need not outlive the run
            "synchronous_commit": "off",
            "full_page_writes": "off",
        }
        command = [program, "-D", str(data), *(f"--{name}={value}" for name, value in settings.items())]
        with running(command, server, account, folder, signal.SIGINT):  # SIGTERM would wait for the clients
            yield server


def find_program(name: str, server: str, package: str) -> str:
    """Return the path of a program.

    Raises:
        ProgramMissingError: it is not installed.
    """
    folders = [match for pattern in PROGRAM_FOLDERS for match in sorted(Path("/").glob(pattern[1:]), reverse=True)]
    found = shutil.which(name) or shutil.which(name, path=os.pathsep.join(map(str, folders)))
    if found is None:
        raise ProgramMissingError(
            f"{server} is not installed: no program {name}. Debian and Ubuntu: apt-get install {package}"
        )
    return found


def unprivileged_account() -> pwd.struct_passwd:
    """Return our own account, or one without rights where we are root."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise ProgramMissingError("PostgreSQL does not run as root, and there is no account postgres or nobody.")


@contextlib.contextmanager
def private_folder(account: pwd.struct_passwd) -> Iterator[Path]:
    """Make a folder of the account's own. Not pytest's: no other account may enter that one."""
    with tempfile.TemporaryDirectory(prefix="otrs2intercom-server-", ignore_cleanup_errors=True) as name:
        if account.pw_uid != os.geteuid():
            os.chown(name, account.pw_uid, account.pw_gid)
        yield Path(name)


def run_as(account: pwd.struct_passwd) -> dict[str, Any]:
    """Return the arguments of ``subprocess`` that make the program run under the account."""
    if account.pw_uid == os.geteuid():
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def run(command: Sequence[str], account: pwd.struct_passwd, folder: Path) -> None:
    """Run a program to its end under an account.

    Raises:
        ServerFailedError: it ended with an error.
    """
    done = subprocess.run(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        **run_as(account),
    )
    if done.returncode != 0:
        raise ServerFailedError(f"{command[0]} ended with {done.returncode}: {done.stdout.strip()}")


class _Server(TCPExecutor):
    """A server that counts as started when it lets us in, not already when its port is open."""

    def __init__(self, command: Sequence[str], server: DatabaseServer, **options: Any) -> None:
        super().__init__(list(command), server.host, server.port, **options)
        self._server = server

    def after_start_check(self) -> bool:
        try:
            self._server.connect().close()
        except (pymysql.OperationalError, psycopg.OperationalError):
            return False
        return True


@contextlib.contextmanager
def running(
    command: Sequence[str],
    server: DatabaseServer,
    account: pwd.struct_passwd,
    folder: Path,
    stop_signal: signal.Signals,
) -> Iterator[None]:
    """Keep a server program running."""
    log_path = folder / "server.log"
    with log_path.open("w+") as log:
        executor = _Server(
            command,
            server,
            timeout=START_SECONDS,
            cwd=str(folder),
            stop_signal=stop_signal,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            popen_kwargs=run_as(account),
        )
        try:
            executor.start()
        except Exception as error:
            raise ServerFailedError(f"{command[0]} did not start: {log_path.read_text()[-4000:]}") from error
        try:
            yield
        finally:
            executor.stop()


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])

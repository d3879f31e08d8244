"""Words that must never be seen: a secret or a customer's, they go all the way through and show up nowhere else.

Canaries are planted where secrets and customers' data come from: the password of the database, the access token,
a customer's address, name and telephone number, a title, a message, a file and its name. Then everything is run
once, with an Intercom that fails, refuses and quotes what it was sent, token included. The warehouse, the workspace
and the CSV of differences hold the data by design. Nothing else does: no terminal, no log, no ledger, no file that is
left behind.
"""

import base64
import html
import json
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from support.database_servers import DatabaseServer
from support.pipeline import Pipeline, new_pipeline, seed_people

from load.simulator import Fault, Options, Workspace, serve

TOKEN = "dG9rOmNhbmFyeS10b2tlbi00NzExLXF1ZXR6YWw="
LOCAL_PART, SURNAME, PHONE = "quetzal.canary", "Quetzalina", "+49 30 47114711"
ADDRESS = f"{LOCAL_PART}@customer.example.com"
TITLE, OPENING, REPLY = "Titmouseling", 'Nightingalish "weather" in Zürich\nand rain', "Woodpeckerish <answer> & more"
FILE_NAME, FILE = "Kingfisher-4711.txt", b"Flamingoesque content of a file, long enough to be told from others. " * 40
WORDS = (TOKEN, LOCAL_PART, SURNAME, PHONE, TITLE, "Nightingalish", "Woodpeckerish", "Kingfisher-4711", "Flamingoesque")

pytestmark = pytest.mark.timeout(1800)  # the whole way once, before the first test

BY_DESIGN = ("warehouse.duckdb", "differences.csv", "intercom.sqlite", "files/")
"""What holds the data, since that is what it is for."""


@dataclass
class Gossip:
    """Stands between the loader and the workspace, and now and then answers with all it was told.

    Attributes:
        workspace: where it passes on what it does not answer itself.
        revoked: it refuses the token.
        contented: it refuses nobody any more.
        failed: it has failed once, at the message.
    """

    workspace: str
    revoked: bool = False
    contented: bool = False
    failed: bool = False

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        """Return status, content type and content."""
        told = f"{method} {path} {headers.get('authorization', '')} {body.decode('utf-8', 'replace')}"
        if self.revoked:
            return 401, "application/json", _error("unauthorized", told)
        if method == "POST" and b"Woodpeckerish" in body and not self.failed:
            self.failed = True
            return 502, "text/html", f"<html>{html.escape(told)}</html>".encode()
        if method == "POST" and LOCAL_PART.encode() in body and not self.contented:
            return 422, "application/json", _error("no", told)
        passed_on = {name: value for name, value in headers.items() if name not in {"host", "content-length"}}
        answer = httpx.request(method, f"{self.workspace}{path}", headers=passed_on, content=body, timeout=60)
        return answer.status_code, answer.headers.get("content-type", ""), answer.content


def _error(code: str, message: str) -> bytes:
    errors = [{"code": code, "message": f"You said: {message}"}]
    return json.dumps({"type": "error.list", "request_id": "r1", "errors": errors}).encode()


@contextmanager
def serving(gossip: Gossip) -> Iterator[str]:
    """Let it listen; returns its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            told = {name.lower(): value for name, value in self.headers.items()}
            try:
                status, content_type, content = gossip.answer(self.command, self.path, told, body)
            except httpx.HTTPError:  # the workspace failed as it was told to
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - the names are the server's

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(frozen=True)
class Run:
    """Everything was run.

    Attributes:
        said: by each command, on stdout and stderr.
        secrets: words that nobody may see.
        there: the workspace after the load.
    """

    pipeline: Pipeline
    said: dict[str, str]
    secrets: tuple[str, ...]
    there: str


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, mariadb_server: DatabaseServer) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("canary")
    source = mariadb_server.create_database("canary")
    said: dict[str, str] = {}

    def say(*command: str, expect: int = 0) -> None:
        done = pipeline.run(*command, expect=expect)
        said[f"{len(said)} {' '.join(command)}"] = done.stdout + done.stderr

    private = {name: str(folder / name.lower()) for name in ("HOME", "TMPDIR", "DLT_DATA_DIR")}
    for place in private.values():
        Path(place).mkdir()
    with ExitStack() as stack:
        workspace = stack.enter_context(Workspace(folder / "intercom.sqlite"))
        faults = (Fault("*", ".*", every=13, do="status:503"), Fault("POST", ".*", every=11, do="drop"))
        served = stack.enter_context(serve(workspace, Options(rate_limit=10**6, access_token=TOKEN, faults=faults)))
        gossip = Gossip(served.base_url)
        settings = {
            **private,
            "INTERCOM__ACCESS_TOKEN": TOKEN,
            "INTERCOM__PURPOSE": "sandbox",
            "INTERCOM__SEARCH_LAG": "0",
            "INTERCOM__COMMIT_GRACE": "0",
        }
        pipeline = new_pipeline(folder, source, stack.enter_context(serving(gossip)), settings)
        say("sample", source, "--tickets", "5")
        plant(mariadb_server)
        wrong = {
            **settings,
            "OTRS__CREDENTIALS": source.replace(mariadb_server.password, f"{mariadb_server.password}x"),
        }
        failed = Pipeline(folder, source, pipeline.base_url, wrong).run("extract", "otrs", expect=6)
        said["extract otrs with a wrong password"] = failed.stdout + failed.stderr
        say("extract", "otrs")
        seed_people(workspace, pipeline.warehouse)
        say("doctor")
        say("extract", "intercom")
        say("map", "--confirm-all")
        say("build")
        say("plan")
        say("apply", "--execute", "--verbose", expect=4)
        say("status")
        gossip.revoked = True
        say("apply", "--execute", "--retry-failed", expect=3)
        say("status", "--json")
        gossip.revoked, gossip.contented = False, True
        say("apply", "--execute", "--retry-failed", "--json")
        spoil(folder / "intercom.sqlite")
        say("verify", "--json", "--csv", str(folder / "differences.csv"), expect=5)
        there = json.dumps(list(workspace.dump()), ensure_ascii=False, default=str)
        say("rollback", "--everything")
        say("rollback", "--everything", "--include-changed", "--execute")
        say("status")
        yield Run(pipeline, said, (mariadb_server.password, *WORDS), there)


def plant(server: DatabaseServer) -> None:
    """Make a customer, a title, two messages and a file of the sample ones that can be recognised."""
    with closing(server.connect("canary")) as connection, connection.cursor() as cursor:
        cursor.execute(
            "select t.id, t.customer_user_id, min(case when a.article_sender_type_id = 3 then a.id end),"
            " max(case when a.article_sender_type_id = 1 then a.id end)"
            " from ticket t join article a on a.ticket_id = t.id join customer_user c on c.login = t.customer_user_id"
            " where a.communication_channel_id = 1 group by t.id, t.customer_user_id"
            " having min(a.article_sender_type_id) = 1 and max(a.article_sender_type_id) = 3 limit 1"
        )
        ticket, login, opening, reply = cursor.fetchone()
        cursor.execute(
            "update customer_user set email = %s, last_name = %s, phone = %s where login = %s",
            (ADDRESS, SURNAME, PHONE, login),
        )
        cursor.execute("update ticket set title = %s where id = %s", (TITLE, ticket))
        for article, text in ((opening, OPENING), (reply, REPLY)):
            cursor.execute("delete from article_data_mime_attachment where article_id = %s", (article,))
            cursor.execute(
                "update article_data_mime set a_body = %s, a_content_type = 'text/plain; charset=utf-8'"
                " where article_id = %s",
                (text, article),
            )
        cursor.execute(
            "insert into article_data_mime_attachment (id, article_id, filename, content_size, content_type,"
            " disposition, content, create_time, create_by, change_time, change_by)"
            " values (900000, %s, %s, %s, 'text/plain', 'attachment', %s, now(), 1, now(), 1)",
            (reply, FILE_NAME, str(len(FILE)), FILE),
        )


def spoil(workspace: Path) -> None:
    """Change the message in Intercom, as a person there would."""
    with closing(sqlite3.connect(workspace)) as db, db:
        changed = db.execute("update parts set body = 'else' where body like '%Woodpeckerish%'").rowcount
    assert changed == 1


def spellings(word: str) -> Iterator[bytes]:
    """Each way in which a word may stand in a file."""
    for spelling in {word, quote(word), quote(word, safe=""), html.escape(word), json.dumps(word)[1:-1]}:
        yield spelling.lower().encode()
    yield word.lower().encode("utf-16-le")


def seen(content: bytes, words: tuple[str, ...]) -> set[str]:
    """Return the words that stand in a content, in whatever spelling."""
    lowered = content.lower()
    found = {word for word in words if any(spelling in lowered for spelling in spellings(word))}
    # In base64 a text looks one of three ways, by where it begins.
    for word in words:
        encoded = [base64.b64encode(bytes(skip) + word.encode())[4 if skip else 0 : -4] for skip in range(3)]
        if any(text in content for text in encoded):
            found.add(word)
    return found


def holds_data(path: Path, folder: Path) -> bool:
    return str(path.relative_to(folder)).startswith(BY_DESIGN)


def test_the_canaries_went_all_the_way(run: Run) -> None:
    assert seen(run.there.encode(), WORDS) >= {LOCAL_PART, SURNAME, TITLE, "Nightingalish", "Kingfisher-4711"}
    assert seen(run.pipeline.warehouse.read_bytes(), ("Flamingoesque", "Nightingalish"))
    assert "Woodpeckerish" in (run.pipeline.folder / "differences.csv").read_text(encoding="utf-8")


def test_what_went_wrong_is_what_was_meant_to(run: Run) -> None:
    talk = "\n".join(run.said.values())
    assert "422 no" in talk
    assert "Intercom refuses: 401" in talk
    assert "body is modified" in talk
    log = run.pipeline.ledger.with_name("ledger.sqlite.log.jsonl").read_text(encoding="utf-8")
    statuses = {json.loads(line).get("status") for line in log.splitlines()}
    assert statuses >= {200, 401, 422, 502, 503}


def test_no_canary_is_in_what_any_command_said(run: Run) -> None:
    telling = {command: seen(said.encode(), run.secrets) for command, said in run.said.items()}
    assert {command: words for command, words in telling.items() if words} == {}


def test_no_address_of_any_customer_is_in_what_any_command_said(run: Run) -> None:
    addresses = tuple(address for (address,) in run.pipeline.sql("select distinct email from raw_otrs.customer_user"))
    assert len(addresses) > 10
    talk = "\n".join(run.said.values()).encode()
    assert seen(talk, addresses) == set()


def test_no_canary_is_in_any_file_that_is_left(run: Run) -> None:
    folder = run.pipeline.folder
    files = [path for path in folder.rglob("*") if path.is_file() and not holds_data(path, folder)]
    names = {path.name for path in files}
    assert names >= {"ledger.sqlite", "ledger.sqlite.log.jsonl", "manifest.json", "run_results.json"}
    telling = {str(path.relative_to(folder)): seen(path.read_bytes(), run.secrets) for path in files}
    assert {path: words for path, words in telling.items() if words} == {}


def test_the_log_names_the_run_and_the_request_of_every_line(run: Run) -> None:
    lines = [
        json.loads(line)
        for line in run.pipeline.ledger.with_name("ledger.sqlite.log.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    answers = [line for line in lines if line["event"] == "answer" and "phase" in line]
    assert len(answers) > 100
    for line in answers:
        assert re.fullmatch(r"[0-9a-f]{12}", line["run"])
        assert {"slot", "kind", "attempt", "method", "path", "status", "seconds"} <= set(line)


def test_a_word_is_recognised_in_every_spelling() -> None:
    for content in (
        b"x QUETZALINA x",
        base64.b64encode(b"a Quetzalina b"),
        base64.b64encode(b"ab Quetzalina b"),
        base64.b64encode(b"abc Quetzalina b"),
        quote(ADDRESS).encode(),
        json.dumps({"name": SURNAME}).encode(),
        SURNAME.encode("utf-16-le"),
    ):
        assert seen(content, (SURNAME, LOCAL_PART)), content
    assert seen(b"nothing of the kind", WORDS) == set()

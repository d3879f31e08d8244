"""What happens to the load of a real Znuny database: killed, repeated, read by others, met by an open file.

The smallest of them: each of its 84 tickets has what the large ones have, in fewer writes.
"""

import json
import os
import re
import signal
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest
from intercom import Intercom
from support.pipeline import Loaded, copy_of, seed_people

from load.simulator import Fault, Options, Workspace, serve

pytestmark = [
    pytest.mark.lab,
    pytest.mark.parametrize("lab_database", ["znuny65-mysql-fs"], indirect=True, scope="session"),
]


def test_a_second_apply_sends_nothing_after_another_extract_and_build(loaded: Loaded) -> None:
    loaded.pipeline.run("extract", "otrs")
    loaded.pipeline.run("extract", "intercom")
    loaded.pipeline.run("build")
    before = loaded.served.workspace.accepted_writes()
    assert loaded.pipeline.json("apply", "--execute")["written_total"] == 0
    assert loaded.served.workspace.accepted_writes() == before


def test_the_official_sdk_reads_ten_conversations(loaded: Loaded) -> None:
    client = Intercom(token="test", base_url=loaded.served.base_url, headers={"Intercom-Version": "2.16"})
    rows = loaded.pipeline.sql(
        "select intercom_id, title, state, (select count(*) from intercom.conversation_parts p"
        " where p.conversation_key = c.conversation_key and not is_opening)"
        " from intercom.conversations c join raw_ledger.receipts on creates = 'conversation/' || conversation_key"
        " order by hash(conversation_key) limit 10"
    )
    assert len(rows) == 10
    for conversation_id, title, state, parts in rows:
        conversation = client.conversations.find(conversation_id)
        assert (conversation.title, conversation.state) == (title, state)
        shown = conversation.conversation_parts.conversation_parts if conversation.conversation_parts else []
        assert sum(part.part_type in {"comment", "note", "open"} and bool(part.body) for part in shown or []) == parts


def test_a_load_that_is_killed_four_times_ends_as_the_undisturbed_one(loaded: Loaded, tmp_path: Path) -> None:
    """Three times in the middle, and once by the workspace right after it has committed a conversation."""
    running: list[subprocess.Popen[str]] = []
    readings: list[int] = []

    def kill(_seen: object) -> None:
        running[-1].send_signal(signal.SIGKILL)
        running[-1].wait()

    def read_as_an_analyst(_seen: object) -> None:
        with duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True) as db:
            readings.extend(db.execute("select count(*) from intercom.requests").fetchone() or ())

    reply, update = r"/conversations/\d+/reply", r"/conversations/\d+"
    faults = (
        Fault("POST", "/conversations", nth=40, when="after_commit", do=kill),
        Fault("POST", reply, nth=30, when="before", do=read_as_an_analyst),
        Fault("POST", reply, nth=50, when="before", do=kill),
        Fault("POST", reply, nth=90, when="after_commit", do=kill),
        Fault("PUT", update, nth=60, when="after_commit", do=kill),
    )
    with (
        Workspace(tmp_path / "intercom.sqlite") as workspace,
        serve(workspace, Options(rate_limit=10**6, faults=faults)) as served,
    ):
        pipeline = copy_of(loaded.pipeline, tmp_path, served.base_url)
        with duckdb.connect(str(pipeline.warehouse)) as db:
            db.execute("delete from raw_ledger.receipts")  # this warehouse was never loaded
        seed_people(workspace, pipeline.warehouse)
        codes: list[int] = []
        while not codes or codes[-1] == -signal.SIGKILL:
            assert len(codes) < 10, codes
            running.append(pipeline.start("apply", "--execute"))
            running[-1].communicate()
            codes.append(running[-1].returncode)
        assert codes == [-signal.SIGKILL] * 4 + [0]
        assert readings == [loaded.plan["rows"]]
        assert content(workspace) == content(loaded.served.workspace)
        assert pipeline.json("apply", "--execute")["written_total"] == 0


def content(workspace: Workspace) -> list[dict[str, Any]]:
    """Return all records; ids that stand in texts, which depend on the order of loading, are masked."""
    records = json.dumps(list(workspace.dump(import_time_parts=False)), ensure_ascii=False)
    masked: list[dict[str, Any]] = json.loads(re.sub(r"\b([Cc]onversation) \d+", r"\1 …", records))
    return masked


def test_a_build_that_meets_an_open_file_says_by_whom_it_is_held(loaded: Loaded, tmp_path: Path) -> None:
    pipeline = copy_of(loaded.pipeline, tmp_path, loaded.served.base_url)
    with duckdb.connect(str(pipeline.warehouse)):
        refused = pipeline.run("build", expect=3)
    assert f"process {os.getpid()}" in refused.stderr


def test_the_ledger_holds_no_body_address_or_token(loaded: Loaded) -> None:
    with sqlite3.connect(loaded.pipeline.ledger) as db:
        dump = "\n".join(db.iterdump())
    assert "@kunde" not in dump
    assert "Guten Tag" not in dump
    assert "Bearer" not in dump


def test_the_workspace_answers_for_what_was_loaded(loaded: Loaded) -> None:
    counts = httpx.get(loaded.served.base_url + "/_simulator/counts").json()
    assert counts["conversations"] == 84

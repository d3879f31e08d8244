"""What is kept survives everything, is counted, and can be compared."""

import multiprocessing
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from simulated import HEADERS, Clock, Simulated, file

from load.simulator import Options, Workspace, run_forever, serve


def test_content_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "w.sqlite"
    with Workspace(path) as workspace, serve(workspace) as served:
        made = httpx.post(f"{served.base_url}/contacts", json={"external_id": "jo"}, headers=HEADERS).json()["id"]
    with Workspace(path) as workspace, serve(workspace) as served:
        found = httpx.get(f"{served.base_url}/contacts/find_by_external_id/jo", headers=HEADERS).json()["id"]
        following = httpx.post(f"{served.base_url}/contacts", json={"external_id": "al"}, headers=HEADERS).json()["id"]

    assert found == made
    assert following != made


def test_temporary_workspace_leaves_no_file() -> None:
    with Workspace() as workspace:
        path = workspace.path
        assert path.exists()

    assert not path.parent.exists()


def test_parallel_clients_lose_nothing(sim: Simulated) -> None:
    def work(worker: int) -> None:
        with httpx.Client(base_url=sim.base_url, headers=HEADERS, timeout=60) as client:
            for number in range(25):
                made = client.post("/contacts", json={"external_id": f"{worker}-{number}"}).json()["id"]
                sent = {"from": {"type": "user", "id": made}, "body": "x"}
                client.post("/conversations", json=sent).raise_for_status()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))

    counts = sim.workspace.counts()
    assert (counts["contacts"], counts["conversations"], counts["participants"]) == (200, 200, 200)
    assert sim.workspace.accepted_writes() == {("POST", "/contacts"): 200, ("POST", "/conversations"): 200}


@contextmanager
def simulator_process(path: Path) -> Iterator[tuple[multiprocessing.process.BaseProcess, str]]:
    context = multiprocessing.get_context("spawn")
    addresses = context.Queue()
    process = context.Process(target=_run, args=(path, addresses), daemon=True)
    process.start()
    try:
        yield process, addresses.get(timeout=60)
    finally:
        process.kill()
        process.join()


def _run(path: Path, addresses: Any) -> None:
    run_forever(path, port=0, options=Options(rate_limit=None), on_ready=addresses.put)


def test_killed_simulator_holds_whole_records_and_all_that_it_acknowledged(tmp_path: Path) -> None:
    path, acknowledged = tmp_path / "w.sqlite", []
    with simulator_process(path) as (process, address):

        def work(worker: int) -> None:
            with suppress(httpx.TransportError), httpx.Client(base_url=address, headers=HEADERS) as client:
                contact = client.post("/contacts", json={"external_id": str(worker)}).json()["id"]
                while True:
                    sent = {"from": {"type": "user", "id": contact}, "body": "x"}
                    made = client.post("/conversations", json=sent).json()["conversation_id"]
                    reply = {
                        "message_type": "comment",
                        "type": "user",
                        "intercom_user_id": contact,
                        "body": "y",
                    }
                    files = {"attachment_files": [file()]}
                    client.post(f"/conversations/{made}/reply", json=reply | files).raise_for_status()
                    acknowledged.append(int(made))
                    if len(acknowledged) == 60:
                        process.kill()

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))

    with sqlite3.connect(path) as held:
        assert held.execute("pragma integrity_check").fetchone() == ("ok",)
    with Workspace(path) as workspace:
        counts, writes = workspace.counts(), workspace.accepted_writes()
        with workspace.reading() as tx:
            replied = {row[0] for row in tx.execute("select conversation_id from parts")}
    assert set(acknowledged) <= replied
    assert counts["conversations"] == counts["participants"] == writes["POST", "/conversations"]
    assert counts["parts"] == counts["attachments"] == writes["POST", "/conversations/{conversation_id}/reply"]


def test_log_tells_accepted_writes_from_reads_and_refusals(sim: Simulated) -> None:
    contact = sim.contact()
    sim.conversation(contact)
    sim.refused("POST", "/conversations", {"body": "x"})
    sim.ok("POST", "/contacts/search", {"query": {"field": "role", "operator": "=", "value": "user"}})
    sim.ok("GET", "/me")
    httpx.get(f"{sim.base_url}/me")

    assert sim.workspace.accepted_writes() == {("POST", "/contacts"): 1, ("POST", "/conversations"): 1}
    assert [(entry["template"], entry["status"], entry["accepted"]) for entry in sim.workspace.requests()] == [
        ("/contacts", 200, 1),
        ("/conversations", 200, 1),
        ("/conversations", 400, 0),
        ("/contacts/search", 200, 0),
        ("/me", 200, 0),
        ("/me", 401, 0),
    ]


def fill(sim: Simulated, contacts: list[str], body: str = "It beeps.") -> None:
    company = sim.ok("POST", "/companies", {"company_id": "c1", "name": "ACME"})["id"]
    tag = sim.ok("POST", "/tags", {"name": "Gold"})["id"]
    for name in contacts:
        contact = sim.contact(external_id=name, email=f"{name}@example.com", custom_attributes={"login": name})
        sim.ok("POST", f"/contacts/{contact}/companies", {"id": company})
        conversation = sim.conversation(contact, body, created_at=1_300_000_000)
        sim.reply(conversation, contact, created_at=1_300_000_100, attachment_files=[file()])
        sim.note(conversation, created_at=1_300_000_200)
        sim.ok("PUT", f"/conversations/{conversation}", {"title": name, "custom_attributes": {"Pages": 3}})
        sim.ok("POST", f"/conversations/{conversation}/tags", {"id": tag, "admin_id": sim.admin})
        sim.assign(conversation, "team", sim.team)
        sim.close(conversation)


def test_two_workspaces_with_the_same_content_dump_the_same(simulate: Callable[..., Simulated], clock: Clock) -> None:
    one, other = simulate(), simulate()
    fill(one, ["jo", "al"])
    clock.now += 86_400
    other.contact(external_id="passing")
    other.ok("DELETE", f"/contacts/{other.ok('GET', '/contacts/find_by_external_id/passing')['id']}")
    fill(other, ["al", "jo"])

    records = list(one.workspace.dump())

    assert records == list(other.workspace.dump())
    conversation = next(record for record in records if record["object"] == "conversation")
    assert conversation["contact"] == "al"
    assert conversation["team_assignee"] == "Support"
    assert [part["author"] for part in conversation["parts"][:2]] == ["al", "ada@example.com"]
    assert conversation["parts"][0]["files"][0]["size"] == 3


@pytest.mark.parametrize("import_time_parts", [True, False])
def test_a_doubled_reply_shows_in_the_dump(simulate: Callable[..., Simulated], import_time_parts: bool) -> None:
    one, other = simulate(), simulate()
    fill(one, ["jo"])
    fill(other, ["jo"])
    other.note("500", "<p>Odd.</p>", created_at=1_300_000_200)

    assert list(one.workspace.dump(import_time_parts=import_time_parts)) != list(
        other.workspace.dump(import_time_parts=import_time_parts)
    )


def test_dump_can_leave_out_what_intercom_dates_itself(sim: Simulated) -> None:
    fill(sim, ["jo"])

    conversation = next(r for r in sim.workspace.dump(import_time_parts=False) if r["object"] == "conversation")

    assert [part["part_type"] for part in conversation["parts"]] == ["comment", "note"]
    assert conversation["state"] == "closed"

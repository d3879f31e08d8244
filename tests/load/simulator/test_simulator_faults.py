"""Faults strike where they are told to, before or after the commit, and nowhere else."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from simulated import HEADERS, Simulated

from load.simulator import Fault, faults_from_json

CLIENT = """
import sys, httpx, json
sys.stdin.readline()
url, headers, body = (json.loads(argument) for argument in sys.argv[1:])
httpx.post(url, headers=headers, json=body)
print("answered")
"""


def attempt(sim: Simulated, contact: str) -> httpx.Response:
    return sim.client.post("/conversations", json={"from": {"type": "user", "id": contact}, "body": "x"})


def test_status_before_anything_is_looked_at_changes_nothing(simulate: Callable[..., Simulated]) -> None:
    sim = simulate(faults=(Fault("POST", "/conversations", 2, do="status:503"),))
    contact = sim.contact()

    answers = [attempt(sim, contact) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 503, 200]
    assert answers[1].json()["errors"][0]["code"] == "service_unavailable"
    assert "x-ratelimit-remaining" in answers[1].headers
    assert sim.workspace.counts()["conversations"] == 2


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after_commit", 1)])
def test_dropped_connection_has_no_answer_but_the_write_is_there_after_the_commit(
    simulate: Callable[..., Simulated], when: str, made: int
) -> None:
    sim = simulate(faults=(Fault("POST", "/conversations", when=when, do="drop"),))
    contact = sim.contact()

    with pytest.raises(httpx.TransportError):
        attempt(sim, contact)

    assert sim.workspace.counts()["conversations"] == made
    assert sim.workspace.accepted_writes().get(("POST", "/conversations"), 0) == made
    assert attempt(sim, contact).status_code == 200


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after_commit", 1)])
def test_held_request_is_never_answered(simulate: Callable[..., Simulated], when: str, made: int) -> None:
    sim = simulate(faults=(Fault("POST", "/conversations", when=when, do="hold"),))
    contact = sim.contact()
    sim.client.timeout = httpx.Timeout(30, read=0.3)

    with pytest.raises(httpx.ReadTimeout):
        attempt(sim, contact)

    assert sim.workspace.counts()["conversations"] == made


def test_client_is_killed_after_the_commit_and_before_the_answer(sim: Simulated) -> None:
    contact = sim.contact()
    arguments = (
        f"{sim.base_url}/conversations",
        HEADERS,
        {"from": {"type": "user", "id": contact}, "body": "x"},
    )
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT, *map(json.dumps, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    fault = {"method": "POST", "path": "/conversations", "when": "after_commit", "do": f"kill:{client.pid}"}
    httpx.post(f"{sim.base_url}/_simulator/faults", json=fault).raise_for_status()

    output, _ = client.communicate(b"go\n", timeout=60)

    assert (client.returncode, output) == (-signal.SIGKILL, b"")
    assert sim.workspace.counts()["conversations"] == 1


def test_callable_sees_the_request_between_commit_and_answer(simulate: Callable[..., Simulated]) -> None:
    seen = []

    def look(request: object) -> str:
        seen.append((request, sim.workspace.counts()["conversations"]))
        return "status:500"

    sim = simulate(faults=(Fault("POST", "/conversations", when="after_commit", do=look),))

    assert attempt(sim, sim.contact()).status_code == 500
    assert [(request.template, count) for request, count in seen] == [("/conversations", 1)]


def test_fault_counts_only_its_own_requests_by_expression_or_template(
    simulate: Callable[..., Simulated],
) -> None:
    sim = simulate(
        faults=(
            Fault("POST", "/conversations/{conversation_id}/reply", 2, do="status:500", times=2),
            Fault("*", r"/conversations/\d+", 3, do="status:502"),
        )
    )
    conversation = sim.conversation(contact := sim.contact())
    reply = {"message_type": "comment", "type": "user", "intercom_user_id": contact, "body": "x"}

    replies = [sim.client.post(f"/conversations/{conversation}/reply", json=reply).status_code for _ in range(4)]
    reads = [sim.client.get(f"/conversations/{conversation}").status_code for _ in range(4)]

    assert replies == [200, 500, 500, 200]
    assert reads == [200, 200, 502, 200]


def test_fault_after_the_commit_counts_only_accepted_requests(simulate: Callable[..., Simulated]) -> None:
    sim = simulate(faults=(Fault("POST", "/conversations", 2, when="after_commit", do="status:500"),))
    contact = sim.contact()

    assert [attempt(sim, who).status_code for who in (contact, "0" * 24, contact)] == [200, 404, 500]
    assert sim.workspace.counts()["conversations"] == 2


def test_faults_can_be_set_seen_and_cleared_while_it_runs(sim: Simulated) -> None:
    address = f"{sim.base_url}/_simulator/faults"
    httpx.post(address, json=[{"method": "GET", "path": "/me", "nth": 2, "do": "status:500"}]).raise_for_status()
    sim.ok("GET", "/me")

    assert [(fault["path"], fault["seen"], fault["fired"]) for fault in httpx.get(address).json()] == [
        ("/me", 1, False)
    ]
    assert httpx.delete(address).json() == []
    sim.ok("GET", "/me")
    assert httpx.post(address, json={"method": "GET", "path": "/me", "do": "explode"}).status_code == 400


def test_control_surface_costs_no_request_and_is_not_logged(sim: Simulated) -> None:
    httpx.get(f"{sim.base_url}/_simulator/counts").raise_for_status()
    httpx.get(f"{sim.base_url}/_simulator/writes").raise_for_status()

    assert httpx.get(f"{sim.base_url}/_simulator/nothing").status_code == 404
    assert sim.workspace.requests() == []


def test_faults_are_read_from_json_text_or_a_file(tmp_path: Path) -> None:
    text = '[{"method": "POST", "path": "/tags", "nth": 3, "when": "after_commit", "do": "kill:7"}]'
    (tmp_path / "faults.json").write_text(text)

    assert faults_from_json(text) == (Fault("POST", "/tags", 3, "after_commit", "kill:7"),)
    assert faults_from_json(tmp_path / "faults.json") == faults_from_json(text)


@pytest.mark.parametrize(
    "rule",
    [
        {"method": "POST", "path": "/tags", "do": "explode"},
        {"method": "POST", "path": "/tags", "when": "after"},
        {"method": "POST", "path": "/tags", "nth": 0},
        {"method": "POST", "path": "("},
        {"method": "POST"},
        {"method": "POST", "path": "/tags", "colour": "red"},
    ],
)
def test_rule_that_could_never_strike_is_refused(rule: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"fault"):
        faults_from_json(json.dumps([rule]))

"""Faults strike where they are told to, before or after the commit, and nowhere else."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from simulated import HEADERS, Clock, Simulated

from load.simulator import Fault, faults_from_json
from load.simulator.faults import BY_CHANCE

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
        {"method": "POST", "path": "/tags", "when": "after_commit", "do": "cut_sending"},
        {"method": "POST", "path": "/tags", "when": "after_commit", "do": "status:429"},
        {"method": "POST", "path": "/tags", "every": 0},
        {"method": "POST", "path": "/tags", "every": 2, "nth": 2},
        {"method": "POST"},
        {"method": "POST", "path": "/tags", "colour": "red"},
    ],
)
def test_rule_that_could_never_strike_is_refused(rule: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"fault"):
        faults_from_json(json.dumps([rule]))


UNUSABLE = ["truncate", "half_json", "not_json"]


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after_commit", 1)])
@pytest.mark.parametrize("do", UNUSABLE)
def test_unusable_answer_says_nothing_of_what_was_done(
    simulate: Callable[..., Simulated], do: str, when: str, made: int
) -> None:
    sim = simulate(faults=(Fault("POST", "/conversations", when=when, do=do),))
    contact = sim.contact()

    with pytest.raises((httpx.TransportError, ValueError)):  # noqa: PT012 - either of the two fails, by the fault
        answer = attempt(sim, contact)
        assert answer.status_code == 200
        assert "x-ratelimit-remaining" in answer.headers
        answer.json()

    assert sim.workspace.counts()["conversations"] == made
    assert attempt(sim, contact).status_code == 200


def test_truncated_answer_promises_more_than_it_sends(simulate: Callable[..., Simulated]) -> None:
    sim = simulate(faults=(Fault("GET", "/me", do="truncate", when="after_commit"),))

    received = 0
    with sim.client.stream("GET", "/me") as answer, suppress(httpx.TransportError):
        promised = int(answer.headers["content-length"])
        for piece in answer.iter_raw():
            received += len(piece)

    assert received == promised // 2


@pytest.mark.parametrize("when", ["before", "after_commit"])
def test_trickling_answer_is_whole_and_comes_in_pieces(simulate: Callable[..., Simulated], when: str) -> None:
    sim = simulate(faults=(Fault("GET", "/me", 2, when=when, do="trickle:0.08"),))
    whole = sim.ok("GET", "/me")

    with sim.client.stream("GET", "/me") as answer:
        pieces = list(answer.iter_raw())

    assert len(pieces) > 1
    assert json.loads(b"".join(pieces)) == whole


def test_refusal_without_headers_does_not_tell_the_limit(simulate: Callable[..., Simulated]) -> None:
    sim = simulate(faults=(Fault("GET", "/me", 1, do="status:429:bare"), Fault("GET", "/me", 2, do="status:429")))

    bare, told = sim.client.get("/me"), sim.client.get("/me")

    assert (bare.status_code, told.status_code) == (429, 429)
    assert "x-ratelimit-reset" not in bare.headers
    assert told.headers["x-ratelimit-remaining"] == "0"


def test_connection_is_cut_while_the_body_arrives_and_nothing_is_counted(simulate: Callable[..., Simulated]) -> None:
    sim = simulate(rate_limit=2, faults=(Fault("POST", "/conversations", do="cut_sending"),))
    contact = sim.contact()

    with pytest.raises(httpx.TransportError):
        sim.client.post("/conversations", content=b" " * 10_000_000)

    assert sim.workspace.counts()["conversations"] == 0
    assert attempt(sim, contact).status_code == 200
    assert [request["status"] for request in sim.workspace.requests()] == [200, 0, 200]


def test_each_third_request_is_struck(simulate: Callable[..., Simulated]) -> None:
    sim = simulate(faults=(Fault("GET", "/me", do="status:500", every=3),))

    assert [sim.client.get("/me").status_code for _ in range(7)] == [200, 200, 500, 200, 200, 500, 200]


def strikes(sim: Simulated, number: int) -> list[str | None]:
    for _ in range(number):
        with suppress(httpx.TransportError):
            sim.client.get("/tags")
    return [request["fault"] for request in sim.workspace.requests()][-number:]


def test_chance_strikes_a_share_of_all_requests_and_the_same_ones_again(simulate: Callable[..., Simulated]) -> None:
    struck = strikes(simulate(fault_rate=0.5, fault_seed=7), 60)

    assert 20 <= sum(fault is not None for fault in struck) <= 40
    assert len(set(struck)) > 8
    assert struck == strikes(simulate(fault_rate=0.5, fault_seed=7), 60)
    assert struck != strikes(simulate(fault_rate=0.5, fault_seed=8), 60)


def test_chance_has_faults_before_and_after_the_commit_and_none_that_waits_for_a_time_out() -> None:
    assert {(fault.moment, fault.do) for fault in BY_CHANCE} >= {
        ("sending", "cut_sending"),
        ("before", "status:429:bare"),
        ("before", "drop"),
        ("after_commit", "drop"),
        ("after_commit", "status:503"),
        ("after_commit", "truncate"),
    }
    assert "hold" not in {fault.do for fault in BY_CHANCE}


def test_chance_can_be_set_and_ended_while_it_runs(sim: Simulated) -> None:
    address = f"{sim.base_url}/_simulator/faults"
    httpx.put(address, json={"fault_rate": 1.0, "fault_seed": 1}).raise_for_status()
    assert strikes(sim, 10).count(None) < 3  # answers that are only late are not in the log

    httpx.delete(address).raise_for_status()

    assert set(strikes(sim, 10)) == {None}
    assert httpx.put(address, json={"fault_rate": 5}).status_code == 400


def test_forbidden_operation_is_refused_before_anything_is_looked_up(simulate: Callable[..., Simulated]) -> None:
    sim = simulate(
        forbidden=frozenset(
            {"PUT /contacts/{contact_id}", "DELETE /conversations/{conversation_id}?retain_metrics=false"}
        )
    )

    assert sim.refused("PUT", "/contacts/0", {})[:2] == (403, "forbidden")
    assert sim.refused("GET", "/contacts/0")[0] == 404
    assert sim.refused("DELETE", "/conversations/0?retain_metrics=false")[:2] == (403, "forbidden")
    assert sim.refused("DELETE", "/conversations/0")[0] == 404


def test_token_can_be_revoked_while_it_runs(simulate: Callable[..., Simulated]) -> None:
    sim = simulate(faults=(Fault("*", ".*", 2, do="status:401", times=1000),))

    answers = [sim.client.get("/me") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 401, 401]
    assert answers[1].json()["errors"][0]["code"] == "unauthorized"
    assert "x-ratelimit-limit" not in answers[1].headers


def test_limit_changes_and_another_client_takes_of_it_while_it_runs(
    simulate: Callable[..., Simulated], clock: Clock
) -> None:
    sim = simulate(rate_limit=100)
    address = f"{sim.base_url}/_simulator/limit"

    def left() -> int:
        return int(sim.client.get("/me").headers["x-ratelimit-remaining"])

    assert left() == 99
    assert httpx.put(address, json={"limit": 50, "steal": 30}).json()["steal"] == 30
    assert left() == 48
    clock.now += 5
    assert left() == 48 - 15 - 1
    clock.now += 5
    assert left() == 49

    httpx.put(address, json={"without_rate_headers": True}).raise_for_status()
    assert "x-ratelimit-limit" not in sim.client.get("/me").headers
    assert httpx.put(address, json={"limit": 0}).status_code == 400
    assert httpx.put(address, json={"colour": "red"}).status_code == 400
    assert httpx.get(address).json() == {
        "limit": 50, "without_rate_headers": True, "steal": 30, "accepted": 5, "refused": 0
    }  # fmt: skip

"""What holds for every request: who may ask, in which version, how often, and how errors look."""

from collections.abc import Callable
from uuid import UUID

import httpx
import pytest
from simulated import Clock, Simulated

from load.simulator import NotLoopbackError, run_forever


def test_request_without_authorization_gets_401_without_rate_limit_headers(sim: Simulated) -> None:
    response = httpx.get(f"{sim.base_url}/me", headers={"Intercom-Version": "2.16"})

    assert response.status_code == 401
    assert response.json()["errors"] == [{"code": "unauthorized", "message": "Access Token Invalid"}]
    assert not [name for name in response.headers if name.startswith("x-ratelimit")]


def test_only_the_chosen_token_is_accepted_when_one_is_chosen(simulate: Callable[..., Simulated]) -> None:
    sim = simulate(access_token="right")

    assert sim.client.get("/me").status_code == 401
    assert sim.client.get("/me", headers={"Authorization": "Bearer right"}).status_code == 200


def test_me_names_the_workspace(simulate: Callable[..., Simulated]) -> None:
    app = simulate(workspace_id="ab12cd34", region="EU", timezone="Europe/Berlin").ok("GET", "/me")["app"]

    assert (app["id_code"], app["region"], app["timezone"]) == ("ab12cd34", "EU", "Europe/Berlin")


@pytest.mark.parametrize("version", ["2.17", "1.4", "latest", None])
def test_unknown_or_missing_version_is_refused(sim: Simulated, version: str | None) -> None:
    del sim.client.headers["Intercom-Version"]
    headers = {} if version is None else {"Intercom-Version": version}

    response = sim.client.get("/me", headers=headers)

    assert (response.status_code, response.json()["errors"][0]["code"]) == (400, "intercom_version_invalid")


def test_missing_version_means_the_version_of_the_app_when_there_is_one(
    simulate: Callable[..., Simulated],
) -> None:
    sim = simulate(default_version="2.16")
    del sim.client.headers["Intercom-Version"]

    assert sim.client.get("/me").status_code == 200


def test_answer_that_client_does_not_accept_is_406(sim: Simulated) -> None:
    assert sim.client.get("/me", headers={"Accept": "text/html"}).status_code == 406


def test_errors_come_in_the_envelope_with_a_request_id(sim: Simulated) -> None:
    response = sim.client.get("/nothing")

    assert response.json()["type"] == "error.list"
    assert response.json()["errors"][0]["code"] == "not_found"
    assert str(UUID(response.json()["request_id"])) == response.headers["x-request-id"]


@pytest.mark.parametrize("content", [b"{", b"[1]", b'{"name": "\\ud800"}', b'{"name": "x", "id": 1e999}'])
def test_malformed_body_is_the_clients_error(sim: Simulated, content: bytes) -> None:
    assert 400 <= sim.client.post("/tags", content=content).status_code < 500


def test_number_beyond_any_database_is_the_clients_error(sim: Simulated) -> None:
    assert sim.client.get(f"/conversations/{10**40}").status_code == 400


@pytest.mark.parametrize(("method", "path"), [("POST", "/admins"), ("POST", "/teams"), ("PUT", "/teams/5017691")])
def test_teams_and_admins_are_read_only(sim: Simulated, method: str, path: str) -> None:
    assert sim.refused(method, path, {"name": "x"})[0] == 404
    assert [team["name"] for team in sim.ok("GET", "/teams")["teams"]] == ["Support"]


def test_every_authenticated_answer_tells_the_rate_limit_also_a_failed_one(
    simulate: Callable[..., Simulated],
) -> None:
    sim = simulate(rate_limit=3)

    seen = [sim.client.get(path) for path in ("/me", "/nothing", "/admins")]

    assert [answer.headers["x-ratelimit-limit"] for answer in seen] == ["3", "3", "3"]
    assert [answer.headers["x-ratelimit-remaining"] for answer in seen] == ["2", "1", "0"]
    assert {answer.headers["x-ratelimit-reset"] for answer in seen} == {"1800000010"}


def test_request_past_the_limit_gets_429_until_the_window_of_ten_seconds_ends(
    simulate: Callable[..., Simulated], clock: Clock
) -> None:
    sim = simulate(rate_limit=2)
    clock.now += 9.9
    sim.ok("GET", "/me")
    sim.ok("GET", "/me")

    assert sim.refused("POST", "/tags", {"name": "x"}) == (
        429,
        "rate_limit_exceeded",
        "Exceeded rate limit of 2 in 10_seconds",
    )
    clock.now += 0.1
    assert sim.client.get("/me").headers["x-ratelimit-remaining"] == "1"
    assert sim.workspace.counts()["throttled"] == 1
    assert sim.workspace.counts()["tags"] == 0


def test_without_a_limit_there_are_no_headers(simulate: Callable[..., Simulated]) -> None:
    assert "x-ratelimit-limit" not in simulate(rate_limit=None).client.get("/me").headers


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "example.com", "::"])  # noqa: S104 - it is refused
def test_only_loopback_is_served(host: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(NotLoopbackError, match="does not listen on"):
        run_forever(tmp_path_factory.mktemp("w") / "w.sqlite", host=host)

"""What the loader tries on objects that cannot exist, judged by the official description of the API."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
from prism.description import undeclared_keys

from load.lines import VERSION
from load.permissions import PROBES
from load.simulator import Options, Workspace, serve

HEADERS = {"Authorization": "Bearer test", "Intercom-Version": VERSION, "Accept": "application/json"}


def test_every_probe_is_a_valid_request_that_finds_nothing(
    tmp_path: Path, prism: Callable[[str], AbstractContextManager[str]], description: dict[str, Any]
) -> None:
    with (
        Workspace(tmp_path / "intercom.sqlite") as workspace,
        serve(workspace, Options(rate_limit=10**6)) as served,
        prism(served.base_url) as proxied,
        httpx.Client(base_url=proxied, headers=HEADERS) as client,
    ):
        for probe in PROBES:
            answer = client.request(probe.method, probe.path, json=probe.payload or None, params=dict(probe.query))
            violations = json.loads(answer.headers.get("sl-violations", "[]"))
            wrong = [one for one in violations if one["severity"] == "Error" and one["location"][0] == "request"]
            assert wrong == [], probe
            assert undeclared_keys(description, probe.method, probe.path, dict(probe.payload or {})) == [], probe
        assert [request["status"] for request in workspace.requests()] == [404] * len(PROBES)
        assert workspace.accepted_writes() == {}

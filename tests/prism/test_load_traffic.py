"""The loader's whole traffic for a real database, judged by the official description of the API."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
from prism.description import undeclared_keys
from support.pipeline import new_pipeline

from extract.intercom.readback import read_back
from load import silence
from load.client import Client
from load.engine import apply
from load.rollback.owned import Selection
from load.rollback.run import rollback
from load.settings import IntercomSettings, Settings
from load.simulator import Options, Workspace, serve
from otrs2intercom.rehearsal import people_of
from otrs2intercom.verify import targets_of

NAME = "znuny65-mysql-a"


class Recorder(httpx.BaseTransport):
    """Passes requests on and keeps what is wrong with them and with their answers."""

    def __init__(self, description: dict[str, Any]) -> None:
        self._description = description
        self._inner = httpx.HTTPTransport(limits=httpx.Limits(max_connections=16))
        self.exchanges: Counter[str] = Counter()
        self.undeclared: set[str] = set()
        self.violations: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._inner.handle_request(request)
        self.exchanges[request.method] += 1
        if request.content:
            body = json.loads(request.content)
            keys = undeclared_keys(self._description, request.method, request.url.path, body)
            self.undeclared |= {f"{request.method} {request.url.path}: {key}" for key in keys}
        found = json.loads(response.headers.get("sl-violations", "[]"))
        where = f"{request.method} {request.url.path}"
        self.violations += [f"{where}: {violation}" for violation in found if violation["severity"] == "Error"]
        return response

    def close(self) -> None:
        self._inner.close()


@pytest.fixture
def simulated(tmp_path: Path) -> Iterator[tuple[Workspace, str]]:
    with Workspace(tmp_path / "intercom.sqlite") as workspace, serve(workspace, Options(rate_limit=10**6)) as served:
        yield workspace, served.base_url


def test_the_real_load_passes_through_prism_without_a_violation(
    tmp_path: Path,
    simulated: tuple[Workspace, str],
    prism: Callable[[str], AbstractContextManager[str]],
    description: dict[str, Any],
    load_lab_database: Callable[..., str],
) -> None:
    workspace, base_url = simulated
    pipeline = new_pipeline(tmp_path / "run", load_lab_database(NAME), base_url)
    pipeline.run("extract", "otrs")
    admins, teams = people_of(pipeline.warehouse)
    workspace.seed(admins=admins, teams=teams)
    pipeline.run("extract", "intercom")
    pipeline.run("map", "--confirm-all")
    pipeline.run("build")
    recorder = Recorder(description)
    with prism(base_url) as proxied:
        intercom = IntercomSettings("test", proxied, "simulated", purpose="sandbox")
        settings = Settings(intercom, pipeline.warehouse, pipeline.ledger)
        with Client(intercom, transport=recorder) as client:
            result = apply(settings, client=client, acknowledge=silence.ALL)
            targets = targets_of(None, None)
            reading = read_back(client.fetch, pipeline.warehouse, targets, workspace_id="simulated", workers=4)
            assert reading.found == reading.asked > result.written["conversation.create"]
            taken_back = rollback(settings, Selection(everything=True), client=client)
    print(f"{recorder.exchanges.total()} exchanges, {len(recorder.violations)} violations")  # noqa: T201 - the figure
    assert recorder.violations == []
    assert recorder.undeclared == set()
    assert result.left_over == {}
    assert dict(result.written) == result.plan.writes
    assert recorder.exchanges["POST"] > 3000
    assert (taken_back.exit_code, taken_back.kept) == (0, ())
    assert recorder.exchanges["DELETE"] > 500

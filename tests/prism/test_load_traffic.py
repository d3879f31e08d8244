"""The loader's whole traffic for a real database, judged by the official description of the API."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from prism.description import undeclared_keys
from support.pipeline import new_pipeline

from load.client import Client
from load.engine import apply
from load.lines import Lines, Response
from load.settings import IntercomSettings, Settings
from load.simulator import Options, Workspace, serve
from otrs2intercom.rehearsal import people_of

NAME = "znuny65-mysql-a"


class Recorder(Lines):
    """Passes requests on and keeps what is wrong with them and with their answers."""

    def __init__(self, settings: IntercomSettings, description: dict[str, Any]) -> None:
        super().__init__(settings)
        self._description = description
        self.exchanges: Counter[str] = Counter()
        self.undeclared: set[str] = set()
        self.violations: list[str] = []

    def exchange(self, method: str, path: str, content: bytes | None, query: Mapping[str, str] | None) -> Response:
        response = super().exchange(method, path, content, query)
        self.exchanges[method] += 1
        if content:
            keys = undeclared_keys(self._description, method, path, json.loads(content))
            self.undeclared |= {f"{method} {path}: {key}" for key in keys}
        found = json.loads(response.headers.get("sl-violations", "[]"))
        self.violations += [f"{method} {path}: {violation}" for violation in found if violation["severity"] == "Error"]
        return response


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
    with prism(base_url) as proxied:
        intercom = IntercomSettings(access_token="test", base_url=proxied, workspace_id="simulated")
        settings = Settings(intercom, pipeline.warehouse, pipeline.ledger)
        recorder = Recorder(intercom, description)
        with Client(intercom, lines=recorder) as client:
            result = apply(settings, client=client)
            ids = pipeline.sql("select intercom_id from raw_ledger.receipts where kind = 'conversation.create'")
            for (conversation_id,) in ids:
                assert client.fetch(f"/conversations/{conversation_id}") is not None
    print(f"{recorder.exchanges.total()} exchanges, {len(recorder.violations)} violations")  # noqa: T201 - the figure
    assert recorder.violations == []
    assert recorder.undeclared == set()
    assert result.left_over == {}
    assert dict(result.written) == result.plan.writes
    assert recorder.exchanges["POST"] > 3000

"""What is made sure of before anything is sent, and that everything that is wrong is told at once."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from little_plan import WORKSPACE_ID
from rehearsals import Rehearsal, Rehearse

from load import guards, permissions, silence
from load.client import Client
from load.errors import (
    ConfigurationError,
    GateError,
    GuardsError,
    RefusedError,
    SettingsError,
    StorageError,
    UnreachableError,
    WorkspaceError,
)
from load.kinds import KINDS
from load.ledger import Ledger
from load.settings import FileSettings, IntercomSettings
from load.simulator.routes import Router

OF_ROLLBACK = "for rollback of"


def demand(rehearsal: Rehearsal, **more: Any) -> list[str]:
    known = {"acknowledge": silence.ALL, **more}
    return guards.demand(rehearsal.settings, clock=rehearsal.clock, **known)


def operation(probe: permissions.Probe) -> str:
    """The operation of the description, as the simulator's option `forbidden` names it."""
    found = Router().find(probe.method, probe.path)
    assert found is not None, probe
    query = "".join(f"?{name}={value}" for name, value in probe.query.items())
    return f"{probe.method} {found[0].template}{query}"


def test_a_load_that_may_start_is_not_refused_and_the_guards_change_nothing(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    before = rehearsal.content()
    assert demand(rehearsal) == []
    assert rehearsal.content() == before
    assert rehearsal.accepted() == 0
    assert not rehearsal.ledger.exists()


@pytest.mark.parametrize("probe", permissions.PROBES, ids=lambda probe: f"{probe.method} {probe.path} {probe.purpose}")
def test_a_permission_that_is_missing_is_named_before_the_first_write(
    rehearse: Rehearse, probe: permissions.Probe
) -> None:
    rehearsal = rehearse(build=False, forbidden=frozenset({operation(probe)}))
    with Client(rehearsal.settings.intercom, clock=rehearsal.clock) as client:
        lacking, *others = permissions.missing(client, KINDS)
    assert all(one.optional for one in others)
    assert (lacking.permission, lacking.optional, lacking.answer) == (probe.permission, probe.optional, "403 forbidden")
    assert set(probe.kinds) >= set(lacking.kinds)
    assert probe.purpose in lacking.purposes


def test_only_what_the_plan_and_its_rollback_need_is_asked_for(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2), forbidden=frozenset({"POST /contacts/{contact_id}/tags"}))
    assert not [line for line in rehearsal.plan.lines if line.kind == "contact.tag"]
    demand(rehearsal)
    with pytest.raises(WorkspaceError, match=r"Write tags \(for load of contact.tag: 403 forbidden\)"):
        next(guards._permissions(Client(rehearsal.settings.intercom), KINDS))


def test_a_rollback_that_would_be_refused_is_said_before_the_load(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2), forbidden=frozenset({"DELETE /conversations/{conversation_id}"}))
    with pytest.raises(WorkspaceError, match=rf"Write conversations \({OF_ROLLBACK} conversation.create"):
        demand(rehearsal)


def test_what_only_retain_metrics_false_needs_is_a_remark(rehearse: Rehearse) -> None:
    forbidden = frozenset({"DELETE /conversations/{conversation_id}?retain_metrics=false"})
    [remark] = demand(rehearse(tickets=range(1, 2), forbidden=forbidden))
    assert "Delete conversations and metrics" in remark


def test_every_kind_that_is_sent_to_intercom_is_asked_for() -> None:
    probed = {kind for probe in permissions.PROBES for kind in probe.kinds}
    assert probed == set(KINDS) - {"file.store"}


def test_all_that_is_wrong_is_told_at_once(rehearse: Rehearse, monkeypatch: pytest.MonkeyPatch) -> None:
    rehearsal = rehearse(tickets=range(1, 2), region="EU", forbidden=frozenset({"POST /conversations"}))
    rehearsal.plan.keep_outside("film", b"abc")
    rehearsal.build(passed=False)
    monkeypatch.setattr(guards, "further", [_refuse])
    no_space = shutil.disk_usage("/")._replace(free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: no_space)
    with pytest.raises(GuardsError) as refused:
        demand(rehearsal, acknowledge=())
    for word in (
        "6 things",
        "unmapped queues",
        "Write conversations (for load of conversation.create",
        "--acknowledge contact_messages",
        "the disk is too full",
        "FILE_STORAGE__PUBLIC_URL",
        "somebody else's guard",
    ):
        assert word in str(refused.value)
    assert refused.value.exit_code == 3
    assert rehearsal.accepted() == 0


def _refuse(_settings: object) -> None:
    raise RefusedError("somebody else's guard")


def test_without_a_token_what_needs_none_is_still_looked_at(rehearse: Rehearse) -> None:
    rehearsal = rehearse(build=False)
    rehearsal.build(passed=False)
    rehearsal.intercom = {"access_token": ""}
    with pytest.raises(GuardsError, match=r"(?s)INTERCOM__ACCESS_TOKEN.*unmapped queues"):
        demand(rehearsal)


def test_a_token_that_is_not_accepted_is_said_as_such(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2), access_token="another")
    with pytest.raises(ConfigurationError, match="401"):
        demand(rehearsal)


@pytest.mark.parametrize(
    ("base_url", "configured", "there", "word"),
    [
        ("https://api.intercom.io", "", "EU", "set INTERCOM__BASE_URL to https://api.eu.intercom.io"),
        ("https://api.eu.intercom.io", "", "US", "set INTERCOM__BASE_URL to https://api.intercom.io"),
        ("https://api.au.intercom.io", "", "EU", "is the address of AU"),
        ("https://api.eu.intercom.io", "US", "EU", "INTERCOM__REGION is US"),
        ("http://127.0.0.1:1", "eu", "US", "INTERCOM__REGION is eu"),
        ("https://api.eu.intercom.io", "eu", "EU", None),
        ("https://api.intercom.io", "", "US", None),
        ("http://127.0.0.1:1", "", "US", None),
    ],
)
def test_address_settings_and_workspace_agree_about_the_region(
    base_url: str, configured: str, there: str, word: str | None
) -> None:
    settings = IntercomSettings("t", base_url, WORKSPACE_ID, region=configured)
    if word is None:
        guards.check_region(settings, there)
        return
    with pytest.raises(WorkspaceError, match=word):
        guards.check_region(settings, there)


def test_the_region_of_the_workspace_is_looked_at(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2), region="EU")
    rehearsal.intercom = {"region": "AU"}
    with pytest.raises(WorkspaceError, match="in the region EU"):
        demand(rehearsal)


def test_a_region_that_is_none_is_named(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    rehearsal.intercom = {"region": "Europe"}
    with pytest.raises(GuardsError, match="INTERCOM__REGION is Europe: it has to be US, EU, AU"):
        demand(rehearsal)


def test_an_address_where_nothing_answers_is_named_with_its_setting(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    settings = rehearsal.settings
    settings = replace(settings, intercom=replace(settings.intercom, base_url="http://127.0.0.1:9"))
    with pytest.raises(UnreachableError, match=r"The address is http://127.0.0.1:9 \(INTERCOM__BASE_URL\)"):
        guards.demand(settings, acknowledge=silence.ALL, clock=rehearsal.clock)
    assert rehearsal.accepted() == 0


def test_a_ledger_of_another_workspace_is_refused_before_anything_is_tried(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    with Ledger(rehearsal.ledger) as ledger:
        ledger.bind("sandbox", "US")
    with pytest.raises(WorkspaceError, match="belongs to workspace sandbox"):
        demand(rehearsal)
    assert rehearsal.workspace.counts()["requests"] == 1


@pytest.mark.parametrize(("free", "enough"), [(10**10, True), (10**6, False)])
def test_disk_space_for_ledger_receipts_and_files_is_asked_for(
    rehearse: Rehearse, monkeypatch: pytest.MonkeyPatch, free: int, *, enough: bool
) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10**12, 0, free))  # type: ignore[attr-defined]
    if enough:
        assert demand(rehearsal) == []
        return
    with pytest.raises(RefusedError, match=r"the disk is too full: \d+ MB are needed and 1 MB are free for the ledger"):
        demand(rehearsal)


def test_files_under_way_take_two_batches_at_most_or_twice_the_largest_file() -> None:
    batch = 256 * 1024**2
    assert guards.spool_bytes(30, 20) == 40
    assert guards.spool_bytes(10**12, 1000) == 2 * batch * 4 // 3
    assert guards.spool_bytes(10**12, batch * 3) == 6 * batch * 4 // 3


def with_files(rehearse: Rehearse, public_url: str, link: str) -> Callable[..., list[str]]:
    rehearsal = rehearse(tickets=range(1, 2))
    rehearsal.plan.keep_outside("film", b"abc")
    rehearsal.build()
    with duckdb.connect(str(rehearsal.warehouse)) as db:
        db.execute("alter table intercom.stored_files add column link varchar")
        db.execute("update intercom.stored_files set link = ?", [link])

    def asked(url: str = "") -> list[str]:
        files = FileSettings(url or str(rehearsal.folder / "files"), public_url)
        settings = replace(rehearsal.settings, files=files)
        return guards.demand(settings, acknowledge=silence.ALL, clock=rehearsal.clock)

    return asked


def test_files_outside_intercom_need_an_address_for_people(rehearse: Rehearse) -> None:
    with pytest.raises(SettingsError, match="FILE_STORAGE__PUBLIC_URL is not set"):
        with_files(rehearse, "", "files/abc/film.mov")()
    assert with_files(rehearse, "https://files.example.com", "https://files.example.com/abc/film.mov")() == []


def test_links_made_with_another_address_ask_for_a_build(rehearse: Rehearse) -> None:
    with pytest.raises(GateError, match="Run the build again"):
        with_files(rehearse, "https://files.example.com", "https://old.example.com/abc/film.mov")()


@pytest.mark.parametrize("url", ["/nowhere/at/all", "nosuchkind://files"])
def test_a_storage_that_is_not_there_is_refused(rehearse: Rehearse, url: str) -> None:
    with pytest.raises(StorageError, match="FILE_STORAGE__URL"):
        with_files(rehearse, "https://files.example.com", "https://files.example.com/abc/film.mov")(url)


def test_contacts_who_cannot_be_silenced_are_counted(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    with duckdb.connect(str(rehearsal.warehouse)) as db:
        db.execute(
            "create table intercom.contacts_not_silenceable as select 'hold_emails_is_off' as reason from range(3)"
        )
    [remark] = demand(rehearsal)
    assert "Intercom could write to 3 contacts" in remark
    assert "3 hold_emails_is_off" in remark


def test_dead_letters_that_are_tried_again_count_as_due(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    (line,) = (line for line in rehearsal.plan.lines if line.slot == "contact/u2")
    rehearsal.plan.change(line.slot, payload={**line.payload, "email": "no address"})
    rehearsal.build()
    rehearsal.apply()
    with Ledger(rehearsal.ledger) as ledger, ledger.engine.begin() as db:
        db.exec_driver_sql("delete from acknowledgements")
    assert demand(rehearsal, acknowledge=()) == []
    with pytest.raises(RefusedError, match="--acknowledge outbound_messages"):
        demand(rehearsal, acknowledge=(), retry_failed=True)


def test_the_warehouse_is_needed(rehearse: Rehearse) -> None:
    with pytest.raises(GateError, match="there is no warehouse"):
        demand(rehearse(build=False))


def test_a_ledger_goes_into_a_folder_that_exists(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    settings = replace(rehearsal.settings, ledger=Path("/nowhere/ledger.sqlite"))
    with pytest.raises(SettingsError, match="LEDGER__PATH"):
        guards.demand(settings, acknowledge=silence.ALL, clock=rehearsal.clock)

"""Loads with faults of all kinds at random requests and kills at random moments end as if nothing had happened."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from crashes import Stages
from killed import BOUNDARIES, Loads

LOADS = int(os.environ.get("RANDOM_LOADS", "12"))
"""The suite tries some; `RANDOM_LOADS=200` the number that was tried once, as CRASHES.md says."""

FAULT_RATE = 0.05
PASSINGS = 90
"""Intents and receipts of an undisturbed load, about."""


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Stages:
    return Stages.prepare(tmp_path_factory.mktemp("stages"))


@pytest.fixture(scope="module")
def loads() -> Iterator[Loads]:
    with Loads() as started:
        yield started


@pytest.mark.parametrize("seed", range(LOADS))
def test_load_with_faults_and_kills_ends_as_an_undisturbed_one(
    stages: Stages, loads: Loads, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - has to be repeatable
    builds = 2 if seed % 4 == 0 else 1
    with stages.rehearse("start", tmp_path / "case", fault_rate=FAULT_RATE, fault_seed=seed) as rehearsal:
        for build in range(1, builds + 1):
            for _ in range(chance.randrange(3)):
                boundary, number = chance.choice((*BOUNDARIES, "before the answer")), chance.randint(1, PASSINGS)

                def kills_at(process: int, boundary: str = boundary, number: int = number) -> None:
                    if boundary == "before the answer":
                        rule = {"when": "after_commit", "do": f"kill:{process}", "nth": number}
                        fault = {"method": "*", "path": ".*", **rule}
                        httpx.post(f"{rehearsal.base_url}/_simulator/faults", json=fault).raise_for_status()

                code = loads.run(
                    rehearsal.folder,
                    rehearsal.base_url,
                    kills_at,
                    boundary=boundary,
                    passing=number,
                    workers=chance.randint(1, 8),
                )
                assert code in {-9, 0}
                keep_chance_only(rehearsal.base_url, seed)
            result = rehearsal.apply(workers=chance.randint(1, 8))
            assert (result.state, result.exit_code, result.unresolved) == ("finished", 0, 0)
            assert rehearsal.content() == (stages.first if build == 1 else stages.second)
            if build < builds:
                stages.build_again(rehearsal)
        assert rehearsal.apply().plan.total == 0


def keep_chance_only(base_url: str, seed: int) -> None:
    """The process of a kill that has not happened is gone."""
    httpx.delete(f"{base_url}/_simulator/faults").raise_for_status()
    told = {"fault_rate": FAULT_RATE, "fault_seed": seed + 1000}
    httpx.put(f"{base_url}/_simulator/faults", json=told).raise_for_status()

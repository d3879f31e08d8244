"""What all tests of a load share."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rehearsals import Rehearse, rehearsing


@pytest.fixture
def rehearse(tmp_path: Path) -> Iterator[Rehearse]:
    """Return a function that starts a rehearsal; its arguments are those of the simulator's `Options`."""
    with rehearsing(tmp_path) as start:
        yield start


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Return the content of a workspace after a load in which nothing went wrong."""
    with rehearsing(tmp_path_factory.mktemp("undisturbed")) as start:
        rehearsal = start()
        assert rehearsal.apply().exit_code == 0
        return rehearsal.content()

"""A real database, carried through every command once for all tests that look at what came of it."""

import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.pipeline import Loaded, loaded_into_a_workspace
from support.truth import DATABASES, LabDatabase, Truth, read_truth


@pytest.fixture(scope="session")
def lab_database(request: pytest.FixtureRequest) -> LabDatabase:
    """Return the database that a test is parametrised with, by its name."""
    return DATABASES[request.param]


@pytest.fixture(scope="session")
def loaded(
    lab_database: LabDatabase,
    tmp_path_factory: pytest.TempPathFactory,
    otrs_lab: Path,
    load_lab_database: Callable[..., str],
) -> Iterator[Loaded]:
    """Return a database's undisturbed load."""
    folder = tmp_path_factory.mktemp(lab_database.name)
    source = load_lab_database(lab_database.name)
    if lab_database.has_article_files:
        with tarfile.open(otrs_lab / lab_database.article_files) as archive:
            archive.extractall(folder / "otrs", filter="data")
    with loaded_into_a_workspace(folder, source, lab_database.settings(folder / "otrs")) as done:
        yield done


@pytest.fixture(scope="session")
def truth(lab_database: LabDatabase, otrs_lab: Path, load_lab_database: Callable[..., str]) -> Truth:
    """Return what is known of a database."""
    return read_truth(otrs_lab, lab_database, load_lab_database(lab_database.name))

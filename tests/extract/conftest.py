"""Sample databases to extract."""

import shutil
from pathlib import Path

import pytest
from few_tables import Extract, few_tables

from extract.otrs import OtrsExtract, Progress, extract_otrs
from extract.otrs.settings import OtrsSettings
from otrs2intercom.sample import write_sample


@pytest.fixture(scope="session")
def sample_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample OTRS in SQLite, to be copied."""
    path = tmp_path_factory.mktemp("sample") / "otrs.sqlite"
    write_sample(f"sqlite:///{path}", tickets=12, seed=3)
    return path


@pytest.fixture(scope="session")
def extracted_once(sample_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with one generation of the sample, to be copied."""
    path = tmp_path_factory.mktemp("extracted") / "warehouse.duckdb"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("extract.otrs.load_catalogue", few_tables)
        extract_otrs(OtrsSettings(f"sqlite:///{sample_file}"), path)
    return path


@pytest.fixture
def source(sample_file: Path, tmp_path: Path) -> Path:
    """A sample OTRS of the test's own."""
    return Path(shutil.copy(sample_file, tmp_path / "otrs.sqlite"))


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """Where the test's warehouse will be."""
    return tmp_path / "warehouse.duckdb"


@pytest.fixture
def extracted(source: Path, warehouse: Path, extracted_once: Path) -> Path:
    """A warehouse of the test's own that holds its source, as generation 1."""
    assert source.exists()
    return Path(shutil.copy(extracted_once, warehouse))


@pytest.fixture
def extract(monkeypatch: pytest.MonkeyPatch, warehouse: Path) -> Extract:
    """Return ``extract(url)``: fills the test's warehouse from a few tables of a database."""
    monkeypatch.setattr("extract.otrs.load_catalogue", few_tables)

    def run(url: str | Path, progress: Progress | None = None, into: Path = warehouse) -> OtrsExtract:
        address = f"sqlite:///{url}" if isinstance(url, Path) else url
        return extract_otrs(OtrsSettings(address), into, progress)

    return run

"""Where Intercom, the warehouse and the ledger are, by dlt's convention of settings.

Environment, then `.dlt/secrets.toml`, then `.dlt/config.toml`, then the default. Each value is looked up
under its full name only: dlt's resolver also tries shorter names, and `WAREHOUSE__PATH` must never become the
shell's `PATH`.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dlt


@dataclass(frozen=True)
class IntercomSettings:
    """Section `intercom`.

    Attributes:
        access_token: INTERCOM__ACCESS_TOKEN; empty when it is not set.
        base_url: INTERCOM__BASE_URL.
        workspace_id: INTERCOM__WORKSPACE_ID, `app.id_code` of GET /me; empty when it is not set.
        region: INTERCOM__REGION, US, EU or AU; empty when it does not matter.
        search_lag: INTERCOM__SEARCH_LAG, seconds after which a search that finds nothing is believed.
        commit_grace: INTERCOM__COMMIT_GRACE, seconds that a call without answer may still take in Intercom.
        purpose: INTERCOM__PURPOSE, production or sandbox; a production load has to be signed off.
    """

    access_token: str = field(default="", repr=False)
    base_url: str = "https://api.intercom.io"
    workspace_id: str = ""
    region: str = ""
    search_lag: float = 30.0
    commit_grace: float = 5.0
    purpose: str = "production"


@dataclass(frozen=True)
class FileSettings:
    """Section `file_storage`: where files go that are larger than Intercom takes.

    Attributes:
        url: FILE_STORAGE__URL, a folder or a URL of fsspec; empty for the folder `files` beside the warehouse.
        public_url: FILE_STORAGE__PUBLIC_URL, by which people reach it; empty when it is the same.
    """

    url: str = field(default="", repr=False)  # may hold a password
    public_url: str = ""


@dataclass(frozen=True)
class Settings:
    """All settings of this package.

    Attributes:
        intercom: section `intercom`.
        warehouse: WAREHOUSE__PATH, the DuckDB file.
        ledger: LEDGER__PATH, the SQLite file; beside the warehouse unless it is set.
        files: section `file_storage`.
        log: LOG__PATH, the log of all runs; beside the ledger unless it is set.
    """

    intercom: IntercomSettings
    warehouse: Path = Path("warehouse.duckdb")
    ledger: Path = Path("ledger.sqlite")
    files: FileSettings = field(default_factory=FileSettings)
    log: Path | None = None

    @property
    def log_file(self) -> Path:
        """Where each run writes what it does."""
        return self.log or self.ledger.with_name(f"{self.ledger.name}.log.jsonl")

    @property
    def file_folder(self) -> str:
        """Where files go that are larger than Intercom takes."""
        return self.files.url or str(self.warehouse.with_name("files"))


def load_settings() -> Settings:
    """Look all settings up; a missing one keeps its default, and is complained of where it is needed."""
    texts = ("access_token", "base_url", "workspace_id", "region", "purpose")
    intercom = {name: _value(f"intercom.{name}", str) for name in texts}
    seconds = {name: _value(f"intercom.{name}", float) for name in ("search_lag", "commit_grace")}
    files = {name: _value(f"file_storage.{name}", str) or "" for name in ("url", "public_url")}
    paths = {name: _value(f"{name}.path", str) for name in ("warehouse", "ledger", "log")}
    warehouse = Path(paths["warehouse"] or Settings.warehouse)
    return Settings(
        intercom=IntercomSettings(**{k: v for k, v in {**intercom, **seconds}.items() if v is not None}),
        warehouse=warehouse,
        ledger=Path(paths["ledger"]) if paths["ledger"] else warehouse.with_name(Settings.ledger.name),
        files=FileSettings(**files),
        log=Path(paths["log"]) if paths["log"] else None,
    )


def _value(name: str, kind: type) -> Any:
    return dlt.config.get(name, kind)

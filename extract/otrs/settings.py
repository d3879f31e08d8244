"""Where the OTRS database is, by dlt's convention of settings.

`OTRS__CREDENTIALS` in the environment, else `[otrs] credentials` in `.dlt/secrets.toml`, else in
`.dlt/config.toml`. Each value is looked up under its full name only: dlt's resolver would also take a bare
`CREDENTIALS` or `TIMEZONE` of the environment.
"""

from dataclasses import dataclass, field
from pathlib import Path

import dlt
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from extract.errors import SettingsError

EXAMPLE = "mysql+pymysql://reader:password@127.0.0.1:3306/otrs"

NO_FILES = "none"
"""`OTRS__ARTICLE_DIR` of somebody who knows that the files are gone."""


@dataclass(frozen=True)
class OtrsSettings:
    """Section `otrs`.

    Attributes:
        credentials: SQLAlchemy URL of the OTRS database; an account that may only SELECT suffices.
        article_dir: folder of article files, when OTRS keeps them on disk; `none` when they are gone for good.
        timezone: Olson name of OTRSTimeZone, when it stands in Kernel/Config.pm and not in the database.
        trust_timezone: take that zone even where the rows contradict it.
        customers_csv: file of customers who are kept outside this database (LDAP and the like).
        max_rows_per_second: holds the load on the source down; None is as fast as it goes.
    """

    credentials: str = field(repr=False)
    article_dir: str | None = None
    timezone: str | None = None
    trust_timezone: bool = False
    customers_csv: str | None = None
    max_rows_per_second: int | None = None

    def article_folder(self) -> Path | None:
        """Return the folder of article files.

        Raises:
            SettingsError: it is no folder.
        """
        if not self.article_dir or self.article_dir == NO_FILES:
            return None
        folder = Path(self.article_dir)
        if not folder.is_dir():
            raise SettingsError(
                f"OTRS__ARTICLE_DIR names {self.article_dir!r}, which is no folder here. Give the path under which "
                "this machine sees the folder var/article of OTRS, e.g. a mount or a copy."
            )
        return folder

    def url(self) -> URL:
        """Return the URL with the driver that this project ships.

        Raises:
            SettingsError: the text is no SQLAlchemy URL, or of an engine that OTRS does not use.
        """
        try:
            url = make_url(self.credentials)
        except (ArgumentError, ValueError):  # ValueError: the port is no number
            message = f"OTRS__CREDENTIALS is not a database URL. Give it in this form: {EXAMPLE}"
            raise SettingsError(message) from None
        if "@" in (url.host or ""):  # the rest of the password would be taken for the host, and shown
            raise SettingsError(
                "OTRS__CREDENTIALS holds more than one @. Write an @ of the account or password as %40, "
                f"in this form: {EXAMPLE}"
            )
        drivers = {
            "mysql": "mysql+pymysql",
            "mariadb": "mysql+pymysql",
            "postgresql": "postgresql+psycopg",
            "sqlite": "sqlite",
        }
        backend = url.get_backend_name()
        if backend not in drivers:
            raise SettingsError(
                f"OTRS__CREDENTIALS names the engine {backend!r}; this tool reads {', '.join(drivers)}. "
                f"Give it in this form: {EXAMPLE}"
            )
        return url.set(drivername=drivers[backend])


def otrs_settings() -> OtrsSettings:
    """Resolve the settings.

    Raises:
        SettingsError: `OTRS__CREDENTIALS` is set nowhere.
    """
    credentials = dlt.secrets.get("otrs.credentials", str)
    if not credentials:
        raise SettingsError(
            "OTRS__CREDENTIALS is not set: the tool does not know where the OTRS database is. "
            f"Set it in the environment, e.g. export OTRS__CREDENTIALS='{EXAMPLE}', "
            "or as credentials under [otrs] in .dlt/secrets.toml."
        )
    return OtrsSettings(
        credentials=credentials,
        article_dir=dlt.config.get("otrs.article_dir", str),
        timezone=dlt.config.get("otrs.timezone", str),
        trust_timezone=_flag("OTRS__TRUST_TIMEZONE"),
        customers_csv=dlt.config.get("otrs.customers_csv", str),
        max_rows_per_second=_rate("OTRS__MAX_ROWS_PER_SECOND"),
    )


def _flag(variable: str) -> bool:
    value = _given(variable).lower()
    if value not in {"", "true", "false"}:
        raise SettingsError(f"{variable} is {value!r}; it must be true or false.")
    return value == "true"


def _rate(variable: str) -> int | None:
    value = _given(variable)
    if not value:
        return None
    if not value.isdecimal() or int(value) == 0:
        raise SettingsError(f"{variable} is {value!r}; it must be a whole number of rows, e.g. 5000.")
    return int(value)


def _given(variable: str) -> str:
    """Return a setting by the name of its environment variable, wherever it stands; empty when nowhere."""
    value = dlt.config.get(variable.lower().replace("__", "."))
    return "" if value is None else str(value)

"""Where the OTRS database is, by dlt's convention of settings.

`OTRS__CREDENTIALS` in the environment, else `[otrs] credentials` in `.dlt/secrets.toml`, else in
`.dlt/config.toml`. Each value is looked up under its full name only: dlt's resolver would also take a bare
`CREDENTIALS` or `TIMEZONE` of the environment.
"""

from dataclasses import dataclass, field

import dlt
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from extract.errors import SettingsError

EXAMPLE = "mysql+pymysql://reader:password@127.0.0.1:3306/otrs"


@dataclass(frozen=True)
class OtrsSettings:
    """Section `otrs`.

    Attributes:
        credentials: SQLAlchemy URL of the OTRS database; an account that may only SELECT suffices.
        article_dir: folder of article files, when OTRS keeps them on disk.
        timezone: Olson name of OTRSTimeZone, when it stands in Kernel/Config.pm and not in the database.
    """

    credentials: str = field(repr=False)
    article_dir: str | None = None
    timezone: str | None = None

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
    )

"""Registers the project's functions in the DuckDB connection that dbt uses.

Only tables may call them, never views: an analyst's own client reads the result, but does not know them.
"""

from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin

from dbt_project.functions.addresses import e164, last_address
from dbt_project.functions.arrow import SqlFunction
from dbt_project.functions.bodies import html_body, html_text
from dbt_project.functions.yaml import yaml_json

FUNCTIONS = (
    SqlFunction("html_body", ("BLOB", "VARCHAR"), {"value": "VARCHAR"}, html_body),
    SqlFunction("html_text", ("VARCHAR",), {"value": "VARCHAR"}, html_text),
    SqlFunction("last_address", ("VARCHAR",), {"name": "VARCHAR", "address": "VARCHAR"}, last_address),
    SqlFunction("e164", ("VARCHAR",), {"value": "VARCHAR"}, e164),
    SqlFunction("yaml_json", ("VARCHAR",), {"value": "VARCHAR"}, yaml_json),
)


class Plugin(BasePlugin):
    """The plugin that `profiles.yml` names."""

    def configure_connection(self, conn: Any) -> None:
        """Register every function on a new connection."""
        for function in FUNCTIONS:
            function.register(conn)

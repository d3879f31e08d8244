"""Teammates and teams for the simulator, as an administrator would have set them up in the real workspace."""

from pathlib import Path

import duckdb

from load.simulator import Workspace

MIGRATION_ADMIN = {"name": "Migration", "email": "migration@example.com"}
"""The teammate whose access token the loader uses; the first one of the simulated workspace."""


def people_of(warehouse: Path) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Return teammates and teams for the agents and queues that were extracted.

    Every valid agent with an address becomes a teammate, every queue a team. Agents who left have none, as in
    real life.

    Raises:
        duckdb.CatalogException: nothing was extracted yet.
    """
    with duckdb.connect(str(warehouse), read_only=True) as db:
        agents = db.execute(
            "select trim(concat_ws(' ', u.first_name, u.last_name)), min(lower(trim(p.preferences_value)))"
            " from raw_otrs.users u join raw_otrs.user_preferences p"
            " on p.user_id = u.id and p.preferences_key = 'UserEmail'"
            " where u.valid_id = 1 and u.id != 1 and p.preferences_value like '%@%'"
            " group by u.id, 1 order by u.id"
        ).fetchall()
        queues = db.execute("select name from raw_otrs.queue order by id").fetchall()
    admins = {email: {"name": name or email, "email": email} for name, email in agents}
    return [MIGRATION_ADMIN, *admins.values()], [{"name": name} for (name,) in queues]


def seed_from_warehouse(store: Path, warehouse: Path) -> tuple[int, int]:
    """Seed a simulated workspace; returns the numbers of teammates and teams."""
    admins, teams = people_of(warehouse)
    with Workspace(store) as workspace:
        workspace.seed(admins=admins, teams=teams)
    return len(admins), len(teams)

"""Nothing goes to a production workspace that nobody has signed off: this data, with these decisions.

A sign-off names a person, the plan and the mapping by their hashes, and the workspace. It stands in the ledger and
holds for exactly this plan; data or decisions that changed since need another. A sandbox needs none.
"""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, Float, Integer, String, Table, insert, select

from load import warehouse
from load.clock import Clock, SystemClock
from load.errors import GateError, SettingsError, SignOffError, WorkspaceError
from load.ledger import META, Ledger
from load.publish import check_ledger
from load.settings import IntercomSettings, Settings
from load.warehouse import Gate

PURPOSES = ("production", "sandbox")

SIGN_OFFS = Table(
    "sign_offs",
    META,
    Column("sign_off_id", Integer, primary_key=True),
    Column("workspace_id", String, nullable=False),
    Column("name", String, nullable=False),  # of the person who signs, given for this very purpose
    Column("signed_at", Float, nullable=False),
    Column("plan_hash", String, nullable=False),
    Column("mapping_hash", String, nullable=False),
)


@dataclass(frozen=True)
class SignOff:
    """Who signed what off.

    Attributes:
        workspace_id: into which it may be loaded.
        name: of the person.
        signed_at: Unix seconds.
        plan_hash: of the data, `intercom.plan_hash`.
        mapping_hash: of the decisions, as the gate has it.
    """

    workspace_id: str
    name: str
    signed_at: float
    plan_hash: str
    mapping_hash: str

    @property
    def when(self) -> str:
        """The time, for a person."""
        return f"{datetime.fromtimestamp(self.signed_at, UTC):%Y-%m-%d %H:%M} UTC"

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {**asdict(self), "signed_at": datetime.fromtimestamp(self.signed_at, UTC).isoformat()}


def sign_off(settings: Settings, name: str, *, clock: Clock | None = None) -> SignOff:
    """Record that a person has looked at the plan as it is now and wants it loaded.

    Args:
        settings: where everything is; the workspace that is meant.
        name: of the person.
        clock: where time comes from.

    Raises:
        SettingsError: no name, or no workspace in the settings.
        GateError: the data has not passed its tests.
        WorkspaceError: the plan or the ledger is of another workspace.
    """
    clock = clock or SystemClock()
    if not name.strip():
        raise SettingsError('a sign-off needs the name of the person who signs: --name "…"')
    if not settings.intercom.workspace_id:
        raise SettingsError("INTERCOM__WORKSPACE_ID is not set: a sign-off is for one workspace.")
    check_ledger(settings, clock=clock)
    with warehouse.reading(settings.warehouse, clock) as db:
        gate = warehouse.read_gate(db)
    if gate.refusal:
        raise GateError(gate.refusal)
    check_workspace_of_plan(settings.intercom, gate)
    signed = SignOff(settings.intercom.workspace_id, name.strip(), clock.time(), gate.current_hash, gate.mapping_hash)
    with Ledger(settings.ledger, clock=clock) as ledger, ledger.engine.begin() as db:
        db.execute(insert(SIGN_OFFS), asdict(signed))
    return signed


def latest(ledger: Ledger, workspace_id: str) -> SignOff | None:
    """The latest sign-off for a workspace; None when there is none."""
    query = select(SIGN_OFFS).where(SIGN_OFFS.c.workspace_id == workspace_id).order_by(SIGN_OFFS.c.sign_off_id.desc())
    with ledger.engine.connect() as db:
        row = db.execute(query.limit(1)).first()
    return SignOff(row.workspace_id, row.name, row.signed_at, row.plan_hash, row.mapping_hash) if row else None


def refusal(settings: IntercomSettings, ledger: Ledger, gate: Gate) -> str | None:
    """Why this plan may not go to production; None when it may, or when it goes to a sandbox.

    Raises:
        SettingsError: the purpose is neither.
    """
    if settings.purpose not in PURPOSES:
        raise SettingsError(f"INTERCOM__PURPOSE is {settings.purpose!r}: it is {' or '.join(PURPOSES)}.")
    if settings.purpose == "sandbox":
        return None
    found = latest(ledger, settings.workspace_id)
    way_out = 'Look at the plan, then run `sign-off --name "…"`.'
    if found is None:
        return (
            f"nobody has signed this plan off for the production workspace {settings.workspace_id}. {way_out} For a "
            "workspace that is there to try things out, set INTERCOM__PURPOSE to sandbox."
        )
    changed = [
        what
        for what, signed, now in (
            ("data", found.plan_hash, gate.current_hash),
            ("mapping", found.mapping_hash, gate.mapping_hash),
        )
        if signed != now
    ]
    if not changed:
        return None
    return (
        f"the {' and the '.join(changed)} changed since {found.name} signed the plan off for the production workspace "
        f"{settings.workspace_id} on {found.when}. {way_out}"
    )


def check_workspace_of_plan(settings: IntercomSettings, gate: Gate) -> None:
    """Make sure that the plan was made for the workspace of the settings.

    Raises:
        WorkspaceError: it was made for another, or for none.
    """
    why = gate.refusal_for(settings.workspace_id)
    if why:
        raise WorkspaceError(why)


def check_plan(settings: IntercomSettings, ledger: Ledger, gate: Gate) -> None:
    """Make sure that the plan may go to the workspace of the settings.

    Raises:
        WorkspaceError: it was made for another one.
        SignOffError: that is a production workspace, and nobody has signed the plan off.
        SettingsError: the purpose is neither production nor sandbox.
    """
    check_workspace_of_plan(settings, gate)
    why = refusal(settings, ledger, gate)
    if why:
        raise SignOffError(why)

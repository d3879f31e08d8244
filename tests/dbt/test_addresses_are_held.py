"""With `hold_emails` new contacts get their address last; switched on or off, nothing is sent twice or taken away."""

import json
from pathlib import Path

from built_warehouse import Built, Dbt, change, rows

PLAN = ("int_contacts_loaded+,+requests", "stg_intercom__contacts", "contacts_not_silenceable")
PROOFS = ("final_tables_and_the_plan_agree", "refs_point_to_what_the_plan_creates", "fields_are_as_in_the_source")
DUE = """
    select requests.kind, count(*) from intercom.requests left join raw_ledger.receipts using (slot)
    where requests.content_hash is distinct from receipts.content_hash group by all order by all
"""


class Loads:
    """A copy of the warehouse that is built with and without the variable, and loaded as the ledger would say."""

    def __init__(self, built: Built, dbt: Dbt, folder: Path) -> None:
        self.dbt = dbt
        self.warehouse = built.copy(folder)

    def build(self, *, hold: bool) -> None:
        held = ("--vars", json.dumps({"hold_emails": hold}))
        statuses = self.dbt.run(self.warehouse, "run", "--select", *PLAN, *held)
        assert set(statuses.values()) == {"success"}, statuses

    def prove(self) -> None:
        self.dbt.run(self.warehouse, "run", "--select", "fields")
        assert self.dbt.run(self.warehouse, "test", "--select", *PROOFS) == dict.fromkeys(PROOFS, "pass")

    def load(self, but: str = "false") -> None:
        """Everything is sent, but for the requests of which `but` is true."""
        change(
            self.warehouse,
            "insert into raw_ledger.receipts by name select slot, content_hash, payload_hash, kind, creates,"
            " md5(slot) as intercom_id, 'created' as outcome, 1 as receipt_id"
            f" from intercom.requests where slot not in (select slot from raw_ledger.receipts) and not ({but})",
        )

    def due(self) -> dict[str, int]:
        return dict(rows(self.warehouse, DUE))

    def within_reach(self) -> dict[str, int]:
        query = "select reason, count(*) from intercom.contacts_not_silenceable group by all"
        return dict(rows(self.warehouse, query))


def test_addresses_are_held_back_and_given_once_however_the_variable_changes(
    built: Built, dbt: Dbt, tmp_path: Path
) -> None:
    loads = Loads(built, dbt, tmp_path)
    [(addresses,)] = rows(loads.warehouse, "select count(*) from intercom.contacts where email is not null")
    assert addresses > 10
    assert loads.within_reach() == {"hold_emails_is_off": addresses}

    [(known, known_as)] = rows(
        loads.warehouse,
        "select min(email), max(external_id) from intercom.contacts where email is not null and otrs_login is not null",
    )
    change(
        loads.warehouse,
        f"insert into raw_intercom.contacts (id, role, email) values ('c1', 'user', upper('{known}'))",
        f"insert into raw_intercom.contacts (id, role, external_id) values ('c2', 'user', '{known_as}')",
    )
    hashes = "select slot, content_hash from intercom.requests where phase = 3"
    before = dict(rows(loads.warehouse, hashes))
    loads.build(hold=True)
    loads.prove()
    held = dict(rows(loads.warehouse, hashes))
    assert {slot: value.removeprefix("held:") for slot, value in held.items()} == before
    assert held != before
    assert loads.within_reach() == {"the_workspace_knows_the_address": 1, "the_workspace_knows_the_external_id": 1}
    assert loads.due()["contact.email"] == addresses - 2
    planned = rows(
        loads.warehouse,
        "select kind, count(*), min(phase) from intercom.requests where payload ->> '$.email' is not null"
        " group by all order by all",
    )
    assert planned == [("contact.email", addresses - 2, 8), ("contact.upsert", 2, 3)]
    assert rows(loads.warehouse, "select max(phase), max(kind) from intercom.requests where phase > 7") == [
        (8, "contact.email")
    ]

    # Stopped before the last address, and switched off: it is given all the same, and nothing else is due.
    loads.load(but="slot = (select max(slot) from intercom.requests where kind = 'contact.email')")
    loads.build(hold=False)
    assert loads.due() == {"contact.email": 1}
    loads.load()
    loads.build(hold=True)
    assert loads.due() == {}
    assert loads.within_reach() == {"loaded_with_its_address": addresses}


def test_who_was_loaded_with_his_address_stays_so(built: Built, dbt: Dbt, tmp_path: Path) -> None:
    loads = Loads(built, dbt, tmp_path)
    loads.load()
    loads.build(hold=True)
    assert loads.due() == {}
    assert rows(loads.warehouse, "select count(*) from intercom.requests where kind = 'contact.email'") == [(0,)]

"""How many requests a first load will take, reckoned from the source alone.

The plan gives the exact number, but only after an extract and the mapping. This is for the question that comes
first: an evening, or a fortnight?
"""

from collections.abc import Mapping
from dataclasses import dataclass

from extract.otrs.discovery import Scope

RATES = (500, 1_000, 10_000)
"""Requests per minute for which a duration is given."""

DEFINITIONS = 11
"""Attributes of contacts and conversations that the plan creates first (model `data_attributes`)."""

RULE = (
    "Each ticket that is not removed is a conversation (more than 400 messages: several), each article but a "
    "customer's opening one a reply; one more reply for the files of an opening message, and for every ten files of "
    "another. Each conversation takes one request for its attributes, one for its team, one for its teammate if an "
    "agent owns it, one for its state if it is closed, merged or waiting, one for its SLA."
)

UNKNOWN = (
    "Known only after the extract: people who appear in messages alone, messages of others than the ticket's "
    "customer, files on disk, teams and teammates that are missing. Large files take time of their own."
)


@dataclass(frozen=True)
class Estimate:
    """Requests of a first load.

    Attributes:
        requests: writes, by what they are for.
        total: all writes.
        reads_to_verify: reading everything back, a request per conversation, contact and company.
        minutes: duration of the writes by requests per minute.
        rule: how it was reckoned.
        unknown: what it cannot know.
    """

    requests: Mapping[str, int]
    total: int
    reads_to_verify: int
    minutes: Mapping[str, float]
    rule: str = RULE
    unknown: str = UNKNOWN


def estimate(scope: Scope) -> Estimate | None:
    """Reckon the requests; None where the source does not say enough (`Scope.gaps` says why).

    Measured on a database of 363 tickets whose first load took 3,735 writes: see the test for its error.
    """
    threads, tickets, customers = scope.threads, scope.tickets, scope.customers
    if threads is None or tickets is None or customers is None:
        return None
    conversations = threads.tickets + threads.further_parts
    openings = threads.tickets  # the first article, or a header where that isn't the customer's
    headers = threads.tickets - threads.begun_by_customers
    requests = {
        "definitions of attributes and tags": DEFINITIONS + threads.slas,
        "companies": customers.companies,
        "contacts": customers.users + customers.logins_outside + (customers.tickets_without_customer > 0),
        "memberships": customers.memberships,
        "conversations": conversations,
        "replies and notes": threads.articles + headers - openings + threads.messages_for_files,
        "attributes": conversations,
        "assignments": conversations + threads.owned_by_agents,
        "states": tickets.by_state_type.get("closed", 0)
        + tickets.by_state_type.get("merged", 0)
        + tickets.reminders_due_later,
        "tags": threads.with_sla,
    }
    total = sum(requests.values())
    minutes = {str(rate): round(total / rate, 1) for rate in RATES}
    reads_to_verify = conversations + requests["contacts"] + requests["companies"]
    return Estimate(requests, total, reads_to_verify, minutes)

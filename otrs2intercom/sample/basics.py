"""What stands in a database of OTRS before the first ticket: enumerations, agents, queues, customers.

Ids and names of the enumerations are those of OTRS's initial insert.
"""

from dataclasses import dataclass
from typing import Final

from otrs2intercom.sample.clock import START, audit, stamp
from otrs2intercom.sample.configuration import FIELD_CUSTOMER
from otrs2intercom.sample.model import OWN_CLOSED, PRIORITIES, STATE_TYPES, STATES, TYPES
from otrs2intercom.sample.people import AGENTS, People
from otrs2intercom.sample.rows import RowWriter

HISTORY_TYPES: Final = (
    *("NewTicket", "FollowUp", "SendAutoReject", "SendAutoReply", "SendAutoFollowUp", "Forward", "Bounce"),
    *("SendAnswer", "SendAgentNotification", "SendCustomerNotification", "EmailAgent", "EmailCustomer"),
    *("PhoneCallAgent", "PhoneCallCustomer", "AddNote", "Move", "Lock", "Unlock", "Remove", "TimeAccounting"),
    *("CustomerUpdate", "PriorityUpdate", "OwnerUpdate", "LoopProtection", "Misc", "SetPendingTime"),
    *("StateUpdate", "TicketDynamicFieldUpdate", "WebRequestCustomer", "TicketLinkAdd", "TicketLinkDelete"),
    *("SystemRequest", "Merged", "ResponsibleUpdate", "Subscribe", "Unsubscribe", "TypeUpdate"),
    *("ServiceUpdate", "SLAUpdate", "ArchiveFlagUpdate", "EscalationSolutionTimeStop"),
    *("EscalationResponseTimeStart", "EscalationUpdateTimeStart", "EscalationSolutionTimeStart"),
    *("EscalationResponseTimeNotifyBefore", "EscalationUpdateTimeNotifyBefore"),
    *("EscalationSolutionTimeNotifyBefore", "EscalationResponseTimeStop", "EscalationUpdateTimeStop"),
    *("TitleUpdate", "EmailResend"),
)
HISTORY_ID: Final = {name: number for number, name in enumerate(HISTORY_TYPES, start=1)}


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue; times in working minutes, 0 = none; `address_id` is its row of `system_address`."""

    id: int
    name: str
    group_id: int
    calendar: str | None
    first_response: int
    update: int
    solution: int
    address_id: int
    follow_up_id: int
    valid_id: int


QUEUES: Final = (
    Queue(1, "Postmaster", 1, None, 0, 0, 0, 1, 1, 1),
    Queue(5, "Support", 1, "", 60, 240, 1440, 2, 1, 1),
    Queue(6, "Support::Tier 1", 1, "1", 60, 240, 1440, 2, 1, 1),
    Queue(7, "Support::Tier 1::Rückfragen", 1, "1", 120, 0, 2880, 2, 1, 1),
    Queue(8, "Billing", 4, "2", 480, 0, 2880, 3, 2, 1),
    Queue(9, "Sales & Vertrieb", 1, None, 0, 0, 0, 4, 3, 1),
    Queue(10, "Old Queue 2023", 1, None, 0, 0, 0, 1, 1, 2),
)
"""Up to three levels; 2 to 4 of the initial insert were deleted; the last is invalid but holds tickets."""

QUEUE_BY_ID: Final = {queue.id: queue for queue in QUEUES}

QUEUES_THAT_REPLY: Final = (5, 6)
"""Queues with an automatic reply."""

ADDRESSES: Final = {
    1: ("otrs@example.com", "OTRS System"),
    2: ("support@example.com", "Example Support"),
    3: ("billing@example.com", "Example Buchhaltung"),
    4: ("sales@example.org", "Sales"),
}
SERVICES: Final = {1: "IT", 2: "IT::E-Mail", 3: "IT::Drucker & Scanner", 4: "Billing", 5: "IT::Fax"}
SLAS: Final = {1: ("Gold", 30, 120, 480), 2: ("Silver", 120, 480, 1440), 3: ("Bronze", 480, 0, 2880)}
_SERVICE_GIVEN_UP: Final = 5
_GROUPS: Final = ("users", "admin", "stats", "billing")
_BILLING: Final = 4

_NAMED: Final = {
    "valid": ("valid", "invalid", "invalid-temporarily"),
    "ticket_lock_type": ("unlock", "lock", "tmp_lock"),
    "link_type": ("Normal", "ParentChild"),
    "link_state": ("Valid", "Temporary"),
    "ticket_priority": tuple(PRIORITIES.values()),
    "ticket_type": tuple(TYPES.values()),
}
_COMMENTED: Final = {
    "ticket_history_type": HISTORY_TYPES,
    "article_sender_type": ("agent", "system", "customer"),
    "follow_up_possible": ("possible", "reject", "new ticket"),
    "auto_response_type": (*("auto reply", "auto reject", "auto follow up", "auto reply/new ticket", "auto remove"),),
    "groups": _GROUPS,
    "roles": ("First Level", "Back Office"),
}
_TYPE_NAMES: Final = ("new", "open", "closed", "pending reminder", "pending auto", "removed", "merged")
_MIME_TABLES: Final = """\
- article_data_mime
- article_data_mime_plain
- article_data_mime_attachment
- article_data_mime_send_error
"""


def write_basics(out: RowWriter) -> None:
    """Write everything but the configuration, customers and tickets."""
    _enumerations(out)
    _agents(out)
    _queues(out)
    _services(out)


def write_customers(out: RowWriter, people: People) -> None:
    """Write companies and customers with their preferences, second companies and dynamic fields."""
    for number in range(people.companies):
        company = people.company(number)
        address = (company.street, company.zip_code, company.city, company.country)
        head = (company.customer_id, company.name, *address, company.url)
        out.add("customer_company", *head, None, company.valid_id, *audit(START + number % 3600))
        out.flush_if_full()
    for number in range(people.customers):
        _customer(out, people, number)
        out.flush_if_full()
    out.add("customer_preferences", "gone.login", "UserLanguage", "de")  # a deleted customer's stay behind
    for number in range(2):
        context = "Permission::Group::Context::Direct"
        out.add("group_customer", people.company_id(number), 1, "rw", 1, context, *audit())


def _customer(out: RowWriter, people: People, number: int) -> None:
    person = people.customer(number)
    name = (person.title, person.first_name, person.last_name)
    address = (person.street, person.zip_code, person.city, person.country)
    ident = number + 1 + number // 25  # with gaps
    comment = "VIP" if number % 16 == 1 else None
    out.add(
        *("customer_user", ident, person.login, person.email, person.customer_id, None, *name),
        *(person.phone, person.fax, person.mobile, *address, comment, person.valid_id),
        *audit(START + 3600 + number % 3600),
    )
    for preference in person.preferences:
        out.add("customer_preferences", person.login, *preference)
    for service in person.services:
        out.add("service_customer_user", person.login, service, stamp(START), 1)
    if person.extra_company:
        out.add("customer_user_customer", person.login, person.extra_company, *audit())
        out.add("group_customer_user", person.login, 1, "ro", 1, *audit())
    if number % 5 == 0:
        owner = out.next_id("dynamic_field_obj_id_name")
        out.add("dynamic_field_obj_id_name", owner, person.login, "CustomerUser")
        value = out.next_id("dynamic_field_value")
        out.add("dynamic_field_value", value, FIELD_CUSTOMER, owner, f"K-{number:06d}", None, None)


def _enumerations(out: RowWriter) -> None:
    for table, names in _NAMED.items():
        for number, name in enumerate(names, start=1):
            row = (number, name) if table == "valid" else (number, name, 1)
            out.add(table, *row, *audit())
    for table, names in _COMMENTED.items():
        for number, name in enumerate(names, start=1):
            out.add(table, number, name, None, 1, *audit())
    for number, name in enumerate(_TYPE_NAMES, start=1):
        out.add("ticket_state_type", number, name, f"All {name} state types", *audit())
    for number, name in STATES.items():
        valid = 2 if number == OWN_CLOSED else 1
        out.add("ticket_state", number, name, None, STATE_TYPES[number], valid, *audit())
    for number, name in enumerate(("Email", "Phone", "Internal", "Chat"), start=1):
        tables = "- article_data_otrs_chat\n" if name == "Chat" else _MIME_TABLES
        data = f"---\nArticleDataArticleIDField: article_id\nArticleDataTables:\n{tables}".encode()
        module = f"Kernel::System::CommunicationChannel::{name}"
        out.add("communication_channel", number, name, module, "Framework", data, 1, *audit())
    out.add("link_object", 1, "Ticket")


def _agents(out: RowWriter) -> None:
    for key in ("ro", "create", "note"):
        out.add("group_role", 1, 1, key, 1, *audit())
    out.add("group_role", 2, _BILLING, "rw", 1, *audit())
    out.add("group_role", 2, 3, "ro", 0, *audit())  # a row of OTRS <= 4 that grants nothing
    for agent in AGENTS:
        name = (agent.title, agent.first_name, agent.last_name)
        out.add("users", agent.id, agent.login, "{SSHA256}none", *name, agent.valid_id, *audit())
        if agent.email:
            out.add("user_preferences", agent.id, "UserEmail", agent.email.encode())
        out.add("user_preferences", agent.id, "UserLanguage", b"de" if agent.id % 2 else b"en")
        out.add("user_preferences", agent.id, "UserTimeZone", b"Europe/Berlin")
        for group in agent.groups:
            out.add("group_user", agent.id, group, "rw", *audit())
        out.add("role_user", agent.id, 2 if _BILLING in agent.groups else 1, *audit())


def _queues(out: RowWriter) -> None:
    for number, (address, name) in ADDRESSES.items():
        queue_id = next(queue.id for queue in QUEUES if queue.address_id == number)
        out.add("system_address", number, address, name, None, None, queue_id, "", 1, *audit())
    plain, html = "text/plain; charset=utf-8", "text/html; charset=utf-8"
    hello = "Dear <OTRS_CUSTOMER_REALNAME>,\n\nThank you for your request.\n\n"
    out.add("salutation", 1, "system standard salutation (en)", hello, plain, "", 1, *audit())
    hallo = "Sehr geehrte(r) <OTRS_CUSTOMER_REALNAME>,<br/><br/>"
    out.add("salutation", 2, "deutsch", hallo, html, None, 1, *audit())
    team = "\nYour Ticket-Team\n\n <OTRS_Agent_UserFirstname> <OTRS_Agent_UserLastname>\n"
    out.add("signature", 1, "system standard signature (en)", team, plain, "", 1, *audit())
    gruss = "-- \nMit freundlichen Grüßen\n<OTRS_CURRENT_UserFullname>"
    out.add("signature", 2, "deutsch", gruss, plain, None, 1, *audit())
    for queue in QUEUES:
        german = 2 if "ü" in queue.name or "&" in queue.name else 1
        response = (queue.first_response, 80 if queue.first_response else 0)
        solution = (queue.solution, 90 if queue.solution else 0)
        times = (*response, queue.update, 0, *solution)
        mail = (queue.address_id, queue.calendar, None, german, german, queue.follow_up_id, 0)
        out.add("queue", queue.id, queue.name, queue.group_id, 0, *times, *mail, "", queue.valid_id, *audit())
    for number, queue_id in enumerate(QUEUES_THAT_REPLY, start=1):
        out.add("queue_auto_response", number, queue_id, 1, *audit())


def _services(out: RowWriter) -> None:
    for number, name in SERVICES.items():
        out.add("service", number, name, 2 if number == _SERVICE_GIVEN_UP else 1, "", *audit())
    for number, (name, response, update, solution) in SLAS.items():
        calendar = "1" if number == 1 else None
        out.add("sla", number, name, calendar, response, 80, update, 0, solution, 90, 1, "", *audit())
        for service in SERVICES:
            out.add("service_sla", service, number)
    for service in (1, 2):
        out.add("service_customer_user", "<DEFAULT>", service, stamp(START), 1)

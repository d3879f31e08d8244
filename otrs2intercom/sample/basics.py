"""What stands in a database of OTRS before the first ticket: enumerations, queues, agents, fields, configuration.

Ids and names of the enumerations are those of OTRS's initial insert. Everything is dated on the first day of the sample.
"""

from dataclasses import dataclass
from typing import Final

from otrs2intercom.sample.model import PRIORITIES, STATE_TYPES, STATES, TYPES
from otrs2intercom.sample.people import AGENTS, People
from otrs2intercom.sample.rows import Row, RowWriter, stamp

START: Final = 1704096000
"""2024-01-01 08:00:00 UTC: the day of the installation."""

REFERENCE: Final = 1793491200
"""2026-11-01 00:00:00 UTC: no row is younger. Stands in for the clock, so that every run writes the same."""

HISTORY_TYPES: Final = (
    "NewTicket", "FollowUp", "SendAutoReject", "SendAutoReply", "SendAutoFollowUp", "Forward", "Bounce", "SendAnswer",
    "SendAgentNotification", "SendCustomerNotification", "EmailAgent", "EmailCustomer", "PhoneCallAgent",
    "PhoneCallCustomer", "AddNote", "Move", "Lock", "Unlock", "Remove", "TimeAccounting", "CustomerUpdate",
    "PriorityUpdate", "OwnerUpdate", "LoopProtection", "Misc", "SetPendingTime", "StateUpdate",
    "TicketDynamicFieldUpdate", "WebRequestCustomer", "TicketLinkAdd", "TicketLinkDelete", "SystemRequest", "Merged",
    "ResponsibleUpdate", "Subscribe", "Unsubscribe", "TypeUpdate", "ServiceUpdate", "SLAUpdate", "ArchiveFlagUpdate",
    "EscalationSolutionTimeStop", "EscalationResponseTimeStart", "EscalationUpdateTimeStart",
    "EscalationSolutionTimeStart", "EscalationResponseTimeNotifyBefore", "EscalationUpdateTimeNotifyBefore",
    "EscalationSolutionTimeNotifyBefore", "EscalationResponseTimeStop", "EscalationUpdateTimeStop", "TitleUpdate",
    "EmailResend",
)  # fmt: skip
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
"""Up to three levels; 2 to 4 of the initial insert were deleted; the last is invalid but still holds tickets."""

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

FIELD_PROCESS, FIELD_ACTIVITY = 1, 2
FIELD_TEXT, FIELD_AREA, FIELD_CHECK, FIELD_DROP, FIELD_MULTI, FIELD_DATE, FIELD_TIME = range(3, 10)
FIELD_RETIRED, FIELD_CUSTOMER = 10, 12

_FIELDS: Final = (
    (1, 1, "ProcessManagementProcessID", "Process", "ProcessID", "Ticket", "---\nDefaultValue: ''\n", 1),
    (2, 1, "ProcessManagementActivityID", "Activity", "ActivityID", "Ticket", "---\nDefaultValue: ''\n", 1),
    (3, 0, "OrderNumber", "Bestellnummer", "Text", "Ticket",
     "---\nDefaultValue: ''\nLink: https://erp.example.com/[% Data.OrderNumber | uri %]\nLinkPreview: ''\n"
     "RegExList:\n- ErrorMessage: digits only\n  Value: ^[0-9A-Z-]*$\n", 1),
    (4, 0, "RootCause", "Root cause \N{EN DASH} Ursache", "TextArea", "Ticket", "---\nCols: '42'\nDefaultValue: ''\nRows: '7'\n", 1),
    (5, 0, "OnSite", "On site", "Checkbox", "Ticket", "---\nDefaultValue: 0\n", 1),
    (6, 0, "Warranty", "Garantie", "Dropdown", "Ticket",
     "---\nDefaultValue: ''\nLink: ''\nPossibleNone: 1\nPossibleValues:\n  '0': Zero\n  no: no\n  yes: yes\n"
     "  yes::extended: Extended \N{EN DASH} verlängert\nTranslatableValues: 1\nTreeView: 1\n", 1),
    (7, 0, "AffectedSystems", "Affected systems", "Multiselect", "Ticket",
     "---\nDefaultValue: ''\nPossibleNone: 1\nPossibleValues:\n  crm: CRM\n  erp: ERP\n  mail: E-Mail\n"
     "  web;shop|1: Web shop 1\n  öffentlich: Öffentlich\nTranslatableValues: 0\nTreeView: 0\n", 1),
    (8, 0, "DueDate", "Fällig am", "Date", "Ticket",
     "---\nDateRestriction: ''\nDefaultValue: 0\nLink: ''\nYearsInFuture: 5\nYearsInPast: 5\nYearsPeriod: 1\n", 1),
    (9, 0, "VisitAt", "Technician's visit", "DateTime", "Ticket",
     "---\nDateRestriction: ''\nDefaultValue: 86400\nYearsPeriod: 0\n", 1),
    (10, 0, "LegacyReference", "Retired field", "Text", "Ticket", "---\nDefaultValue: ''\n", 2),
    (12, 0, "ErpNumber", "ERP number", "Text", "CustomerUser", "---\nDefaultValue: ''\n", 1),
)  # fmt: skip
FIELD_NAMES: Final = {row[0]: row[2] for row in _FIELDS}

PROCESS: Final = "Process-4d5f2c7a9b1e4c3f8a6d0e1b2c3d4e5f"
ACTIVITIES: Final = ("Activity-11aa22bb33cc44dd55ee66ff77889900", "Activity-22bb33cc44dd55ee66ff7788990011aa")
_DIALOG: Final = "ActivityDialog-33cc44dd55ee66ff7788990011aa22bb"
_TRANSITION: Final = "Transition-44dd55ee66ff7788990011aa22bb33cc"
_ACTION: Final = "TransitionAction-55ee66ff7788990011aa22bb33cc44dd"


def audit(at: int = START, by: int = 1) -> Row:
    """Return the last four columns of most tables: created and changed, when and by whom."""
    return (stamp(at), by, stamp(at), by)


def write_basics(out: RowWriter, people: People) -> None:
    """Write everything but customers and tickets."""
    _enumerations(out)
    _agents(out)
    _queues(out)
    _services(out)
    _templates(out)
    _fields(out)
    _processes(out)
    _configuration(out)
    _calendars(out)
    for number in range(2):
        out.add(
            "group_customer",
            people.company_id(number),
            1,
            "rw",
            1,
            "Permission::Group::Context::Direct",
            *audit(),
        )
    out.add("service_customer_user", "<DEFAULT>", 1, stamp(START), 1)
    out.add("service_customer_user", "<DEFAULT>", 2, stamp(START), 1)


def _enumerations(out: RowWriter) -> None:
    for number, name in enumerate(("valid", "invalid", "invalid-temporarily"), start=1):
        out.add("valid", number, name, *audit())
    state_types = ("new", "open", "closed", "pending reminder", "pending auto", "removed", "merged")
    for number, name in enumerate(state_types, start=1):
        out.add("ticket_state_type", number, name, f"All {name} state types", *audit())
    for number, name in STATES.items():
        valid = 2 if number == 11 else 1  # noqa: PLR2004 - a state of their own that was given up
        out.add("ticket_state", number, name, None, STATE_TYPES[number], valid, *audit())
    for number, name in PRIORITIES.items():
        out.add("ticket_priority", number, name, 1, *audit())
    for number, name in TYPES.items():
        out.add("ticket_type", number, name, 1, *audit())
    for number, name in enumerate(("unlock", "lock", "tmp_lock"), start=1):
        out.add("ticket_lock_type", number, name, 1, *audit())
    for number, name in enumerate(HISTORY_TYPES, start=1):
        out.add("ticket_history_type", number, name, None, 1, *audit())
    for number, name in enumerate(("agent", "system", "customer"), start=1):
        out.add("article_sender_type", number, name, None, 1, *audit())
    mime = "- article_data_mime\n- article_data_mime_plain\n- article_data_mime_attachment\n- article_data_mime_send_error\n"
    for number, name in enumerate(("Email", "Phone", "Internal", "Chat"), start=1):
        tables = "- article_data_otrs_chat\n" if name == "Chat" else mime
        data = f"---\nArticleDataArticleIDField: article_id\nArticleDataTables:\n{tables}".encode()
        module = f"Kernel::System::CommunicationChannel::{name}"
        out.add("communication_channel", number, name, module, "Framework", data, 1, *audit())
    for number, name in enumerate(("possible", "reject", "new ticket"), start=1):
        out.add("follow_up_possible", number, name, None, 1, *audit())
    for number, name in enumerate(("Normal", "ParentChild"), start=1):
        out.add("link_type", number, name, 1, *audit())
    for number, name in enumerate(("Valid", "Temporary"), start=1):
        out.add("link_state", number, name, 1, *audit())
    out.add("link_object", 1, "Ticket")
    replies = ("auto reply", "auto reject", "auto follow up", "auto reply/new ticket", "auto remove")
    for number, name in enumerate(replies, start=1):
        out.add("auto_response_type", number, name, None, 1, *audit())


def _agents(out: RowWriter) -> None:
    groups = ("users", "admin", "stats", "billing")
    for number, name in enumerate(groups, start=1):
        out.add("groups", number, name, f"Group {name}", 1, *audit())
    for number, name in enumerate(("First Level", "Back Office"), start=1):
        out.add("roles", number, name, "", 1, *audit())
    for key in ("ro", "create", "note"):
        out.add("group_role", 1, 1, key, 1, *audit())
    out.add("group_role", 2, 4, "rw", 1, *audit())
    out.add("group_role", 2, 3, "ro", 0, *audit())  # a row of OTRS <= 4 that grants nothing
    for agent in AGENTS:
        out.add(
            "users", agent.id, agent.login, "{SSHA256}not-a-password", agent.title, agent.first_name, agent.last_name,
            agent.valid_id, *audit(),
        )  # fmt: skip
        if agent.email:
            out.add("user_preferences", agent.id, "UserEmail", agent.email.encode())
        out.add("user_preferences", agent.id, "UserLanguage", b"de" if agent.id % 2 else b"en")
        out.add("user_preferences", agent.id, "UserTimeZone", b"Europe/Berlin")
        for group in agent.groups:
            out.add("group_user", agent.id, group, "rw", *audit())
        out.add("role_user", agent.id, 2 if 4 in agent.groups else 1, *audit())  # noqa: PLR2004 - the group billing


def _queues(out: RowWriter) -> None:
    for number, (address, name) in ADDRESSES.items():
        queue = next(queue.id for queue in QUEUES if queue.address_id == number)
        out.add("system_address", number, address, name, None, None, queue, "", 1, *audit())
    hello = "Dear <OTRS_CUSTOMER_REALNAME>,\n\nThank you for your request.\n\n"
    out.add(
        "salutation",
        1,
        "system standard salutation (en)",
        hello,
        "text/plain; charset=utf-8",
        "",
        1,
        *audit(),
    )
    hallo = "Sehr geehrte(r) <OTRS_CUSTOMER_REALNAME>,<br/><br/>"
    out.add("salutation", 2, "deutsch", hallo, "text/html; charset=utf-8", None, 1, *audit())
    team = "\nYour Ticket-Team\n\n <OTRS_Agent_UserFirstname> <OTRS_Agent_UserLastname>\n"
    out.add(
        "signature", 1, "system standard signature (en)", team, "text/plain; charset=utf-8", "", 1, *audit()
    )
    gruss = "-- \nMit freundlichen Grüßen\n<OTRS_CURRENT_UserFullname>"
    out.add("signature", 2, "deutsch", gruss, "text/plain; charset=utf-8", None, 1, *audit())
    for queue in QUEUES:
        german = 2 if queue.id >= 7 else 1  # noqa: PLR2004
        out.add(
            "queue", queue.id, queue.name, queue.group_id, 0, queue.first_response, 80 if queue.first_response else 0,
            queue.update, 0, queue.solution, 90 if queue.solution else 0, queue.address_id, queue.calendar, None, german,
            german, queue.follow_up_id, 0, "", queue.valid_id, *audit(),
        )  # fmt: skip


def _services(out: RowWriter) -> None:
    for number, name in SERVICES.items():
        out.add("service", number, name, 2 if number == 5 else 1, "", *audit())  # noqa: PLR2004 - nobody faxes
    for number, (name, response, update, solution) in SLAS.items():
        calendar = "1" if number == 1 else None
        out.add("sla", number, name, calendar, response, 80, update, 0, solution, 90, 1, "", *audit())
        for service in SERVICES:
            out.add("service_sla", service, number)


def _templates(out: RowWriter) -> None:
    html = "text/html; charset=utf-8"
    out.add(
        "standard_template", 1, "empty answer", "", "text/plain; charset=utf-8", "Answer", "", 1, *audit()
    )
    reset = "Hello <OTRS_CUSTOMER_REALNAME>,<br />your access was <b>reset</b>."
    out.add("standard_template", 2, "Zugang zurückgesetzt", reset, html, "Answer", "", 1, *audit())
    out.add(
        "standard_template",
        3,
        "Internal hand-over",
        "Please take over:",
        "text/plain",
        "Note",
        "",
        1,
        *audit(),
    )
    for queue in QUEUES:
        out.add("queue_standard_template", queue.id, 1, *audit())
    out.add("queue_standard_template", 6, 2, *audit())
    terms = b"%PDF-1.4\n%terms and conditions\n%%EOF\n"
    out.add(
        "standard_attachment", 1, "Terms", "application/pdf", terms, "AGB für Kunden.pdf", "", 1, *audit()
    )
    out.add("standard_template_attachment", 1, 1, 2, *audit())
    reply = "<OTRS_CUSTOMER_REALNAME>,\nthank you. Your number is <OTRS_TICKET_TicketNumber>."
    subject = "RE: <OTRS_CUSTOMER_SUBJECT[24]>"
    out.add("auto_response", 1, "default reply", reply, subject, 1, 2, "text/plain", "", 1, *audit())
    out.add(
        "auto_response",
        2,
        "default reject",
        "Your ticket is closed.",
        subject,
        2,
        2,
        "text/plain",
        "",
        1,
        *audit(),
    )
    for number, queue_id in enumerate(QUEUES_THAT_REPLY, start=1):
        out.add("queue_auto_response", number, queue_id, 1, *audit())


def _fields(out: RowWriter) -> None:
    for number, internal, name, label, kind, owner, config, valid in _FIELDS:
        out.add(
            "dynamic_field",
            number,
            internal,
            name,
            label,
            number,
            kind,
            owner,
            config.encode(),
            valid,
            *audit(),
        )


def _processes(out: RowWriter) -> None:
    first, last = ACTIVITIES
    layout = f"---\n{first}:\n  left: '81'\n  top: '84'\n{last}:\n  left: '597'\n  top: '439'\n"
    config = (
        f"---\nDescription: Hardware order\nPath:\n  {first}:\n    {_TRANSITION}:\n      ActivityEntityID: {last}\n"
        f"      TransitionAction:\n      - {_ACTION}\n  {last}: {{}}\n"
        f"StartActivity: {first}\nStartActivityDialog: {_DIALOG}\n"
    )
    out.add("pm_process", 1, PROCESS, "Hardware-Bestellung", "S1", layout.encode(), config.encode(), *audit())
    started = f"---\nActivityDialog:\n  '1': {_DIALOG}\n"
    out.add("pm_activity", 1, first, "Bestellung prüfen", started.encode(), *audit())
    out.add("pm_activity", 2, last, "Order complete", b"---\nActivityDialog: {}\n", *audit())
    dialog = (
        "---\nDescriptionLong: ''\nDescriptionShort: Approve the order\nFieldOrder:\n- DynamicField_OrderNumber\n"
        "- Article\nFields:\n  Article:\n    Config:\n      CommunicationChannel: Internal\n"
        "      IsVisibleForCustomer: '0'\n    DefaultValue: ''\n    DescriptionShort: ''\n    Display: '1'\n"
        "  DynamicField_OrderNumber:\n    DefaultValue: ''\n    DescriptionShort: ''\n    Display: '2'\n"
        "Interface:\n- AgentInterface\nPermission: rw\nRequiredLock: '1'\nSubmitAdviceText: ''\nSubmitButtonText: Order\n"
    )
    out.add("pm_activity_dialog", 1, _DIALOG, "Freigabe", dialog.encode(), *audit())
    transition = (
        "---\nCondition:\n  '1':\n    Fields:\n      DynamicField_Warranty:\n        Match: yes\n        Type: String\n"
        "    Type: and\nConditionLinking: and\n"
    )
    out.add("pm_transition", 1, _TRANSITION, "Approved", transition.encode(), *audit())
    action = (
        "---\nConfig:\n  State: closed successful\n  UserID: '1'\n"
        "Module: Kernel::System::ProcessManagement::TransitionAction::TicketStateSet\n"
    )
    out.add("pm_transition_action", 1, _ACTION, "Close", action.encode(), *audit())


def _configuration(out: RowWriter) -> None:
    days = ("Mon", "Tue", "Wed", "Thu", "Fri")
    hours = "".join(f"{day}:\n" + "".join(f"- '{hour}'\n" for hour in range(8, 18)) for day in sorted(days))
    working = "---\n" + hours + "Sat: []\nSun: []\n"
    half_days = (
        "---\n" + "".join(f"{day}:\n- '9'\n- '10'\n- '11'\n" for day in sorted(days)) + "Sat: []\nSun: []\n"
    )
    holidays = (
        "---\n'1':\n  '1': New Year's Day\n'12':\n  '25': First Christmas Day\n'5':\n  '1': Labour Day\n"
    )
    once = "---\n'2026':\n  '6':\n    '4': Company outing\n"
    settings = (
        ("FQDN", "Core", "Framework.xml", "--- yourhost.example.com\n", "--- helpdesk.example.com\n"),
        ("OTRSTimeZone", "Core::Time", "Framework.xml", "--- UTC\n", None),
        ("Organization", "Core", "Framework.xml", "--- Example Company\n", "--- Example GmbH & Söhne\n"),
        ("SystemID", "Core", "Framework.xml", "--- 10\n", None),
        ("Ticket::Hook", "Core::Ticket", "Ticket.xml", "--- Ticket#\n", None),
        ("Ticket::Responsible", "Core::Ticket", "Ticket.xml", "--- 0\n", "--- 1\n"),
        ("Ticket::Service", "Core::Ticket", "Ticket.xml", "--- 0\n", "--- 1\n"),
        ("Ticket::Type", "Core::Ticket", "Ticket.xml", "--- 0\n", "--- 1\n"),
        ("TimeVacationDays", "Core::Time", "Framework.xml", holidays, None),
        ("TimeVacationDaysOneTime", "Core::Time", "Framework.xml", "--- {}\n", once),
        ("TimeWorkingHours", "Core::Time", "Framework.xml", working, None),
        ("TimeWorkingHours::Calendar1", "Core::Time::Calendar1", "Framework.xml", working, half_days),
        ("TimeWorkingHours::Calendar2", "Core::Time::Calendar2", "Framework.xml", working, None),
        ("TimeZone::Calendar1", "Core::Time::Calendar1", "Framework.xml", "--- UTC\n", "--- Europe/Berlin\n"),
        (
            "TimeZone::Calendar1Name",
            "Core::Time::Calendar1",
            "Framework.xml",
            "--- Calendar Name 1\n",
            "--- Halbtags\n",
        ),
        ("TimeZone::Calendar2", "Core::Time::Calendar2", "Framework.xml", "--- UTC\n", None),
        (
            "TimeZone::Calendar2Name",
            "Core::Time::Calendar2",
            "Framework.xml",
            "--- Calendar Name 2\n",
            "--- Office\n",
        ),
    )
    for number, (name, navigation, file, default, modified) in enumerate(settings, start=1):
        xml = f'<Setting Name="{name}" Required="1" Valid="1"><Navigation>{navigation}</Navigation></Setting>'
        parsed = f"---\nName: {name}\nNavigation:\n- Content: {navigation}\nRequired: '1'\nValid: '1'\n"
        out.add(
            "sysconfig_default", number, name, b"A setting.", navigation, 0, 0, 1, 1, 100, 0, 0, None, xml.encode(),
            parsed.encode(), file, default.encode(), 0, "0", None, None, *audit(),
        )  # fmt: skip
        if modified is not None:
            ident = out.next_id("sysconfig_modified")
            out.add("sysconfig_modified", ident, number, name, None, 1, 0, modified.encode(), 0, 0, *audit())
    package = (
        b'<?xml version="1.0" encoding="utf-8" ?>\n<otrs_package version="1.1">\n    <Name>Survey</Name>\n'
        b"    <Version>6.0.21</Version>\n    <Framework>6.0.x</Framework>\n</otrs_package>\n"
    )
    out.add(
        "package_repository", 1, "Survey", "6.0.21", "OTRS AG", "installed", "Survey-6.0.21.opm", "text/xml", package,
        *audit(),
    )  # fmt: skip
    root = "[0]{'otrs_stats'}[1]"
    report = {
        "Title": "Tickets pro Queue \N{EN DASH} Monat",
        "Description": "Eigener Bericht",
        "Object": "Ticket",
        "ObjectModule": "Kernel::System::Stats::Dynamic::Ticket",
        "StatNumber": "10001",
        "StatType": "dynamic",
        "Created": stamp(START),
        "CreatedBy": "1",
        "SumRow": "1",
        "SumCol": "0",
        "Valid": "1",
    }
    keys = {f"{root}{{'{key}'}}[1]{{'Content'}}": value for key, value in report.items()}
    keys |= {f"{root}{{'Format'}}[{n}]{{'Content'}}": value for n, value in ((1, "CSV"), (2, "Print"))}
    keys[f"{root}{{'UseAsXvalue'}}[1]{{'Element'}}"] = "QueueIDs"
    keys[f"{root}{{'UseAsXvalue'}}[1]{{'Fixed'}}"] = "1"
    keys |= {f"{root}{{'UseAsXvalue'}}[1]{{'SelectedValues'}}[{n}]{{'Content'}}": str(n + 4) for n in (1, 2)}
    keys[f"{root}{{'UseAsValueSeries'}}[1]{{'Element'}}"] = "StateIDs"
    keys[f"{root}{{'UseAsRestriction'}}[1]{{'Element'}}"] = "CreateTime"
    keys[f"{root}{{'UseAsRestriction'}}[1]{{'TimeRelativeUnit'}}"] = "Month"
    for key, value in keys.items():
        out.add("xml_storage", "Stats", "1", key, value)
        tag = key.rpartition("{")[0]
        if key.endswith("{'Content'}"):
            out.add("xml_storage", "Stats", "1", tag + "{'TagKey'}", tag)


def _calendars(out: RowWriter) -> None:
    out.add("calendar", 1, 1, "Wartung", "a" * 64, "#FF7700", None, 1, *audit())
    for number in range(1, 4):
        day = f"2026-0{number}-10"
        out.add(
            "calendar_appointment", number, None, 1, f"{day.replace('-', '')}T080000-{number:06X}@example.com",
            f"Wartung {number}", "Server \N{EN DASH} Wartung", "RZ", f"{day} 08:00:00", f"{day} 10:00:00", None, None, "", "", 0, "",
            "", None, None, None, 0, None, None, None, None, None, None, None, None, *audit(),
        )  # fmt: skip


def write_customers(out: RowWriter, people: People) -> None:
    """Write companies and customers with their preferences, second companies and dynamic fields."""
    for number in range(people.companies):
        company = people.company(number)
        out.add(
            "customer_company", company.customer_id, company.name, company.street, company.zip_code, company.city,
            company.country, company.url, None, company.valid_id, *audit(START + number % 3600),
        )  # fmt: skip
        out.flush_if_full()
    for number in range(people.customers):
        person = people.customer(number)
        out.add(
            "customer_user", number + 1 + number // 25, person.login, person.email, person.customer_id, None, "",
            person.first_name, person.last_name, person.phone, None, person.mobile, person.street, person.zip_code,
            person.city, person.country, "VIP" if number % 16 == 1 else None, person.valid_id,
            *audit(START + 3600 + number % 3600),
        )  # fmt: skip
        out.add("customer_preferences", person.login, "UserLanguage", person.language)
        if person.extra_company:
            out.add("customer_user_customer", person.login, person.extra_company, *audit())
            out.add("group_customer_user", person.login, 1, "ro", 1, *audit())
        if number % 5 == 0:
            ident = out.next_id("dynamic_field_obj_id_name")
            out.add("dynamic_field_obj_id_name", ident, person.login, "CustomerUser")
            value_id = out.next_id("dynamic_field_value")
            out.add("dynamic_field_value", value_id, FIELD_CUSTOMER, ident, f"K-{number:06d}", None, None)
        out.flush_if_full()
    out.add(
        "customer_preferences", "gone.login", "UserLanguage", "de"
    )  # the preferences of a deleted customer stay

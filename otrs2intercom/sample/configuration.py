"""What administrators set up in OTRS: dynamic fields, a process, templates, settings, a report, a calendar.

The configurations are YAML as OTRS writes it, with bare `yes` and `no` where YAML 1.1 would read a boolean.
"""

from dataclasses import dataclass
from typing import Final

from otrs2intercom.sample.clock import START, audit, stamp
from otrs2intercom.sample.rows import RowWriter

FIELD_PROCESS, FIELD_ACTIVITY = 1, 2
FIELD_TEXT, FIELD_AREA, FIELD_CHECK, FIELD_DROP, FIELD_MULTI, FIELD_DATE, FIELD_TIME = range(3, 10)
FIELD_RETIRED, FIELD_ARTICLE, FIELD_CUSTOMER = 10, 11, 12


@dataclass(frozen=True, slots=True)
class Field:
    """A row of `dynamic_field`."""

    id: int
    name: str
    label: str
    kind: str
    config: str
    owner: str = "Ticket"
    internal: int = 0
    valid_id: int = 1


_EMPTY: Final = "---\nDefaultValue: ''\n"
_ORDER_NUMBER: Final = """\
---
DefaultValue: ''
Link: https://erp.example.com/[% Data.OrderNumber | uri %]
LinkPreview: ''
RegExList:
- ErrorMessage: digits only
  Value: ^[0-9A-Z-]*$
"""
_WARRANTY: Final = """\
---
DefaultValue: ''
Link: ''
PossibleNone: 1
PossibleValues:
  '0': Zero
  no: no
  yes: yes
  yes::extended: Extended \N{EN DASH} verlängert
TranslatableValues: 1
TreeView: 1
"""
_SYSTEMS: Final = """\
---
DefaultValue: ''
PossibleNone: 1
PossibleValues:
  crm: CRM
  erp: ERP
  mail: E-Mail
  web;shop|1: Web shop 1
  öffentlich: Öffentlich
TranslatableValues: 0
TreeView: 0
"""
_DUE: Final = """\
---
DateRestriction: ''
DefaultValue: 0
Link: ''
YearsInFuture: 5
YearsInPast: 5
YearsPeriod: 1
"""
_VISIT: Final = "---\nDateRestriction: ''\nDefaultValue: 86400\nYearsPeriod: 0\n"

FIELDS: Final = (
    Field(FIELD_PROCESS, "ProcessManagementProcessID", "Process", "ProcessID", _EMPTY, internal=1),
    Field(FIELD_ACTIVITY, "ProcessManagementActivityID", "Activity", "ActivityID", _EMPTY, internal=1),
    Field(FIELD_TEXT, "OrderNumber", "Bestellnummer", "Text", _ORDER_NUMBER),
    Field(
        FIELD_AREA,
        "RootCause",
        "Root cause / Ursache",
        "TextArea",
        f"---\nCols: '42'\n{_EMPTY[4:]}Rows: '7'\n",
    ),
    Field(FIELD_CHECK, "OnSite", "On site", "Checkbox", "---\nDefaultValue: 0\n"),
    Field(FIELD_DROP, "Warranty", "Garantie", "Dropdown", _WARRANTY),
    Field(FIELD_MULTI, "AffectedSystems", "Affected systems", "Multiselect", _SYSTEMS),
    Field(FIELD_DATE, "DueDate", "Fällig am", "Date", _DUE),
    Field(FIELD_TIME, "VisitAt", "Technician's visit", "DateTime", _VISIT),
    Field(FIELD_RETIRED, "LegacyReference", "Retired field", "Text", _EMPTY, valid_id=2),
    Field(FIELD_ARTICLE, "DeliveryNote", "Lieferschein", "Text", _EMPTY, owner="Article"),
    Field(FIELD_CUSTOMER, "ErpNumber", "ERP number", "Text", _EMPTY, owner="CustomerUser"),
)
FIELD_NAMES: Final = {field.id: field.name for field in FIELDS}

PROCESS: Final = "Process-4d5f2c7a9b1e4c3f8a6d0e1b2c3d4e5f"
ACTIVITIES: Final = ("Activity-11aa22bb33cc44dd55ee66ff77889900", "Activity-22bb33cc44dd55ee66ff7788990011aa")
_DIALOG: Final = "ActivityDialog-33cc44dd55ee66ff7788990011aa22bb"
_TRANSITION: Final = "Transition-44dd55ee66ff7788990011aa22bb33cc"
_ACTION: Final = "TransitionAction-55ee66ff7788990011aa22bb33cc44dd"
_LAYOUT: Final = f"""\
---
{ACTIVITIES[0]}:
  left: '81'
  top: '84'
{ACTIVITIES[1]}:
  left: '597'
  top: '439'
"""
_PROCESS_CONFIG: Final = f"""\
---
Description: Hardware order
Path:
  {ACTIVITIES[0]}:
    {_TRANSITION}:
      ActivityEntityID: {ACTIVITIES[1]}
      TransitionAction:
      - {_ACTION}
  {ACTIVITIES[1]}: {{}}
StartActivity: {ACTIVITIES[0]}
StartActivityDialog: {_DIALOG}
"""
_DIALOG_CONFIG: Final = """\
---
DescriptionLong: ''
DescriptionShort: Approve the order
FieldOrder:
- DynamicField_OrderNumber
- DynamicField_Warranty
- Article
Fields:
  Article:
    Config:
      CommunicationChannel: Internal
      IsVisibleForCustomer: '0'
    DefaultValue: ''
    DescriptionShort: ''
    Display: '1'
  DynamicField_OrderNumber:
    DefaultValue: ''
    DescriptionShort: ''
    Display: '2'
  DynamicField_Warranty:
    DefaultValue: ''
    DescriptionShort: ''
    Display: '1'
Interface:
- AgentInterface
Permission: rw
RequiredLock: '1'
SubmitAdviceText: ''
SubmitButtonText: Order
"""
_TRANSITION_CONFIG: Final = """\
---
Condition:
  '1':
    Fields:
      DynamicField_Warranty:
        Match: yes
        Type: String
    Type: and
ConditionLinking: and
"""
_ACTION_CONFIG: Final = """\
---
Config:
  State: closed successful
  UserID: '1'
Module: Kernel::System::ProcessManagement::TransitionAction::TicketStateSet
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting: its default, and what the administrators made of it (None = left as it is)."""

    name: str
    navigation: str
    default: str
    modified: str | None = None
    file: str = "Framework.xml"


def _week(first_hour: int, last_hour: int) -> str:
    hours = "".join(f"- '{hour}'\n" for hour in range(first_hour, last_hour + 1))
    days = {day: f"{day}:\n{hours}" for day in ("Mon", "Tue", "Wed", "Thu", "Fri")} | {
        day: f"{day}: []\n" for day in ("Sat", "Sun")
    }
    return "---\n" + "".join(days[day] for day in sorted(days))


_HOLIDAYS: Final = """\
---
'1':
  '1': New Year's Day
'12':
  '25': First Christmas Day
'5':
  '1': Labour Day
"""
_OUTING: Final = "---\n'2026':\n  '6':\n    '4': Company outing\n"
_CORE, _TICKET, _TIME = "Core", "Core::Ticket", "Core::Time"
SETTINGS: Final = (
    Setting("FQDN", _CORE, "--- yourhost.example.com\n", "--- helpdesk.example.com\n"),
    Setting("OTRSTimeZone", _TIME, "--- UTC\n"),
    Setting("Organization", _CORE, "--- Example Company\n", "--- Example GmbH & Söhne\n"),
    Setting("SystemID", _CORE, "--- 10\n"),
    Setting("Ticket::Hook", _TICKET, "--- Ticket#\n", file="Ticket.xml"),
    Setting("Ticket::Responsible", _TICKET, "--- 0\n", "--- 1\n", file="Ticket.xml"),
    Setting("Ticket::Service", _TICKET, "--- 0\n", "--- 1\n", file="Ticket.xml"),
    Setting("Ticket::Type", _TICKET, "--- 0\n", "--- 1\n", file="Ticket.xml"),
    Setting("TimeVacationDays", _TIME, _HOLIDAYS),
    Setting("TimeVacationDaysOneTime", _TIME, "--- {}\n", _OUTING),
    Setting("TimeWorkingHours", _TIME, _week(8, 20)),
    Setting("TimeWorkingHours::Calendar1", f"{_TIME}::Calendar1", _week(8, 20), _week(9, 11)),
    Setting("TimeWorkingHours::Calendar2", f"{_TIME}::Calendar2", _week(8, 20)),
    Setting("TimeZone::Calendar1", f"{_TIME}::Calendar1", "--- UTC\n", "--- Europe/Berlin\n"),
    Setting("TimeZone::Calendar1Name", f"{_TIME}::Calendar1", "--- Calendar Name 1\n", "--- Halbtags\n"),
    Setting("TimeZone::Calendar2", f"{_TIME}::Calendar2", "--- UTC\n"),
    Setting("TimeZone::Calendar2Name", f"{_TIME}::Calendar2", "--- Calendar Name 2\n", "--- Office\n"),
)

_PACKAGE: Final = b"""\
<?xml version="1.0" encoding="utf-8" ?>
<otrs_package version="1.1">
    <Name>Survey</Name>
    <Version>6.0.21</Version>
    <Framework>6.0.x</Framework>
</otrs_package>
"""
_REPORT: Final = {
    "{'Title'}[1]{'Content'}": "Tickets pro Queue und Monat",
    "{'Description'}[1]{'Content'}": "Eigener Bericht",
    "{'Object'}[1]{'Content'}": "Ticket",
    "{'ObjectModule'}[1]{'Content'}": "Kernel::System::Stats::Dynamic::Ticket",
    "{'StatNumber'}[1]{'Content'}": "10001",
    "{'StatType'}[1]{'Content'}": "dynamic",
    "{'Created'}[1]{'Content'}": stamp(START),
    "{'CreatedBy'}[1]{'Content'}": "1",
    "{'SumRow'}[1]{'Content'}": "1",
    "{'SumCol'}[1]{'Content'}": "0",
    "{'Valid'}[1]{'Content'}": "1",
    "{'Format'}[1]{'Content'}": "CSV",
    "{'Format'}[2]{'Content'}": "Print",
    "{'UseAsXvalue'}[1]{'Element'}": "QueueIDs",
    "{'UseAsXvalue'}[1]{'Fixed'}": "1",
    "{'UseAsXvalue'}[1]{'SelectedValues'}[1]{'Content'}": "5",
    "{'UseAsXvalue'}[1]{'SelectedValues'}[2]{'Content'}": "6",
    "{'UseAsValueSeries'}[1]{'Element'}": "StateIDs",
    "{'UseAsRestriction'}[1]{'Element'}": "CreateTime",
    "{'UseAsRestriction'}[1]{'TimeRelativeUnit'}": "Month",
}


def write_configuration(out: RowWriter) -> None:
    """Write all of it, dated on the day of the installation."""
    _fields(out)
    _process(out)
    _templates(out)
    _settings(out)
    _report(out)
    _calendar(out)


def _fields(out: RowWriter) -> None:
    for field in FIELDS:
        head = (field.id, field.internal, field.name, field.label, field.id, field.kind, field.owner)
        out.add("dynamic_field", *head, field.config.encode(), field.valid_id, *audit())


def _process(out: RowWriter) -> None:
    started = f"---\nActivityDialog:\n  '1': {_DIALOG}\n"
    layout, config = _LAYOUT.encode(), _PROCESS_CONFIG.encode()
    out.add("pm_process", 1, PROCESS, "Hardware-Bestellung", "S1", layout, config, *audit())
    out.add("pm_activity", 1, ACTIVITIES[0], "Bestellung prüfen", started.encode(), *audit())
    out.add("pm_activity", 2, ACTIVITIES[1], "Order complete", b"---\nActivityDialog: {}\n", *audit())
    out.add("pm_activity_dialog", 1, _DIALOG, "Freigabe", _DIALOG_CONFIG.encode(), *audit())
    out.add("pm_transition", 1, _TRANSITION, "Approved", _TRANSITION_CONFIG.encode(), *audit())
    out.add("pm_transition_action", 1, _ACTION, "Close", _ACTION_CONFIG.encode(), *audit())


def _templates(out: RowWriter) -> None:
    plain, html = "text/plain; charset=utf-8", "text/html; charset=utf-8"
    reset = "Hello <OTRS_CUSTOMER_REALNAME>,<br />your access was <b>reset</b>."
    out.add("standard_template", 1, "empty answer", "", plain, "Answer", "", 1, *audit())
    out.add("standard_template", 2, "Zugang zurückgesetzt", reset, html, "Answer", "", 1, *audit())
    out.add("standard_template", 3, "Internal hand-over", "Please take over:", plain, "Note", "", 1, *audit())
    for queue, template in ((5, 1), (6, 1), (6, 2), (8, 1)):
        out.add("queue_standard_template", queue, template, *audit())
    terms = b"%PDF-1.4\n%terms and conditions\n%%EOF\n"
    out.add("standard_attachment", 1, "Terms", "application/pdf", terms, "AGB für Kunden.pdf", "", 1, *audit())
    out.add("standard_template_attachment", 1, 1, 2, *audit())
    reply = "<OTRS_CUSTOMER_REALNAME>,\nthank you. Your number is <OTRS_TICKET_TicketNumber>."
    subject = "RE: <OTRS_CUSTOMER_SUBJECT[24]>"
    out.add("auto_response", 1, "default reply", reply, subject, 1, 2, "text/plain", "", 1, *audit())
    reject = "Your ticket is closed."
    out.add("auto_response", 2, "default reject", reject, subject, 2, 2, "text/plain", "", 1, *audit())


def _settings(out: RowWriter) -> None:
    for number, setting in enumerate(SETTINGS, start=1):
        name, where = setting.name, setting.navigation
        xml = f'<Setting Name="{name}" Required="1" Valid="1"><Navigation>{where}</Navigation></Setting>'
        parsed = f"---\nName: {name}\nNavigation:\n- Content: {where}\nRequired: '1'\nValid: '1'\n"
        flags = (0, 0, 1, 1, 100, 0, 0)  # invisible, read-only, required, valid, level, modifiable by users
        out.add(
            *("sysconfig_default", number, name, b"A setting.", where, *flags, None, xml.encode()),
            *(parsed.encode(), setting.file, setting.default.encode(), 0, "0", None, None, *audit()),
        )
        if setting.modified is not None:
            ident, value = out.next_id("sysconfig_modified"), setting.modified.encode()
            out.add("sysconfig_modified", ident, number, name, None, 1, 0, value, 0, 0, *audit())
    out.add(
        *("package_repository", 1, "Survey", "6.0.21", "OTRS AG", "installed", "Survey-6.0.21.opm"),
        *("text/xml", _PACKAGE, *audit()),
    )


def _report(out: RowWriter) -> None:
    root = "[0]{'otrs_stats'}[1]"
    for key, value in _REPORT.items():
        out.add("xml_storage", "Stats", "1", root + key, value)
        if key.endswith("{'Content'}"):
            tag = root + key.removesuffix("{'Content'}")
            out.add("xml_storage", "Stats", "1", tag + "{'TagKey'}", tag)


def _calendar(out: RowWriter) -> None:
    out.add("calendar", 1, 1, "Wartung", "a" * 64, "#FF7700", None, 1, *audit())
    for month in range(1, 4):
        day = f"2026-0{month}-10"
        unique = f"{day.replace('-', '')}T080000-{month:06X}@example.com"
        what = (unique, f"Wartung {month}", "Server, Wartung", "RZ", f"{day} 08:00:00", f"{day} 10:00:00")
        notify = (None, None, "", "", 0, "", "", None)
        recurring = (None, None, 0, None, None, None, None, None, None, None, None)
        out.add("calendar_appointment", month, None, 1, *what, *notify, *recurring, *audit())

"""A second process, with a branch, a way back and several actions: what an administrator has to build anew."""

from typing import Final

from otrs2intercom.sample.clock import audit
from otrs2intercom.sample.rows import RowWriter

_PROCESS: Final = "Process-70a1b2c3d4e5f60718293a4b5c6d7e8f"
_ASK, _DECIDE, _DONE, _UNUSED = (f"Activity-{number}0a1b2c3d4e5f60718293a4b5c6d7e8f" for number in (2, 3, 4, 5))
_ASKING, _DECIDING = (f"ActivityDialog-{number}0a1b2c3d4e5f60718293a4b5c6d7e8f" for number in (2, 3))
_ASKED, _REFUSED, _GRANTED = (f"Transition-{number}0a1b2c3d4e5f60718293a4b5c6d7e8f" for number in (2, 3, 4))
_MOVE, _NOTE, _CLOSE = (f"TransitionAction-{number}0a1b2c3d4e5f60718293a4b5c6d7e8f" for number in (2, 3, 4))
_MODULE: Final = "Kernel::System::ProcessManagement::TransitionAction"

_CONFIG: Final = f"""\
---
Description: Leave request {chr(0x2013)} branching
Path:
  {_ASK}:
    {_ASKED}:
      ActivityEntityID: {_DECIDE}
      TransitionAction:
      - {_MOVE}
  {_DECIDE}:
    {_GRANTED}:
      ActivityEntityID: {_DONE}
      TransitionAction:
      - {_NOTE}
      - {_CLOSE}
    {_REFUSED}:
      ActivityEntityID: {_ASK}
  {_DONE}: {{}}
StartActivity: {_ASK}
StartActivityDialog: {_ASKING}
"""
_ACTIVITIES: Final = {
    _ASK: ("Ask for leave", f"---\nActivityDialog:\n  '1': {_ASKING}\nScope: Global\n"),
    _DECIDE: ("Decide", f"---\nActivityDialog:\n  '1': {_DECIDING}\nScope: Global\n"),
    _DONE: ("Leave is planned", "---\nActivityDialog: {}\nScope: Global\n"),
    _UNUSED: ("Nobody uses this", "---\nActivityDialog: {}\nScope: Global\n"),
}
_DIALOGS: Final = {
    _ASKING: (
        "Request",
        """\
---
DescriptionShort: Ask for leave
FieldOrder:
- DynamicField_DueDate
- Responsible
Fields:
  DynamicField_DueDate:
    DefaultValue: ''
    DescriptionShort: First day
    Display: '2'
  Responsible:
    DefaultValue: ''
    DescriptionShort: Manager
    Display: '2'
Interface:
- AgentInterface
- CustomerInterface
Permission: ''
RequiredLock: '0'
SubmitAdviceText: ''
SubmitButtonText: Ask
""",
    ),
    _DECIDING: (
        "Decision",
        """\
---
DescriptionShort: Grant or refuse
FieldOrder:
- DynamicField_OnSite
Fields:
  DynamicField_OnSite:
    DefaultValue: ''
    DescriptionShort: ''
    Display: '1'
Interface:
- AgentInterface
Permission: rw
RequiredLock: '1'
SubmitAdviceText: ''
SubmitButtonText: Decide
""",
    ),
}
_TRANSITIONS: Final = {
    _ASKED: ("Asked", "DynamicField_DueDate", ".+", "Regexp"),
    _REFUSED: ("Refused", "DynamicField_OnSite", "no", "String"),
    _GRANTED: ("Granted", "DynamicField_OnSite", "yes", "String"),
}
_ACTIONS: Final = {
    _MOVE: ("To the back office", "TicketQueueSet", "  Queue: Billing\n"),
    _NOTE: ("Tell them", "TicketArticleCreate", "  Body: 'Granted: <OTRS_TICKET_Title>'\n  SenderType: agent\n"),
    _CLOSE: ("Close", "TicketStateSet", "  State: closed successful\n"),
}


def write_processes(out: RowWriter) -> None:
    """Write the process after the one that tickets stand in."""
    out.add("pm_process", 2, _PROCESS, "Urlaubsantrag", "S2", b"--- {}\n", _CONFIG.encode(), *audit())
    for number, (entity, (name, config)) in enumerate(_ACTIVITIES.items(), start=3):
        out.add("pm_activity", number, entity, name, config.encode(), *audit())
    for number, (entity, (name, config)) in enumerate(_DIALOGS.items(), start=2):
        out.add("pm_activity_dialog", number, entity, name, config.encode(), *audit())
    for number, (entity, (name, field, match, kind)) in enumerate(_TRANSITIONS.items(), start=2):
        fields = f"    Fields:\n      {field}:\n        Match: {match}\n        Type: {kind}\n    Type: and\n"
        config = f"---\nCondition:\n  '1':\n{fields}ConditionLinking: and\n"
        out.add("pm_transition", number, entity, name, config.encode(), *audit())
    for number, (entity, (name, module, values)) in enumerate(_ACTIONS.items(), start=2):
        config = f"---\nConfig:\n{values}Module: {_MODULE}::{module}\n"
        out.add("pm_transition_action", number, entity, name, config.encode(), *audit())

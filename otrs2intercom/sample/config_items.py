"""Configuration items, as the packages GeneralCatalog and ITSMConfigurationManagement keep them.

Most belong to a company, by its CustomerID or by a customer's login; one names a company that is gone, one belongs to
nobody. One has former versions, one a file. Attributes are flattened into `xml_storage`.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from otrs2intercom.sample.clock import DAY, START, audit, stamp
from otrs2intercom.sample.people import People
from otrs2intercom.sample.rows import RowWriter

_COMPUTERS, _CONTRACTS = 1, 2
_IN_USE, _RETIRED, _WORKING, _BROKEN, _YES, _NO, _LAPTOP, _SERVER = range(3, 11)
_CATALOG: Final = {
    _COMPUTERS: ("ITSM::ConfigItem::Class", "Computer"),
    _CONTRACTS: ("ITSM::ConfigItem::Class", "Wartungsvertrag"),
    _IN_USE: ("ITSM::ConfigItem::DeploymentState", "Production"),
    _RETIRED: ("ITSM::ConfigItem::DeploymentState", "Retired"),
    _WORKING: ("ITSM::Core::IncidentState", "Operational"),
    _BROKEN: ("ITSM::Core::IncidentState", "Incident"),
    _YES: ("ITSM::ConfigItem::YesNo", "Yes"),
    _NO: ("ITSM::ConfigItem::YesNo", "No"),
    _LAPTOP: ("ITSM::ConfigItem::Computer::Type", "Laptop"),
    _SERVER: ("ITSM::ConfigItem::Computer::Type", "Server"),
}
_PREFERENCES: Final = (
    (_COMPUTERS, "Permission", "1"),
    (_CONTRACTS, "Permission", "4"),
    (_IN_USE, "Functionality", "productive"),
    (_RETIRED, "Functionality", "postproductive"),
    (_WORKING, "Functionality", "operational"),
    (_BROKEN, "Functionality", "incident"),
)
_DEFINITIONS: Final = {
    _COMPUTERS: """\
---
- Key: Type
  Name: Type
  Searchable: 1
  Input:
    Type: GeneralCatalog
    Class: ITSM::ConfigItem::Computer::Type
    Translation: 1
- Key: CustomerID
  Name: Customer Company
  Input:
    Type: CustomerCompany
- Key: Owner
  Name: Owner
  Input:
    Type: Customer
- Key: InstallDate
  Name: Install Date
  Input:
    Type: Date
    YearPeriodPast: 20
- Key: HardDisk
  Name: Hard Disk
  Input:
    Type: Text
    Size: 50
  CountMax: 10
  Sub:
  - Key: Capacity
    Name: Capacity
    Input:
      Type: Text
  - Key: Encrypted
    Name: Encrypted
    Input:
      Type: GeneralCatalog
      Class: ITSM::ConfigItem::YesNo
- Key: Admin
  Name: Administrator
  Input:
    Type: User
""",
    _CONTRACTS: """\
---
- Key: ContractNo
  Name: Contract number
  Input:
    Type: Text
    Required: 1
- Key: Kunde
  Name: Customer company
  Input:
    Type: CustomerCompany
- Key: Ende
  Name: End
  Input:
    Type: DateTime
""",
}

_LINK_OBJECT, _TICKET, _RELEVANT_TO, _DEPENDS_ON = 21, 1, 21, 22
"""Ids that leave room for the links of tickets; OTRS makes its own on first use."""

_PHOTO: Final = b"\x89PNG\r\n\x1a\n" + bytes(range(64))


def write_config_items(out: RowWriter, people: People) -> None:
    """Write classes, their definitions, and the items of the first companies and customers."""
    for number, (of, name) in _CATALOG.items():
        out.add("general_catalog", number, of, name, 1, None, *audit())
    for preference in _PREFERENCES:
        out.add("general_catalog_preferences", *preference)
    for number, (class_id, text) in enumerate(_DEFINITIONS.items(), start=1):
        out.add("configitem_definition", number, class_id, text.encode(), 1, stamp(START), 1)
    for number, (class_id, name, values) in enumerate(_items(people), start=1):
        _item(out, number, class_id, name, values)
    _links(out)
    _file(out)


def _items(people: People) -> Iterator[tuple[int, str, Mapping[str, str]]]:
    """Yield class, name and attributes."""
    for number in range(6):
        yield (
            _COMPUTERS,
            f"PC-{number + 1:03d}",
            {
                "{'Type'}[1]": str(_LAPTOP if number % 2 else _SERVER),
                "{'CustomerID'}[1]": people.company_id(number % 2),
                "{'Owner'}[1]": people.customer(number).login,
                "{'InstallDate'}[1]": f"2024-02-{number + 10}",
                "{'HardDisk'}[1]": "SSD 1",
                "{'HardDisk'}[1]{'Capacity'}[1]": "512 GB",
                "{'HardDisk'}[1]{'Encrypted'}[1]": str(_YES),
                "{'HardDisk'}[2]": "SSD 2",
                "{'HardDisk'}[2]{'Capacity'}[1]": "1 TB",
                "{'HardDisk'}[2]{'Encrypted'}[1]": str(_NO),
                "{'Admin'}[1]": "2",
            },
        )
    yield _COMPUTERS, "PC-owned", {"{'Type'}[1]": str(_LAPTOP), "{'Owner'}[1]": people.customer(0).login}
    yield _COMPUTERS, "PC-spare", {"{'Type'}[1]": str(_LAPTOP)}
    contract = {"{'ContractNo'}[1]": "V-1", "{'Ende'}[1]": "2027-12-31 23:59:00"}
    yield _CONTRACTS, "Vertrag 1 \N{EN DASH} Büro", {**contract, "{'Kunde'}[1]": people.company_id(0)}
    yield _CONTRACTS, "Vertrag 2", {**contract, "{'Kunde'}[1]": "GONE-COMPANY"}


def _item(out: RowWriter, number: int, of: int, name: str, values: Mapping[str, str]) -> None:
    """Write an item; the first one was renamed twice."""
    versions = 3 if number == 1 else 1
    created = START + number * DAY
    last = 0
    for version in range(1, versions + 1):
        last = out.next_id("configitem_version")
        state = _BROKEN if version < versions else _WORKING
        shown = name if version == versions else f"{name} (v{version})"
        at = stamp(created + version * DAY)
        out.add("configitem_version", last, number, shown, of, _IN_USE, state, at, 1)
        kind = "ITSM::ConfigItem" if version == versions else "ITSM::ConfigItem::Archiv"
        _values(out, f"{kind}::{of}", str(last), values)
    numbers = f"10{of:02d}{number:06d}"
    out.add("configitem", number, numbers, of, last, _IN_USE, _WORKING, *audit(created))


def _values(out: RowWriter, kind: str, key: str, values: Mapping[str, str]) -> None:
    root = "[1]{'Version'}[1]"
    for tag in ("[1]", root):
        out.add("xml_storage", kind, key, tag + "{'TagKey'}", tag)
    for path, value in values.items():
        out.add("xml_storage", kind, key, f"{root}{path}{{'Content'}}", value)
        out.add("xml_storage", kind, key, f"{root}{path}{{'TagKey'}}", root + path)


def _links(out: RowWriter) -> None:
    out.add("link_object", _LINK_OBJECT, "ITSMConfigItem")
    out.add("link_type", _RELEVANT_TO, "RelevantTo", 1, *audit())
    out.add("link_type", _DEPENDS_ON, "DependsOn", 1, *audit())
    created = (1, stamp(START + DAY), 1)
    out.add("link_relation", _LINK_OBJECT, "1", _TICKET, "1", _RELEVANT_TO, *created)
    out.add("link_relation", _LINK_OBJECT, "2", _LINK_OBJECT, "1", _DEPENDS_ON, *created)


def _file(out: RowWriter) -> None:
    path = "ConfigItem/1/photo.png"
    out.add("virtual_fs", 1, path, "Kernel::System::VirtualFS::DB", "FileID=1;Mode=binary;", stamp(START + DAY))
    preferences = {"ContentType": "image/png", "FilesizeRaw": str(len(_PHOTO)), "ConfigItemID": "1"}
    for name, value in preferences.items():
        out.add("virtual_fs_preferences", 1, name, value)
    out.add("virtual_fs_db", 1, path, _PHOTO, stamp(START + DAY))

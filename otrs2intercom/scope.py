"""Shows the scope of a migration to a person: numbers and names of things, never of people."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from extract.otrs.discovery import Attachments, Customers, DynamicField, Scope, Tickets, Used
from otrs2intercom.estimate import Estimate
from otrs2intercom.screen import size

NAMES_SHOWN = 6
"""Names in a line; the rest is counted. `--json` has them all."""

FIELDS_SHOWN = 60
"""Dynamic fields in the table."""


def show_scope(scope: Scope, estimate: Estimate | None, console: Console) -> None:
    """Print it."""
    for title, block in _blocks(scope, estimate):
        console.print(Text(title, style="bold"))
        console.print(block)
        console.print()


def _blocks(scope: Scope, estimate: Estimate | None) -> Iterator[tuple[str, RenderableType]]:
    yield "The system", _lines(_system(scope))
    yield "What there is", _lines(_volumes(scope))
    if scope.articles:
        yield "Articles", _articles(scope)
    if scope.attachments:
        yield "Attachments in the database", _sizes(scope.attachments)
    if scope.dynamic_fields:
        yield "Dynamic fields", _fields(scope.dynamic_fields)
    if estimate:
        yield "Requests of a first load, estimated", _requests(estimate)


def _lines(lines: Iterable[tuple[str, str]]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for name, text in lines:
        table.add_row(name, escape(text))
    return table


def _system(scope: Scope) -> Iterator[tuple[str, str]]:
    yield "version", f"{scope.product} {scope.version}, on {scope.engine}"
    until = f" {scope.support.ends}" if scope.support.ends else ""
    yield "security fixes", f"{scope.support.status}{until}: {scope.support.note}"
    yield "time zone", f"{scope.time_zone} ({scope.time_zone_evidence})"
    yield "files", f"{scope.article_storage} ({scope.article_storage_evidence})"
    if scope.article_files:
        files = scope.article_files
        yield "files on disk", f"{files.files:,} ({size(files.bytes)}), {files.missing:,} expected and not there"
    if scope.packages:
        yield "add-on packages", _some([f"{package.name} {package.version}" for package in scope.packages])
    else:
        yield "add-on packages", _absent(scope, "packages", "none")


def _volumes(scope: Scope) -> Iterator[tuple[str, str]]:
    yield from _tickets(scope.tickets) if scope.tickets else [("tickets", _absent(scope, "tickets"))]
    for name, used in (
        ("queues", scope.queues),
        ("types", scope.types),
        ("priorities", scope.priorities),
        ("services", scope.services),
        ("SLAs", scope.slas),
    ):
        yield name, _used(used) if used else _absent(scope, name.lower(), "none")
    if scope.agents:
        agents = scope.agents
        unlike = f"{agents.without_address:,} without address, {agents.sharing_an_address:,} sharing one"
        yield "agents", f"{agents.total:,}, {agents.valid:,} valid; {unlike}"
    yield from _customers(scope.customers) if scope.customers else [("customers", _absent(scope, "customers"))]
    in_processes = sum(process.tickets for process in scope.processes)
    processes = _some([f"{process.name} ({process.state}) {process.tickets:,}" for process in scope.processes])
    yield (
        "processes",
        f"{len(scope.processes):,} with {in_processes:,} tickets: {processes}"
        if scope.processes
        else _absent(scope, "processes", "none"),
    )
    items = _counts(scope.config_items)
    yield (
        "configuration items",
        f"{sum(scope.config_items.values()):,}: {items}" if items else _absent(scope, "config_items", "none"),
    )
    yield "stats reports", f"{scope.stats:,}" if scope.stats is not None else _absent(scope, "stats")
    yield "further", _counts(scope.others)
    if scope.unknown_tables:
        yield "unknown tables", _counts(scope.unknown_tables)


def _tickets(tickets: Tickets) -> Iterator[tuple[str, str]]:
    yield "tickets", f"{tickets.total:,}: {_counts(tickets.by_state_type)}; {tickets.archived:,} archived"
    yield "tickets by year", ", ".join(f"{year}: {number:,}" for year, number in tickets.by_year.items())


def _customers(customers: Customers) -> Iterator[tuple[str, str]]:
    yield "customers", f"{customers.users:,}, {customers.valid_users:,} valid"
    yield "companies", f"{customers.companies:,}, {customers.valid_companies:,} valid"
    supplied = (
        f", {customers.logins_in_csv:,} of them in OTRS__CUSTOMERS_CSV ({customers.tickets_in_csv:,} tickets)"
        if customers.logins_in_csv
        else ""
    )
    outside = f"{customers.logins_outside:,} logins without a row, {customers.tickets_outside:,} tickets{supplied}"
    yield "customers elsewhere", f"{outside}; {customers.tickets_without_customer:,} tickets without any customer"


def _used(used: Sequence[Used]) -> str:
    unused = [one.name for one in used if not one.tickets]
    invalid = [f"{one.name} ({one.tickets:,})" for one in used if one.tickets and not one.is_valid]
    told = [f"{len(used):,}, {len(used) - len(unused):,} used"]
    if invalid:
        told.append(f"invalid and used: {_some(invalid)}")
    if unused:
        told.append(f"unused: {_some(unused)}")
    return "; ".join(told)


def _articles(scope: Scope) -> RenderableType:
    table = _table("channel", "sender", "customer sees it", "articles")
    table.columns[3].justify = "right"
    seen = {True: "yes", False: "no", None: "not known"}
    for group in scope.articles:
        table.add_row(escape(group.channel), escape(group.sender), seen[group.is_visible], f"{group.articles:,}")
    table.add_row("all", "", "", f"{sum(group.articles for group in scope.articles):,}", style="bold")
    return table


def _sizes(attachments: Attachments) -> RenderableType:
    table = _table("size", "files", "together")
    for column in table.columns[1:]:
        column.justify = "right"
    for found in attachments.sizes:
        table.add_row(found.name, f"{found.files:,}", size(found.bytes))
    if attachments.without_size:
        table.add_row("unknown", f"{attachments.without_size:,}", "")
    table.add_row("all", f"{attachments.files:,}", size(attachments.bytes), style="bold")
    return Group(
        table,
        _quiet(
            f"{attachments.bodies:,} of them are the articles' own texts; beside them {attachments.mails:,} raw mails. "
            f"Sizes: {attachments.measured}."
        ),
    )


def _fields(fields: Sequence[DynamicField]) -> RenderableType:
    table = _table("object", "type", "name", "", "filled", "of", "%")
    for column in table.columns[4:]:
        column.justify = "right"
    for found in fields[:FIELDS_SHOWN]:
        notes = ", ".join(
            note for note, holds in (("shipped", found.is_shipped), ("invalid", not found.is_valid)) if holds
        )
        of = f"{found.objects:,}" if found.objects is not None else "?"
        table.add_row(
            escape(found.object_type),
            escape(found.field_type),
            escape(found.name),
            notes,
            f"{found.filled:,}",
            of,
            _share(found.rate),
        )
    if len(fields) <= FIELDS_SHOWN:
        return table
    return Group(table, _quiet(f"and {len(fields) - FIELDS_SHOWN:,} more; --json lists them all"))


def _share(rate: float | None) -> str:
    if rate is None:
        return ""
    return "<1%" if 0 < rate < 0.01 else f"{rate:.0%}"  # noqa: PLR2004 - one percent


def _requests(estimate: Estimate) -> RenderableType:
    table = _table("for", "requests")
    table.columns[1].justify = "right"
    for name, number in estimate.requests.items():
        table.add_row(name, f"{number:,}")
    table.add_row("all", f"{estimate.total:,}", style="bold")
    times = ", ".join(f"{_duration(minutes)} at {int(rate):,}" for rate, minutes in estimate.minutes.items())
    return Group(
        table,
        Text(f"That takes {times} requests per minute; `verify` reads {estimate.reads_to_verify:,} more."),
        _quiet(f"{estimate.rule} {estimate.unknown}"),
    )


def _duration(minutes: float) -> str:
    if minutes < 1:
        return f"{minutes * 60:.0f} s"
    if minutes < 120:  # noqa: PLR2004 - up to two hours, minutes are easier to read
        return f"{minutes:.0f} min"
    return f"{minutes / 60:,.1f} h" if minutes < 48 * 60 else f"{minutes / 60 / 24:,.1f} days"


def _table(*columns: str) -> Table:
    table = Table(*columns, box=None, pad_edge=False, header_style="dim")
    for column in table.columns:
        column.overflow = "fold"
    return table


def _quiet(text: str) -> Text:
    return Text(text, style="dim")


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in counts.items())


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more


def _absent(scope: Scope, what: str, otherwise: str = "not known") -> str:
    return scope.gaps.get(what, otherwise)

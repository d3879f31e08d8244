"""One request as the handlers see it."""

import base64
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from load.simulator.options import Options
from load.simulator.rules import Refusal, invalid


@dataclass(frozen=True)
class Call:
    """A request inside its transaction.

    Attributes:
        tx: the open transaction.
        options: of the workspace.
        instant: seconds since 1970, with fractions.
        origin: where the simulator can be reached, for links to files.
        params: of the path.
        query: of the address.
        body: the JSON object that was sent; empty when there was none.
    """

    tx: sqlite3.Connection
    options: Options
    instant: float
    origin: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def now(self) -> int:
        """The second that Intercom would write."""
        return int(self.instant)

    @property
    def plain(self) -> bool:
        """Whether bodies are wanted as text."""
        return self.query.get("display_as") == "plaintext"

    def row(self, sql: str, *bound: Any) -> sqlite3.Row | None:
        """The first row."""
        found: sqlite3.Row | None = self.tx.execute(sql, bound).fetchone()
        return found

    def rows(self, sql: str, *bound: Any) -> list[sqlite3.Row]:
        """All rows."""
        return self.tx.execute(sql, bound).fetchall()

    def value(self, sql: str, *bound: Any) -> Any:
        """The first column of the first row, None without a row."""
        found = self.row(sql, *bound)
        return None if found is None else found[0]


@dataclass(frozen=True)
class Page:
    """A slice of a list: `size` records that come after `after` records."""

    number: int
    size: int
    after: int

    def pages(self, total: int) -> dict[str, Any]:
        """The `pages` object of an answer; `next` is left out on the last page."""
        answer: dict[str, Any] = {
            "type": "pages",
            "page": self.number,
            "per_page": self.size,
            "total_pages": max(1, -(-total // self.size)),
        }
        if self.after + self.size < total:
            cursor = json.dumps([self.number + 1, self.after + self.size]).encode()
            answer["next"] = {
                "page": self.number + 1,
                "per_page": self.size,
                "starting_after": base64.urlsafe_b64encode(cursor).decode(),
            }
        return answer


def page_of(source: Mapping[str, Any], default: int, largest: int) -> Page:
    """The page that a query string or a `pagination` object asks for.

    Args:
        source: with `per_page` and `starting_after`.
        default: records on a page when nothing is said.
        largest: records on a page at most.

    Raises:
        Refusal: a size or cursor that cannot be; 400.
    """
    try:
        size = int(source.get("per_page", default))
    except (TypeError, ValueError) as error:
        raise invalid("per_page must be a number") from error
    if not 1 <= size <= largest:
        raise invalid(f"per_page must be a number between 1 and {largest}")
    cursor = source.get("starting_after")
    if cursor is None:
        return Page(1, size, 0)
    try:
        number, after = json.loads(base64.urlsafe_b64decode(cursor))
        return Page(int(number), size, int(after))
    except (TypeError, ValueError) as error:
        raise Refusal(400, "invalid_starting_after", "starting_after is invalid") from error

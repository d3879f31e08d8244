"""One call to Intercom: pinned headers, one limiter, and a verdict on every answer.

The classes of answers follow Intercom REST 2.16, error codes: what is transient, what is the record's fault,
what stops the run. Whether a call without a usable answer took effect is not decided here; it is named
`LostError`.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from load import log
from load.clock import Clock, SystemClock
from load.errors import (
    AgainError,
    CallError,
    ConfigurationError,
    ConflictError,
    GoneError,
    LostError,
    RateLimitedError,
    RejectedError,
    UnreachableError,
)
from load.limiter import Limiter
from load.lines import Lines
from load.masking import masked
from load.retries import repeated
from load.settings import IntercomSettings

T = TypeVar("T")

OK = 200
UNAUTHORIZED, FORBIDDEN, NOT_FOUND, TIMED_OUT, CONFLICT, GONE, TOO_MANY = 401, 403, 404, 408, 409, 410, 429
SERVER_ERROR = 500
GATEWAYS = (502, 504)
NO_CONTENT = 204
_SHOWN = frozenset({"type", "id", "data"})


@dataclass(frozen=True)
class Answer:
    """An accepted call: the decoded body and Intercom's id of the request."""

    data: Any
    request_id: str | None


@dataclass(frozen=True)
class Workspace:
    """What `GET /me` says (Intercom REST 2.16, admins: identify)."""

    workspace_id: str
    name: str
    region: str


@dataclass
class Figures:
    """Counts of a run; changed under a lock, read without."""

    requests: int = 0
    reads: int = 0
    writes: int = 0
    rate_limited: int = 0
    retries: int = 0
    lost: int = 0
    found: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, name: str, number: int = 1) -> None:
        """Count one more."""
        with self._lock:
            setattr(self, name, getattr(self, name) + number)

    def as_dict(self) -> dict[str, int]:
        """The counts by name."""
        names = ("requests", "reads", "writes", "rate_limited", "retries", "lost", "found")
        return {name: getattr(self, name) for name in names}


class Client:
    """A thin client; thread-safe. To be closed, or used as a context manager.

    Args:
        settings: address and token.
        limiter: shared by everyone who uses the token; a new one by default.
        clock: where time comes from.
        connections: how many at once.
        transport: another way to the server, for tests.
    """

    def __init__(
        self,
        settings: IntercomSettings,
        *,
        limiter: Limiter | None = None,
        clock: Clock | None = None,
        connections: int = 16,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.clock = clock or SystemClock()
        self.limiter = limiter or Limiter(clock=self.clock)
        self.figures = Figures()
        self._lines = Lines(settings, connections, transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._lines.close()

    def call(
        self,
        method: str,
        path: str,
        payload: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        reads: bool = False,
    ) -> Answer:
        """Send one request, once.

        Args:
            method: HTTP method.
            path: below the base address.
            payload: JSON body.
            query: query string.
            reads: it changes nothing (also a search, though it is a POST).

        Raises:
            LostError: no usable answer.
            AgainError: rate limit or no connection; it did not take effect.
            RejectedError: Intercom refused the data; GoneError and ConflictError are such.
            ConfigurationError: Intercom refuses the token or the workspace's plan.
        """
        content = None if payload is None else json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
        ticket = self.limiter.acquire()
        self.figures.add("requests")
        started = time.perf_counter()
        try:
            response = self._lines.exchange(method, path, content, query)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            self.limiter.unanswered(ticket, arrived=False)
            log.event("no connection", method=method, path=path, error=type(error).__name__, seconds=_since(started))
            raise AgainError(f"no connection ({type(error).__name__})", code="no_connection") from error
        except httpx.HTTPError as error:
            self.limiter.unanswered(ticket)
            self.figures.add("lost")
            log.event("no answer", method=method, path=path, error=type(error).__name__, seconds=_since(started))
            raise LostError(f"no answer ({type(error).__name__})", code="no_answer") from error
        except BaseException:
            self.limiter.unanswered(ticket)
            raise
        self.limiter.answered(ticket, response.headers, refused=response.status_code == TOO_MANY)
        log.event(
            "answer",
            method=method,
            path=path,
            status=response.status_code,
            request_id=response.headers.get("x-request-id"),
            seconds=_since(started),
        )
        return self._judge(method, response, reads=reads)

    def _judge(self, method: str, response: httpx.Response, *, reads: bool) -> Answer:
        status = response.status_code
        try:
            data = response.json() if response.content else None
        except ValueError:
            data = None
            if response.is_success:
                self.figures.add("lost")
                raise LostError("an answer that is not JSON", status=status, code="not_json") from None
        if response.is_success:
            if not _is_intercoms(method, status, data):
                self.figures.add("lost")
                raise LostError("an answer that is not Intercom's", status=status, code="foreign_answer")
            self.figures.add("reads" if reads else "writes")
            return Answer(data, _request_id(response, data))
        if status == TOO_MANY:
            self.figures.add("rate_limited")
        elif status >= SERVER_ERROR or status == TIMED_OUT:
            self.figures.add("lost")
        raise judge(status, data, _request_id(response, data))

    def fetch(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """Read one path, patiently. Returns the decoded answer, or None where there is no such object.

        Raises:
            UnreachableError: Intercom has not answered after several attempts.
            ConfigurationError: Intercom refuses the token or the workspace's plan.
            RejectedError: Intercom refuses the request.
        """
        try:
            return self.patiently(lambda: self.call("GET", path, query=query, reads=True)).data
        except GoneError:
            return None
        except (LostError, AgainError) as error:
            raise UnreachableError(f"Intercom does not answer: {error}. Try again later.") from error

    def patiently(self, work: Callable[[], T]) -> T:
        """Repeat a call that is safe to repeat until it is answered; see `load.retries`."""
        return repeated(work, sleep=self.clock.sleep, count=lambda: self.figures.add("retries"))

    def workspace(self) -> Workspace:
        """Ask which workspace the token belongs to.

        Raises:
            ConfigurationError: the token is not accepted, or the answer names no workspace.
            UnreachableError: no answer.
        """
        app = (self.fetch("/me") or {}).get("app") or {}
        if not app.get("id_code"):
            raise ConfigurationError(
                "GET /me names no workspace: the token is not of a teammate's app. "
                "Create an access token in Intercom's Developer Hub and put it into INTERCOM__ACCESS_TOKEN."
            )
        return Workspace(str(app["id_code"]), str(app.get("name") or ""), str(app.get("region") or ""))


def _is_intercoms(method: str, status: int, data: Any) -> bool:
    """Whether a success can be Intercom's word: its objects say their type or id, its lists have `data`.

    Only what is deleted or archived may be answered with nothing. Something on the way may answer anything.
    """
    if data is None or data == {}:
        return method == "DELETE" or status == NO_CONTENT
    return isinstance(data, list) or (isinstance(data, dict) and not data.keys().isdisjoint(_SHOWN))


def judge(status: int, data: Any, request_id: str | None = None) -> CallError | ConfigurationError:
    """Name what an answer that is no success means.

    Args:
        status: HTTP status.
        data: the decoded body, an `error.list` as a rule; None when it could not be decoded.
        request_id: Intercom's id of the request.
    """
    code, message = _first_error(data)
    message = masked(message)
    text = f"{status} {code}: {message}" if code or message else f"{status}"
    known: dict[str, Any] = {"status": status, "code": code, "request_id": request_id}
    if status == TOO_MANY:
        return RateLimitedError(text, **known)
    if status >= SERVER_ERROR or status == TIMED_OUT:
        # Intercom's own words end its work; a gateway's say nothing of what goes on behind it.
        return LostError(text, **known, finished=bool(code) and status not in {TIMED_OUT, *GATEWAYS})
    if status in {UNAUTHORIZED, FORBIDDEN} or code == "intercom_version_invalid":
        return ConfigurationError(
            f"Intercom refuses: {text} (request {request_id or 'without id'}). Check the token's permissions "
            "and the workspace's plan, then run the same command again: it goes on where it stopped."
        )
    if status == CONFLICT:
        return ConflictError(text, **known)
    if status in {NOT_FOUND, GONE}:
        # Without a code it is the word of something on the way, which knows of no object.
        return GoneError(text, **known) if code else LostError(f"{status} that is not Intercom's", **known)
    return RejectedError(text, **known)


def _since(started: float) -> float:
    return time.perf_counter() - started


def _first_error(data: Any) -> tuple[str, str]:
    errors = data.get("errors") if isinstance(data, dict) else None
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    parts = [str(first[name]) for name in ("field", "message") if first.get(name)]
    return str(first.get("code") or ""), ": ".join(parts)


def _request_id(response: httpx.Response, data: Any) -> str | None:
    told = data.get("request_id") if isinstance(data, dict) else None
    found: str | None = told or response.headers.get("x-request-id")
    return found

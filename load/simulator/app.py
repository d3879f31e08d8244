"""The ASGI application: who may ask, how often, what goes wrong, and one transaction per request.

Everything runs on the event loop's one thread: SQLite has one writer anyway, and nothing can interleave.
"""

import asyncio
import json
import logging
import os
import signal
import sqlite3
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from load.simulator import search
from load.simulator.call import Call
from load.simulator.faults import Fault, FaultBoard, Seen, describe, faults_from_items
from load.simulator.limits import RateLimit
from load.simulator.options import Options
from load.simulator.routes import Route, Router
from load.simulator.rules import Refusal
from load.simulator.store import Workspace

#: Versions that Intercom knows (Intercom REST 2.16, schema `intercom_version`).
VERSIONS = frozenset([f"1.{minor}" for minor in range(5)] + [f"2.{minor}" for minor in range(17)])
OLDEST_MAJOR = "2."

#: Key in the ASGI scope under which the server puts the connection's transport, so that it can be cut.
TRANSPORT = "simulator.transport"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Request:
    """What is known of a request before it is looked at."""

    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    content: bytes
    origin: str


def create_app(workspace: Workspace, options: Options | None = None) -> ASGIApp:
    """The simulated Intercom as an ASGI application.

    Args:
        workspace: the content; stays open when the application ends.
        options: identity, limits, switches and faults.

    Returns:
        The application. Cutting connections needs the server of `serve` or `run_forever`.
    """
    return _Simulator(workspace, options or Options())


_Found = tuple[Route, Mapping[str, str]]


class _Simulator:
    def __init__(self, workspace: Workspace, options: Options) -> None:
        self._workspace = workspace
        self._options = options
        self._limit = RateLimit(options.rate_limit, options.clock)
        self._faults = FaultBoard(options.faults)
        self._router = Router()
        with workspace.transaction() as tx:
            search.add_functions(tx)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        try:
            content = await request.body()
        except ClientDisconnect:
            return
        server = scope.get("server") or ("127.0.0.1", 80)
        asked = _Request(
            request.method,
            scope["path"],
            request.headers,
            request.query_params,
            content,
            f"{scope.get('scheme', 'http')}://{server[0]}:{server[1]}",
        )
        if asked.path.startswith("/_simulator/"):
            response: Response | None = self._control(asked)
        else:
            response = await self._answer(asked, receive)
        if response is None:
            await _cut(scope, receive)
        else:
            await response(scope, receive, send)

    async def _answer(self, asked: _Request, receive: Receive) -> Response | None:
        """The answer, or None where the connection is to be cut."""
        if self._options.latency:
            await asyncio.sleep(self._options.latency)
        found = self._router.find(asked.method, asked.path)
        seen = Seen(asked.method, asked.path, found[0].template if found else asked.path)
        if not self._authorised(asked):
            return self._refuse(asked, seen, Refusal(401, "unauthorized", "Access Token Invalid"), {})
        within, headers = self._limit.take()
        if not within:
            refusal = Refusal(429, "rate_limit_exceeded", self._limit.message)
            return self._refuse(asked, seen, refusal, headers)
        fault = self._faults.due("before", seen)
        if fault is not None:
            outcome = await self._strike(fault, seen, headers, receive)
            if not isinstance(outcome, _GoOn):
                self._note(asked, seen, 0 if outcome is None else outcome.status_code, describe(fault))
                return outcome
        response, fault = self._handle(asked, seen, found, headers)
        if fault is not None:
            outcome = await self._strike(fault, seen, headers, receive)
            if not isinstance(outcome, _GoOn):
                return outcome
        return response

    def _handle(
        self, asked: _Request, seen: Seen, found: _Found | None, headers: Mapping[str, str]
    ) -> tuple[Response, Fault | None]:
        """The answer, and the fault that strikes after an accepted request was committed."""
        try:
            self._check_headers(asked)
            answer, fault = self._commit(asked, seen, _known(found))
        except Refusal as refusal:
            return self._refuse(asked, seen, refusal, headers), None
        except (OverflowError, UnicodeEncodeError):
            # numbers and half characters that no database keeps
            unkept = Refusal(400, "bad_request", "The request holds a value that can not be kept")
            return self._refuse(asked, seen, unkept, headers), None
        except Exception:  # noqa: BLE001 - a bug of the simulator must not end it: the log has the trace
            _log.exception("the simulator failed at %s %s", asked.method, asked.path)
            return self._refuse(asked, seen, Refusal(500, "server_error", "Internal Server Error"), headers), None
        return JSONResponse(answer, headers={**headers, "X-Request-Id": str(uuid.uuid4())}), fault

    def _refuse(self, asked: _Request, seen: Seen, refusal: Refusal, headers: Mapping[str, str]) -> Response:
        self._note(asked, seen, refusal.status)
        return _refused(refusal, headers)

    def _authorised(self, asked: _Request) -> bool:
        scheme, _, token = asked.headers.get("authorization", "").partition(" ")
        wanted = self._options.access_token
        return scheme.lower() == "bearer" and bool(token.strip()) and wanted in {None, token.strip()}

    def _check_headers(self, asked: _Request) -> None:
        version = asked.headers.get("intercom-version", self._options.default_version)
        if version != "Preview" and (version not in VERSIONS or not version.startswith(OLDEST_MAJOR)):
            raise Refusal(400, "intercom_version_invalid", f"The requested version could not be found: {version}")
        accept = asked.headers.get("accept", "*/*")
        if not any(kind in accept for kind in ("*/*", "application/*", "application/json")):
            raise Refusal(406, "not_acceptable", "The Accept header should send a media type of application/json")

    def _commit(self, asked: _Request, seen: Seen, found: _Found) -> tuple[dict[str, Any], Fault | None]:
        """Runs the handler; its changes and the log's entry are one transaction, durable on return."""
        route, params = found
        body = _parsed(asked)
        instant = self._options.clock()
        with self._workspace.transaction() as tx:
            call = Call(tx, self._options, instant, asked.origin, params, asked.query, body)
            answer = route.handler(call)
            fault = self._faults.due("after_commit", seen)
            self._workspace.log(tx, _entry(asked, route, instant, 200, None if fault is None else describe(fault)))
        return answer, fault

    def _note(self, asked: _Request, seen: Seen, status: int, fault: str | None = None) -> None:
        """Logs a request that changed nothing."""
        route = Route(asked.method, seen.template, _no_handler, writes=False)
        with self._workspace.transaction() as tx:
            self._workspace.log(tx, _entry(asked, route, self._options.clock(), status, fault))

    async def _strike(
        self, fault: Fault, seen: Seen, headers: Mapping[str, str], receive: Receive
    ) -> "Response | _GoOn | None":
        if isinstance(fault.do, str):
            action = fault.do
        else:
            # in a thread of its own: it may wait for something that needs the simulator
            wanted: str | None = await asyncio.to_thread(fault.do, seen)
            action = wanted or "delay:0"
        kind, _, value = action.partition(":")
        if kind == "delay":
            await asyncio.sleep(float(value))
            return _GoOn()
        if kind == "status":
            return _refused(_failure(int(value), self._limit), headers)
        if kind == "hold":
            await _until_disconnected(receive)
        elif kind == "kill":
            os.kill(int(value), signal.SIGKILL)
        return None

    def _control(self, asked: _Request) -> Response:
        """What is asked of the simulator itself: files, counts, faults. Needs no token, costs no request."""
        match asked.method, asked.path.split("/")[2:]:
            case "GET", ["files", number, token]:
                return self._file(number, token)
            case "POST", ["faults"]:
                return self._set_faults(asked)
            case "DELETE", ["faults"]:
                self._faults.clear()
            case "GET", ["faults" | "counts" | "writes"]:
                pass
            case _:
                return JSONResponse({"error": f"the simulator has no {asked.method} {asked.path}"}, 404)
        return JSONResponse(self._state(asked.path.rpartition("/")[2]))

    def _state(self, name: str) -> Any:
        if name == "faults":
            return self._faults.state()
        if name == "counts":
            return self._workspace.counts()
        writes = self._workspace.accepted_writes()
        return {f"{method} {template}": count for (method, template), count in writes.items()}

    def _set_faults(self, asked: _Request) -> Response:
        try:
            sent = json.loads(asked.content)
            faults = faults_from_items(sent if isinstance(sent, list) else [sent])
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        for fault in faults:
            self._faults.add(fault)
        return JSONResponse(self._faults.state())

    def _file(self, number: str, token: str) -> Response:
        with self._workspace.reading() as tx:
            row: sqlite3.Row | None = tx.execute(
                "select content, content_type, name from attachments where id = ? and token = ?",
                (int(number) if number.isdecimal() else 0, token),
            ).fetchone()
        if row is None or row["content"] is None:
            return Response("no such file", 404)
        # as a download: a rehearsal's files may hold scripts
        return Response(
            bytes(row["content"]),
            headers={"Content-Type": row["content_type"], "Content-Disposition": "attachment"},
        )


class _GoOn:
    """Nothing more happens to the request: it is answered as usual."""


def _known(found: _Found | None) -> _Found:
    if found is None:
        raise Refusal(404, "not_found", "The requested resource does not exist")
    return found


def _no_handler(_call: Call) -> dict[str, Any]:
    return {}


def _entry(asked: _Request, route: Route, instant: float, status: int, fault: str | None) -> dict[str, Any]:
    return {
        "at": instant,
        "method": asked.method,
        "template": route.template,
        "path": asked.path,
        "kind": "write" if route.writes else "read",
        "status": status,
        "accepted": route.writes,
        "fault": fault,
    }


def _parsed(asked: _Request) -> Mapping[str, Any]:
    if not asked.content.strip():
        return {}
    try:
        body = json.loads(asked.content, parse_constant=_no_constant)
    except ValueError as error:
        raise Refusal(400, "bad_request", "The request body is not JSON") from error
    if not isinstance(body, dict):
        raise Refusal(400, "bad_request", "The request body is not a JSON object")
    return body


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _refused(refusal: Refusal, headers: Mapping[str, str]) -> Response:
    request_id = str(uuid.uuid4())
    error = {"code": refusal.code, "message": refusal.message}
    if refusal.field is not None:
        error["field"] = refusal.field
    envelope = {"type": "error.list", "request_id": request_id, "errors": [error]}
    return JSONResponse(envelope, refusal.status, headers={**headers, "X-Request-Id": request_id})


def _failure(status: int, limit: RateLimit) -> Refusal:
    codes = {
        408: ("request_timeout", "Request Timeout"),
        429: ("rate_limit_exceeded", limit.message),
        503: ("service_unavailable", "Service Unavailable"),
    }
    return Refusal(status, *codes.get(status, ("server_error", "Internal Server Error")))


async def _until_disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _cut(scope: Scope, receive: Receive) -> None:
    """Closes the connection without a byte of answer."""
    transport = scope.get("extensions", {}).get(TRANSPORT)
    if transport is None:
        raise RuntimeError("this server can not cut connections: use serve() or run_forever()")
    transport.abort()
    await _until_disconnected(receive)

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
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from load.simulator import search, spoilt
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

UNAUTHORIZED, TOO_MANY = 401, 429

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
        self._limit = RateLimit(
            options.rate_limit, options.clock, told=not options.without_rate_headers, stolen=options.steal
        )
        self._faults = FaultBoard(options.faults, options.fault_rate, options.fault_seed)
        self._router = Router()
        with workspace.transaction() as tx:
            search.add_functions(tx)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        server = scope.get("server") or ("127.0.0.1", 80)
        asked = _Request(
            request.method,
            scope["path"],
            request.headers,
            request.query_params,
            b"",
            f"{scope.get('scheme', 'http')}://{server[0]}:{server[1]}",
        )
        ours = asked.path.startswith("/_simulator/")
        found = None if ours else self._router.find(asked.method, asked.path)
        seen = Seen(asked.method, asked.path, found[0].template if found else asked.path)
        drawn = None if ours else self._faults.draw()
        if not ours and self._faults.due("sending", seen, drawn) is not None:
            self._note(asked, seen, 0, "cut_sending")
            await _cut(scope, receive)
            return
        try:
            asked = replace(asked, content=await request.body())
        except ClientDisconnect:
            return
        if ours:
            response: Response | None = self._control(asked)
        else:
            await self._travel()
            response = await self._answer(asked, seen, found, drawn, receive)
            await self._travel()
        if response is None:
            await _cut(scope, receive)
        else:
            await response(scope, receive, send)

    async def _travel(self) -> None:
        if self._options.latency:
            await asyncio.sleep(self._options.latency / 2)

    async def _answer(
        self, asked: _Request, seen: Seen, found: _Found | None, drawn: Fault | None, receive: Receive
    ) -> Response | None:
        """The answer, or None where the connection is to be cut."""
        if not self._authorised(asked):
            return self._refuse(asked, seen, Refusal(401, "unauthorized", "Access Token Invalid"), {})
        within, headers = self._limit.take()
        if not within:
            refusal = Refusal(429, "rate_limit_exceeded", self._limit.message)
            return self._refuse(asked, seen, refusal, headers)
        slowly = 0.0
        fault = self._faults.due("before", seen, drawn)
        if fault is not None:
            # what a proxy would have sent on, had it not broken off
            outcome = await self._strike(fault, seen, JSONResponse({"type": "unknown"}, headers=headers), receive)
            if not isinstance(outcome, _GoOn):
                self._note(asked, seen, 0 if outcome is None else outcome.status_code, describe(fault))
                return outcome
            slowly = outcome.slowly
        response, fault = self._handle(asked, seen, found, headers, drawn)
        if fault is not None:
            outcome = await self._strike(fault, seen, response, receive)
            if not isinstance(outcome, _GoOn):
                return outcome
            slowly = outcome.slowly
        return spoilt.Trickling(response, slowly) if slowly else response

    def _handle(
        self,
        asked: _Request,
        seen: Seen,
        found: _Found | None,
        headers: Mapping[str, str],
        drawn: Fault | None,
    ) -> tuple[Response, Fault | None]:
        """The answer, and the fault that strikes after an accepted request was committed."""
        try:
            self._check_headers(asked)
            route, params = _known(found)
            self._check_permission(asked, route)
            answer, fault = self._commit(asked, seen, (route, params), drawn)
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

    def _check_permission(self, asked: _Request, route: Route) -> None:
        operation = f"{asked.method} {route.template}"
        forms = {operation, *(f"{operation}?{name}={value}" for name, value in asked.query.items())}
        if forms & self._options.forbidden:
            raise Refusal(403, "forbidden", "The token does not have the required permissions")

    def _commit(
        self, asked: _Request, seen: Seen, found: _Found, drawn: Fault | None
    ) -> tuple[dict[str, Any], Fault | None]:
        """Runs the handler; its changes and the log's entry are one transaction, durable on return."""
        route, params = found
        body = _parsed(asked)
        instant = self._options.clock()
        with self._workspace.transaction() as tx:
            call = Call(tx, self._options, instant, asked.origin, params, asked.query, body)
            answer = route.handler(call)
            fault = self._faults.due("after_commit", seen, drawn)
            self._workspace.log(tx, _entry(asked, route, instant, 200, None if fault is None else describe(fault)))
        return answer, fault

    def _note(self, asked: _Request, seen: Seen, status: int, fault: str | None = None) -> None:
        """Logs a request that changed nothing."""
        route = Route(asked.method, seen.template, _no_handler, writes=False)
        with self._workspace.transaction() as tx:
            self._workspace.log(tx, _entry(asked, route, self._options.clock(), status, fault))

    async def _strike(self, fault: Fault, seen: Seen, whole: Response, receive: Receive) -> "Response | _GoOn | None":
        """What becomes of the answer that would be given: another one, itself, or None for none."""
        if isinstance(fault.do, str):
            action = fault.do
        else:
            # in a thread of its own: it may wait for something that needs the simulator
            wanted: str | None = await asyncio.to_thread(fault.do, seen)
            action = wanted or "delay:0"
        kind, _, value = action.partition(":")
        match kind:
            case "delay":
                await asyncio.sleep(float(value))
                return _GoOn()
            case "trickle":
                return _GoOn(slowly=float(value))
            case "status":
                status, _, bare = value.partition(":")
                return self._failed(int(status), {} if bare else _rate_headers(whole))
            case "truncate" | "half_json" | "not_json":
                return spoilt.WAYS[kind](whole)
            case "hold":
                await _until_disconnected(receive)
            case "kill":
                os.kill(int(value), signal.SIGKILL)
        return None

    def _failed(self, status: int, headers: Mapping[str, str]) -> Response:
        if status == TOO_MANY and headers:
            headers = self._limit.used_up()
        # an answer to someone unknown says nothing of a limit
        return _refused(_failure(status, self._limit), {} if status == UNAUTHORIZED else headers)

    def _control(self, asked: _Request) -> Response:
        """What is asked of the simulator itself: files, counts, faults. Needs no token, costs no request."""
        match asked.method, asked.path.split("/")[2:]:
            case "GET", ["files", number, token]:
                return self._file(number, token)
            case "POST", ["faults"]:
                return self._set_faults(asked)
            case "PUT", ["faults"]:
                return self._let_chance(asked)
            case "DELETE", ["faults"]:
                self._faults.clear()
            case "PUT", ["limit"]:
                return self._change_limit(asked)
            case "GET", ["faults" | "counts" | "writes" | "limit"]:
                pass
            case _:
                return JSONResponse({"error": f"the simulator has no {asked.method} {asked.path}"}, 404)
        return JSONResponse(self._state(asked.path.rpartition("/")[2]))

    def _state(self, name: str) -> Any:
        if name == "faults":
            return self._faults.state()
        if name == "limit":
            return self._limit.state()
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

    def _let_chance(self, asked: _Request) -> Response:
        try:
            sent = {"fault_rate": 0.0, "fault_seed": 0} | json.loads(asked.content)
            self._faults.let_chance(float(sent.pop("fault_rate")), int(sent.pop("fault_seed")))
        except (TypeError, ValueError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse(self._faults.state())

    def _change_limit(self, asked: _Request) -> Response:
        now = self._limit.state()
        try:
            sent = json.loads(asked.content)
            unknown = set(sent) - {"limit", "steal", "without_rate_headers"}
            if unknown:
                raise ValueError(f"nothing of the limit is called {', '.join(sorted(unknown))}")  # noqa: TRY301
            wanted = now | sent
            self._limit.change(
                limit=None if wanted["limit"] is None else int(wanted["limit"]),
                told=not wanted["without_rate_headers"],
                stolen=int(wanted["steal"]),
            )
        except (TypeError, ValueError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse(self._limit.state())

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


@dataclass(frozen=True)
class _GoOn:
    """The request is answered as usual, in so many seconds where they are named."""

    slowly: float = 0.0


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
        401: ("unauthorized", "Access Token Invalid"),
        403: ("forbidden", "The token does not have the required permissions"),
        408: ("request_timeout", "Request Timeout"),
        429: ("rate_limit_exceeded", limit.message),
        503: ("service_unavailable", "Service Unavailable"),
    }
    return Refusal(status, *codes.get(status, ("server_error", "Internal Server Error")))


def _rate_headers(response: Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name.startswith("x-ratelimit-")}


async def _until_disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _cut(scope: Scope, receive: Receive) -> None:
    """Closes the connection without a byte of answer."""
    spoilt.connection_of(scope).abort()
    await _until_disconnected(receive)

"""Runs the simulated workspace: in a thread for tests, in the foreground for the command line."""

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from load.simulator.app import create_app
from load.simulator.options import Options
from load.simulator.spoilt import TRANSPORT
from load.simulator.store import Workspace

_START_SECONDS = 30
_TICK_SECONDS = 0.1


class NotLoopbackError(ValueError):
    """The simulator was asked to listen where other machines could reach it."""

    exit_code = 2


@dataclass(frozen=True)
class Served:
    """A running simulator.

    Attributes:
        base_url: where it listens, without a slash at the end.
        workspace: what it serves.
    """

    base_url: str
    workspace: Workspace


class _Protocol(H11Protocol):
    """Shows the application its connection, so that a fault can cut it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        application = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[TRANSPORT] = self.transport
            await application(scope, receive, send)

        self.app = with_transport


class _Server(uvicorn.Server):
    """Says when it is ready, and ends at once.

    There is nothing to wait for: each request is one transaction, made in one go on the thread that ends.
    """

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Ends the server from another thread."""
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets=sockets)
        self._on_ready()

    async def main_loop(self) -> None:
        while not self.should_exit:
            # signals set the flag only, so it is looked at now and then
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _TICK_SECONDS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        # held requests end with their connections
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=_TICK_SECONDS)


@contextmanager
def serve(workspace: Workspace, options: Options | None = None, port: int = 0) -> Iterator[Served]:
    """Serves a workspace on 127.0.0.1 in a thread, for as long as the block runs.

    Args:
        workspace: stays open afterwards.
        options: of the simulator.
        port: 0 takes a free one.

    Yields:
        Where it listens.

    Raises:
        OSError: the port is taken.
    """
    ready = threading.Event()
    with _listening("127.0.0.1", port) as listener:
        server = _server(workspace, options or Options(), ready.set)
        thread = threading.Thread(target=server.run, args=([listener],), name="simulator", daemon=True)
        thread.start()
        if not ready.wait(_START_SECONDS):
            raise RuntimeError("the simulator did not start; its log says why")
        try:
            yield Served(_address(listener), workspace)
        finally:
            server.stop()
            thread.join()


def run_forever(
    store_path: str | Path,
    host: str = "127.0.0.1",
    port: int = 8765,
    options: Options | None = None,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serves a workspace in the foreground until interrupted by Ctrl-C, then returns.

    Args:
        store_path: SQLite file, made when missing.
        host: a loopback address or localhost.
        port: 0 takes a free one.
        options: of the simulator.
        on_ready: called once with the base URL when requests are answered.

    Raises:
        NotLoopbackError: `host` is not a loopback address.
        OSError: the port is taken.
    """
    chosen = options or Options()
    with _listening(host, port) as listener, Workspace(store_path, chosen.clock) as workspace:
        address = _address(listener)
        server = _server(workspace, chosen, lambda: on_ready(address) if on_ready else None)
        with suppress(KeyboardInterrupt):
            server.run([listener])


def _listening(host: str, port: int) -> socket.socket:
    name = "127.0.0.1" if host == "localhost" else host
    try:
        loopback = ipaddress.ip_address(name).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise NotLoopbackError(
            f"the simulator does not listen on {host}: it has no protection, and a rehearsal holds"
            " customers' data;"
            " use 127.0.0.1"
        )
    family = socket.AF_INET6 if ":" in name else socket.AF_INET
    # asyncio switches Nagle's algorithm off only where the protocol is named: else each answer takes 40 ms
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((name, port))
    except OSError:
        listener.close()
        raise
    return listener


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _server(workspace: Workspace, options: Options, on_ready: Callable[[], None]) -> _Server:
    config = uvicorn.Config(
        create_app(workspace, options),
        http=_Protocol,
        loop="asyncio",
        lifespan="off",
        ws="none",
        access_log=False,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        date_header=False,
    )
    return _Server(config, on_ready)

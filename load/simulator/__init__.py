"""A local Intercom workspace for rehearsals and tests, so that nothing has to be tried on a real one first.

Public names, all importable from here:

    Workspace(path=None)                 the content, one SQLite file; None is a temporary file
        .seed(admins=, teams=, contacts=, attributes=, tags=)   idempotent; ids: {"admins": {email: id}, ...}
        .counts()                        {"contacts": 3, "conversations": 2, "parts": 9, ...}
        .accepted_writes()               {("POST", "/conversations"): 2, ...}, templates as in the description
        .requests()                      the log of requests, oldest first
        .dump()                          the content without ids and import times, to compare two workspaces
        .close()
    Options(access_token=None, workspace_id="simulated", rate_limit=1666, clock=time.time, fault_rate=0.0, ...)
    Fault(method, path, nth=1, when="before" | "after_commit", do="status:503" | "drop" | "kill:<pid>" | ...)
    create_app(workspace, options)       the ASGI application
    serve(workspace, options, port=0)    context manager: runs it in a thread; the value has .base_url
    run_forever(store_path, host, port, options, on_ready)      for a command line

Only loopback addresses are served: the data of a rehearsal is customers' data. What is kept of the real
rules, with the source of each, and what is left open as switches stands in README.md of this folder.
"""

from load.simulator.app import create_app
from load.simulator.faults import Fault, faults_from_json
from load.simulator.options import Options
from load.simulator.server import NotLoopbackError, Served, run_forever, serve
from load.simulator.store import Workspace

__all__ = [
    "Fault",
    "NotLoopbackError",
    "Options",
    "Served",
    "Workspace",
    "create_app",
    "faults_from_json",
    "run_forever",
    "serve",
]

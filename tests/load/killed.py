"""Loads in processes of their own that die at a chosen moment; forked from one process that has everything imported.

Run as a script it is that process: each line on its input is a load, each two lines of its output its process id and
what became of it.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "load")]

from little_plan import settings  # noqa: E402
from rehearsals import PatientClock  # noqa: E402

from load import permissions, silence  # noqa: E402
from load.engine import apply  # noqa: E402
from load.ledger import Intent, Item, Ledger  # noqa: E402

BOUNDARIES = ("before the intent", "after the intent", "before the receipt", "after the receipt")
"""Moments of ours; one more, after Intercom's commit and before its answer, is the simulator's."""


class Loads:
    """Starts loads; to be used as a context manager."""

    def __enter__(self) -> Self:
        command = [sys.executable, __file__]
        self._server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait()

    def run(self, folder: Path, base_url: str, on_start: Callable[[int], object] = id, **how: Any) -> int:
        """Load, and wait for the end.

        Args:
            folder: with warehouse and ledger.
            base_url: of the simulator.
            on_start: told the process id before the first request.
            how: `slot`, `action` and `boundary` at which it dies, or `intent` and `boundary`, by number.

        Returns:
            The exit code; negative for a signal.
        """
        server = self._server
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps({"folder": str(folder), "base_url": base_url, **how}) + "\n")
        server.stdin.flush()
        on_start(int(server.stdout.readline()))
        server.stdin.write("\n")
        server.stdin.flush()
        return int(server.stdout.readline())


def _die() -> NoReturn:
    while True:
        os.kill(os.getpid(), signal.SIGKILL)


def _die_at(boundary: str, chosen: Callable[[str, str], bool]) -> None:
    begin, end = Ledger.open_intent, Ledger.close_intent

    def open_intent(self: Ledger, *args: Any, **more: Any) -> Intent:
        items: list[Item] = args[5]
        dies = chosen(items[0].slot, args[4])
        if dies and boundary == "before the intent":
            _die()
        intent = begin(self, *args, **more)
        if dies and boundary == "after the intent":
            _die()
        return intent

    def close_intent(self: Ledger, intent: Intent, *args: Any, **more: Any) -> None:
        dies = chosen(intent.items[0].slot, intent.action)
        if dies and boundary == "before the receipt":
            _die()
        end(self, intent, *args, **more)
        if dies and boundary == "after the receipt":
            _die()

    Ledger.open_intent = open_intent  # type: ignore[method-assign]
    Ledger.close_intent = close_intent  # type: ignore[method-assign]


def _load(how: dict[str, Any]) -> int:
    passed = 0

    def chosen(slot: str, action: str) -> bool:
        nonlocal passed
        if "slot" in how:
            return (slot, action) == (how["slot"], how["action"])
        passed += 1
        return bool(passed >= how["passing"])

    if "boundary" in how:
        _die_at(how["boundary"], chosen)
    permissions.PROBES = ()  # they are not what is tried here, and would be taken for what is
    told = settings(Path(how["folder"]), how["base_url"])
    return apply(told, clock=PatientClock(), workers=how.get("workers", 1), acknowledge=silence.ALL).exit_code


def _serve() -> None:
    for line in iter(sys.stdin.readline, ""):
        child = os.fork()
        if not child:
            sys.stdin.readline()
            code = 1
            try:
                code = _load(json.loads(line))
            finally:
                os._exit(code)
        print(child, flush=True)  # noqa: T201 - the answer
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    _serve()

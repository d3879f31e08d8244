"""Run by tests as a process of its own, to be killed: apply in a folder against a simulator."""

import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "load")]

from little_plan import settings  # noqa: E402

from load import silence  # noqa: E402
from load.engine import apply  # noqa: E402

# A shell that starts tests in the background has children ignore Ctrl-C; this one listens.
signal.signal(signal.SIGINT, signal.default_int_handler)

if __name__ == "__main__":
    result = apply(settings(Path(sys.argv[1]), sys.argv[2]), acknowledge=silence.ALL)
    print(result.state)  # noqa: T201
    sys.exit(result.exit_code)

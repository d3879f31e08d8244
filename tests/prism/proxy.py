"""Prism as a proxy: it holds each request and each answer against Intercom's description as it passes.

A request that breaks the description is answered with 422 by Prism itself and never reaches the upstream;
an answer that breaks it becomes 500. So a load that ends well through the proxy broke nothing.
"""

import contextlib
import fcntl
import filecmp
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from mirakuru import TCPExecutor

HOST = "127.0.0.1"
START_SECONDS = 120  # generous: only a Prism that never comes up waits this long
PACKAGE_FILES = ("package.json", "package-lock.json")


class NodeMissingError(Exception):
    """Node.js or npm is not installed."""


class PrismFailedError(Exception):
    """Prism could not be installed or started; the message holds its output."""


def installed_prism() -> Path:
    """Install Prism into the user's cache folder unless it is there, and return the program.

    Raises:
        NodeMissingError: Node.js or npm is not installed.
        PrismFailedError: npm could not install it.
    """
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise NodeMissingError("Node.js is not installed: Prism needs the programs node and npm, version 20 or newer")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "otrs2intercom" / "prism"
    program = cache / "node_modules" / ".bin" / "prism"
    here = Path(__file__).parent
    cache.mkdir(parents=True, exist_ok=True)
    done = cache / "installed"  # holds the lock file that was installed, written last
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.exists() and filecmp.cmp(done, here / PACKAGE_FILES[1], shallow=False) and program.exists():
            return program
        for name in PACKAGE_FILES:
            shutil.copyfile(here / name, cache / name)
        # npm has been seen to hang after the downloads with its default number of sockets.
        command = [npm, "ci", "--ignore-scripts", "--maxsockets=6", "--no-audit", "--no-fund"]
        install = subprocess.run(
            command, cwd=cache, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if install.returncode != 0:
            raise PrismFailedError(f"npm could not install Prism in {cache}: {install.stderr.strip()}")
        shutil.copyfile(here / PACKAGE_FILES[1], done)
    return program


def corrected_description(folder: Path, target: Path) -> Path:
    """Write a copy of the official description without its own errors, and return it.

    The published file cannot be used as it is: for one, it admits no contact id at all, and Prism silently
    skips the schemas that it cannot compile. ``relax_for_validation.py`` says what is corrected.

    Args:
        folder: holds ``openapi-2.16.yaml`` and ``relax_for_validation.py``.
        target: the file to write.
    """
    subprocess.run(
        [sys.executable, folder / "relax_for_validation.py", folder / "openapi-2.16.yaml", target], check=True
    )
    return target


@contextlib.contextmanager
def prism_proxy(upstream_url: str, description: Path) -> Iterator[str]:
    """Run Prism in front of an upstream and give its address.

    Args:
        upstream_url: such as ``http://127.0.0.1:8080``.
        description: as made by ``corrected_description``. Prism's own words go to ``prism.log`` beside it.

    Raises:
        NodeMissingError: Node.js or npm is not installed.
        PrismFailedError: Prism could not be installed or did not start.
    """
    program = installed_prism()
    port = _free_port()
    log_path = description.with_name("prism.log")
    with log_path.open("w") as log:
        prism = TCPExecutor(
            # Not through npx, which would stay between us and the process that has to be stopped.
            [str(program), "proxy", "--errors", str(description), upstream_url, "-h", HOST, "-p", str(port)],
            HOST,
            port,
            timeout=START_SECONDS,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            prism.start()
        except Exception as error:
            raise PrismFailedError(f"Prism did not start: {log_path.read_text()[-4000:]}") from error
        try:
            yield f"http://{HOST}:{port}"
        finally:
            prism.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])

"""The scripts are the project's front door: they say what is missing before anything is installed."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(path for path in (ROOT / "scripts").iterdir() if path.suffix == "")

# A Python as Debian ships it without the package python3-venv.
PYTHON_WITHOUT_VENV = """#!/bin/sh
case "$*" in
*ensurepip*) echo "No module named ensurepip" >&2; exit 1 ;;
*) exit 0 ;;
esac
"""
OLD_PYTHON = "#!/bin/sh\nexit 1\n"


def run(command: Sequence[object], cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def program(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return what scripts/setup needs of a checkout, in a folder with a space in its name."""
    folder = tmp_path / "a check out"
    folder.mkdir()
    shutil.copytree(ROOT / "scripts", folder / "scripts")
    for name in ("pyproject.toml", "requirements.lock", "requirements-dev.lock"):
        shutil.copyfile(ROOT / name, folder / name)
    return folder


def test_a_python_without_venv_is_answered_with_the_package_to_install(checkout: Path, tmp_path: Path) -> None:
    python = program(tmp_path / "my python", PYTHON_WITHOUT_VENV)
    done = run(["sh", "scripts/setup"], cwd=checkout, PYTHON=str(python))
    assert done.returncode == 3
    assert "apt-get install python3-venv" in done.stderr
    assert str(python) in done.stderr
    assert not (checkout / ".venv").exists()


def test_a_python_that_is_too_old_is_refused(checkout: Path, tmp_path: Path) -> None:
    python = program(tmp_path / "python", OLD_PYTHON)
    done = run(["sh", "scripts/setup"], cwd=checkout, PYTHON=str(python))
    assert done.returncode == 3
    assert "not Python 3.11 or newer" in done.stderr


def test_a_folder_that_is_no_virtual_environment_is_left_alone(checkout: Path) -> None:
    precious = checkout / "my files" / "precious"
    precious.parent.mkdir()
    precious.write_text("x")
    done = run(["sh", "scripts/setup"], cwd=checkout, VENV="my files")
    assert done.returncode == 3
    assert "my files exists and is no virtual environment" in done.stderr
    assert precious.read_text() == "x"


def test_setup_changes_nothing_when_it_has_been_done(checkout: Path) -> None:
    # The stamp is written by hand, in the form that setup writes: a real installation needs the network.
    state = run(["sh", "-c", "cksum requirements.lock requirements-dev.lock pyproject.toml; pwd -P"], cwd=checkout)
    (checkout / ".venv" / "bin").mkdir(parents=True)
    program(checkout / ".venv" / "bin" / "python", "#!/bin/sh\necho the environment was used\nexit 1\n")
    (checkout / ".venv" / ".setup-done").write_text("dev\n" + state.stdout)
    for arguments in ([], ["--dev"]):
        done = run(["sh", checkout / "scripts" / "setup", *arguments], cwd=Path("/"))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_setup_is_done_again_after_a_lock_file_changed(checkout: Path, tmp_path: Path) -> None:
    test_setup_changes_nothing_when_it_has_been_done(checkout)
    with (checkout / "requirements.lock").open("a") as lock:
        lock.write("# changed\n")
    python = program(tmp_path / "python", PYTHON_WITHOUT_VENV)
    (checkout / ".venv" / "pyvenv.cfg").touch()
    assert run(["sh", "scripts/setup"], cwd=checkout, PYTHON=str(python)).returncode == 3


# demo passes --help on to the command that it starts.
@pytest.mark.parametrize("script", [s for s in SCRIPTS if s.name != "demo"], ids=lambda path: path.name)
def test_a_script_tells_its_use_from_any_folder(script: Path, tmp_path: Path) -> None:
    done = run(["sh", script, "--help"], cwd=tmp_path)
    assert done.returncode == 0
    assert f"scripts/{script.name}" in done.stdout
    assert "set -eu" not in done.stdout


@pytest.mark.parametrize("name", ["setup", "check"])
def test_an_unknown_argument_is_a_usage_error(name: str) -> None:
    done = run(["sh", ROOT / "scripts" / name, "--no-such-thing"])
    assert done.returncode == 2
    assert "unknown argument: --no-such-thing" in done.stderr


@pytest.mark.parametrize("script", [*SCRIPTS, ROOT / ".ci" / "run"], ids=lambda path: path.name)
def test_a_script_can_be_called_by_its_path(script: Path) -> None:
    assert os.access(script, os.X_OK)


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_shellcheck_finds_nothing() -> None:
    done = run(["shellcheck", *SCRIPTS, ROOT / ".ci" / "run"])
    assert done.returncode == 0, done.stdout

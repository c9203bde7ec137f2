"""A virtual environment for the DAGs of a bundle, made from what its files ask for, and kept by that content.

What is asked for is stored with each version, so that a run keeps its packages as it keeps its code, and every machine
makes the environment for itself. Our own packages come last on its path: what the bundle pins is found first.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import signal
import site
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from orchestrator.compat import stand_in
from orchestrator.provider_install import COMPILED, uv_here

IN_VERSION = ".environment"
"""The folder of a version that holds what its environment is made from."""
REQUIREMENTS, CONSTRAINTS = "requirements.txt", "constraints.txt"
READY = "ready"
BUILD_SECONDS = 1800.0
LONGEST_FILE = 1 << 20
LONGEST_LOG = 20_000
MOST_INCLUDED = 50
UNUSED_SECONDS = 14 * 86400.0
OURS = re.compile(r"apache[-_.]airflow([-_.](core|task[-_.]sdk))?\s*(\[[^\]]*\])?\s*([=<>!~;@].*)?", re.IGNORECASE)
PASSED_ON = re.compile(
    r"PATH|HOME|LANG|LC_ALL|TMPDIR|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|(PIP|UV)_\w+|\w+_proxy", re.IGNORECASE
)

Tell = Callable[[str], None]


class BuildError(Exception):
    """An environment cannot be had; the message says why, and ``log`` what the installer said."""

    def __init__(self, message: str, log: str = "") -> None:
        super().__init__(message)
        self.log = log


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an environment is made from."""

    requirements: str
    constraints: str = ""

    @property
    def digest(self) -> str:
        """The same for the same content and the same Python."""
        parts = (self.requirements, self.constraints, sys.version, sys.prefix)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]

    def contents(self) -> dict[str, bytes]:
        """As files of a version."""
        return {
            f"{IN_VERSION}/{name}": text.encode()
            for name, text in ((REQUIREMENTS, self.requirements), (CONSTRAINTS, self.constraints))
            if text or name == REQUIREMENTS
        }


# ---- what a bundle asks for


def wanted_by(root: str, file: str) -> tuple[Wanted, str] | None:
    """Return what the bundle in ``root`` asks for, and in which file; None where it has none. ``file``: its name, or auto.

    Raises:
        BuildError: the file cannot be read, or asks for what another machine would not have.
    """
    names = [file] if file != "auto" else [REQUIREMENTS, "pyproject.toml", f"dags/{REQUIREMENTS}"]
    for name in names:
        path = os.path.join(root, name)
        if not os.path.isfile(path):
            continue
        if name.endswith(".toml"):
            found = _project(path)
            if found is None:
                continue
            return Wanted("\n".join(found) + "\n"), name
        requirements, constraints = _lines(root, name, 0)
        return Wanted("\n".join(requirements) + "\n", "\n".join(constraints) + "\n" if constraints else ""), name
    if file != "auto":
        raise BuildError(f"there is no file {file}, from which the environment is to be made")
    return None


def _project(path: str) -> list[str] | None:
    try:
        project = tomllib.loads(_text(path)).get("project") or {}
    except tomllib.TOMLDecodeError as error:
        raise BuildError(f"pyproject.toml cannot be read: {error}") from None
    found = project.get("dependencies")
    return [str(each) for each in found if not OURS.fullmatch(str(each))] if isinstance(found, list) else None


def _lines(root: str, name: str, depth: int) -> tuple[list[str], list[str]]:
    """The lines of a requirements file with those that it includes in their places."""
    if depth > MOST_INCLUDED:
        raise BuildError(f"{name} includes itself")
    requirements: list[str] = []
    constraints: list[str] = []
    for line in _text(os.path.join(root, name)).splitlines():
        text = line.split(" #")[0].strip()
        if not text or text.startswith("#") or OURS.fullmatch(text):
            continue
        option, _, value = text.replace("=", " ", 1).partition(" ") if text.startswith("--") else text.partition(" ")
        if option in {"-r", "--requirement", "-c", "--constraint"}:
            inner = _inside(name, value.strip())
            more, limits = _lines(root, inner, depth + 1)
            requirements += more if option in {"-r", "--requirement"} else []
            constraints += limits + (more if option in {"-c", "--constraint"} else [])
        elif option in {"-e", "--editable"} or text.startswith((".", "/", "file:")):
            raise BuildError(
                f"{name} asks for {text!r}: packages of a bundle's own are imported from its folder instead"
            )
        else:
            requirements.append(text)
    return requirements, constraints


def _inside(name: str, other: str) -> str:
    path = os.path.normpath(os.path.join(os.path.dirname(name), other))
    if "://" in other or path.startswith(("/", "..")):
        raise BuildError(f"{name} includes {other!r}: only files of the bundle can be")
    return path


def _text(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(LONGEST_FILE).decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise BuildError(f"{os.path.basename(path)} cannot be read: {reason}") from None


# ---- the environments of this machine


def folder_of(digest: str) -> Path:
    return Path(settings.ORCH.home) / "environments" / digest


def python_in(digest: str) -> str | None:
    """The interpreter of an environment that is there."""
    folder = folder_of(digest)
    try:
        os.utime(folder / READY)  # in use: `clear_old` leaves it be
    except FileNotFoundError:
        return None
    return str(folder / "bin" / "python")


@lru_cache(maxsize=512)
def _wanted_by_version(root: str) -> Wanted | None:
    folder = Path(root) / IN_VERSION
    try:
        requirements = (folder / REQUIREMENTS).read_text()
    except OSError:
        return None
    constraints = folder / CONSTRAINTS
    return Wanted(requirements, constraints.read_text() if constraints.is_file() else "")


def python_of(root: str) -> str | None:
    """The interpreter for a version that is laid out in ``root``, made where it is not there yet; None = our own.

    Raises:
        BuildError: it cannot be made here.
    """
    if not root:
        return None
    wanted = _wanted_by_version(root)
    if wanted is None:
        return None
    return python_in(wanted.digest) or build(wanted)


def is_apart(root: str) -> bool:
    """Whether a version has an environment of its own."""
    return _wanted_by_version(root) is not None


def build(wanted: Wanted, tell: Tell = lambda text: None) -> str:
    """Make the environment and return its interpreter; ``tell`` hears what the installer says, all of it each time.

    Several processes may come here at once: one makes it, the others wait for that.

    Raises:
        BuildError: it cannot be made; nothing of it is left.
    """
    folder = folder_of(wanted.digest)
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(folder):
        found = python_in(wanted.digest)
        if found is not None:
            return found
        shutil.rmtree(folder, ignore_errors=True)
        said = Said(tell)
        try:
            _make(folder, wanted, said)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        (folder / READY).touch()
    return str(folder / "bin" / "python")


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with open(folder.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Said:
    """The end of what an installer says."""

    def __init__(self, tell: Tell) -> None:
        self.text, self.tell = "", tell

    def add(self, text: str) -> None:
        self.text = (self.text + text)[-LONGEST_LOG:]
        self.tell(self.text)


def _make(folder: Path, wanted: Wanted, said: Said) -> None:
    uv = uv_here()
    python = str(folder / "bin" / "python")
    if uv:
        _run([*uv, "venv", "--quiet", "--python", sys.executable, str(folder)], said)
    else:
        _run([sys.executable, "-m", "venv", "--without-pip", str(folder)], said)
    packages = _packages(python)
    # Every provider asks for Apache Airflow, beside which our names cannot load: while they are installed it looks there.
    standing_in = stand_in.put(packages)
    asked = folder / "asked"
    asked.mkdir()
    (asked / REQUIREMENTS).write_text(wanted.requirements)
    (asked / CONSTRAINTS).write_text(wanted.constraints)
    files = ["-r", str(asked / REQUIREMENTS), *(["-c", str(asked / CONSTRAINTS)] if wanted.constraints else [])]
    installer = (
        [*uv, "pip", "install", *COMPILED]
        if uv
        else [*_pip(), "--python", python, "install", "--disable-pip-version-check"]
    )
    line = [*installer, *(["--python", python] if uv else ["--progress-bar", "off"]), *files]
    if wanted.requirements.strip():
        _run(line, said)
        _bring_along(packages, line, said)
    shutil.rmtree(standing_in)
    for name in ("apache_airflow_core", "apache_airflow"):
        if any(packages.glob(f"{name}-*.dist-info")):
            raise BuildError(
                f"{name.replace('_', '-')} came along: leave it out, Orchestrator answers to its names", said.text
            )
    # Last, so that the installer did not count what is ours as there.
    (packages / "_orchestrator.pth").write_text("\n".join(site.getsitepackages()) + "\n")


def _bring_along(packages: Path, line: list[str], said: Said) -> None:
    """Install what Airflow would have brought: packages made for it use that without asking for it.

    Where it cannot be had (an index of the bundle's own, a pin that does not fit), the environment does without.
    """
    missing = stand_in.missing_in(packages)
    if not missing:
        return
    try:
        _run([*line, *missing], said)
    except BuildError as error:
        said.add(f"Airflow would have brought {', '.join(missing)} along, which is not there: {error}\n")


def _packages(python: str) -> Path:
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return Path(subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip())


def _pip() -> list[str]:
    if importlib.util.find_spec("pip") is None:
        raise BuildError("there is neither uv nor pip to make an environment with: install one of them beside us")
    return [sys.executable, "-m", "pip"]


def _run(line: list[str], said: Said) -> None:
    """Run an installer with nothing of our environment that it does not need, ended with all it started at the limit."""
    environment = {name: value for name, value in os.environ.items() if PASSED_ON.fullmatch(name)}
    process = subprocess.Popen(
        line,
        env={**environment, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        process_group=0,
    )
    assert process.stdout is not None
    deadline = time.monotonic() + BUILD_SECONDS
    watch = _Deadline(process.pid, deadline)
    try:
        with process.stdout:
            for text in process.stdout:
                said.add(text)
        code = process.wait()
    finally:
        watch.stop()
    if code:
        limit = time.monotonic() >= deadline
        lines = [each for each in said.text.splitlines() if each.strip()]
        errors = [each for each in lines if "error" in each.lower()]
        reason = f"it took longer than {BUILD_SECONDS:g} s" if limit else (errors or lines or [f"exit code {code}"])[0]
        raise BuildError(f"the environment cannot be made: {reason.strip()[:500]}", said.text)


class _Deadline:
    """Ends a process group at a time, unless it is stopped before."""

    def __init__(self, group: int, deadline: float) -> None:
        import threading

        self._timer = threading.Timer(max(0.0, deadline - time.monotonic()), self._end, [group])
        self._timer.daemon = True
        self._timer.start()

    def _end(self, group: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)

    def stop(self) -> None:
        self._timer.cancel()


def clear_old(kept: Collection[str]) -> int:
    """Delete the environments that nobody used for two weeks, but for those of ``kept`` digests; return how many.

    One that an old run needs again is made again.
    """
    home, gone = folder_of("x").parent, 0
    for folder in [each for each in home.iterdir() if each.is_dir()] if home.is_dir() else []:
        with _alone(folder):
            mark = folder / READY
            used = (mark if mark.exists() else folder).stat().st_mtime
            if folder.name not in kept and time.time() - used > UNUSED_SECONDS:
                mark.unlink(missing_ok=True)  # first: whoever needs it makes it anew
                shutil.rmtree(folder, ignore_errors=True)
                gone += 1
    return gone

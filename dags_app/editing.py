"""Files of the DAGs folder, read to be edited and written back: only if the folder is this machine's own to write.

A text is imported before it is written, in a process of its own as every DAG file is, from a folder that looks like
the DAGs folder but for this one file. So a mistake costs nothing, and no code of an editor runs in the web server.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from orchestrator.runtime.client import ForkServer

from . import environments, plugins, sync
from .bundles.config import DEFAULT_NAME, BundleError, configured
from .models import Bundle
from .parsing import Answers

LARGEST = 1024 * 1024


class NotEditable(Exception):
    """The file cannot be edited here; the message says why, and what would help."""


class ChangedMeanwhile(Exception):
    """The file is not what the editor was given."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} was changed meanwhile: copy your text, load the file again, and make your change there"
        )


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it is now; ``digest`` says so when it is written back."""

    path: str
    text: str
    digest: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What importing a text gave: the ids of its DAGs, or what is wrong with it ({"message", "line", "stack_trace"})."""

    dag_ids: list[str]
    errors: list[dict[str, Any]]


def read(path: str, bundle: str = DEFAULT_NAME) -> Source:
    """Return a file of a bundle that is a folder of this machine.

    Raises:
        NotEditable: editing is switched off, or the file is not there, not writable, not text, or too large.
    """
    place = _place(path, bundle)
    try:
        content = place.read_bytes()
    except OSError as error:
        raise NotEditable(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > LARGEST:
        raise NotEditable(f"{path} has {len(content)} bytes; files of more than {LARGEST} are not edited here")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise NotEditable(f"{path} is not UTF-8 text") from error
    if "\0" in text:
        raise NotEditable(f"{path} is not text")
    return Source(path, text, hashlib.sha256(content).hexdigest())


def check(path: str, text: str, bundle: str = DEFAULT_NAME) -> Checked:
    """Import a text as if it stood in the file, in a process of its own within the limits of parsing."""
    if not path.endswith(".py"):
        return Checked([], [])
    answers, real = Answers(), _root(bundle)
    server = ForkServer(python=_python(bundle))
    try:
        with _as_if(real, path, text) as root:
            result = server.parse(
                root,
                path,
                timeout=settings.ORCH.parse_timeout,
                memory_bytes=settings.ORCH.parse_memory_bytes,
                answer=answers.answer,
                plugins=plugins.current().folder,
            )
    finally:
        server.close()
    documents, refused = sync.read_documents(result.dags)
    errors = [_of_the_file(each, root, str(real)) for each in answers.masked([*result.errors, *refused])]
    return Checked([each.spec.dag_id for each in documents], errors)


def write(path: str, text: str, digest: str, bundle: str = DEFAULT_NAME) -> None:
    """Put a text in the place of a file, whole or not at all.

    Raises:
        NotEditable: as of :func:`read`, or the folder cannot be written.
        ChangedMeanwhile: the file is no longer what ``digest`` says.
    """
    before = read(path, bundle)
    place = _place(path, bundle)
    if "\r\n" in before.text:
        text = text.replace("\n", "\r\n")
    try:
        # Beside it, so that it can take its place in one step; under a name that is no DAG file's.
        descriptor, fresh = tempfile.mkstemp(prefix=".edit-", suffix=".tmp", dir=place.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
            os.chmod(fresh, stat.S_IMODE(place.stat().st_mode))
            if read(path, bundle).digest != digest:
                raise ChangedMeanwhile(path)
            os.replace(fresh, place)
        finally:
            Path(fresh).unlink(missing_ok=True)
    except OSError as error:
        raise NotEditable(f"{path} cannot be written: {error.strerror}") from error


def _root(bundle: str) -> Path:
    """The folder of a bundle.

    Raises:
        NotEditable: its files come from elsewhere, where they are to be edited.
    """
    try:
        config = next((each for each in configured() if each.name == bundle and each.kind == "local"), None)
    except BundleError as error:
        raise NotEditable(str(error)) from error
    if config is None:
        raise NotEditable(f"bundle {bundle} is no folder of this machine: its files are edited where they come from")
    return Path(config.path).resolve()


def _python(bundle: str) -> str:
    """The interpreter that the bundle's files are parsed with."""
    digest = Bundle.objects.filter(pk=bundle).values_list("environment_digest", flat=True).first()
    return (environments.python_in(digest) if digest else None) or sys.executable


def _place(path: str, bundle: str) -> Path:
    """The file itself; links are followed, but not out of the folder.

    Raises:
        NotEditable: editing is switched off, or there is no such file to write.
    """
    if not settings.ORCH.edit_dags:
        raise NotEditable("editing is switched off: ORCHESTRATOR_EDIT_DAGS=true switches it on")
    root = _root(bundle)
    try:
        place = (root / path).resolve(strict=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise NotEditable(f"the DAGs folder of this machine has no file {path}") from error
    if not place.is_relative_to(root) or not place.is_file():
        raise NotEditable(f"{path} is no file of the DAGs folder")
    if not os.access(place, os.W_OK) or not os.access(place.parent, os.W_OK):
        raise NotEditable(f"{path} cannot be written by the web server")
    return place


@contextmanager
def _as_if(root: Path, path: str, text: str) -> Iterator[str]:
    """A folder that shows what ``root`` holds, with ``text`` in the place of one file."""
    with tempfile.TemporaryDirectory(prefix="edit-") as shadow:
        real, copy = root, Path(shadow)
        *folders, name = Path(path).parts
        for folder in [*folders, ""]:
            for each in os.scandir(real):
                if each.name not in {folder or name, "__pycache__"}:
                    os.symlink(each.path, copy / each.name)
            if folder:
                real, copy = real / folder, copy / folder
                copy.mkdir()
        (copy / name).write_bytes(text.encode())
        yield str(Path(shadow))


def _of_the_file(error: dict[str, Any], root: str, real: str) -> dict[str, Any]:
    """An error without the name of the folder that was made for the look."""
    return {**error, **{name: str(error[name]).replace(root, real) for name in ("message", "stack_trace")}}

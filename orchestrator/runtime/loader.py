"""Importing one DAG file."""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
import traceback
from typing import Any

from .plugins import IN_VERSION


class LoadError(Exception):
    """The file cannot be imported; carries one line, the line number in the file, and the traceback."""

    def __init__(self, message: str, line: int | None, trace: str) -> None:
        super().__init__(message)
        self.message, self.line, self.trace = message, line, trace


_places: list[tuple[str, str]] = []
_loading = threading.Lock()

IN_PROJECT = f"dags{os.sep}"
"""How the files begin that a whole Airflow project has as its DAGs: its top is its home, too."""
_LIBRARY = (os.path.dirname(os.__file__), os.path.join(os.path.dirname(os.__file__), "lib-dynload"))
DAG_FILE_PREFIX = "dag_file_"
"""What the module of a DAG file is called by, so that it takes no other module's name."""


def import_folders(root: str, file: str) -> list[str]:
    """The folders that a DAG file may import from, the one looked at first last."""
    return [
        os.path.join(root, IN_VERSION),
        os.path.join(root, "config"),
        os.path.join(root, "plugins"),
        os.path.dirname(os.path.join(root, file)),
        *([os.path.join(root, "dags")] if file.startswith(IN_PROJECT) else []),
        root,
        *([os.path.join(root, file)] if file.endswith(".zip") else []),
    ]


def add_paths(root: str, file: str) -> None:
    """Let what a DAG file may import be imported.

    Python's own modules come first, as in Airflow: folders of DAGs are called `http`, `email` or `queue`, and a library that
    imports such a module must not get them.
    """
    _places[:] = [(root, file)]
    library = [each for each in sys.path if each in _LIBRARY]
    sys.path[:] = [*library, *(each for each in sys.path if each not in _LIBRARY)]
    for folder in import_folders(root, file):
        if folder not in sys.path and os.path.exists(folder):
            sys.path.insert(len(library), folder)


def trace_of(*exc_info: Any) -> str:
    """A stack trace that names the files of a DAG by their places in the DAGs folder, as their author knows them.

    They lie in a folder of their version, whose name is a hash that says nothing to anybody.
    """
    text = "".join(traceback.format_exception(*exc_info)).rstrip()
    return text.replace(f'File "{_places[0][0]}{os.sep}', 'File "') if _places else text


def load_here(module: str) -> None:
    """Import the DAG file that this process is there for, if ``module`` is its name and nobody did yet."""
    if _places and module.startswith(DAG_FILE_PREFIX):
        with _loading:
            if module not in sys.modules:
                load(*_places[0])


def load(root: str, file: str) -> dict[str, Any]:
    """Import ``file`` (relative to ``root``) and return its DAGs by id.

    Raises:
        LoadError: importing it, or collecting its DAGs, raised something.
    """
    from orchestrator.sdk import era, registry

    path = os.path.join(root, file)
    add_paths(root, file)
    if file.startswith(IN_PROJECT):
        os.environ.setdefault("AIRFLOW_HOME", root)
    sys.dont_write_bytecode = True
    name = DAG_FILE_PREFIX + "".join(each if each.isalnum() else "_" for each in os.path.splitext(file)[0])
    registry.begin()
    try:
        era.begin(root, file)
        if file.endswith(".zip"):
            return _load_archive(path)
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{file} is no Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return {dag.dag_id: dag for dag in registry.collect(module)}
    except BaseException as error:
        raise load_error(error, path) from error


def _load_archive(path: str) -> dict[str, Any]:
    """Import each module at the top of a zip that speaks of DAGs, by its own name, as Airflow does; the rest is for them."""
    import importlib
    import zipfile

    from orchestrator.sdk import registry

    found: dict[str, Any] = {}
    with zipfile.ZipFile(path) as archive:
        sources = {
            each: archive.read(each).lower() for each in archive.namelist() if "/" not in each and each.endswith(".py")
        }
    for name, source in sorted(sources.items()):
        if b"dag" in source and (b"airflow" in source or b"orchestrator" in source):
            module = importlib.import_module(name.removesuffix(".py"))
            found |= {dag.dag_id: dag for dag in registry.collect(module)}
    return found


def load_error(error: BaseException, path: str) -> LoadError:
    """Say what went wrong and where in the file itself."""
    line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else None
    frames = traceback.extract_tb(error.__traceback__)
    if line is None:
        line = next((each.lineno for each in reversed(frames) if each.filename.startswith(path)), None)
    own = [
        each for each in frames if "importlib" not in each.filename and not each.filename.endswith("runtime/loader.py")
    ]
    text = "".join(
        ["Traceback (most recent call last):\n", *traceback.format_list(own), *traceback.format_exception_only(error)]
    )
    message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return LoadError(message.splitlines()[0][:1000], line, text[-20000:])

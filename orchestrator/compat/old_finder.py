"""Modules of providers under the paths that they had once; asked after what is installed."""

from __future__ import annotations

import importlib
import importlib.machinery
import sys
from types import ModuleType
from typing import Any

from .old_providers import GONE, moved


class OldModule(ModuleType):
    """Looks its names up where they are today; says what to install where that is not there."""

    def __getattr__(self, name: str) -> Any:
        entry = moved().get(self.__name__)
        if entry is None or name.startswith("__"):
            raise AttributeError(name)
        missing = [each for each in entry.packages if not _is_installed(each)]
        if missing:
            packages = ", ".join(f"apache-airflow-providers-{each}" for each in missing)
            raise ImportError(
                f"{entry.old}.{name} is made of what is in {packages}: manage.py providers install {' '.join(missing)}"
            )
        try:
            found = getattr(importlib.import_module(entry.modern), entry.renamed.get(name, name))
        except ModuleNotFoundError as error:
            # No AttributeError: the import statement would replace its text by "cannot import name".
            raise ImportError(f"{entry.old}.{name} is in {entry.modern} today: {error}") from error
        setattr(self, name, found)
        return found


def _is_installed(package: str) -> bool:
    from importlib import metadata

    try:
        return bool(metadata.version(f"apache-airflow-providers-{package}"))
    except metadata.PackageNotFoundError:
        return False


class OldFinder:
    """Answers for old modules and the packages on the way to them."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        is_package = any(each.startswith(name + ".") for each in moved())
        if not is_package and name not in moved():
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=is_package)  # type: ignore[arg-type]

    def create_module(self, spec: Any) -> ModuleType:
        return OldModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None and module.__spec__.submodule_search_locations is not None:
            module.__path__ = [f"{each}/{module.__name__.replace('.', '/')}" for each in sys.path if each]


class WithGone:
    """Loads an installed module, and gives it the names that it had once."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader

    def create_module(self, spec: Any) -> Any:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self.loader.exec_module(module)
        before = module.__dict__.get("__getattr__")

        def __getattr__(name: str) -> Any:
            target = GONE[module.__name__].get(name)
            if target is not None:
                where, _, attribute = target.partition(":")
                return getattr(importlib.import_module(where), attribute)
            if before is not None:
                return before(name)
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

        module.__getattr__ = __getattr__  # type: ignore[method-assign]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)


def with_gone(name: str, path: Any) -> Any:
    """Return the spec of an installed module whose names were more once; None where it is not installed."""
    spec = importlib.machinery.PathFinder.find_spec(name, path)
    if spec is not None and spec.loader is not None:
        spec.loader = WithGone(spec.loader)  # type: ignore[assignment]
    return spec

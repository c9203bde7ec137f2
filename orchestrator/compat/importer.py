"""Making the modules of the table when they are imported."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
from types import ModuleType
from typing import Any

from .names import MODULES


class AliasModule(ModuleType):
    """Names load on first use; a name that is only a module is imported."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        target = MODULES[self.__name__].get(name)
        if target is not None:
            module, _, attribute = target.partition(":")
            value = getattr(importlib.import_module(module), attribute)
            setattr(self, name, value)
            return value
        full = f"{self.__name__}.{name}"
        if full in MODULES:
            return importlib.import_module(full)
        raise AttributeError(f"{full} is not there: docs/reference/airflow-names.md lists the names that are")


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Answers for the modules of the table, so that nothing has to lie on disk under Airflow's name."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name not in MODULES:
            return None
        is_package = any(other.startswith(name + ".") for other in MODULES)
        return importlib.machinery.ModuleSpec(name, self, is_package=is_package)

    def create_module(self, spec: Any) -> ModuleType:
        return AliasModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None and module.__spec__.submodule_search_locations is not None:
            # Provider packages that are installed share the top package.
            relative = module.__name__.replace(".", "/")
            module.__path__ = [f"{each}/{relative}" for each in sys.path if each]


def install() -> None:
    """Answer imports of ``airflow`` from here on.

    Raises:
        ImportError: the real Apache Airflow is installed beside us.
    """
    from importlib.metadata import PackageNotFoundError, version

    if any(isinstance(each, Finder) for each in sys.meta_path):
        return
    try:
        found = version("apache-airflow-core")
    except PackageNotFoundError:
        sys.meta_path.insert(0, Finder())
        return
    raise ImportError(
        f"apache-airflow-core {found} is installed here: Orchestrator answers to its names, so uninstall it first"
    )

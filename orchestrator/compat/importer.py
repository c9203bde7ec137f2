"""Making the modules of the table when they are imported."""

from __future__ import annotations

import importlib
import importlib.machinery
import os
import sys
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

from .dates import LOCAL
from .names import FALLBACK, MODULES, REFUSED
from .old_finder import OldFinder, with_gone
from .old_providers import GONE, moved
from .plugin_modules import PluginModules, brought
from .provider_names import FAMILIES

EXAMPLES = ("airflow.example_dags", "airflow.contrib.example_dags")
REFERENCE = "docs/reference/airflow-names.md lists the names that are"


class AliasModule(ModuleType):
    """Names load on first use; a name that is only a module is imported."""

    def __getattr__(self, name: str) -> Any:
        names = MODULES[self.__name__]
        full = f"{self.__name__}.{name}"
        if name in names:
            module, _, attribute = names[name].partition(":")
            found = importlib.import_module(module)
            value = getattr(found, attribute) if attribute else found
            setattr(self, name, value)
            return value
        if name == "__all__":
            return sorted(each for each in names if not each.startswith("_"))
        if name.startswith("__"):
            raise AttributeError(name)
        if full in REFUSED:
            # No AttributeError: the import statement would replace its text by "cannot import name".
            raise ImportError(f"{full}: {REFUSED[full]}")
        if full in MODULES:
            return importlib.import_module(full)
        of_plugins = brought(self.__name__)
        if name in of_plugins:
            return of_plugins[name]
        raise AttributeError(f"{full} is not there: {REFERENCE}")

    def __setattr__(self, name: str, value: Any) -> None:
        # Importing `airflow.decorators.task_group` puts that module into its package, where Airflow has the decorator.
        if isinstance(value, AliasModule) and name in MODULES.get(self.__name__, ()):
            return
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        below = {each.rpartition(".")[2] for each in MODULES if each.rpartition(".")[0] == self.__name__}
        return sorted({*super().__dir__(), *MODULES[self.__name__], *below})


class Folders:
    """Where a package of Airflow's goes on: provider packages that are installed share it, and files of a DAGs folder may.

    Asked each time, since a DAG's folders come to ``sys.path`` after the package was imported.
    """

    def __init__(self, *below: str) -> None:
        self.below = below

    def __iter__(self) -> Iterator[str]:
        return (f"{each}/{below}" if below else each for below in self.below for each in sys.path if each)


class Finder:
    """Answers for the modules of the table, so that nothing has to lie on disk under Airflow's name.

    No subclass of ``importlib.abc``'s, which takes 9 ms to import and draws in ``random``, seeded anew in each fork.
    """

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name in GONE:
            return with_gone(name, path)
        return None if name in FALLBACK else self.spec_of(name)

    def spec_of(self, name: str) -> Any:
        if name not in MODULES:
            return None
        is_package = name in FAMILIES or any(other.startswith(name + ".") for other in (*MODULES, *REFUSED, *moved()))
        return importlib.machinery.ModuleSpec(name, self, is_package=is_package)

    def create_module(self, spec: Any) -> ModuleType:
        return AliasModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None and module.__spec__.submodule_search_locations is not None:
            module.__path__ = Folders(module.__name__.replace(".", "/"))


class LastFinder:
    """Asked when nobody else knew the module: says why, and what to do."""

    def __init__(self, first: Finder) -> None:
        self.first = first
        self.old = OldFinder()
        self.plugins = PluginModules()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if not name.startswith("airflow."):
            return None
        if name in FALLBACK:
            return self.first.spec_of(name)
        if name in EXAMPLES:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        for refused, reason in REFUSED.items():
            if name == refused or name.startswith(refused + ".") or refused.startswith(name + "."):
                raise ModuleNotFoundError(f"{refused}: {reason}", name=name)
        found = self.old.find_spec(name, path) or self.plugins.find_spec(name)
        if found is not None:
            return found
        if name.startswith("airflow.providers."):
            raise ModuleNotFoundError(provider_missing(name), name=name)
        raise ModuleNotFoundError(f"No module named {name!r}: {REFERENCE}", name=name)

    def create_module(self, spec: Any) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        # Airflow's example files, copied into a DAGs folder, import what lies beside them by their old place.
        module.__path__ = Folders("airflow/example_dags", "")


def provider_of(module: str) -> str:
    """Return the short name of the package that a module of providers belongs to: ``apache-kafka``."""
    parts = module.split(".")[2:]
    return "-".join(parts[: 2 if f"airflow.providers.{parts[0]}" in FAMILIES else 1]).replace("_", "-")


def provider_missing(module: str) -> str:
    """What to say of a provider's module that is not there: its package is missing, or another version has it."""
    from importlib import metadata

    short = provider_of(module)
    package = f"apache-airflow-providers-{short}"
    try:
        version = metadata.version(package)
    except metadata.PackageNotFoundError:
        return f"No module named {module!r}: install the package {package}: manage.py providers install {short}"
    return f"No module named {module!r}: {package} {version}, which is installed, has none of that name"


def install() -> None:
    """Answer imports of ``airflow`` from here on.

    Raises:
        ImportError: the real Apache Airflow is installed beside us.
    """
    if any(isinstance(each, Finder) for each in sys.meta_path):
        return
    found = installed_airflow(sys.path)
    if found is not None:
        raise ImportError(f"{found} is installed here: Orchestrator answers to its names, so uninstall it first")
    first = Finder()
    sys.meta_path.insert(0, first)
    sys.meta_path.append(LastFinder(first))


def installed_airflow(folders: Iterable[str]) -> str | None:
    """Return name and version of an Apache Airflow in one of ``folders``.

    Looked up by name: ``importlib.metadata`` would draw e-mail and zip files into every attempt's process.
    """
    for folder in folders:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        for name in names:
            stem, _, kind = name.rpartition(".")
            distribution, _, version = stem.partition("-")
            if version.endswith(f"+{LOCAL}"):
                continue
            if kind in {"dist-info", "egg-info"} and distribution.lower() in {"apache_airflow", "apache_airflow_core"}:
                return f"{distribution.replace('_', '-')} {version}"
    return None

"""What installed provider packages say of themselves: connection types, decorators, extra links, file systems ...

Each brings a function that returns this as one literal. It is read from its source and not called: importing a package
to ask for the name of a field would cost seconds, and a package that is broken could stop a page.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from functools import cache
from typing import Any

GROUP = "apache_airflow_provider"
Info = dict[str, Any]


@cache
def infos() -> tuple[Info, ...]:
    """Return what each installed package brings, by its name; ``version`` is its own."""
    from importlib import metadata

    found: dict[str, Info] = {}
    for distribution in metadata.distributions():
        for entry in distribution.entry_points:
            if entry.group == GROUP:
                info = _said(distribution, entry)
                name = str(info.get("package-name") or distribution.metadata["Name"])
                found.setdefault(name, {**info, "package-name": name, "version": distribution.version})
    return tuple(found[name] for name in sorted(found))


def _said(distribution: Any, entry: Any) -> Info:
    """The literal that the entry's function returns; empty where it returns something that has to be worked out."""
    import ast

    module, _, function = entry.value.partition(":")
    try:
        source = distribution.locate_file(module.replace(".", "/") + ".py").read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef) and node.name == function:
                returned = next(each.value for each in ast.walk(node) if isinstance(each, ast.Return) and each.value)
                said = ast.literal_eval(returned)
                return said if isinstance(said, dict) else {}
    except (OSError, ValueError, SyntaxError, StopIteration):
        pass  # a package without such a literal is listed by its name alone
    return {}


def entries(kind: str) -> Iterator[tuple[Info, Any]]:
    """Yield each package with each thing of one kind that it brings: ``entries("connection-types")``."""
    for info in infos():
        for each in info.get(kind) or ():
            yield info, each


@cache
def hooks() -> dict[str, tuple[Info, Info]]:
    """Connection type -> its package and what that says of the type; the first package has it."""
    found: dict[str, tuple[Info, Info]] = {}
    for info, each in entries("connection-types"):
        if isinstance(each, dict) and each.get("connection-type"):
            found.setdefault(str(each["connection-type"]), (info, each))
    return found


def named(path: str) -> Any:
    """Return what ``package.module.Name`` names."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def hook_class(conn_type: str) -> Any:
    """Return the class of the hook for a connection type; None where no installed package brings one."""
    found = hooks().get(conn_type)
    return named(str(found[1]["hook-class-name"])) if found is not None else None


@cache
def decorators() -> dict[str, str]:
    """``@task.NAME`` -> the function behind it, as its dotted path."""
    return {each["name"]: each["class-name"] for _, each in entries("task-decorators")}


_PACKAGES = {
    **{"aws": "amazon", "emr": "amazon", "redshift": "amazon", "athena": "amazon", "google_cloud_platform": "google"},
    **{"gcpbigquery": "google", "gcpssh": "google", "wasb": "microsoft-azure", "azure_data_lake": "microsoft-azure"},
    **{"azure": "microsoft-azure", "adls": "microsoft-azure", "mssql": "microsoft-mssql", "kafka": "apache-kafka"},
    **{"spark": "apache-spark", "spark_sql": "apache-spark", "spark_connect": "apache-spark"},
    **{
        "kubernetes": "cncf-kubernetes",
        "slackwebhook": "slack",
        "hive_cli": "apache-hive",
        "hiveserver2": "apache-hive",
    },
}


def package_of(conn_type: str) -> str:
    """The short name of the package that brings a connection type's hook; most are called as the type."""
    return _PACKAGES.get(conn_type) or conn_type.replace("_", "-")

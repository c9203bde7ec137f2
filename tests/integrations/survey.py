"""Imports what one package brings for authors, and prints what failed: ``python -m tests.integrations.survey PACKAGE``."""

from __future__ import annotations

import importlib
import json
import sys
import warnings
from importlib import metadata

KINDS = {
    *("assets", "decorators", "fs", "hooks", "links", "notifications", "operators", "queues", "sensors"),
    *("transfers", "triggers", "xcom"),
}


def modules_of(package: str) -> list[str]:
    found = set()
    for file in metadata.distribution(package).files or ():
        *parents, name = file.parts
        if parents[:2] == ["airflow", "providers"] and KINDS & {*parents} and name.endswith(".py"):
            found.add(".".join([*parents, name.removesuffix(".py")]).removesuffix(".__init__"))
    return sorted(found)


def main(package: str) -> None:
    import orchestrator.compat

    warnings.simplefilter("ignore")  # the packages' own, and their libraries'
    orchestrator.compat.install()
    modules, failed = modules_of(package), {}
    for module in modules:
        try:
            importlib.import_module(module)
        except BaseException as error:
            failed[module] = f"{type(error).__name__}: {error}"
    print(json.dumps({"modules": len(modules), "failed": failed}))


if __name__ == "__main__":
    main(sys.argv[1])

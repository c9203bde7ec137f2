"""What DAG authors import. Names load when they are first used, so that a DAG file parses fast."""

from __future__ import annotations

from typing import Any

NAMES = {
    "definition": ("DAG", "dag"),
    "operator": ("BaseOperator",),
    "taskgroup": ("TaskGroup",),
    "xcom_arg": ("XComArg",),
    "edges": ("EdgeModifier", "Label", "chain", "chain_linear", "cross_downstream"),
    "params": ("DagParam", "Param"),
    "connections": ("BaseHook", "Connection", "Variable"),
    "context": ("Context", "get_current_context"),
    "decorators": ("setup", "task", "task_group", "teardown"),
    "sensor": ("BaseSensorOperator", "PokeReturnValue"),
    "templating": ("literal",),
}
_HOME = {name: module for module, names in NAMES.items() for name in names}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    module = _HOME.get(name)
    if module is None:
        raise AttributeError(f"module 'orchestrator.sdk' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(f"orchestrator.sdk.{module}"), name)
    globals()[name] = value
    return value

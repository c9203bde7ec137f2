"""Where Airflow keeps the operators that come with us: the API names a task's class as Airflow's clients know it."""

from __future__ import annotations

from functools import cache

from .names import MODULES

_DECORATORS = "airflow.providers.standard.decorators."
_DECORATED = {
    "_PythonDecoratedOperator": "python",
    "_BranchPythonDecoratedOperator": "branch_python",
    "_ShortCircuitDecoratedOperator": "short_circuit",
    "_BashDecoratedOperator": "bash",
    "DecoratedSensorOperator": "sensor",
    "_PythonVirtualenvDecoratedOperator": "python_virtualenv",
    "_PythonExternalDecoratedOperator": "external_python",
    "_BranchPythonVirtualenvDecoratedOperator": "branch_virtualenv",
    "_BranchExternalPythonDecoratedOperator": "branch_external_python",
}
"""Classes behind ``@task`` and its kin, and the module of the decorator."""


@cache
def _homes() -> dict[str, tuple[str, str]]:
    """Ours as ``module:name`` -> module and name in Airflow's providers."""
    found: dict[str, tuple[str, str]] = {}
    for module, names in MODULES.items():
        if module.startswith("airflow.providers."):
            for name, ours in names.items():
                found.setdefault(ours, (module, name))
    return found


def class_ref(class_name: str, module_path: str | None = None) -> dict[str, str | None]:
    """Return module and name by which Airflow knows a class; a class of the author's own keeps its own."""
    if module_path is not None and module_path.startswith("orchestrator."):
        if class_name in _DECORATED:
            module_path = _DECORATORS + _DECORATED[class_name]
        else:
            module_path, class_name = _homes().get(f"{module_path}:{class_name}", (module_path, class_name))
    return {"module_path": module_path, "class_name": class_name}

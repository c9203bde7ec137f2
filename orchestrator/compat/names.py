"""One table: Airflow's module -> {name: where ours is}. ``module:name``; a bare module stands for all its public names."""

from __future__ import annotations

_OP = "orchestrator.operators."
_SDK = "orchestrator.sdk."
_SDK_NAMES = {
    "DAG": _SDK + "definition:DAG",
    "dag": _SDK + "definition:dag",
    "task": _SDK + "decorators:task",
    "task_group": _SDK + "decorators:task_group",
    "setup": _SDK + "decorators:setup",
    "teardown": _SDK + "decorators:teardown",
    "TaskGroup": _SDK + "taskgroup:TaskGroup",
    "BaseOperator": _SDK + "operator:BaseOperator",
    "BaseSensorOperator": _SDK + "sensor:BaseSensorOperator",
    "PokeReturnValue": _SDK + "sensor:PokeReturnValue",
    "BaseHook": _SDK + "connections:BaseHook",
    "Connection": _SDK + "connections:Connection",
    "Variable": _SDK + "connections:Variable",
    "Param": _SDK + "params:Param",
    "XComArg": _SDK + "xcom_arg:XComArg",
    "Label": _SDK + "edges:Label",
    "chain": _SDK + "edges:chain",
    "chain_linear": _SDK + "edges:chain_linear",
    "cross_downstream": _SDK + "edges:cross_downstream",
    "get_current_context": _SDK + "context:get_current_context",
    "Context": _SDK + "context:Context",
    "literal": _SDK + "templating:literal",
    "TriggerRule": "orchestrator.compat.enums:TriggerRule",
    "WeightRule": "orchestrator.compat.enums:WeightRule",
}
_EXCEPTIONS = {
    name: _SDK + "exceptions:" + name
    for name in (
        *("AirflowException", "AirflowFailException", "AirflowSkipException", "AirflowTaskTimeout"),
        *("AirflowSensorTimeout", "AirflowNotFoundException", "AirflowRescheduleException", "TaskDeferred"),
        *("AirflowRuntimeError", "DuplicateTaskIdFound", "ParamValidationError", "TaskDeferralError", "XComNotFound"),
    )
}
_PYTHON = {
    "PythonOperator": _OP + "python:PythonOperator",
    "BranchPythonOperator": _OP + "python:BranchPythonOperator",
    "ShortCircuitOperator": _OP + "python:ShortCircuitOperator",
    "get_current_context": _SDK + "context:get_current_context",
}
_BASH = {"BashOperator": _OP + "bash:BashOperator"}
_EMPTY = {"EmptyOperator": _OP + "empty:EmptyOperator", "DummyOperator": _OP + "empty:EmptyOperator"}
_LATEST = {"LatestOnlyOperator": _OP + "branch:LatestOnlyOperator"}
_BRANCH = {"BaseBranchOperator": _OP + "branch:BaseBranchOperator"}
_PYTHON_SENSOR = {"PythonSensor": _OP + "python:PythonSensor"}
_DATES = {"days_ago": "orchestrator.compat.dates:days_ago"}

MODULES: dict[str, dict[str, str]] = {
    "airflow": {"DAG": _SDK_NAMES["DAG"], "__version__": "orchestrator.compat.dates:AIRFLOW_VERSION"},
    "airflow.sdk": _SDK_NAMES,
    "airflow.sdk.exceptions": _EXCEPTIONS,
    "airflow.exceptions": _EXCEPTIONS,
    "airflow.decorators": {name: _SDK_NAMES[name] for name in ("dag", "task", "task_group", "setup", "teardown")},
    "airflow.models": {
        name: _SDK_NAMES[name] for name in ("DAG", "Variable", "Connection", "Param", "BaseOperator", "XComArg")
    },
    "airflow.models.dag": {"DAG": _SDK_NAMES["DAG"], "dag": _SDK_NAMES["dag"]},
    "airflow.models.param": {"Param": _SDK_NAMES["Param"]},
    "airflow.models.variable": {"Variable": _SDK_NAMES["Variable"]},
    "airflow.models.connection": {"Connection": _SDK_NAMES["Connection"]},
    "airflow.models.baseoperator": {name: _SDK_NAMES[name] for name in ("BaseOperator", "chain", "cross_downstream")},
    "airflow.models.xcom_arg": {"XComArg": _SDK_NAMES["XComArg"]},
    "airflow.hooks.base": {"BaseHook": _SDK_NAMES["BaseHook"]},
    "airflow.hooks.base_hook": {"BaseHook": _SDK_NAMES["BaseHook"]},
    "airflow.sensors.base": {name: _SDK_NAMES[name] for name in ("BaseSensorOperator", "PokeReturnValue")},
    "airflow.sensors.python": _PYTHON_SENSOR,
    "airflow.utils": {},
    "airflow.utils.dates": _DATES,
    "airflow.utils.task_group": {"TaskGroup": _SDK_NAMES["TaskGroup"]},
    "airflow.utils.edgemodifier": {"Label": _SDK_NAMES["Label"]},
    "airflow.utils.trigger_rule": {"TriggerRule": _SDK_NAMES["TriggerRule"]},
    "airflow.utils.weight_rule": {"WeightRule": _SDK_NAMES["WeightRule"]},
    "airflow.utils.helpers": {name: _SDK_NAMES[name] for name in ("chain", "cross_downstream")},
    "airflow.utils.context": {"Context": _SDK_NAMES["Context"]},
    "airflow.utils.timezone": {
        "utcnow": "orchestrator.compat.dates:utcnow",
        "datetime": "orchestrator.compat.dates:datetime",
    },
    "airflow.operators": {},
    "airflow.operators.python": _PYTHON,
    "airflow.operators.python_operator": _PYTHON,
    "airflow.operators.bash": _BASH,
    "airflow.operators.bash_operator": _BASH,
    "airflow.operators.empty": _EMPTY,
    "airflow.operators.dummy": _EMPTY,
    "airflow.operators.dummy_operator": _EMPTY,
    "airflow.operators.latest_only": _LATEST,
    "airflow.operators.latest_only_operator": _LATEST,
    "airflow.operators.branch": _BRANCH,
    "airflow.providers": {},
    "airflow.providers.standard": {},
    "airflow.providers.standard.operators": {},
    "airflow.providers.standard.operators.python": _PYTHON,
    "airflow.providers.standard.operators.bash": _BASH,
    "airflow.providers.standard.operators.empty": _EMPTY,
    "airflow.providers.standard.operators.latest_only": _LATEST,
    "airflow.providers.standard.operators.branch": _BRANCH,
    "airflow.providers.standard.sensors": {},
    "airflow.providers.standard.sensors.python": _PYTHON_SENSOR,
    "airflow.hooks": {},
    "airflow.sensors": {},
}

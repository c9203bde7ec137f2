"""Names that provider packages import beside those of DAG files; one part of the table in ``names``."""

from __future__ import annotations

_CALLS = "orchestrator.compat.package_calls"
_HELPERS = "orchestrator.compat.helpers"
_DECORATED = "orchestrator.compat.decorated"
_LINEAGE = "orchestrator.compat.lineage"
_MANAGER = "orchestrator.compat.providers_manager"
_DB = "orchestrator.compat.models"
_SHIMS = "orchestrator.compat.shims"
_MASKER = "orchestrator.compat.masker"


def _from(module: str, *names: str, **renamed: str) -> dict[str, str]:
    return {name: f"{module}:{name}" for name in names} | {
        theirs: f"{module}:{ours}" for theirs, ours in renamed.items()
    }


_DECORATED_NAMES = _from(
    _DECORATED, "DecoratedOperator", "determine_kwargs", "KeywordParameters", "get_unique_task_id"
) | _from("orchestrator.sdk.mapped", DecoratedMappedOperator="MappedOperator")
_LOADING = _from(_CALLS, "iter_namespace", "qualname", "is_valid_dotpath") | _from(_SHIMS, "import_string")
_LINEAGES = _from(
    _LINEAGE,
    *("AssetLineageInfo", "HookLineage", "HookLineageCollector", "HookLineageReader", "NoOpCollector"),
    "get_hook_lineage_collector",
)
_MASK = _from(_MASKER, "Redactable", "Redacted", "SecretsMasker", "_secrets_masker") | _from(
    _CALLS, "redact", "should_hide_value_for_key"
)
_MASK |= _from(_SHIMS, "mask_secret")
_MANAGERS = _from(
    _MANAGER, "ProvidersManager", "HookInfo", "ProviderInfo", ProvidersManagerTaskRuntime="ProvidersManager"
)
_DETAILS = _from(_SHIMS, "AccessView", "AssetAliasDetails", "AssetDetails", "DagAccessEntity")
_CONTEXT_VARIABLES = _from(
    "orchestrator.compat.task_variables",
    *("AIRFLOW_VAR_NAME_FORMAT_MAPPING", "DEFAULT_FORMAT_PREFIX", "ENV_VAR_FORMAT_PREFIX", "context_to_airflow_vars"),
)
_LISTENERS = _from("orchestrator.compat.listener_manager", "get_listener_manager", "ListenerManager")
_RAISED = _from(_SHIMS, "DownstreamTasksSkipped", "DagRunTriggerException")
_TASK_KEY = _from("orchestrator.compat.keys", "TaskInstanceKey")

FAMILIES = frozenset(
    f"airflow.providers.{each}" for each in ("apache", "atlassian", "cncf", "common", "dbt", "microsoft")
)
"""Packages of several providers: ``airflow.providers.apache.kafka`` is in a distribution of its own."""

PROVIDER_MODULES: dict[str, dict[str, str]] = {
    "airflow.sdk.bases.decorator": _DECORATED_NAMES | _from(_CALLS, "is_async_callable"),
    "airflow.decorators.base": _DECORATED_NAMES,
    "airflow.sdk.bases.operator": _from(_DECORATED, "BaseAsyncOperator"),
    "airflow.sdk.bases.branch": _from("orchestrator.operators.branch", "BaseBranchOperator", "BranchMixIn"),
    "airflow.sdk.bases.skipmixin": _from("orchestrator.operators.branch", "SkipMixin"),
    "airflow.sdk.definitions._internal.types": {"SET_DURING_EXECUTION": f"{_SHIMS}:SET_DURING_EXECUTION"}
    | _from(_CALLS, "is_arg_set"),
    "airflow.sdk.definitions.context": _from(_CALLS, "context_merge"),
    "airflow.sdk.execution_time.context": _CONTEXT_VARIABLES,
    "airflow.sdk.execution_time.secrets_masker": _MASK,
    "airflow.sdk.execution_time.task_runner": _from(_DB, RuntimeTaskInstance="TaskInstance"),
    "airflow.sdk.execution_time.timeout": _from("orchestrator.compat.timeouts", "timeout"),
    "airflow.sdk.exceptions": _RAISED,
    "airflow.exceptions": _RAISED,
    "airflow.sdk.lineage": _LINEAGES,
    "airflow.sdk.listener": _LISTENERS,
    "airflow.listeners.listener": _LISTENERS,
    "airflow.sdk.log": _from(_CALLS, "redact"),
    "airflow.sdk.module_loading": _LOADING,
    "airflow.sdk.observability": {},
    "airflow.sdk.observability.stats": _from(_SHIMS, "Stats"),
    "airflow.sdk._shared": {},
    "airflow.sdk._shared.listeners": _from("orchestrator.sdk.listeners", "hookimpl"),
    "airflow.sdk._shared.module_loading": _LOADING,
    "airflow.sdk._shared.secrets_masker": _MASK,
    "airflow.sdk.providers_manager_runtime": _MANAGERS,
    "airflow.sdk.types": _TASK_KEY,
    "airflow.api_fastapi": {},
    "airflow.api_fastapi.auth": {},
    "airflow.api_fastapi.auth.managers": {},
    "airflow.api_fastapi.auth.managers.models": {},
    "airflow.api_fastapi.auth.managers.models.resource_details": _DETAILS,
    "airflow.lineage": {},
    "airflow.lineage.hook": _LINEAGES,
    "airflow.models": _from(_DB, "TaskReschedule"),
    "airflow.serialization": {},
    "airflow.serialization.serialized_objects": _from(_DB, "SerializedBaseOperator", "SerializedDAG"),
    "airflow.utils.json": _from("orchestrator.compat.xcom_encoding", "XComDecoder", "XComEncoder"),
    "airflow.models.asset": _from(_CALLS, "expand_alias_to_assets"),
    "airflow.models.taskinstancekey": _TASK_KEY,
    "airflow.models.taskinstance": _TASK_KEY,
    "airflow.providers_manager": _MANAGERS,
    "airflow.security": {},
    "airflow.security.kerberos": _from("orchestrator.compat.kerberos", "renew_from_kt"),
    "airflow.security.utils": _from(
        "orchestrator.compat.kerberos",
        *("get_components", "get_fqdn", "principal_from_username", "replace_hostname_pattern"),
    ),
    "airflow.settings": _from(_SHIMS, "pod_mutation_hook") | _from("orchestrator.compat.configuration", "json"),
    "airflow.utils.context": _from(_CALLS, "context_merge"),
    "airflow.utils.deprecation_tools": _from(_CALLS, "add_deprecated_classes"),
    "airflow.utils.email": _from("orchestrator.compat.mail_message", "build_mime_message", "get_email_address_list"),
    "airflow.utils.hashlib_wrapper": _from(_CALLS, "md5"),
    "airflow.utils.helpers": _from(
        _HELPERS,
        *("at_most_one", "chunks", "convert_camel_to_snake", "exactly_one", "merge_dicts", "prune_dict"),
    ),
    "airflow.utils.log.secrets_masker": _MASK,
    "airflow.utils.module_loading": _LOADING,
    "airflow.utils.net": _from(_CALLS, "get_hostname"),
    "airflow.utils.operator_helpers": _from(_DECORATED, "determine_kwargs", "KeywordParameters") | _CONTEXT_VARIABLES,
    "airflow.utils.platform": _from(_CALLS, "getuser"),
    "airflow.utils.process_utils": _from(_CALLS, "patch_environ"),
    "airflow.utils.strings": _from(_CALLS, "get_random_string"),
    "airflow.utils.timeout": _from("orchestrator.compat.timeouts", "timeout"),
    "airflow.utils.yaml": {name: f"yaml:{name}" for name in ("dump", "safe_load", "YAMLError", "load", "safe_dump")},
    "airflow.providers.common.compat.sdk": {
        **_DECORATED_NAMES,
        **_LINEAGES,
        **_CONTEXT_VARIABLES,
        **_TASK_KEY,
        **_from(_CALLS, "context_merge", "redact"),
        **_from("orchestrator.compat.timeouts", "timeout"),
        "SET_DURING_EXECUTION": f"{_SHIMS}:SET_DURING_EXECUTION",
    },
    "airflow.providers.standard.operators.python": {"_SERIALIZERS": f"{_DECORATED}:SERIALIZERS"},
    "airflow.providers.standard.utils.python_virtualenv": _from(
        "orchestrator.compat.scripts", "prepare_virtualenv", "write_python_script"
    ),
}

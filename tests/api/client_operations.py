"""Run by the stock client's own Python: calls every operation of the API of the server at argv[1].

The answer of each passes the client's own models, which raise on a missing field or an unknown enum value. Prints, as JSON,
what came of each by the operation's name: ``ok``, or what was raised.
"""

from __future__ import annotations

import inspect
import json
import sys
import typing
import urllib.request

import airflow_client.client as airflow
from airflow_client.client import api as apis

sent = json.load(sys.stdin)
ids = sent["ids"]
DAG = {"dag_id": "alpha"}
RUN = {**DAG, "dag_run_id": "r1"}
TASK = {**RUN, "task_id": "a"}
MAPPED = {**RUN, "task_id": "m", "map_index": 1}
ASKED = {**RUN, "task_id": "a", "map_index": -1}
ASSET = {"asset_id": ids["asset_id"]}
NEW = {"logical_date": None}
BACKFILL = {"dag_id": "epsilon", "from_date": "2026-03-01T00:00:00Z", "to_date": "2026-03-02T00:00:00Z"}
STATE = {"new_state": "success"}


def bulk(entity: dict, name: str) -> dict:
    """Make, change and delete one thing in one request."""
    return {
        "actions": [
            {"action": "create", "entities": [entity], "action_on_existence": "overwrite"},
            {"action": "update", "entities": [entity]},
            {"action": "delete", "entities": [entity[name]], "action_on_non_existence": "skip"},
        ]
    }


def update(entity: dict) -> dict:
    return {"actions": [{"action": "update", "entities": [entity]}]}


POOL = {"name": "made", "slots": 2}
WHOLE_POOL = {"pool": "made", "slots": 3, "include_deferred": False}
VARIABLE = {"key": "made", "value": "1"}
CONNECTION = {"connection_id": "made", "conn_type": "http"}
QUEUED = {**DAG, **ASSET}

CALLS: list[tuple[str, dict, dict | None]] = [
    ("get_health", {}, None),
    ("get_version", {}, None),
    # what is there
    ("get_dags", {"order_by": ["-dag_id"], "tags_match_mode": "any", "exclude_stale": True}, None),
    ("get_dag", DAG, None),
    ("get_dag_details", DAG, None),
    ("get_dag_tags", {}, None),
    ("get_dag_source", DAG, None),
    ("get_dag_stats", {"dag_ids": ["alpha"]}, None),
    ("get_dag_versions", DAG, None),
    ("get_dag_version", {**DAG, "version_number": 1}, None),
    ("get_tasks", DAG, None),
    ("get_task", {**DAG, "task_id": "a"}, None),
    ("get_dag_runs", {**DAG, "cursor": "", "limit": 1}, None),
    ("get_list_dag_runs_batch", {"dag_id": "~"}, {"dag_ids": ["alpha"], "states": ["success", "failed"]}),
    ("get_dag_run", RUN, None),
    ("wait_dag_run_until_finished", {**RUN, "interval": 0.1, "result": ["a"]}, None),
    ("get_upstream_asset_events", RUN, None),
    ("get_task_instances", {**RUN, "order_by": ["task_id"], "cursor": ""}, None),
    ("get_task_instances_batch", {"dag_id": "~", "dag_run_id": "~"}, {"dag_ids": ["alpha"]}),
    ("get_task_instance", TASK, None),
    ("get_mapped_task_instances", {**RUN, "task_id": "m"}, None),
    ("get_mapped_task_instance", MAPPED, None),
    ("get_task_instance_dependencies", TASK, None),
    ("get_task_instance_dependencies_by_map_index", MAPPED, None),
    ("get_task_instance_tries", TASK, None),
    ("get_mapped_task_instance_tries", {**MAPPED, "map_index": 0}, None),
    ("get_task_instance_try_details", {**TASK, "task_try_number": 1}, None),
    ("get_mapped_task_instance_try_details", {**MAPPED, "map_index": 0, "task_try_number": 1}, None),
    ("get_log", {**TASK, "try_number": 1, "full_content": True}, None),
    ("get_external_log_url", {**TASK, "try_number": 1}, None),
    ("get_extra_links", TASK, None),
    ("get_xcom_entries", TASK, None),
    ("get_xcom_entry", {**TASK, "xcom_key": "return_value"}, None),
    ("get_hitl_details", RUN, None),
    ("get_hitl_detail", ASKED, None),
    ("get_hitl_detail_try_detail", {**ASKED, "try_number": 1}, None),
    ("get_event_logs", {"excluded_events": ["nothing"], "order_by": ["-when"]}, None),
    ("get_event_log", {"event_log_id": ids["event_log_id"]}, None),
    ("get_import_errors", {}, None),
    ("get_import_error", {"import_error_id": ids["import_error_id"]}, None),
    ("get_jobs", {"is_alive": False}, None),
    ("list_dag_warnings", {}, None),
    ("get_plugins", {}, None),
    ("import_errors", {}, None),
    ("get_providers", {}, None),
    ("get_config", {"section": "orchestrator"}, None),
    ("get_config_value", {"section": "orchestrator", "option": "HOST"}, None),
    # assets
    ("get_assets", {"only_active": True}, None),
    ("get_asset", ASSET, None),
    ("get_asset_aliases", {}, None),
    ("get_asset_alias", {"asset_alias_id": ids["asset_alias_id"]}, None),
    ("get_asset_events", {"order_by": ["timestamp"]}, None),
    ("get_asset_queued_events", ASSET, None),
    ("get_dag_asset_queued_events", DAG, None),
    ("get_dag_asset_queued_event", QUEUED, None),
    ("delete_dag_asset_queued_event", QUEUED, None),
    ("delete_asset_queued_events", {"asset_id": ids["second_asset"]}, None),
    ("delete_dag_asset_queued_events", DAG, None),
    ("create_asset_event", {}, {**ASSET, "extra": {"n": 1}}),
    ("materialize_asset", ASSET, {"note": "made"}),
    ("list_asset_state_store", ASSET, None),
    ("get_asset_state_store", {**ASSET, "key": "return_value"}, None),
    ("set_asset_state_store", {**ASSET, "key": "k"}, {"value": {"n": 1}}),
    ("delete_asset_state_store", {**ASSET, "key": "k"}, None),
    ("clear_asset_state_store", ASSET, None),
    # pools, variables, connections
    ("post_pool", {}, POOL),
    ("get_pools", {}, None),
    ("get_pool", {"pool_name": "made"}, None),
    ("patch_pool", {"pool_name": "made", "update_mask": ["slots"]}, WHOLE_POOL),
    ("delete_pool", {"pool_name": "made"}, None),
    ("bulk_pools", {}, bulk(POOL, "name")),
    ("post_variable", {}, VARIABLE),
    ("get_variables", {}, None),
    ("get_variable", {"variable_key": "made"}, None),
    ("patch_variable", {"variable_key": "made", "update_mask": ["value"]}, VARIABLE),
    ("delete_variable", {"variable_key": "made"}, None),
    ("bulk_variables", {}, bulk(VARIABLE, "key")),
    ("post_connection", {}, CONNECTION),
    ("get_connections", {}, None),
    ("get_connection", {"connection_id": "made"}, None),
    ("patch_connection", {"connection_id": "made", "update_mask": ["host"]}, {**CONNECTION, "host": "h"}),
    ("delete_connection", {"connection_id": "made"}, None),
    ("bulk_connections", {}, bulk(CONNECTION, "connection_id")),
    ("test_connection", {}, CONNECTION),
    ("enqueue_connection_test", {}, CONNECTION),
    ("get_connection_test", {"airflow_connection_test_token": "t"}, None),
    ("create_default_connections", {}, None),
    # backfills
    ("create_backfill_dry_run", {}, BACKFILL),
    ("create_backfill", {}, BACKFILL),
    ("list_backfills", {"dag_id": "alpha"}, None),
    ("get_backfill", {"backfill_id": ids["backfill_id"]}, None),
    ("pause_backfill", {"backfill_id": ids["backfill_id"]}, None),
    ("unpause_backfill", {"backfill_id": ids["backfill_id"]}, None),
    ("cancel_backfill", {"backfill_id": ids["backfill_id"]}, None),
    # what changes things
    ("favorite_dag", DAG, None),
    ("unfavorite_dag", DAG, None),
    ("reparse_dag_file", {"file_token": ids["file_token"]}, None),
    ("update_hitl_detail", ASKED, {"chosen_options": ["yes"]}),
    ("create_xcom_entry", TASK, {"key": "k", "value": [1]}),
    ("update_xcom_entry", {**TASK, "xcom_key": "k"}, {"value": {"n": 2}}),
    ("delete_xcom_entry", {**TASK, "xcom_key": "k"}, None),
    ("list_task_state_store", TASK, None),
    ("get_task_state_store", {**TASK, "key": "return_value"}, None),
    ("set_task_state_store", {**TASK, "key": "k"}, {"value": 1}),
    ("patch_task_state_store", {**TASK, "key": "k"}, {"value": 2}),
    ("delete_task_state_store", {**TASK, "key": "k"}, None),
    ("clear_task_state_store", TASK, None),
    ("patch_task_instance_dry_run", TASK, STATE),
    ("patch_task_instance_dry_run_by_map_index", MAPPED, STATE),
    ("patch_task_group_instances_dry_run", {**RUN, "group_id": "g"}, STATE),
    ("patch_task_instance", TASK, {"note": "n"}),
    ("patch_task_instance_by_map_index", MAPPED, {"note": "n"}),
    ("patch_task_group_instances", {**RUN, "group_id": "g"}, {"note": "g"}),
    ("bulk_task_instances", RUN, update({"task_id": "a", "note": "n"})),
    ("post_clear_task_instances", DAG, {"dag_run_id": "r1", "only_failed": False}),
    ("clear_dag_run_partitions", DAG, {"partition_key": "us"}),
    ("patch_dag_run", {**RUN, "update_mask": ["note"]}, {"note": "n"}),
    ("bulk_dag_runs", DAG, update({"dag_run_id": "r1", "note": "n"})),
    ("trigger_dag_run", DAG, {**NEW, "dag_run_id": "made", "conf": {"a": 1}}),
    ("clear_dag_run", RUN, {"dry_run": False}),
    ("clear_dag_runs", DAG, {"dag_runs": [{"dag_run_id": "r1"}], "dry_run": False}),
    ("patch_dag_run", RUN, {"state": "failed"}),
    ("delete_task_instance", {**RUN, "task_id": "m", "map_index": 1}, None),
    ("delete_dag_run", RUN, None),
    ("patch_dag", {**DAG, "update_mask": ["is_paused"]}, {"is_paused": True}),
    ("patch_dags", {"dag_id_pattern": "~"}, {"is_paused": False}),
    ("delete_dag", {"dag_id": "beta"}, None),
    ("login", {}, None),
    ("logout", {}, None),
]


def methods(client: airflow.ApiClient) -> dict[str, typing.Any]:
    """Every operation that the client offers, by its name."""
    found = {}
    for name, kind in inspect.getmembers(apis, inspect.isclass):
        if name.endswith("Api"):
            for method, _ in inspect.getmembers(kind, inspect.isfunction):
                if not method.startswith("_") and not method.endswith(("_with_http_info", "_without_preload_content")):
                    found[method] = getattr(kind(client), method)
    return found


def arguments(method: typing.Any, given: dict, body: dict | None) -> dict:
    """The arguments of a call; the body goes where the client takes a model."""
    if body is None:
        return given
    hints = {name: each.annotation for name, each in inspect.signature(method).parameters.items()}
    models = {each for each in vars(airflow).values() if inspect.isclass(each)}
    for name, hint in hints.items():
        for kind in (hint, *typing.get_args(hint)):
            if inspect.isclass(kind) and kind in models and hasattr(kind, "from_dict"):
                return {**given, name: kind.from_dict(body)}
    raise TypeError(f"{method.__name__} takes no body")


def outcome(method: typing.Any, given: dict, body: dict | None) -> str:
    try:
        method(**arguments(method, given, body))
    except airflow.exceptions.ApiException as error:
        return f"{error.status} {(error.body or '')[:300]}"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:600]}"
    return "ok"


login = urllib.request.Request(
    f"{sys.argv[1]}/auth/token",
    json.dumps({"username": sent["username"], "password": sent["password"]}).encode(),
    {"Content-Type": "application/json"},
    method="POST",
)
with urllib.request.urlopen(login) as answer:
    token = json.load(answer)["access_token"]
came: dict[str, str] = {}
with airflow.ApiClient(airflow.Configuration(host=sys.argv[1], access_token=token)) as api_client:
    offered = methods(api_client)
    for operation, keywords, payload in CALLS:
        result = outcome(offered[operation], keywords, payload)
        if came.get(operation, "ok") == "ok":
            came[operation] = result
    came |= {name: "not called" for name in offered if name not in came}
print(json.dumps(came))

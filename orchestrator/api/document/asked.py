"""What each operation can be asked: the tables that the views read their query strings and bodies by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.api import bulk_runs, instances
from orchestrator.api.body import Part
from orchestrator.api.query import ENDS, Listing
from orchestrator.api.views import (
    asset_store,
    assets,
    backfills,
    clear_runs,
    dags,
    deadlines,
    hitl,
    holds,
    import_errors,
    installation,
    partitions,
    registry,
    runs,
    sources,
    state_store,
    task_instances,
    tokens,
    xcoms,
)

LISTS: Mapping[str, Listing] = {
    "get_assets": assets.LISTING,
    "get_asset_aliases": assets.ALIASES,
    "get_asset_events": assets.EVENTS,
    "list_backfills": backfills.LISTING,
    "get_connections": registry.CONNECTIONS,
    "get_dag_runs": runs.LISTING,
    "get_dags": dags.LISTING,
    "patch_dags": dags.LISTING,
    "get_dag_tags": dags.DagTagsView.listing,
    "get_event_logs": registry.EVENTS,
    "get_import_errors": import_errors.LISTING,
    "get_jobs": installation.LISTING,
    "get_pools": registry.POOLS,
    "get_xcom_entries": xcoms.XCOMS,
    "get_mapped_task_instances": instances.LISTING,
    "get_task_instances": instances.LISTING,
    "get_variables": registry.VARIABLES,
    "get_dag_versions": sources.VERSIONS,
    "get_hitl_details": hitl.LISTING,
    "get_deadlines": deadlines.LISTING,
    "get_deadline_alerts": Listing(),
    "get_providers": Listing(),
    "get_plugins": Listing(),
    "list_dag_warnings": Listing(),
    "list_asset_state_store": Listing(),
    "list_task_state_store": Listing(),
}

DAG_FILTERS = "tags [str]; tags_match_mode =any,all; owners [str]; exclude_stale bool; paused bool"
MORE: Mapping[str, str] = {
    "get_assets": "dag_ids [str]; only_active bool",
    "get_asset_queued_events": "before time",
    "delete_asset_queued_events": "before time",
    "get_dag_asset_queued_events": "before time",
    "delete_dag_asset_queued_events": "before time",
    "get_dag_asset_queued_event": "before time",
    "delete_dag_asset_queued_event": "before time",
    "list_backfills": "*dag_id str",
    "patch_connection": "update_mask [str]",
    "patch_dag_run": "update_mask [str]",
    "get_dag_runs": "cursor str; consuming_asset_pattern str; conf_contains str",
    "trigger_dag_run": "wait num; result [str]",
    "wait_dag_run_until_finished": "*interval num; result [str]",
    "get_dag_source": "version_number int",
    "get_dag_stats": "dag_ids [str]",
    "get_config": "section str",
    "list_dag_warnings": "dag_id [str]; warning_type DagWarningType; order_by [str]",
    "get_dags": f"{DAG_FILTERS}; has_import_errors bool; has_asset_schedule bool; asset_dependency str; "
    "dag_run_state [str]; is_favorite bool; timetable_type [str]; "
    + "; ".join(f"dag_run_{end}_date_{comparison} time" for end in ("start", "end") for comparison in ENDS),
    "patch_dags": f"update_mask [str]; {DAG_FILTERS}",
    "patch_dag": "update_mask [str]",
    "get_event_logs": "before time; after time; excluded_events [str]",
    "get_extra_links": "map_index int; try_number int",
    "get_jobs": "is_alive bool; job_state str; executor_class str",
    "patch_pool": "update_mask [str]",
    "list_task_state_store": "map_index int",
    "clear_task_state_store": "map_index int; all_map_indices bool",
    **dict.fromkeys(
        ("get_task_state_store", "set_task_state_store", "patch_task_state_store", "delete_task_state_store"),
        "map_index int",
    ),
    "get_xcom_entry": "map_index int; stringify bool; deserialize bool",
    "delete_xcom_entry": "map_index int",
    "get_xcom_entries": "map_index int",
    "patch_task_instance": "map_index int; update_mask [str]",
    "delete_task_instance": "map_index int",
    "get_task_instance_dependencies": "map_index int",
    "get_task_instance_tries": "map_index int",
    "get_task_instance_try_details": "map_index int",
    "patch_task_instance_by_map_index": "update_mask [str]",
    "get_task_instances": "cursor str; task_group_id str",
    "patch_task_group_instances": "update_mask [str]",
    "patch_task_instance_dry_run_by_map_index": "update_mask [str]",
    "patch_task_instance_dry_run": "map_index int; update_mask [str]",
    "get_tasks": "order_by str",
    "patch_variable": "update_mask [str]",
    "get_log": "map_index int; full_content bool; token str; last_event_id str",
    "get_external_log_url": "map_index int",
    "get_hitl_details": "response_received bool; subject_search str; body_search str",
    "login": "next str",
    "get_events": "dag_id [str]; dag_run_id [str]; last_event_id str",
    "get_next_runs": "count int",
    "compare_dag_runs": "with str",
    "hold_task_instance": "map_index int",
    "release_task_instance": "map_index int",
    "get_deadlines": "missed bool",
}
"""Parameters that are no part of a list's table, in the notation of :mod:`.notation`; ``*`` has to be there."""

VALUE = {"value": Part(state_store.read_value, required=True, nullable=False)}
BODIES: Mapping[str, Mapping[str, Part]] = {
    "create_token": tokens.CREDENTIALS,
    "create_token_cli": tokens.CREDENTIALS,
    "create_asset_event": assets.EVENT,
    "materialize_asset": assets.MATERIALIZE,
    "create_backfill": backfills.BODY,
    "create_backfill_dry_run": backfills.BODY,
    "patch_connection": registry.CONNECTION,
    "post_connection": registry.CONNECTION,
    "test_connection": registry.CONNECTION,
    "patch_dag_run": runs.PATCH,
    "trigger_dag_run": runs.TRIGGER,
    "clear_dag_run": runs.CLEAR,
    "get_list_dag_runs_batch": runs.BATCH,
    "clear_dag_runs": clear_runs.BODY,
    "clear_dag_run_partitions": partitions.BODY,
    "patch_dags": dags.PATCH,
    "patch_dag": dags.PATCH,
    "patch_pool": registry.POOL_PATCH,
    "post_pool": registry.POOL,
    "set_asset_state_store": {"value": Part(asset_store.read_value, required=True, nullable=False)},
    "set_task_state_store": state_store.PUT,
    "patch_task_state_store": VALUE,
    "create_xcom_entry": xcoms.CREATE,
    "update_xcom_entry": xcoms.UPDATE,
    "get_task_instances_batch": task_instances.BATCH,
    "post_clear_task_instances": task_instances.CLEAR,
    **dict.fromkeys(
        (
            "patch_task_instance",
            "patch_task_instance_by_map_index",
            "patch_task_instance_dry_run",
            "patch_task_instance_dry_run_by_map_index",
            "patch_task_group_instances",
            "patch_task_group_instances_dry_run",
        ),
        bulk_runs.TASK_PATCH,
    ),
    "patch_variable": registry.VARIABLE,
    "post_variable": registry.VARIABLE,
    "update_hitl_detail": hitl.PATCH,
    "hold_task": holds.BODY,
    "hold_task_instance": holds.BODY,
    "cancel_dag_run": runs.CANCEL,
}
MAY_BE_LEFT_OUT = {"materialize_asset", "cancel_dag_run", "hold_task", "hold_task_instance"}
"""Operations that do without a body."""

BULK: Mapping[str, Mapping[str, Any]] = {
    "bulk_connections": registry.CONNECTION,
    "bulk_dag_runs": bulk_runs.RUN,
    "bulk_pools": registry.POOL,
    "bulk_task_instances": bulk_runs.TASK,
    "bulk_variables": registry.VARIABLE,
}

MEDIA: Mapping[str, tuple[str, ...]] = {
    "get_dag_source": ("application/json", "text/plain"),
    "get_config": ("application/json", "text/plain"),
    "get_config_value": ("application/json", "text/plain"),
    "get_log": ("application/json", "application/x-ndjson", "text/plain", "text/event-stream"),
    "get_events": ("text/event-stream",),
    "wait_dag_run_until_finished": ("application/x-ndjson",),
}

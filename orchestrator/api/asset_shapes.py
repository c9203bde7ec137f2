"""Assets, their events, and what waits for DAGs, as the JSON that Airflow's clients read."""

from __future__ import annotations

from typing import Any

from django.db.models import OuterRef, Prefetch, Q, QuerySet, Subquery

from dags_app.models import Asset, AssetAlias, ScheduleReference, TaskReference
from orchestrator import access
from orchestrator.core.states import as_airflow
from orchestrator.logs.mask import mask_fields
from runs_app.models import AssetEvent, QueuedEvent

from .shapes import Json, moment


def assets(rows: QuerySet[Asset], user: Any) -> list[Json]:
    """Shape a page of assets, with the DAGs on them that the user may see; a few queries however many there are."""
    newest = AssetEvent.objects.filter(asset=OuterRef("pk")).order_by("-timestamp", "-pk")
    rows = rows.annotate(
        newest_event=Subquery(newest.values("pk")[:1]), newest_at=Subquery(newest.values("timestamp")[:1])
    )
    waiting = Prefetch("schedule_references", access.below(user, ScheduleReference.objects.all()))
    found = list(rows.prefetch_related(waiting, "aliases", "watchers"))
    tasks = _task_references(found, user)
    return [_asset(each, tasks) for each in found]


def _task_references(found: list[Asset], user: Any) -> list[TaskReference]:
    names, uris = {each.name for each in found}, {each.uri for each in found}
    wanted = Q(asset__in=found) | Q(name__in=names) | Q(uri__in=uris)
    rows = access.below(user, TaskReference.objects.filter(wanted, dag__is_stale=False))
    return list(rows.order_by("dag_id", "task_id"))


def _asset(asset: Any, tasks: list[TaskReference]) -> Json:
    named = [each for each in tasks if each.asset_id == asset.pk or each.name == asset.name or each.uri == asset.uri]
    return {
        "id": asset.pk,
        "name": asset.name,
        "uri": asset.uri,
        "group": asset.group,
        "extra": mask_fields(asset.extra),
        "created_at": moment(asset.created_at),
        "updated_at": moment(asset.updated_at),
        "scheduled_dags": [_times(each, dag_id=each.dag_id) for each in asset.schedule_references.all()],
        "producing_tasks": [_times(each, dag_id=each.dag_id, task_id=each.task_id) for each in named if each.is_outlet],
        "consuming_tasks": [
            _times(each, dag_id=each.dag_id, task_id=each.task_id) for each in named if not each.is_outlet
        ],
        "aliases": [alias(each) for each in asset.aliases.all()],
        "watchers": _watchers(asset),
        "last_asset_event": {"id": asset.newest_event, "timestamp": moment(asset.newest_at)},
    }


def _times(reference: Any, **names: str) -> Json:
    return {**names, "created_at": moment(reference.created_at), "updated_at": moment(reference.updated_at)}


def _watchers(asset: Asset) -> list[Json]:
    """Each watcher once, however many DAGs define it."""
    found = {each.name: each for each in asset.watchers.all()}
    return [
        {"name": name, "trigger_id": each.pk, "created_date": moment(each.created_at)}
        for name, each in sorted(found.items())
    ]


def alias(found: AssetAlias) -> Json:
    return {"id": found.pk, "name": found.name, "group": found.group}


def events(rows: QuerySet[AssetEvent], user: Any) -> list[Json]:
    """Shape a page of events with the runs that were made for them, as far as the user may see those."""
    found = list(access.with_runs(user, rows.select_related("asset")))
    last = _last_events({run.pk for each in found for run in each.runs.all()})
    return [_event(each, last) for each in found]


def _last_events(run_pks: set[int]) -> dict[int, int]:
    """The newest event of each run: the one that triggered it."""
    links = AssetEvent.runs.through.objects.filter(dagrun_id__in=run_pks)
    rows = links.order_by("assetevent__timestamp", "assetevent_id").values_list("dagrun_id", "assetevent_id")
    return dict(rows)


def _event(event: AssetEvent, last: dict[int, int]) -> Json:
    return {
        "id": event.pk,
        "asset_id": event.asset_id,
        "uri": event.asset.uri,
        "name": event.asset.name,
        "group": event.asset.group,
        "extra": mask_fields(event.extra),
        "source_task_id": event.source_task_id,
        "source_dag_id": event.source_dag_id,
        "source_run_id": event.source_run_id,
        "source_map_index": event.source_map_index,
        "created_dagruns": [
            {
                "run_id": run.run_id,
                "dag_id": run.dag_id,
                "logical_date": moment(run.logical_date),
                "start_date": moment(run.started_at or run.queued_at),
                "end_date": moment(run.ended_at),
                "state": as_airflow(run.state),
                "data_interval_start": moment(run.data_interval_start),
                "data_interval_end": moment(run.data_interval_end),
                "partition_key": run.partition_key,
                "triggering": last.get(run.pk) == event.pk,
            }
            for run in event.runs.all()
        ],
        "timestamp": moment(event.timestamp),
        "partition_key": event.partition_key,
    }


def queued(found: QueuedEvent) -> Json:
    return {
        "dag_id": found.dag_id,
        "asset_id": found.asset_id,
        "created_at": moment(found.created_at),
        "dag_display_name": found.dag.name,
    }

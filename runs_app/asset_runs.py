"""Runs of DAGs scheduled on assets: one is made when what its schedule says of assets has come true.

Any number of processes may look at a DAG at once, each right after the commit of an event and the control pass beside
them; the DAG's row and its queued events are taken under locks, so one run is made and no event is left behind.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from django.db import DatabaseError, InterfaceError, transaction

from dags_app.asset_lookup import known
from dags_app.models import Dag
from dags_app.versions import load_spec
from orchestrator.core.assets import Key, holds
from orchestrator.core.states import RunState, RunType

from . import advance, create, notify, partitions
from .locking import batches, fetch, is_postgresql, moment, placeholders, retrying, write
from .models import DagRun

log = logging.getLogger(__name__)

MOST = 500


def make(dag_ids: Iterable[str], now: datetime) -> Counter[str]:
    """Make the runs that are due of these DAGs; return what became ready, by queue. Never raises for one of them.

    What cannot be done now, the control pass does: the queued events stay until there is a run.
    """
    ready: Counter[str] = Counter()
    for dag_id in sorted(dag_ids):
        try:
            ready += _make(dag_id, now).ready
        except (DatabaseError, InterfaceError) as error:
            log.warning("asset_run_waits dag=%s error=%s", dag_id, error)
        except Exception:  # one DAG that cannot be run must not keep the others from it
            log.exception("asset_run_failed dag=%s", dag_id)
    return ready


def due_dags() -> list[str]:
    """The DAGs for which an asset has changed: those that max_active_runs leaves room for, and those with partitions."""
    keyed = fetch(
        "SELECT DISTINCT p.dag_id FROM runs_app_pendingpartition p JOIN dags_app_dag d ON d.dag_id = p.dag_id "
        f"WHERE p.changed = %s AND NOT d.is_paused AND NOT d.is_stale AND d.version_id IS NOT NULL LIMIT {MOST}",
        [True],
    )
    rows = fetch(
        "SELECT q.dag_id FROM runs_app_queuedevent q JOIN dags_app_dag d ON d.dag_id = q.dag_id "
        "WHERE NOT d.is_paused AND NOT d.is_stale AND d.version_id IS NOT NULL AND (SELECT count(*) "
        "FROM runs_app_dagrun r WHERE r.dag_id = q.dag_id AND r.state IN ('queued', 'running') "
        f"AND r.run_type <> 'backfill') < d.max_active_runs GROUP BY q.dag_id ORDER BY min(q.created_at) LIMIT {MOST}"
    )
    return [dag_id for (dag_id,) in (*rows, *keyed)]


@retrying()
def _make(dag_id: str, now: datetime) -> advance.Advanced:
    """Make a DAG's run if it is due, and start it if it may start, in one transaction."""
    nothing = advance.Advanced()
    with transaction.atomic():
        dags = Dag.objects.select_for_update(no_key=True).select_related(None)
        dag = dags.filter(pk=dag_id, is_paused=False, is_stale=False, version__isnull=False).first()
        if dag is None:
            return nothing
        if dag.asset_expression is not None and dag.is_partitioned:
            return partitions.make_due(dag, now)
        if dag.asset_expression is None:  # its schedule is another by now
            write("DELETE FROM runs_app_queuedevent WHERE dag_id = %s", [dag_id])
            write("DELETE FROM runs_app_unreadevent WHERE dag_id = %s", [dag_id])
            return nothing
        if not load_spec(dag.version_id).allows(RunType.ASSET_TRIGGERED):
            return nothing
        queued = _queued(dag_id)
        if not queued or not holds(dag.asset_expression, known(dag.asset_expression, {key for _, key, _ in queued})):
            return nothing
        active = DagRun.objects.filter(dag=dag, state__in=[RunState.QUEUED, RunState.RUNNING])
        if active.exclude(run_type=RunType.BACKFILL).count() >= dag.max_active_runs:
            return nothing
        run = _insert(dag, max(at for *_, at in queued), now)
        for batch in batches([pk for pk, *_ in queued]):
            write(f"DELETE FROM runs_app_queuedevent WHERE id IN ({placeholders(batch)})", batch)
        _consume(dag, run)
        notify.dag_changed(dag_id)
        return advance.start_oldest(dag_id, now)[0]


def _queued(dag_id: str) -> list[tuple[int, Key, datetime]]:
    """A DAG's queued events under their locks: (row, asset, since when).

    Who adds an event touches its row, so we wait here for those who are about to commit theirs; and who comes later
    waits for us, finds no row and makes a new one.
    """
    lock = " FOR UPDATE OF q" if is_postgresql() else ""
    rows = fetch(
        "SELECT q.id, a.name, a.uri, q.created_at FROM runs_app_queuedevent q JOIN dags_app_asset a ON a.id = q.asset_id "
        f"WHERE q.dag_id = %s ORDER BY q.dag_id, q.asset_id{lock}",
        [dag_id],
    )
    return [(pk, (name, uri), moment(at)) for pk, name, uri, at in rows]  # type: ignore[misc]


def _insert(dag: Dag, run_after: datetime, now: datetime) -> DagRun:
    return create.create_run(
        dag=dag,
        version_pk=dag.version_id,
        run_type=RunType.ASSET_TRIGGERED,
        run_after=run_after,
        logical_date=None,
        interval=None,
        triggered_by="asset",
        now=now,
    )


TOLD = (
    "INSERT INTO runs_app_assetevent_runs (dagrun_id, assetevent_id) SELECT %s, e.id FROM runs_app_assetevent e WHERE"
)
MATCHES = (
    "EXISTS (SELECT 1 FROM dags_app_schedulereference r JOIN dags_app_asset a ON a.id = e.asset_id WHERE r.dag_id = %s "
    "AND (r.asset_id = a.id OR r.name = a.name OR r.uri = a.uri OR r.alias_id IN "
    "(SELECT l.assetalias_id FROM runs_app_assetevent_aliases l WHERE l.assetevent_id = e.id)))"
)
"""Whether event ``e`` is of an asset that the DAG is scheduled on."""


def _consume(dag: Dag, run: DagRun) -> None:
    """Tell the run of the events since the one before: all that wait for the DAG.

    Not of those whose asset is queued again, though: they are the next run's.
    """
    rows = fetch(
        "DELETE FROM runs_app_unreadevent AS u WHERE u.dag_id = %s AND NOT EXISTS (SELECT 1 FROM runs_app_queuedevent q "
        "JOIN runs_app_assetevent e ON e.asset_id = q.asset_id WHERE q.dag_id = u.dag_id AND e.id = u.event_id) "
        "RETURNING event_id",
        [dag.pk],
    )
    if load_spec(dag.version_id).catchup and not _ran_before(dag, run):
        # Its first run: with catchup also what happened before it was scheduled on them.
        write(f"{TOLD} {MATCHES}", [run.pk, dag.pk])
        return
    for batch in batches(sorted(event_pk for (event_pk,) in rows), 800):
        write(f"{TOLD} e.id IN ({placeholders(batch)}) AND {MATCHES}", [run.pk, *batch, dag.pk])


def _ran_before(dag: Dag, run: DagRun) -> bool:
    return DagRun.objects.filter(dag=dag, run_type=RunType.ASSET_TRIGGERED).exclude(pk=run.pk).exists()

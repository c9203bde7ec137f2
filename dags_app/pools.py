"""Which tasks no pool will ever have room for."""

from __future__ import annotations

from orchestrator.core.limits import never_fits
from orchestrator.core.spec import DagSpec

from .models import Pool


def never_run(spec: DagSpec) -> dict[str, str]:
    """Return why, by task id, for each task that its pool cannot hold as it is now."""
    slots = dict(Pool.objects.filter(name__in={task.pool for task in spec.tasks.values()}).values_list("name", "slots"))
    reasons = {
        task.task_id: never_fits(task.pool, task.pool_slots, slots.get(task.pool)) for task in spec.tasks.values()
    }
    return {task_id: reason for task_id, reason in reasons.items() if reason}

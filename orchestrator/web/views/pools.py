"""One pool: how its slots are used, who holds them and who waits for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from dags_app.models import Pool
from orchestrator import access
from orchestrator.core.states import TaskState
from orchestrator.web import shares
from orchestrator.web.page import live_part, must
from runs_app import registry

MOST_SHOWN = 100


def use(pools: Iterable[Pool]) -> dict[str, dict[str, Any]]:
    """Return for each pool its counts, the bar of its slots and how many are open (None: without limit)."""
    rows = list(pools)
    counted = registry.pool_use([pool.name for pool in rows])
    return {pool.name: _use(pool, counted.get(pool.name, {})) for pool in rows}


def _use(pool: Pool, counts: dict[str, int]) -> dict[str, Any]:
    running, deferred = counts.get("running", 0), counts.get("deferred", 0)
    taken = running + (deferred if pool.include_deferred else 0)
    left = None if pool.slots < 0 else max(0, pool.slots - taken)
    held = [("running", running), *([("deferred", deferred)] if pool.include_deferred else [])]
    bar = shares.parts([*held, ("open", left or 0)], max(pool.slots, 0))
    waiting = counts.get("scheduled", 0)
    is_full = left == 0 and waiting > 0
    return {
        **{"running": running, "deferred": deferred, "scheduled": waiting, "open": left},
        "bar": bar,
        "full": is_full,
    }


@require_safe
def pool_page(request: HttpRequest, pool_name: str) -> HttpResponse:
    must(request, "read_pools")
    pool = None if "\0" in pool_name else Pool.objects.filter(pk=pool_name).first()
    if pool is None:
        raise Http404(gettext("There is no pool “{pool_name}”.").format(pool_name=pool_name))
    instances = access.visible_task_instances(request.user).filter(pool=pool.name).select_related("run")
    holding = [TaskState.RUNNING, *([TaskState.DEFERRED] if pool.include_deferred else [])]
    waiting = instances.filter(state=TaskState.SCHEDULED)
    return live_part(
        request,
        "registry/pool.html",
        {"slots": "registry/_slots.html"},
        nav="pools",
        pool=pool,
        use=use([pool])[pool.name],
        holders=list(instances.filter(state__in=holding).order_by("started_at", "pk")[:MOST_SHOWN]),
        waiting=list(waiting.order_by("-priority_weight", "scheduled_at", "pk")[:MOST_SHOWN]),
        may_edit=access.can(request.user, "edit_pools"),
    )

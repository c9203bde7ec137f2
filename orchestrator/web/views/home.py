"""The first page: how things are, and what needs somebody."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from dags_app.models import Pool
from orchestrator import access
from orchestrator.web import failures, listing
from orchestrator.web.home import ahead, away, due, history, needs, slow, tiles
from orchestrator.web.page import live_part
from runs_app import favorites, health, visits

from . import pools

FAVORITES_SHOWN = 10
HELD_SHOWN = 20
POOLS_SHOWN = 8
FAILURES_SHOWN = 5
FAILED_SINCE = timedelta(days=1)
PARTS = {"now": "home/_now.html", "history": "home/_history.html", "favorites": "home/_favorites.html"}


@require_safe
def home_page(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    part = request.GET.get("part", "")
    context: dict[str, Any] = {"nav": "home"}
    # A part that is fetched alone asks for its own rows only: the others are told of the same change.
    for name, gather in (("now", _now), ("history", _history), ("favorites", _favorites)):
        if part in ("", name):
            context |= gather(request, now)
    if not part and (role := access.highest_role(request.user)):
        context["alerts"] = [each for each in settings.ORCH.alerts if role in each.get("roles", [role])]
        visit = visits.note(request.user, now)
        context["away"] = away.digest(request.user, visit.news_after, visit.began_at)
    return live_part(request, "home/home.html", PARTS, **context)


def _now(request: HttpRequest, now: Any) -> dict[str, Any]:
    user = request.user
    parts = health.parts(now) if access.can(user, "read_processes") else []
    shown = list(Pool.objects.order_by("name")) if access.can(user, "read_pools") else []
    use = pools.use(shown)
    # The fullest first: with many pools that is what somebody looks for.
    shown.sort(key=lambda pool: (-use[pool.name]["full"], -use[pool.name]["running"], pool.name))
    held = tiles.held(user)
    long_runs = slow.long_runs(user, now)
    running = ahead.running(user)
    forecasts = ahead.forecasts(user, [*(each.run for each in long_runs), *running], now)
    return {
        "lamps": parts,
        "tiles": tiles.tiles(user),
        "held": list(held[:HELD_SHOWN]),
        "needs": [
            *ahead.needs(forecasts.values()),
            *needs.needs(user, parts, [pool for pool in shown if use[pool.name]["full"]], use),
        ],
        "long_runs": long_runs,
        "running": running,
        "forecasts": {run.pk: told for run, told in forecasts.values()},
        "pools": shown[:POOLS_SHOWN],
        "pool_count": len(shown),
        "use": use,
        "deadlines": due.deadlines(user, now),
        "groups": list(failures.groups(user, since=now - FAILED_SINCE)[:FAILURES_SHOWN]),
    }


def _history(request: HttpRequest, now: Any) -> dict[str, Any]:
    name = history.chosen(request.GET.get("range"))
    found = history.history(request.user, name, now)
    return {"history": found, "range": name, "ranges": {key: label for key, (_, label) in history.RANGES.items()}}


def _favorites(request: HttpRequest, now: Any) -> dict[str, Any]:
    dags = favorites.narrowed(access.visible_dags(request.user), request.user).order_by("dag_id")
    dags = favorites.marked(dags, request.user)
    return {"favorites": listing.rows(list(dags[:FAVORITES_SHOWN])), "favorite_count": dags.count()}

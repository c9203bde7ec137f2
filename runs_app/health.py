"""Whether each part of this installation shows life, by the leases of its processes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.db.models import Count, Max, Q
from redis import RedisError

from .models import Process

PARTS = {"beat": "Scheduler", "slot": "Workers", "triggerer": "Triggerer", "processor": "DAG processor"}
"""Kind of process -> what people call that part."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part: how many of its processes are alive, and when one was last heard of (None: never)."""

    name: str
    is_well: bool
    alive: int = 1
    beat_at: datetime | None = None


def parts(now: datetime) -> list[Part]:
    """Return every part, the database first: whoever reads this has just had its answer."""
    fresh = Q(ended_at__isnull=True, beat_at__gte=now - timedelta(seconds=settings.ORCH.lease_seconds))
    rows = Process.objects.filter(kind__in=PARTS).filter(
        Q(ended_at__isnull=True) | Q(beat_at__gte=now - timedelta(days=7))
    )
    counted = {
        row["kind"]: row
        for row in rows.values("kind").annotate(alive=Count("pk", filter=fresh), last=Max("beat_at")).order_by("kind")
    }
    found = [Part("Database", True)]
    for kind, name in PARTS.items():
        row = counted.get(kind, {"alive": 0, "last": None})
        found.append(Part(name, row["alive"] > 0, row["alive"], row["last"]))
    return [*found, Part("Redis", redis_answers())]


def redis_answers() -> bool:
    """Whether Redis answers within a second. Without it work goes on, slower, and pages look by themselves."""
    try:
        cache.get("health")
    except (RedisError, OSError):
        return False
    return True

"""Visits: each begins after half an hour without one, and its news are what happened since the visit before began.

So whatever happens is news of exactly one visit, however often somebody looks.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from dags_app.models import Visit

PAUSE = timedelta(minutes=30)
NOTED_EVERY = timedelta(minutes=1)
FIRST_LOOKS_BACK = timedelta(days=1)


def note(user: Any, now: datetime) -> Visit:
    """Note that the user is here; return her visit."""
    first = {"news_after": now - FIRST_LOOKS_BACK, "began_at": now, "last_at": now}
    visit, is_new = Visit.objects.get_or_create(user_id=user.pk, defaults=first)
    if is_new:
        return visit
    rows = Visit.objects.filter(pk=visit.pk, last_at=visit.last_at)  # of two pages at once one begins the visit
    if now - visit.last_at >= PAUSE:
        if rows.update(news_after=visit.began_at, began_at=now, last_at=now):
            visit.news_after, visit.began_at, visit.last_at = visit.began_at, now, now
        else:
            visit.refresh_from_db()
    elif now - visit.last_at >= NOTED_EVERY:
        rows.update(last_at=now)
    return visit

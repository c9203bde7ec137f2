"""Finding a DAG by a few letters, for the search box."""

from __future__ import annotations

from django.db.models import Q
from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from orchestrator import access

MOST = 12


@require_safe
def search(request: HttpRequest) -> JsonResponse:
    """Answer ``{"found": [{"name", "about", "to"}]}``; ids that begin with the text come first."""
    text = request.GET.get("q", "").replace("\0", "").strip()[:100]
    dags = access.visible_dags(request.user).filter(is_stale=False)
    if text:
        dags = dags.filter(Q(dag_id__icontains=text) | Q(display_name__icontains=text) | Q(tags__name__icontains=text))
    rows = list(dags.distinct().order_by("dag_id").values("dag_id", "display_name", "description", "is_paused")[:200])
    rows.sort(key=lambda row: (not row["dag_id"].lower().startswith(text.lower()), row["dag_id"]))
    return JsonResponse(
        {
            "found": [
                {
                    "name": row["display_name"] or row["dag_id"],
                    "about": row["description"] or ("paused" if row["is_paused"] else ""),
                    "to": reverse("dag", args=[row["dag_id"]]),
                }
                for row in rows[:MOST]
            ]
        }
    )

"""The star of a DAG."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from orchestrator.web.page import dag_for, done
from runs_app import favorites


@require_POST
def favorite(request: HttpRequest, dag_id: str) -> HttpResponse:
    """Star a DAG, or with ``on=false`` take its star away; asking twice is no mistake."""
    dag = dag_for(request, dag_id)
    back = reverse("dag", args=[dag.dag_id])
    if request.POST.get("on") == "false":
        favorites.unstar(dag.dag_id, user=request.user)
        return done(request, gettext("{name} is no favorite any more.").format(name=dag.name), back)
    favorites.star(dag.dag_id, user=request.user)
    return done(request, gettext("{name} is a favorite.").format(name=dag.name), back)

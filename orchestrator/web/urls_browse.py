"""Addresses of the lists over all DAGs, and of what is done with many of their rows."""

from __future__ import annotations

from django.urls import path

from .views import as_code, browse, bulk, timeline

urlpatterns = [
    path("dag_runs", browse.runs_page, name="dag-runs"),
    path("task_instances", browse.instances_page, name="task-instances"),
    path("timeline", timeline.timeline_page, name="timeline"),
    path("xcoms", browse.xcoms_page, name="xcoms"),
    path("deadlines", browse.deadlines_page, name="deadlines"),
    path("as-code", as_code.of_dialog, name="as-code"),
    path("bulk/<str:kind>", bulk.act, name="bulk"),
]

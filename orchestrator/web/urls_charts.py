"""Addresses of what draws a DAG or a run over time; :mod:`orchestrator.web.urls` has their places among the others."""

from __future__ import annotations

from django.urls import path

from .converters import ANY
from .views import calendar, edit, overview, replay, run, schedule

DAG = f"dags/<{ANY}:dag_id>"
RUN = DAG + "/runs/<any:run_id>"

of_runs = [
    path(RUN + "/gantt.json", run.gantt_data, name="gantt-data"),
    path(RUN + "/gantt", run.gantt_page, name="run-gantt"),
    path(RUN + "/replay", replay.replay_page, name="run-replay"),
]
of_dags = [
    path(DAG + "/overview", overview.overview_page, name="overview"),
    path(DAG + "/calendar", calendar.calendar_page, name="calendar"),
    path(DAG + "/code/edit", edit.edit_page, name="code-edit"),
    path(DAG + "/schedule", schedule.schedule_page, name="schedule"),
]

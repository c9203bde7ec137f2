"""What needs somebody now, most pressing first: each line says what is the matter and leads to where it is mended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.translation import gettext, ngettext

from dags_app.models import Dag, Pool
from orchestrator import access
from runs_app import answering
from runs_app.health import Part

MOST_OF_A_KIND = 5


@dataclass(frozen=True, slots=True)
class Need:
    """One line. ``glyph`` is a state or the name of an icon."""

    glyph: str
    text: str
    about: str
    to: str
    late: Any = None  # the deadline that it is about, told instead of a text


def needs(user: Any, parts: Sequence[Part], full: Sequence[Pool], use: dict[str, Any]) -> list[Need]:
    """Return what the user can do something about, or should know of."""
    return [
        *_silent(parts),
        *_questions(user),
        *_errors(user),
        *_paused(user),
        *_unscheduled(user),
        *_webhooks(user),
        *_full(full, use),
    ]


def _silent(parts: Sequence[Part]) -> Iterator[Need]:
    for part in parts:
        if not part.is_well:
            about = (
                gettext("work goes on, slower")
                if part.name == "Redis"
                else gettext("nothing of its work moves on until it runs")
            )
            yield Need("failed", gettext("{name}: no sign of life").format(name=part.name), about, reverse("home"))


def _questions(user: Any) -> Iterator[Need]:
    """Questions that name nobody, or her: what only others may answer needs them."""
    if not access.can_somewhere(user, "answer"):
        return
    rows = access.visible_questions(user, is_open=True).select_related("task_instance__run").order_by("created_at")
    mine = [each for each in rows[:200] if answering.may_answer(each, user)]
    for each in mine[:MOST_OF_A_KIND]:
        instance = each.task_instance
        args = [instance.dag_id, instance.run.run_id, instance.task_id]
        mapped = instance.map_index >= 0
        to = reverse(
            "task-required-mapped" if mapped else "task-required", args=[*args, instance.map_index] if mapped else args
        )
        yield Need(
            "awaiting_input",
            each.subject,
            gettext("{dag_id}.{task_id} waits for an answer").format(dag_id=instance.dag_id, task_id=instance.task_id),
            to,
        )
    if len(mine) > MOST_OF_A_KIND:
        yield Need(
            "awaiting_input",
            gettext("{count} more questions").format(count=len(mine) - MOST_OF_A_KIND),
            "",
            reverse("required"),
        )


def _errors(user: Any) -> Iterator[Need]:
    rows = access.visible_import_errors(user).select_related("file").order_by("-timestamp")
    for error in rows[:MOST_OF_A_KIND]:
        where = error.file.relative_path + (f":{error.line}" if error.line else "")
        yield Need(
            "failed",
            error.message,
            gettext("{where} cannot be imported").format(where=where),
            f"{reverse('import-errors')}#error-{error.pk}",
        )


def _paused(user: Any) -> Iterator[Need]:
    """That nothing at all runs by its schedule: DAGs come paused, and who is new here waits for them in vain."""
    dags = access.visible_dags(user).filter(is_stale=False)
    counted = dags.aggregate(all=Count("pk"), paused=Count("pk", filter=Q(is_paused=True)))
    if counted["paused"] and counted["paused"] == counted["all"]:
        told = ngettext("The only DAG is paused", "All {count} DAGs are paused", counted["all"])
        about = gettext("none runs by its schedule before it is unpaused")
        yield Need("paused", told.format(count=counted["all"]), about, f"{reverse('dags')}?paused=true")


def _unscheduled(user: Any) -> Iterator[Need]:
    rows: Any = access.visible_dags(user).filter(is_stale=False, is_paused=False).exclude(schedule_error="")
    dag: Dag
    for dag in rows.order_by("dag_id")[:MOST_OF_A_KIND]:
        yield Need(
            "failed",
            dag.schedule_error,
            gettext("{dag_id} gets no more runs").format(dag_id=dag.dag_id),
            reverse("dag", args=[dag.dag_id]),
        )


def _webhooks(user: Any) -> Iterator[Need]:
    """Those that were given up: whoever waits at the other end hears nothing, and so notices nothing."""
    if not access.can(user, "edit_webhooks"):
        return
    given_up = access.visible_webhooks(user).filter(enabled=False).exclude(disabled_why="")
    for each in given_up.order_by("name")[:MOST_OF_A_KIND]:
        told = gettext("webhook {name} was given up").format(name=each.name)
        yield Need("failed", each.disabled_why, told, reverse("webhook", args=[each.pk]))


def _full(full: Sequence[Pool], use: dict[str, Any]) -> Iterator[Need]:
    for pool in full[:MOST_OF_A_KIND]:
        waiting = use[pool.name]["scheduled"]
        yield Need(
            "scheduled",
            gettext("Pool {name} is full").format(name=pool.name),
            gettext("{waiting} wait for its slots").format(waiting=waiting),
            reverse("pool", args=[pool.name]),
        )

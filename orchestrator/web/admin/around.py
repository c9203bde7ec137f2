"""What stands around task instances: tries, values, questions, holds, deadlines, failures; and people's tokens."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy

from dags_app.models import ApiToken
from orchestrator import access
from orchestrator.web.views.dialogs import task_url
from runs_app import api_tokens, holds
from runs_app.models import Attempt, Deadline, FailureGroup, HITLDetail, Hold, StateEvent, XCom

from .base import Looked, action


class OfInstances(Looked):
    """Rows of task instances, as far as one may see those."""

    ordering = ("-pk",)
    list_select_related = ("task_instance__run",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        own = access.visible_task_instances(request.user).filter(pk=OuterRef("task_instance_id"))
        return self.model._default_manager.filter(Exists(own)).order_by(*self.ordering)

    @admin.display(description=gettext_lazy("task instance"))
    def of(self, row: Any) -> str:
        instance = row.task_instance
        index = f"[{instance.map_index}]" if instance.map_index != -1 else ""
        return f"{instance.dag_id}.{instance.task_id}{index}"

    def view_on_site(self, row: Any) -> str:
        instance = row.task_instance
        return task_url(instance.dag_id, instance.run.run_id, instance.task_id, instance.map_index)


@admin.register(Attempt)
class AttemptAdmin(OfInstances):
    """Every try of every task instance, and how it ended."""

    page_text = "log"
    list_display = ("of", "page", "try_number", "outcome", "started_at", "ended_at", "hostname", "peak_bytes", "reason")
    list_filter = ("outcome", "started_at", ("hung_since", admin.EmptyFieldListFilter))
    search_fields = ("task_instance__dag_id", "task_instance__task_id", "hostname", "reason")
    raw_id_fields = ("task_instance", "process", "version")

    def view_on_site(self, row: Attempt) -> str:
        return f"{super().view_on_site(row)}?try_number={row.try_number}"


@admin.register(XCom)
class XComAdmin(OfInstances):
    """What tasks left for others. Changed on the task's page, where the change is checked and audited."""

    page_text = "XComs"
    list_display = ("key", "page", "dag_id", "task_id", "map_index", "length", "timestamp")
    list_filter = ("timestamp",)
    search_fields = ("key", "dag_id", "task_id")
    list_select_related = ("task_instance__run",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[XCom]:
        return access.visible_xcoms(request.user).order_by(*self.ordering)

    def view_on_site(self, row: XCom) -> str:
        keys = [row.dag_id, row.task_instance.run.run_id, row.task_id]
        if row.map_index != -1:
            return reverse("task-xcom-mapped", args=[*keys, row.map_index])
        return reverse("task-xcom", args=keys)


@admin.register(HITLDetail)
class QuestionAdmin(OfInstances):
    """What tasks ask people. Answered on its page, which knows who may."""

    page_text = "question"
    list_display = ("subject", "page", "of", "created_at", "responded_at", "responded_by_user_name", "chosen_options")
    list_filter = (("responded_at", admin.EmptyFieldListFilter), "created_at")
    search_fields = ("subject", "task_instance__dag_id", "task_instance__task_id", "responded_by_user_name")

    def get_queryset(self, request: HttpRequest) -> QuerySet[HITLDetail]:
        return access.visible_questions(request.user).order_by(*self.ordering)

    def view_on_site(self, row: HITLDetail) -> str:
        return f"{super().view_on_site(row)}/required_actions"


@admin.register(StateEvent)
class StateEventAdmin(Looked):
    """Every change of a state. Only ever added to."""

    list_display = ("at", "page", "old", "new", "actor", "reason")
    list_filter = ("new", "at")
    search_fields = ("run__run_id", "run__dag__dag_id", "task_instance__task_id", "actor", "reason")
    list_select_related = ("run",)
    ordering = ("-pk",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[StateEvent]:
        own = access.visible_runs(request.user).filter(pk=OuterRef("run_id"))
        return StateEvent.objects.filter(Exists(own)).order_by(*self.ordering)

    def view_on_site(self, event: StateEvent) -> str:
        return reverse("run-events", args=[event.run.dag_id, event.run.run_id])


@admin.register(Hold)
class HoldAdmin(Looked):
    """Tasks that somebody holds back."""

    list_display = ("__str__", "page", "map_index", "held_by", "until", "reason")
    list_filter = (("run", admin.EmptyFieldListFilter), "created_at")
    search_fields = ("dag__dag_id", "task_id", "held_by", "reason")
    list_select_related = ("dag",)
    actions = ("release",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Hold]:
        return Hold.objects.filter(dag__in=access.visible_dags(request.user)).order_by("pk")

    def view_on_site(self, held: Hold) -> str:
        return reverse("dag-task", args=[held.dag_id, held.task_id])

    @action(gettext_lazy("Release"), "mark")
    def release(self, request: HttpRequest, held: Hold) -> None:
        holds.release(held.pk, user=request.user)


@admin.register(Deadline)
class DeadlineAdmin(Looked):
    """Deadlines to come and those that were missed; one that was met is gone."""

    page_text = "run"
    list_display = ("deadline_time", "page", "dag_id", "name", "task_id", "missed")
    list_filter = ("missed", "deadline_time")
    search_fields = ("run__dag__dag_id", "run__run_id", "name", "task_id")
    list_select_related = ("run",)
    ordering = ("-deadline_time",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Deadline]:
        return access.visible_deadlines(request.user).order_by(*self.ordering)

    @admin.display(description=gettext_lazy("DAG"))
    def dag_id(self, deadline: Deadline) -> str:
        return str(deadline.run.dag_id)

    def view_on_site(self, deadline: Deadline) -> str:
        return reverse("run", args=[deadline.run.dag_id, deadline.run.run_id])


@admin.register(FailureGroup)
class FailureGroupAdmin(Looked):
    """Failures that have their cause in common. Owner and note are written on its page."""

    list_display = ("__str__", "page", "place", "owner", "created_at")
    list_filter = ("owner", "created_at")
    search_fields = ("title", "place", "owner", "note")

    def view_on_site(self, group: FailureGroup) -> str:
        return reverse("failure", args=[group.pk])


@admin.register(ApiToken)
class ApiTokenAdmin(Looked):
    """People's tokens, of which only the digest is kept, and not even that is shown."""

    page_text = "owner"
    list_display = ("__str__", "page", "user", "role", "created_at", "expires_at", "last_used_at", "revoked_at")
    list_filter = ("role", ("revoked_at", admin.EmptyFieldListFilter), "expires_at")
    search_fields = ("name", "begins", "user__username")
    list_select_related = ("user",)
    exclude = ("digest", "mark")
    actions = ("revoke",)

    def view_on_site(self, token: ApiToken) -> str:
        return reverse("users-edit", args=[token.user_id])

    @action(gettext_lazy("Revoke"), "admin")
    def revoke(self, request: HttpRequest, token: ApiToken) -> None:
        api_tokens.revoke(token.pk, user=request.user, now=timezone.now())

"""The pages of failures by kind."""

from __future__ import annotations

from datetime import timedelta

from django.test import Client
from django.utils import timezone

from dags_app.models import AuditEntry
from orchestrator.web import failures
from runs_app.models import Failure
from tests.support import factories


def make(dag_id: str, digest: str, version: int = 1, minutes: int = 5) -> Failure:
    run = factories.make_run(factories.make_dag(dag_id), "r", state="failed")
    at = timezone.now() - timedelta(minutes=minutes)
    return factories.make_failure(factories.instance_of(run, "a"), digest, version_number=version, at=at)


def test_a_kind_says_how_often_in_how_many_dags_and_since_which_version(viewer: Client):
    make("one", "<b>KeyError</b>", version=12)
    make("two", "<b>KeyError</b>", version=13, minutes=60)
    other = make("three", "TypeError")
    group = next(each for each in viewer.get("/failures").context["groups"] if each.title != "TypeError")
    assert (group.count, group.dag_count, group.since_version) == (2, 2, 12)
    page = viewer.get("/failures").content.decode()
    assert "&lt;b&gt;KeyError" in page
    assert "2 DAGs" in page
    listed = viewer.get("/failures?dag_id=three").context["groups"]
    assert [each.pk for each in listed] == [other.group_id]
    assert len(viewer.get("/failures?range=1h").context["groups"]) == 2
    assert len(viewer.get("/").context["groups"]) == 2


def test_a_kind_leads_to_the_line_of_the_log(viewer: Client):
    failure = make("one", "KeyError")
    Failure.objects.update(log_line=7, try_number=2)
    page = viewer.get(f"/failures/{failure.group_id}").content.decode()
    assert "/dags/one/runs/r/tasks/a?try_number=2#7" in page
    assert viewer.get("/failures/999").status_code == 404


def test_a_kind_has_an_owner_and_a_note(user: Client, viewer: Client):
    group = make("one", "KeyError").group
    assert viewer.post(f"/failures/{group.pk}/note", {"owner": "ada"}).status_code == 403
    assert user.post(f"/failures/{group.pk}/note", {"owner": "ada", "note": "wait <x>"}).status_code == 302
    page = viewer.get(f"/failures/{group.pk}").content.decode()
    assert "ada</b> looks after it" in page
    assert "wait &lt;x&gt;" in page
    assert AuditEntry.objects.get().event == "patch_failure_group"


def test_kinds_of_one_dag_count_its_failures_only(db: None):
    make("one", "KeyError")
    make("two", "KeyError")
    found = failures.groups(factories.make_user("viewer"), dag_id="one").get()
    assert (found.count, found.dag_count) == (1, 1)
    assert not failures.groups(factories.make_user("")).exists()

"""While you were away: each event is news of exactly one visit."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client

from dags_app.models import AuditEntry, Visit
from orchestrator.web.home import away
from runs_app import visits
from runs_app.models import Deadline, FailureGroup
from tests.support import factories

NOW = datetime(2026, 11, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def boss(db: None) -> User:
    return factories.make_user("admin")


def test_whatever_happens_is_news_of_exactly_one_visit(boss: User):
    chance = random.Random(3)
    run = factories.make_run(factories.make_dag("shop"), state="failed")
    for number in range(120):
        at = NOW + timedelta(seconds=chance.randint(0, 10 * 3600))
        entry = AuditEntry.objects.create(actor="ada", event="e")
        AuditEntry.objects.filter(pk=entry.pk).update(at=at)
        Deadline.objects.create(run=run, key=str(number), deadline_time=at, missed=True, created_at=NOW)
        factories.make_failure(factories.instance_of(run, "a"), f"kind {number}", at=at)
    visits.note(boss, NOW)  # its news are what was before
    looked = sorted(NOW + timedelta(seconds=chance.randint(1, 10 * 3600)) for _ in range(40))
    seen: dict[str, list[int]] = {"deed": [], "deadline": [], "kind": []}
    windows = set()
    for now in [*looked, NOW + 12 * HOUR]:
        visit = visits.note(boss, now)
        windows.add((visit.news_after, visit.began_at))
    assert len(windows) > 3
    for since, until in windows:
        seen["deed"] += away.deeds(since, until).values_list("pk", flat=True)
        seen["deadline"] += away.missed(boss, since, until).values_list("pk", flat=True)
        seen["kind"] += away.new_kinds(boss, since, until).values_list("pk", flat=True)
    every = {"deed": AuditEntry, "deadline": Deadline, "kind": FailureGroup}
    for name, model in every.items():
        assert sorted(seen[name]) == sorted(model.objects.values_list("pk", flat=True)), name


def test_a_visit_goes_on_while_somebody_comes_back_within_half_an_hour(boss: User):
    visits.note(boss, NOW)
    for minutes in range(0, 100, 20):
        assert visits.note(boss, NOW + timedelta(minutes=minutes)).began_at == NOW
    later = NOW + timedelta(minutes=80 + 31)
    assert (visits.note(boss, later).news_after, Visit.objects.get().began_at) == (NOW, later)


def test_dags_are_told_by_how_they_were_and_are(boss: User):
    def run(dag: object, state: str, hours: float) -> None:
        at = NOW + timedelta(hours=hours)
        factories.make_run(dag, state=state, logical_date=at, started_at=at, ended_at=at)

    for name, before, after in (
        ("breaks", "success", "failed"),
        ("heals", "failed", "success"),
        ("stays", "failed", "failed"),
        ("fine", "success", "success"),
        ("fresh", "", "failed"),
        ("quiet", "failed", ""),
    ):
        dag = factories.make_dag(name)
        for state, hours in ((before, -2), (after, 1)):
            if state:
                run(dag, state, hours)
    found = away.digest(boss, NOW, NOW + 2 * HOUR)
    assert [dag.pk for dag in found.broken] == ["breaks", "fresh"]
    assert [dag.pk for dag in found.healed] == ["heals"]
    assert [dag.pk for dag in found.still_broken] == ["stays"]


def test_ones_own_deeds_are_no_news_and_a_viewer_sees_nobodys(boss: User, viewer: Client):
    AuditEntry.objects.create(actor="ada", event="pause_dag", dag_id="shop")
    AuditEntry.objects.create(actor=boss.username, user=boss, event="clear")
    AuditEntry.objects.update(at=NOW)
    assert [each["event"] for each in away.digest(boss, NOW - HOUR, NOW).done] == ["pause_dag"]
    assert not away.digest(viewer.get("/").wsgi_request.user, NOW - HOUR, NOW)


def test_the_first_page_shows_it_once_a_visit(client_of):
    factories.make_dag("shop")
    entry = AuditEntry.objects.create(actor="<b>ada</b>", event="pause_dag", dag_id="shop")
    op = client_of("op")
    page = op.get("/").content.decode()
    assert "While you were away" in page
    assert "&lt;b&gt;ada" in page
    assert entry.at <= Visit.objects.get().began_at
    assert "While you were away" not in op.get("/?part=now").content.decode()

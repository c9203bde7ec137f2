"""``manage.py assets``: what it shows and does."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from dags_app.models import Asset
from orchestrator import sdk
from runs_app.models import AssetEvent, DagRun
from tests.runs_app.test_assets import event, make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("invitations")]
A, B = sdk.Asset("a", "s3://a"), sdk.Asset("b")


def assets(*words: str) -> Any:
    out = StringIO()
    call_command("assets", *words, "--json", stdout=out)
    return json.loads(out.getvalue())


def text(*words: str) -> str:
    out = StringIO()
    call_command("assets", *words, stdout=out)
    return out.getvalue()


@pytest.fixture
def world(db: None) -> None:
    make("p", outlets=[A, sdk.AssetAlias("x")])
    make("c", schedule=A & B)
    event("a", {"n": 1})


def test_listing_and_showing(world):
    assert [(each["name"], each["scheduled_dags"]) for each in assets("list")] == [("a", ["c"]), ("b", ["c"])]
    assert [each["name"] for each in assets("list", "--alias")] == ["x"]
    Asset.objects.filter(name="b").update(is_active=False)
    assert len(assets("list")) == 1 and len(assets("list", "--all")) == 2
    shown = assets("show", "s3://a/")
    assert shown["producing_tasks"] == ["p.t"] and shown["queued_for"] == ["c"]
    assert "s3://a/" in text("list") and "producing tasks" in text("show", "a")
    with pytest.raises(CommandError, match="no asset 'z'"):
        assets("show", "z")


def test_events_are_shown_newest_first(world):
    event("b", {"n": 2})
    found = assets("events")
    assert [each["extra"]["n"] for each in found] == [2, 1]
    assert found[0]["made"] == [f"c {DagRun.objects.get().run_id}"]
    assert [each["extra"]["n"] for each in assets("events", "a")] == [1]
    assert len(assets("events", "--limit", "1")) == 1


def test_an_event_is_made(world):
    made = assets("emit", "b", "--extra", '{"n": 2}')
    assert made["made"] == [f"c {DagRun.objects.get().run_id}"]
    assert AssetEvent.objects.get(pk=made["id"]).extra == {"n": 2, "from_command_line": True}
    with pytest.raises(CommandError, match="no JSON"):
        assets("emit", "b", "--extra", "{")
    with pytest.raises(CommandError, match="JSON object"):
        assets("emit", "b", "--extra", "[]")


def test_an_asset_is_materialized(world):
    run = assets("materialize", "a")
    assert run["dag_id"] == "p" and DagRun.objects.get(run_id=run["run_id"]).triggered_by == "cli"
    with pytest.raises(CommandError, match="No Dag materializes"):
        assets("materialize", "b")
    with pytest.raises(CommandError, match="does not accept a partition_key"):
        assets("materialize", "a", "--partition-key", "k")

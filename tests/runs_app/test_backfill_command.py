"""``manage.py backfill``."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from runs_app.models import Backfill
from tests.runs_app.engine import python_dag
from tests.support import factories
from tests.support.factories import DAY

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("invitations")]
RANGE = ("daily", "--from-date", "2026-03-01", "--to-date", "2026-03-04")


@pytest.fixture(autouse=True)
def daily() -> Any:
    return python_dag("daily", {"a": ()}, schedule="@daily", start_date=DAY)


def backfill(*words: str, lines: bool = False) -> Any:
    out = StringIO()
    call_command("backfill", *words, *([] if lines else ["--json"]), stdout=out)
    return out.getvalue() if lines else json.loads(out.getvalue())


def test_a_plan_says_what_would_be_done(daily):
    factories.make_run(daily, state="success", logical_date=DAY)
    found = backfill("plan", *RANGE)
    assert [(each["action"], each["reason"]) for each in found] == [("skip", "already exists"), *[("create", None)] * 3]
    assert "3 to create, 0 to clear, 1 to skip" in backfill("plan", *RANGE, lines=True)
    assert not Backfill.objects.exists()


def test_from_creating_to_cancelling():
    made = backfill("create", *RANGE, "--max-active-runs", "1", "--run-backwards", "--conf", '{"x": 1}')
    assert (made["total"], made["states"], made["dag_run_conf"]) == (4, {"queued": 3, "running": 1}, {"x": 1})
    key = str(made["id"])
    assert [each["id"] for each in backfill("list", "daily", "--open")] == [made["id"]]
    shown = backfill("show", key)
    assert [each["state"] for each in shown["runs"]] == ["running", "queued", "queued", "queued"]
    assert shown["runs"][0]["logical_date"].startswith("2026-03-04")
    assert backfill("pause", key)["is_paused"]
    assert not backfill("unpause", key)["is_paused"]
    assert backfill("cancel", key)["states"] == {"cancelled": 3, "running": 1}
    assert backfill("list", "--open") == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("create", *RANGE, "--conf", "[]"), "JSON object"),
        (("create", *RANGE, "--max-active-runs", "0"), "1 or more"),
        (("create", "daily", "--from-date", "soon", "--to-date", "2026-03-04"), "is no time"),
        (("plan", "nowhere", *RANGE[1:]), "Could not find dag nowhere"),
        (("show", "9"), "backfill list"),
        (("cancel", "9"), "Could not find backfill"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(words, says):
    with pytest.raises(CommandError, match=says):
        backfill(*words)

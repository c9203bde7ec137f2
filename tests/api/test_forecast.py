"""GET forecast and ``manage.py runs forecast``: when a run will end."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import call_command

from tests.support.forecasts import needed, running

pytestmark = pytest.mark.django_db


def test_the_api_tells_both_times_and_what_is_late(api):
    run = running()
    needed(run, 40)
    told = api.call("get", "dags/etl/dagRuns/now/forecast")
    assert (told["runs"], told["reason"]) == (4, None)
    assert told["p50"] <= told["p90"]
    (late,) = told["late"]
    assert (late["name"], late["task_id"], late["is_sure"]) == ("nightly", None, True)
    assert 50 < late["seconds"] < 90


def test_the_api_says_why_there_is_none(api):
    running(runs=0)
    told = api.call("get", "dags/etl/dagRuns/now/forecast")
    assert (told["p50"], told["p90"], told["late"]) == (None, None, [])
    assert told["reason"] == "no run of this DAG has succeeded yet"


def test_the_command_tells_it():
    needed(running(), 40)
    out = StringIO()
    call_command("runs", "forecast", "etl", "now", stdout=out)
    assert "half of 4 such runs end by" in out.getvalue()
    assert "will miss nightly" in out.getvalue()
    out = StringIO()
    call_command("runs", "forecast", "etl", "now", "--json", stdout=out)
    assert json.loads(out.getvalue())["late"][0]["name"] == "nightly"

"""The controls of the trigger form in a real browser: each is used as a person would, and the run has what was meant."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.operators.empty import EmptyOperator
from orchestrator.sdk import DAG, Param
from runs_app.models import DagRun
from tests.support import factories

from .test_browser import CHROMIUM, browser, chromium  # noqa: F401  # fixtures

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")

PARAMS = {
    "tags": Param(["a"], type="array", examples=["a", "b", "c"], values_display={"b": "Bee"}),
    "mixed": Param(1, type=["integer", "string"]),
    "day": Param("2026-01-01", type="string", format="date"),
    "at": Param("2026-01-01T00:00:00+00:00", type="string", format="date-time"),
    "hour": Param("10:00:00", type="string", format="time"),
    "yes": Param(False, type="boolean"),
    "key": Param("s", type="string", format="password", section="Secret"),
    "lines": Param(["x"], type="array", section="Secret"),
    "options": Param({"a": 1}, type="object", section="Secret"),
    "maybe": Param(5, type=["integer", "null"], section="Secret"),
    "town": Param("Bern", type="string", examples=["Bern", "Basel"], section="Secret"),
}


def test_every_control_gives_the_run_what_was_chosen_and_json_and_fields_are_one(browser: Any):  # noqa: F811
    with DAG("all", params=PARAMS) as dag:
        EmptyOperator(task_id="a")
    factories.make_run(factories.make_dag(spec=dag.to_spec()), "old", conf={"yes": True})
    page = browser()
    page.goto("/dags/all")
    page.keyboard.press("t")
    field = "dialog [name='param.{}']".format
    page.select_option(field("tags"), label=["Bee", "c"])
    for name, text in {
        "mixed": "seven",
        "day": "2026-02-03",
        "hour": "11:12:13",
        "lines": "one\ntwo",
        "maybe": "",
    }.items():
        page.fill(field(name), text)
    page.fill(field("at"), "2026-02-03T04:05:06")
    page.fill(field("options"), '{"b": [2]}')
    page.fill(field("town"), "Basel")
    page.check(field("yes"))
    page.fill(field("key"), "hush")
    assert page.get_attribute(field("key"), "type") == "password"
    page.click("dialog [data-reveal]")
    assert page.get_attribute(field("key"), "type") == "text"
    page.click("dialog details.section summary")
    assert not page.is_visible(field("town"))
    page.click("dialog >> text=JSON")
    typed = page.input_value("dialog [name=conf]")
    assert '"maybe": null' in typed
    page.fill("dialog [name=conf]", typed.replace("{", '{"unknown": 1,', 1).replace('"seven"', '"eight"'))
    page.click("dialog .segs >> text=Form")
    assert page.input_value(field("mixed")) == "eight"
    page.click("dialog button.main")
    page.wait_for_url("**/runs/manual__*")
    assert DagRun.objects.exclude(run_id="old").get().conf == {
        "unknown": 1,
        "tags": ["b", "c"],
        "mixed": "eight",
        "day": "2026-02-03",
        "at": "2026-02-03T04:05:06+00:00",
        "hour": "11:12:13",
        "yes": True,
        "key": "hush",
        "lines": ["one", "two"],
        "options": {"b": [2]},
        "maybe": None,
        "town": "Basel",
    }
    page.goto("/dags/all")
    page.keyboard.press("t")
    page.click("dialog >> text=Earlier configurations")
    page.click("dialog .earlier a >> nth=-1")
    page.wait_for_selector("dialog [name='param.yes']:checked")
    assert page.input_value(field("mixed")) == "1"

"""The page that compares two runs."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from django.test import Client

from orchestrator.web.views import compare
from runs_app.models import DagRun
from tests.support import factories


def test_it_shows_what_differs_from_the_last_good_run(viewer: Client, shop_run: DagRun):
    run = factories.make_run(shop_run.dag, "fine")
    page = viewer.get(f"/dags/shop/runs/{run.run_id}/compare")
    assert page.context["other"] is None
    assert b"No good run before this one" in page.content
    factories.make_run(shop_run.dag, "broken", state="failed", states={"extract": "success"})
    page = viewer.get("/dags/shop/runs/broken/compare")
    assert page.context["other"] == run
    told = {(line["of"].kind, line["task"]) for line in page.context["lines"]}
    assert ("state", "checks.sums") in told
    assert '<option value="fine" selected>' in page.content.decode()


def test_the_runs_offered_say_which_is_good_and_when_in_the_readers_zone(viewer: Client, shop_run: DagRun):
    fine = factories.make_run(shop_run.dag, "fine")
    factories.make_run(shop_run.dag, "broken", state="failed")
    viewer.cookies["zone"] = "Asia/Tokyo"
    page = viewer.get("/dags/shop/runs/broken/compare").content.decode()
    when = fine.run_after.astimezone(ZoneInfo("Asia/Tokyo")).strftime("%Y-%m-%d %H:%M")
    assert f"{when} · last good · fine</option>" in page


def test_another_run_is_chosen_and_one_that_is_not_there_is_told(viewer: Client, shop_run: DagRun):
    factories.make_run(shop_run.dag, "fine")
    page = viewer.get("/dags/shop/runs/fine/compare", {"with": "first"})
    assert page.context["other"] == shop_run
    # load was expanded in one run only
    assert {"load[0]", "load[1]", "load[2]"} <= {line["task"] for line in page.context["lines"]}
    for wrong in ("nowhere", "a\0b"):
        assert viewer.get("/dags/shop/runs/fine/compare", {"with": wrong}).status_code == 404


def test_runs_that_went_alike_say_so(viewer: Client, shop_run: DagRun):
    one, _ = factories.make_run(shop_run.dag, "one"), factories.make_run(shop_run.dag, "two")
    page = viewer.get("/dags/shop/runs/two/compare", {"part": "compare", "with": one.run_id})
    assert b"Nothing differs" in page.content
    assert b"<html" not in page.content


def test_what_users_wrote_is_escaped(viewer: Client, shop_run: DagRun):
    evil = "<script>alert(1)</script>"
    runs = [factories.make_run(shop_run.dag, name, conf={evil: name}) for name in ("one", "two")]
    for run in runs:
        factories.make_attempt(factories.instance_of(run, "extract"), lines=(f"{evil}{run.run_id}s differ",))
    DagRun.objects.filter(pk=runs[1].pk).update(conf={evil: evil})
    page = viewer.get("/dags/shop/runs/two/compare", {"with": "one"}).content.decode()
    assert evil not in page
    assert "&lt;script&gt;" in page


def test_an_older_run_than_those_offered_stands_in_the_field(viewer: Client, shop_run: DagRun, monkeypatch):
    monkeypatch.setattr(compare, "OFFERED", 1)
    for name in ("one", "two", "three"):
        factories.make_run(shop_run.dag, name)
    page = viewer.get("/dags/shop/runs/three/compare", {"with": "one"}).content.decode()
    assert '<option value="one" selected>' in page
    assert '<option value="two" >' in page
    assert 'value="first"' not in page

"""Links in old mails and bookmarks: each leads to a page that is there."""

from __future__ import annotations

import pytest
from django.test import Client

from orchestrator.web import old_addresses
from runs_app.models import DagRun
from tests.support import factories

RUN = "/dags/shop/runs/first"
DATE = "2026-03-02T04:05:06.789000+00:00"
TASK = "dag_id=shop&task_id=extract"
LEADS = {
    # the links that Airflow 2 wrote into mails
    f"/log?execution_date=2026-03-02T04%3A05%3A06.789000%2B00%3A00&{TASK}": f"{RUN}/tasks/extract",
    f"/log?execution_date=2026-03-02T04:05:06.789000+00:00&{TASK}&map_index=-1": f"{RUN}/tasks/extract",
    f"/log?execution_date=2026-03-02T04:05:06%2B0000&{TASK}": f"{RUN}/tasks/extract",
    "/dags/shop/grid?dag_run_id=first&task_id=extract&base_date=2026-03-02T00:00:00&tab=logs": f"{RUN}/tasks/extract",
    "/dags/shop/grid?dag_run_id=first&task_id=load&map_index=2&tab=logs": f"{RUN}/tasks/load/mapped/2",
    f"/confirm?{TASK}&dag_run_id=first&upstream=false&downstream=false&state=success": (
        f"{RUN}/tasks/extract/mark?set=1&state=success"
    ),
    f"/success?{TASK}&execution_date={DATE}&upstream=false&downstream=true".replace("+", "%2B"): (
        f"{RUN}/tasks/extract/mark?set=1&state=success&downstream=on"
    ),
    # its pages
    "/home": "/dags",
    "/home/": "/dags",
    "/home?status=paused&tags=a&tags=b&search=etl": "/dags?tags=a&tags=b&q=etl&paused=true",
    "/login/": "/",
    "/dags/shop/grid": "/dags/shop",
    "/dags/shop/grid?dag_run_id=first": RUN,
    "/dags/shop/grid?dag_run_id=first&tab=graph": f"{RUN}/graph",
    "/dags/shop/grid?dag_run_id=first&tab=details": f"{RUN}/details",
    "/dags/shop/grid?dag_run_id=first&task_id=extract&tab=xcom": f"{RUN}/tasks/extract/xcom",
    "/dags/shop/grid?task_id=extract": "/dags/shop/tasks/extract",
    "/dags/shop/tree": "/dags/shop",
    "/dags/shop/duration": "/dags/shop",
    "/dags/shop/tries": "/dags/shop",
    "/dags/shop/landing-times": "/dags/shop",
    "/dags/shop/dag-details": "/dags/shop",
    "/dags/shop/graph?dag_run_id=first": f"{RUN}/graph",
    "/dags/shop/code?dag_run_id=first": f"{RUN}/code",
    "/dags/shop/details?dag_run_id=first": f"{RUN}/details",
    "/grid?dag_id=shop": "/dags/shop",
    "/tree?dag_id=shop": "/dags/shop",
    "/duration?dag_id=shop": "/dags/shop",
    "/tries?dag_id=shop": "/dags/shop",
    "/landing_times?dag_id=shop": "/dags/shop",
    f"/graph?dag_id=shop&execution_date={DATE}".replace("+", "%2B"): f"{RUN}/graph",
    "/graph?dag_id=shop": "/dags/shop/graph",
    "/code?dag_id=shop": "/dags/shop/code",
    "/dag_details?dag_id=shop": "/dags/shop/details",
    f"/task?{TASK}&dag_run_id=first": f"{RUN}/tasks/extract",
    f"/xcom?{TASK}&dag_run_id=first": f"{RUN}/tasks/extract/xcom",
    f"/rendered-templates?{TASK}&dag_run_id=first": f"{RUN}/tasks/extract/rendered_templates",
    "/taskinstance/list/?_flt_3_dag_id=shop&_flt_3_state=failed&_oc_x=1": "/task_instances?dag_id=shop&state=failed",
    "/taskinstance/list": "/task_instances",
    "/dagrun/list/?_flt_3_dag_id=shop": "/dag_runs?dag_id=shop",
    "/xcom/list/?_flt_3_dag_run_id=first": "/xcoms?run_id=first",
    "/slamiss/list/": "/deadlines",
    "/datasets": "/assets",
    "/log/list/?_flt_3_dag_id=shop": "/events?dag_id=shop",
    "/variable/list/": "/variables",
    "/connection/list/": "/connections",
    "/pool/list/": "/pools",
    "/job/list/": "/jobs",
    "/users/list/": "/security/users",
    "/roles/list/": "/security/roles",
    "/plugin": "/plugins",
    "/provider": "/providers",
    "/configuration": "/configs",
    "/cluster_activity": "/",
    "/calendar?dag_id=shop": "/dags/shop/calendar",
    "/gantt?dag_id=shop&dag_run_id=first": f"{RUN}/gantt",
    "/dags/shop/gantt?dag_run_id=first": f"{RUN}/gantt",
    # Airflow 3's that go by another name here
    f"{RUN}/tasks/extract/task-state-store": f"{RUN}/tasks/extract/state-store",
    f"{RUN}/tasks/group/checks": "/task_instances?dag_id=shop&run_id=first&task_group_id=checks",
    "/dags/shop/events": "/events?dag_id=shop",
    "/dags/shop/tasks/group/checks": "/dags/shop/tasks?task_group_id=checks",
}


@pytest.fixture(autouse=True)
def dated(shop_run: DagRun) -> None:
    DagRun.objects.filter(pk=shop_run.pk).update(logical_date=DATE)


@pytest.mark.parametrize("old", LEADS)
def test_an_old_address_leads_to_a_page_that_is_there(client_of, old: str):
    admin = client_of("admin")
    answer = admin.get(old)
    assert (answer.status_code, answer.get("Location")) == (302, LEADS[old])
    assert admin.get(LEADS[old], follow=True).status_code == 200


def test_every_old_address_is_tried_above():
    from django.urls import resolve

    tried = {resolve(old.partition("?")[0]).route for old in LEADS}
    untried = {route.rstrip("/") for route in old_addresses.routes()} - {route.rstrip("/") for route in tried}
    assert untried == set()


@pytest.mark.parametrize("date", ["", "yesterday", "9999-99-99", "2026-03-02T04:05:07", "0001-01-01T00:00:00+23:59"])
def test_a_date_of_no_run_leads_to_the_task(user: Client, date: str):
    answer = user.get("/log", {"execution_date": date, "dag_id": "shop", "task_id": "extract"})
    assert answer["Location"] == "/dags/shop/tasks/extract"


def test_somebody_without_a_role_learns_nothing_of_a_run(client_of):
    answer = client_of("").get("/log", {"execution_date": DATE, "dag_id": "shop", "task_id": "extract"})
    assert answer["Location"] == "/dags/shop/tasks/extract"


def test_an_old_link_survives_signing_in(client_of):
    answer = client_of("anonymous").get("/dags/shop/grid?dag_run_id=first&task_id=extract")
    assert answer["Location"] == "/sign-in?next=/dags/shop/grid%3Fdag_run_id%3Dfirst%26task_id%3Dextract"


def test_a_group_is_its_tasks(user: Client, shop_run: DagRun):
    factories.make_run(shop_run.dag)
    page = user.get(f"{RUN}/tasks/group/checks", follow=True)
    assert [row.task_id for row in page.context["chunk"].rows] == ["checks.sums"]

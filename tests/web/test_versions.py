"""The versions of a DAG: what each changed, and the runs that have it."""

from __future__ import annotations

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dags_app.models import Dag
from runs_app.models import DagRun
from tests.support import factories


def test_each_version_says_what_it_changed_and_leads_to_code_and_runs(viewer: Client, shop: Dag, shop_run: DagRun):
    factories.make_version(shop, factories.make_spec("shop", {"extract": ()}), source="# fewer tasks\n")
    page = viewer.get("/dags/shop/versions").content.decode()
    assert "the first one" in page and "current" in page
    assert "/dags/shop/code?version_number=2&amp;compare=1" in page
    assert "load" in page, "the task that went is told"
    address = "/dag_runs?dag_id=shop&dag_version_gte=1&dag_version_lte=1"
    assert address.replace("&", "&amp;") in page
    runs = viewer.get(address).content.decode()
    assert "/dags/shop/runs/first" in runs
    assert viewer.get("/dags/shop/code?version_number=2&compare=1").status_code == 200
    assert "/dags/shop/versions" in viewer.get("/dags/shop/code").content.decode()


def test_a_dag_that_was_never_parsed_well_has_none(viewer: Client, shop: Dag):
    Dag.objects.create(pk="broken", fileloc="/dags/broken.py")
    assert "No version yet" in viewer.get("/dags/broken/versions").content.decode()


def test_it_takes_as_many_queries_for_many_versions(viewer: Client, shop: Dag):
    def count() -> int:
        viewer.get("/dags/shop/versions")  # specs are read once a process
        with CaptureQueriesContext(connection) as found:
            assert viewer.get("/dags/shop/versions").status_code == 200
        return len(found)

    factories.make_version(shop, factories.make_spec("shop", {"a": ()}))
    few = count()
    for number in range(8):
        factories.make_version(shop, factories.make_spec("shop", {f"t{number}": ()}))
    assert count() == few
    page = viewer.get("/dags/shop/versions?limit=25&page=2")
    assert page.status_code == 200

"""The details of a DAG."""

from __future__ import annotations

import dataclasses
import re

from django.test import Client

from tests.support import factories

from .conftest import shop_spec

ERAS = {
    "two": {"number": 2, "cron_intervals": True, "catchup": True, "source": "team/.airflowera"},
    "set": {"number": 3, "cron_intervals": True, "catchup": False, "source": "AIRFLOW__SCHEDULER__<x>"},
}


def text_of(client: Client, dag_id: str) -> str:
    page = client.get(f"/dags/{dag_id}/details")
    assert page.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", page.content.decode()).split())


def test_it_says_which_airflows_dates_hold_and_why(viewer: Client):
    factories.make_dag(spec=shop_spec("now"))
    for dag_id, era in ERAS.items():
        factories.make_dag(spec=dataclasses.replace(shop_spec(dag_id), era=era))
    assert "as in Airflow 3: a run's dates are the moment it is due at" in text_of(viewer, "now")
    assert "as in Airflow 2: a run's dates are the start of the interval before it" in text_of(viewer, "two")
    assert "team/.airflowera" in text_of(viewer, "two")
    assert "the start of the interval before it AIRFLOW__SCHEDULER__&lt;x&gt;" in text_of(viewer, "set")

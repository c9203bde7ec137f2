"""GET compare: what differs between two runs."""

from __future__ import annotations

from tests.support import factories


def test_it_compares_with_the_last_good_run(api):
    dag = factories.make_dag("alpha")
    factories.make_run(dag, "good")
    factories.make_run(dag, "bad", state="failed", states={"a": "success", "b": "cancelled"})
    told = api.call("get", "dags/alpha/dagRuns/bad/compare")
    assert (told["with"], told["delay"], told["is_whole"]) == ("good", 0.0, True)
    assert [(each["kind"], each["task_id"], each["before"], each["after"]) for each in told["differences"]] == [
        ("run_state", None, "success", "failed"),
        ("state", "b", "success", "failed"),  # in Airflow's words
    ]


def test_without_a_good_run_nothing_is_compared(api):
    factories.make_run(factories.make_dag("alpha"), "only")
    told = api.call("get", "dags/alpha/dagRuns/only/compare")
    assert (told["with"], told["differences"]) == (None, [])


def test_a_run_of_another_dag_is_not_there(api):
    factories.make_run(factories.make_dag("alpha"), "a1")
    factories.make_run(factories.make_dag("beta"), "b1")
    for other in ("b1", "x"):
        api.call("get", "dags/alpha/dagRuns/a1/compare", status=404, **{"with": other})

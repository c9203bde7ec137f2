"""Groups that are run again, on rows."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from orchestrator.operators.python import PythonOperator
from orchestrator.runtime.local import run_dag
from orchestrator.sdk import DAG, TaskGroup, task, task_group
from orchestrator.sdk.exceptions import DagError
from runs_app import actions, control, invariants
from runs_app.finish import Outcome
from runs_app.locking import db_now
from runs_app.models import Attempt, DagRun, GroupRetry, StateEvent, TaskInstance
from tests.runs_app.engine import end, play, seconds, slot, start, state_of, states, take
from tests.support import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("invitations")]


def operator(task_id: str, **arguments: Any) -> PythonOperator:
    return PythonOperator(task_id=task_id, python_callable=print, **arguments)


def grouped_run(*, retries: int = 1, delay: float = 0, own: int = 0, conf: Any = None) -> DagRun:
    """before >> [a >> b] >> after, the two in group g."""
    with DAG("grouped") as dag:
        with TaskGroup("g", retries=retries, retry_delay=seconds(delay)):
            a, b = operator("a"), operator("b", retries=own, retry_delay=seconds(0))
            a >> b
        operator("before") >> a
        b >> operator("after")
    return start(factories.make_dag(spec=dag.to_spec()))


def failing(*times: int) -> Any:
    """Let ``g.b`` fail at these tries, counted over all of the run."""
    tried = iter(range(1, 1000))
    return lambda row: "failed" if row["task_id"].startswith("g.b") and next(tried) in times else "success"


def counts() -> list[tuple[str, int, int]]:
    return list(GroupRetry.objects.order_by("pk").values_list("group_id", "map_index", "retried"))


def sound() -> bool:
    return invariants.check(db_now(), liveness=False) == []


def test_a_failed_group_runs_again_from_its_beginning_and_the_run_succeeds():
    run = grouped_run()
    assert play(slot(), failing(1)) == ["before", "g.a", "g.b", "g.a", "g.b", "after"]
    assert state_of(run) == "success"
    assert counts() == [("g", -1, 1)]
    row = TaskInstance.objects.get(run=run, task_id="g.b")
    assert (row.try_number, row.generation) == (2, 2)
    assert Attempt.objects.filter(task_instance=row).count() == 2, "the first try is still there to look at"
    event = StateEvent.objects.get(task_instance=row, new="none")
    assert (event.actor, event.reason) == ("engine:group_retry", "group g failed: retry 1 of 1")
    assert sound()


def test_a_tasks_own_retries_come_first_and_are_all_there_again_in_the_next_round():
    run = grouped_run(own=1)
    assert play(slot(), failing(1, 2, 3)) == ["before", "g.a", *["g.b"] * 2, "g.a", *["g.b"] * 2, "after"]
    assert state_of(run) == "success" and sound()


def test_the_failure_spreads_when_the_groups_retries_are_spent():
    run = grouped_run(retries=2)
    play(slot(), failing(1, 2, 3))
    assert states(run) == {"before": "success", "g.a": "success", "g.b": "failed", "after": "upstream_failed"}
    assert (state_of(run), counts()) == ("failed", [("g", -1, 2)])
    assert sound()


def test_a_delay_is_waited_for_and_nothing_outside_moves_meanwhile():
    run, now = grouped_run(delay=60), timezone.now()
    claimer = slot()
    for _ in range(2):
        end(take(claimer), "success", now=now)
    end(take(claimer), "failed", now=now)
    assert (states(run)["after"], state_of(run)) == ("none", "running")
    assert control.next_due(now) == now + seconds(60)
    control.step(now + seconds(59))
    assert take(claimer) is None
    assert control.step(now + seconds(60)).advanced == 1
    assert take(claimer)["task_id"] == "g.a"
    assert control.next_due(now + seconds(60)) is None and sound()


def test_each_index_of_a_mapped_group_is_run_again_by_itself():
    @task_group(retries=1, retry_delay=0)
    def g(x: Any) -> None:
        @task
        def a(x: Any) -> None: ...

        @task
        def b() -> None: ...

        a(x) >> b()

    with DAG("mapped") as dag:
        g.expand(x=[1, 2, 3]) >> operator("after")
    run = start(factories.make_dag(spec=dag.to_spec()))
    failed: set[int] = set()

    def outcome(row: Any) -> str:
        if row["task_id"] == "g.b" and row["map_index"] in {0, 2} - failed:
            failed.add(row["map_index"])
            return "failed"
        return "success"

    order = play(slot(), outcome)
    assert (order.count("g.a"), order.count("g.b"), order[-1]) == (5, 5, "after")
    assert sorted(counts()) == [("g", 0, 1), ("g", 2, 1)]
    assert state_of(run) == "success" and sound()


def test_the_inner_group_is_run_again_before_the_outer_one():
    with DAG("nested") as dag, TaskGroup("outer", retries=1, retry_delay=0):
        first = operator("first")
        with TaskGroup("inner", retries=1, retry_delay=0):
            first >> operator("last")
    run = start(factories.make_dag(spec=dag.to_spec()))
    tried = iter(range(1, 100))

    def outcome(row: Any) -> str:
        return "failed" if row["task_id"] == "outer.inner.last" and next(tried) < 4 else "success"

    last = "outer.inner.last"
    assert play(slot(), outcome) == ["outer.first", last, last, "outer.first", last, last]
    assert state_of(run) == "success" and sound()
    assert sorted(counts()) == [("outer", -1, 1), ("outer.inner", -1, 1)]


def test_ends_at_once_in_a_group_are_noticed_by_whoever_comes_last():
    with DAG("wide") as dag:
        with TaskGroup("g", retries=1, retry_delay=0) as group:
            for number in range(4):
                operator(f"t{number}")
        group >> operator("after")
    run = start(factories.make_dag(spec=dag.to_spec()))
    rows = [take(slot()) for _ in range(4)]
    end(rows[0], "failed")
    for row in rows[1:]:
        assert states(run)["g.t0"] == "failed"
        end(row, "success")
    assert {state for name, state in states(run).items() if name != "after"} == {"scheduled"}
    assert len(play(slot())) == 5


def test_who_clears_a_task_of_a_group_gives_the_group_its_retries_again():
    run = grouped_run()
    play(slot(), failing(1, 2))
    assert (state_of(run), counts()) == ("failed", [("g", -1, 1)])
    actions.clear(run.pk, only_failed=True)
    assert counts() == []
    assert play(slot(), failing(1)) == ["g.b", "g.a", "g.b", "after"]
    assert state_of(run) == "success" and sound()


def test_a_group_that_was_marked_good_while_it_waited_is_not_run_again():
    run, now = grouped_run(delay=60), timezone.now()
    play(slot(), failing(1), now=now)
    row = TaskInstance.objects.get(run=run, task_id="g.b")
    actions.set_task_state([row.pk], "success", user=None)
    assert play(slot()) == ["after"]
    control.step(now + seconds(61))
    assert (state_of(run), counts()) == ("success", [("g", -1, 0)])


def test_a_cancelled_run_runs_no_group_again():
    from runs_app.cancel import cancel_run

    run = grouped_run(delay=60)
    play(slot(), failing(1))
    cancel_run(run.pk)
    control.step(timezone.now() + seconds(61))
    assert state_of(run) == "cancelled" and take(slot()) is None


def test_a_failure_that_must_not_be_retried_still_runs_its_group_again():
    run = grouped_run()
    rows = iter([Outcome("success"), Outcome("success"), Outcome("failed", retry=False)])
    play(slot(), lambda row: next(rows, Outcome("success")))
    assert state_of(run) == "success"


def test_without_servers_groups_are_run_again_too(tmp_path):
    tries = tmp_path / "tries"

    @task
    def count() -> None:
        with tries.open("a") as file:
            file.write("x")

    @task
    def check() -> None:
        assert len(tries.read_text()) == 3

    with DAG("local") as dag, TaskGroup("g", retries=3):
        count() >> check()
    found = run_dag(dag, in_process=True, say=lambda line: None)
    assert found.succeeded
    assert [task_id for task_id, *_ in found.order] == ["g.count", "g.check"] * 3


@pytest.mark.parametrize(("first", "second"), [(2, 4), (4, 2), (3, 3), (2, 0)])
def test_a_mapped_task_is_as_wide_as_what_the_new_round_gave_it(first, second):
    @task
    def files() -> list[int]: ...

    @task
    def load(file: int) -> None: ...

    with DAG("widening") as dag:
        with TaskGroup("g", retries=1, retry_delay=0) as group:
            load.expand(file=files())
        group >> operator("after", trigger_rule="none_failed")
    run = start(factories.make_dag(spec=dag.to_spec()))
    lengths = iter((first, second))
    rounds = iter(["failed"])

    def outcome(row: Any) -> Any:
        if row["task_id"] == "g.files":
            length = next(lengths)
            return Outcome("success", xcoms={"return_value": (list(range(length)), length)})
        return next(rounds, "success") if row["task_id"] == "g.load" else "success"

    order = play(slot(), outcome)
    assert order.count("g.load") == first + second
    assert order[-1] == "after" and state_of(run) == "success"
    loads = TaskInstance.objects.filter(run=run, task_id="g.load").order_by("map_index").values_list("state", flat=True)
    wanted = ["success"] * second
    assert list(loads) == [*wanted, *["removed"] * (max(first, second) - second)]
    assert sound()


def test_page_and_api_say_how_often_a_group_was_run_again(client, settings):
    settings.ALLOWED_HOSTS = ["testserver"]
    run, now = grouped_run(retries=2, delay=60), timezone.now()
    play(slot(), failing(1), now=now)
    client.force_login(factories.make_user("viewer"))
    address = f"/api/v2/dags/grouped/dagRuns/{run.run_id}/groupRetries"
    found = client.get(address).json()
    assert found["total_entries"] == 1
    told = found["group_retries"][0]
    assert (told["task_group_id"], told["map_index"], told["retried"], told["retries"]) == ("g", -1, 0, 2)
    assert told["next_retry_at"] is not None
    control.step(now + seconds(61))
    again = client.get(address).json()["group_retries"][0]
    assert (again["retried"], again["next_retry_at"]) == (1, None)
    page = client.get(f"/dags/grouped/runs/{run.run_id}").content.decode()
    assert "<b>g</b>: run again 1 of 2 times" in page


@pytest.mark.parametrize("retries", [-1, 1.5, True, "2"])
def test_retries_that_are_no_number_are_refused(retries):
    with pytest.raises(DagError, match="retries must be a whole number"), DAG("odd"):
        TaskGroup("g", retries=retries)


def test_a_task_that_would_wait_for_ever_beside_such_a_group_is_refused():
    with DAG("odd") as dag:
        with TaskGroup("g", retries=1):
            a, b = operator("a"), operator("b")
        a >> operator("between") >> b
    with pytest.raises(DagError, match="'between' outside of it cannot stand between"):
        dag.to_spec()

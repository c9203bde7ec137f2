"""``python -m tests.public.examples FOLDER FILE...``: run Airflow's example files, several at once, and print how they ended.

Each DAG is a line of JSON: file, DAG id, state, and the tasks that failed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

OUT = 1
AT_ONCE = 6
LIMIT = 120
CONF: dict[str, Any] = {
    "example_params_ui_tutorial": {"required_field": "a text that is long enough"},
    "example_passing_params_via_test_command": {"foo": "bar"},
    "example_trigger_target_dag": {"message": "Hello"},
}
"""What these need when they are triggered."""
WITHOUT_WAITING: dict[str, Any] = {
    # Another task makes the file while the sensors look for it, for which two must run at once.
    "example_sensors": {"returns": {"wait_for_file": None, "wait_for_file_async": None}, "events": {}},
    "example_time_delta_sensor_async": {},
    "example_hitl_operator": {
        "events": {
            "wait_for_input": {"options": ["OK"], "params": {"information": "some"}},
            "wait_for_option": {"options": ["option 1"]},
            "wait_for_multiple_options": {"options": ["option 4"]},
            "wait_for_default_option": {"options": ["option 7"]},
            "valid_input_and_options": {"options": ["Approve"]},
            "choose_a_branch_to_run": {"options": ["task_1"]},
        }
    },
}
"""These wait for the clock or for people: they are run by a clock that jumps."""


def a_working_day() -> datetime:
    """A recent Wednesday at half past ten, since some examples take it easy at weekends."""
    now = datetime.now(UTC)
    day = now - timedelta(days=(now.weekday() - 2) % 7 or 7)
    return day.replace(hour=10, minute=30, second=0, microsecond=0)


def answers(what: str, args: dict[str, Any]) -> Any:
    """What a server with the other DAGs would answer: they ran well, and no asset has an event yet."""
    if what == "trigger_dag":
        return {"run_id": f"run of {args['dag_id']}"}
    if what in {"ti_count", "dag_runs_count"}:
        return 0 if "failed" in (args.get("states") or ()) else 1
    if what == "asset":
        name, uri = args.get("name"), args.get("uri")
        return {"name": name or uri, "uri": uri or name, "group": "asset", "extra": {}}
    return {"run_state": "success", "asset_events": [], "alias_assets": []}.get(what)


def run_file(root: str, file: str) -> None:
    """Run every DAG of one file, each in a process of its own since some sleep, and print how it ended."""
    from orchestrator import compat
    from orchestrator.runtime.loader import load

    compat.install()
    each_by_itself(list(load(root, file).values()), lambda dag: run_dag(file, dag), lambda dag: (file, dag.dag_id))


def run_dag(file: str, dag: Any) -> None:
    from orchestrator.runtime import local
    from orchestrator.testing import run

    conf, date = CONF.get(dag.dag_id), a_working_day()
    if dag.dag_id in WITHOUT_WAITING:
        result = run(dag, at=date, conf=conf, **WITHOUT_WAITING[dag.dag_id])
        state, states = str(result.state), {str(task): str(each) for task, each in result.states.items()}
    else:
        found = local.run_dag(dag, conf=conf, logical_date=date, provider=answers, say=lambda line: None)
        state = str(found.state)
        states = {task if index < 0 else f"{task}[{index}]": each for (task, index), each in found.states.items()}
    failed = sorted(task for task, each in states.items() if each in {"failed", "upstream_failed"})
    tell({"file": file, "dag_id": dag.dag_id, "state": state, "failed": failed, "tasks": len(states)})


def tell(what: dict[str, Any]) -> None:
    os.write(OUT, (json.dumps(what) + "\n").encode())


def each_by_itself(things: list[Any], do: Callable[[Any], None], name: Callable[[Any], tuple[str, Any]]) -> None:
    """Do something with each thing in a fork, so many at once; one that ends badly is told of by its name."""
    waiting, running = list(things), {}
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            thing = waiting.pop(0)
            pid = os.fork()
            if pid == 0:
                signal.alarm(LIMIT)
                try:
                    do(thing)
                except BaseException as error:
                    file, dag_id = name(thing)
                    tell({"file": file, "dag_id": dag_id, "state": f"{type(error).__name__}: {error}", "failed": []})
                os._exit(0)
            running[pid] = thing
        pid, status = os.wait()
        file, dag_id = name(running.pop(pid))
        if status:
            tell(
                {"file": file, "dag_id": dag_id, "state": f"ended by {os.waitstatus_to_exitcode(status)}", "failed": []}
            )


if __name__ == "__main__":
    OUT = os.dup(1)  # what tasks print goes elsewhere
    os.dup2(2, 1)
    each_by_itself(sys.argv[2:], lambda file: run_file(sys.argv[1], file), lambda file: (file, None))

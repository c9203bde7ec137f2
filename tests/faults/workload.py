"""The load that runs while faults happen: chains, fan-outs, long tasks, deferrals, backfills and a clock."""

from __future__ import annotations

import contextlib
import http.client
import random
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.support.ledger import SOURCE, Ledger
from tests.support.standalone import Refused, Standalone

FILE = '''
from datetime import datetime, timedelta

from orchestrator.sdk import DAG, BaseOperator, task
from orchestrator.triggers.temporal import TimeDeltaTrigger

limits = {{
    "max_active_runs": 100,
    "default_args": {{"retries": 20, "retry_delay": timedelta(seconds=0)}},
}}


@task
def step(value, seconds=0.03):
    work(seconds)
    return value + 1


@task
def numbers():
    work(0.03)
    return list(range(8))


@task
def total(values):
    work(0.03)
    found = sum(values)
    if found != 36:
        raise ValueError(f"the values of the branches are not all there: {{found}}")
    return found


class Later(BaseOperator):
    """Waits on the triggerer, then goes on."""

    def execute(self, context):
        tell("start")
        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=1)), method_name="go_on")

    def go_on(self, context, event=None):
        tell("start")
        tell("end")


with DAG("load_chain", schedule=None, **limits):
    value = 0
    for number in range(6):
        value = step.override(task_id=f"step_{{number}}")(value)

with DAG("load_fan", schedule=None, **limits):
    total(step.expand(value=numbers()))

with DAG("load_long", schedule=None, **limits):
    step(0, 2.0)

with DAG("load_later", schedule=None, **limits):
    Later(task_id="later") >> step(0)

with DAG("load_probe", schedule=None, **limits):
    step.override(priority_weight=1000)(0, 0.0)

with DAG("load_past", schedule="@daily", start_date=datetime(2000, 1, 1), catchup=False, **limits):
    step.override(task_id="second")(step(0))

with DAG(
    "load_clock",
    schedule=timedelta(seconds=1),
    start_date=datetime(2024, 1, 1),
    catchup=False,
    **limits,
):
    step(0, 0.0)
'''

KINDS = ("load_chain", "load_chain", "load_fan", "load_long", "load_later")
DAGS = ("load_chain", "load_fan", "load_long", "load_later", "load_probe", "load_past", "load_clock")
FIRST_DAY = datetime(2001, 1, 1, tzinfo=UTC)
DAYS_AT_ONCE = 6


def write(folder: Path, ledger: Ledger) -> None:
    (folder / "load.py").write_text(SOURCE.format(path=str(ledger.path)) + FILE.format())


class Load(threading.Thread):
    """Keeps some runs going, whatever happens to the API meanwhile.

    ``accepted`` are the runs whose trigger was answered, ``backfills`` likewise; one whose answer was lost may exist or
    not.
    """

    def __init__(self, engine: Standalone, seed: int, active: int = 3) -> None:
        super().__init__(name="load", daemon=True)
        self.client = Standalone.client_of(engine)
        self.random = random.Random(seed)
        self.active = active
        self.accepted: list[tuple[str, str]] = []
        self.open: list[tuple[str, str]] = []
        self.backfills: list[int] = []
        self.past = 0  # the backfills that were asked for
        self.refused = 0
        self.stopping = threading.Event()
        self.count = 0

    def run(self) -> None:
        while not self.stopping.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException, Refused, ValueError):
                self.open = [each for each in self.open if not self._has_ended(*each)]
                while len(self.open) < self.active and not self.stopping.is_set():
                    self._one_more()
                self._backfill()
                time.sleep(0.1)
                continue
            self.refused += 1
            time.sleep(0.1)

    def _one_more(self) -> None:
        self.count += 1
        dag_id, run_id = self.random.choice(KINDS), f"load-{self.count}"
        self.client.trigger(dag_id, run_id=run_id)
        self.accepted.append((dag_id, run_id))
        self.open.append((dag_id, run_id))

    def _backfill(self) -> None:
        """Keep one backfill going: ever new days, each to be run once whatever dies while its runs are made."""
        if self.backfills and self.client.get(f"/api/v2/backfills/{self.backfills[-1]}")["completed_at"] is None:
            return
        first = FIRST_DAY + timedelta(days=DAYS_AT_ONCE * self.past)
        self.past += 1
        body = {
            "dag_id": "load_past",
            "from_date": first.isoformat(),
            "to_date": (first + timedelta(days=DAYS_AT_ONCE - 1)).isoformat(),
            "max_active_runs": 2,
            "run_backwards": self.past % 2 == 0,
        }
        self.backfills.append(int(self.client.call("POST", "/api/v2/backfills", body)["id"]))

    def _has_ended(self, dag_id: str, run_id: str) -> bool:
        return self.client.run_state(dag_id, run_id) in {"success", "failed"}

    def stop(self) -> None:
        self.stopping.set()
        self.join(60)
        self.client.disconnect()

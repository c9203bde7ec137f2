"""Starting a run of another DAG."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from typing import Any

from orchestrator.sdk import clock
from orchestrator.sdk.comms import ask
from orchestrator.sdk.exceptions import AirflowException, AirflowSkipException, DagRunAlreadyExists
from orchestrator.sdk.operator import BaseOperator, deferrable_or_default, seconds
from orchestrator.sdk.params import NOTSET
from orchestrator.sdk.xcom_arg import XComArg

from .times import moment_of

XCOM_RUN_ID = "trigger_run_id"


class DagIsPaused(AirflowException):
    """The DAG to start is paused, and this was to matter."""

    def __init__(self, dag_id: str) -> None:
        super().__init__(f"Dag {dag_id} is paused")
        self.dag_id = dag_id


class DagRunOrder:
    """What ``python_callable`` of Airflow 1 gets and returns: the id and configuration of the run to start."""

    def __init__(self, run_id: str | None = None, payload: Any = None) -> None:
        self.run_id, self.payload = run_id, payload


class TriggerDagRunOperator(BaseOperator):
    """Starts a run of ``trigger_dag_id``; with ``wait_for_completion`` it ends as that run ends.

    ``conf`` is the run's configuration (JSON), ``logical_date`` now unless given, None = a run without one.
    ``reset_dag_run`` clears a run that is there already and runs it again; ``skip_when_already_exists`` skips.
    The new run starts at ``run_after``, or at once. Its id is the XCom ``trigger_run_id``.
    ``fail_when_dag_is_paused`` refuses a DAG that is paused, whose run would wait. ``python_callable`` is Airflow 1's: it
    gets the context and a :class:`DagRunOrder`, and returns that with a payload, or None to start nothing.
    """

    template_fields: Collection[str] = (
        *("trigger_dag_id", "trigger_run_id", "logical_date", "conf"),
        *("wait_for_completion", "skip_when_already_exists"),
    )
    template_fields_renderers = {"conf": "py"}
    ui_color = "#ffefeb"

    def __init__(
        self,
        *,
        trigger_dag_id: str,
        trigger_run_id: str | None = None,
        conf: dict[str, Any] | None = None,
        python_callable: Any = None,
        logical_date: Any = NOTSET,
        execution_date: Any = NOTSET,
        run_after: Any = NOTSET,
        reset_dag_run: bool = False,
        wait_for_completion: bool = False,
        poke_interval: Any = 60,
        allowed_states: Collection[str] | None = None,
        failed_states: Collection[str] | None = None,
        skip_when_already_exists: bool = False,
        fail_when_dag_is_paused: bool = False,
        note: str | None = None,
        deferrable: bool | None = None,
        openlineage_inject_parent_info: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, value in (("logical_date", logical_date), ("run_after", run_after)):
            if value is not NOTSET and not (value is None or isinstance(value, (str, datetime, XComArg))):
                raise TypeError(
                    f"Expected str, datetime.datetime, or None for parameter '{name}'. Got {type(value).__name__}"
                )
        self.trigger_dag_id, self.trigger_run_id, self.conf, self.note = trigger_dag_id, trigger_run_id, conf, note
        self.logical_date = logical_date if logical_date is not NOTSET else execution_date
        self.run_after, self.python_callable = run_after, python_callable
        self.reset_dag_run, self.wait_for_completion = reset_dag_run, wait_for_completion
        self.poke_interval = seconds(poke_interval) or 1.0
        self.allowed_states = [str(each) for each in allowed_states or ("success",)]
        self.failed_states = [str(each) for each in (("failed",) if failed_states is None else failed_states)]
        self.skip_when_already_exists = skip_when_already_exists
        self.fail_when_dag_is_paused, self.deferrable = fail_when_dag_is_paused, deferrable_or_default(deferrable)

    def execute(self, context: Any) -> None:
        if self.python_callable is not None:
            order = self.python_callable(context, DagRunOrder(self.trigger_run_id))
            if not order:
                self.log.info("python_callable returned nothing: no run is started")
                return
            self.trigger_run_id, self.conf = order.run_id, order.payload
        try:
            json.dumps(self.conf)
        except TypeError as error:
            raise AirflowException(f"conf parameter should be JSON Serializable: {error}") from error
        if self.fail_when_dag_is_paused and (ask("dag_state", dag_id=self.trigger_dag_id) or {}).get("is_paused"):
            raise DagIsPaused(self.trigger_dag_id)
        # As in Airflow these two are no template fields, though both may hold templates.
        self.note, self.run_after = (self.render_template(each, context) for each in (self.note, self.run_after))
        run_id = self._trigger()
        context["ti"].xcom_push(key="trigger_run_id", value=run_id)
        if self.wait_for_completion:
            self._wait(run_id)

    def _trigger(self) -> str:
        date = clock.now() if self.logical_date is NOTSET else moment_of(self.logical_date)
        after = None if self.run_after is NOTSET else moment_of(self.run_after)
        answer = ask(
            "trigger_dag",
            dag_id=self.trigger_dag_id,
            conf=self.conf,
            run_id=self.trigger_run_id,
            logical_date=date.isoformat() if date is not None else None,
            run_after=after.isoformat() if after is not None else None,
            note=self.note,
            reset=self.reset_dag_run,
        )
        if answer.get("error") == "already_exists":
            message = f"a run {self.trigger_run_id or date} of Dag {self.trigger_dag_id} exists already"
            if self.skip_when_already_exists:
                raise AirflowSkipException(f"{message}: skipping, as skip_when_already_exists says")
            raise DagRunAlreadyExists(message)
        if answer.get("error"):
            raise AirflowException(
                f"Dag {self.trigger_dag_id} was not triggered: {answer.get('message') or answer['error']}"
            )
        self.log.info("Triggered Dag %s, run %s", self.trigger_dag_id, answer["run_id"])
        return answer["run_id"]

    def _wait(self, run_id: str) -> None:
        if self.deferrable:
            from orchestrator.triggers.external_task import DagStateTrigger

            self.defer(
                trigger=DagStateTrigger(
                    dag_id=self.trigger_dag_id,
                    states=self.allowed_states + self.failed_states,
                    run_ids=[run_id],
                    poll_interval=self.poke_interval,
                ),
                method_name="execute_complete",
            )
        while not self._is_over(run_id, ask("run_state", dag_id=self.trigger_dag_id, run_id=run_id)):
            clock.sleep(self.poke_interval)

    def _is_over(self, run_id: str, state: str | None) -> bool:
        if state is None:
            raise AirflowException(f"run {run_id} of Dag {self.trigger_dag_id} is gone")
        if state in self.failed_states:
            raise AirflowException(f"{self.trigger_dag_id} failed with failed states {state}")
        return state in self.allowed_states

    def execute_complete(self, context: Any, event: Any = None) -> None:
        """Go on after the run has ended: ``event`` is (class path, {run id: state, ...})."""
        found = event[1]
        for run_id in found["run_ids"]:
            if not self._is_over(run_id, found.get(run_id)):
                raise AirflowException(f"run {run_id} of Dag {self.trigger_dag_id} ended as {found.get(run_id)}")

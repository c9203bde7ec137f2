"""Waiting for tasks, groups and runs of other DAGs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

from orchestrator.sdk.comms import ask
from orchestrator.sdk.enums import DagRunState, TaskInstanceState
from orchestrator.sdk.exceptions import AirflowException, AirflowSkipException, DagError
from orchestrator.sdk.operator import as_list, deferrable_or_default
from orchestrator.sdk.sensor import BaseSensorOperator

from .empty import EmptyOperator


class AirflowExternalTaskSensorException(AirflowException):
    """Base of what goes wrong with the wait for another DAG."""


class DuplicateStateError(AirflowExternalTaskSensorException, DagError):
    """A state stands twice in ``allowed_states``, ``skipped_states`` and ``failed_states``."""


class ExternalDagNotFoundError(AirflowExternalTaskSensorException):
    """The DAG to wait for is not there."""


class ExternalDagDeletedError(AirflowExternalTaskSensorException):
    """The file of the DAG to wait for is gone."""


class ExternalTaskNotFoundError(AirflowExternalTaskSensorException):
    """A task to wait for is not in the DAG."""


class ExternalTaskGroupNotFoundError(AirflowExternalTaskSensorException):
    """The task group to wait for is not in the DAG."""


class ExternalDagFailedError(AirflowExternalTaskSensorException):
    """The DAG that was waited for failed."""


class ExternalTaskFailedError(AirflowExternalTaskSensorException):
    """A task that was waited for failed."""


class ExternalTaskGroupFailedError(AirflowExternalTaskSensorException):
    """A task group that was waited for failed."""


class ExternalTaskSensor(BaseSensorOperator):
    """Waits until another DAG's run, its tasks or one of its groups, of the same logical date, are in ``allowed_states``.

    ``execution_delta`` looks so much earlier; ``execution_date_fn(logical_date[, context])`` names one or several
    dates. A state of ``failed_states`` fails this task at once, one of ``skipped_states`` skips it.
    ``check_existence`` fails it where the DAG, a task or the group is not there. ``poll_interval`` is the old name of
    ``poke_interval``.
    """

    template_fields: Collection[str] = (
        *("external_dag_id", "external_task_id", "external_task_ids", "external_task_group_id"),
    )
    ui_color = "#4db7db"

    def __init__(
        self,
        *,
        external_dag_id: str,
        external_task_id: str | None = None,
        external_task_ids: Collection[str] | None = None,
        external_task_group_id: str | None = None,
        allowed_states: Iterable[str] | None = None,
        skipped_states: Iterable[str] | None = None,
        failed_states: Iterable[str] | None = None,
        execution_delta: timedelta | None = None,
        execution_date_fn: Callable[..., Any] | None = None,
        check_existence: bool = False,
        poll_interval: float | None = None,
        deferrable: bool | None = None,
        **kwargs: Any,
    ) -> None:
        if poll_interval is not None:
            kwargs["poke_interval"] = poll_interval
        super().__init__(**kwargs)
        self.external_dag_id, self.external_task_group_id = external_dag_id, external_task_group_id
        self.external_task_id = external_task_id
        self.external_task_ids = [external_task_id] if external_task_id is not None else external_task_ids
        self.allowed_states = [str(each) for each in allowed_states or ("success",)]
        self.skipped_states = [str(each) for each in skipped_states or ()]
        self.failed_states = [str(each) for each in failed_states or ()]
        self.execution_delta, self.execution_date_fn = execution_delta, execution_date_fn
        self.check_existence, self.deferrable = check_existence, deferrable_or_default(deferrable)
        self._check_external(external_task_id, external_task_ids)

    def _check_external(self, one: Any, several: Any) -> None:
        where = f"task {self.task_id!r}"
        if one is not None and several is not None:
            raise DagError(f"{where}: Only one of `external_task_id` or `external_task_ids` may be provided")
        if self.external_task_group_id is not None and self.external_task_ids is not None:
            raise DagError(f"{where}: Only one of `external_task_group_id` or `external_task_ids` may be provided")
        if isinstance(several, (list, tuple)) and len(set(several)) < len(several):
            raise DagError(f"{where}: Duplicate task_ids passed in external_task_ids parameter")
        if self.execution_delta is not None and self.execution_date_fn is not None:
            raise DagError(f"{where}: Only one of `execution_delta` or `execution_date_fn` may be provided")
        states = [*self.allowed_states, *self.skipped_states, *self.failed_states]
        if len(set(states)) < len(states):
            raise DuplicateStateError(
                f"{where}: a state may stand in one of allowed_states, skipped_states and failed_states"
            )
        whole_dag = self.external_task_ids is None and self.external_task_group_id is None
        known: Any = DagRunState if whole_dag else TaskInstanceState
        unknown = [each for each in states if each not in set(known)]
        if unknown:
            raise DagError(f"{where}: {unknown[0]!r} is no state of {'dag runs' if whole_dag else 'tasks'}")

    # ---- which runs

    def dates(self, context: Any) -> list[datetime]:
        """The logical dates that are waited for."""
        date = context.get("logical_date") or context["run_after"]
        if self.execution_delta is not None:
            return [date - self.execution_delta]
        if self.execution_date_fn is None:
            return [date]
        found = self.execution_date_fn(*self._arguments(date, context))
        return list(found) if isinstance(found, (list, tuple, set)) else [found]

    def _arguments(self, date: datetime, context: Any) -> list[Any]:
        import inspect

        parameters = list(inspect.signature(self.execution_date_fn).parameters.values())  # type: ignore[arg-type]
        plain = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
        return [date, context][: max(1, len(plain))]

    # ---- what stands there

    def poke(self, context: Any) -> bool:
        from orchestrator.triggers.external_task import are_all, is_any

        ids = None if self.external_task_ids is None else as_list(self.external_task_ids)
        what = (self.external_dag_id, ids, self.external_task_group_id)
        where: dict[str, list[str] | None] = {"logical_dates": [each.isoformat() for each in self.dates(context)]}
        if ids is not None and len(set(ids)) < len(ids):
            raise DagError("Duplicate task_ids passed in external_task_ids parameter")
        if self.check_existence:
            self._must_exist(ids)
        if self.failed_states and is_any(*what, self.failed_states, where):
            self._failed()
        if self.skipped_states and is_any(*what, self.skipped_states, where):
            raise AirflowSkipException(f"what {self.task_id} waits for in DAG {self.external_dag_id} was skipped")
        return are_all(*what, self.allowed_states, where)

    def _must_exist(self, ids: list[str] | None) -> None:
        dag_id, group = self.external_dag_id, self.external_task_group_id
        found = ask("dag_state", dag_id=dag_id, task_ids=ids, task_group_id=group)
        if found is None:
            raise ExternalDagNotFoundError(f"The external DAG {dag_id} does not exist.")
        if found.get("is_stale"):
            raise ExternalDagDeletedError(f"The external DAG {dag_id} was deleted.")
        if found.get("missing") and group is not None:
            raise ExternalTaskGroupNotFoundError(f"The external task group '{group}' in DAG '{dag_id}' does not exist.")
        if found.get("missing"):
            raise ExternalTaskNotFoundError(f"The external task {found['missing'][0]} in DAG {dag_id} does not exist.")

    def _failed(self) -> None:
        kind: type[AirflowException] = ExternalDagFailedError
        what = f"The external DAG {self.external_dag_id} failed."
        if self.external_task_ids is not None:
            kind = ExternalTaskFailedError
            what = f"Some of the external tasks {as_list(self.external_task_ids)} in DAG {self.external_dag_id} failed."
        elif self.external_task_group_id is not None:
            kind = ExternalTaskGroupFailedError
            what = f"The external task_group '{self.external_task_group_id}' in DAG '{self.external_dag_id}' failed."
        if self.soft_fail:
            raise AirflowSkipException(f"{what} Skipping due to soft_fail.")
        raise kind(what)

    # ---- without a slot

    def execute(self, context: Any) -> Any:
        if not self.deferrable:
            return super().execute(context)
        if self.poke(context):
            return None
        from orchestrator.triggers.external_task import WorkflowTrigger

        self.defer(
            trigger=WorkflowTrigger(
                external_dag_id=self.external_dag_id,
                logical_dates=self.dates(context),
                external_task_ids=as_list(self.external_task_ids) or None,
                external_task_group_id=self.external_task_group_id,
                failed_states=self.failed_states,
                skipped_states=self.skipped_states,
                allowed_states=self.allowed_states,
                poke_interval=self.poke_interval,
                soft_fail=self.soft_fail,
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout),
        )
        return None

    def execute_complete(self, context: Any, event: Any = None) -> None:
        """Go on after the trigger: ``event`` is ``{"status": "success" | "failed" | "skipped"}``."""
        status = (event or {}).get("status")
        if status == "success":
            return
        if status == "failed":
            self._failed()
        if status == "skipped":
            raise AirflowSkipException(f"what {self.task_id} waits for in DAG {self.external_dag_id} was skipped")
        raise AirflowException(f"the wait for DAG {self.external_dag_id} ended with an error: {event!r}")


class ExternalTaskMarker(EmptyOperator):
    """Says that a task of another DAG depends on this one, for people who clear it."""

    template_fields: Collection[str] = ("external_dag_id", "external_task_id", "logical_date")
    ui_color = "#4db7db"

    def __init__(
        self,
        *,
        external_dag_id: str,
        external_task_id: str,
        logical_date: str | datetime | None = "{{ logical_date.isoformat() }}",
        execution_date: str | datetime | None = None,
        recursion_depth: int = 10,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if recursion_depth <= 0:
            raise DagError(f"task {self.task_id!r}: recursion_depth should be a positive integer")
        self.external_dag_id, self.external_task_id = external_dag_id, external_task_id
        date = execution_date if execution_date is not None else logical_date
        self.logical_date = date.isoformat() if isinstance(date, datetime) else date
        self.recursion_depth = recursion_depth

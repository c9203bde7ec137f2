"""Airflow's database models: for imports and annotations only, since a task has no way to the database."""

from __future__ import annotations

from typing import Any

from orchestrator.sdk.exceptions import AirflowException

ID_LEN = 250
PLAIN = frozenset(
    {
        *("Backfill", "Base", "BaseUser", "DagBundleModel", "DagCode", "DagOwnerAttributes", "DagPickle", "DagRunNote"),
        *(
            "DagScheduleDatasetReference",
            "DagTag",
            "DagVersion",
            "DagWarning",
            "DatasetAliasModel",
            "DatasetDagRunQueue",
        ),
        *(
            "DatasetEvent",
            "DatasetModel",
            "AssetActive",
            "AssetAliasModel",
            "AssetEvent",
            "AssetModel",
            "DbCallbackRequest",
        ),
        *("HITLDetail", "ImportError", "ParseImportError", "KnownEvent", "Log", "LogTemplate", "Pool", "PoolStats"),
        *("RenderedTaskInstanceFields", "SerializedDagModel", "SimpleTaskInstance", "SlaMiss", "TaskFail"),
        *("TaskInstanceHistory", "TaskInstanceNote", "TaskMap", "TaskOutletDatasetReference", "TaskReschedule"),
        *("SerializedBaseOperator", "SerializedDAG", "Team", "Trigger", "User", "XComModel"),
    }
)
"""Rows of what the pages show and the REST API answers for."""


def refusal(what: str) -> str:
    """What whoever uses such a model in a DAG file or task is told."""
    return (
        f"{what} reads Airflow's database, which tasks and DAG files cannot reach: "
        "use the context (dag_run, ti, xcom_pull) or the REST API"
    )


class FromDatabase:
    """Stands for a row of Airflow's database; to make one, or to look for one, is refused."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise AirflowException(refusal(type(self).__name__))

    @classmethod
    def _refuse(cls, *args: Any, **kwargs: Any) -> Any:
        raise AirflowException(refusal(cls.__name__))

    find = get_latest_runs = get_run = query = get_pool = get_pools = create_or_update_pool = _refuse
    get_dagmodel = get_current = get_paused_dag_ids = _refuse


class DagRun(FromDatabase):
    """A run, in annotations; :meth:`find` asks for runs while a task runs."""

    @staticmethod
    def find(
        dag_id: Any = None,
        run_id: Any = None,
        execution_date: Any = None,
        state: Any = None,
        external_trigger: bool | None = None,
        no_backfills: bool = False,
        run_type: Any = None,
        session: Any = None,
        execution_start_date: Any = None,
        execution_end_date: Any = None,
        logical_date: Any = None,
        **later: Any,
    ) -> list[Any]:
        """The runs that are meant, the earliest first, as Airflow 1 and 2 found them; of very many the newest."""
        from orchestrator.sdk.comms import ask
        from orchestrator.sdk.context import get_current_context
        from orchestrator.sdk.operator import as_list

        dates = [each.isoformat() for each in as_list(logical_date or execution_date)]
        since = execution_start_date or later.get("logical_start_date")
        until = execution_end_date or later.get("logical_end_date")
        found = ask(
            "find_runs",
            dag_ids=as_list(dag_id),
            run_ids=as_list(run_id),
            logical_dates=dates,
            states=[str(getattr(each, "value", each)) for each in as_list(state)],
            run_types=[str(getattr(each, "value", each)) for each in as_list(run_type)],
            is_manual=external_trigger,
            backfills=not no_backfills,
            since=since.isoformat() if since else None,
            until=until.isoformat() if until else None,
        )
        made = type(get_current_context()["dag_run"])
        return [made(each) for each in found]

    @staticmethod
    def generate_run_id(run_type: Any, execution_date: Any = None, *, logical_date: Any = None, **more: Any) -> str:
        """The id of a run, by its type and date."""
        date = logical_date or execution_date or more.get("run_after")
        return f"{getattr(run_type, 'value', run_type)}__{date.isoformat()}"


class TaskInstance(FromDatabase):
    """A task instance, in annotations."""


class DagModel(FromDatabase):
    """A DAG's row, in annotations."""


class DagBag(FromDatabase):
    """A folder of DAGs, in annotations."""


def clear_task_instances(*args: Any, **kwargs: Any) -> Any:
    raise AirflowException(refusal("clear_task_instances"))


def __getattr__(name: str) -> Any:
    if name in PLAIN:
        made = type(name, (FromDatabase,), {"__doc__": "A row, in annotations.", "__module__": __name__})
        globals()[name] = made
        return made
    raise AttributeError(name)

"""What can be wrong with something people ask for. ``status`` is the HTTP status that says the same."""

from __future__ import annotations


class OrchestratorError(Exception):
    """Base of every error that is the asker's to mend; the message says what, which object, and what to do."""

    status = 400


class DagNotFound(OrchestratorError):
    status = 404

    def __init__(self, dag_id: str) -> None:
        super().__init__(f"The Dag with ID: `{dag_id}` was not found")


class DagRunNotFound(OrchestratorError):
    status = 404

    def __init__(self, what: object) -> None:
        super().__init__(f"The DagRun {what} was not found")


class TaskNotFound(OrchestratorError):
    status = 404

    def __init__(self, task_id: str, dag_id: str) -> None:
        super().__init__(f"Dag `{dag_id}` has no task `{task_id}`")


class DagRunAlreadyExists(OrchestratorError):
    """Another run of the DAG has this run id or logical date."""

    status = 409

    def __init__(self, dag_id: str, run_id: str, logical_date: object = None) -> None:
        also = f" or logical_date: `{logical_date}`" if logical_date else ""
        super().__init__(f"Dag `{dag_id}` already has a run with dag_run_id: `{run_id}`{also}: choose another")


class AssetNotFound(OrchestratorError):
    status = 404

    def __init__(self, asset: object) -> None:
        super().__init__(f"Asset with ID: `{asset}` was not found")


class NotMaterialized(OrchestratorError):
    status = 404

    def __init__(self, asset: object) -> None:
        super().__init__(f"No Dag materializes asset with ID: {asset}")


class AmbiguousAsset(OrchestratorError):
    """Several DAGs make an asset, so none can be chosen."""

    status = 409

    def __init__(self, asset: object, dag_ids: list[str]) -> None:
        named = ", ".join(dag_ids[:10])
        super().__init__(f"More than one Dag materializes asset with ID: {asset}: trigger one of {named}")


class InvalidEvent(OrchestratorError):
    """An asset event that cannot be stored."""


class InvalidPartitionKey(OrchestratorError):
    """A partition key that the DAG's schedule has no use for, or cannot read."""


class DagHasImportErrors(OrchestratorError):
    status = 400

    def __init__(self, dag_id: str, message: str) -> None:
        super().__init__(f"Dag `{dag_id}` cannot run: {message}")


class DagBusy(OrchestratorError):
    """A DAG cannot be deleted while runs of it are not finished."""

    status = 409

    def __init__(self, dag_id: str) -> None:
        super().__init__(f"Dag `{dag_id}` has runs that are not finished: end or delete them, then delete it")


class RunTypeNotAllowed(OrchestratorError):
    """The DAG's ``allowed_run_types`` leave this one out."""

    def __init__(self, dag_id: str, run_type: str) -> None:
        super().__init__(f"Dag with dag_id: '{dag_id}' does not allow {run_type} runs")


class InvalidConf(OrchestratorError):
    """The configuration of a run does not fit the DAG's params."""


class InvalidRunId(OrchestratorError):
    """A run id that Airflow would refuse, or that no address can name."""

    def __init__(self, run_id: str, why: str = "") -> None:
        allowed = "letters, digits and _ . ~ : + - only, 250 of them, and not dots alone"
        super().__init__(why or f"The run_id provided {run_id!r} may not be one: it may have {allowed}")


class InvalidState(OrchestratorError):
    """A state that cannot be set by hand, or that is set already."""

    status = 409


class InvalidAnswer(OrchestratorError):
    """An answer that the question does not allow."""


class NotAsked(OrchestratorError):
    """Nobody waits for an answer to this question any more."""

    status = 409


class AlreadyAnswered(OrchestratorError):
    """The first answer counts."""

    status = 409

    def __init__(self, by: str) -> None:
        super().__init__(
            f"Human-in-the-loop detail has already been updated (answered by {by}) and is not allowed to write again."
        )


class NotAssigned(OrchestratorError):
    """The question is put to others."""

    status = 403

    def __init__(self, name: str) -> None:
        super().__init__(f"User={name} (id={name}) is not a respondent for the task.")


class BackfillNotFound(OrchestratorError):
    """A backfill, or the DAG of one, that is not there."""

    status = 404


class BackfillActive(OrchestratorError):
    """A DAG has one backfill at a time."""

    status = 409

    def __init__(self, dag_id: str) -> None:
        super().__init__(f"There is already a running backfill for dag {dag_id}: wait for its end, or cancel it")


class BackfillOver(OrchestratorError):
    status = 409


class BackfillRefused(OrchestratorError):
    """A schedule, range, conf or behaviour that makes no backfill."""

    status = 422


class InvalidHold(OrchestratorError):
    """A task cannot be held so."""


class NotHeld(OrchestratorError):
    status = 404


class IllegalMove(RuntimeError):
    """The engine tried a move that the state machine does not have: a defect of ours, caught nowhere."""


class XComExists(OrchestratorError):
    """An XCom cannot be created twice."""

    status = 409

    def __init__(self, key: str) -> None:
        super().__init__(f"The XCom with key: `{key}` with mentioned task instance already exists.")


class XComTooLarge(OrchestratorError):
    """A value larger than the database is to keep."""

    def __init__(self, key: str, size: int, most: int) -> None:
        super().__init__(f"The XCom with key: `{key}` takes {size} bytes as JSON, at most {most} are kept")


class TooManyMarkers(OrchestratorError):
    """Markers lead from DAG to DAG further than they may, or in a circle."""

    def __init__(self, task_id: str, most: int) -> None:
        super().__init__(
            f"Maximum recursion depth {most} reached for ExternalTaskMarker {task_id}. Attempted to clear too many "
            "tasks or there may be a cyclic dependency."
        )


class CannotUndo(OrchestratorError):
    """What somebody did cannot be taken back any more; nothing was changed."""

    status = 409

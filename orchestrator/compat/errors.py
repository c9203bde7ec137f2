"""Airflow's errors that nothing here raises: DAG files and hooks catch them, or raise them themselves."""

from __future__ import annotations

from orchestrator.sdk.exceptions import AirflowException, AirflowFailException, AirflowNotFoundException, DagError


class DagNotFound(AirflowNotFoundException):
    """No DAG of that id."""


class DagCodeNotFound(AirflowNotFoundException):
    """No source of a DAG."""


class DagRunNotFound(AirflowNotFoundException):
    """No such run."""


class TaskInstanceNotFound(AirflowNotFoundException):
    """No such task instance."""


class PoolNotFound(AirflowNotFoundException):
    """No pool of that name."""


class AirflowClusterPolicyViolation(AirflowException):
    """A DAG or task does what the installation's policy forbids."""


class AirflowClusterPolicySkipDag(AirflowException):
    """The installation's policy leaves a DAG out."""


class AirflowClusterPolicyError(AirflowException):
    """The policy itself failed."""


class AirflowDagInconsistent(DagError):
    """Settings of a DAG contradict each other."""


class AirflowDagDuplicatedIdException(DagError):
    """Two files define one DAG id."""


class AirflowFileParseException(AirflowException):
    """A file of connections or variables cannot be read."""


class AirflowInternalRuntimeError(BaseException):
    """Something that user code should not catch."""


class AirflowTaskTerminated(BaseException):
    """The task was ended from outside."""


class AirflowWebServerTimeout(AirflowException):
    """The web server took too long to start."""


class AirflowSecretsBackendAccessDenied(AirflowException):
    """A secrets backend refused."""


class AirflowInvalidConnection(AirflowException):
    """A connection cannot be made of what was given."""


class BackfillUnfinished(AirflowException):
    """Runs of a backfill did not succeed."""


class ConnectionNotUnique(AirflowException):
    """Several connections of one id."""


class VariableNotUnique(AirflowException):
    """Several variables of one key."""


class DagConcurrencyLimitReached(AirflowException):
    """Too many tasks of a DAG run at once."""


class TaskConcurrencyLimitReached(AirflowException):
    """Too many instances of a task run at once."""


class NoAvailablePoolSlot(AirflowException):
    """A pool is full."""


class DagFileExists(AirflowException):
    """A DAG file of that name is there already."""


class DeserializingResultError(ValueError):
    """A stored result cannot be read."""


class SerializationError(AirflowException):
    """A value cannot be stored."""


class FailStopDagInvalidTriggerRule(AirflowException):
    """A DAG that stops at the first failure has a task with another trigger rule."""


class InvalidStatsNameException(AirflowException):
    """The name of a counter has characters that it must not have."""


class TaskAlreadyInTaskGroup(DagError):
    """A task cannot be in two groups."""


class TaskAlreadyRunningError(AirflowException):
    """The attempt runs already."""


class UnmappableXComLengthPushed(AirflowException):
    """A task pushed more than may be mapped over."""


class UnmappableXComTypePushed(AirflowException):
    """A task pushed what cannot be mapped over."""


class XComForMappingNotPushed(AirflowException):
    """A task pushed nothing though others map over it."""


class UnmappableOperator(AirflowException):
    """A task that cannot be mapped."""


class NotMapped(AirflowException):
    """A task that is not mapped was taken for one that is."""


class NodeNotFound(DagError):
    """No such task or group in the DAG."""


class DownstreamTasksSkipped(AirflowException):
    """Some tasks below are skipped."""


class UnknownExecutorException(ValueError):
    """No executor of that name."""


class PodMutationHookException(AirflowException):
    """Changing a pod before it is made failed."""


class PodReconciliationError(AirflowException):
    """Two descriptions of a pod cannot be made one."""


class DagRunTriggerException(AirflowFailException):
    """A task asked for a run of another DAG."""

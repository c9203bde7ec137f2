"""What a task may raise, by the names that DAG files know."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any


class AirflowException(Exception):
    """Base of the errors that DAG files raise and catch."""


class DagError(AirflowException, ValueError):
    """A DAG file defines something that cannot be; the message names the DAG, the task and the fix."""


class AirflowDagCycleException(DagError):
    """The tasks of a DAG wait for each other in a circle."""


class DuplicateTaskIdFound(DagError):
    """Two tasks of one DAG have the same id."""


class AirflowFailException(AirflowException):
    """The task fails now, whatever retries it has left."""


class AirflowInactiveAssetInInletOrOutletException(AirflowFailException):
    """The task names assets that are not active: no DAG stands for them, or their name or URI is another's."""

    def __init__(self, inactive_asset_keys: Any) -> None:
        self.inactive_asset_keys = [tuple(each) for each in inactive_asset_keys]
        named = ", ".join(f"Asset(name={name!r}, uri={uri!r})" for name, uri in self.inactive_asset_keys)
        super().__init__(f"Task has the following inactive assets in its inlets or outlets: {named}")


class AirflowSkipException(AirflowException):
    """The task is skipped."""


class AirflowTaskTimeout(BaseException):
    """The task ran longer than its ``execution_timeout``. No ``Exception``, so that user code does not swallow it."""


class AirflowSensorTimeout(AirflowException):
    """A sensor waited longer than its ``timeout``; never retried."""


class AirflowOptionalProviderFeatureException(AirflowException):
    """A part of a provider package whose own needs are not installed."""


class AirflowNotFoundException(AirflowException):
    """No connection of that id."""


class AirflowRuntimeError(AirflowException, KeyError):
    """A variable that does not exist; both what Airflow 2 (KeyError) and 3 raise."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class AirflowRescheduleException(AirflowException):
    """The sensor gives its slot back until ``reschedule_date``."""

    def __init__(self, reschedule_date: datetime) -> None:
        super().__init__(f"wants to be looked at again at {reschedule_date}")
        self.reschedule_date = reschedule_date


class TaskDeferred(BaseException):
    """The task goes on in ``method_name`` once ``trigger`` has fired."""

    def __init__(
        self,
        *,
        trigger: Any,
        method_name: str,
        kwargs: dict[str, Any] | None = None,
        timeout: timedelta | int | float | None = None,
    ) -> None:
        super().__init__()
        self.trigger = trigger
        self.method_name = method_name
        self.kwargs = kwargs
        self.timeout = timeout if timeout is None or isinstance(timeout, timedelta) else timedelta(seconds=timeout)


class TaskAwaitingInput(BaseException):
    """The task goes on in ``method_name`` once a person has answered what it asked, or ``timeout`` has passed."""

    def __init__(
        self, *, method_name: str, kwargs: dict[str, Any] | None = None, timeout: timedelta | int | float | None = None
    ) -> None:
        super().__init__()
        self.method_name = method_name
        self.kwargs = kwargs
        self.timeout = timeout if timeout is None or isinstance(timeout, timedelta) else timedelta(seconds=timeout)


class TaskDeferralError(AirflowException):
    """The trigger ended without an event."""


class TaskDeferralTimeout(AirflowException):
    """The trigger did not fire within the deferral's timeout."""


class ParamValidationError(AirflowException):
    """A value does not fit its param's schema."""


class HITLTriggerEventError(AirflowException):
    """What a person was asked could not be answered."""


class HITLTimeoutError(HITLTriggerEventError):
    """Nobody answered in time, and there are no defaults."""


class HITLRejectException(AirflowException):
    """A person said no, where that is to fail the task."""


class XComNotFound(AirflowException):
    """An argument refers to an XCom that was never pushed."""

    def __init__(self, dag_id: str, task_id: str, key: str) -> None:
        super().__init__(f"XCom result of {dag_id}.{task_id} under key {key!r} is not there: the task pushed nothing")


class DagRunAlreadyExists(AirflowException):
    """A run of that id or logical date is there already."""

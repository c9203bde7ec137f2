"""A whole run of a DAG in this process: the rules and the attempts of the engine, between them dicts and no waiting."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from orchestrator.core.branches import depth_of
from orchestrator.core.branches import name as name_of
from orchestrator.core.states import FINISHED, TaskState
from orchestrator.runtime.child import Attempt, environment_of
from orchestrator.runtime.context import RuntimeTaskInstance
from orchestrator.runtime.local import LocalRun, Row
from orchestrator.runtime.local_people import event_of
from orchestrator.runtime.local_place import Place
from orchestrator.runtime.triggers import event_message
from orchestrator.sdk import clock
from orchestrator.sdk.connections import Connection
from orchestrator.sdk.sensor import BaseSensorOperator
from orchestrator.sdk.xcom_json import decode
from orchestrator.triggers.base import BaseTaskEndEvent, TaskSuccessEvent, TriggerEvent

from .clock import VirtualClock
from .outcome import Outcome

Json = dict[str, Any]
CLOCK_TRIGGERS = ("orchestrator.triggers.temporal.DateTimeTrigger", "orchestrator.triggers.temporal.TimeDeltaTrigger")
TIMED_OUT = {"type": "failed", "error": "Trigger timeout"}


def run(
    dag: Any,
    returns: Mapping[str, Any] | None = None,
    fails: Mapping[str, Any] | None = None,
    at: datetime | str | None = None,
    *,
    conf: Json | None = None,
    variables: Mapping[str, Any] | None = None,
    connections: Mapping[str, Any] | None = None,
    events: Mapping[str, Any] | None = None,
    run_id: str | None = None,
) -> Outcome:
    """Run ``dag`` to its end, in no time, and return how it went.

    A task is named by its full id, one instance of a mapped task by ``"task_id[2]"``, one in nested mapped groups by its
    position at each level: ``"outer.inner.task_id[2][0]"``.

    Args:
        returns: what tasks return instead of being run; a function is called with the context and returns it. Branches
            follow and short circuits act on what stands here, a sensor is done with it.
        fails: an int: so many tries fail; True: every try does; an exception or its class: every try raises it; a list
            of these, None for a good one: try by try.
        at: the logical date, without a zone in the DAG's; the clock starts there. By default now.
        conf: the run's configuration, checked against the params.
        variables: what ``Variable.get`` finds; a value that is no text is written as JSON.
        connections: what connections are found: a URI, a dict of their fields, or a :class:`Connection`.
        events: the payload that ends a deferral, or an event object of Airflow's; waits for a moment need none. For a
            task that asks people: the option or options they choose, or ``{"options": ..., "params": {...}}``.

    Raises:
        ValueError: a name that is no task of the DAG.
        ParamError: ``conf`` does not fit.
        AssertionError: a task waits for a trigger and no event is given for it.
    """
    date = _date(at, dag)
    plan = Plan(dag, returns or {}, fails or {}, events or {})
    lines: list[str] = []
    virtual = VirtualClock(date)
    with _left_as_it_was(virtual):
        rehearsal = _Rehearsal(
            dag,
            conf=conf or {},
            logical_date=date,
            run_id=run_id,
            provider=provider(variables or {}, connections or {}),
            wait_retries=True,
            in_process=True,
            say=lines.append,
        )
        rehearsal.follow(plan)
        return Outcome(dag.dag_id, rehearsal.run(), lines, virtual.now())


def _date(at: datetime | str | None, dag: Any) -> datetime:
    if at is None:
        return datetime.now(UTC)
    from zoneinfo import ZoneInfo

    date = datetime.fromisoformat(at) if isinstance(at, str) else at
    return date if date.tzinfo is not None else date.replace(tzinfo=ZoneInfo(dag.timezone_name))


@contextmanager
def _left_as_it_was(virtual: VirtualClock) -> Iterator[None]:
    """Tasks set the environment and signal handlers of what is their own process otherwise."""
    environment = dict(os.environ)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGALRM)}
    before = clock.use(virtual)
    try:
        yield
    finally:
        clock.use(before)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        os.environ.clear()
        os.environ.update(environment)


class Plan:
    """What the test says of single tasks."""

    def __init__(
        self, dag: Any, returns: Mapping[str, Any], fails: Mapping[str, Any], events: Mapping[str, Any]
    ) -> None:
        self.returns, self.fails, self.events, self.spec = returns, fails, events, dag.to_spec()
        known = set(dag.task_ids)
        for what, given in (("returns", returns), ("fails", fails), ("events", events)):
            for each in given:
                if each.partition("[")[0] not in known:
                    raise ValueError(f"{what}: {each!r} is no task of {dag.dag_id}: it has {', '.join(sorted(known))}")

    def failure(self, task_id: str, index: int, try_number: int) -> BaseException | None:
        """The exception that this try is to raise."""
        given = self.of(self.fails, task_id, index)
        if isinstance(given, Sequence) and not isinstance(given, (str, bytes)):
            given = given[try_number - 1] if try_number <= len(given) else None
        if isinstance(given, type) and issubclass(given, BaseException):
            return given("planned by the test")
        if isinstance(given, BaseException):
            return given
        if isinstance(given, bool) or given is None:
            return RuntimeError("planned by the test") if given else None
        return RuntimeError("planned by the test") if try_number <= int(given) else None

    def of(self, given: Mapping[str, Any], task_id: str, index: int, default: Any = None) -> Any:
        """What is given for one instance, or else for its task."""
        name = name_of(task_id, index, depth_of(self.spec, task_id))
        return given.get(name, given.get(task_id, default))

    def stand_in(self, task_id: str, index: int, try_number: int) -> Callable[[Any], Any] | None:
        """What is done instead of the task's own work; None: nothing."""
        error = self.failure(task_id, index, try_number)
        if error is not None:
            return _raising(error)
        given = self.of(self.returns, task_id, index, _NOTHING)
        if given is _NOTHING:
            return None
        return given if callable(given) else lambda context: given


_NOTHING: Any = object()


def _raising(error: BaseException) -> Callable[[Any], Any]:
    def fail(context: Any) -> Any:
        raise error

    return fail


class _Rehearsal(LocalRun):
    """A local run by the clock of the test, with stand-ins for tasks and events for triggers."""

    def follow(self, plan: Plan) -> None:
        self.plan = plan
        self.place = _Stage(self.dag, self.memory, self.say, plan)

    def answer(self, row: Row, question: Json) -> Json:
        """The chosen option or options of ``events``, or ``{"options": ..., "params": {...}}``; else the defaults."""
        given = self.plan.of(self.plan.events, row.task_id, row.map_index, _NOTHING)
        if given is _NOTHING:
            if question.get("defaults") is None:
                raise AssertionError(
                    f"{row.name} asks {question['subject']!r}: say what is answered, "
                    f"run(..., events={{{row.name!r}: {question['options'][0]!r}}})"
                )
            return event_of(question["defaults"], _defaults(question), None)
        chosen = given if isinstance(given, Mapping) else {"options": given}
        options = [chosen["options"]] if isinstance(chosen["options"], str) else list(chosen["options"])
        return event_of(options, {**_defaults(question), **chosen.get("params", {})}, {"id": "test", "name": "test"})

    def go_on(self) -> bool:
        """Go on to what is due next: a retry, a poke, a timeout, a trigger that waits for a moment, or one with an event."""
        due: list[tuple[datetime, Row, Json | None]] = []
        for row in self._all():
            if row.state == TaskState.DEFERRED:
                due.extend(self._next_of(row))
            elif row.not_before is not None and row.state not in FINISHED:
                due.append((row.not_before, row, None))
        if not due:
            return False
        moment, row, message = min(due, key=lambda each: each[0])
        clock.sleep((moment - clock.now()).total_seconds())
        if message is not None:
            self._fired(row, message)
        return True

    def _next_of(self, row: Row) -> Iterator[tuple[datetime, Row, Json | None]]:
        trigger = row.trigger or {}
        event = self.plan.of(self.plan.events, row.task_id, row.map_index, _NOTHING)
        if event is not _NOTHING:
            whole = event if isinstance(event, (TriggerEvent, BaseTaskEndEvent)) else TriggerEvent(event)
            yield clock.now(), row, event_message(whole, self._instance(row))
        elif trigger.get("classpath") in CLOCK_TRIGGERS:
            kwargs = decode(trigger["kwargs"])
            ends = kwargs.get("end_from_trigger")
            event = TaskSuccessEvent() if ends else TriggerEvent(kwargs["moment"])
            yield kwargs["moment"], row, event_message(event, self._instance(row))
        elif row.not_before is None:
            raise AssertionError(
                f"{row.name} waits for {trigger.get('classpath')}: say what it fires with, "
                f"run(..., events={{{row.name!r}: payload}})"
            )
        if row.not_before is not None:
            yield row.not_before, row, TIMED_OUT

    def _instance(self, row: Row) -> RuntimeTaskInstance:
        return RuntimeTaskInstance(self.assignment(row), self.dag.get_task(row.task_id))


def _defaults(question: Json) -> Json:
    return {name: each["value"] for name, each in (question.get("params") or {}).items() if "value" in each}


class _Stage(Place):
    """Carries out attempts in this process, with stand-ins where the test has them."""

    def __init__(self, dag: Any, memory: Any, say: Callable[[str], None], plan: Plan) -> None:
        super().__init__(dag, memory, say, in_process=True)
        self.plan = plan

    def _here(self, assignment: Json, name: str) -> Json | None:
        if assignment["kind"] != "task":
            return super()._here(assignment, name)
        stand_in = self.plan.stand_in(assignment["task_id"], assignment["map_index"], assignment["try_number"])
        if stand_in is None:
            return super()._here(assignment, name)
        os.environ.update(environment_of(assignment))
        return _StandIn(assignment, self.dag, self, stand_in).run()


class _StandIn(Attempt):
    """An attempt whose work the test does; what is around it (templates, callbacks, XComs, skips) is as ever."""

    def __init__(self, assignment: Json, dag: Any, channel: Any, act: Callable[[Any], Any]) -> None:
        super().__init__(assignment, dag, channel)
        self.act = act

    def _work(self) -> Any:
        value = self.act(self.context)
        if isinstance(self.task, BaseSensorOperator) or not self.task.skips:
            return value
        if hasattr(self.task, "choose_branch"):
            self.task.choose_branch = lambda context: value
        else:
            self.task.python_callable = lambda *args, **kwargs: value
        return self.task.execute(self.context)


def provider(variables: Mapping[str, Any], connections: Mapping[str, Any]) -> Callable[[str, Json], Any]:
    """Answer what code asks of variables and connections; nothing else is there."""
    import json

    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in variables.items()}
    made = {conn_id: _connection(conn_id, given) for conn_id, given in connections.items()}

    def answer(what: str, args: Json) -> Any:
        if what == "variable":
            return {"value": texts[args["key"]]} if args["key"] in texts else None
        if what == "connection":
            return made.get(args["conn_id"])
        if what in {"dag_runs_count", "ti_count"}:
            return 0
        if what in {"previous_run", "run_state", "dag_state"}:
            return None
        raise ValueError(f"{what} needs a server: a tested run has none, give the task's result with returns={{...}}")

    return answer


def _connection(conn_id: str, given: Any) -> Json:
    if isinstance(given, str):
        given = Connection(conn_id=conn_id, uri=given)
    if isinstance(given, Mapping):
        given = Connection(conn_id=conn_id, **given)
    fields = ("conn_type", "description", "host", "login", "password", "schema", "port", "extra")
    return {"conn_id": conn_id, **{each: getattr(given, each) for each in fields}}

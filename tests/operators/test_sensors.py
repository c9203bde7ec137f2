"""What all sensors share: how they end, how long they pause, and how they go on after a trigger."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator.operators.filesystem import FileSensor
from orchestrator.sdk import BaseOperator, BaseSensorOperator, PokeReturnValue, poke_mode_only, task
from orchestrator.sdk.exceptions import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    DagError,
)
from orchestrator.triggers.base import (
    BaseTrigger,
    StartTriggerArgs,
    TaskFailedEvent,
    TaskSkippedEvent,
    TaskSuccessEvent,
    TriggerEvent,
)

from .running import reason, run, state


class Pokes(BaseSensorOperator):
    """Raises or returns what it is given, and then says yes."""

    def __init__(self, *, answers: list[Any], **kwargs: Any) -> None:
        super().__init__(**{"poke_interval": 0.01, "timeout": 5, **kwargs})
        self.answers = answers

    def poke(self, context: Any) -> Any:
        answer = self.answers.pop(0) if self.answers else True
        if isinstance(answer, BaseException):
            raise answer
        return answer


def ended(*answers: Any, **kwargs: Any) -> tuple[str, str]:
    found = run(lambda: Pokes(task_id="t", answers=list(answers), **kwargs))
    return state(found, "t"), reason(found, "t")


@pytest.mark.parametrize(
    ("error", "soft", "never", "silent"),
    [
        (ValueError("odd"), "failed", "skipped", "success"),
        (AirflowFailException("no"), "skipped", "skipped", "failed"),
        (AirflowSensorTimeout("late"), "skipped", "skipped", "failed"),
        (AirflowTaskTimeout("late"), "skipped", "skipped", "failed"),
        (AirflowSkipException("not today"), "skipped", "skipped", "skipped"),
    ],
)
def test_what_an_error_of_poke_comes_to(error: BaseException, soft: str, never: str, silent: str):
    assert ended(error)[0] == ("skipped" if isinstance(error, AirflowSkipException) else "failed")
    assert ended(error, soft_fail=True)[0] == soft
    assert ended(error, never_fail=True)[0] == never
    assert ended(error, silent_fail=True)[0] == silent


def test_the_time_being_over_fails_it_or_skips_it_softly():
    never = [False] * 1000
    assert "timed out" in ended(*never, timeout=0.03)[1]
    assert ended(*never, timeout=0.03, soft_fail=True)[0] == "skipped"
    assert ended(*never, timeout=0.03, never_fail=True)[0] == "failed", "as in Airflow: no error of poke"


def test_a_value_can_come_with_the_yes():
    found = run(lambda: Pokes(task_id="t", answers=[PokeReturnValue(False, 1), PokeReturnValue(True, {"n": 2})]))
    assert found.xcoms["t", -1, "return_value"] == {"n": 2}


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"soft_fail": True, "never_fail": True}, "mutually exclusive"),
        ({"mode": "sleep"}, "The mode must be one of poke, reschedule"),
        ({"poke_interval": -1}, "poke_interval must be a timedelta or a non-negative number, not -1"),
        ({"timeout": "1h"}, "timeout must be a timedelta or a non-negative number, not '1h'"),
        ({"max_wait": -2}, "max_wait"),
    ],
)
def test_arguments_that_cannot_be_are_refused_by_name(how: dict[str, Any], said: str):
    with pytest.raises(DagError, match=f"task 't'.*{said}"):
        run(lambda: Pokes(task_id="t", answers=[], **how))


def test_the_default_timeout_is_a_setting(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AIRFLOW__SENSORS__DEFAULT_TIMEOUT", "0.02")
    assert "timed out" in ended(*[False] * 1000, timeout=None)[1]


def test_a_class_can_be_for_poking_only():
    @poke_mode_only
    class OnlyPokes(Pokes):
        pass

    assert state(run(lambda: OnlyPokes(task_id="t", answers=[False])), "t") == "success"
    with pytest.raises(ValueError, match="Only 'poke' is acceptable"):
        run(lambda: OnlyPokes(task_id="t", answers=[], mode="reschedule"))
    with pytest.raises(ValueError, match="subclasses of BaseSensorOperator"):
        poke_mode_only(BaseOperator)


def test_pauses_double_with_jitter_up_to_the_longest():
    began = datetime(2024, 1, 1, tzinfo=UTC)

    def pauses(**how: Any) -> list[float]:
        made = Pokes(task_id="t", answers=[], exponential_backoff=True, poke_interval=10, timeout=100_000, **how)
        made.dag = type("D", (), {"dag_id": "d"})()
        return [made._pause(pokes, 0.0, began) for pokes in range(1, 9)]

    for number, pause in enumerate(pauses()):
        least = 10 * 2 ** (number - 1)
        assert least <= pause < 2 * least
    assert pauses(mode="reschedule") == pauses(), "the same sensor pauses as long each time it is asked"
    assert max(pauses(max_wait=timedelta(minutes=1))) == 60
    assert Pokes(task_id="t", answers=[], poke_interval=10, max_wait=1)._pause(3, 0, began) == 5, "up to the timeout"


# ---- triggers


class Fires(BaseTrigger):
    """Yields the event that it is named."""

    EVENTS = {
        "success": TaskSuccessEvent(xcoms={"return_value": [1, 2], "n": 1}),
        "failed": TaskFailedEvent(xcoms={"why": "because"}),
        "skipped": TaskSkippedEvent(),
        "plain": TriggerEvent({"found": (1, 2)}),
    }

    def __init__(self, kind: str, day: str = "") -> None:
        super().__init__()
        self.kind, self.day = kind, day

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}.Fires", {"kind": self.kind, "day": self.day}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        if self.kind == "never":
            import asyncio

            await asyncio.sleep(30)
        if self.kind == "breaks":
            raise OSError("the far side hung up")
        yield self.EVENTS[self.kind] if self.kind in self.EVENTS else TriggerEvent(self.day)


class Waits(BaseSensorOperator):
    def __init__(self, *, kind: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind = kind

    def execute(self, context: Any) -> None:
        self.defer(trigger=Fires(self.kind), method_name="go_on", timeout=timedelta(seconds=self.timeout))

    def go_on(self, context: Any, event: Any = None) -> Any:
        return event


class Begins(BaseOperator):
    """Begins by waiting; never executes."""

    start_from_trigger = True
    template_fields = ("word",)

    def __init__(self, *, word: str = "", start: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.word = word
        kwargs = {"kind": "day", "day": "{{ ds }} {{ task.word }}"}
        self.start_trigger_args = start or StartTriggerArgs(
            f"{__name__}.Fires", "go_on", kwargs, {"more": 1}, timedelta(5)
        )

    def execute(self, context: Any) -> Any:
        raise AssertionError("a task that starts from its trigger was executed")

    def go_on(self, context: Any, event: Any = None, more: int = 0) -> Any:
        return [event, more]


@pytest.mark.parametrize(
    ("kind", "plain", "soft", "never"),
    [
        ("success", "success", "success", "success"),
        ("failed", "failed", "failed", "failed"),
        ("skipped", "skipped", "skipped", "skipped"),
        ("breaks", "failed", "failed", "skipped"),
        ("never", "failed", "skipped", "skipped"),
    ],
)
def test_how_a_trigger_ends_its_sensor(kind: str, plain: str, soft: str, never: str):
    def end(**how: Any) -> str:
        return state(run(lambda: Waits(task_id="t", kind=kind, timeout=0.1 if kind == "never" else 9, **how)), "t")

    assert (end(), end(soft_fail=True), end(never_fail=True)) == (plain, soft, never)


def test_a_wait_that_took_too_long_is_not_tried_again():
    found = run(lambda: Waits(task_id="t", kind="never", timeout=0.05, retries=3, retry_delay=timedelta(0)))
    assert "AirflowSensorTimeout" in reason(found, "t") and found.tries["t", -1] == 1


def test_events_carry_values_and_end_tasks_with_xcoms():
    found = run(lambda: (Waits(task_id="a", kind="plain"), Waits(task_id="b", kind="success")))
    assert found.xcoms["a", -1, "return_value"] == {"found": (1, 2)}
    assert found.xcoms["b", -1, "return_value"] == [1, 2] and found.xcoms["b", -1, "n"] == 1


def test_a_task_may_begin_by_waiting_also_as_one_of_many():
    found = run(lambda: (Begins(task_id="t", word="x"), Begins.partial(task_id="m").expand(word=["a", "b"])))
    assert found.xcoms["t", -1, "return_value"] == ["2024-03-01 x", 1], reason(found, "t")
    assert [found.xcoms["m", index, "return_value"][0] for index in (0, 1)] == ["2024-03-01 a", "2024-03-01 b"]


def test_what_a_task_begins_by_waiting_for_can_only_be_plain():
    start = StartTriggerArgs(f"{__name__}.Fires", "go_on", {"kind": lambda: "day"})
    with pytest.raises(DagError, match="task_id 't' has a callable in trigger kwargs named 'kind'"):
        run(lambda: Begins(task_id="t", start=start))


def test_many_instances_wait_at_once():
    found = run(lambda: Waits.partial(task_id="t").expand(kind=["plain", "skipped", "failed", "success"]))
    assert [found.states["t", index] for index in range(4)] == ["success", "skipped", "failed", "success"]


def test_a_file_is_waited_for_from_the_start(tmp_path: Any):
    (tmp_path / "x").write_text("")
    how = {"filepath": str(tmp_path / "*"), "deferrable": True, "start_from_trigger": True, "poke_interval": 0.01}
    found = run(lambda: FileSensor(task_id="t", **how))
    assert state(found, "t") == "success", reason(found, "t")


def test_deferring_can_be_the_default(tmp_path: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "True")
    assert FileSensor(task_id="t", filepath="x").deferrable
    assert not FileSensor(task_id="t", filepath="x", deferrable=False).deferrable


def test_the_sensor_decorator_takes_a_sensors_arguments():
    def make() -> None:
        @task.sensor(poke_interval=0.01, timeout=5, mode="reschedule")
        def ready(ti: Any) -> Any:
            return PokeReturnValue(ti.reschedule_count >= 2, ti.reschedule_count)

        ready()

    assert run(make).xcoms["ready", -1, "return_value"] == 2

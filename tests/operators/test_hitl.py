"""Tasks that ask people, in real attempts; nobody sits at a terminal here, so the defaults are taken."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from orchestrator.operators.hitl import ApprovalOperator, HITLBranchOperator, HITLEntryOperator, HITLOperator
from orchestrator.operators.python import PythonOperator
from orchestrator.sdk import DAG, BaseNotifier, Param
from orchestrator.sdk.operator import BaseOperator

from .running import reason, run, state


def then(*above: Any, **arguments: Any) -> Any:
    below = PythonOperator(task_id="below", python_callable=print, **arguments)
    for each in above:
        each >> below
    return below


def test_the_defaults_are_the_answer_where_nobody_is():
    def make() -> None:
        HITLOperator(
            task_id="ask",
            subject="Go on with {{ ds }}?",
            options=["yes", "no"],
            defaults="no",
            params={"reason": Param("none", type="string"), "amount": 3},
        )

    result = run(make)

    assert state(result, "ask") == "success"
    answer = result.xcoms["ask", -1, "return_value"]
    assert answer["chosen_options"] == ["no"]
    assert answer["params_input"] == {"reason": "none", "amount": 3}
    assert answer["responded_by_user"] is None and answer["responded_at"].tzinfo is not None


def test_an_operator_of_a_package_asks_by_itself():
    class Asks(BaseOperator):
        def execute(self, context: Any) -> Any:
            from orchestrator.operators.hitl import upsert_hitl_detail
            from orchestrator.sdk.exceptions import TaskAwaitingInput

            field = {"value": 3, "description": None, "schema": {"type": "integer"}}
            upsert_hitl_detail(
                ti_id=context["ti"].id, options=["yes", "no"], subject="?", defaults=["yes"], params={"amount": field}
            )
            raise TaskAwaitingInput(method_name="went_on")

        def went_on(self, context: Any, event: Any) -> Any:
            return [event["chosen_options"], event["params_input"]]

    result = run(lambda: Asks(task_id="ask"))

    assert state(result, "ask") == "success"
    assert result.xcoms["ask", -1, "return_value"] == [["yes"], {"amount": 3}]


def test_without_defaults_and_without_anybody_the_task_fails():
    result = run(lambda: HITLOperator(task_id="ask", subject="?", options=["a"]))

    assert state(result, "ask") == "failed"
    assert reason(result, "ask").startswith("HITLTimeoutError: nobody is there to answer")


@pytest.mark.parametrize(
    ("default", "arguments", "states"),
    [
        ("Approve", {}, ("success", "success", "success")),
        ("Reject", {}, ("success", "skipped", "skipped")),
        ("Reject", {"fail_on_reject": True}, ("failed", "upstream_failed", "upstream_failed")),
    ],
)
def test_an_approval_decides_what_follows(default: str, arguments: Any, states: Any):
    def make() -> None:
        then(ApprovalOperator(task_id="ask", subject="?", defaults=default, **arguments)) >> PythonOperator(
            task_id="last", python_callable=print
        )

    result = run(make)

    assert tuple(state(result, each) for each in ("ask", "below", "last")) == states


@pytest.mark.parametrize(("ignore", "last"), [(False, "success"), (True, "skipped")])
def test_a_rejection_skips_what_is_directly_below_or_all_of_it(ignore: bool, last: str):
    def make() -> None:
        ask = ApprovalOperator(task_id="ask", subject="?", defaults="Reject", ignore_downstream_trigger_rules=ignore)
        then(ask) >> PythonOperator(task_id="last", python_callable=print, trigger_rule="all_done")

    result = run(make)

    assert (state(result, "below"), state(result, "last")) == ("skipped", last)


def test_a_branch_follows_what_was_chosen():
    def make() -> None:
        ask = HITLBranchOperator(
            task_id="ask",
            subject="Which?",
            options=["the left one", "right", "both"],
            options_mapping={"the left one": "left"},
            defaults=["the left one"],
        )
        ask >> [PythonOperator(task_id=each, python_callable=print) for each in ("left", "right")]

    result = run(make)

    assert (state(result, "left"), state(result, "right")) == ("success", "skipped")


def test_a_branch_to_no_task_fails():
    def make() -> None:
        then(HITLBranchOperator(task_id="ask", subject="?", options=["nowhere"], defaults="nowhere"))

    assert "nowhere" in reason(run(make), "ask")


def test_an_entry_has_one_option_and_takes_it():
    result = run(
        lambda: HITLEntryOperator(task_id="ask", subject="Fill in", params={"name": Param("x", type="string")})
    )

    assert result.xcoms["ask", -1, "return_value"]["params_input"] == {"name": "x"}


def test_notifiers_are_told_where_to_answer():
    class Told(BaseNotifier):
        template_fields = ("message",)

        def __init__(self, message: str) -> None:
            super().__init__()
            self.message = message

        def notify(self, context: Any) -> None:
            link = HITLOperator.generate_link_to_ui_from_context(
                context=context, base_url="https://flow.example/", options=["a b"], params_input={"n": 1}
            )
            self.log.info("%s %s", self.message, link)

    lines: list[str] = []
    run(
        lambda: HITLOperator(
            task_id="ask",
            subject="Really?",
            options=["a b"],
            defaults="a b",
            params={"n": 2},
            notifiers=Told("{{ task.subject }}"),
        ),
        say=lines.append,
    )

    told = next(line for line in lines if "https://flow.example" in line)
    assert "Really? https://flow.example/dags/d/runs/" in told
    assert told.endswith("/tasks/ask/required_actions?_options=a+b&n=1&map_index=-1")


def test_links_name_the_task_instance_and_the_answer():
    class Instance:
        dag_id, run_id, task_id, map_index = "d", "manual__2026-03-01T00:00:00+00:00", "ask", 3

    with DAG("d"):
        task = HITLOperator(task_id="ask", subject="?", options=["a", "b"], params={"n": 1})

    link = task.generate_link_to_ui(
        task_instance=Instance, base_url="https://flow.example/", options="a", params_input={"n": 5}
    )

    assert link == (
        "https://flow.example/dags/d/runs/manual__2026-03-01T00%3A00%3A00%2B00%3A00/tasks/ask/required_actions"
        "?_options=a&n=5&map_index=3"
    )
    with pytest.raises(ValueError, match="not valid options"):
        task.generate_link_to_ui(task_instance=Instance, options="c")
    with pytest.raises(ValueError, match="not valid params"):
        task.generate_link_to_ui(task_instance=Instance, params_input={"m": 1})


@pytest.mark.parametrize(
    ("cls", "arguments", "complaint"),
    [
        (HITLOperator, {"options": []}, "cannot be empty"),
        (HITLOperator, {"options": ["a"], "params": {"_options": 1}}, '"_options" is not allowed'),
        (HITLOperator, {"options": ["a"], "defaults": "b"}, "should be a subset"),
        (HITLOperator, {"options": ["a", "b"], "defaults": ["a", "b"]}, "More than one defaults"),
        (ApprovalOperator, {"options": ["a"]}, "Passing options to ApprovalOperator is not allowed"),
        (ApprovalOperator, {"multiple": True}, "Passing multiple to ApprovalOperator is not allowed"),
        (HITLBranchOperator, {"options": ["a"], "options_mapping": {"b": "t"}}, "keys that are not in `options`"),
        (HITLBranchOperator, {"options": ["a"], "options_mapping": {"a": 1}}, "must be strings"),
    ],
)
def test_what_makes_no_question_is_refused(cls: type[BaseOperator], arguments: Any, complaint: str):
    with DAG("d"), pytest.raises(ValueError, match=complaint):
        cls(task_id="ask", subject="?", **arguments)


def test_the_old_way_to_say_how_long_people_have():
    with DAG("d"):
        task = HITLOperator(task_id="ask", subject="?", options=["a"], execution_timeout=timedelta(minutes=5))

    assert (task.response_timeout, task.execution_timeout) == (timedelta(minutes=5), None)

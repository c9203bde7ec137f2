"""Tasks that ask people: waiting, answering once, running out of time, and what happens in between."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from orchestrator.sdk.xcom_json import decode
from runs_app import actions, answer_links, answering, control, hitl
from runs_app.answers import Refused, Scope, answer
from runs_app.exceptions import AlreadyAnswered, InvalidAnswer, NotAsked, NotAssigned, OrchestratorError
from runs_app.finish import Outcome
from runs_app.models import Attempt, DagRun, HITLDetail, StateEvent, TaskInstance
from tests.support import factories

from .engine import end, play, python_dag, slot, start, state_of, states, take
from .test_worker import log_of, parse
from .test_worker import slot as real_slot

assert parse and real_slot  # fixtures

pytestmark = pytest.mark.django_db
QUESTION: dict[str, Any] = {"subject": "Go on?", "options": ["yes", "no"]}
PARK = {"method": "execute_complete", "next_kwargs": {"kept": 1}}


def ask(row: dict[str, Any], now: datetime | None = None, **more: Any) -> HITLDetail:
    """Do what the operator does in the attempt that ``row`` claimed."""
    instance = (row["run_id"], row["task_id"], row["map_index"])
    pk = hitl.ask(instance, row["token"], {**QUESTION, **more}, now or timezone.now())
    return HITLDetail.objects.get(pk=pk)


def park(row: dict[str, Any], now: datetime | None = None, **trigger: Any) -> None:
    end(row, Outcome("awaiting_input", trigger={**PARK, **trigger}), now=now)


def asked(dag_id: str = "d", *, seconds: float | None = None, **more: Any) -> tuple[DagRun, HITLDetail]:
    """A run whose one task waits for an answer."""
    run = start(python_dag(dag_id, {"a": ()}))
    row = take(slot())
    assert row is not None
    found = ask(row, **more)
    park(row, timeout_seconds=seconds)
    return run, found


def instance_of(run: DagRun) -> TaskInstance:
    return run.task_instances.get()


def event_of(run: DagRun) -> Any:
    return decode(instance_of(run).next_kwargs)["event"]


def test_a_question_takes_no_slot_and_waits_for_no_trigger():
    run, detail = asked()

    assert states(run) == {"a": "awaiting_input"}
    assert take(slot()) is None
    assert list(hitl.open_questions()) == [detail]
    assert Attempt.objects.get().outcome == "awaiting_input"


def test_an_answer_lets_the_task_go_on_with_it():
    run, detail = asked(params={"n": {"schema": {"type": "integer"}, "value": 3, "description": None}})
    ada = factories.make_user("user", "ada")

    answering.answer(detail.pk, options=["yes"], params={"n": 5}, user=ada)

    row = take(slot())
    assert row is not None and (row["next_method"], row["try_number"]) == ("execute_complete", 1)
    event = event_of(run)
    assert isinstance(event.pop("responded_at"), datetime)
    assert event == {
        "chosen_options": ["yes"],
        "params_input": {"n": 5},
        "responded_by_user": {"id": "ada", "name": "ada"},
        "timedout": False,
    }
    assert instance_of(run).next_kwargs["kept"] == 1
    assert StateEvent.objects.filter(old="awaiting_input").values_list("new", "actor").get() == (
        "scheduled",
        "user:ada",
    )
    end(row, "success")
    assert state_of(run) == "success"


def test_the_first_answer_counts():
    run, detail = asked()
    ada, bob = factories.make_user("user", "ada"), factories.make_user("user", "bob")
    answering.answer(detail.pk, options=["yes"], user=ada)

    with pytest.raises(AlreadyAnswered, match="answered by ada"):
        answering.answer(detail.pk, options=["no"], user=bob)

    detail.refresh_from_db()
    assert (detail.chosen_options, detail.responded_by_user_name) == (["yes"], "ada")
    assert event_of(run)["chosen_options"] == ["yes"]


@pytest.mark.parametrize(
    ("options", "params", "complaint"),
    [
        ([], None, "Choose an option"),
        (["maybe"], None, r"Invalid options \['maybe'\]"),
        (["yes", "no"], None, "only a single option"),
        (["yes"], {"m": 1}, "does not match params"),
        (["yes"], {"n": "five"}, "Invalid input for param n"),
        (["yes"], {"n": None}, "Invalid input for param n"),
        (["yes"], {}, "Invalid input for param must"),
    ],
)
def test_what_is_no_answer_changes_nothing(options: list[str], params: Any, complaint: str):
    fields = {"n": {"schema": {"type": "integer"}, "value": 1}}
    if "must" in complaint:
        fields["must"] = {"schema": {"type": "string"}}
    run, detail = asked(params=fields)

    with pytest.raises(InvalidAnswer, match=complaint):
        answering.answer(detail.pk, options=options, params=params)

    assert states(run) == {"a": "awaiting_input"}


def test_several_options_where_several_are_allowed():
    run, detail = asked(multiple=True)
    answering.answer(detail.pk, options=["no", "yes", "no"])
    assert event_of(run)["chosen_options"] == ["no", "yes"]


def test_only_those_who_are_asked_may_answer():
    _, detail = asked(assigned_users=[{"id": "ada", "name": "Ada"}])
    with pytest.raises(NotAssigned, match="bob"):
        answering.answer(detail.pk, options=["yes"], user=factories.make_user("admin", "bob"))
    answering.answer(detail.pk, options=["yes"], user=factories.make_user("user", "ada"))


def test_whoever_has_the_machine_may_answer_by_command():
    run, detail = asked(assigned_users=[{"id": "ada", "name": "Ada"}])
    answering.answer(detail.pk, options=["yes"])
    assert event_of(run)["responded_by_user"] == {"id": "command line", "name": "command line"}


@pytest.mark.parametrize("defaults", [None, ["no"]])
def test_a_question_that_nobody_answers_in_time(defaults: Any):
    run, detail = asked(seconds=60, defaults=defaults, params={"n": {"schema": {}, "value": 3}})
    now = timezone.now()
    assert control.next_due(now) == instance_of(run).not_before
    assert control.step(now).unanswered == 0

    assert control.step(now + timedelta(seconds=61)).unanswered == 1
    assert control.step(now + timedelta(seconds=62)).unanswered == 0

    assert states(run) == {"a": "scheduled"}
    event = event_of(run)
    detail.refresh_from_db()
    if defaults is None:
        assert (event["error_type"], detail.responded_at) == ("timeout", None)
    else:
        assert event["chosen_options"] == detail.chosen_options == ["no"]
        assert (event["responded_by_user"], event["timedout"], event["params_input"]) == (None, True, {"n": 3})
    with pytest.raises(OrchestratorError):
        answering.answer(detail.pk, options=["yes"])


def test_an_answer_before_the_asking_attempt_has_ended_is_found_by_it():
    run = start(python_dag("d", {"a": ()}))
    row = take(slot())
    assert row is not None
    detail = ask(row)  # its notifiers are being called
    answering.answer(detail.pk, options=["yes"])
    assert states(run) == {"a": "running"}

    park(row)

    assert states(run) == {"a": "scheduled"}
    assert event_of(run)["chosen_options"] == ["yes"]
    assert play(slot()) == ["a"]


def test_an_answer_survives_the_loss_of_the_worker_that_asked():
    run = start(python_dag("d", {"a": ()}))
    row = take(slot())
    assert row is not None
    answering.answer(ask(row).pk, options=["yes"])
    end(row, Outcome("lost", "killed"))

    again = take(slot())
    assert again is not None and again["try_number"] == 1
    detail = ask(again)
    park(again)

    assert detail.chosen_options == ["yes"] and HITLDetail.objects.count() == 1
    assert event_of(run)["chosen_options"] == ["yes"]


def test_a_lost_question_cannot_be_answered_until_it_is_asked_again():
    start(python_dag("d", {"a": ()}))
    row = take(slot())
    assert row is not None
    detail = ask(row)
    end(row, Outcome("lost", "killed"))
    with pytest.raises(NotAsked, match="scheduled"):
        answering.answer(detail.pk, options=["yes"])


def test_a_second_question_in_one_try_is_a_new_one():
    run, detail = asked()
    answering.answer(detail.pk, options=["yes"])
    row = take(slot())
    assert row is not None

    detail = ask(row, subject="And now?")
    park(row)

    assert (detail.responded_at, detail.chosen_options) == (None, None)
    assert states(run) == {"a": "awaiting_input"}
    answering.answer(detail.pk, options=["no"])
    assert event_of(run)["chosen_options"] == ["no"]


def test_each_try_keeps_its_question():
    run = start(python_dag("d", {"a": ()}, tasks={"retries": 1, "retry_delay": timedelta(0)}))
    claimer = slot()
    for option in ("yes", "no"):
        row = take(claimer)
        assert row is not None
        detail = ask(row)
        park(row)
        answering.answer(detail.pk, options=[option])
        row = take(claimer)
        assert row is not None
        end(row, "failed" if option == "yes" else "success")
    assert list(HITLDetail.objects.order_by("try_number").values_list("try_number", "chosen_options")) == [
        (1, ["yes"]),
        (2, ["no"]),
    ]
    assert state_of(run) == "success"


@pytest.mark.parametrize("how", ["clear", "mark"])
def test_who_clears_or_marks_takes_the_question_back(how: str):
    run, detail = asked()
    if how == "clear":
        actions.clear(run.pk)
    else:
        actions.set_task_state([instance_of(run).pk], "success")
    assert not hitl.open_questions().exists()
    with pytest.raises(NotAsked):
        answering.answer(detail.pk, options=["yes"])


def test_a_run_that_is_marked_ends_what_waits_for_an_answer():
    run, _ = asked()
    actions.set_run_state(run.pk, "failed", user=None)
    assert (states(run), state_of(run)) == ({"a": "failed"}, "failed")


def test_waiting_without_a_question_fails():
    run = start(python_dag("d", {"a": ()}))
    row = take(slot())
    assert row is not None
    park(row)
    assert states(run) == {"a": "failed"}
    assert "asked nothing" in StateEvent.objects.get(new="failed", task_instance__isnull=False).reason


@pytest.mark.parametrize(
    ("question", "complaint"),
    [
        ({"options": []}, "at least one"),
        ({"options": [1]}, "are texts"),
        ({"subject": "x" * 300_000}, "bytes, at most"),
        ({"body": "a\0b"}, "null character"),
    ],
)
def test_what_cannot_be_asked_is_refused(question: Any, complaint: str):
    start(python_dag("d", {"a": ()}))
    row = take(slot())
    assert row is not None
    scope = Scope("d", row["run_id"], "r", "a", token=row["token"])
    with pytest.raises(Refused, match=complaint):
        answer(scope, "ask_people", {**QUESTION, **question})
    with pytest.raises(Refused, match="no longer holds"):
        answer(Scope("d", row["run_id"], "r", "a", token=99), "ask_people", dict(QUESTION))


def test_secrets_that_the_attempt_was_given_are_not_shown_to_people():
    start(python_dag("d", {"a": ()}))
    row = take(slot())
    assert row is not None
    scope = Scope("d", row["run_id"], "r", "a", token=row["token"], secrets={"hunter22"})
    answer(scope, "ask_people", {**QUESTION, "body": "with hunter22?"})
    assert HITLDetail.objects.get().body == "with ***?"


# ---- links


def test_a_link_is_one_persons_way_to_one_question():
    _, detail = asked()
    ada = factories.make_user("user", "ada")
    address = answer_links.link(detail, "ada", {"_options": ["yes"]})
    root, _, rest = address.partition("/answer/")
    token, _, query = rest.partition("?")
    assert (root, query) == ("http://localhost:8080", "_options=yes")

    assert answer_links.read(token).user == ada and answer_links.read(token).asked == detail
    with pytest.raises(NotAsked, match="not one of ours"):
        answer_links.read(token[:-2] + "xx")

    ada.set_password("another one")
    ada.save()
    with pytest.raises(NotAsked, match="has changed"):
        answer_links.read(token)


def test_a_link_ends_with_its_question_its_week_and_its_account(monkeypatch: pytest.MonkeyPatch):
    run, detail = asked()
    ada = factories.make_user("user", "ada")
    token = answer_links.link(detail, "ada", {}).rpartition("/")[2]
    with monkeypatch.context() as patched:
        patched.setattr(answer_links, "GOOD_FOR_SECONDS", -1)
        with pytest.raises(NotAsked, match="older than a week"):
            answer_links.read(token)
    actions.clear(run.pk)
    row = take(slot())
    assert row is not None
    ask(row)
    # The question of the first try stays; nobody waits for it.
    with pytest.raises(NotAsked):
        answering.answer(answer_links.read(token).asked.pk, options=["yes"], user=ada)
    ada.is_active = False
    ada.save()
    with pytest.raises(NotAsked, match="has changed"):
        answer_links.read(token)


@pytest.mark.parametrize(("name", "complaint"), [("nobody", "no active user"), ("bob", "not put to 'bob'")])
def test_a_link_for_somebody_who_may_not_answer_is_not_made(name: str, complaint: str):
    _, detail = asked(assigned_users=[{"id": "ada", "name": "Ada"}])
    factories.make_user("user", "bob")
    with pytest.raises(ValueError, match=complaint):
        answer_links.link(detail, name, {})


def test_the_command_says_what_is_asked_and_answers(capsys: pytest.CaptureFixture[str]):
    run, _ = asked(params={"n": {"schema": {"type": "integer"}, "value": 3}})
    where = (run.dag_id, run.run_id, "a")
    call_command("tasks", "answer", *where)
    assert "Go on?" in capsys.readouterr().out
    with pytest.raises(CommandError, match="Invalid options"):
        call_command("tasks", "answer", *where, "--option", "maybe")
    call_command("tasks", "answer", *where, "--option", "yes", "--params", '{"n": 4}', "--json")
    assert json.loads(capsys.readouterr().out)["params_input"] == {"n": 4}
    assert event_of(run)["responded_by_user"]["name"] == "command line"
    with pytest.raises(CommandError, match="already been updated"):
        call_command("tasks", "answer", *where, "--option", "no")


# ---- whatever order things happen in


class WhateverOrder(TestCase):
    """One answer at most is delivered, and an answered task never waits on."""

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(st.sampled_from(["ask", "park", "answer", "lose", "claim", "clear", "expire", "fail"]), max_size=14)
    )
    def test_no_task_waits_for_an_answer_that_was_given(self, steps: list[str]) -> None:
        run = start(python_dag("d", {"a": ()}, tasks={"retries": 9, "retry_delay": timedelta(0)}))
        claimer, row, delivered = slot(), None, []
        for step in steps:
            if step == "claim" and row is None:
                row = take(claimer)
                if row is not None and row["next_method"]:
                    delivered.append((row["try_number"], row["next_kwargs"]["event"].get("chosen_options")))
            elif step == "ask" and row is not None:
                ask(row, defaults=["no"])
            elif step in {"park", "lose", "fail"} and row is not None:
                outcome = {"lose": Outcome("lost", "gone"), "fail": Outcome("failed", "no")}.get(step)
                end(row, outcome or Outcome("awaiting_input", trigger={**PARK, "timeout_seconds": 60}))
                row = None
            elif step == "answer" and (detail := HITLDetail.objects.order_by("-try_number").first()) is not None:
                try:
                    answering.answer(detail.pk, options=["yes"])
                except OrchestratorError:
                    pass
            elif step == "clear":
                actions.clear(run.pk)
                row = None
            elif step == "expire":
                control.step(timezone.now() + timedelta(seconds=120))
            waiting = HITLDetail.objects.filter(task_instance__state="awaiting_input", responded_at__isnull=False)
            current = [
                each for each in waiting.select_related("task_instance") if each.token == each.task_instance.token
            ]
            assert current == []
        if TaskInstance.objects.filter(run=run, state="awaiting_input").exists():
            assert hitl.open_questions().count() == 1


# ---- with real children

EXAMPLE = """
import datetime

from airflow.providers.standard.operators.hitl import (
    ApprovalOperator, HITLBranchOperator, HITLEntryOperator, HITLOperator,
)
from airflow.sdk import BaseNotifier, Param

class Tell(BaseNotifier):
    template_fields = ("message",)
    def __init__(self, message):
        super().__init__()
        self.message = message
    def notify(self, context):
        self.log.info("%s", self.message)
        self.log.info("link %s", context["task"].generate_personal_link("ada", options=["yes"]))

ask = HITLOperator(
    task_id="ask", subject="Go on with {{ ds_nodash }}?", options=["yes", "no"],
    params={"reason": Param("", type="string")}, notifiers=[Tell("Options: {{ task.options }}")],
)
late = HITLOperator(
    task_id="late", subject="?", options=["a", "b"], defaults=["b"],
    response_timeout=datetime.timedelta(milliseconds=1),
)
branch = HITLBranchOperator(task_id="branch", subject="Which?", options=["one", "two"])

@task
def one():
    print("one")

@task
def two():
    print("two")

[ask, late] >> branch >> [one(), two()]
"""


def test_a_whole_run_that_asks_people(real_slot: Any, parse: Any):
    factories.make_user("user", "ada")
    parse(EXAMPLE)
    run = actions.trigger_dag("d")
    real_slot.drain()
    assert states(run)["ask"] == "awaiting_input"
    control.step(timezone.now() + timedelta(seconds=1))
    detail = HITLDetail.objects.get(task_instance__task_id="ask")
    assert detail.subject == f"Go on with {run.logical_date:%Y%m%d}?"
    log = log_of(run, "ask")
    assert "Options: ['yes', 'no']" in log
    token = log.partition("/answer/")[2].partition("?")[0]
    invited = answer_links.read(token)
    answering.answer(invited.asked.pk, options=["yes"], params={"reason": "sure"}, user=invited.user, how="link")
    real_slot.drain()

    assert states(run) == {
        "ask": "success",
        "late": "success",
        "branch": "awaiting_input",
        "one": "none",
        "two": "none",
    }
    answer = decode(run.xcoms.get(task_id="ask", key="return_value").value)
    assert (answer["chosen_options"], answer["params_input"]) == (["yes"], {"reason": "sure"})
    assert decode(run.xcoms.get(task_id="late", key="return_value").value)["chosen_options"] == ["b"]
    answering.answer(HITLDetail.objects.get(task_instance__task_id="branch").pk, options=["two"])
    real_slot.drain()
    run.refresh_from_db()
    assert (run.state, states(run)["one"], states(run)["two"]) == ("success", "skipped", "success")
    connection.close()

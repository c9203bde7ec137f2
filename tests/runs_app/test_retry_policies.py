"""Retry policies in real attempts: what they answer is what follows."""

from __future__ import annotations

from datetime import timedelta

import pytest

from orchestrator.sdk.exceptions import DagError
from orchestrator.sdk.operator import BaseOperator
from orchestrator.sdk.retry_policy import ExceptionRetryPolicy, RetryAction, RetryDecision, RetryRule
from runs_app.models import StateEvent, TaskInstance
from tests.runs_app.test_worker import log_of, parse, run_of, slot  # noqa: F401  # fixtures

HEAD = "from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryPolicy, RetryDecision, RetryRule"


def task(policy: str, body: str, more: str = "retries=2, retry_delay=timedelta(hours=5)") -> str:
    return f"{HEAD}\n@task({more}, retry_policy={policy})\ndef t(**context):\n    {body}\nt()"


def wait_and_reason() -> tuple[timedelta | None, str]:
    instance = TaskInstance.objects.get()
    event = StateEvent.objects.filter(task_instance=instance, new=instance.state).latest("pk")
    return instance.not_before - event.at if instance.not_before else None, event.reason


def test_the_first_rule_that_matches_gives_the_wait_and_the_reason(parse, slot):  # noqa: F811
    policy = """ExceptionRetryPolicy([
        RetryRule(KeyError, RetryAction.FAIL),
        RetryRule("builtins.LookupError", retry_delay=timedelta(seconds=90), reason="the list is not there yet"),
        RetryRule(IndexError, RetryAction.FAIL)])"""
    parse(task(policy.replace("\n", ""), "[][1]"))
    run = run_of(slot)
    wait, reason = wait_and_reason()
    assert TaskInstance.objects.get().state == "up_for_retry"
    assert wait == timedelta(seconds=90)
    assert reason == "IndexError: list index out of range [retry: the list is not there yet]"
    assert "Retry policy: retry (the list is not there yet)" in log_of(run)


def test_a_rule_that_fails_spends_no_retry_and_calls_the_failure_callback(parse, slot):  # noqa: F811
    policy = 'ExceptionRetryPolicy([RetryRule("builtins.PermissionError", RetryAction.FAIL, reason="no key")])'
    hooks = "retries=2, on_failure_callback=lambda c: print('gave up'), on_retry_callback=lambda c: print('again')"
    parse(task(policy, "raise PermissionError('nope')", hooks))
    run = run_of(slot)
    assert (TaskInstance.objects.get().state, TaskInstance.objects.get().try_number) == ("failed", 1)
    assert wait_and_reason()[1].endswith("[fail: no key]")
    assert "gave up" in log_of(run) and "again" not in log_of(run)


def test_without_a_match_or_with_one_that_says_default_the_tasks_own_retries_apply(parse, slot):  # noqa: F811
    parse(task("ExceptionRetryPolicy([RetryRule(KeyError, RetryAction.FAIL)])", "1 / 0"))
    run_of(slot)
    wait, reason = wait_and_reason()
    assert wait == timedelta(hours=5) and reason == "ZeroDivisionError: division by zero"


def test_a_retry_is_no_more_than_the_task_has_left(parse, slot):  # noqa: F811
    policy = "ExceptionRetryPolicy([], default=RetryAction.RETRY)"
    parse(task(policy, "1 / 0", "retries=0"))
    run_of(slot)
    assert TaskInstance.objects.get().state == "failed"


def test_a_policy_of_ones_own_sees_the_error_the_tries_and_the_context(parse, slot):  # noqa: F811
    own = f"""{HEAD}
class Own(RetryPolicy):
    def evaluate(self, exception, try_number, max_tries, context=None):
        text = f"{{exception}} {{try_number}}/{{max_tries}} {{context['ti'].task_id}}"
        return RetryDecision.retry(timedelta(seconds=try_number), text)
@task(retries=3, retry_policy=Own())
def t(): raise ValueError('odd')
t()"""
    parse(own)
    run_of(slot)
    assert wait_and_reason() == (timedelta(seconds=1), "ValueError: odd [retry: odd 1/3 t]")


def test_a_policy_that_fails_itself_is_logged_and_changes_nothing(parse, slot):  # noqa: F811
    own = f"""{HEAD}
class Broken(RetryPolicy):
    def evaluate(self, *args): raise RuntimeError('of the policy')
@task(retries=1, retry_delay=timedelta(seconds=60), retry_policy=Broken())
def t(): raise ValueError('of the task')
t()"""
    parse(own)
    run = run_of(slot)
    assert wait_and_reason() == (timedelta(seconds=60), "ValueError: of the task")
    assert "The retry policy failed" in log_of(run) and "of the policy" in log_of(run)


def test_an_airflow_fail_exception_is_not_put_to_the_policy(parse, slot):  # noqa: F811
    policy = "ExceptionRetryPolicy([], default=RetryAction.RETRY)"
    parse(task(policy, "from airflow.exceptions import AirflowFailException; raise AirflowFailException('over')"))
    run_of(slot)
    assert TaskInstance.objects.get().state == "failed"


def test_the_instances_of_a_mapped_task_have_the_policy(parse, slot):  # noqa: F811
    policy = "ExceptionRetryPolicy([RetryRule(ZeroDivisionError, RetryAction.FAIL)])"
    parse(f"{HEAD}\n@task(retries=3, retry_policy={policy})\ndef t(x): return 1 / x\nt.expand(x=[0, 1])")
    run_of(slot)
    assert list(TaskInstance.objects.order_by("map_index").values_list("state", flat=True)) == ["failed", "success"]


def test_rules_match_classes_subclasses_and_names():
    error = ConnectionResetError("x")
    assert RetryRule(ConnectionError).matches(error)
    assert not RetryRule(ConnectionError, match_subclasses=False).matches(error)
    assert RetryRule(["builtins.KeyError", "builtins.OSError"]).matches(error)
    assert not RetryRule("no.such.module.Error").matches(error)
    assert RetryRule([KeyError, "a.B"]).exception_path == "builtins.KeyError,a.B"
    decision = ExceptionRetryPolicy([RetryRule(OSError)]).evaluate(error, 1, 2)
    assert decision == RetryDecision(RetryAction.RETRY, None, "Matched rule for ConnectionResetError")


@pytest.mark.parametrize("given", ["ValueError", "", 5, int])
def test_a_rule_for_something_that_is_no_exception_is_refused(given):
    with pytest.raises((ValueError, TypeError), match="RetryRule"):
        RetryRule(given)


def test_something_that_is_no_policy_is_refused_by_name():
    with pytest.raises(DagError, match="'t': retry_policy must be a RetryPolicy"):
        BaseOperator(task_id="t", retry_policy="often")

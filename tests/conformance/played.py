"""What the tasks of recorded cases do. The text of this file is the head of every DAG file made from a neutral spec."""

from datetime import datetime, timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.latest_only import LatestOnlyOperator
from airflow.providers.standard.operators.python import BranchPythonOperator, PythonOperator, ShortCircuitOperator
from airflow.sdk import DAG, PokeReturnValue, TaskGroup, XComArg, get_current_context, task, task_group
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

USED_BELOW = (
    *(datetime, timedelta, DAG, TaskGroup, task, task_group),
    *(EmptyOperator, LatestOnlyOperator, BranchPythonOperator, PythonOperator, ShortCircuitOperator),
)


def plain(value):
    """Lists and dicts instead of lazy sequences and tuples."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value]


def numbers(value):
    """The sum of what may be nested in lists; none counts 0."""
    return sum(map(numbers, value)) if isinstance(value, (list, tuple)) else value or 0


def play(behave, given):
    """Act out one behaviour with the arguments that were given."""
    ti = get_current_context()["ti"]
    match behave["do"]:
        case "return":
            return behave["value"]
        case "echo":
            return plain(given)
        case "sum":
            return numbers([plain(each) for each in given.values()])
        case "range":
            return list(range(plain(given[behave["input"]])))
        case "fail":
            raise ValueError("meant to fail")
        case "fail_no_retry":
            raise AirflowFailException("meant to fail for good")
        case "skip":
            raise AirflowSkipException("meant to skip")
        case "by_try" | "by_index" | "by_run" as by:
            key = {"by_try": str(ti.try_number), "by_index": str(ti.map_index), "by_run": ti.run_id}[by]
            return play(behave["cases"].get(key, behave["else"]), given)
        case "by_input":
            value = plain(given[behave["input"]])
            return play(next((then for one, then in behave["cases"] if one == value), behave["else"]), given)
        case "push":
            ti.xcom_push(key=behave["key"], value=behave["value"])
            return play(behave["then"], given)
        case "pull":
            return plain(ti.xcom_pull(**behave["args"]))
        case "about":
            return {"task_id": ti.task_id, "map_index": ti.map_index, "try_number": ti.try_number}
        case "poke":
            return PokeReturnValue(is_done=behave["done"], xcom_value=behave.get("xcom"))
        case unknown:
            raise NotImplementedError(f"no such behaviour: {unknown}")


def output_of(node):
    """What a task returns, whether a decorator or an operator made it."""
    return node if isinstance(node, XComArg) else node.output


def operator_of(node):
    return getattr(node, "operator", node)


# ---- functions of XComArg.map


def double(value):
    return value * 2


def add1(value):
    return value + 1


def skip_odd(value):
    if value % 2:
        raise AirflowSkipException("odd")
    return value


def skip_none(value):
    if value is None:
        raise AirflowSkipException("none")
    return value


def to_xy(value):
    return {"x": value, "y": value * 10}


def total(value):
    return sum(value)


def first(value):
    return value[0]


def boom(value):
    raise ValueError("boom")


def boom_on_2(value):
    return boom(value) if value == 2 else value


made = {}

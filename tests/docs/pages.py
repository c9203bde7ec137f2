"""The reference pages that are made from the code: ``python -m tests.docs`` writes them anew."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand

from orchestrator import env, env_signin
from orchestrator.compat import reference
from orchestrator.core.reasons import KINDS
from orchestrator.core.states import FINISHED, HELD_BY_AN_ATTEMPT, MOVES, RUN_MOVES, USER_TARGETS, RunState, TaskState
from orchestrator.core.trigger_rules import RULES, can_settle
from tests.docs import api_operations, client, context, operators, timetables

ROOT = Path(__file__).resolve().parents[2]
OURS = ("runs_app", "dags_app", "orchestrator.web")
MADE = "This page is made from {}: `make docs`."


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    names = list(head)
    lines = [_row(names), f"|{'---|' * len(names)}"]
    return [*lines, *map(_row, rows)]


def _row(cells: Iterable[str]) -> str:
    return "|" + "|".join(f" {cell.replace('|', chr(92) + '|')} " if cell else " " for cell in cells) + "|"


def text(*lines: str) -> str:
    return "\n".join(lines).rstrip() + "\n"


# ---- settings


def settings() -> str:
    kinds = {
        int: "whole number",
        float: "number",
        str: "text",
        env.path: "folder",
        env.words: "words, separated by commas",
    }
    kinds[env.yes_or_no] = "true or false"
    kinds[env.networks] = "networks, separated by commas"
    kinds[env.run_dates] = "airflow or scheduled"
    kinds[env_signin.issuer], kinds[env_signin.roles], kinds[env_signin.teams] = "address", "pairs", "pairs"
    kinds[env.test_mode] = "Disabled, Enabled or Hidden"
    kinds[env.alerts] = "JSON list"
    rows = [[f"`{each.name}`", kinds[each.read], _default(each.default), each.help] for each in env.SETTINGS]
    return text(
        "# Settings",
        "",
        "From the environment, read once when a process starts. A value that cannot be read ends it with one line that",
        "names the setting. " + MADE.format("`orchestrator/env.py`"),
        "",
        *table(("name", "type", "default", ""), rows),
        "",
        "## Addresses and keys",
        "",
        *table(("name", "default", ""), ([f"`{name}`", *words] for name, words in env.READ_ELSEWHERE.items())),
        "",
        "A password in an address is written as in any URL: `%40` for `@`, `%2F` for `/`.",
        "",
        "## Airflow's",
        "",
        "Tasks and DAG files find these as they would in Airflow. Of our own environment user code sees nothing but",
        "`AIRFLOW_...`, `ORCHESTRATOR_TASK_...`, what every program needs (`PATH`, `HOME`, `LANG`, `TZ` and the like) and where",
        "libraries find theirs (`JAVA_HOME`, `SPARK_HOME`, `HADOOP_CONF_DIR`, `REQUESTS_CA_BUNDLE`, `HTTPS_PROXY`), and who the",
        "machine is elsewhere (`AWS_*`, `GOOGLE_*`, `AZURE_*`, `CLOUDSDK_*`, `DATABRICKS_*`, `DOCKER_*`, `KUBERNETES_*`,",
        "`KUBECONFIG`, `BOTO_CONFIG`, `SNOWFLAKE_HOME`, `SSH_AUTH_SOCK`). `ORCHESTRATOR_PASS_ENVIRONMENT` stands in place of these",
        "last: `AWS_* MLFLOW_TRACKING_URI`. Where a secrets backend is set they might open it, so then only what it names is seen.",
        "`AIRFLOW_VAR_...`, `AIRFLOW_CONN_...` and Airflow's own credentials stay with the server, which answers for them by name.",
        "",
        *table(
            ("name", ""),
            [
                ["`AIRFLOW_VAR_<KEY>`", "a Variable; comes before the one in the database ([order](../howto/secrets.md))"],
                ["`AIRFLOW_CONN_<ID>`", "a Connection, as an address or JSON; comes before the one in the database"],
                ["`AIRFLOW__SECRETS__BACKEND_KWARGS`", "arguments of `AIRFLOW__SECRETS__BACKEND`, as a JSON object"],
                ["`AIRFLOW__<SECTION>__<KEY>`", "what `conf.get(section, key)` answers in DAG files"],
                ["`AIRFLOW__SMTP__...`", "the mail server of `EmailOperator`, where no connection names one"],
                [
                    "`AIRFLOW__SCHEDULER__CREATE_CRON_DATA_INTERVALS`, `..._CREATE_DELTA_DATA_INTERVALS`, "
                    "`..._CATCHUP_BY_DEFAULT`",
                    "what Airflow 2 did with schedules, for every folder that has no "
                    "[`.airflowera`](../explanation/dag-files.md#for-which-airflow-a-folder-is)",
                ],
                ["`AIRFLOW__CORE__DAG_IGNORE_FILE_SYNTAX`", "`glob` (default) or `regexp`: how `.airflowignore` is read"],
                [
                    "`AIRFLOW__CORE__ALLOWED_DESERIALIZATION_CLASSES`, `..._REGEXP`",
                    "classes that XComs may have imported ([which else](../howto/xcoms.md))",
                ],
                ["`AIRFLOW__CORE__XCOM_BACKEND`", "class that keeps XComs ([how](../howto/xcoms.md#a-backend-of-your-own))"],
                [
                    "`AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_PATH`, `..._THRESHOLD`, `..._COMPRESSION`",
                    "where large XComs go ([how](../howto/xcoms.md#large-values))",
                ],
                ["`AIRFLOW_HOME`", "what DAG files take as Airflow's home"],
            ],
        ),
    )  # fmt: skip


def _default(value: Any) -> str:
    if isinstance(value, Path):
        return f"`./{os.path.relpath(value)}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if value in ("", [], {}, None):
        return "none"
    text = " ".join(value) if isinstance(value, list) else value
    return f"`{value:g}`" if isinstance(value, float) else f"`{text}`"


# ---- commands


def our_commands() -> dict[str, BaseCommand]:
    return {name: load_command_class(app, name) for name, app in sorted(get_commands().items()) if app in OURS}


def commands() -> str:
    lines = [
        "# Commands",
        "",
        "`python manage.py NAME ...` (`.venv/bin/python` after `make setup`); `--help` says the same. Exit codes: 0 done, 1 it",
        "could not be done (one line says why), 2 it was asked for wrongly. Every action of `backfill`, `connections`, `dags`, `pools`,",
        "`runs`, `secrets`, `tasks` and `variables` takes `--json`: the answer on standard output is JSON then, and nothing",
        "else. Besides these there are Django's own: `migrate`, `createsuperuser`, `changepassword`, `check --deploy`.",
        "This page is made from the commands themselves: `make docs`.",
    ]
    for name, command in our_commands().items():
        parser = command.create_parser("manage.py", name)
        group = _group(parser)
        lines += ["", f"## `{name}`", "", _sentence(command.help)]
        if group is None:
            lines += _options(parser)
            continue
        helps = {each.dest: each.help for each in group._choices_actions}
        rows = [
            [
                f"`{name} {' '.join([action, *_positionals(below)])}`",
                helps[action] or "",
                "<br>".join(f"{option} {words}".strip() for option, words in _described(below)),
            ]
            for action, below in group.choices.items()
        ]
        lines += ["", *table(("", "", "options"), rows)]
    return text(*lines)


def _group(parser: argparse.ArgumentParser) -> Any:
    return next((each for each in parser._actions if isinstance(each, argparse._SubParsersAction)), None)


def _positionals(parser: argparse.ArgumentParser) -> Iterator[str]:
    for each in parser._actions:
        if not each.option_strings and not isinstance(each, argparse._SubParsersAction):
            name = str(each.metavar or each.dest)
            yield {"+": f"{name}...", "*": f"[{name}...]", "?": f"[{name}]"}.get(str(each.nargs), name)


def _options(parser: argparse.ArgumentParser) -> list[str]:
    rows = list(_described(parser))
    return ["", *table(("", ""), rows)] if rows else []


def _described(parser: argparse.ArgumentParser) -> Iterator[list[str]]:
    """The options and arguments that need a word, less those of every command."""
    usual = {each.dest for each in BaseCommand().create_parser("manage.py", "any")._actions}
    for each in parser._actions:
        if isinstance(each, argparse._SubParsersAction) or each.dest == "help" or each.help == "print JSON":
            continue
        if each.dest in usual and "--version-number" not in each.option_strings:
            continue
        if each.option_strings:
            value = "" if each.nargs == 0 else f" {each.metavar or _value(each)}"
            yield [f"`{each.option_strings[-1]}{value}`", each.help or ""]
        elif each.help:
            yield [f"`{each.metavar or each.dest}`", each.help]


def _value(action: argparse.Action) -> str:
    if action.choices:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return action.option_strings[-1].lstrip("-").replace("-", "_").upper()


def _sentence(words: str) -> str:
    words = " ".join(words.split())
    return words[:1].upper() + words[1:] + ("" if words.endswith(".") else ".")


# ---- states

MEANING = {
    TaskState.NONE: "what it needs has not ended yet (null in the API)",
    TaskState.SCHEDULED: "may run: it waits for a worker slot, within the limits of pools and the like",
    TaskState.RUNNING: "one attempt holds it, under its token",
    TaskState.DEFERRED: "its trigger waits on a triggerer; it takes no slot",
    TaskState.AWAITING_INPUT: "a person has yet to answer what it asked; it takes no slot",
    TaskState.UP_FOR_RETRY: "a try failed; the next is due later",
    TaskState.UP_FOR_RESCHEDULE: "a sensor gave its slot back until it looks again",
    TaskState.SUCCESS: "done",
    TaskState.FAILED: "failed, and no try is left",
    TaskState.SKIPPED: "not wanted: a branch went elsewhere, or it said so itself",
    TaskState.UPSTREAM_FAILED: "never ran, because what it needs failed",
    TaskState.REMOVED: "the run's version of the DAG has no such task or instance any more",
    TaskState.CANCELLED: "its run was cancelled: it was stopped, or never began (`failed` in the API and for trigger rules)",
}
RUN_MEANING = {
    RunState.QUEUED: "waits for its time, for the DAG to be unpaused, or for room under `max_active_runs`",
    RunState.RUNNING: "its tasks are run as they become ready",
    RunState.SUCCESS: "every task at the end of the DAG succeeded or was skipped",
    RunState.FAILED: "a task at the end of the DAG failed, or the run took longer than `dagrun_timeout`",
    RunState.CANCELLED: "somebody cancelled it (`failed` in the API)",
}
RULE = {
    "all_success": "all upstream succeeded (the default)",
    "all_failed": "all upstream failed, or never ran because of a failure",
    "all_done": "all upstream have ended, however",
    "all_done_min_one_success": "all upstream have ended, none was skipped, and one at least succeeded",
    "all_done_setup_success": "all upstream have ended, and one setup at least succeeded; the rule of teardowns",
    "all_skipped": "all upstream were skipped",
    "one_success": "one upstream succeeded; the others are not waited for",
    "one_failed": "one upstream failed; the others are not waited for",
    "one_done": "one upstream succeeded or failed; the others are not waited for",
    "none_failed": "all upstream succeeded or were skipped",
    "none_failed_min_one_success": "all upstream succeeded or were skipped, and one at least succeeded",
    "none_skipped": "all upstream have ended, and none was skipped",
    "always": "at once, whatever upstream does",
}


def states() -> str:
    by_people = ", ".join(f"`{each}`" for each in sorted(USER_TARGETS))
    return text(
        "# States and trigger rules",
        "",
        MADE.format("`orchestrator/core/states.py` and `orchestrator/core/trigger_rules.py`"),
        "",
        "## Of a task instance",
        "",
        *table(("state", ""), ([f"`{each}`", MEANING[each]] for each in TaskState)),
        "",
        "What the engine may do by itself; each move is checked against this and written down with its reason:",
        "",
        *_diagram({old: sorted(new) for old, new in MOVES.items()}, FINISHED, first=TaskState.NONE),
        "",
        f"A person may also set any of {by_people}: `none` by clearing, `cancelled` by cancelling the",
        "run, the others by marking.",
        "`none` goes straight to `success` for tasks without code of their own (`EmptyOperator`, `LatestOnlyOperator`): no",
        "process is needed for them.",
        "",
        "## Of a run",
        "",
        *table(("state", ""), ([f"`{each}`", RUN_MEANING[each]] for each in RunState)),
        "",
        *_diagram({old: sorted(new) for old, new in RUN_MOVES.items()}, set(), first=RunState.QUEUED),
        "",
        "A finished run is opened again by clearing it or a task of it.",
        "",
        "An undo puts a task instance back into the state that it was in before, whatever that was, but for "
        f"{', '.join(f'`{state}`' for state in sorted(HELD_BY_AN_ATTEMPT))}: behind these an attempt, a trigger or a question stood.",
        "",
        "## Trigger rules",
        "",
        "When a task runs, by how its direct upstream ended. Where the rule can no longer hold, the task is skipped, or",
        "`upstream_failed` where that is because of a failure. The right column names the ends of one upstream that can decide",
        "it before the others have ended.",
        "",
        *table(("rule", "runs when", "decided early by"), (_rule(name) for name in RULES)),
    )


def _rule(name: str) -> list[str]:
    early = [f"`{each}`" for each in TaskState if each in FINISHED - {TaskState.REMOVED} and can_settle(name, each)]
    return [f"`{name}`", RULE[name], ", ".join(early)]


def _diagram(moves: Any, ends: Any, *, first: str) -> list[str]:
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {first}"]
    lines += [f"    {old} --> {new}" for old, after in moves.items() for new in after]
    return [*lines, "```"]


def reasons() -> str:
    return text(
        "# Reasons why something does not run",
        "",
        "`manage.py why DAG [RUN [TASK]]`, the pages of runs and task instances, and the API (`GET .../why` below a DAG, a run or a",
        "task instance) tell all that holds it, nearest first: a sentence with numbers and names, what to do, when it",
        "changes by itself where that is known, and which runs or task instances hold it. Take all reasons away and it runs.",
        MADE.format("`orchestrator/core/reasons.py`"),
        "",
        *table(
            ("kind", ""), ([f"`{kind}`", f"{words[:1].upper()}{words[1:]}."] for kind, words in sorted(KINDS.items()))
        ),
    )


PAGES: dict[str, Callable[[], str]] = {
    "airflow-names.md": reference.page,
    "api-operations.md": api_operations.page,
    "cli.md": client.page,
    "commands.md": commands,
    "context.md": context.page,
    "operators.md": operators.page,
    "reasons.md": reasons,
    "settings.md": settings,
    "states.md": states,
    "timetables.md": timetables.page,
}


def write() -> list[str]:
    """Bring the pages up to date; return those that changed."""
    changed = []
    for name, make in PAGES.items():
        path, made = ROOT / "docs" / "reference" / name, make()
        if not path.exists() or path.read_text() != made:
            path.write_text(made)
            changed.append(name)
    return changed

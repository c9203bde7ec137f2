"""The people of a local run: whoever sits at the terminal, else the defaults."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from orchestrator.core.params import ParamError, check_value
from orchestrator.sdk.xcom_json import encode

Json = dict[str, Any]
NOBODY = "nobody is there to answer: standard input is no terminal, and the task has no defaults"


def answer(question: Mapping[str, Any], say: Callable[[str], None]) -> Json:
    """Return the event that a task goes on with, as JSON."""
    if sys.stdin is not None and sys.stdin.isatty():
        return event_of(_options(question, say), _params(question, say), {"id": "terminal", "name": "terminal"})
    if question.get("defaults") is None:
        return {"error": NOBODY, "error_type": "timeout"}
    values = {name: each["value"] for name, each in (question.get("params") or {}).items() if "value" in each}
    say(f"  nobody is asked: the defaults {question['defaults']} are taken")
    return event_of(question["defaults"], values, None)


def event_of(options: list[str], params: Json, by: Json | None) -> Json:
    """What a task goes on with; ``by`` None: nobody answered in time."""
    found = {"chosen_options": options, "params_input": params, "responded_at": datetime.now(UTC)}
    return encode({**found, "responded_by_user": by, "timedout": by is None})


def _options(question: Mapping[str, Any], say: Callable[[str], None]) -> list[str]:
    options = question["options"]
    for text in (question["subject"], question.get("body")):
        if text:
            say(f"  {text}")
    for number, option in enumerate(options, 1):
        say(f"  {number}) {option}")
    usual = question.get("defaults") or options[:1]
    several = "numbers, separated by commas" if question.get("multiple") else "a number"
    while True:
        typed = input(f"  {several} [{', '.join(usual)}]: ").strip()
        if not typed:
            return list(usual)
        names = [each.strip() for each in typed.split(",")]
        chosen = [
            options[int(each) - 1] if each.isdigit() and 0 < int(each) <= len(options) else each for each in names
        ]
        if set(chosen) <= set(options) and (len(chosen) == 1 or question.get("multiple")):
            return chosen
        say(f"  {typed!r} is none of them")


def _params(question: Mapping[str, Any], say: Callable[[str], None]) -> Json:
    return {name: _param(name, each, say) for name, each in (question.get("params") or {}).items()}


def _param(name: str, param: Mapping[str, Any], say: Callable[[str], None]) -> Any:
    """Ask for one value: JSON, or else the text as it is."""
    while True:
        usual = f" [{json.dumps(param['value'])}]" if "value" in param else ""
        typed = input(f"  {name}{usual}: ")
        value = param["value"] if not typed and "value" in param else _read(typed, param.get("schema") or {})
        try:
            check_value(name, value, param.get("schema") or {})
        except ParamError as error:
            say(f"  {error}")
        else:
            return value


def _read(typed: str, schema: Mapping[str, Any]) -> Any:
    if schema.get("type") == "string":
        return typed
    try:
        return json.loads(typed)
    except ValueError:
        return typed

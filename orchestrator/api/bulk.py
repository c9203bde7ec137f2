"""Bulk requests: actions on many things, answered by kind with what was done and what was refused.

As in Airflow: where an action's ``action_on_existence`` or ``action_on_non_existence`` is ``fail``, one thing that is
there already, or is not, keeps the action from doing anything. Whatever else one thing refuses leaves the others done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import Http404
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from runs_app.exceptions import OrchestratorError

from .body import Part, any_json, listing, one_of, read_body, read_fields, text, within
from .errors import Invalid, problem

MOST_ACTIONS = 100
MOST_ENTITIES = 1000
ON_EXISTENCE = ("fail", "skip", "overwrite")
ON_ABSENCE = ("fail", "skip")
BODY = {"actions": Part(listing(any_json, MOST_ACTIONS), required=True, nullable=False)}
ACTION = {
    "action": Part(one_of("create", "update", "delete"), required=True, nullable=False),
    "entities": Part(listing(any_json, MOST_ENTITIES), required=True, nullable=False),
}
OF_KIND = {
    "create": {"action_on_existence": Part(one_of(*ON_EXISTENCE), default="fail", nullable=False)},
    "update": {
        "action_on_non_existence": Part(one_of(*ON_ABSENCE), default="fail", nullable=False),
        "update_mask": Part(listing(text, 100)),
    },
    "delete": {"action_on_non_existence": Part(one_of(*ON_ABSENCE), default="fail", nullable=False)},
}


class Refused(Exception):
    """One thing, or a whole action, is not done."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Action:
    """One action: entities are the fields that were sent, or the name alone."""

    kind: str
    entities: list[dict[str, Any] | str]
    on_clash: str
    mask: list[str] | None = None

    def masked(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: each for name, each in values.items() if not self.mask or name in self.mask}


@dataclass(frozen=True)
class Shelf:
    """Things that are found by one name, and what can be done with them."""

    entity: Mapping[str, Part]
    key: str
    called: str
    there: Callable[[Iterable[str]], set[str]]
    save: Callable[..., Any]  # (name, values, new=bool)
    delete: Callable[[str], Any]

    def do(self, action: Action, outcome: Outcome) -> None:
        entities = {each if isinstance(each, str) else each[self.key]: each for each in action.entities}
        there = self.there(entities)
        clash = there if action.kind == "create" else entities.keys() - there
        if action.on_clash == "fail" and clash:
            names = "{" + ", ".join(repr(each) for each in sorted(clash)) + "}"
            end = "already exist." if action.kind == "create" else "were not found."
            outcome.refuse(f"The {self.called}: {names} {end}", 409 if action.kind == "create" else 404)
            return
        for name, each in entities.items():
            if action.on_clash == "skip" and name in clash:
                continue
            if action.kind == "delete":
                outcome.attempt(name, lambda name=name: self.delete(name))
            else:
                values = {field: value for field, value in dict(each).items() if field != self.key}
                values = action.masked(values)
                new = name not in there
                outcome.attempt(name, lambda name=name, values=values, new=new: self.save(name, values, new=new))


class Outcome:
    """What came of the actions of one kind."""

    def __init__(self) -> None:
        self.success: list[str] = []
        self.errors: list[dict[str, Any]] = []

    def refuse(self, message: str, status: int) -> None:
        self.errors.append({"error": message, "status_code": status})

    def attempt(self, name: str, act: Callable[[], Any]) -> None:
        """Do one thing; why it was refused is told beside what the others came to."""
        try:
            act()
        except Refused as error:
            self.refuse(str(error), error.status)
        except OrchestratorError as error:
            self.refuse(str(error), error.status)
        except Http404 as error:
            self.refuse(str(error), 404)
        except Invalid as error:
            self.refuse("; ".join(f"{each['loc'][-1]}: {each['msg']}" for each in error.problems), 422)
        except APIException as error:
            self.refuse(str(error.detail), error.status_code)
        else:
            self.success.append(name)

    def shown(self) -> dict[str, Any]:
        return {"success": self.success, "errors": self.errors}


def read(request: Request, entity: Mapping[str, Part]) -> list[Action]:
    """Return the actions of a bulk request.

    Raises:
        Invalid: whatever is wrong with any of them, so that none was begun.
    """
    return [_read_action(place, each, entity) for place, each in enumerate(read_body(request, BODY)["actions"])]


def answer(actions: list[Action], do: Callable[[Action, Outcome], None]) -> dict[str, Any]:
    """Do the actions in their order; return what clients are told."""
    found: dict[str, Outcome] = {}
    for action in actions:
        do(action, found.setdefault(action.kind, Outcome()))
    return {kind: found[kind].shown() if kind in found else None for kind in OF_KIND}


def _read_action(place: int, sent: Any, entity: Mapping[str, Part]) -> Action:
    with within("actions", place):
        kind = sent.get("action") if isinstance(sent, Mapping) else None
        more = OF_KIND.get(kind, {}) if isinstance(kind, str) else {}
        values = read_fields(sent, {**ACTION, **more})
    entities = []
    for number, each in enumerate(values["entities"]):
        with within("actions", place, "entities", number):
            entities.append(_read_entity(each, entity, by_name=kind == "delete"))
    on_clash = values.get("action_on_existence") or values["action_on_non_existence"]
    return Action(values["action"], entities, on_clash, values.get("update_mask"))


def _read_entity(sent: Any, entity: Mapping[str, Part], *, by_name: bool) -> dict[str, Any] | str:
    if isinstance(sent, str) and by_name:
        return text("name", sent)
    if isinstance(sent, str):
        raise Invalid(problem("body", "name", "Input should be an object, not its name alone", sent, "dict_type"))
    values = read_fields(sent, entity)
    return {name: values[name] for name in sent}

"""What a task asks people, as a form, and back from what was sent to an answer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext

from runs_app import answering
from runs_app.models import HITLDetail

from . import params
from .text import markdown


@dataclass
class Question:
    """One question with what stands in its form now."""

    detail: HITLDetail
    fields: list[params.Field] = field(default_factory=list)
    chosen: list[str] = field(default_factory=list)
    error: str = ""

    @property
    def body(self) -> str:
        return markdown(self.detail.body)

    @property
    def is_open(self) -> bool:
        """Whether an answer would be taken."""
        instance = self.detail.task_instance
        waits = instance.token == self.detail.token and instance.state in answering.ASKING
        return waits and self.detail.responded_at is None

    @property
    def sections(self) -> list[tuple[str, list[params.Field]]]:
        return params.sections(self.fields)

    @property
    def asked_of(self) -> str:
        return ", ".join(each["name"] for each in self.detail.assigned_users)

    @property
    def answers(self) -> list[tuple[str, str]]:
        """What was filled in, as (title, text)."""
        titles = {each.name: each.title for each in self.fields}
        shown = self.detail.params_input.items()
        return [
            (titles.get(name, name), value if isinstance(value, str) else json.dumps(value)) for name, value in shown
        ]


def of(detail: HITLDetail, query: QueryDict | None = None) -> Question:
    """Return a question; ``query`` fills in its form (``_options``, and params by their names), as links do."""
    found = Question(detail, params.fields_of(detail.params))
    query = query if query is not None else QueryDict()
    wanted = [each for text in query.getlist("_options") for each in (text, *_listed(text))]
    found.chosen = [each for each in wanted if each in detail.options] or list(detail.defaults or ())
    for each in found.fields:
        if each.name in query:
            params.fill(each, _typed(each, query[each.name]))
    return found


def read(question: Question, posted: QueryDict) -> dict[str, Any]:
    """Return the arguments of :func:`runs_app.answering.answer`; ``question`` keeps what was typed, and what is wrong."""
    question.chosen = posted.getlist("option")
    values = params.read(question.fields, posted)
    wrong = [each.title for each in question.fields if each.error]
    if wrong:
        question.error = gettext("Look at {names} again.").format(names=", ".join(wrong))
    return {"options": question.chosen, "params": values}


def _listed(text: str) -> list[str]:
    """Options that Airflow's links write as one Python list."""
    if not (text.startswith("[") and text.endswith("]")):
        return []
    return [each.strip().strip("'\"") for each in text[1:-1].split(",")]


def _typed(each: params.Field, text: str) -> Any:
    if each.kind in {"text", "area", "date", "time", "datetime-local"}:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text

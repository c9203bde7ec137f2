"""What the code of a task may ask for, and what is kept out of its log for it."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.compat.shims import mask_secret
from orchestrator.logs.mask import Masker
from orchestrator.sdk import comms
from runs_app.answers import Refused, Scope, answer


@pytest.fixture
def scope():
    made = Scope(dag_id="d", run_pk=0, run_id="r")
    before = comms.use(lambda what, args: answer(made, what, args))
    yield made
    comms.use(before)


@pytest.mark.parametrize(
    ("secret", "name", "hidden"),
    [
        ("hunter-22", None, {"hunter-22"}),
        ("hunter-22", "password", {"hunter-22"}),
        ("db.internal", "host", set()),
        ({"host": "db.internal", "password": "hunter-22", "more": {"api_key": "k-12345"}}, None, {"hunter-22", "k-12345"}),
        (["first-one", ("second-one", {"token": "third-one", "user": "ada"})], None, {"first-one", "second-one", "third-one"}),
        (12345678, None, set()),
        ("", None, set()),
    ],
)  # fmt: skip
def test_what_a_task_calls_secret_is_hidden_from_its_log(scope: Scope, secret: Any, name: str | None, hidden: set[str]):
    mask_secret(secret, name)
    assert scope.secrets == hidden
    assert Masker(scope.secrets).mask(" ".join(hidden)) == " ".join(["***"] * len(hidden))


def test_a_question_nobody_knows_is_refused_by_its_name(scope: Scope):
    with pytest.raises(Refused, match="'format_disk'"):
        answer(scope, "format_disk", {})
    with pytest.raises(Refused, match="mask_secret"):
        answer(scope, "mask_secret", {"wrong": 1})

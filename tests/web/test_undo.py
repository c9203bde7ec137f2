"""Undo as a page offers it: in the answer to a script, and as a form without one; to its doer only."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from dags_app import secrets
from dags_app.models import Dag, Variable
from runs_app.models import DagRun, TaskInstance, Undo
from tests.support import factories

from .conftest import sign_in

SCRIPT = {"HTTP_X_REQUESTED_WITH": "fetch"}


@pytest.fixture(autouse=True)
def nobody_is_invited(monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestrator import wake

    monkeypatch.setattr(wake, "_send", lambda *_: None)
    monkeypatch.setattr(wake, "due", lambda at: None)


def states() -> dict[str, Any]:
    return dict(TaskInstance.objects.values_list("pk", "state"))


def button(page: str) -> dict[str, str]:
    """What the form of an Undo button sends."""
    form = re.search(r"<form[^>]*data-undo.*?</form>", page, re.DOTALL)
    assert form is not None
    return dict(re.findall(r'type="hidden" name="(undo|next)" value="([^"]*)"', form[0]))


def test_without_a_script_the_next_page_has_a_button_that_puts_all_back(user, shop_run):
    before = states()
    page = user.post("/dags/shop/runs/first/clear", {"set": "1"}, follow=True).content.decode()
    assert states() != before
    answer = user.post("/undo", button(page), follow=True)
    assert "Undone: Cleared" in answer.content.decode()
    assert answer.redirect_chain[-1][0] == "/dags/shop/runs/first"
    assert states() == before
    assert DagRun.objects.get().state == "failed"


def test_a_script_is_told_what_may_be_undone_and_why_it_is_not(user, shop_run):
    answer = user.post("/dags/shop/runs/first/clear", {"set": "1"}, **SCRIPT).json()
    TaskInstance.objects.filter(task_id="extract").update(token=99)
    refused = user.post("/undo", {"undo": answer["undo"]}, **SCRIPT)
    assert refused.status_code == 409
    assert refused.json() == {"error": "Not undone. extract has begun in first."}


def test_a_refusal_without_a_script_is_a_page_that_says_why(user, shop_run):
    page = user.post("/dags/shop/runs/first/clear", {"set": "1"}, follow=True).content.decode()
    TaskInstance.objects.filter(task_id="extract").update(token=99)
    refused = user.post("/undo", button(page))
    assert refused.status_code == 409
    assert "extract has begun in first." in refused.content.decode()


def test_a_run_that_was_triggered_is_deleted_and_one_stands_before_its_dag(user, shop):
    answer = user.post("/dags/shop/trigger", {"mode": "json", "conf": "{}"}, **SCRIPT).json()
    undone = user.post("/undo", {"undo": answer["undo"], "next": answer["go"]}, **SCRIPT).json()
    assert undone == {"toast": "Undone: Triggered shop.", "go": "/dags/shop"}
    assert not DagRun.objects.exists()


def test_the_switch_of_a_dag_is_undone(user, shop):
    answer = user.post("/dags/shop/pause", {"paused": "true"}, **SCRIPT).json()
    assert Dag.objects.get().is_paused
    user.post("/undo", {"undo": answer["undo"]}, **SCRIPT)
    assert not Dag.objects.get().is_paused


def test_a_deleted_variable_is_back_and_its_value_is_on_no_page(db):
    op = sign_in("op")
    secrets.set_variable("v", "hunter22")
    page = op.post("/variables/delete", {"key": "v"}, follow=True).content.decode()
    assert not Variable.objects.exists()
    assert "hunter22" not in page + op.get("/undo").content.decode()
    op.post("/undo", button(page))
    assert secrets.get_variable("v") == "hunter22"


def test_nobody_undoes_what_another_did_and_no_right_outlives_its_role(user, shop_run):
    undo = user.post("/dags/shop/runs/first/clear", {"set": "1"}, **SCRIPT).json()["undo"]
    other = sign_in("admin")
    assert other.post("/undo", {"undo": undo}).status_code == 422
    assert "Cleared" not in other.get("/undo").content.decode()
    doer = Undo.objects.get().user
    doer.groups.clear()
    doer.groups.add(factories.make_user("viewer").groups.get())
    assert user.post("/undo", {"undo": undo}).status_code == 403
    assert Undo.objects.exists()


def test_the_page_lists_what_may_be_undone(user, shop_run):
    assert "Nothing to undo" in user.get("/undo").content.decode()
    user.post("/dags/shop/runs/first/note", {"note": "seen"})
    page = user.get("/undo").content.decode()
    assert "Note saved." in page and ">shop</td>" in page
    assert user.post("/undo", {"undo": "x"}).status_code == 422


@pytest.mark.parametrize("wanted", ["https://elsewhere.example/", "//elsewhere.example", "javascript:x"])
def test_it_leads_nowhere_else(user, shop_run, wanted):
    undo = user.post("/dags/shop/runs/first/note", {"note": "seen"}, **SCRIPT).json()["undo"]
    assert user.post("/undo", {"undo": undo, "next": wanted})["Location"] == "/"


def test_a_command_is_undone_by_a_command(shop_run, capsys):
    before = states()
    call_command("tasks", "clear", "shop", "first", "extract", "--downstream")
    assert states() != before
    call_command("undo")
    assert states() == before
    assert "undone: tasks clear" in capsys.readouterr().out
    with pytest.raises(CommandError, match="nothing to undo"):
        call_command("undo")

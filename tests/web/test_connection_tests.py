"""The test button of connections."""

from __future__ import annotations

import json

import pytest
from django.conf import settings
from django.test import Client

from dags_app import secrets
from dags_app.models import Connection

SCRIPT = {"X-Requested-With": "fetch"}


@pytest.fixture
def op(client_of, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(settings.ORCH, "test_connection", "Enabled")
    return client_of("op")


def test_what_stands_in_the_form_is_tried_and_not_stored(op: Client, tmp_path):
    form = {"conn_id": "new", "conn_type": "fs", "extra__path": str(tmp_path)}
    answer = op.post("/connections/test", form, headers=SCRIPT).content.decode()
    assert "It works." in answer and "<form" not in answer
    assert "There is nothing at" in op.post("/connections/test", {**form, "extra__path": "/absent"}).content.decode()
    assert not Connection.objects.exists()


def test_a_change_is_tried_with_what_the_form_leaves_empty(op: Client, tmp_path):
    secrets.set_connection("c", {"conn_type": "fs", "extra": json.dumps({"path": str(tmp_path)})})
    answer = op.post("/connections/c/test", {"conn_type": "fs", "description": "other"}, headers=SCRIPT)
    assert "It works." in answer.content.decode()
    assert Connection.objects.get().description is None


def test_a_stored_one_is_tried_from_the_list(op: Client, tmp_path):
    secrets.set_connection("c", {"conn_type": "fs", "extra": json.dumps({"path": str(tmp_path)})})
    assert "/connections/c/test" in op.get("/connections").content.decode()
    assert "nothing is changed" in op.get("/connections/c/test").content.decode()
    assert "It works." in op.post("/connections/c/test").content.decode()
    assert op.get("/connections/absent/test").status_code == 404


def test_wrong_fields_are_told_and_secrets_are_not_sent_back(op: Client):
    form = {"conn_id": "c", "conn_type": "http", "port": "70000", "password": "hunter22"}
    for headers in (SCRIPT, {}):
        answer = op.post("/connections/test", form, headers=headers)
        assert answer.status_code == 422
        assert "65535" in answer.content.decode() and "hunter22" not in answer.content.decode()


@pytest.mark.parametrize(("mode", "shown"), [("Disabled", True), ("Hidden", False)])
def test_where_it_is_not_enabled_the_button_is_off_or_not_there(op: Client, monkeypatch, mode: str, shown: bool):
    monkeypatch.setattr(settings.ORCH, "test_connection", mode)
    secrets.set_connection("c", {"conn_type": "fs"})
    form = op.get("/connections/add").content.decode()
    assert ("Test</button>" in form) is shown and "formaction" not in form
    assert "/connections/c/test" not in op.get("/connections").content.decode()
    assert "disabled" in op.post("/connections/c/test").content.decode()

"""Accounts from the command line: who may sign in, with which role, and with what after a password was forgotten."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.core.management import CommandError, call_command
from django.test import Client

from dags_app.models import AuditEntry

pytestmark = pytest.mark.django_db


def users(*words: str) -> Any:
    out = io.StringIO()
    call_command("users", *words, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_one_is_made_with_a_role_and_signs_in_once_with_what_was_shown():
    made = users("create", "ci", "user", "--email", "ci@example.org")
    assert authenticate(username="ci", password=made["one_time_password"]) is not None
    (row,) = users("list")
    assert (row["name"], row["email"], row["role"], row["is_active"]) == ("ci", "ci@example.org", "user", True)
    assert row["last_login"] is None, "a password that was never used is a one-time password"
    assert AuditEntry.objects.filter(event="post_user", extra__username="ci").exists()
    assert made["one_time_password"] not in str(list(AuditEntry.objects.values()))
    with pytest.raises(CommandError, match="already"):
        users("create", "CI", "user")


def test_a_role_changes_and_an_account_is_switched_off_and_on():
    users("create", "ada", "viewer")
    assert users("change", "ada", "--role", "op") == {"name": "ada", "role": "op", "is_active": True}
    assert users("change", "ada", "--off") == {"name": "ada", "role": "op", "is_active": False}
    assert users("change", "ada", "--role", "none", "--on") == {"name": "ada", "role": None, "is_active": True}
    with pytest.raises(CommandError, match="users list"):
        users("change", "nobody", "--off")


def test_a_forgotten_password_is_replaced_and_what_the_old_one_opened_is_closed():
    old = users("create", "ada", "viewer")["one_time_password"]
    ada = get_user_model().objects.get(username="ada")
    signed_in = Client()
    signed_in.force_login(ada)
    assert signed_in.get("/dags").status_code == 200
    fresh = users("password", "ada")["one_time_password"]
    assert authenticate(username="ada", password=old) is None
    assert authenticate(username="ada", password=fresh) is not None
    assert signed_in.get("/dags").status_code == 302
    assert get_user_model().objects.get(username="ada").last_login is None
    ada.refresh_from_db()
    ada.set_unusable_password()
    ada.save()
    with pytest.raises(CommandError, match="without a password of ours"):
        users("password", "ada")

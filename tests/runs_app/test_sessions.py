"""Sessions end by themselves, and their rows go with them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone

from runs_app import sweep


@pytest.mark.django_db
def test_sessions_that_expired_are_deleted_and_the_others_are_not():
    now = timezone.now()
    for _ in range(2):
        SessionStore().create()
    kept = Session.objects.first().pk
    Session.objects.exclude(pk=kept).update(expire_date=now - timedelta(seconds=1))
    assert sweep._forget_sessions in sweep._parts(sweep.FORGET_EVERY)
    sweep._forget_sessions(sweep.Swept(), sweep.Turn(now, True), now)
    assert [each.pk for each in Session.objects.all()] == [kept]

"""The pages of webhooks."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from runs_app.models import Delivery, Webhook
from tests.support import factories

pytestmark = pytest.mark.django_db
FIELDS = {"name": "chat", "url": "https://example.org/hook", "kinds": ["dag_run.failed"], "dag_ids": "a, b", "tags": ""}


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(factories.make_user("admin"))
    return client


def test_a_webhook_is_made_its_secret_shown_once_and_it_is_changed(admin):
    answer = admin.post(reverse("webhooks-add"), FIELDS)
    hook = Webhook.objects.get()
    assert answer.status_code == 200 and b"whsec_" in answer.content
    assert (hook.dag_ids, hook.tags, hook.kinds) == (["a", "b"], [], ["dag_run.failed"])
    shown = admin.get(reverse("webhook", args=[hook.pk]))
    assert b"whsec_" not in shown.content and b"https://example.org/hook" in shown.content
    admin.post(reverse("webhook-edit", args=[hook.pk]), {**FIELDS, "name": "desk", "dag_ids": ""})
    hook.refresh_from_db()
    assert (hook.name, hook.dag_ids) == ("desk", [])
    admin.post(reverse("webhook-delete", args=[hook.pk]))
    assert not Webhook.objects.exists()


def test_a_wrong_address_is_told_and_what_was_typed_stays(admin):
    answer = admin.post(reverse("webhooks-add"), {**FIELDS, "url": "http://169.254.169.254/"})
    assert answer.status_code == 422 and b"never reach" in answer.content and b'value="chat"' in answer.content


def test_each_button_does_what_it_says(admin):
    hook, other = factories.make_webhook(), factories.make_webhook()
    row = factories.make_delivery(other, state="dead", next_at=None)
    act = reverse("webhook-act", args=[hook.pk])
    assert admin.post(act, {"act": "test"}).status_code == 302 and hook.deliveries.count() == 1
    admin.post(act, {"act": "disable"})
    assert not Webhook.objects.get(pk=hook.pk).enabled
    admin.post(act, {"act": "enable"})
    assert Webhook.objects.get(pk=hook.pk).enabled
    assert b"whsec_" in admin.post(act, {"act": "secret"}).content
    assert admin.post(act, {"act": "resend", "delivery": row.pk}).status_code == 404
    admin.post(reverse("webhook-act", args=[other.pk]), {"act": "resend", "delivery": row.pk})
    assert Delivery.objects.get(pk=row.pk).state == "waiting"
    assert admin.post(act, {"act": "explode"}).status_code == 422


def test_lists_ask_as_many_questions_for_one_as_for_many(admin, django_assert_max_num_queries):
    hook = factories.make_webhook()
    for _ in range(5):
        factories.make_webhook(owner=hook.owner)
        factories.make_delivery(hook, dag_id="a", run_id="r")
    for address in (reverse("webhooks"), reverse("webhook", args=[hook.pk])):
        with django_assert_max_num_queries(8):
            assert admin.get(address).status_code == 200

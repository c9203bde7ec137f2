"""Webhooks over the API."""

from __future__ import annotations

from runs_app.models import Delivery, Webhook
from tests.support import factories

URL = "https://example.org/hook"


def test_the_secret_of_a_webhook_is_told_once(api):
    made = api.call("post", "webhooks", {"name": "chat", "url": URL, "tags": ["red"]}, 201)
    assert made["secret"].startswith("whsec_") and made["kinds"] and made["enabled"] is True
    path = f"webhooks/{made['id']}"
    assert "secret" not in api.call("get", path)
    assert api.call("get", "webhooks")["webhooks"] == [api.call("get", path)]
    assert api.call("post", f"{path}/secret")["secret"] != made["secret"]
    changed = api.call("patch", path, {"kinds": ["dag_run.running"], "enabled": False})
    assert (changed["kinds"], changed["enabled"], changed["tags"]) == (["dag_run.running"], False, ["red"])
    api.call("delete", path, status=204)
    api.call("get", path, status=404)


def test_what_makes_no_sense_is_refused_and_nothing_is_made(api):
    for wrong in (
        {"name": "x"},
        {"name": " ", "url": URL},
        {"name": "x", "url": URL, "kinds": ["dag_run.exploded"]},
        {"name": "x", "url": URL, "tags": "red"},
    ):
        api.call("post", "webhooks", wrong, 422)
    for url in ("gopher://example.org", "http://169.254.169.254/", "https://a:b@example.org", "nonsense"):
        told = api.call("post", "webhooks", {"name": "x", "url": url}, 400)["detail"]
        assert any(words in told for words in ("is no address of http", "never reach", "no name and no password"))
    api.call("post", "webhooks", {"name": "x", "url": URL, "kinds": []}, 400)
    assert not Webhook.objects.exists()


def test_messages_are_listed_and_sent_again_each_of_its_own_webhook(api):
    hook, other = factories.make_webhook(), factories.make_webhook()
    row = factories.make_delivery(hook, state="dead", next_at=None, status=500)
    test = api.call("post", f"webhooks/{hook.pk}/test")
    found = api.call("get", f"webhooks/{hook.pk}/deliveries")
    assert {each["id"] for each in found["deliveries"]} == {row.pk, test["id"]} and found["total_entries"] == 2
    dead = api.call("get", f"webhooks/{hook.pk}/deliveries", state="dead")["deliveries"]
    assert [(each["id"], each["status"]) for each in dead] == [(row.pk, 500)]
    assert api.call("get", f"webhooks/{other.pk}/deliveries")["total_entries"] == 0
    api.call("post", f"webhooks/{other.pk}/deliveries/{row.pk}/resend", status=404)
    assert api.call("post", f"webhooks/{hook.pk}/deliveries/{row.pk}/resend")["state"] == "waiting"
    assert Delivery.objects.filter(state="waiting").count() == 2

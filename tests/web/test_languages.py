"""Pages in the reader's language; what programs and later readers see stays English."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote

import pytest
from django.test import Client
from django.utils import translation

from dags_app.models import AuditEntry, Dag
from orchestrator.core.said import said
from orchestrator.web.templatetags.show import told
from runs_app.models import DagRun, StateEvent
from tests.support import factories

from .test_pages import FORMS, PAGES, address, rows  # noqa: F401 (a fixture)

GERMAN = {"Accept-Language": "de-DE,de;q=0.9,en;q=0.5"}
HOSTILE = '<img src=x onerror="alert(1)">{name}%(name)s'


@pytest.fixture(autouse=True)
def english():
    """A test that asked for German must not leave it to the next one in this process."""
    yield
    translation.activate("en")


def test_the_browser_says_which_language(viewer: Client, shop: Dag):
    page = viewer.get("/dags", headers=GERMAN)
    assert '<html lang="de">' in page.content.decode()
    assert "Nach Name oder Markierung filtern" in page.content.decode()
    assert "js/texts.de" in page.content.decode()
    assert page["Content-Language"] == "de"
    other = viewer.get("/dags", headers={"Accept-Language": "fr"}).content.decode()
    assert '<html lang="en">' in other
    assert "js/texts.de" not in other


def test_every_page_is_there_in_german(client_of: Callable[[str], Client], rows: DagRun):  # noqa: F811
    """A text with a placeholder that its page does not give would break here, and only here."""
    admin = client_of("admin")
    for name, args in [*PAGES, *FORMS]:
        page = admin.get(address(name, args), headers=GERMAN)
        assert page.status_code == 200, name
        if not page.streaming and "<html" in (text := page.content.decode()):
            assert '<html lang="de">' in text, name
            assert not re.search(r"%\(\w+\)s", text), name


def test_a_choice_is_kept_and_counts_more(viewer: Client):
    answer = viewer.post("/language", {"language": "de", "next": "/dags?q=a"})
    assert (answer.status_code, answer["Location"]) == (302, "/dags?q=a")
    assert '<html lang="de">' in viewer.get("/dags", headers={"Accept-Language": "en"}).content.decode()
    viewer.post("/language", {"language": "en", "next": "/dags"})
    assert '<html lang="en">' in viewer.get("/dags", headers=GERMAN).content.decode()


def test_a_language_that_there_is_none_of_changes_nothing(viewer: Client):
    answer = viewer.post("/language", {"language": "xx", "next": "https://elsewhere.example/"})
    assert answer["Location"] == "/"
    assert "language" not in answer.cookies
    assert viewer.get("/language?language=de")["Location"] == "/"
    assert '<html lang="en">' in viewer.get("/dags").content.decode()


def test_the_choice_is_a_form_in_the_menu_of_the_account(viewer: Client):
    page = viewer.get("/dags", headers=GERMAN).content.decode()
    form = re.search(r'<form method="post" action="/language".*?</form>', page, re.DOTALL)
    assert form is not None
    assert re.findall(r'value="(\w\w)" lang="\w\w"( aria-current="true")?', form[0]) == [
        ("en", ""),
        ("de", ' aria-current="true"'),
    ]


def test_who_is_not_signed_in_is_asked_in_her_language(db: None):
    assert "Anmelden" in Client().get("/sign-in", headers=GERMAN).content.decode()


def test_programs_are_answered_in_english(viewer: Client, shop: Dag):
    english = viewer.get("/api/v2/dags/nope").json()
    german = viewer.get("/api/v2/dags/nope", headers=GERMAN)
    assert german.json() == english
    assert "Content-Language" not in german


def test_what_is_written_down_stays_english(user: Client, shop_run: DagRun):
    user.post("/dags/shop/runs/first/mark", {"state": "success", "sure": "yes"}, headers=GERMAN)
    user.post("/dags/shop/pause", {"paused": "true"}, headers=GERMAN)
    written = [
        *StateEvent.objects.values_list("reason", flat=True),
        *AuditEntry.objects.values_list("event", flat=True),
    ]
    assert "marked success" in written
    assert not [text for text in written if re.search(r"[äöüß]|markiert|Lauf", text)]


@pytest.mark.parametrize(
    "page", ["/dags/{}", "/dags/{}/runs/x", "/failures?dag_id={}", "/dags?q={}", "/xcoms?map_index_gte={}"]
)
def test_what_is_put_into_a_text_stays_text(viewer: Client, shop: Dag, page: str):
    content = viewer.get(page.format(quote(HOSTILE, safe="")), headers=GERMAN).content.decode()
    assert "<img src=x" not in content
    assert "&lt;img src=x" in content


def test_a_hostile_name_is_put_into_toasts_titles_and_labels_as_text(user: Client):
    factories.make_dag("hostile", display_name=HOSTILE)
    told = user.post("/dags/hostile/pause", {"paused": "true"}, headers=GERMAN, follow=True).content.decode()
    assert "{name}%(name)s ist pausiert" in told
    assert (
        "&lt;img src=x onerror=&quot;alert(1)&quot;&gt;{name}%(name)s auslösen"
        in user.get("/dags", headers=GERMAN).content.decode()
    )
    assert "<img src=x" not in told


def test_the_engine_says_why_in_the_language_of_the_page(viewer: Client, shop: Dag):
    Dag.objects.update(is_paused=True, display_name="x")
    factories.make_run(shop, "waits", state="queued")
    page = viewer.get("/dags/shop/runs/waits", headers=GERMAN).content.decode()
    assert "Der DAG &#x27;shop&#x27; ist pausiert: seine eingereihten Läufe beginnen nicht." in page
    assert "its queued runs do not start" in viewer.get("/dags/shop/runs/waits").content.decode()


def test_what_the_engine_puts_into_a_reason_stays_text():
    with translation.override("de"):
        assert (
            told(said("Its next run is due in {span}.", span=HOSTILE)) == f"Sein nächster Lauf ist in {HOSTILE} fällig."
        )
        assert not hasattr(told(said("It is held back by {held}.", held=HOSTILE)), "__html__")

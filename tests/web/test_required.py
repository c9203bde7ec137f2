"""Required actions: listed, answered from a page, and by a link without signing in."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from dags_app.models import AuditEntry, Dag
from runs_app import answer_links
from runs_app.models import DagRun, HITLDetail
from tests.support import factories

PARAMS = {
    "amount": {"value": 3, "schema": {"type": "integer", "minimum": 1}, "description": "How many"},
    "reason": {"schema": {"type": "string"}},
}


@pytest.fixture
def asking(shop: Dag) -> DagRun:
    return factories.make_run(shop, "r1", state="running")


def ask(run: DagRun, task_id: str = "extract", **fields: Any) -> HITLDetail:
    return factories.make_question(factories.instance_of(run, task_id), **fields)


def text_of(response: Any, status: int = 200) -> str:
    assert response.status_code == status, response.content[:500]
    return response.content.decode()


FORM = "/dags/shop/runs/r1/tasks/extract/required_actions"


def test_what_is_asked_is_listed_where_one_looks(viewer: Client, asking: DagRun):
    assert "Nobody is asked anything" in text_of(viewer.get("/required_actions"))
    ask(asking, subject="Ship <b>it</b>?", assigned_users=[{"id": "ada", "name": "Ada"}])
    for address in ("/required_actions", "/dags/shop/required_actions", "/dags/shop/runs/r1/required_actions"):
        page = text_of(viewer.get(address))
        assert "Ship &lt;b&gt;it&lt;/b&gt;?" in page and FORM in page and "Ada" in page
    assert "1</b> to answer" in text_of(viewer.get("/dags"))
    assert "1 task waits for an answer" in text_of(viewer.get("/dags/shop"))
    assert "1 task waits for an answer" in text_of(viewer.get("/dags/shop/runs/r1"))
    assert "Waits for somebody to answer" in text_of(viewer.get("/dags/shop/runs/r1/tasks/extract"))
    assert "Ship" not in text_of(viewer.get("/required_actions?answered=yes"))


def test_questions_are_found_by_what_they_say_and_of_whom(viewer: Client, asking: DagRun):
    ask(asking, subject="Ship it?", body="to the north")
    ask(asking, "checks.sums", subject="Pay it?", body="to the south")
    for query, found in (
        ("subject_pattern=ship", ["Ship it?"]),
        ("task_id_pattern=checks", ["Pay it?"]),
        ("body_pattern=north&anywhere=on", ["Ship it?"]),
        ("dag_id_pattern=sh&run_id_pattern=r1", ["Ship it?", "Pay it?"]),
        ("created_at_gte=2999-01-01T00:00", []),
    ):
        page = text_of(viewer.get(f"/required_actions?{query}"))
        assert [each for each in ("Ship it?", "Pay it?") if each in page] == found, query
        assert ("Nothing fits these filters" in page) == (not found), query


def test_a_viewer_sees_the_question_and_no_form(viewer: Client, asking: DagRun):
    ask(asking, body="**bold** <script>")
    page = text_of(viewer.get(FORM))
    assert "<strong>bold</strong> &lt;script&gt;" in page and 'name="option"' not in page
    assert viewer.post(FORM, {"option": "yes"}).status_code == 403


def test_a_task_that_asked_nothing_has_no_such_page(viewer: Client, asking: DagRun):
    text_of(viewer.get(FORM), 404)


def test_an_answer_from_the_page_lets_the_task_go_on(user: Client, asking: DagRun):
    detail = ask(asking, params=PARAMS)
    page = text_of(user.get(FORM))
    assert page.count('name="option"') == 2 and 'name="param.amount"' in page

    page = text_of(user.post(FORM, {"option": "yes", "param.amount": "0", "param.reason": "x"}), 422)
    assert "Look at amount again." in page and "less than the minimum" in page
    page = text_of(user.post(FORM, {"param.amount": "5", "param.reason": "x"}), 422)
    assert "Choose an option" in page and 'value="5"' in page

    answer = user.post(FORM, {"option": "yes", "param.amount": "5", "param.reason": "sure"})
    assert answer.status_code == 302 and answer["Location"] == FORM
    detail.refresh_from_db()
    assert (detail.chosen_options, detail.params_input) == (["yes"], {"amount": 5, "reason": "sure"})
    assert factories.instance_of(asking, "extract").state == "scheduled"
    page = text_of(user.get(FORM))
    assert "Answered: the task goes on." in page and "sure" in page and 'name="option"' not in page
    assert AuditEntry.objects.get(event="update_hitl_detail").extra["how"] == "page"
    assert "already been updated" in text_of(user.post(FORM, {"option": "no", "param.reason": "late"}), 409)
    assert "<b>yes</b>" in text_of(user.get("/required_actions?answered=yes"))


def test_a_link_fills_in_the_form(user: Client, asking: DagRun):
    ask(asking, params=PARAMS)
    page = text_of(user.get(FORM, {"_options": "['no']", "amount": "7", "reason": "because", "map_index": "-1"}))
    assert 'class="btn main" name="option" value="no"' in page
    assert 'value="7"' in page and 'value="because"' in page


def test_links_of_mapped_tasks_lead_to_their_instance(user: Client, asking: DagRun):
    rows = factories.make_mapped(asking, "load", 2, state="running")
    factories.make_question(rows[1], subject="The second?")
    page = text_of(user.get("/dags/shop/runs/r1/tasks/load/required_actions?map_index=1"))
    assert "The second?" in page
    assert "The second?" in text_of(user.get("/dags/shop/runs/r1/tasks/load/mapped/1/required_actions"))


def test_several_options_are_boxes(user: Client, asking: DagRun):
    detail = ask(asking, multiple=True, options=["a", "b", "c"], defaults=["b"])
    assert text_of(user.get(FORM)).count('type="checkbox" name="option"') == 3
    user.post(FORM, {"option": ["a", "c"]})
    detail.refresh_from_db()
    assert detail.chosen_options == ["a", "c"]


def test_only_who_is_asked_gets_the_form(client_of: Any, asking: DagRun):
    ask(asking, assigned_users=[{"id": "ada", "name": "Ada"}])
    somebody = client_of("admin")
    assert "Only Ada may answer." in text_of(somebody.get(FORM))
    assert "is not a respondent" in text_of(somebody.post(FORM, {"option": "yes"}), 403)


def test_earlier_tries_show_their_answers(user: Client, asking: DagRun):
    instance = factories.instance_of(asking, "extract")
    factories.set_state(instance, "failed")
    factories.make_question(instance, waiting=False, subject="First", chosen_options=["no"], responded_at=factories.DAY)
    factories.set_state(instance, "running", try_number=2)
    factories.make_question(instance, subject="Second")
    page = text_of(user.get(FORM))
    assert page.index("Second") < page.index("First") and "the defaults were taken" in page


# ---- by a link


def link_for(detail: HITLDetail, name: str = "ada", role: str = "user") -> str:
    factories.make_user(role, name)
    return answer_links.link(detail, name, {"_options": ["no"]}).removeprefix("http://localhost:8080")


def test_a_link_answers_as_its_person_without_a_session(asking: DagRun):
    detail = ask(asking, subject="Really?")
    link, stranger = link_for(detail), Client()

    page = text_of(stranger.get(link))
    assert "Really?" in page and "You answer as <b>ada</b>" in page and 'btn main" name="option" value="no"' in page
    detail.refresh_from_db()
    assert detail.responded_at is None  # looking is not answering

    answer = stranger.post(link, {"option": "yes"})
    assert answer.status_code == 302
    detail.refresh_from_db()
    assert (detail.chosen_options, detail.responded_by_user_name) == (["yes"], "ada")
    assert AuditEntry.objects.get(event="update_hitl_detail").extra["how"] == "link"
    assert "<b>yes</b>" in text_of(stranger.get(answer["Location"]))
    assert "already been updated" in text_of(stranger.post(link, {"option": "no"}), 409)
    assert stranger.get("/required_actions").status_code == 302  # it opens nothing else


def test_a_link_of_somebody_who_lost_the_right_is_refused(asking: DagRun):
    link = link_for(ask(asking), role="viewer")
    assert "may not answer any more" in text_of(Client().get(link), 403)
    assert Client().post(link, {"option": "yes"}).status_code == 403


def test_a_forged_link_says_so(asking: DagRun):
    assert "This link is not good" in text_of(Client().get("/answer/WzEsMSwxLCJ4Il0:1abc:def"), 403)

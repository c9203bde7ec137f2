"""The pages of variables, connections and pools."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.test import Client

from dags_app import secrets
from dags_app.models import AuditEntry, Connection, Pool, Variable
from orchestrator import providers
from orchestrator.core.states import TaskState
from orchestrator.sdk import provider_info
from orchestrator.web import connection_types, shares
from tests.support import acme, factories

SHELVES = ("variables", "connections", "pools")
NEW = {
    "variables": {"key": "new/one", "value": " hunter22\n", "description": "d"},
    "connections": {"conn_id": "new", "conn_type": "postgres", "host": "db", "port": "5432", "password": "hunter22"},
    "pools": {"name": "new", "slots": "3"},
}


@pytest.fixture
def op(client_of) -> Client:
    return client_of("op")


@pytest.mark.parametrize("name", SHELVES)
def test_things_are_made_listed_and_deleted_and_each_is_audited(op: Client, name: str):
    assert op.post(f"/{name}/add", NEW[name]).status_code == 302
    key = next(iter(NEW[name].values()))
    page = op.get(f"/{name}?q=NEW").content.decode()
    assert key in page
    assert "hunter22" not in page
    assert f"There is no {name[:-1]}" in op.get(f"/{name}/absent/edit").content.decode()
    assert key in op.get(f"/{name}/delete", {"key": key}).content.decode()
    assert op.post(f"/{name}/delete", {"key": [key, "absent"]}).status_code == 302
    assert key not in json.loads(op.get(f"/{name}/export").content)
    assert {f"post_{name[:-1]}", f"delete_{name[:-1]}"} == set(AuditEntry.objects.values_list("event", flat=True))


def test_a_value_is_kept_as_written_and_stays_where_the_form_leaves_it_empty(op: Client):
    op.post("/variables/add", NEW["variables"])
    assert secrets.get_variable("new/one") == " hunter22\n"
    assert op.post("/variables/new/one/edit", {"key": "other", "value": "", "description": "e"}).status_code == 302
    assert secrets.get_variable("new/one") == " hunter22\n"
    assert Variable.objects.get().description == "e"


@pytest.mark.parametrize(
    "name, wrong",
    [
        ("variables", {"key": "v", "value": ""}),
        ("connections", {"conn_id": "c", "conn_type": ""}),
        ("connections", {"conn_id": "c", "conn_type": "http", "port": "70000"}),
        ("connections", {"conn_id": "c", "conn_type": "http", "extra": "{hunter22"}),
        ("connections", {"conn_id": "c", "conn_type": "http", "extra": "[1]"}),
        ("pools", {"name": "p", "slots": "-2"}),
        ("pools", {"name": "p", "slots": "many"}),
        ("pools", {"name": "default_pool", "slots": "1"}),
    ],
)
def test_a_form_that_cannot_be_right_is_shown_again_and_changes_nothing(op: Client, name: str, wrong: dict[str, str]):
    Pool.objects.get_or_create(name="default_pool", defaults={"slots": 128})
    answer = op.post(f"/{name}/add", wrong)
    assert answer.status_code == 422
    assert 'class="wrong"' in answer.content.decode()
    assert not AuditEntry.objects.exists()


def test_fields_of_a_type_go_into_the_extra_and_leave_the_rest_of_it(op: Client):
    secrets.set_connection("pg", {"conn_type": "postgres", "password": "p", "extra": '{"sslmode": "disable", "a": 1}'})
    form = {"conn_id": "pg", "conn_type": "postgres", "extra__sslmode": "require"}
    assert op.post("/connections/pg/edit", form).status_code == 302
    found = secrets.get_connection("pg")
    assert json.loads(found["extra"]) == {"sslmode": "require", "a": 1}
    assert found["password"] == "p"


def test_the_form_has_the_fields_of_its_type(op: Client):
    aws = op.get("/connections/add?type=aws").content.decode()
    assert "Access key ID" in aws
    assert 'name="extra__region_name"' in aws
    assert 'name="port"' not in aws
    assert 'name="port"' in op.get("/connections/add?type=unheard-of").content.decode()
    for each in connection_types.TYPES.values():
        assert set(each.hidden) | set(each.labels) | set(each.hints) <= set(connection_types.FIELDS), each.name


def test_an_export_reads_back_and_leaves_secrets_as_they_are(op: Client):
    op.post("/variables/add", NEW["variables"])
    op.post("/connections/add", {**NEW["connections"], "extra": '{"a": 1}'})
    for name in ("variables", "connections"):
        text = op.get(f"/{name}/export").content.decode()
        assert "hunter22" not in text
        assert op.post(f"/{name}/import", {"text": text, "on_conflict": "overwrite"}).status_code == 302
    assert secrets.get_variable("new/one") == " hunter22\n"
    assert secrets.get_connection("new")["password"] == "hunter22"
    assert secrets.get_connection("new")["extra"] == '{"a": 1}'


def test_an_import_fails_skips_or_overwrites_and_says_how_many(op: Client):
    secrets.set_variable("old", "1")
    text = json.dumps({"old": "2", "fresh": {"value": {"a": 1}, "description": "d"}})
    refused = op.post("/variables/import", {"text": text, "on_conflict": "fail"})
    assert refused.status_code == 422
    assert "&#x27;old&#x27; is there already" in refused.content.decode()
    assert list(Variable.objects.values_list("key", flat=True)) == ["old"]
    fetch = {"x-requested-with": "fetch"}
    said = op.post("/variables/import", {"text": text, "on_conflict": "skip"}, headers=fetch).json()["toast"]
    assert said == "Variables: 1 made, 0 overwritten, 1 skipped."
    assert (secrets.get_variable("old"), secrets.get_variable("fresh")) == ("1", '{"a": 1}')
    said = op.post("/variables/import", {"text": text, "on_conflict": "overwrite"}, headers=fetch).json()["toast"]
    assert said == "Variables: 0 made, 2 overwritten, 0 skipped."


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"p": 1}', '{"p": {"slots": true}}', '{"p": {"slots": -7}}', "[" * 9000]
)
def test_an_import_that_makes_no_sense_says_so_and_changes_nothing(op: Client, text: str):
    answer = op.post("/pools/import", {"text": text, "on_conflict": "overwrite"})
    assert answer.status_code == 422
    assert "Nothing was changed" in answer.content.decode()
    assert not Pool.objects.filter(name="p").exists()


def test_what_may_not_go_stays_and_is_told(op: Client):
    Pool.objects.get_or_create(name="default_pool", defaults={"slots": 128})
    Pool.objects.create(name="small", slots=1)
    answer = op.post("/pools/delete", {"key": ["default_pool", "small"]})
    assert answer.status_code == 422
    assert "default_pool: Default Pool can&#x27;t be deleted" in answer.content.decode()
    assert list(Pool.objects.values_list("name", flat=True)) == ["default_pool"]


def test_a_pool_shows_who_holds_its_slots_and_who_waits(viewer: Client):
    Pool.objects.create(name="small", slots=2)
    dag = factories.make_dag(spec=factories.make_spec("busy", {"a": (), "b": (), "c": ()}, tasks={"pool": "small"}))
    factories.make_run(
        dag, "r", state="running", states={"a": TaskState.RUNNING, "b": TaskState.RUNNING, "c": TaskState.SCHEDULED}
    )
    page = viewer.get("/pools/small?part=slots").content.decode()
    held, waiting = page.split("Who waits")
    assert "busy.a" in held
    assert "busy.b" in held
    assert "busy.c" in waiting
    assert "full, 1 slot wanted" in held
    assert "1 slot wanted" not in viewer.get("/pools/default_pool").content.decode()


def test_what_a_reader_may_not_do_is_not_shown(viewer: Client):
    page = viewer.get("/pools").content.decode()
    assert "/pools/add" not in page
    assert "/variables" not in page
    assert "/pools/delete" not in page


@pytest.mark.parametrize("name", SHELVES)
def test_a_longer_list_asks_no_more_queries(op: Client, name: str, django_assert_max_num_queries):
    def fill(count: int) -> None:
        for number in range(count):
            if name == "pools":
                Pool.objects.create(name=f"p{number}", slots=1)
            elif name == "variables":
                Variable.objects.create(key=f"v{number}", secret=b"")
            else:
                Connection.objects.create(conn_id=f"c{number}", conn_type="http")

    fill(1)
    with django_assert_max_num_queries(8):
        op.get(f"/{name}")
    {"pools": Pool, "variables": Variable, "connections": Connection}[name].objects.all().delete()
    fill(30)
    with django_assert_max_num_queries(8):
        op.get(f"/{name}")


def test_a_bar_is_shared_out_whole():
    found = shares.parts([("running", 1), ("deferred", 0), ("open", 3)], 4)
    assert [(part.name, part.x, part.width) for part in found] == [("running", 0, 250), ("open", 250, 750)]
    assert shares.parts([]) == []


def test_an_installed_package_says_which_fields_its_type_has(
    op: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.syspath_prepend(str(acme.lay(tmp_path)))
    caches = (provider_info.infos, provider_info.hooks, connection_types.known, providers.installed)
    for each in caches:
        each.cache_clear()
    try:
        page = op.get("/connections/add?type=rocket").content.decode()
        brought = op.get("/api/v2/connectionTypes").json()["connection_types"]
        listed = op.get("/providers").content.decode()
    finally:
        monkeypatch.undo()
        for each in caches:
            each.cache_clear()
    assert "Launch pad" in page and 'placeholder="4711"' in page and "Ignition key" in page
    assert 'name="schema"' not in page and "Stages" not in page
    assert [each["connection_type"] for each in brought] == ["rocket"]
    assert brought[0]["standard_fields"]["host"] == {"hidden": False, "title": "Launch pad", "placeholder": None}
    assert "apache-airflow-providers-acme" in listed and "@task.launch" in listed

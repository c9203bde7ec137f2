"""What the dialogs of shared things and of values show as code does what they do: each line is run, the effects compared."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import Any

import pytest
from django.test import Client
from django.urls import resolve

from dags_app import secrets
from dags_app.models import Asset, Connection, Pool, Variable
from orchestrator.web import shared_code
from runs_app.models import AssetEvent, AssetStoreEntry, DagRun, TaskStoreEntry, XCom
from tests.api.test_stock_client import client_python  # noqa: F401  (a fixture)
from tests.support import factories

from .test_as_code import command, lines, make, shell, site

__all__ = ["site"]
TASK = "/dags/{name}/runs/first/tasks/extract"
INDEX = "/dags/{name}/runs/first/tasks/load/mapped/1"
NEW_CONNECTION = {"conn_type": "http", "host": "h", "port": "80", "description": "it's"}
CASES: dict[str, tuple[str, dict[str, str]]] = {
    "a new variable": ("/variables/add", {"key": "new-{name}", "value": "two\n'lines'", "description": "d"}),
    "another value": ("/variables/{name}/edit", {"value": "other", "description": "said"}),
    "another description": ("/variables/{name}/edit", {"value": "", "description": "said"}),
    "a variable goes": ("/variables/delete", {"key": "{name}"}),
    "a new connection": ("/connections/add", {"conn_id": "new-{name}", **NEW_CONNECTION}),
    "with an extra": ("/connections/add", {"conn_id": "n-{name}", **NEW_CONNECTION, "extra": '{"a": "b c"}'}),
    "with fields of its type": ("/connections/add", {"conn_id": "n-{name}", "conn_type": "fs", "extra__path": "/d"}),
    "another host": ("/connections/{name}/edit", {"conn_type": "http", "host": "other", "port": "1"}),
    "nothing kept": ("/connections/{name}/edit", {"conn_type": "http", "host": "other", "forget": "on"}),
    "a connection goes": ("/connections/delete", {"key": "{name}"}),
    "a new pool": ("/pools/add", {"name": "new-{name}", "slots": "3", "include_deferred": "on"}),
    "a pool with a rate": ("/pools/add", {"name": "new-{name}", "slots": "3", "rate_per_minute": "9"}),
    "more slots": ("/pools/{name}/edit", {"slots": "9", "description": "d"}),
    "a pool goes": ("/pools/delete", {"key": "{name}"}),
    "an event": ("/assets/{asset}/event", {"extra": '{"rows": 3}', "partition_key": "k"}),
    "its producer runs": ("/assets/{asset}/materialize", {}),
    "a key of an asset": ("/assets/{asset}/state-store/edit", {"key": "a/b", "value": "[1]"}),
    "it goes": ("/assets/{asset}/state-store/delete", {"key": "there"}),
    "all go": ("/assets/{asset}/state-store/delete", {}),
    "a new XCom": (f"{TASK}/xcom/edit", {"key": "k", "value": '{"a": null}'}),
    "of an instance": (f"{INDEX}/xcom/edit", {"key": "k", "value": "1"}),
    "another XCom": (f"{TASK}/xcom/edit?key=there", {"key": "there", "is_there": "1", "value": "[2]"}),
    "an XCom goes": (f"{TASK}/xcom/edit?key=there", {"key": "there", "is_there": "1", "delete": "1"}),
    "remembered": (f"{TASK}/state-store/edit", {"key": "k", "value": "1", "expires_at": "2099-01-01T00:00:00"}),
    "by an instance": (f"{INDEX}/state-store/edit", {"key": "k", "value": "1", "expires_at": ""}),
    "one key goes": (f"{TASK}/state-store/edit?key=there", {"key": "there", "is_there": "1", "delete": "1"}),
    "forgotten": (f"{TASK}/state-store/clear", {}),
    "by all instances": (f"{TASK}/state-store/clear", {"everywhere": "on"}),
}
WITHOUT_COMMAND = {
    *("another description", "another host", "nothing kept", "a key of an asset", "it goes", "all go", "a new XCom"),
    *("of an instance", "another XCom", "an XCom goes", "remembered", "by an instance", "one key goes"),
    "by all instances",
}
WITHOUT_CLIENT = {"another description", "another host", "nothing kept", "a pool with a rate"}


def world(name: str) -> Asset:
    dag = make(name)
    asset = factories.make_asset(f"asset-{name}", producer=dag, task_id="extract")
    secrets.set_variable(name, "before")
    secrets.set_connection(name, {"conn_type": "http", "password": "hunter22"})
    Pool.objects.create(name=name, slots=1)
    AssetStoreEntry.objects.create(asset=asset, key="there", value=1, updated_at=factories.DAY)
    instance = factories.instance_of(DagRun.objects.get(dag=dag, run_id="first"), "extract")
    XCom.objects.filter(task_instance=instance).delete()
    factories.make_xcom(instance, 1, key="there")
    TaskStoreEntry.objects.create(task_instance=instance, key="there", value=1, updated_at=factories.DAY)
    return asset


def effect(name: str, asset: Asset) -> Any:
    """All there is of what a case may touch, under names that do not differ by the case."""

    def plain(values: Any) -> str:
        return str(list(values)).replace(name, "NAME")

    connections = [secrets.read_connection(row) for row in Connection.objects.filter(pk__contains=name).order_by("pk")]
    events = AssetEvent.objects.filter(asset=asset).order_by("pk").values_list("extra", "partition_key")
    runs = DagRun.objects.filter(dag_id=name)
    return {
        "variables": plain(
            (row.key, row.description, secrets.get_variable(row.key))
            for row in Variable.objects.filter(pk__contains=name).order_by("pk")
        ),
        "connections": plain(connections),
        "pools": plain(Pool.objects.filter(pk__contains=name).order_by("pk").values_list()),
        "events": [({key: value for key, value in extra.items() if "from_" not in key}, key) for extra, key in events],
        "runs": sorted(runs.values_list("run_type", flat=True)),
        "store": plain(AssetStoreEntry.objects.filter(asset=asset).order_by("key").values_list("key", "value")),
        "xcoms": plain(
            XCom.objects.filter(run__in=runs).order_by("pk").values_list("task_id", "map_index", "key", "value")
        ),
        "kept": plain(
            TaskStoreEntry.objects.filter(task_instance__run__in=runs)
            .order_by("pk")
            .values_list("key", "value", "expires_at")
        ),
    }


def placed(case: str, name: str, asset: Asset) -> tuple[str, dict[str, str]]:
    address, data = CASES[case]
    values = {field: text.replace("{name}", name) for field, text in data.items()}
    return address.format(name=name, asset=asset.pk), values


def found_lines(client: Client, address: str, data: dict[str, str]) -> dict[str, str]:
    return lines(client, address.partition("?")[0], data)


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_each_line_does_what_its_dialog_does(site: tuple[Client, str, str], capsys: pytest.CaptureFixture[str]):
    client, server, token = site
    for number, case in enumerate(CASES):
        first = f"dialog{number}x"
        asset = world(first)
        answer = client.post(*placed(case, first, asset))
        assert answer.status_code == 302, (case, answer.status_code)
        wanted = effect(first, asset)
        for way in ("curl", "manage.py"):
            name = f"{way[:4]}{number}x"
            asset = world(name)
            before = effect(name, asset)
            found = found_lines(client, *placed(case, name, asset))
            if way not in found:
                assert way == "manage.py" and case in WITHOUT_COMMAND, (case, way)
                continue
            if way == "curl":
                shell(found[way].replace("http://testserver", server), token)
            else:
                command(found[way])
            assert effect(name, asset) == wanted, (case, way, found[way])
            assert effect(name, asset) != before, (case, way)


def test_the_lines_for_the_stock_client_do_the_same(site: tuple[Client, str, str], client_python: Any):  # noqa: F811
    client, server, token = site
    programs = {}
    for number, case in enumerate(CASES):
        asset = world(f"line{number}x")
        found = found_lines(client, *placed(case, f"line{number}x", asset))
        if "Python" in found:
            programs[number] = found["Python"].replace("http://testserver", server)
    env = {**os.environ, "AIRFLOW_TOKEN": token}
    done = subprocess.run([client_python, "-c", "\n".join(programs.values())], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert {case for number, case in enumerate(CASES) if number not in programs} == WITHOUT_CLIENT
    for number in programs:
        case, first = list(CASES)[number], f"dialog{number}x"
        asset = world(first)
        client.post(*placed(case, first, asset))
        same = effect(f"line{number}x", Asset.objects.get(name=f"asset-line{number}x"))
        assert same == effect(first, asset), case


def test_every_dialog_of_the_table_is_tried():
    tried = {resolve(address.partition("?")[0].format(name="n", asset=1)).url_name for address, _ in CASES.values()}
    tried |= {f"{name}-mapped" for name in tried if name == "task-store-clear"}
    assert set(shared_code.DIALOGS) == tried


def test_a_password_stands_in_no_line_and_comes_from_the_environment(site: tuple[Client, str, str], monkeypatch):
    client, server, token = site
    monkeypatch.setenv("PASSWORD", "hunter22")
    form = {"conn_id": "c", "conn_type": "http", "password": "hunter22"}
    found = lines(client, "/connections/add", form)
    assert "hunter22" not in str(found) and {"curl", "Python", "manage.py"} == set(found)
    shell(found["curl"].replace("http://testserver", server), token)
    assert secrets.get_connection("c")["password"] == "hunter22"
    assert found["manage.py"].startswith('printf %s "$PASSWORD" | python manage.py connections set c')
    assert 'os.environ["PASSWORD"]' in found["Python"]
    compile(found["Python"], "line", "exec")


def test_what_is_stored_stands_in_no_line(client_of: Any):
    secrets.set_connection("c", {"conn_type": "fs", "extra": json.dumps({"password": "hunter22"})})
    op = client_of("op")
    assert "hunter22" not in str(lines(op, "/connections/c/edit", {"conn_type": "fs", "extra__path": "/d"}))
    assert "hunter22" not in op.get("/connections/c/edit").content.decode()


def test_the_forms_show_their_lines_without_a_script(client_of: Any, shop_run: DagRun):
    secrets.set_variable("v", "1")
    op = client_of("op")
    for address in ("/variables/add", "/variables/v/edit", "/pools/default_pool/edit", "/connections/add"):
        text = op.get(address).content.decode()
        assert "As code" in text and "curl -X" in text, address
    assert "As code" in op.get("/dags/shop/runs/first/tasks/extract/xcom/edit?key=return_value").content.decode()

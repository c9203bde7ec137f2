"""What a dialog shows as code does what the dialog does: each line is run, and its effect compared."""

from __future__ import annotations

import html
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from dags_app.models import Dag
from orchestrator.api.auth import issue_token
from orchestrator.web import dialog_code, shared_code
from runs_app.models import Backfill, Hold
from tests.api.test_stock_client import client_python  # noqa: F401  (a fixture)
from tests.support import factories, webserver
from tests.support.factories import DAY

from .conftest import shop_spec, sign_in

RUN = "/dags/{dag}/runs/first"
TASK = f"{RUN}/tasks/extract"
INDEX = f"{RUN}/tasks/load/mapped/1"
RANGE = {"from_date": "2026-03-01T00:00", "to_date": "2026-03-03T00:00"}
CASES: dict[str, tuple[str, dict[str, str]]] = {
    "trigger": ("/dags/{dag}/trigger", {"mode": "form", "param.region": '"south"', "param.limit": "2"}),
    "trigger with a date": (
        "/dags/{dag}/trigger",
        {"mode": "json", "conf": "{}", "when": "date", "logical_date": "2026-03-05T06:07", "note": "it's"},
    ),
    "trigger with an id": ("/dags/{dag}/trigger", {"when": "none", "run_id": "my_run", "mode": "json", "conf": "{}"}),
    "clear a run": (f"{RUN}/clear", {"set": "1"}),
    "clear what failed": (f"{RUN}/clear", {"set": "1", "only_failed": "on"}),
    "mark a run": (f"{RUN}/mark", {"state": "success"}),
    "note on a run": (f"{RUN}/note", {"note": 'two "words" & $HOME'}),
    "delete a run": (f"{RUN}/delete", {}),
    "delete a DAG": ("/dags/{dag}/delete", {}),
    "clear a task": (f"{TASK}/clear", {"set": "1", "downstream": "on"}),
    "clear a task alone": (f"{TASK}/clear", {"set": "1"}),
    "clear an instance": (f"{INDEX}/clear", {"set": "1"}),
    "mark a task": (f"{TASK}/mark", {"set": "1", "state": "success", "downstream": "on"}),
    "mark an instance": (f"{INDEX}/mark", {"set": "1", "state": "success"}),
    "clear a group": (f"{RUN}/groups/checks/clear", {"set": "1"}),
    "mark a group": (f"{RUN}/groups/checks/mark", {"set": "1", "state": "success"}),
    "note on a task": (f"{TASK}/note", {"note": "see\nticket"}),
    "note on an instance": (f"{INDEX}/note", {"note": "n"}),
    "delete a task": (f"{TASK}/delete", {}),
    "delete an instance": (f"{INDEX}/delete", {}),
    "hold a task": (f"{TASK}/hold", {"where": "run", "reason": "a reason"}),
    "hold it in every run": (f"{TASK}/hold", {"where": "every", "until": "2099-01-01T00:00"}),
    "hold an instance": (f"{INDEX}/hold", {"where": "run"}),
    "backfill": ("/dags/{dag}/backfill", {**RANGE, "reprocess_behavior": "failed", "run_backwards": "on"}),
    "backfill with runs' own versions": ("/dags/{dag}/backfill", {**RANGE, "reprocess_behavior": "failed", "set": "1"}),
}
WITHOUT_COMMAND = {"mark a run", "trigger with a date", "trigger with an id", "clear a group", "mark a group"}
WITHOUT_COMMAND |= {"delete a task", "delete an instance"}
WITHOUT_CLIENT = {"hold a task", "hold it in every run", "hold an instance", "clear a group", "mark a group"}
OTHERS = {"run-cancel", "backfill-cancel", "bulk"}
"""Tried by themselves, since they need something under way."""


def make(name: str, **fields: Any) -> Dag:
    dag = factories.make_dag(spec=shop_spec(name, schedule="@daily", start_date=DAY), is_backfillable=True, **fields)
    run = factories.make_run(dag, "first", state="failed", states={"extract": "success", "checks.sums": "failed"})
    factories.make_mapped(run, "load", 3, state="failed")
    return dag


def effect(name: str) -> Any:
    """What there is of a DAG, but for what differs by itself: generated ids and times of acting."""
    dag = Dag.objects.filter(pk=name).first()
    if dag is None:
        return None
    runs = [
        (
            run.run_id if "__" not in run.run_id else "",
            run.state,
            run.conf,
            run.note,
            run.run_type,
            run.backfill_id is None,
        )
        for run in dag.runs.order_by("run_type", "-pk")
    ]
    columns = ("task_id", "map_index", "state", "note", "held")
    rows = sorted(
        dag.runs.filter(run_id="first").values_list(*(f"task_instances__{each}" for each in columns)), key=str
    )
    holds = list(Hold.objects.filter(dag_id=name).values_list("task_id", "run__run_id", "reason", "until", "map_index"))
    fills = list(Backfill.objects.filter(dag=dag).values_list("from_date", "to_date", "is_paused", "max_active_runs"))
    dated = dag.runs.filter(logical_date=DAY.replace(day=5, hour=6, minute=7)).count()
    return {"paused": dag.is_paused, "runs": runs, "rows": rows, "holds": holds, "fills": fills, "dated": dated}


def lines(client: Client, address: str, data: dict[str, str]) -> dict[str, str]:
    """The lines that stand under a dialog with this in its form."""
    text = client.post("/as-code", {**data, "dialog": address}).content.decode()
    found = re.findall(r"<b>([\w.]+)</b>.*?<pre[^>]*>(.*?)</pre>", text, re.S)
    return {name: html.unescape(line) for name, line in found}


@pytest.fixture
def site(transactional_db: None, redis_server: object) -> Iterator[tuple[Client, str, str]]:
    """(a client, the address of a server, a token)."""
    with webserver.running() as address:
        client = sign_in("admin")
        user = factories.with_password(factories.make_user("admin", last_login=DAY))
        yield client, address, issue_token(user)


def shell(text: str, token: str) -> None:
    command = ["bash", "-euc", text.replace("curl ", "curl --fail-with-body -sS ")]
    done = subprocess.run(
        command, env={**os.environ, "AIRFLOW_TOKEN": token}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, (text, done.stdout, done.stderr)


def command(text: str) -> None:
    for line in re.split(r"\n(?=python manage\.py )", text):
        program, script, *arguments = shlex.split(line)
        assert (program, script) == ("python", "manage.py")
        call_command(*arguments)


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_each_line_does_what_its_dialog_does(site: tuple[Client, str, str], capsys: pytest.CaptureFixture[str]):
    client, server, token = site
    tried = 0
    for number, (address, data) in enumerate(CASES.values()):
        case = list(CASES)[number]
        ways: dict[str, Callable[[dict[str, str]], None]] = {
            "curl": lambda found: shell(found["curl"].replace("http://testserver", server), token),
            "manage.py": lambda found: command(found["manage.py"]),
        }
        make(f"dialog{number}")
        answer = client.post(address.format(dag=f"dialog{number}"), data)
        assert answer.status_code == 302, (case, answer.status_code)
        wanted = effect(f"dialog{number}")
        for place, (way, do) in enumerate(ways.items()):
            name = f"line{number}of{place}"
            make(name)
            before = effect(name)
            found = lines(client, address.format(dag=name), data)
            if way not in found:
                assert way == "manage.py" and case in WITHOUT_COMMAND, (case, way)
                continue
            do(found)
            assert effect(name) == wanted, (case, way, found[way])
            assert effect(name) != before, (case, way)
            tried += 1
    assert tried == 2 * len(CASES) - len(WITHOUT_COMMAND)


def test_what_is_under_way_is_cancelled_by_its_lines(site: tuple[Client, str, str]):
    client, server, token = site
    for name, way in (("one", "curl"), ("two", "manage.py")):
        dag = make(name)
        factories.make_run(dag, "busy", state="running")
        found = lines(client, f"/dags/{name}/runs/busy/cancel", {"reason": "no use"})
        shell(found["curl"].replace("http://testserver", server), token) if way == "curl" else command(found[way])
        assert dag.runs.get(run_id="busy").state == "cancelled"
        fill = Backfill.objects.create(dag=dag, from_date=DAY, to_date=DAY, created_at=DAY, updated_at=DAY)
        found = lines(client, f"/dags/{name}/backfills/{fill.pk}/cancel", {})
        shell(found["curl"].replace("http://testserver", server), token) if way == "curl" else command(found[way])
        fill.refresh_from_db()
        assert fill.completed_at is not None


def test_a_backfill_of_a_paused_dag_switches_it_on_where_asked(user: Client):
    for name, data in (("dialog", {**RANGE, "unpause": "on"}), ("line", RANGE), ("left", RANGE)):
        make(name, is_paused=True)
        if name == "line":
            command(lines(user, "/dags/line/backfill", {**data, "unpause": "on"})["manage.py"])
        else:
            user.post(f"/dags/{name}/backfill", data)
    assert Backfill.objects.count() == 3
    assert list(Dag.objects.filter(is_paused=True).values_list("dag_id", flat=True)) == ["left"]


def test_an_action_on_many_is_a_line_for_each(user: Client, shop_run: Any):
    make("other")
    found = lines(user, "/bulk/dags", {"action": "pause", "chosen": ["shop", "other"]})
    command(found["manage.py"])
    assert set(Dag.objects.filter(is_paused=True).values_list("dag_id", flat=True)) == {"shop", "other"}
    found = lines(user, "/bulk/dag_runs", {"action": "clear_failed", "all": "1", "filter": "dag_id=shop"})
    assert found["manage.py"] == "python manage.py runs clear shop first --only-failed"
    one = factories.instance_of(shop_run, "load", 2)
    found = lines(user, "/bulk/task_instances", {"action": "success", "chosen": [str(one.pk)]})
    command(found["manage.py"])
    one.refresh_from_db()
    assert one.state == "success"
    for kind, action in (("dags", "clear_failed"), ("dags", "explode"), ("nothing", "pause")):
        assert lines(user, f"/bulk/{kind}", {"action": action, "all": "1", "filter": ""}) == {}


def test_the_lines_for_the_stock_client_do_the_same(site: tuple[Client, str, str], client_python: Any):  # noqa: F811
    client, server, token = site
    programs = []
    for number, (address, data) in enumerate(CASES.values()):
        for name in (f"dialog{number}", f"line{number}"):
            make(name)
        found = lines(client, address.format(dag=f"line{number}"), data)
        if "Python" in found:
            programs.append((number, found["Python"].replace("http://testserver", server)))
    text = "\n".join(program for _, program in programs)
    env = {**os.environ, "AIRFLOW_TOKEN": token}
    done = subprocess.run([client_python, "-c", text], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    assert len(programs) == len(CASES) - len(WITHOUT_CLIENT)
    for number, _ in programs:
        address, data = list(CASES.values())[number]
        client.post(address.format(dag=f"dialog{number}"), data)
        assert effect(f"line{number}") == effect(f"dialog{number}"), list(CASES)[number]


def test_every_dialog_of_the_table_is_tried(shop_run: Any):
    from django.urls import resolve

    tried = {resolve(address.format(dag="shop")).url_name for address, _ in CASES.values()} | OTHERS
    tried |= {f"{name}-mapped" for name in tried if name in {"task-hold", "task-delete"}}
    assert set(dialog_code.DIALOGS) - set(shared_code.DIALOGS) == tried


def test_a_dialog_shows_its_lines_without_a_script(user: Client, shop_run: Any):
    for address in ("/dags/shop/trigger", "/dags/shop/runs/first/clear", "/dags/shop/runs/first/tasks/extract/mark"):
        text = user.get(address).content.decode()
        assert "As code" in text and "curl -X" in text, address
    assert "--downstream" in user.get("/dags/shop/runs/first/tasks/extract/clear").content.decode()


def test_no_other_address_has_lines(client_of: Callable[[str], Client], shop_run: Any):
    for address in ("", "/dags", "/nowhere", "/dags/other/trigger", "http://evil/dags/shop/trigger", "\0"):
        assert lines(client_of("user"), address, {}) == {}
    assert lines(client_of(""), "/dags/shop/trigger", {}) == {}
    assert client_of("anonymous").post("/as-code", {"dialog": "/dags/shop/trigger"}).status_code == 302


HOSTILE = ["'; rm -rf / #", '"$(id)`id`', "a\nb", "\\", "--flag", "é ☃", "'''\"\"\""]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_was_typed_stays_one_argument(user: Client, shop_run: Any, text: str):
    found = lines(user, "/dags/shop/runs/first/note", {"note": text})
    assert shlex.split(found["manage.py"])[-1] == text.strip()
    body = shlex.split(found["curl"])[-1]
    assert json.loads(body) == {"note": text.strip()}
    compile(found["Python"], "line", "exec")


LISTS = {
    "/dag_runs": ("dag_runs", "dag_run_id", "run_id"),
    "/dag_runs?state=failed&dag_id_pattern=al&limit=25": ("dag_runs", "dag_run_id", "run_id"),
    "/dag_runs?run_after_gte=2026-03-01T00:00&sort=run_id": ("dag_runs", "dag_run_id", "run_id"),
    "/task_instances?state=failed&dag_id_pattern=ph&anywhere=on&sort=-task_id": (
        "task_instances",
        "task_id",
        "task_id",
    ),
    "/task_instances?pool=default_pool&duration_lte=100&task_id_pattern=ex": ("task_instances", "task_id", "task_id"),
    "/dags?q=a&sort=-dag_id": ("dags", "dag_id", "dag_id"),
    "/dags?tags=red&tags=blue&tags_match_mode=all": ("dags", "dag_id", "dag_id"),
    "/dags?paused=false&last_dag_run_state=failed": ("dags", "dag_id", "dag_id"),
}


@pytest.mark.parametrize("address", LISTS)
def test_a_list_s_line_asks_the_api_for_the_same_rows(client_of: Callable[[str], Client], address: str):
    make("alpha", tags=("red", "blue"))
    make("beta", tags=("red",))
    client = client_of("viewer")
    kind, of_api, of_page = LISTS[address]
    page = client.get(address)
    curl = dict(page.context["code"])["curl"]
    answer = client.get(shlex.split(curl)[1].removeprefix("http://testserver"))
    assert answer.status_code == 200, answer.content
    wanted = [getattr(row, of_page) for row in page.context["chunk"].rows]
    assert wanted
    assert [row[of_api] for row in answer.json()[kind]] == wanted
    compile(dict(page.context["code"])["Python"], "line", "exec")


def test_a_list_that_the_api_cannot_give_shows_no_line(user: Client, shop_run: Any):
    for address in ("/dags?folder=x", "/task_instances?hostname_pattern=w", "/xcoms", "/dag_runs?dag_version_gte=1"):
        assert not user.get(address).context["code"], address

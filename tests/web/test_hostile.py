"""400 texts that would run wherever they were taken for more than text, in every place that people and tasks write to."""

from __future__ import annotations

import itertools
import json
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from django.apps import apps
from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone

from dags_app import secrets
from dags_app.models import Pool, Use
from orchestrator.operators.bash import BashOperator
from orchestrator.sdk import DAG, Param
from runs_app.models import DagRun, Deadline, Hold, StateEvent, Undo
from tests.access.addresses import addresses
from tests.access.test_matrix import world
from tests.support import factories

from .test_accessible import admin_pages
from .test_browser import SHOWN, browser, chromium, needs_chromium

__all__ = ["admin_pages", "browser", "chromium", "world"]
pytestmark = needs_chromium

RUN = "window.pwned=1"
OUT_OF = ("", "'", '"', "-->", "]]>", "</textarea>", "</script>", "</title>", "</style>", "</noscript>", "`", "\\", "%22>", "&quot;>", "\u2028", "\x1b[31m", "::group::", "{{", "{%", "\n\n")  # fmt: skip
WHAT = (
    f"<img src=x onerror={RUN}>",
    f"<script>{RUN}</script>",
    f"<svg/onload={RUN}>",
    f"<SvG><script>{RUN}</script></SvG>",
    f"<details open ontoggle={RUN}>",
    f"<iframe srcdoc='<script>parent.{RUN}</script>'>",
    f"[x](javascript:{RUN})",
    f"![x](x' onerror={RUN})",
    f"<a href=javascript:{RUN}>",
    f"<body onpageshow={RUN}>",
    f"<style>@import '//x';*{{background:url(javascript:{RUN})}}</style>",
    f"<math><mtext><img src=x onerror={RUN}></mtext></math>",
    f"<input autofocus onfocus={RUN}>",
    f" onmouseover={RUN} autofocus onfocus={RUN} x=",
    f"<base href=//x><link rel=stylesheet href=//x onerror={RUN}>",
    f"<form action=javascript:{RUN}><button autofocus>",
    f"${{{RUN}}}{{{{{RUN}}}}}{{% load x %}}",
    f"<template shadowrootmode=open><img src=x onerror={RUN}></template>",
    f"<object data=javascript:{RUN}></object><embed src=javascript:{RUN}>",
    f"';{RUN};//\";{RUN};//</script><!--",
)
TEXTS = [before + what for before, what in itertools.product(OUT_OF, WHAT)]
ALL = "\n".join(TEXTS)
LISTEN = "window.reports = []; addEventListener('securitypolicyviolation', (e) => window.reports.push(e.violatedDirective + ' ' + e.blockedURI));"
HARMED = "window.pwned !== undefined || window.reports.length ? [window.pwned, ...window.reports] : null"


def make_hostile() -> DagRun:
    params = {f"p{n}": Param(each, type="string", title=each, description_md=each) for n, each in enumerate(TEXTS)}
    with DAG("hostile", params=params, doc_md=ALL, description=ALL) as dag:
        BashOperator(task_id="a", bash_command="true", doc_md=ALL, task_display_name=ALL)
    tags = tuple({each[:100] for each in TEXTS})
    made = factories.make_dag(spec=dag.to_spec(), source=ALL, tags=tags, owners=TEXTS, display_name=ALL)
    run = factories.make_run(made, "first", state="failed", note=ALL, conf={each: each for each in TEXTS})
    task = factories.instance_of(run, "a")
    factories.set_state(task, "failed", note=ALL)
    factories.make_attempt(task, lines=tuple(TEXTS), reason=ALL)
    factories.make_rendered(task, bash_command=ALL, env={each: each for each in TEXTS})
    factories.make_xcom(task, {each: [each] for each in TEXTS})
    factories.make_file("broken.py", error=ALL)
    for number, each in enumerate(TEXTS):
        factories.make_xcom(task, each, key=f"{number} {each}")
        Pool.objects.create(name=f"{number} {each}", slots=1, description=each)
    secrets.set_variable("v", ALL, description=ALL)
    factories.make_asset(TEXTS[0][:200], pk=1, extra={each: each for each in TEXTS}, producer=made)
    return run


WORDS = frozenset(
    [
        "dag_id",
        "run_id",
        "task_id",
        "group_id",
        "kind",
        "outcome",
        "old",
        "new",
        "triggered_by",
        "digest",
        "role",
        "jti",
        "mark",
        "begins",
        "accepted",
        "boot_id",
        "fingerprint",
        "sha256",
        "queue",
        "pool",
        "bundle_name",
        "relative_path",
        "next_method",
        "classpath",
        "reprocess_behavior",
        "event",
    ]
)
"""Fields that hold words of ours or what an address, a file or a class is found by, and no text of anybody's."""
STRUCTURES = frozenset(["spec", "manifest", "parts", "verbs", "asset_expression", "planned_ahead", "range_asked", "range_answer", "pools", "queues", "shape", "brings", "payload", "next_kwargs", "skip_note", "updated_by", "expected"])  # fmt: skip
"""JSON of ours, of which the texts are in other fields too."""


def make_all_hostile() -> None:
    """Give every text that is stored, in whatever table, another one of these: a field that comes is covered, too."""
    texts = itertools.cycle(TEXTS)
    for model in (each for label in ("dags_app", "runs_app") for each in apps.get_app_config(label).get_models()):
        for column in model._meta.concrete_fields:
            is_text = isinstance(column, models.CharField | models.TextField) and not column.choices
            is_json = isinstance(column, models.JSONField) and column.name not in STRUCTURES
            if column.primary_key or column.name in WORDS or not (is_text or is_json):
                continue
            for row in model._default_manager.all():
                value = hostile(getattr(row, column.name), next(texts)) if is_json else next(texts)
                value = value[: column.max_length] if is_text else value
                model._default_manager.filter(pk=row.pk).update(**{column.name: value})


def hostile(value: Any, text: str) -> Any:
    """JSON of the same shape with the text for each of its own, and somewhere for it where there was none."""
    if isinstance(value, dict):
        return {key: hostile(each, text) for key, each in value.items()} or {text: text}
    if isinstance(value, list):
        return [hostile(each, text) for each in value]
    return text if isinstance(value, str) else value


def make_more(world: dict[str, Any]) -> None:
    """What the world of all routes lacks: things that are shown only while something goes on."""
    run = DagRun.objects.get(run_id="r1")
    secrets.set_connection("d", {"conn_type": "http", "extra": json.dumps({each: each for each in TEXTS[:40]})})
    for text in TEXTS[:3]:
        secrets.set_variable(text[:200], text, description=text)
        secrets.set_connection(text[:200], {"conn_type": text, "host": text, "login": text, "description": text})
    at = factories.DAY
    Deadline.objects.create(run=run, key="k", name="late", deadline_time=at, missed=True, created_at=at)
    Hold.objects.create(run=run, dag_id="alpha", task_id="a", held_by="x", reason="y", created_at=at)
    Use.objects.create(dag_id="alpha", kind="variable", name="v", task_id="a")
    admin, now = User.objects.get(groups__name="admin"), timezone.now()
    Undo.objects.create(
        user=admin, actor="x", text="x", verbs=[], parts=[], created_at=now, expires_at=now + timedelta(1)
    )
    running = factories.make_run(run.dag, "running", state="running", states={"a": "running"})
    factories.make_attempt(factories.instance_of(running, "a"), lines=("x",), stack="s", outcome=None, ended_at=None)
    StateEvent.objects.create(run=run, old="running", new="failed", actor="x", reason="y", at=at)


def test_whatever_is_stored_is_shown_as_text_on_every_page(admin_pages: Any, world: dict[str, Any]):
    make_more(world)
    make_all_hostile()
    page = admin_pages()
    page.add_init_script(LISTEN)
    for path in addresses(world):
        answer = page.goto(path)
        assert answer.status < 500, path
        assert page.evaluate(HARMED) is None, path


def test_no_text_runs_and_none_breaks_the_policy(browser: Any):
    assert len(set(TEXTS)) == 400
    make_hostile()
    page = browser()
    page.add_init_script(LISTEN)
    dag, run, task = "/dags/hostile", "/dags/hostile/runs/first", "/dags/hostile/runs/first/tasks/a"
    places = [
        *("/", "/dags", "/dags?view=table", "/import-errors", "/xcoms", "/assets", "/assets/1", "/dag_runs"),
        *(dag + end for end in ("", "/graph", "/overview", "/runs", "/tasks", "/code", "/details", "/trigger")),
        *(run + end for end in ("", "/details", "/logs", "/note", "/clear")),
        *(task + end for end in ("", "/xcom", "/rendered_templates", "/tries", "/details", "/note")),
    ]
    asked = [quote(" ".join(TEXTS[start : start + 20])) for start in range(0, 400, 20)]
    places += [f"/dags?q={text}&tags={text}&owners={text}&sort={text}" for text in asked]
    places += [f"/task_instances?q={text}&state={text}&dag_id={text}" for text in asked[:5]]
    for path in places:
        answer = page.goto(path)
        assert answer.status == 200, path[:60]
        page.wait_for_load_state("load")
        assert page.evaluate(HARMED) is None, path[:60]
        if path in {"/import-errors", dag + "/code", run, task, task + "/xcom", task + "/rendered_templates"}:
            assert WHAT[0] in page.evaluate(SHOWN), path
    page.goto(run)
    page.keyboard.press("/")
    page.keyboard.insert_text(TEXTS[20])
    page.wait_for_selector("#finder[open]")
    assert page.evaluate(HARMED) is None

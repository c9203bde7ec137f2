"""400 texts that would run wherever they were taken for more than text, in every place that people and tasks write to."""

from __future__ import annotations

import itertools
from typing import Any
from urllib.parse import quote

from dags_app import secrets
from dags_app.models import Pool
from orchestrator.operators.bash import BashOperator
from orchestrator.sdk import DAG, Param
from runs_app.models import DagRun
from tests.support import factories

from .test_browser import SHOWN, browser, chromium, needs_chromium

__all__ = ["browser", "chromium"]
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

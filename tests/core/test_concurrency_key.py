"""Concurrency keys: what a template may say, and what it comes to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.concurrency_key import LONGEST, ConcurrencyKeyError, check, context_of, of_task, parse, render

DAY = datetime(2026, 3, 1, 6, 30, tzinfo=UTC)


def context(map_index: int = -1, date: datetime | None = DAY, **conf: Any) -> dict[str, Any]:
    found = context_of(
        dag_id="etl", run_id="r1", run_type="manual", logical_date=date, interval=(date, date), conf=conf, params={"n": 3, **conf}
    )  # fmt: skip
    return of_task(found, "load", map_index)


@pytest.mark.parametrize(
    ("template", "key"),
    [
        ("warehouse", "warehouse"),
        ("{{ params.tenant }}", "acme"),
        ("db-{{ dag_run.conf['tenant'] }}/{{ dag_run.conf.tables[1] }}", "db-acme/b"),
        ("{{ds}} {{ ts_nodash }}", "2026-03-01 20260301T063000"),
        ("{{ dag.dag_id }}.{{ task.task_id }}.{{ map_index }}.{{ ti.map_index }}", "etl.load.2.2"),
        ("{{ dag_run.run_type }} {{ run_id }}", "manual r1"),
        ("{{ params.absent }}", ""),
        ("{{ dag_run.conf.tenant.deeper }}{{ dag_run.conf.tables[7] }}", ""),
        ("{{ dag_run.conf.tables }}", '["a", "b"]'),
    ],
)
def test_a_key_is_what_its_template_names(template, key):
    assert render(template, context(2, tenant="acme", tables=["a", "b"])) == key


def test_a_run_without_a_logical_date_has_no_date_parts():
    assert render("{{ ds }}|{{ logical_date }}", context(date=None)) == "|"


@pytest.mark.parametrize(
    "template",
    [
        "{{ params.a | upper }}",
        "{{ range(9) }}",
        "{{ params.a * 9 }}",
        "{% if 1 %}x{% endif %}",
        "{{ ti.xcom_pull('a') }}",
        "{{ params['a'",
        "a }} b",
        "{# no #}",
        "{{ }}",
        "{{ var.value.x }}",
        "{{ params[-1] }}",
    ],
)
def test_what_would_have_to_be_run_is_refused(template):
    with pytest.raises(ConcurrencyKeyError):
        parse(template)


def test_a_param_that_the_dag_does_not_have_is_refused():
    check("{{ params.tenant }}", {"tenant": "x"})
    with pytest.raises(ConcurrencyKeyError, match="no param 'tennant'"):
        check("{{ params.tennant }}", {"tenant": "x"})


names = st.text("abcde", min_size=1, max_size=3)
texts = st.text(st.characters(blacklist_characters="{}\n\r", blacklist_categories=("Cs",)), max_size=6)


@given(
    st.dictionaries(names, st.one_of(texts, st.integers(0, 9))), st.lists(st.tuples(texts, names), max_size=4), texts
)
def test_a_key_is_what_jinja_makes_of_its_template(conf, pieces, end):
    template = "".join(f"{text}{{{{ dag_run.conf.{name} }}}}" for text, name in pieces) + end
    assert render(template, context(**conf)) == jinja2.Template(template).render({"dag_run": {"conf": conf}})


@given(st.text(min_size=0, max_size=600), st.text(min_size=0, max_size=600))
def test_long_keys_fit_the_column_and_stay_apart(one, other):
    keys = [render("{{ dag_run.conf.k }}", context(k=text)) for text in (one, other)]
    assert all(len(key) <= LONGEST for key in keys)
    assert (keys[0] == keys[1]) == (one == other)

"""What sources name: a corpus with known uses."""

from __future__ import annotations

import pytest

from orchestrator.core import uses
from orchestrator.core.uses import CONNECTION, VARIABLE, Use

CORPUS = [
    ('Variable.get("a")', {Use(VARIABLE, "a")}),
    ("from airflow.models import Variable\nx = Variable.get(key='a')", {Use(VARIABLE, "a")}),
    ('sdk.Variable.get("a", deserialize_json=True)', {Use(VARIABLE, "a")}),
    ('Variable.get("a", default=None)', {Use(VARIABLE, "a", "", True)}),
    ('Variable.get("a", "b")', {Use(VARIABLE, "a", "", True)}),
    ('Variable.get("a", default_var=1)', {Use(VARIABLE, "a", "", True)}),
    ('KEY = "a"\nVariable.get(KEY)', {Use(VARIABLE, "a")}),
    ('KEY = "a"\nKEY = "b"\nVariable.get(KEY)', set()),
    ('Variable.get(f"a_{x}")', set()),
    ('environ.get("a"); {}.get("b")', set()),
    ('Connection.get("c")', {Use(CONNECTION, "c")}),
    ('BaseHook.get_connection("c").host', {Use(CONNECTION, "c")}),
    ('self.get_connection(conn_id="c")', {Use(CONNECTION, "c")}),
    ('PostgresHook(postgres_conn_id="c")', {Use(CONNECTION, "c")}),
    ('SQL(task_id="load", conn_id="c")', {Use(CONNECTION, "c", "load")}),
    ('SQL(task_id="load", sql="select {{ var.value.a }}", hook=H(conn_id="c"))',
     {Use(VARIABLE, "a", "load"), Use(CONNECTION, "c", "load")}),
    ('def load(http_conn_id="c", *, other_conn_id="d"): ...', {Use(CONNECTION, "c"), Use(CONNECTION, "d")}),
    ('@task\ndef load():\n    Variable.get("a")', {Use(VARIABLE, "a", "load")}),
    ('@task(task_id="other")\ndef load():\n    Variable.get("a")', {Use(VARIABLE, "a", "other")}),
    ('@task.branch\nasync def load():\n    Connection.get("c")', {Use(CONNECTION, "c", "load")}),
    ('B(bash_command="{{ var.json.a.b }} {{ conn.c.host }} {{ conn.get(\'d\').login }}")',
     {Use(VARIABLE, "a"), Use(CONNECTION, "c"), Use(CONNECTION, "d")}),
    ('B(bash_command="{{ var.value.get(\'a\', \'x\') }}{{ var.value[\'b-c\'] }}")',
     {Use(VARIABLE, "a", "", True), Use(VARIABLE, "b-c")}),
    ('"{% if var.value.a %}x{% endif %}"', {Use(VARIABLE, "a")}),
    ('"var.value.a conn.b"', set()),
    ("def broken(:\n    '{{ var.value.a }}'", {Use(VARIABLE, "a")}),
    ("", set()),
    ("(" * 5000, set()),
]  # fmt: skip


@pytest.mark.parametrize(("source", "found"), CORPUS)
def test_the_corpus_is_read_as_it_is_known(source: str, found: set[Use]):
    assert uses.of_source(source) == found


def test_a_file_that_names_without_end_is_left_after_so_many():
    text = "\n".join(f"Variable.get('v{number}')" for number in range(3 * uses.MOST))
    assert len(uses.of_source(text)) == uses.MOST

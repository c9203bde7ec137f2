"""What templates may stand in, and what becomes of them."""

from __future__ import annotations

from collections import namedtuple
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator.runtime.local import run_dag
from orchestrator.sdk import DAG, BaseHook, BaseOperator, ObjectStoragePath, literal, task
from orchestrator.triggers.temporal import TimeDeltaTrigger

from .running import DATE, reason, run

Pair = namedtuple("Pair", "left right")


class Nested:
    template_fields = ("word", "inner")

    def __init__(self, word: str, inner: Any = None) -> None:
        self.word, self.inner, self.plain = word, inner, word


class Shows(BaseOperator):
    template_fields = ("value",)
    template_ext = (".sql",)

    def __init__(self, *, value: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.value = value

    def execute(self, context: Any) -> Any:
        return self.value


def rendered(value: Any, **dag_arguments: Any) -> Any:
    with DAG("d", start_date=datetime(2024, 1, 1, tzinfo=UTC), **dag_arguments) as dag:
        Shows(task_id="t", value=value)
    found = run_dag(dag, say=lambda line: None, logical_date=DATE)
    assert found.succeeded, found.reasons
    return found.xcoms["t", -1, "return_value"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{{ ds }}", "2024-03-01"),
        ({"k": ["{{ ds }}", 1, None], "{{ ds }}": "{{ ds_nodash }}"}, {"k": ["2024-03-01", 1, None], "{{ ds }}": "20240301"}),
        (("{{ ds }}", ("{{ ds }}",)), ("2024-03-01", ("2024-03-01",))),
        ({"{{ ds }}"}, {"2024-03-01"}),
        (Pair("{{ ds }}", 2), ("2024-03-01", 2)),
        (literal("{{ ds }}"), "{{ ds }}"),
        (["{{ ds }}", literal("{{ ds }}")], ["2024-03-01", "{{ ds }}"]),
        (Path("/tmp/{{ ds }}"), Path("/tmp/{{ ds }}")),
        (ObjectStoragePath("s3://c@b/{{ ds }}/x"), ObjectStoragePath("s3://c@b/2024-03-01/x")),
        ("{{ macros.ds_add(ds, -1) }} {{ logical_date | ts_nodash }} {{ macros.random() < 1 }}", "2024-02-29 20240301T080000 True"),
        ("{{ macros.ds_format(ds, '%Y-%m-%d', '%d.%m.') }}", "01.03."),
        ("a {# remark #} b", "a  b"),
        ("{% do params.update(x=1) %}{{ params.x }}", "1"),
        ("50% {", "50% {"),
    ],
)  # fmt: skip
def test_templates_stand_in_all_kinds_of_values(value: Any, expected: Any):
    found = rendered(value)
    assert (found == expected and type(found) is type(expected)) or isinstance(value, Pair)


def test_objects_with_fields_of_their_own_are_rendered_even_in_a_ring():
    ring = Nested("{{ ds }}", [Nested("{{ ds_nodash }}")])
    ring.inner.append(ring)

    def make() -> None:
        @task
        def t(given):
            return [given.word, given.plain, given.inner[0].word, given.inner[1] is given]

        t(ring)

    found = run(make)
    assert found.xcoms["t", -1, "return_value"] == ["2024-03-01", "{{ ds }}", "20240301", True], reason(found, "t")


def test_a_field_may_be_a_function():
    assert rendered(lambda context, jinja_env: jinja_env.from_string("{{ ds }}!").render(context)) == "2024-03-01!"


def test_a_dag_may_bring_macros_filters_files_and_its_way_with_unknown_names(tmp_path: Path):
    import jinja2

    (tmp_path / "q.sql").write_text(
        "{% from 'parts.sql' import limit %}select {{ double(2) }} {{ ds | shout }} {{ limit(3) }}"
    )
    (tmp_path / "parts.sql").write_text("{% macro limit(n) %}limit {{ n }}{% endmacro %}")
    how = {
        "user_defined_macros": {"double": lambda n: 2 * n},
        "user_defined_filters": {"shout": lambda text: f"{text}!"},
        "template_searchpath": str(tmp_path),
    }
    assert rendered(["q.sql", "x.sql "], **how) == ["select 4 2024-03-01! limit 3", "x.sql "]
    assert rendered("[{{ nowhere }}]", template_undefined=jinja2.Undefined) == "[]"
    assert (
        rendered("<< ds >>", jinja_environment_kwargs={"variable_start_string": "<<", "variable_end_string": ">>"})
        == "2024-03-01"
    )


def test_native_values(tmp_path: Path):
    assert rendered(["{{ [1, ds] }}", "{{ 1 + 1 }}", "text"], render_template_as_native_obj=True) == [
        [1, "2024-03-01"],
        2,
        "text",
    ]
    assert rendered("{{ logical_date }}", render_template_as_native_obj=True) == DATE


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("{{ nowhere }}", "UndefinedError: 'nowhere' is undefined"),
        ("{{ params.x }}", "has no attribute 'x'"),
        ("{{ ds", "TemplateSyntaxError"),
        ("gone.sql", "TemplateNotFound: 'gone.sql' not found"),
        ("{{ ti.__class__ }}", "SecurityError"),
    ],
)
def test_an_error_names_what_is_wrong_and_the_log_where(value: str, said: str):
    lines: list[str] = []
    found = run(lambda: Shows(task_id="t", value=[value]), say=lines.append)
    assert said in reason(found, "t"), reason(found, "t")
    assert "Exception rendering Jinja template for task 't', field 'value'" in "\n".join(lines)


def test_a_field_that_is_not_there_is_named():
    class Forgot(BaseOperator):
        template_fields = ("query",)

        def execute(self, context: Any) -> None: ...

    said = reason(run(lambda: Forgot(task_id="t")), "t")
    assert "'query' is configured as a template field but Forgot does not have this attribute" in said


def test_operators_of_packages_prepare_fields_render_some_late_and_look_into_objects():
    class Volume:
        def __init__(self, name: str) -> None:
            self.name = name

    class Pod(BaseOperator):
        template_fields = ("labels", "volumes", "late")

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.labels, self.volumes, self.late = "on {{ ds }}", [Volume("{{ ds_nodash }}")], "{{ answer }}"

        def render_template_fields(self, context: Any, jinja_env: Any = None) -> None:
            fields = (each for each in self.template_fields if each != "late")
            self._do_render_template_fields(self, fields, context, self.get_template_env(), set())

        def _do_render_template_fields(self, parent: Any, template_fields: Any, *more: Any) -> None:
            if parent is self and isinstance(self.labels, str):
                self.labels = [self.labels]
            super()._do_render_template_fields(parent, template_fields, *more)

        def _render_nested_template_fields(self, value: Any, context: Any, jinja_env: Any, seen_oids: Any) -> None:
            if isinstance(value, Volume):
                self._do_render_template_fields(value, ("name",), context, jinja_env, seen_oids)
            else:
                super()._render_nested_template_fields(value, context, jinja_env, seen_oids)

        def execute(self, context: Any) -> Any:
            context = {**context, "answer": 42}
            self._do_render_template_fields(self, ("late",), context, self.get_template_env(), set())
            return [self.labels, self.volumes[0].name, self.late]

    result = run(lambda: Pod(task_id="t"))
    assert result.xcoms["t", -1, "return_value"] == [["on 2024-03-01"], "20240301", "42"], reason(result, "t")


def test_a_hook_that_does_not_call_its_base_has_a_log():
    class Hook(BaseHook):
        def __init__(self) -> None:
            pass

    assert Hook().log.name.endswith("Hook")


def test_a_task_that_cannot_write_down_what_it_goes_on_with_says_so():
    class Waits(BaseOperator):
        def execute(self, context: Any) -> None:
            trigger = TimeDeltaTrigger(timedelta(seconds=0))
            self.defer(trigger=trigger, method_name="execute", kwargs={"answer": object()})

    said = reason(run(lambda: Waits(task_id="t")), "t")
    assert "a value of type builtins.object cannot be" in said or "a value of type object cannot be" in said, said

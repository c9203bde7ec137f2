"""The reference page of what templates and tasks are given: the context, macros and filters."""

from __future__ import annotations

import inspect

from orchestrator.runtime import context, macros
from orchestrator.sdk.templating import FILTERS

MEANING = {
    "dag": "the DAG, `dag.dag_id`, `dag.params` ...",
    "task": "the operator; `task.task_id`, `task.owner` ...",
    "ti": "the task instance: `ti.xcom_pull(...)`, `ti.xcom_push(...)`, `ti.try_number`, `ti.map_index`, `ti.map_path` (its position at each level of mapping), `ti.run_id`, `ti.log_url` and `ti.mark_success_url` (pages, for messages) ...",
    "task_instance": "the same as `ti`",
    "task_instance_key_str": "`dag__task__20240301`; the run's id where there is no logical date",
    "dag_run": "the run: `dag_run.conf`, `dag_run.run_type`, `dag_run.start_date`, `dag_run.note` ...",
    "run_id": "the run's id",
    "run_after": "the earliest instant the run may start",
    "task_state_store": "what the task remembers over its tries ([how](../howto/remember-over-tries.md))",
    "asset_state_store": "what is remembered with the task's assets ([how](../howto/remember-over-tries.md))",
    "partition_key": "the partition that the run is for",
    "partition_date": "the time that the partition stands for",
    "params": "the params: the DAG's and the task's own, with the run's conf over them",
    "conf": "Airflow's configuration, as in version 2: `conf.get('core', 'dags_folder')`",
    "var": "variables: `var.value.name`, `var.json.name`, `var.value.get('name', 'default')`",
    "conn": "connections: `conn.my_id.host`, `conn.get('my_id')`",
    "macros": "[below](#macros)",
    "test_mode": "false",
    "try_number": "1 for the first try",
    "map_index_template": "the template of the labels of mapped instances",
    "inlets": "the task's inlets",
    "outlets": "the task's outlets",
    "inlet_events": "events of the inlets: `inlet_events[asset][-1].extra`",
    "outlet_events": "what is noted about the outlets: `outlet_events[asset].extra = {...}`",
    "templates_dict": "what `PythonOperator(templates_dict=)` was given, rendered",
    "task_reschedule_count": "how often a sensor gave its slot back in this try",
    "expanded_ti_count": "how many instances the mapped task has",
    "triggering_asset_events": "the events that the run was made for, by asset",
    "triggering_dataset_events": "the same by URI, as in Airflow 2",
    "prev_start_date_success": "when the last successful run before this one started",
    "prev_end_date_success": "when it ended",
    "logical_date": "the run's date",
    "execution_date": "the same, by its name in Airflow 1 and 2",
    "ds": "the logical date as `2024-03-01`",
    "ds_nodash": "as `20240301`",
    "ts": "as `2024-03-01T08:00:00+00:00`",
    "ts_nodash": "as `20240301T080000`",
    "ts_nodash_with_tz": "as `20240301T080000+0000`",
    "prev_data_interval_start_success": "the interval of the last successful run before this one",
    "prev_data_interval_end_success": "its end",
    "yesterday_ds": "a day before `ds`",
    "yesterday_ds_nodash": "the same without dashes",
    "tomorrow_ds": "a day after `ds`",
    "tomorrow_ds_nodash": "the same without dashes",
    "next_execution_date": "the logical date that follows in the schedule",
    "next_ds": "the same as `2024-03-02`",
    "next_ds_nodash": "the same without dashes",
    "latest_date": "the same as `ds`",
    "end_date": "the same as `ds`, as in Airflow 1",
    "END_DATE": "the same as `ds`, as in Airflow 1",
    "tables": "`params.tables`, as in Airflow 1",
    "prev_execution_date": "the logical date before in the schedule",
    "prev_ds": "the same as `2024-02-29`",
    "prev_ds_nodash": "the same without dashes",
    "prev_execution_date_success": "the logical date of the last successful run before this one",
    "data_interval_start": "start of the run's data interval",
    "data_interval_end": "its end",
}
MACROS = {
    "datetime": "Python's `datetime.datetime`",
    "timedelta": "Python's `datetime.timedelta`",
    "dateutil": "the package",
    "json": "Python's module",
    "random": "a number from 0 up to 1",
    "time": "Python's module",
    "uuid": "Python's module",
    "yaml": "the package",
}
FILTER = {
    "ds": "`2024-03-01`",
    "ds_nodash": "`20240301`",
    "ts": "`2024-03-01T08:00:00+00:00`",
    "ts_nodash": "`20240301T080000`",
    "ts_nodash_with_tz": "`20240301T080000+0000`",
}


def page() -> str:
    from tests.docs.pages import table, text

    later = [name for name in context.WITH_INTERVAL if name not in context.WITH_DATE]
    dated = [name for name in context.WITH_DATE if name not in context.ALWAYS]
    return text(
        "# Context, macros and filters",
        "",
        "What templates see, what `execute(context)` and `get_current_context()` give, and what a function of `@task` gets by",
        "naming a parameter. Worked out when it is first read. This page is made from the code: `make docs`.",
        "",
        *table(("name", ""), ([f"`{name}`", MEANING[name]] for name in context.ALWAYS)),
        "",
        "## With a logical date",
        "",
        "A run that has none lacks these names; a template that uses one fails.",
        "",
        *table(("name", ""), ([f"`{name}`", MEANING[name]] for name in dated)),
        "",
        "With a data interval, too:",
        "",
        *table(("name", ""), ([f"`{name}`", MEANING[name]] for name in later)),
        "",
        "## Macros",
        "",
        "`{{ macros.ds_add(ds, 5) }}`. A DAG adds its own names by `user_defined_macros`, and filters by `user_defined_filters`.",
        "",
        *table(("name", ""), ([f"`{name}`", _macro(name)] for name in [*macros.__all__, "yaml"])),
        "",
        "## Filters",
        "",
        "Besides [Jinja's own](https://jinja.palletsprojects.com/en/stable/templates/#list-of-builtin-filters). Each takes a time, and",
        "gives None for None.",
        "",
        *table(("`{{ time \\| name }}`", ""), ([f"`{name}`", FILTER[name]] for name in FILTERS)),
        "",
        "## How fields are rendered",
        "",
        "- The template fields of an operator ([which](operators.md)), and the texts inside lists, dicts, tuples, sets, and objects that",
        "  name `template_fields` of their own. A field that is a function is called with `context` and `jinja_env`.",
        "- A text that ends with one of the operator's file endings is read from a file: beside the DAG file, or in the DAG's",
        "  `template_searchpath`. A space at the end keeps it a text, and so does `literal(...)`.",
        "- A name that is not there fails the task (`template_undefined` of the DAG says otherwise).",
        "- With `render_template_as_native_obj` of the DAG or the task values come out as Python objects.",
        "- What was rendered is on the task's page, masked, and cut after `ORCHESTRATOR_RENDERED_MAX_LENGTH` characters.",
    )


def _macro(name: str) -> str:
    if name in MACROS:
        return MACROS[name]
    found = getattr(macros, name)
    return f"`{name}{inspect.signature(found)}`: {(inspect.getdoc(found) or '').replace('``', '`')}"

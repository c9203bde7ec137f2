"""A provider package of nobody, as pip would lay it into a folder."""

from __future__ import annotations

from pathlib import Path

INFO = """
import acme_has_no_such_library

def get_provider_info():
    return {
        "package-name": "apache-airflow-providers-acme",
        "connection-types": [
            {
                "connection-type": "rocket",
                "hook-name": "Rocket",
                "hook-class-name": "airflow.providers.acme.hooks.rocket.RocketHook",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema", "extra"],
                    "relabeling": {"host": "Launch pad"},
                    "placeholders": {"port": "4711", "crew": "3"},
                },
                "conn-fields": {
                    "crew": {"label": "Crew", "schema": {"type": ["integer", "null"]}},
                    "key": {"label": "Ignition key", "schema": {"type": ["string", "null"], "format": "password"}},
                    "fuel": {"label": "Fuel", "schema": {"type": ["string", "null"], "default": "LOX"}},
                    "stages": {"label": "Stages", "schema": {"type": ["array", "null"]}},
                    "manned": {"label": "Manned", "schema": {"type": ["boolean", "null"]}},
                },
            }
        ],
        "task-decorators": [{"name": "launch", "class-name": "airflow.providers.acme.decorators.launch.launch_task"}],
        "config": {"acme": {"options": {"countdown": {"type": "integer", "default": "10"}}}},
    }
"""
HOOK = """
from airflow.providers.common.compat.sdk import BaseHook


class RocketHook(BaseHook):
    conn_name_attr = "rocket_conn_id"

    def __init__(self, rocket_conn_id="rocket_default", stage=1):
        super().__init__()
        self.connection, self.stage = self.get_connection(rocket_conn_id), stage

    def test_connection(self):
        return self.connection.host == "pad39a", f"stage {self.stage} on {self.connection.host}"
"""
DECORATOR = """
from airflow.providers.common.compat.sdk import DecoratedOperator, context_merge, determine_kwargs, task_decorator_factory


class LaunchOperator(DecoratedOperator):
    custom_operator_name = "@task.launch"

    def __init__(self, *, pad="a", **kwargs):
        super().__init__(**kwargs)
        self.pad = pad

    def execute(self, context):
        context_merge(context, self.op_kwargs)
        return self.pad, self.python_callable(*self.op_args, **determine_kwargs(self.python_callable, self.op_args, context))


def launch_task(python_callable=None, multiple_outputs=None, **kwargs):
    return task_decorator_factory(
        python_callable=python_callable, multiple_outputs=multiple_outputs, decorated_operator_class=LaunchOperator, **kwargs
    )
"""


def lay(folder: Path) -> Path:
    """Lay the package into ``folder``, which then is one for ``sys.path``."""
    info = folder / "apache_airflow_providers_acme-1.2.3.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: apache-airflow-providers-acme\nVersion: 1.2.3\nSummary: Rockets\n"
    )
    (info / "entry_points.txt").write_text(
        "[apache_airflow_provider]\nprovider_info = airflow.providers.acme.get_provider_info:get_provider_info\n"
    )
    package = folder / "airflow" / "providers" / "acme"
    for name, text in {
        "__init__.py": "",
        "get_provider_info.py": INFO,
        "hooks/__init__.py": "",
        "hooks/rocket.py": HOOK,
        "decorators/__init__.py": "",
        "decorators/launch.py": DECORATOR,
    }.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    return folder

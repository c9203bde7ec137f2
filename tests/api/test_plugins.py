"""The endpoints of plugins, in Airflow's shapes."""

from __future__ import annotations

from dags_app.models import PluginSource
from tests.support import factories


def test_plugins_and_what_could_not_be_loaded(api):
    PluginSource.objects.create(name="ours", source="a.py", brings={"macros": ["a.f"]}, loaded_at=factories.DAY)
    PluginSource.objects.create(name=None, source="b.py", error="NameError: x", loaded_at=factories.DAY)
    found = api.call("get", "plugins")
    assert found["total_entries"] == 1 and found["plugins"][0]["macros"] == ["a.f"]
    assert found["plugins"][0]["name"] == "ours" and found["plugins"][0]["react_apps"] == []
    assert api.call("get", "plugins/importErrors") == {
        "import_errors": [{"source": "b.py", "error": "NameError: x"}], "total_entries": 1,
    }  # fmt: skip

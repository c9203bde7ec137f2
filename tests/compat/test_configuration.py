"""``airflow.configuration.conf``."""

from __future__ import annotations

import pytest

from orchestrator.compat.configuration import AirflowConfigException, conf


def test_the_environment_wins_over_the_table(monkeypatch: pytest.MonkeyPatch):
    assert conf.getint("core", "parallelism") == 32
    monkeypatch.setenv("AIRFLOW__CORE__PARALLELISM", "7")
    assert conf.getint("core", "parallelism") == 7
    assert conf.getsection("core")["parallelism"] == "7"


def test_what_is_not_there_needs_a_fallback():
    assert conf.get("acme", "rocket", fallback="none") == "none"
    assert not conf.has_option("acme", "rocket")
    with pytest.raises(AirflowConfigException, match="acme/rocket"):
        conf.get("acme", "rocket")


@pytest.mark.parametrize(("text", "value"), [("True", True), ("no", False), ("1", True), ("off", False)])
def test_truth_values_are_read_from_words(monkeypatch: pytest.MonkeyPatch, text: str, value: bool):
    monkeypatch.setenv("AIRFLOW__ACME__ON", text)
    assert conf.getboolean("acme", "on") is value


def test_a_value_of_the_wrong_type_names_itself(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AIRFLOW__ACME__SIZE", "large")
    with pytest.raises(AirflowConfigException, match=r"acme/size.*'large' is no whole number"):
        conf.getint("acme", "size")


def test_the_dags_folder_is_the_one_in_use(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DAGS_FOLDER", "/somewhere/dags")
    assert conf.get("core", "dags_folder") == "/somewhere/dags"

"""Where variables and connections come from, and in which order."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.core.management import call_command

from dags_app import lookup, secrets
from dags_app.lookup import Cache, Source
from dags_app.parsing import Answers
from orchestrator.runtime.environment import child_environment
from orchestrator.sdk.connections import Connection
from orchestrator.sdk.exceptions import AirflowException
from orchestrator.sdk.secrets_backend import BaseSecretsBackend, LocalFilesystemBackend
from runs_app.answers import Refused, Scope, answer

pytestmark = pytest.mark.django_db


class Vault(BaseSecretsBackend):
    """Has what it was made with; ``broken`` names raise."""

    asked: list[str] = []

    def __init__(self, **values: str) -> None:
        self.values = values

    def get_variable(self, key: str) -> str | None:
        Vault.asked.append(key)
        if key == "broken":
            raise OSError("no route to vault.internal")
        return self.values.get(key)

    def get_conn_value(self, conn_id: str) -> str | None:
        return self.values.get(conn_id)


@pytest.fixture
def use(monkeypatch):
    def make(path: str = f"{__name__}.Vault", **kwargs: object) -> None:
        Vault.asked.clear()
        monkeypatch.setattr(settings.ORCH, "secrets_backend", path)
        monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps(kwargs))

    return make


def test_the_backend_comes_before_the_environment_and_that_before_the_database(use, monkeypatch):
    use(a="vault")
    for name in ("a", "b", "c"):
        secrets.set_variable(name, "database")
    monkeypatch.setenv("AIRFLOW_VAR_A", "environment")
    monkeypatch.setenv("AIRFLOW_VAR_B", "environment")
    source = Source()
    assert [source.variable(name) for name in ("a", "b", "c", "d")] == ["vault", "environment", "database", None]


def test_a_connection_of_any_source_has_the_same_fields(use, monkeypatch):
    use(a="postgres://me:pw@db:5432/main?sslmode=require")
    monkeypatch.setenv("AIRFLOW_CONN_B", '{"conn_type": "http", "host": "h", "extra": {"token": "t"}}')
    secrets.set_connection("c", {"conn_type": "http", "password": "pw"})
    a, b, c = (Source().connection(name) for name in ("a", "b", "c"))
    assert (a["conn_type"], a["login"], a["password"], a["port"], a["schema"]) == ("postgres", "me", "pw", 5432, "main")
    assert (b["host"], b["extra"], c["password"]) == ("h", '{"token": "t"}', "pw")
    assert a.keys() == b.keys() == c.keys()
    assert Source().connection("d") is None


def test_a_backend_that_fails_lets_the_others_answer_and_is_told_where_none_can(use, caplog):
    use()
    secrets.set_variable("broken", "database")
    assert Source().variable("broken") == "database"
    assert "secrets_backend_failed" in caplog.text and "vault.internal" not in caplog.text
    secrets.delete_variable("broken")
    with pytest.raises(secrets.SecretError, match=r"failed to answer for variable 'broken' \(OSError\)"):
        Source().variable("broken")
    with pytest.raises(Refused, match="failed to answer"):
        answer(Scope("d", 0, "r"), "variable", {"key": "broken"})


@pytest.mark.parametrize(
    ("path", "kwargs", "reason"),
    [
        ("no.such.Backend", "{}", "ModuleNotFoundError"),
        (f"{__name__}.Nothing", "{}", "AttributeError"),
        (f"{__name__}.Vault", "[1]", "must be a JSON object"),
        (f"{__name__}.Vault", "{", "must be a JSON object"),
        ("airflow.secrets.local_filesystem.LocalFilesystemBackend", '{"colour": 1}', "TypeError"),
    ],
)
def test_a_backend_that_cannot_be_used_names_the_setting(monkeypatch, path, kwargs, reason):
    monkeypatch.setattr(settings.ORCH, "secrets_backend", path)
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", kwargs)
    with pytest.raises(secrets.SecretError, match=reason) as found:
        Source().variable("x")
    assert "AIRFLOW__SECRETS__BACKEND" in str(found.value)


@pytest.mark.django_db(transaction=True)
def test_answers_are_kept_while_files_are_parsed_and_never_for_tasks(use, monkeypatch):
    use(a="vault")
    monkeypatch.setattr(lookup.of_parses.cache, "kept", {})
    for _ in range(3):
        assert Answers().answer("variable", {"key": "a"}) == {"value": "vault"}
        assert Answers().answer("variable", {"key": "none"}) is None
    assert sorted(Vault.asked) == ["a", "none"]
    for _ in range(2):
        answer(Scope("d", 0, "r"), "variable", {"key": "a"})
    assert Vault.asked.count("a") == 3


def test_what_is_kept_is_asked_anew_once_its_time_is_over(monkeypatch):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(lookup.time, "monotonic", lambda: clock.now)
    values = iter(range(9))
    cache = Cache(lambda: 10.0)
    get = lambda: cache.get(("variable", "x"), lambda: next(values))  # noqa: E731
    assert (get(), get()) == (0, 0)
    clock.now = 10.0
    assert get() == 1


def test_what_a_task_was_told_by_a_backend_is_masked_in_its_log(use):
    use(db="http://me:hunter-22@h", api_token="t0ken-123")
    scope = Scope("d", 0, "r")
    answer(scope, "connection", {"conn_id": "db"})
    answer(scope, "variable", {"key": "api_token"})
    assert scope.secrets == {"hunter-22", "t0ken-123"}


def test_a_childs_environment_holds_neither_the_secrets_nor_what_opens_them(monkeypatch):
    for name in ("AIRFLOW_CONN_DB", "AIRFLOW_VAR_X", "AIRFLOW__SECRETS__BACKEND_KWARGS", "AIRFLOW__CORE__FERNET_KEY",
                 "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__CORE__PARALLELISM"):  # fmt: skip
        monkeypatch.setenv(name, "canary")
    assert [name for name, value in child_environment().items() if value == "canary"] == ["AIRFLOW__CORE__PARALLELISM"]


def passed_on(monkeypatch, *names: str) -> list[str]:
    """Which of these variables a child sees."""
    for name in names:
        monkeypatch.setenv(name, "canary")
    return sorted(name for name, value in child_environment().items() if value == "canary")


def test_a_childs_environment_says_where_libraries_find_things(monkeypatch):
    names = ("HTTPS_PROXY", "JAVA_HOME", "REQUESTS_CA_BUNDLE", "STORAGE_EMULATOR_HOST", "no_proxy")
    assert passed_on(monkeypatch, *names, "DATABASE_URL", "SOME_TOKEN") == list(names)


def test_a_child_is_who_its_machine_is_elsewhere(monkeypatch):
    names = ("AWS_PROFILE", "AWS_SECRET_ACCESS_KEY", "GOOGLE_APPLICATION_CREDENTIALS", "KUBECONFIG")
    assert passed_on(monkeypatch, *names) == list(names)
    # It may be what opens the backend.
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", "x.Backend")
    assert passed_on(monkeypatch, *names) == []


def test_an_installation_says_what_else_a_child_sees_but_for_what_is_ours(monkeypatch):
    monkeypatch.setenv("ORCHESTRATOR_PASS_ENVIRONMENT", "MLFLOW_*, SITE *URL *KEY* ORCHESTRATOR_*")
    ours = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "FERNET_KEYS", "ORCHESTRATOR_TOKEN", "AIRFLOW__CORE__FERNET_KEY")
    assert passed_on(monkeypatch, "MLFLOW_URI", "SITE", "AWS_PROFILE", "OTHER", *ours) == ["MLFLOW_URI", "SITE"]


def test_the_commands_show_what_a_task_would_get(use, capsys):
    use(a="vault")
    call_command("variables", "get", "a")
    assert capsys.readouterr().out == "vault\n"


# ---- files


def files(tmp_path, variables: str, connections: str, ending: str) -> LocalFilesystemBackend:
    for name, text in (("v", variables), ("c", connections)):
        (tmp_path / f"{name}.{ending}").write_text(text)
    return LocalFilesystemBackend(str(tmp_path / f"v.{ending}"), str(tmp_path / f"c.{ending}"))


URI, FIELDS = "http://me:pw@h", '{"conn_type": "http", "host": "h", "extra_dejson": {"k": 1}}'


def test_json_files(tmp_path):
    made = files(tmp_path, '{"a": "x", "b": {"n": 1}}', f'{{"u": "{URI}", "f": {FIELDS}, "l": ["{URI}"]}}', "json")
    assert (made.get_variable("a"), made.get_variable("b"), made.get_variable("z")) == ("x", '{"n": 1}', None)
    assert made.get_connection("u").password == made.get_connection("l").password == "pw"
    assert made.get_connection("f").extra_dejson == {"k": 1} and made.get_connection("z") is None


def test_env_files(tmp_path):
    made = files(tmp_path, "# all of them\na=x=y\n\n", f"u={URI}\nf={FIELDS}\n", "env")
    assert made.get_variable("a") == "x=y"
    assert (made.get_connection("u").login, made.get_connection("f").host) == ("me", "h")


def test_yaml_files(tmp_path):
    pytest.importorskip("yaml")
    made = files(tmp_path, "a: x\nn: 5\n", f"u: {URI}\nf:\n  conn_type: http\n  host: h\n", "yaml")
    assert (made.get_variable("a"), made.get_variable("n")) == ("x", "5")
    assert made.get_connection("f").host == "h" and isinstance(made.get_connection("u"), Connection)


def test_a_file_that_changes_is_read_again(tmp_path):
    made = files(tmp_path, '{"a": "old"}', "{}", "json")
    assert made.get_variable("a") == "old"
    (tmp_path / "v.json").write_text('{"a": "newer"}')
    assert made.get_variable("a") == "newer"


@pytest.mark.parametrize(
    ("ending", "text", "message"),
    [
        ("json", '{"hunter-22"', "holds no JSON"),
        ("json", '["hunter-22"]', "must hold an object"),
        ("env", "hunter-22", "line 1: a line"),
        ("env", "a=1\na=hunter-22", "line 2: a stands there twice"),
        ("txt", "hunter-22", "ends in .json"),
    ],
)
def test_a_file_that_is_none_is_told_without_what_it_holds(tmp_path, ending, text, message):
    with pytest.raises(AirflowException, match=message) as found:
        files(tmp_path, text, "", ending).get_variable("a")
    assert "hunter" not in str(found.value)

"""Variables and connections at rest."""

from __future__ import annotations

import stat

import pytest
from cryptography.fernet import Fernet

from dags_app import secrets
from dags_app.models import Connection, Pool, Variable

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def home(tmp_path, settings, monkeypatch):
    monkeypatch.delenv("FERNET_KEYS", raising=False)
    settings.ORCH.home, before = tmp_path, settings.ORCH.home
    yield tmp_path
    settings.ORCH.home = before


def test_a_variable_comes_back_as_it_was_written():
    secrets.set_variable("greeting", "grüß dich\n", "how to greet")
    assert secrets.get_variable("greeting") == "grüß dich\n"
    assert Variable.objects.get().description == "how to greet"
    assert secrets.get_variable("other") is None


def test_the_database_holds_no_secret_in_clear():
    secrets.set_variable("v", "canary-1")
    secrets.set_connection("c", {"conn_type": "http", "password": "canary-2", "extra": {"token": "canary-3"}})
    stored = bytes(Variable.objects.get().secret) + bytes(Connection.objects.get().secret)
    assert b"canary" not in stored
    assert "canary" not in repr(Variable.objects.get()) + repr(Connection.objects.values().get())


def test_writing_a_value_again_keeps_its_description():
    secrets.set_variable("v", "1", "why")
    secrets.set_variable("v", "2")
    assert secrets.get_variable("v") == "2" and Variable.objects.get().description == "why"


def test_a_connection_keeps_what_is_not_named():
    secrets.set_connection("c", {"conn_type": "postgres", "password": "p", "extra": "{}", "port": "5432"})
    secrets.set_connection("c", {"host": "db"})
    found = secrets.get_connection("c")
    assert (found["host"], found["password"], found["port"], found["extra"]) == ("db", "p", 5432, "{}")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"host": "h"}, "needs a conn_type"),
        ({"conn_type": "x", "port": "http"}, "port must be a number"),
        ({"conn_type": "x", "colour": "red"}, "has no field 'colour'"),
    ],
)
def test_a_connection_that_cannot_be_used_is_refused(values, message):
    with pytest.raises(secrets.SecretError, match=message):
        secrets.set_connection("c", values)
    assert not Connection.objects.exists()


def test_the_key_is_made_once_and_nobody_else_may_read_it(home):
    secrets.set_variable("v", "1")
    file = home / "keys" / "fernet_keys"
    text = file.read_text()
    secrets.set_variable("w", "2")
    assert file.read_text() == text
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_missing_key_is_named_and_the_value_is_not_told(home):
    secrets.set_variable("v", "canary")
    (home / "keys" / "fernet_keys").unlink()
    with pytest.raises(
        secrets.SecretError, match=r"variable 'v' cannot be decrypted.*fernet_keys lacks the key"
    ) as caught:
        secrets.get_variable("v")
    assert "canary" not in str(caught.value)


def test_a_lost_key_is_mended_by_setting_the_secrets_again(home):
    secrets.set_connection("c", {"conn_type": "http", "password": "old"})
    (home / "keys" / "fernet_keys").unlink()
    secrets.set_connection("c", {"password": "new", "extra": None})
    assert secrets.get_connection("c")["password"] == "new"


def test_a_key_that_is_none_is_refused_with_its_source(monkeypatch):
    monkeypatch.setenv("FERNET_KEYS", "not-a-key")
    with pytest.raises(secrets.SecretError, match="FERNET_KEYS holds something that is no Fernet key"):
        secrets.set_variable("v", "1")


def test_rotation_ends_the_need_for_the_old_key(home):
    secrets.set_variable("v", "1")
    secrets.set_connection("c", {"conn_type": "http", "password": "p"})
    secrets.set_connection("bare", {"conn_type": "http"})
    secrets.add_key()
    assert secrets.get_variable("v") == "1"
    assert secrets.rotate() == 2
    assert secrets.rotate() == 0
    file = home / "keys" / "fernet_keys"
    file.write_text(file.read_text().splitlines()[0])
    assert secrets.get_variable("v") == "1" and secrets.get_connection("c")["password"] == "p"


def test_a_rotation_that_was_stopped_goes_on_where_it_was(home):
    for number in range(3):
        secrets.set_variable(f"v{number}", str(number))
    secrets.add_key()
    broken = Fernet(Fernet.generate_key()).encrypt(b"x")
    good = bytes(Variable.objects.get(pk="v1").secret)
    Variable.objects.filter(pk="v1").update(secret=broken)
    with pytest.raises(secrets.SecretError, match="variable 'v1'"):
        secrets.rotate()
    Variable.objects.filter(pk="v1").update(secret=good)
    assert secrets.rotate() == 2
    assert [secrets.get_variable(f"v{number}") for number in range(3)] == ["0", "1", "2"]


def test_keys_of_the_environment_are_not_changed_by_us(monkeypatch):
    monkeypatch.setenv("FERNET_KEYS", Fernet.generate_key().decode())
    with pytest.raises(secrets.SecretError, match="FERNET_KEYS"):
        secrets.add_key()


def test_what_a_log_must_not_show_of_a_connection():
    found = secrets.sensitive_values(
        {"password": "hush", "extra": '{"token": "t0ken", "region": "eu", "auth": {"secret": {"a": "deep"}}}'}
    )
    assert found == {"hush", "t0ken", "deep"}


def test_the_default_pool_is_there_from_the_start():
    assert Pool.objects.get(pk="default_pool").slots == 128

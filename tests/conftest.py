"""What every test stands on: a home of its own, a Redis, and a database.

``TEST_DATABASE=postgresql`` runs the same tests on a PostgreSQL server from a wheel; SQLite is the default.
"""

from __future__ import annotations

import atexit
import itertools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import django
import hypothesis
import pytest

from tests.support import servers

pytest_plugins = ["pytester"]

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("suite", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("suite")

HOME = Path(tempfile.mkdtemp(prefix="orchestrator-test-"))
os.environ["ORCHESTRATOR_HOME"] = str(HOME / "home")
(HOME / "home" / "static").mkdir(parents=True)  # a server without one warns, and warnings are errors here
os.environ.setdefault("ORCHESTRATOR_PAUSED_AT_CREATION", "true")
for name in ("REDIS_URL", "DAGS_FOLDER", "PORT"):
    os.environ.pop(name, None)
os.environ.pop("DATABASE_URL", None)
atexit.register(servers.remove, HOME)

if os.environ.get("TEST_DATABASE") == "postgresql":
    postgres = servers.Postgres(HOME / "postgres")
    os.environ["DATABASE_URL"] = postgres.start()
    atexit.register(postgres.stop)

# Last: named in pytest's own configuration, settings would be read before all this is set.
os.environ["DJANGO_SETTINGS_MODULE"] = "orchestrator.settings"
django.setup()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Processes that tests are shared out over make their own homes: settings read before that would be of this one's."""
    for name in ("DJANGO_SETTINGS_MODULE", "ORCHESTRATOR_HOME", "DATABASE_URL"):
        os.environ.pop(name, None)


@pytest.fixture(autouse=True)
def as_if_alone() -> None:
    """What the factories make has the same names and dates in every order of tests; counted on, runs are of the future.

    What is kept of runs for some seconds goes: the next test's runs have the same numbers. And the DAGs that it makes are not
    of the file that a test before it has loaded, which may be one for an older Airflow.
    """
    from orchestrator.sdk import era
    from runs_app import forecast
    from tests.support import factories

    factories.numbers = itertools.count(1)
    forecast.forget()
    era.end()


@pytest.fixture(scope="session", autouse=True)
def redis_server() -> Iterator[servers.Redis]:
    """The Redis that the settings point at; it is there for every test, whichever comes first in its process."""
    server = servers.Redis(HOME / "home" / "redis")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """On SQLite a file, not memory: other processes and threads must see the same database."""
    from django.conf import settings

    if "sqlite" in settings.DATABASES["default"]["ENGINE"]:
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = str(HOME / f"test-{worker}.sqlite3")


@pytest.fixture
def process_environment(transactional_db: None, redis_server: servers.Redis) -> dict[str, str]:
    """The environment of a ``manage.py`` process that works on the test's own database and Redis."""
    from urllib.parse import urlsplit

    from django.db import connection

    name = str(connection.settings_dict["NAME"])
    address = os.environ.get("DATABASE_URL")
    url = urlsplit(address)._replace(path=f"/{name}").geturl() if address else f"sqlite:///{name}"
    return {**os.environ, "DATABASE_URL": url, "REDIS_URL": redis_server.url}

"""http operator and sensor; SQL operators, sensors, checks and hooks on PostgreSQL and SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.servers import Postgres

from .web import serving

RATES = {"USD": 1.09, "JPY": 171.2, "CHF": 0.93}


@pytest.fixture(scope="module", autouse=True)
def api(installation: Any) -> Iterator[None]:
    def answer(method: str, path: str, body: bytes) -> Any:
        return {"/health": "ok", "/rates": {"base": "EUR", "rates": RATES}}.get(path)

    with serving(answer) as server:
        installation.connect("rates_api", "http", host="127.0.0.1", port=server.server_port, schema="http")
        yield


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = Postgres(tmp_path_factory.mktemp("postgres"))
    yield server.start()
    server.stop()


def test_rates_land_in_postgresql_and_are_checked(installation: Any, postgres: str):
    parts = urlsplit(postgres)
    host = parse_qs(parts.query)["host"][0]
    installation.connect("warehouse", "postgres", host=host, login=parts.username, schema=parts.path[1:])
    run = installation.finish("rates_into_a_database").assert_success()
    assert run.xcom("store") == 3
    assert run.xcom("largest") == [("JPY",)]
    assert run.xcom("how_many") == [(3,)]


def test_the_same_dag_runs_on_sqlite(installation: Any, tmp_path: Path):
    installation.call("DELETE", "/api/v2/connections/warehouse")
    installation.connect("warehouse", "sqlite", host=str(tmp_path / "rates.sqlite3"))
    run = installation.finish("rates_into_a_database").assert_success()
    assert run.xcom("largest") == [("JPY",)]


def test_a_check_that_fails_fails_its_run(installation: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    installation.call("DELETE", "/api/v2/connections/warehouse")
    installation.connect("warehouse", "sqlite", host=str(tmp_path / "rates.sqlite3"))
    monkeypatch.setitem(RATES, "XXX", -1)
    run = installation.finish("rates_into_a_database")
    assert run.state == "failed"
    assert run.states["check"] == "failed" and run.states["largest"] == "upstream_failed"

"""What pytest offers to tests of DAGs once this package is installed.

``dags_folder`` in pytest's configuration (or ``DAGS_FOLDER`` in the environment) says where the DAG files are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("dags_folder", "folder of the DAG files under test, relative to the root folder (dags)")


@pytest.fixture(scope="session")
def dags(pytestconfig: pytest.Config) -> dict[str, Any]:
    """The DAGs of ``dags_folder`` by id; fails with every file that cannot be imported."""
    from . import load_dags

    folder = os.environ.get("DAGS_FOLDER") or pytestconfig.getini("dags_folder") or "dags"
    return load_dags(pytestconfig.rootpath / folder)


@pytest.fixture
def dag_variables() -> dict[str, Any]:
    """Variables that the DAGs of this test find; fill it."""
    return {}


@pytest.fixture
def dag_connections() -> dict[str, Any]:
    """Connections that the DAGs of this test find: a URI, a dict of fields or a Connection, by id; fill it."""
    return {}


@pytest.fixture
def dag_clock() -> Iterator[Any]:
    """The clock that sensors, triggers and retries of this test go by; it starts on 2026-01-01 at 00:00 UTC."""
    from orchestrator.sdk import clock

    from . import VirtualClock

    made = VirtualClock("2026-01-01T00:00:00+00:00")
    before = clock.use(made)
    yield made
    clock.use(before)


@pytest.fixture
def dag_stores(dag_variables: dict[str, Any], dag_connections: dict[str, Any]) -> Iterator[None]:
    """Let code that the test calls itself find ``dag_variables`` and ``dag_connections``, too."""
    from orchestrator.sdk import comms

    from .run import provider

    before = comms.use(lambda what, args: provider(dag_variables, dag_connections)(what, args))
    yield
    comms.use(before)


@pytest.fixture
def run_dag(
    request: pytest.FixtureRequest, dag_variables: dict[str, Any], dag_connections: dict[str, Any]
) -> Callable[..., Any]:
    """:func:`orchestrator.testing.run` with this test's variables and connections; takes a DAG, or the id of one of ``dags``."""
    from . import run

    def start(dag: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(dag, str):
            known = request.getfixturevalue("dags")
            if dag not in known:
                raise ValueError(f"{dag!r} is no DAG of the folder: it has {', '.join(sorted(known))}")
            dag = known[dag]
        return run(dag, *args, **{"variables": dag_variables, "connections": dag_connections, **kwargs})

    return start

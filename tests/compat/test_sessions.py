"""Ways to Airflow's database import, as files and packages do to no purpose, and say what to do instead when used."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.compat import sessions
from orchestrator.sdk.exceptions import AirflowException

BESIDE = (
    "from airflow.utils.session import NEW_SESSION, create_session, create_session_async, provide_session\n"
    "from airflow.utils.db import create_session, merge_conn, provide_session\n"
    "from airflow.settings import Session\n"
    "from airflow import settings\n"
)


@pytest.mark.parametrize(
    "call",
    [
        "create_session()",
        "settings.Session()",
        "Session()",
        "merge_conn(None)",
        "create_session_async()",
        "provide_session(find)(1)",
    ],
)
def test_it_imports_and_is_refused_when_it_is_used(call: str):
    def find(number: int, session: Any = sessions.NEW_SESSION) -> Any:
        return number

    space: dict[str, Any] = {"find": find}
    exec(BESIDE, space)
    with pytest.raises(AirflowException, match="no way to the database: use the context"):
        eval(call, space)


@pytest.mark.parametrize("call", [lambda f: f(1, "mine"), lambda f: f(number=1, session="mine")])
def test_a_session_of_the_callers_own_is_passed_on(call: Any):
    @sessions.provide_session
    def find(number: int, session: Any = None) -> Any:
        return number, session

    assert call(find) == (1, "mine")

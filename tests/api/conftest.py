"""Clients of the API for each kind of caller."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from orchestrator.api.auth import issue_token
from tests.support import factories


class ApiClient(Client):
    """Calls the API as one user does, with a bearer token and JSON bodies; the last word is the parsed answer."""

    def __init__(self, token: str | None) -> None:
        headers = {"HTTP_AUTHORIZATION": f"Bearer {token}"} if token else {}
        super().__init__(enforce_csrf_checks=True, raise_request_exception=True, **headers)

    def call(self, method: str, path: str, body: Any = None, status: int = 200, **query: Any) -> Any:
        """Send a request, insist on the status, and return the JSON of the answer."""
        kwargs: dict[str, Any] = {"query_params": query}
        if body is not None:
            kwargs |= {"data": body, "content_type": "application/json"}
        response = getattr(self, method)(path if path.startswith("/") else f"/api/v2/{path}", **kwargs)
        assert response.status_code == status, (response.status_code, response.content[:2000])
        return response.json() if response.content and response["Content-Type"] == "application/json" else None


@pytest.fixture
def as_role(db: None) -> Callable[[str], ApiClient]:
    """Return a client that is signed in as somebody of the role."""
    return lambda role: ApiClient(issue_token(factories.make_user(role)))


@pytest.fixture
def api(as_role: Callable[[str], ApiClient]) -> ApiClient:
    """A client of an admin."""
    return as_role("admin")

"""Who the caller is: what a program that holds a token, and a person behind it, want to know first."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from orchestrator import access
from orchestrator.api.base import ApiView


class WhoamiView(ApiView):
    """GET /api/v2/whoami: the role is the one of the token, where that has less than its owner; "" is none."""

    def get(self, request: Request) -> Response:
        user: Any = request.user
        return Response(
            {
                "username": user.get_username(),
                "full_name": user.get_full_name(),
                "role": access.role_of(user),
                "with_token": request.auth is not None,
            }
        )

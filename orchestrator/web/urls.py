"""Addresses of the pages: Airflow 3's."""

from __future__ import annotations

urlpatterns: list = []

"""Django's settings, read from the environment through :mod:`orchestrator.env`."""

from __future__ import annotations

import os
from pathlib import Path

import dj_database_url

from . import env

BASE_DIR = Path(__file__).resolve().parent.parent
ORCH = env.read()
DEBUG = False
SECRET_KEY = os.environ.get("SECRET_KEY", "") or "set by the infra room"
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", "testserver"]
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_celery_beat",
    "rest_framework",
    "channels",
    "dags_app.apps.DagsConfig",
    "runs_app.apps.RunsConfig",
]
DATABASES = {"default": dj_database_url.parse(os.environ.get("DATABASE_URL") or f"sqlite:///{ORCH.home}/db.sqlite3")}
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
